"""The type of an incident and its outcome, from its triggers, weapons and cues."""

from collections.abc import Sequence

from services.classify.core.reading.gist import Gist
from services.classify.core.reading.scan import Hit
from services.classify.core.reading.site_mentions import SiteMention
from services.classify.core.taxonomy import TAXONOMY, WEAPON_TYPES
from services.contracts.report import IncidentType, Outcome, SiteKind

_NEUTRAL = frozenset({"attack", "explosion", "impact", "killing", "clash", "violence"})


_VIOLENT = frozenset({"attack", "clash"})

_PEOPLE = frozenset({SiteKind.STAFF, SiteKind.CONVOY, SiteKind.RESIDENCE})

_FINER_THAN_BOMBING = (
    IncidentType.ROCKET_MORTAR_MISSILE,
    IncidentType.ARSON_INCENDIARY,
    IncidentType.SUICIDE_ATTACK,
)


def incident_type(
    triggers: Sequence[Hit], weapons: Sequence[Hit], site: SiteMention | None
) -> tuple[IncidentType | None, bool]:
    """The type that triggers and weapons make together, and whether it was only guessed from a plain "attack"."""
    plural = {(hit.start, hit.end) for hit in triggers if hit.value == "violence"}
    if site is None:
        # A word for violence in general may be spelled like one for a single attack; alone it names no incident.
        triggers = [hit for hit in triggers if (hit.start, hit.end) not in plural]
    closures = [hit for hit in triggers if hit.value == IncidentType.SECURITY_POSTURE]
    if closures:
        triggers = [hit for hit in triggers if not any(_swallows(other, hit) for other in closures)]
    if any(hit.value == "explosion" and hit.layer == "events" for hit in triggers):
        # "An explosion and a fire": the fire is what it left.
        triggers = [hit for hit in triggers if hit.layer == "events" or not _is_aftermath(hit)]
    if site is not None and site.kind not in _PEOPLE:
        triggers = [_killing(hit) for hit in triggers]
    named = [IncidentType(hit.value) for hit in triggers if hit.value not in _NEUTRAL]
    generic = {hit.value for hit in triggers if hit.value in _NEUTRAL}
    weapon_types = [WEAPON_TYPES[hit.value] for hit in weapons]
    if set(named) == {IncidentType.STABBING_RAMMING_ASSAULT} and "explosion" in generic:
        named = [IncidentType.BOMBING_IED]  # "a lorry rammed the gate and blew up"
    if generic & _VIOLENT and set(named) == {IncidentType.PEACEFUL_PROTEST_BLOCKADE}:
        return IncidentType.VIOLENT_PROTEST, False  # "protesters attacked"
    if named:
        best = max(named, key=lambda kind: TAXONOMY[kind].rank)
        if best is IncidentType.BOMBING_IED:
            # "threw a petrol bomb", "a grenade exploded": the thing says more than the verb.
            best = next((kind for kind in weapon_types if kind in _FINER_THAN_BOMBING), best)
        return best, False
    if generic:
        if "killing" in generic and site is not None and site.kind is SiteKind.STAFF:
            return IncidentType.ASSASSINATION_STAFF, False  # by whatever weapon
        if weapon_types:
            return max(weapon_types, key=lambda kind: TAXONOMY[kind].rank), False
        if "impact" in generic and len(generic) == 1:
            return None, False
        if "explosion" in generic:
            return IncidentType.BOMBING_IED, True
        return IncidentType.ARMED_ATTACK_SHOOTING, True
    return None, False


def _swallows(longer: Hit, hit: Hit) -> bool:
    """ "A plan to assassinate the envoy" is no assassination."""
    return hit.value != longer.value and longer.start <= hit.start and hit.end <= longer.end


def _killing(hit: Hit) -> Hit:
    """A murder at a building is of whoever was there: policemen at its gate, or the attackers."""
    return hit._replace(value="killing") if hit.value == IncidentType.ASSASSINATION_STAFF else hit


def _is_aftermath(hit: Hit) -> bool:
    return hit.value not in _NEUTRAL and TAXONOMY[IncidentType(hit.value)].family == "crowd"


_OUTCOMES = (
    ("foiled", Outcome.FOILED),
    ("threatened", Outcome.THREATENED),
    ("intercepted", Outcome.INTERCEPTED),
)


def outcome_of(gist: Gist, start: int, end: int) -> tuple[Outcome, tuple[int, int] | None]:
    cues = gist.hits.within("cues", start, end)
    for value, outcome in _OUTCOMES if cues else ():
        hit = next((hit for hit in cues if hit.value == value), None)
        if hit:
            return outcome, (hit.start, hit.end)
    return Outcome.HIT, None
