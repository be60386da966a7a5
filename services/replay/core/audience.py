"""Whom an exercise tells. Of a replay: subscriptions that were named, each made to take exercises. Of a drill: those
that asked for exercises. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from services.contracts.alert import Alert
from services.contracts.model import Instant
from services.contracts.silence import Silence
from services.contracts.subscription import Filter, Subscription, SubscriptionState
from services.notify.core.matching import explained
from services.notify.core.silencing import silence_for


class NoSuchAudience(ValueError):
    """A name that cannot be told; the message says why."""


def audience(subscriptions: Sequence[Subscription], names: Iterable[str]) -> list[Subscription]:
    """The subscriptions of these names or ids, as a replay's notifier is to know them: what they ask for holds, and
    exercises are among it. Raises NoSuchAudience."""
    return [_with_exercises(_one(subscriptions, name)) for name in dict.fromkeys(names)]


def _one(subscriptions: Sequence[Subscription], name: str) -> Subscription:
    found = [each for each in subscriptions if name in (each.subscription_id, each.name)]
    if not found:
        raise NoSuchAudience(f"no subscription {name}: `chancery subscriptions list` shows what there is")
    if len(found) > 1:
        raise NoSuchAudience(f"{len(found)} subscriptions are named {name}: give the id of one")
    if found[0].state is not SubscriptionState.ACTIVE:
        raise NoSuchAudience(f"the subscription {name} is {found[0].state}: it wants nothing, exercises neither")
    return found[0]


def _with_exercises(subscription: Subscription) -> Subscription:
    def asked(each: Filter) -> Filter:
        return each.model_copy(update={"exercises": True})

    return subscription.model_copy(
        update={"filter": asked(subscription.filter), "or_filters": tuple(map(asked, subscription.or_filters))}
    )


@dataclass(frozen=True, slots=True)
class Listener:
    """A subscription before a drill: how many of its alerts it would get, and why, or why not more."""

    subscription_id: str
    name: str
    channel: str
    endpoint: str
    alerts: int
    why: tuple[str, ...]


def listeners(
    alerts: Sequence[Alert], subscriptions: Iterable[Subscription], silences: Sequence[Silence], now: Instant
) -> list[Listener]:
    """Every subscription, by name, as the notifier would decide now."""
    silenced = [silence_for(alert, silences, now) for alert in alerts]
    rows = [explained(alert, subscriptions, lambda _: None) for alert in alerts]
    by_id = {each.subscription_id: each for each in subscriptions}
    found = []
    for of_one in zip(*rows, strict=True):
        wanted = [(row, silence) for row, silence in zip(of_one, silenced, strict=True) if row.told]
        heard = [row for row, silence in wanted if silence is None]
        kept = [f"silenced by {silence.silence_id}: {silence.reason}" for _, silence in wanted if silence is not None]
        why = [reason for row in heard[:1] or of_one for reason in row.reasons] if not kept or heard else []
        subscription = by_id[of_one[0].subscription_id]
        found.append(
            Listener(
                subscription.subscription_id,
                subscription.name,
                subscription.channel,
                subscription.endpoint_hint,
                len(heard),
                tuple(dict.fromkeys((*why, *kept))),
            )
        )
    return found
