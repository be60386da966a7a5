"""Whom a casualty word speaks of where no number says how many: by name or office, or a bare plural."""

import re
from collections.abc import Sequence

from services.classify.core.reading.gist import CLAUSE_END, Gist
from services.classify.core.reading.groups import (
    GROUP_REACH,
    NOUN_WORDS,
    Group,
    before,
    from_name,
    from_noun,
    is_companion,
    opens_group,
    people_of,
    total,
)
from services.classify.core.reading.listing import clause_stop, is_cut, is_name
from services.classify.core.reading.numbers import Number
from services.classify.core.reading.scan import Hit

BRACKET, BRACKET_WORDS = 110, 13
"""How far the parts of a German verb stand from each other, in characters and words."""
_NAME_WORDS = 8


def are_attackers(gist: Gist, number: Number) -> bool:
    """ "Two gunmen": those who came to kill are no victims."""
    stop = clause_stop(gist, number.end, number.end + GROUP_REACH)
    nouns = gist.hits.within("victims", number.end, stop)
    if not nouns or nouns[0].value != "attackers" or gist.hits.within("casualties", number.end, nouns[0].start):
        return False  # "and another wounded when gunmen ..."
    return gist.words_between(number.end, nouns[0].start) <= NOUN_WORDS


def is_group(gist: Gist, number: Number) -> bool:
    """Whether a word for people stands right after a number: "three members of the village patrol"."""
    nouns = gist.hits.values("victims", number.end, number.end + GROUP_REACH // 2, "one", "many")
    return bool(nouns) and gist.words_between(number.end, nouns[0].start) <= 2 + 1


def unnumbered(gist: Gist, hit: Hit, start: int, end: int, numbers: Sequence[Number], taken: set[int]) -> Group | None:
    """Whom a casualty word speaks of where no number says how many: one by name or office, or a bare plural."""
    if not gist.hits.all("victims"):
        return None
    reach, words = (BRACKET, BRACKET_WORDS) if gist.lexicon.order == "sov" else (24, 2)
    passive = gist.hits.values("roles", max(start, hit.start - reach), hit.start, "passive")
    near = [verb for verb in passive if gist.words_between(verb.end, hit.start) <= words]
    if near and not _ends_with_of(gist, hit):
        return _subject(gist, hit, start, near[-1].start, numbers)
    if not _ends_with_of(gist, hit) and _is_attribute(gist, hit):
        return None
    met, group = _object(gist, hit, end, numbers, taken)
    return group if met else _subject(gist, hit, start, hit.start, numbers)


def _is_attribute(gist: Gist, hit: Hit) -> bool:
    """ "The murdered victims", "missing and murdered people" only says who they are."""
    words = gist.folded.norm[max(0, hit.start - 16) : hit.start].split()
    after = gist.hits.within("victims", hit.end, hit.end + 24)
    lexicon = gist.lexicon
    led = bool(words) and (words[-1] in lexicon.articles or words[-1] in lexicon.of or words[-1] in lexicon.and_words)
    return led and bool(after) and not gist.folded.norm[hit.end : after[0].start].strip()


def _ends_with_of(gist: Gist, hit: Hit) -> bool:
    return gist.folded.norm[hit.start : hit.end].split()[-1] in gist.lexicon.of


def of_attackers(gist: Gist, start: int, verb: int) -> bool:
    """Whether it was one of those who came to kill: "a gunman was killed by the guards"."""
    nouns = gist.hits.within("victims", max(start, verb - GROUP_REACH), verb)
    return bool(nouns) and nouns[-1].value == "attackers" and _is_subject(gist, start, nouns[-1], verb)


def _subject(gist: Gist, hit: Hit, start: int, verb: int, numbers: Sequence[Number]) -> Group | None:
    """Those of whom a passive, or "died", is said: "the mayors were killed", "the judge and his wife died"."""
    if not gist.lexicon.of.isdisjoint(gist.folded.norm[max(start, hit.start - 8) : hit.start].split()[-1:]):
        return None  # "officials gave no number of dead"
    window = max(start, verb - GROUP_REACH)
    others = gist.hits.within("casualties", window, verb)
    if others:
        window = others[-1].end
    nouns = [n for n in gist.hits.within("victims", window, verb) if not is_companion(gist, n.start, n.end)]
    if not nouns or nouns[-1].value == "attackers" or gist.words_between(nouns[-1].end, verb) > _NAME_WORDS:
        return None
    noun = nouns[-1]
    if not _is_antecedent(gist, noun, verb) and not _is_subject(gist, window, noun, verb):
        return None
    if noun.value == "many" and _is_counted(gist, noun, numbers):
        return None
    count, first = people_of(gist, noun)[0], noun.start
    if opens_group(gist, noun):
        for joined, span in before(gist, noun.start, numbers, NOUN_WORDS):
            count, first = total(count, joined), span[0]
    return count, (first, hit.end)


def _is_antecedent(gist: Gist, noun: Hit, verb: int) -> bool:
    """ "The funeral of the workers who were killed": a relative pronoun alone leads from a noun to its verb."""
    return gist.folded.norm[noun.end : verb].split() in [[word] for word in gist.lexicon.which]


def _is_counted(gist: Gist, noun: Hit, numbers: Sequence[Number]) -> bool:
    """Whether a number stands before a noun; where it was not taken it counts something else."""
    return any(n.end <= noun.start and gist.words_between(n.end, noun.start) <= NOUN_WORDS for n in numbers)


def _is_subject(gist: Gist, window: int, noun: Hit, verb: int) -> bool:
    """Whether nothing cuts a noun from the verb, and it is not what stands after "of", "by" or "in"."""
    # Where the verb comes last, the place stands before it: "the consul was in Nairobi shot".
    late = gist.lexicon.order == "sov"
    cut = CLAUSE_END.search(gist.folded.clean, noun.end, verb)
    explains = cut and "," in gist.folded.clean[window : noun.start] and not gist.folded.clean[cut.end() : verb].strip()
    if (cut and not explains) or is_cut(gist, noun.end, verb, places=not late):
        return False  # but "Juan Mora, the mayor, died"
    before = gist.folded.norm[window : noun.start].split()[-3:]
    of = gist.lexicon.of - gist.lexicon.articles
    return not any(word in gist.lexicon.in_ or word in of for word in before) and not (
        gist.hits.values("roles", max(window, noun.start - 14), noun.start, "agent", "against")
    )


def _object(gist: Gist, hit: Hit, end: int, numbers: Sequence[Number], taken: set[int]) -> tuple[bool, Group | None]:
    """Whether people stand after the word, and how many: "the murder of Judge X", "killed the mayor and two men"."""
    begin, of = _after_of(gist, hit, end)
    begin = _past_adverbs(gist, begin, end)
    stop = min(end, clause_stop(gist, begin, begin + GROUP_REACH))
    nouns = gist.hits.within("victims", begin, stop)
    near = nouns and gist.words_between(begin, nouns[0].start) <= NOUN_WORDS
    if near and not is_cut(gist, begin, nouns[0].start):
        if nouns[0].value == "attackers" or _is_counted(gist, nouns[0], numbers):
            return True, None
        return True, from_noun(gist, nouns[0], hit, numbers, taken)
    if is_name(gist, begin, stop, 1 if of else 2):
        return True, from_name(gist, begin, hit, numbers, taken)
    return False, None


def _past_adverbs(gist: Gist, start: int, end: int) -> int:
    """Where the words go on after when and where: "mataron el lunes en Cali al juez"."""
    stop = clause_stop(gist, start, min(end, start + GROUP_REACH))
    told = [(date.start, date.end) for date in gist.hits.within("date", start, stop)]
    told += [(place.start, place.end) for place in gist.places_within(start, stop)]
    for first, last in sorted(told):
        if gist.hits.within("victims", start, first) or gist.words_between(start, first) > 2:
            break
        start = last
    return start


def _after_of(gist: Gist, hit: Hit, end: int) -> tuple[int, bool]:
    """Where the object of a casualty word begins, and whether a word for "of" leads to it.

    A date or a place may stand before it: "the murder on 26 February of Judge X".
    """
    if _ends_with_of(gist, hit):
        return hit.end, True
    stop = clause_stop(gist, hit.end, hit.end + GROUP_REACH // 2)
    words = list(re.finditer(r"\S+", gist.folded.norm[hit.end : min(end, stop)]))
    for index, word in enumerate(words[: NOUN_WORDS + 2]):
        if word.group() not in gist.lexicon.of:
            continue
        between = hit.end, hit.end + word.start()
        told = gist.hits.within("date", *between) or gist.places_within(*between)
        if index == 0 or told:
            return hit.end + word.end(), True
    return hit.end, False
