"""From mentions to incidents: which tellings are one event, and whether it is news."""

from collections.abc import Iterable

from services.classify.core.reading.gist import Gist, Mention
from services.classify.core.reading.growth import absorb, supplement, take_site
from services.classify.core.reading.guard_hits import first_of_each
from services.classify.core.reading.guards import AFTERMATH, DENIAL, GUARDS, Effect
from services.classify.core.reading.incident import Incident
from services.classify.core.reading.mentions import Supplement
from services.classify.core.reading.same_event import (
    is_old,
    is_past,
    is_rejected,
    matching,
    opens_another,
    sites_differ,
)
from services.classify.core.taxonomy import TAXONOMY


def group(gist: Gist, told: Iterable[Mention | Supplement]) -> list[Incident]:
    """The incidents of an article, in the order they are first told."""
    incidents: list[Incident] = []
    current: Incident | None = None
    ahead: Supplement | None = None
    """What a headline, or a sentence of its own, tells right before the first incident: the site, who was hurt."""
    for item in told:
        if isinstance(item, Supplement):
            if current and not current.rejected:
                about = _told_beside(incidents, current)
                if about.site is not None or not opens_another(gist, item.sentence, item.sentence.end):
                    supplement(about, item)
            else:
                ahead = item
            continue
        match = matching(gist, incidents, item, current)
        if match is None:
            match = _opened(gist, item)
            incidents.append(match)
            if ahead is not None and ahead.sentence.index == item.sentence.index - 1:
                if ahead.site is not None:
                    take_site(match, ahead)
                elif not match.rejected and not match.background:
                    supplement(match, ahead)
        else:
            absorb(match, item)
        if not match.rejected:
            current = match
    kept = [incident for incident in incidents if not _is_idle(incident)]
    _heed_lead(gist, kept)
    for incident in kept:
        _set_known(incident)
        if incident.when is None and not incident.background and not incident.rejected:
            _take_day_before(gist, incident)
    return kept


def _told_beside(incidents: list[Incident], current: Incident) -> Incident:
    """The newest incident; the news of its sentence where that is one of the past, told in passing: "near where the
    governor was murdered in July"."""
    if not current.background:
        return current
    beside = (one for one in incidents if one.last_sentence == current.last_sentence and not one.rejected)
    return next((one for one in beside if not one.background), current)


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
            guards = [[guard for guard in mention.guards if guard.name == AFTERMATH] for mention in below]
            if all(guards):
                headline.background = True
                headline.guards = first_of_each((*headline.guards, *guards[0]))
        if below:
            continue
        told = (other for other in incidents if other.mentions[0].sentence.index == lead)
        heeded = _HEEDED | {"statement"} if _has_reaction(gist) else _HEEDED
        spoken = next((other for other in told if _is_heeded(headline, other, heeded)), None)
        if spoken is not None:
            headline.rejected, headline.background = spoken.rejected, spoken.background
            headline.guards = first_of_each((*headline.guards, *spoken.guards))


_HEEDED = frozenset(
    (
        "accident",
        AFTERMATH,
        "anniversary",
        "compensation",
        DENIAL,
        "diplomacy",
        "drill",
        "expulsion",
        "history",
        "metaphor",
    )
)
"""Guards of a lead that say what kind of event its headline names, not only what is feared or advised."""


def _has_reaction(gist: Gist) -> bool:
    """ "Blast at the embassy; Iran mourns": whether a clause of the title tells neither an event nor harm."""
    layers = ("events", "weak_events", "casualties", "sites")
    return any(
        gist.words_between(*clause) > 1 and not any(gist.hits.within(layer, *clause) for layer in layers)
        for sentence in gist.sentences
        if sentence.title
        for clause in gist.clauses(sentence)
    )


def _is_heeded(headline: Incident, lead: Incident, heeded: frozenset[str]) -> bool:
    """Whether a lead tells what a headline names, under a guard."""
    if not (lead.rejected or lead.background) or not any(guard.name in heeded for guard in lead.guards):
        return False
    alike = TAXONOMY[headline.type].family == TAXONOMY[lead.type].family or headline.generic or lead.generic
    return alike and not sites_differ(headline.site, lead.site)


_DAY_REACH = 2
"""Sentences before an undated telling whose day is taken for its own."""


def _take_day_before(gist: Gist, incident: Incident) -> None:
    """ "Today ... . Elsewhere a bomb exploded": news goes on about the day it told last."""
    first = incident.mentions[0].sentence.index
    for sentence in reversed(gist.sentences[max(0, first - _DAY_REACH) : first + 1]):
        days = [when for when in gist.days_in(sentence) if not when.future and when.start >= gist.dateline_end]
        if not days:
            continue
        if len({when.date for when in days}) == 1 and not is_old(gist, days[0]):
            incident.when = days[0]._replace(soft=True)
            incident.spans["date"] = ((days[0].start, days[0].end),)
        return


def _is_idle(incident: Incident) -> bool:
    """Violence in general that no specific telling joined."""
    return all(mention.series for mention in incident.mentions)


_WEIGHED = frozenset({"commentary", "hypothetical", "series", "prevention"})
"""Guards that only count points (`specificity.py`) where no diplomatic site is concerned: a comment on the murder of a
judge tells of a murder."""


def is_rejected_elsewhere(incident: Incident) -> bool:
    """Whether a guard rejects an incident that concerns no diplomatic site."""
    return any(GUARDS[guard.name].effect is Effect.REJECT and guard.name not in _WEIGHED for guard in incident.guards)


def _opened(gist: Gist, mention: Mention) -> Incident:
    return Incident(
        mentions=[mention],
        type=mention.type,
        generic=mention.generic,
        site=mention.site,
        relation=mention.relation,
        when=mention.when,
        casualties=mention.casualties,
        rejected=is_rejected(mention),
        background=is_past(gist, mention),
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
