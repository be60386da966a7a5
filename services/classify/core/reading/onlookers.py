"""Sites that only look on: an embassy that looks for victims, condemns, or tells of an attack on somebody else.

Read from the place of a site in its clause, and of the verb that is its own.
"""

import re

from services.classify.core.reading.gist import CLAUSE_END, Gist
from services.classify.core.reading.scan import Hit
from services.classify.core.reading.site_mentions import SiteMention
from services.classify.core.reading.text import Sentence

_REACH, _ABOUT_REACH = 160, 40
"""Characters: between a site and what it may only speak of; of the link right before that."""

_RITES = ("statement", "offer_of_help", "travel_advice", "consular")
_SPEECH_TO_TRIGGER = 4
_QUOTED = re.compile(r"(?:\s[\w.'’-]{2,20}){0,3}\s?:\s?[\"“”«„»‘']")


def is_quoted(gist: Gist, sentence: Sentence, site: SiteMention) -> bool:
    """ "The envoy Zazo: 'We live under bombs'": a colon and a quotation mark make it the speaker."""
    return bool(_QUOTED.match(gist.folded.clean, site.end)) and _begins_clause(gist, site, sentence.start)


def is_onlooker(gist: Gist, sentence: Sentence, site: SiteMention, trigger: Hit) -> bool:
    """Whether `site` is the subject of a clause that only speaks of what `trigger` tells."""
    lexicon = gist.lexicon
    if _is_elsewhere_told(gist, sentence, site, trigger):
        return True
    if not lexicon.spaced or not _begins_clause(gist, site, sentence.start):
        return False
    if lexicon.order == "sov":
        return trigger.start >= site.end and _acts_first(gist, site, trigger)
    if trigger.start >= site.end:
        return _only_mentions(gist, site, trigger)
    return trigger.end <= site.start and _goes_on_alone(gist, sentence, site, trigger)


def _is_elsewhere_told(gist: Gist, sentence: Sentence, site: SiteMention, trigger: Hit) -> bool:
    """ "Murder of the premier: book of condolence at the embassy": the site's own clause tells a service or a rite."""
    start, end = gist.clause_at(sentence, site.start)
    if start <= trigger.start < end or trigger.end > site.start:
        return False
    return bool(gist.hits.values("guards", start, end, *_RITES)) and not gist.hits.triggers(start, end)


def _acts_first(gist: Gist, site: SiteMention, trigger: Hit) -> bool:
    """ "The embassy offered that those hurt in the blast ...": its own verb, before the event, tells no event."""
    if trigger.start - site.end > _REACH:
        return False
    words = gist.folded.norm[site.end : trigger.start].split()
    verb = next((at for at, word in enumerate(words) if word in gist.lexicon.closing), None)
    if verb is None or not gist.lexicon.that.isdisjoint(words[:verb]):
        return False
    end = site.end + len(" ".join(words[: verb + 1])) + 1
    return not _tells(gist, site.end, end)


def _begins_clause(gist: Gist, site: SiteMention, start: int) -> bool:
    """Whether nothing but an article stands between the beginning of its clause, or a "that", and the site."""
    window = max(start, site.start - 24)
    end, first = window, site.start
    # "Virginia: consulate ...": a place with a colon is part of the site, but of no clause of its.
    for match in CLAUSE_END.finditer(gist.folded.clean, window, site.noun[0]):
        end = match.end()
        first = max(first, end)
    words = gist.folded.norm[end:first].split()
    that = next((at for at in range(len(words) - 1, -1, -1) if words[at] in gist.lexicon.that), -1)
    if that < 0 and end == window and window > start:
        return False
    words = words[that + 1 :]
    if words and words[0] in gist.lexicon.numbers.joiners:
        del words[0]
    if gist.lexicon.order == "vso" and len(words) == 1 and words[0] not in gist.lexicon.words:
        return not _tells(gist, site.start - len(words[0]) - 1, site.start)  # its verb, if it does something itself
    return all(word in gist.lexicon.articles for word in words)


def _tells(gist: Gist, start: int, end: int) -> bool:
    return (
        bool(gist.hits.triggers(start, end))
        or bool(gist.hits.within("casualties", start, end))
        or _is_target(gist, start, end)
    )


def _is_target(gist: Gist, start: int, end: int) -> bool:
    """Whether the words say that something was done to the site ("was", "damaged", "unhurt")."""
    return (
        bool(gist.hits.values("roles", start, end, "suffered"))
        or bool(gist.hits.values("cues", start, end, "damage", "no_damage"))
        or bool(gist.hits.values("casualties", start, end, "none", "wounded_none", "killed_none"))
    )


def _only_mentions(gist: Gist, site: SiteMention, trigger: Hit) -> bool:
    """ "The consulate looks for victims of the attack": the event hangs on a preposition or a verb of saying."""
    if trigger.start - site.end > _REACH or gist.words_between(site.end, trigger.start) < 2:
        return False
    # What the first event word hangs on, the others of its clause hang on too: "the attack that left three dead".
    first = min(gist.hits.triggers(site.end, trigger.end), key=lambda hit: hit.start, default=trigger)
    known = first.prefix in gist.lexicon.the_prefixes
    if _is_target(gist, site.end, first.start if known else trigger.start):
        return False
    if any(mark in gist.folded.clean[site.end : trigger.start] for mark in ",;:،؛"):
        return False
    return known or _hangs_on_words(gist, site, first.start)


def _hangs_on_words(gist: Gist, site: SiteMention, event: int) -> bool:
    """Whether right before an event stands what makes it the topic of what the site does."""
    links = gist.hits.values("roles", max(site.end, event - _ABOUT_REACH), event, "about", "speech")
    return any(gist.words_between(link.end, event) <= _SPEECH_TO_TRIGGER for link in links)


def _goes_on_alone(gist: Gist, sentence: Sentence, site: SiteMention, trigger: Hit) -> bool:
    """ "After the blasts in Paris, the embassy opened a line": nothing befalls the site in its own clause."""
    if site.start - trigger.end > _REACH or not CLAUSE_END.search(gist.folded.clean, trigger.end, site.noun[0]):
        return False
    end = min(sentence.end, site.end + _REACH)
    stop = CLAUSE_END.search(gist.folded.clean, site.end, end)
    end = stop.start() if stop else end
    words = gist.folded.norm[site.end : end].split()
    lexicon = gist.lexicon
    if not words or words[0] in lexicon.numbers.joiners | lexicon.in_ | lexicon.of | lexicon.articles:
        return False
    if _is_target(gist, site.end, end):
        return False
    told = gist.hits.triggers(site.end, end)
    return not told or _hangs_on_words(gist, site, min(hit.start for hit in told))
