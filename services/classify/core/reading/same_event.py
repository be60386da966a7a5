"""Which incident of the article a mention tells more of: kind, site, place and day must not speak against it."""

import datetime as dt

from services.classify.core.reading.dates import When
from services.classify.core.reading.gazetteer import is_one_town
from services.classify.core.reading.gist import Gist, GuardHit, Mention
from services.classify.core.reading.groups import begins_with_his
from services.classify.core.reading.guards import DENIAL, GUARDS, Effect, Reach
from services.classify.core.reading.incident import Incident
from services.classify.core.reading.site_mentions import SiteMention
from services.classify.core.reading.text import Sentence
from services.classify.core.taxonomy import TAXONOMY
from services.contracts.report import DatePrecision, IncidentType, Relation, SiteKind

NEWS_DAYS = 7
"""An event told within this many days of publication can be news; weekly papers report what is a week old."""


def is_rejected(mention: Mention) -> bool:
    """A denial at a diplomatic site is kept, as background: it may take back what others told."""
    kept = DENIAL if mention.site is not None and mention.relation is not Relation.NONE else None
    return any(GUARDS[guard.name].effect is Effect.REJECT for guard in mention.guards if guard.name != kept)


def is_past(gist: Gist, mention: Mention) -> bool:
    if mention.background or any(
        GUARDS[guard.name].effect is Effect.BACKGROUND or guard.name == DENIAL for guard in mention.guards
    ):
        return True
    return is_old(gist, mention.when)


def _only_refers(gist: Gist, mention: Mention) -> bool:
    """ "Those who staged the attack": nothing but a reference makes it past, so it may be to what was just told."""
    if not any(is_reference(guard) for guard in mention.guards):
        return False
    return not is_past(gist, mention._replace(guards=tuple(g for g in mention.guards if not is_reference(g))))


def is_reference(guard: GuardHit) -> bool:
    return GUARDS[guard.name].reach is Reach.EVENT


def _is_known(incident: Incident) -> bool:
    """Whether the title or the first sentence only refers to an incident: what follows tells it again."""
    first = incident.mentions[0]
    return (first.sentence.title or first.sentence.index == 0) and any(is_reference(guard) for guard in first.guards)


def _has_own_day(gist: Gist, mention: Mention) -> bool:
    """Whether a date stands in the very clause of what is told, and not only beside it."""
    if mention.when is None or mention.when.soft:
        return False
    start, end = gist.clause_at(mention.sentence, mention.trigger[0])
    return start <= mention.when.start < end


def is_old(gist: Gist, when: When | None) -> bool:
    if when is None or when.date is None or gist.published is None:
        return False
    if when.precision is DatePrecision.DAY:
        return (gist.published - when.date).days > NEWS_DAYS
    if when.precision is DatePrecision.MONTH:
        last = dt.date(when.date.year + when.date.month // 12, when.date.month % 12 + 1, 1)
        return last <= gist.published - dt.timedelta(days=NEWS_DAYS)
    return when.precision is DatePrecision.YEAR and when.date.year < gist.published.year


def matching(gist: Gist, incidents: list[Incident], mention: Mention, current: Incident | None) -> Incident | None:
    """The incident that a mention tells more of: the current one first, then the newest told."""
    order = ([current] if current else []) + [incident for incident in reversed(incidents) if incident is not current]
    only_past = all(
        incident.background or incident.rejected or all(told.known for told in incident.mentions)
        for incident in incidents
    )
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
    if incident.rejected != is_rejected(mention):
        return False
    if mention.known is not None and mention.site is not None and incident.site is None:
        return False  # "missiles on the town, in revenge for the strike on its embassy": two events
    if _is_another(gist, incident, mention):
        return False
    past = is_past(gist, mention)
    at_site = incident.relation is not Relation.NONE
    if past and (at_site or _is_bare(mention)) and not incident.background and _only_refers(gist, mention):
        past = False  # an attack elsewhere is not the one on the embassy that it answers
    known = incident.background and _is_known(incident) and not _has_own_day(gist, mention)
    past = past or known or _is_denied(gist, incident, mention)
    retold = _goes_on(mention) or (mention.when is None and _is_retold(incident, mention))
    if incident.background and not past and incident.mentions[-1] is newest and only_past and retold:
        return True
    if past != incident.background and not (not past and _is_bare(mention) and incident.mentions[-1] is newest):
        return False
    if _dates_differ(incident.when, mention.when):
        return False
    if _are_victims(incident, mention) or _are_in_convoy(incident, mention) or _is_his(gist, incident, mention):
        return True
    if not _same_kind(incident, mention) and not _is_retold(incident, mention):
        return False
    if "posture" in (TAXONOMY[incident.type].family, TAXONOMY[mention.type].family) and _same_mission(
        incident.site, mention.site
    ):
        return True
    if sites_differ(incident.site, mention.site) and not _is_next_door(incident, mention):
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


def _is_another(gist: Gist, incident: Incident, mention: Mention) -> bool:
    """ "Meanwhile", "in another attack", clashes after a bombing: news passes on to the next event.

    Two tellings of attacks on missions are told apart by their sites.
    """
    if mention.site is not None or _is_the_one(gist, mention):
        return False
    if incident.mentions[-1].sentence.index == mention.sentence.index:
        return False
    if incident.site is None and _is_combat(gist, mention) and not any(_is_combat(gist, m) for m in incident.mentions):
        return True
    named = not mention.generic or incident.site is None
    return named and not _is_bare(mention) and opens_another(gist, mention.sentence, mention.trigger[1])


def _is_combat(gist: Gist, mention: Mention) -> bool:
    return bool(gist.hits.values("events", mention.sentence.start, mention.sentence.end, "clash"))


def _is_the_one(gist: Gist, mention: Mention) -> bool:
    """ "Police sealed off the scene of the bombing": an article and no "of" mean the one told."""
    start, end = mention.trigger
    before = gist.folded.norm[max(0, start - 8) : start].split()[-1:]
    after = gist.folded.norm[end : end + 16].split()[:1]
    definite = gist.lexicon.articles - gist.lexicon.numbers.ones
    return not definite.isdisjoint(before) and (gist.lexicon.of | gist.lexicon.articles).isdisjoint(after)


def opens_another(gist: Gist, sentence: Sentence, end: int) -> bool:
    """Whether words of a sentence up to `end` say that it tells of something else than the one before."""
    words = gist.hits.values("roles", sentence.start, end, "apart")
    return bool(words) and gist.words_between(sentence.start, words[0].start) <= _OPENING_WORDS


_OPENING_WORDS = 2


def _is_denied(gist: Gist, incident: Incident, mention: Mention) -> bool:
    """ "The ministry denied that its embassy was stormed. A broadcaster had said so": the report that was denied."""
    if not any(guard.name == DENIAL for guard in incident.guards) or incident.type is not mention.type:
        return False
    media = gist.hits.values("sources", mention.sentence.start, mention.sentence.end, "media", "agency")
    return bool(media) and mention.sentence.index - incident.last_sentence <= _NEAR_SENTENCES


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
    reach = _NEAR_SENTENCES if _goes_on(mention) else 1
    return {first, second} in _MIXED and mention.sentence.index - incident.last_sentence <= reach


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


LESS_EXACT = _MOVING | {SiteKind.DIPLOMATIC_QUARTER}
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
    if len(families) > 1 and families & _APART and families not in _MIXED:
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


def _is_his(gist: Gist, incident: Incident, mention: Mention) -> bool:
    """ "A diplomat was kidnapped. ... His driver was shot": who is told by a possessive belongs to the one before."""
    families = {TAXONOMY[incident.type].family, TAXONOMY[mention.type].family}
    if mention.site is not None or not _goes_on(mention) or families & {"posture", "threat"}:
        return False
    return mention.sentence.index - incident.last_sentence <= _NEAR_SENTENCES and begins_with_his(gist, mention)


def sites_differ(first: SiteMention | None, second: SiteMention | None) -> bool:
    if first is None or second is None:
        return False
    if first.sender and second.sender and first.sender != second.sender:
        return True
    if first.host and second.host and first.host != second.host:
        return True
    if first.city and second.city and not is_one_town(first.city, second.city):
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
    own_city = mention.site.city if mention.site is not None and not mention.site.referring else None
    if own_city is not None and incident.site is None:
        # "Rockets hit Tripoli. A bomb exploded at the consulate in Nice": a site's own city tells where it was hit.
        return bool(first) and not any(is_one_town(own_city, city) for city in first)
    second = mention.place.cities if mention.place and own_city is None else ()
    known = {city.name for city in first}
    if incident.site and incident.site.city:
        known.add(incident.site.city.name)
    return bool(known and second and not known & {city.name for city in second})
