"""From mentions to incidents: which tellings are one event, and whether it is news."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, field

from services.classify.core.reading.dates import When
from services.classify.core.reading.gazetteer import City
from services.classify.core.reading.gist import Casualties, Gist, GuardHit, Mention, Spans
from services.classify.core.reading.guard_hits import first_of_each
from services.classify.core.reading.guards import GUARDS, Effect, Reach
from services.classify.core.reading.mentions import SUPPLEMENT_REACH, Supplement
from services.classify.core.reading.numbers import Number
from services.classify.core.reading.places import Place
from services.classify.core.reading.site_mentions import SiteMention
from services.classify.core.taxonomy import TAXONOMY
from services.contracts.report import Count, DatePrecision, IncidentType, Outcome, Relation, SiteKind, Standing

NEWS_DAYS = 7
"""An event told within this many days of publication can be news; weekly papers report what is a week old."""


@dataclass(slots=True)
class Incident:
    """One incident as it grows over the mentions of an article; internal to extraction."""

    mentions: list[Mention]
    type: IncidentType
    generic: bool
    site: SiteMention | None
    relation: Relation
    when: When | None
    casualties: Casualties
    rejected: bool
    background: bool
    place: Place | None
    area: Place | None = None
    spans: dict[str, Spans] = field(default_factory=dict)
    quantities: dict[str, Number] = field(default_factory=dict)
    guards: list[GuardHit] = field(default_factory=list)
    outcome: Outcome = Outcome.HIT
    weapon: tuple[str, int, int] | None = None
    last_sentence: int = 0
    standing: Standing = Standing.NEW
    conflicts: list[str] = field(default_factory=list)
    unspecific: str | None = None
    harm_added: bool = False
    """Whether a sentence of its own tells who was hurt."""


def group(gist: Gist, told: Iterable[Mention | Supplement], article_site: SiteMention | None) -> list[Incident]:
    """The incidents of an article, in the order they are first told."""
    incidents: list[Incident] = []
    current: Incident | None = None
    for item in told:
        if isinstance(item, Supplement):
            if current and not current.rejected:
                _supplement(current, item)
            continue
        match = _match(gist, incidents, item, current)
        if match is None:
            match = _opened(gist, item)
            incidents.append(match)
        else:
            _absorb(match, item)
        if not match.rejected:
            current = match
    kept = [incident for incident in incidents if not _is_idle(incident)]
    _heed_lead(gist, kept)
    for incident in kept:
        _set_known(incident)
        if incident.when is None and not incident.background and not incident.rejected:
            _take_day_before(gist, incident)
    return kept


def _set_known(incident: Incident) -> None:
    """An event that no telling of the article makes news of (`grounds.py`) is background."""
    known = [mention.known for mention in incident.mentions if mention.known is not None]
    if incident.harm_added:
        return
    if known and len(known) == len(incident.mentions) and not incident.background and not incident.rejected:
        incident.background = True
        incident.guards = first_of_each((*incident.guards, known[0]))


def _heed_lead(gist: Gist, incidents: list[Incident]) -> None:
    """ "Fire near an embassy", and then "a short circuit set ... on fire": the lead says what its headline means."""
    lead = next((sentence.index for sentence in gist.sentences if not sentence.title), -1)
    for headline in incidents:
        if headline.rejected or headline.background:
            continue
        below = [mention for mention in headline.mentions if not mention.sentence.title]
        if below and len(below) < len(headline.mentions) and below[0].sentence.index == lead:
            guards = [[guard for guard in mention.guards if guard.name == "aftermath"] for mention in below]
            if all(guards):
                headline.background = True
                headline.guards = first_of_each((*headline.guards, *guards[0]))
        if below:
            continue
        told = (other for other in incidents if other.mentions[0].sentence.index == lead)
        spoken = next((other for other in told if _is_heeded(headline, other)), None)
        if spoken is not None:
            headline.rejected, headline.background = spoken.rejected, spoken.background
            headline.guards = first_of_each((*headline.guards, *spoken.guards))


_HEEDED = frozenset(
    ("accident", "aftermath", "anniversary", "denial", "diplomacy", "drill", "expulsion", "history", "metaphor")
)
"""Guards of a lead that say what kind of event its headline names, not only what is feared or advised."""


def _is_heeded(headline: Incident, lead: Incident) -> bool:
    """Whether a lead tells what a headline names, under a guard."""
    if not (lead.rejected or lead.background) or not any(guard.name in _HEEDED for guard in lead.guards):
        return False
    return TAXONOMY[headline.type].family == TAXONOMY[lead.type].family and not _sites_differ(headline.site, lead.site)


_DAY_REACH = 2
"""Sentences before an undated telling whose day is taken for its own."""


def _take_day_before(gist: Gist, incident: Incident) -> None:
    """ "Today ... . Elsewhere a bomb exploded": news goes on about the day it told last."""
    first = incident.mentions[0].sentence.index
    for sentence in reversed(gist.sentences[max(0, first - _DAY_REACH) : first + 1]):
        days = [when for when in gist.dates_in(sentence) if when.precision is DatePrecision.DAY and not when.future]
        days = [when for when in days if when.start >= gist.dateline_end]
        if not days:
            continue
        if len({when.date for when in days}) == 1 and not _is_old(gist, days[0]):
            incident.when = days[0]._replace(soft=True)
            incident.spans["date"] = ((days[0].start, days[0].end),)
        return


def _is_idle(incident: Incident) -> bool:
    """Violence in general that no specific telling joined."""
    return all(mention.series for mention in incident.mentions)


DENIAL = "denial"


def _is_rejected(mention: Mention) -> bool:
    """A denial at a diplomatic site is kept, as background: it may take back what others told."""
    kept = DENIAL if mention.site is not None and mention.relation is not Relation.NONE else None
    return any(GUARDS[guard.name].effect is Effect.REJECT for guard in mention.guards if guard.name != kept)


_WEIGHED = frozenset({"commentary", "hypothetical", "series", "prevention"})
"""Guards that only count points (`specificity.py`) where no diplomatic site is concerned: a comment on the murder of a
judge tells of a murder."""


def is_rejected_elsewhere(incident: Incident) -> bool:
    """Whether a guard rejects an incident that concerns no diplomatic site."""
    return any(GUARDS[guard.name].effect is Effect.REJECT and guard.name not in _WEIGHED for guard in incident.guards)


def _is_past(gist: Gist, mention: Mention) -> bool:
    if mention.background or any(
        GUARDS[guard.name].effect is Effect.BACKGROUND or guard.name == DENIAL for guard in mention.guards
    ):
        return True
    return _is_old(gist, mention.when)


def _only_refers(gist: Gist, mention: Mention) -> bool:
    """ "Those who staged the attack": nothing but a reference makes it past, so it may be to what was just told."""
    if not any(_is_reference(guard) for guard in mention.guards):
        return False
    return not _is_past(gist, mention._replace(guards=tuple(g for g in mention.guards if not _is_reference(g))))


def _is_reference(guard: GuardHit) -> bool:
    return GUARDS[guard.name].reach is Reach.EVENT


def _is_known(incident: Incident) -> bool:
    """Whether the title or the first sentence only refers to an incident: what follows tells it again."""
    first = incident.mentions[0]
    return (first.sentence.title or first.sentence.index == 0) and any(_is_reference(guard) for guard in first.guards)


def _has_own_day(gist: Gist, mention: Mention) -> bool:
    """Whether a date stands in the very clause of what is told, and not only beside it."""
    if mention.when is None or mention.when.soft:
        return False
    start, end = gist.clause_at(mention.sentence, mention.trigger[0])
    return start <= mention.when.start < end


def _is_old(gist: Gist, when: When | None) -> bool:
    if when is None or when.date is None or gist.published is None:
        return False
    if when.precision is DatePrecision.DAY:
        return (gist.published - when.date).days > NEWS_DAYS
    if when.precision is DatePrecision.MONTH:
        last = dt.date(when.date.year + when.date.month // 12, when.date.month % 12 + 1, 1)
        return last <= gist.published - dt.timedelta(days=NEWS_DAYS)
    return when.precision is DatePrecision.YEAR and when.date.year < gist.published.year


def _opened(gist: Gist, mention: Mention) -> Incident:
    return Incident(
        mentions=[mention],
        type=mention.type,
        generic=mention.generic,
        site=mention.site,
        relation=mention.relation,
        when=mention.when,
        casualties=mention.casualties,
        rejected=_is_rejected(mention),
        background=_is_past(gist, mention),
        place=mention.place,
        area=mention.area,
        spans=dict(mention.spans),
        quantities=dict(mention.quantities),
        guards=list(mention.guards),
        outcome=mention.outcome,
        weapon=mention.weapon,
        last_sentence=mention.sentence.index,
        conflicts=[mention.conflict] if mention.conflict else [],
    )


def _match(gist: Gist, incidents: list[Incident], mention: Mention, current: Incident | None) -> Incident | None:
    """The incident that a mention tells more of: the current one first, then the newest told."""
    order = ([current] if current else []) + [incident for incident in reversed(incidents) if incident is not current]
    only_past = all(incident.background or incident.rejected for incident in incidents)
    for incident in order:
        if _compatible(gist, incident, mention, current.mentions[-1] if current else None, only_past):
            return incident
    return None


def _is_bare(mention: Mention) -> bool:
    """ "The attack ...", "these attacks ...": refers back to whatever was told last."""
    return mention.generic and mention.site is None and mention.when is None and mention.place is None


def _goes_on(mention: Mention) -> bool:
    """Whether a mention names neither time nor place nor site of its own: it goes on with what was told."""
    return mention.when is None and mention.place is None and (mention.site is None or mention.site.referring)


def _compatible(gist: Gist, incident: Incident, mention: Mention, newest: Mention | None, only_past: bool) -> bool:
    if incident.rejected != _is_rejected(mention):
        return False
    past = _is_past(gist, mention)
    at_site = incident.relation is not Relation.NONE
    if past and at_site and not incident.background and _only_refers(gist, mention):
        past = False  # an attack elsewhere is not the one on the embassy that it answers
    known = incident.background and _is_known(incident) and not _has_own_day(gist, mention)
    past = past or known
    retold = _goes_on(mention) or (mention.when is None and _is_retold(incident, mention))
    if incident.background and not past and incident.mentions[-1] is newest and only_past and retold:
        return True
    if past != incident.background and not (not past and _is_bare(mention) and incident.mentions[-1] is newest):
        return False
    if _dates_differ(incident.when, mention.when):
        return False
    if _are_victims(incident, mention) or _are_in_convoy(incident, mention):
        return True
    if not _same_kind(incident, mention) and not _is_retold(incident, mention):
        return False
    if "posture" in (TAXONOMY[incident.type].family, TAXONOMY[mention.type].family) and _same_mission(
        incident.site, mention.site
    ):
        return True
    if _sites_differ(incident.site, mention.site) and not _is_next_door(incident, mention):
        return False
    if _places_differ(incident, mention):
        return False
    if _offices_differ(incident, mention):
        return False
    if incident.background and not known and (incident.when is None) != (mention.when is None):
        return mention.sentence.index - incident.last_sentence <= 1 and mention.when is None
    if mention.site is not None and mention.site.named and incident.site is None:
        return mention.sentence.index - incident.last_sentence <= 1
    return True


def _dates_differ(first: When | None, second: When | None) -> bool:
    if first is None or second is None or first.date is None or second.date is None or first.soft or second.soft:
        return False
    if first.precision is DatePrecision.DAY and second.precision is DatePrecision.DAY:
        return abs((first.date - second.date).days) > 1
    if DatePrecision.YEAR in (first.precision, second.precision):
        return first.date.year != second.date.year
    return (first.date.year, first.date.month) != (second.date.year, second.date.month)


def _same_kind(incident: Incident, mention: Mention) -> bool:
    first, second = TAXONOMY[incident.type].family, TAXONOMY[mention.type].family
    if "posture" in (first, second) and first != second:
        # Closed, evacuated because of it; an older closure stands by itself.
        near = mention.sentence.index - incident.last_sentence <= _NEAR_SENTENCES
        return near and not incident.background and _same_mission(incident.site, mention.site)
    if _is_onlooking(incident, mention):
        return False
    if first == second or incident.generic or mention.generic:
        return True
    return {first, second} in _MIXED and mention.sentence.index - incident.last_sentence <= 1


_MIXED = (
    {"explosive", "armed"}, {"armed", "kidnap"}, {"crowd", "armed"}, {"crowd", "explosive"}, {"crowd", "kidnap"},
    {"threat", "cbrn"},
)  # fmt: skip
"""Families that one incident may show: "stormed the embassy and took hostages"."""


def _is_onlooking(incident: Incident, mention: Mention) -> bool:
    """ "A demonstrator was shot. Outside the embassy in Berlin people held a vigil": the second has its own place."""
    return (
        incident.site is None
        and mention.type is IncidentType.PEACEFUL_PROTEST_BLOCKADE
        and incident.type is not mention.type
        and mention.site is not None
        and mention.site.named
    )


def _is_retold(incident: Incident, mention: Mention) -> bool:
    """Whether the next sentence tells the same site's attack by other means: "stormed", then "took hostages"."""
    first, second = incident.site, mention.site
    if first is None or second is None or first.sender is None or first.sender != second.sender:
        return False
    if incident.when is not None and mention.when is not None and incident.when.date != mention.when.date:
        return False
    return first.kind is second.kind and mention.sentence.index - incident.last_sentence <= 1


_MOVING = frozenset({SiteKind.CONVOY, SiteKind.STAFF})
_LESS_EXACT = _MOVING | {SiteKind.DIPLOMATIC_QUARTER}
"""Kinds that give way to a building: "in the Green Zone" first, and then "hit the embassy"."""
_NEAR_SENTENCES = 2
_APART = frozenset({"kidnap", "posture", "threat"})


def _are_victims(incident: Incident, mention: Mention) -> bool:
    """Whether one tells an attack on a building and the other, close by, the people or cars hit there.

    They are the mission's own, or anybody whose hurt is told with no date, place or deed of its own.
    """
    first, second = incident.site, mention.site
    if first is None or second is None or (first.kind in _MOVING) == (second.kind in _MOVING):
        return False
    if mention.sentence.index - incident.last_sentence > _NEAR_SENTENCES:
        return False
    families = {TAXONOMY[incident.type].family, TAXONOMY[mention.type].family}
    if len(families) > 1 and families & _APART and families != {"crowd", "kidnap"}:
        return False
    if (first.host and second.host and first.host != second.host) or (
        first.city and second.city and first.city.name != second.city.name
    ):
        return False
    if first.sender and second.sender and first.sender != second.sender:
        return second.kind in _MOVING and mention.when is None and mention.place is None and not mention.strong
    return True


def _are_in_convoy(incident: Incident, mention: Mention) -> bool:
    """Whether one tells of an envoy and the very next sentence of the convoy he was hit in, whosever it is."""
    first, second = incident.site, mention.site
    if first is None or second is None or {first.kind, second.kind} != _MOVING:
        return False
    near = mention.sentence.index - incident.last_sentence <= 1
    return near and not (first.host and second.host and first.host != second.host)


def _sites_differ(first: SiteMention | None, second: SiteMention | None) -> bool:
    if first is None or second is None:
        return False
    if first.sender and second.sender and first.sender != second.sender:
        return True
    if first.host and second.host and first.host != second.host:
        return True
    if first.city and second.city and not _is_one_town(first.city, second.city):
        return True
    if first.kind and second.kind and (first.kind in _MOVING) != (second.kind in _MOVING):
        return not (second.kind in _MOVING and not second.named)
    return False


def _offices_differ(incident: Incident, mention: Mention) -> bool:
    """An embassy's consular section is often called a consulate: in one city, told with no other place."""
    first, second = incident.site, mention.site
    if first is None or second is None or {first.kind, second.kind} != {SiteKind.EMBASSY, SiteKind.CONSULATE}:
        return False
    if first.referring or second.referring or not (first.host or first.city) or not (second.host or second.city):
        return False  # a headline's "embassy" is any mission: only where both are placed are they two
    return first.city is None or second.city is None or mention.place is not None


_TOWN_DEGREES = 0.3


def _is_one_town(first: City, second: City) -> bool:
    """Delhi and New Delhi, a capital and its suburb."""
    return first.name == second.name or (
        first.state == second.state
        and abs(first.lat - second.lat) < _TOWN_DEGREES
        and abs(first.lon - second.lon) < _TOWN_DEGREES
    )


def _is_next_door(incident: Incident, mention: Mention) -> bool:
    """ "The consulate was hit. Missiles destroyed the annexe of the embassy": one mission in one city, told on."""
    first, second = incident.site, mention.site
    if first is None or second is None or {first.kind, second.kind} != {SiteKind.EMBASSY, SiteKind.CONSULATE}:
        return False
    if mention.sentence.index - incident.last_sentence > 1 or not _same_mission(first, second):
        return False
    told = {city.name for place in (incident.place, mention.place) if place for city in place.cities}
    told |= {site.city.name for site in (first, second) if site.city}
    return len(told) <= 1


def _same_mission(first: SiteMention | None, second: SiteMention | None) -> bool:
    return bool(
        first and second and first.sender and first.host and (first.sender, first.host) == (second.sender, second.host)
    )


def _places_differ(incident: Incident, mention: Mention) -> bool:
    if _same_mission(incident.site, mention.site):
        return False  # arrested in one town for a plot against the embassy in another
    first = incident.place.cities if incident.place else ()
    own_city = mention.site is not None and mention.site.city is not None and not mention.site.referring
    second = mention.place.cities if mention.place and not own_city else ()
    known = {city.name for city in first}
    if incident.site and incident.site.city:
        known.add(incident.site.city.name)
    return bool(known and second and not known & {city.name for city in second})


def _absorb(incident: Incident, mention: Mention) -> None:
    incident.mentions.append(mention)
    incident.last_sentence = mention.sentence.index
    if _is_only_closure(incident, mention):
        pass
    elif (incident.generic and not mention.generic) or (
        incident.generic == mention.generic
        and TAXONOMY[mention.type].rank > TAXONOMY[incident.type].rank
        and not _is_only_killing(incident, mention)
    ):
        incident.type, incident.generic = mention.type, mention.generic
        incident.spans["type"] = mention.spans["type"]
    if mention.site is not None:
        if incident.site is None:
            incident.site, incident.relation = mention.site, mention.relation
        elif incident.site.kind in _LESS_EXACT and _is_building_attack(incident, mention):
            incident.site, incident.relation = _richer(mention.site, incident.site), mention.relation
        elif _is_envoy_of_another(incident.site, mention.site):
            incident.site, incident.relation = mention.site, mention.relation
        else:
            incident.site = _richer(incident.site, mention.site)
            if incident.relation is Relation.NONE:
                incident.relation = mention.relation
    if mention.when is not None and _finer(mention.when, incident.when):
        incident.when = mention.when
        incident.spans["date"] = mention.spans["date"]
    incident.casualties = _more_casualties(incident.casualties, mention.casualties)
    incident.place = _finer_place(incident.place, mention.place)
    incident.area = incident.area or mention.area
    incident.weapon = incident.weapon or mention.weapon
    for name, number in mention.quantities:
        incident.quantities.setdefault(name, number)
    for name, spans in mention.spans.items():
        if name not in ("type", "date"):
            incident.spans[name] = (*incident.spans.get(name, ()), *spans)
    if mention.conflict and mention.conflict not in incident.conflicts:
        incident.conflicts.append(mention.conflict)
    told = [guard for guard in mention.guards if incident.background or not _is_reference(guard)]
    incident.guards = first_of_each((*incident.guards, *told))


def _finer_place(known: Place | None, other: Place | None) -> Place | None:
    """The first place told; a city of its state takes the place of a state."""
    if known is None or other is None:
        return known or other
    if known.kind == "state" and other.kind == "city" and any(city.state in known.states for city in other.cities):
        return other
    return known


def _is_only_closure(incident: Incident, mention: Mention) -> bool:
    """A closure tells what followed an incident, never what the incident was."""
    return mention.type is IncidentType.SECURITY_POSTURE is not incident.type


def _is_envoy_of_another(known: SiteMention, other: SiteMention) -> bool:
    """The envoy says more than the convoy of somebody else that he travelled in."""
    return known.kind is SiteKind.CONVOY and other.kind is SiteKind.STAFF and None is not other.sender != known.sender


def _is_building_attack(incident: Incident, mention: Mention) -> bool:
    """Whether a telling about people goes on to one about the building; a murder stays a murder."""
    assert mention.site is not None
    murdered = incident.type is mention.type is IncidentType.ASSASSINATION_STAFF
    return mention.site.kind is not None and mention.site.kind not in _LESS_EXACT and not murdered


def _is_only_killing(incident: Incident, mention: Mention) -> bool:
    """ "Three attackers were shot dead" makes an attack on an embassy no murder of its staff."""
    return mention.type is IncidentType.ASSASSINATION_STAFF and (
        incident.site is not None and incident.site.kind is not SiteKind.STAFF
    )


def _finer(candidate: When, known: When | None) -> bool:
    if known is None or known.date is None:
        return True
    if candidate.soft or known.soft:
        return known.soft and not candidate.soft and candidate.precision is DatePrecision.DAY
    order = list(DatePrecision)
    return order.index(candidate.precision) < order.index(known.precision)


def _richer(known: SiteMention, other: SiteMention) -> SiteMention:
    """The site with the gaps of the first telling filled from another."""
    kind = known.kind or other.kind
    if {known.kind, other.kind} == {SiteKind.EMBASSY, SiteKind.CONSULATE} and not (known.host or known.city):
        kind = other.kind  # a headline's "embassy" may be any mission
    return known._replace(
        kind=kind,
        sender=known.sender or other.sender,
        senders=known.senders or other.senders,
        host=known.host or other.host,
        city=known.city or (other.city if not known.host or (other.city and other.city.state == known.host) else None),
        area=known.area or other.area,
        spans={**other.spans, **known.spans},
    )


def _more_casualties(known: Casualties, other: Casualties) -> Casualties:
    """Fill the gaps; a told number beats "none", which may speak of some ("no American was hurt") and not of all."""
    spans, soft = dict(known.spans), set(known.soft)
    values = {}
    for name in ("killed", "wounded", "missing", "staff"):
        first, second = getattr(known, name), getattr(other, name)
        if first is not None and second is not None and name in other.more:
            high = None if first.high is None or second.high is None else first.high + second.high
            second = Count(low=first.low + second.low, high=high)
        newer = second is not None and (
            first is None
            or (first.high == 0 and second.low > 0)
            or (first.high is None and second.low > first.low)
            or (name in known.soft and first.high is None and second.low > first.low)
            or (name == "killed" and other.revised)
            or name in other.more
        )
        values[name] = second if newer else first
        if newer:
            soft = soft | {name} if name in other.soft else soft - {name}
            if name in other.spans:
                spans[name] = other.spans[name]
    return Casualties(**values, revised=known.revised or other.revised, soft=frozenset(soft), spans=spans)


def _supplement(incident: Incident, item: Supplement) -> None:
    if item.sentence.index - incident.last_sentence > SUPPLEMENT_REACH:
        return
    adjacent = item.sentence.index - incident.last_sentence == 1
    incident.harm_added |= item.casualties.killed is not None or item.casualties.wounded is not None
    if item.when is not None and adjacent and (incident.when is None or incident.when.soft):
        incident.when = item.when
        incident.spans["date"] = ((item.when.start, item.when.end),)
    incident.casualties = _more_casualties(incident.casualties, item.casualties)
    for name, spans in item.spans.items():
        incident.spans[name] = (*incident.spans.get(name, ()), *spans)
    for name, number in item.quantities:
        incident.quantities.setdefault(name, number)
