"""What people may do with a subscription, for the command and the API alike. Pure: who calls gives the clock, the keys
that secrets are sealed with and the making of new ones."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import Protocol
from urllib.parse import urlsplit

from services.contracts import ids
from services.contracts.ids import SubscriptionId
from services.contracts.subscription import Channel, Filter, Subscription, SubscriptionState
from services.notify.core.channels import CHANNELS
from services.notify.core.channels.email.mailbox import mailto
from services.notify.core.channels.rules import Secret, Transport
from services.notify.core.channels.webhook.signing import ASYMMETRIC, public_key, secret_key
from services.notify.core.refused import Refused


class Seals(Protocol):
    """Encrypts what stands on the topic."""

    def encrypt(self, text: str) -> str: ...
    def decrypt(self, token: str) -> str: ...


NewSecret = Callable[[bool], str]
"""A new secret of ours: a key pair (`v1a`) where it is asked for, else a shared one (`v1`)."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A subscription as somebody asks for it. `hint` is what of the endpoint may be shown; `secret` was given, or else
    one is made where the channel signs, of the kind that `asymmetric` says. No name: the endpoint's host, or
    the mailbox."""

    channel: Channel
    endpoint: str = field(repr=False)
    hint: str
    name: str = ""
    filters: tuple[Filter, ...] = (Filter(),)
    secret: str | None = field(default=None, repr=False)
    asymmetric: bool = False


def check(asked: Asked, *, challenge: bool, require_https: bool) -> None:
    """Raises Refused for an endpoint or a secret that cannot be used, without repeating it: both are passwords."""
    if CHANNELS[asked.channel].transport is Transport.SMTP:
        _check_mailbox(asked.endpoint)
    else:
        _check_endpoint(asked.endpoint, require_https)
    wanted = CHANNELS[asked.channel].secret
    if wanted is not Secret.MADE and (asked.asymmetric or challenge):
        at = "asymmetric" if asked.asymmetric else "challenge"
        raise Refused(f"{asked.channel} is not signed: a key pair and a challenge are for webhooks", at)
    _check_secret(asked, wanted)


def _check_mailbox(address: str) -> None:
    try:
        mailto(address)
    except ValueError as error:
        raise Refused(str(error), "endpoint") from None


def _check_endpoint(url: str, require_https: bool) -> None:
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        parts.port  # noqa: B018 - raises for a port that is none
    except ValueError:
        host = ""
    if not host or any(character.isspace() for character in url):
        raise Refused("that is no URL; give the whole address, as https://host/path", "endpoint")
    if parts.scheme != "https" and (parts.scheme != "http" or require_https or not _is_loopback(host)):
        scheme = parts.scheme or "without scheme"
        raise Refused(f"the endpoint must be https, not {scheme}: alerts are not for all", "endpoint")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _check_secret(asked: Asked, wanted: Secret) -> None:
    if asked.secret is None:
        if wanted is Secret.GIVEN:
            raise Refused(f"{asked.channel} needs its endpoint's token or key", "secret")
        return
    if wanted is Secret.NONE:
        raise Refused(f"{asked.channel} takes no secret", "secret")
    if wanted is Secret.MADE:
        try:
            secret_key(asked.secret)
        except ValueError as error:
            raise Refused(str(error), "secret") from None
    elif not asked.secret or not asked.secret.isascii() or not asked.secret.isprintable():
        raise Refused("a token or key of printable ASCII characters is expected", "secret")


def subscription_id(asked: Asked) -> SubscriptionId:
    """The same endpoint and name are the same subscription."""
    return ids.subscription_id(asked.channel, _endpoint(asked), asked.name)


def _endpoint(asked: Asked) -> str:
    """A mailbox has more than one spelling."""
    return mailto(asked.endpoint) if CHANNELS[asked.channel].transport is Transport.SMTP else asked.endpoint


def subscribed(
    asked: Asked, before: Subscription | None, seals: Seals, new_secret: NewSecret, now: datetime
) -> tuple[Subscription, str | None]:
    """The subscription, and its secret where that is a new one that we made. One that is there already (`before`) is
    changed and keeps its secret, unless one is given: its receiver knows no other. One that was paused or disabled is
    active again, as after `in_state`. Raises Refused."""
    endpoint = _endpoint(asked)
    made = Subscription(
        subscription_id=subscription_id(asked),
        name=asked.name or urlsplit(endpoint).netloc.rpartition("@")[2] or urlsplit(endpoint).path,
        channel=asked.channel,
        endpoint=seals.encrypt(endpoint),
        endpoint_hint=asked.hint,
        filter=asked.filters[0],
        or_filters=asked.filters[1:],
        created_at=now,
    )
    if before is None:
        makes_one = asked.secret is None and CHANNELS[asked.channel].secret is Secret.MADE
        new = new_secret(asked.asymmetric) if makes_one else None
        secret = asked.secret or new
        return made.model_copy(update={"secret": seals.encrypt(secret) if secret else None}), new
    if asked.asymmetric:
        raise Refused(f"{before.key} has a secret already; rotate it to the other kind", "asymmetric")
    kept = {name: getattr(before, name) for name in ("secret", "previous_secret", "previous_until", "created_at")}
    kept["active_since"] = before.active_since if before.state is SubscriptionState.ACTIVE else now
    if asked.secret:
        kept |= {"secret": seals.encrypt(asked.secret), "previous_secret": None, "previous_until": None}
    return made.model_copy(update=kept), None


def in_state(found: Subscription, state: SubscriptionState, now: datetime) -> Subscription:
    """Paused, or active again: then what failed before is forgiven."""
    resumed = {"active_since": now} if state is SubscriptionState.ACTIVE else {}
    return found.model_copy(update={"state": state, "state_reason": "", **resumed})


def rotated(
    found: Subscription, lasts: timedelta, asymmetric: bool | None, seals: Seals, new_secret: NewSecret, now: datetime
) -> tuple[Subscription, str]:
    """The subscription with a new secret of ours, and that secret. For `lasts` the old one signs too; no `asymmetric`:
    the kind that it had. Raises Refused where there is nothing to rotate, or an overlap still runs."""
    if CHANNELS[found.channel].secret is not Secret.MADE or found.secret is None:
        raise Refused(
            f"{found.name} signs with no secret of ours. A token or key is its owner's to change: then subscribe "
            f"{found.channel} again, with the same URL and name, and the new secret"
        )
    if lasts and found.previous_until and now < found.previous_until:
        raise Refused(
            f"the secret before this one is good until {found.previous_until:%F %T} UTC, and the receiver may know no "
            "newer one: wait, or an overlap of 0 ends it now"
        )
    if asymmetric is None:
        asymmetric = seals.decrypt(found.secret).startswith(ASYMMETRIC)
    secret = new_secret(asymmetric)
    overlap = (found.secret, now + lasts) if lasts else (None, None)
    update = {"secret": seals.encrypt(secret), "previous_secret": overlap[0], "previous_until": overlap[1]}
    return found.model_copy(update=update), secret


def told_once(secret: str) -> dict[str, str]:
    """What a receiver has to be told of a secret that was made for it: all of it, or the public half."""
    public = public_key(secret)
    return {"public_key": public} if public else {"secret": secret}
