"""Which guards speak against a telling, and with which words."""

import re
from collections.abc import Iterable

from services.classify.core.reading.gist import Gist, GuardHit
from services.classify.core.reading.guards import GUARDS, Effect, Reach
from services.classify.core.reading.places import Place, is_located
from services.classify.core.reading.retold import retold_as
from services.classify.core.reading.scan import Hit
from services.classify.core.reading.site_mentions import SiteMention
from services.classify.core.reading.text import Sentence
from services.classify.core.taxonomy import TAXONOMY
from services.contracts.report import IncidentType


def article_guards(gist: Gist) -> list[GuardHit]:
    """Guards that speak for the whole article because they stand in its title or lead; each once."""
    told = (hit for hit in gist.hits.within("guards", 0, lead_end(gist)) if GUARDS[hit.value].reach is Reach.ARTICLE)
    return first_of_each(GuardHit(hit.value, hit.start, hit.end) for hit in (*_labels(gist), *told))


_LABEL = re.compile(r"\s*(?:[:：|–—]|-\s)")
_LABEL_REACH = 24


def _labels(gist: Gist) -> list[Hit]:
    """ "Analysis: ...", "Timeline | ...": what stands before a colon at the head of an article says what it is."""
    return [
        hit
        for sentence in gist.sentences[:2]
        if sentence.index == 0 or gist.sentences[0].title
        for hit in gist.hits.within("labels", sentence.start, sentence.start + _LABEL_REACH)
        if not gist.folded.norm[sentence.start : hit.start].strip() and _LABEL.match(gist.folded.clean, hit.end)
    ]


_POLITICS = ("expulsion", "diplomacy")


def political_guards(gist: Gist) -> list[GuardHit]:
    """Guards of the lead that make any closure in the article a political one, or one that its title only threatens."""
    hits = gist.hits.values("guards", 0, lead_end(gist), *_POLITICS)
    title = gist.title
    if title is not None:
        closures = [
            told for told in gist.hits.triggers(title.start, title.end) if told.value == IncidentType.SECURITY_POSTURE
        ]
        hits += [
            hit
            for hit in gist.hits.values("guards", title.start, title.end, "hypothetical")
            if any(told.start < hit.end and hit.start < told.end for told in closures)
        ]
    return first_of_each(GuardHit(hit.value, hit.start, hit.end) for hit in hits)


def lead_end(gist: Gist) -> int:
    return gist.sentences[min(2, len(gist.sentences) - 1)].end if gist.sentences else 0


def first_of_each(guards: Iterable[GuardHit]) -> list[GuardHit]:
    """The first hit of every guard: one is enough to speak, and their number stays bounded."""
    found: dict[str, GuardHit] = {}
    for guard in guards:
        found.setdefault(guard.name, guard)
    return list(found.values())


def against(kind: IncidentType, guards: Iterable[GuardHit]) -> tuple[GuardHit, ...]:
    """Those that speak against an incident of a type, the first hit of each."""
    family = TAXONOMY[kind].family
    speaking = (guard for guard in guards if (only := GUARDS[guard.name].families) is None or family in only)
    return tuple(first_of_each(speaking))


def guards_for(gist: Gist, sentence: Sentence, clause: tuple[int, int], trigger: Hit) -> list[GuardHit]:
    """The guards whose reach covers a trigger."""
    hits = gist.hits.within("guards", sentence.start, sentence.end)
    found = [GuardHit("hypothetical", mark, mark + 1) for mark in _question(gist, sentence, clause)]
    retold = retold_as(gist, sentence, trigger)
    if retold is not None:
        found.append(retold)
    for hit in hits:
        reach = GUARDS[hit.value].reach
        if reach is Reach.LINE:
            continue  # only at its beginning: `related_line`
        if reach is Reach.CLAUSE and not _in_reach(gist, hit, clause, trigger):
            continue
        if reach is Reach.EVENT and not (_is_of(gist, hit, trigger) or _is_relative(gist, hit, clause, trigger)):
            continue
        if hit.value == "hypothetical" and _is_reason(gist, hit, trigger):
            continue
        found.append(GuardHit(hit.value, hit.start, hit.end))
    return first_of_each(found)


def _is_of(gist: Gist, hit: Hit, trigger: Hit) -> bool:
    """ "In retaliation for the strike", "爆炸案嫌疑人": the guard's words hold the event, or the two touch."""
    return hit.start <= trigger.end + gist.lexicon.spaced and gist.words_between(hit.end, trigger.start) <= 1


def _is_relative(gist: Gist, hit: Hit, clause: tuple[int, int], trigger: Hit) -> bool:
    """ "A suspect in the raid that killed the envoy": what a relative clause tells of a known event is known too."""
    if not clause[0] <= hit.start < trigger.start:
        return False
    words = gist.folded.norm[hit.end : trigger.start].split()
    if not any(word in gist.lexicon.that for word in words):
        return False
    return any(_is_of(gist, hit, event) for event in gist.hits.triggers(hit.start, trigger.start))


def _question(gist: Gist, sentence: Sentence, clause: tuple[int, int]) -> list[int]:
    """Where the clause ends in a question mark: who asks tells nothing yet."""
    end = len(gist.folded.clean[clause[0] : sentence.end].rstrip(" \n\"'”»’")) + clause[0]
    return [end - 1] if end <= clause[1] and gist.folded.clean[end - 1 : end] in ("?", "؟", "？") else []


def closed_by_host(gist: Gist, clause: tuple[int, int], site: SiteMention, trigger: Hit) -> GuardHit | None:
    """ "China orders the US consulate closed": what the host closes is a sanction, not a danger."""
    if trigger.value != IncidentType.SECURITY_POSTURE or not site.sender or not site.host or site.sender == site.host:
        return None
    if not _closes_building(gist, site, trigger) or _is_own(gist, site, trigger):
        return None
    for place in gist.places_within(clause[0], min(site.start, trigger.end)):
        if place.kind == "adjective" or not _is_host(place, site) or is_located(gist.folded, place, gist.lexicon):
            continue
        told = gist.folded.clean[place.end : place.end + 2].strip()
        if told[:1] not in _LABELS and not gist.hits.values("roles", place.end, trigger.start, "speech", "at", "near"):
            return GuardHit("expulsion", place.start, place.end)
    return None


def _is_own(gist: Gist, site: SiteMention, trigger: Hit) -> bool:
    """ "Poland closes its consulate": a word says whose it is, and no state behind the trigger does."""
    own = gist.hits.values("roles", site.noun[0] - _REASON_REACH, site.noun[1] + _REASON_REACH, "own")
    return bool(own) and site.spans.get("sending_state", (-1, -1))[0] < trigger.start


def _closes_building(gist: Gist, site: SiteMention, trigger: Hit) -> bool:
    """Whether a word for closing holds the site's noun or stands right before it: no plot, no evacuation."""
    if trigger.start < site.noun[1] and site.noun[0] < trigger.end:
        return True
    after = trigger.end <= site.noun[0] and gist.words_between(trigger.end, site.start) <= 1
    return after and not gist.hits.within("events", trigger.start, site.start)


_LABELS = tuple(":-–—.,،")
"""What follows a place that only says where the news is from."""


def _is_host(place: Place, site: SiteMention) -> bool:
    if place.kind == "state":
        return place.states == (site.host,)
    return any(city.state == site.host and city.capital for city in place.cities[:1])


_REASON_REACH = 24


def _is_reason(gist: Gist, guard: Hit, trigger: Hit) -> bool:
    """ "Closed for fear of an attack": what is feared is the attack; the closing is news."""
    if trigger.value != IncidentType.SECURITY_POSTURE:
        return False
    if guard.start < trigger.end:  # "in case of attacks the embassy will be closed" is no news
        grounds = gist.hits.values("known", guard.start - _REASON_REACH, guard.start, "ground")
        return bool(grounds) and gist.words_between(grounds[-1].end, guard.start) <= 1
    return any(
        feared.value != trigger.value and gist.words_between(guard.end, feared.start) <= 2
        for feared in gist.hits.triggers(guard.start, guard.end + _REASON_REACH)
    )


def _in_reach(gist: Gist, hit: Hit, clause: tuple[int, int], trigger: Hit) -> bool:
    """A clause's guard speaks for the triggers after it, and for one right before it ("bombing anniversary")."""
    if hit.start >= trigger.end:
        late = gist.lexicon.order == "sov"  # the verb, and with it the guard, closes the clause
        if not gist.lexicon.spaced:
            late = GUARDS[hit.value].effect is Effect.BACKGROUND  # what an event is to be called stands behind it
        return hit.start < clause[1] and (late or gist.words_between(trigger.end, hit.start) <= 2)
    # It may stand in the clause before, set off by a comma: "If, as feared, ...".
    return hit.start >= clause[0] or gist.words_between(hit.end, trigger.start) <= 4


_MOURNING = ("statement", "anniversary")


def mourning(gist: Gist, sentence: Sentence) -> list[GuardHit]:
    """Words of mourning in a sentence or the one after: people gathered with candles demand nothing."""
    end = gist.sentences[min(sentence.index + 1, len(gist.sentences) - 1)].end
    return [
        GuardHit(hit.value, hit.start, hit.end) for hit in gist.hits.values("guards", sentence.start, end, *_MOURNING)
    ]


def related_line(gist: Gist, sentence: Sentence) -> GuardHit | None:
    """A line that begins with a "read also" phrase is a link, not the article."""
    for hit in gist.hits.values("guards", sentence.start, min(sentence.end, sentence.start + 60), "related_links"):
        if gist.words_between(sentence.start, hit.start) <= 1:
            return GuardHit(hit.value, hit.start, hit.end)
    return None
