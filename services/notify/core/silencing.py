"""Which silence covers an alert, at the moment when it is to be told; what each kept back; how one ends."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Protocol

from pydantic import ValidationError

from services.contracts.alert import Alert
from services.contracts.delivery import DeliveryState
from services.contracts.model import Instant
from services.contracts.report import Site
from services.contracts.silence import Silence
from services.contracts.subscription import Filter
from services.notify.core.filter import against
from services.notify.core.refused import Refused


def silence_for(alert: Alert, silences: Iterable[Silence], now: Instant) -> Silence | None:
    """The silence that ends last among those that match; None when the alert is to be told."""
    matching = [silence for silence in silences if _covers(silence, alert, now)]
    return max(matching, key=lambda silence: (silence.expires_at, silence.silence_id), default=None)


def only_site(site: Site) -> Filter | None:
    """What matches the alerts of this site and no other's; None where too little is known of it to say."""
    if "*" in site.site_key or not (site.kind or site.city):
        return None
    try:
        return Filter(sites=(site.site_key,), exercises=True)
    except ValidationError:  # a part of the key is no such part as a filter may name
        return None


def _covers(silence: Silence, alert: Alert, now: Instant) -> bool:
    during = silence.created_at <= now < silence.expires_at
    return during and not against(silence.matcher, alert)


def matcher(wanted: Filter, *, everything: bool) -> Filter:
    """What a silence covers: drills too. Raises Refused for what names no place, sender or type, unless all alerts are
    meant."""
    asked = (wanted.host_states, wanted.sending_states, wanted.sites, wanted.near, wanted.groups, wanted.types)
    if not everything and not any(asked):
        raise Refused(
            "say what to silence: states, sites, points, groups or types; or that everything is meant", "matcher"
        )
    return wanted.model_copy(update={"exercises": True})


def ended(found: Silence, now: Instant) -> Silence:
    """The silence as it is when it ends now. Raises Refused for one that is over."""
    if found.expires_at <= now:
        raise Refused(f"{found.silence_id} is over since {found.expires_at:%F %T} UTC")
    return found.model_copy(update={"expires_at": now})


class Logged(Protocol):
    """What a log knows of a delivery."""

    @property
    def incident_id(self) -> str: ...
    @property
    def revision(self) -> int: ...
    @property
    def state(self) -> DeliveryState: ...
    @property
    def reason(self) -> str: ...


def kept_back(log: Iterable[Logged]) -> Mapping[str, int]:
    """How many alerts each silence kept back, from whomever; 0 for any other. `deliveries_for` writes its id first."""
    alerts: dict[str, set[tuple[str, int]]] = defaultdict(set)
    for each in log:
        if each.state is DeliveryState.SILENCED:
            alerts[each.reason.partition(":")[0]].add((each.incident_id, each.revision))
    return defaultdict(int, {silence_id: len(kept) for silence_id, kept in alerts.items()})
