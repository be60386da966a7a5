"""Who was hurt where no number says it, and which groups add up: the words for people around a casualty word."""

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from operator import attrgetter

from services.classify.core.reading.gist import CLAUSE_END, Gist
from services.classify.core.reading.numbers import Number
from services.classify.core.reading.scan import Hit
from services.contracts.report import Count

ONE = Count(low=1, high=1)
SOME = Count(low=2, high=None)
"""A bare plural: "priests were killed"."""

Group = tuple[Count, tuple[int, int]]
"""How many, and the words that say so."""

BRACKET, BRACKET_WORDS = 110, 13
"""How far the parts of a German verb stand from each other, in characters and words."""
_GROUP_REACH = 70
_NOUN_WORDS = 4
_SENTENCE_START = attrgetter("start")
_NAME_WORDS = 8


def are_attackers(gist: Gist, number: Number) -> bool:
    """ "Two gunmen": those who came to kill are no victims."""
    stop = _stop(gist, number.end, number.end + _GROUP_REACH)
    nouns = gist.hits.within("victims", number.end, stop)
    return (
        bool(nouns) and nouns[0].value == "attackers" and gist.words_between(number.end, nouns[0].start) <= _NOUN_WORDS
    )


def is_group(gist: Gist, number: Number) -> bool:
    """Whether a word for people stands right after a number: "three members of the village patrol"."""
    nouns = gist.hits.values("victims", number.end, number.end + _GROUP_REACH // 2, "one", "many")
    return bool(nouns) and gist.words_between(number.end, nouns[0].start) <= 2 + 1


def with_joined(gist: Gist, number: Number, hit: Hit, numbers: Sequence[Number], taken: set[int]) -> Group:
    """A number and the groups that the same word speaks of: "six priests and two women were killed"."""
    count, first, last = number.count, number.start, number.end
    for joined, span in (*_before(gist, first, hit, numbers), *_after(gist, last, hit, numbers, taken)):
        count = _sum(count, joined)
        first, last = min(first, span[0]), max(last, span[1])
    return count, (min(first, hit.start), max(last, hit.end))


def added(first: Group, second: Group) -> Group:
    """Both groups together; the words are those of the second."""
    return _sum(first[0], second[0]), second[1]


def _sum(first: Count, second: Count) -> Count:
    high = None if first.high is None or second.high is None else first.high + second.high
    return Count(low=first.low + second.low, high=high)


def _stop(gist: Gist, start: int, end: int) -> int:
    """`end`, or where the clause or the sentence of `start` ends before."""
    index = bisect_right(gist.sentences, start, key=_SENTENCE_START) - 1
    end = min(end, gist.sentences[index].end if index >= 0 else end, len(gist.folded.clean))
    stop = CLAUSE_END.search(gist.folded.clean, start, end)
    return stop.start() if stop else max(start, end)


def _joiner_before(gist: Gist, position: int) -> int | None:
    """Where the "and" right before a position begins."""
    norm, lexicon = gist.folded.norm, gist.lexicon
    if not lexicon.spaced:
        fitting = [word for word in lexicon.and_words if norm.startswith(word, max(0, position - len(word)))]
        return position - max(map(len, fitting)) if fitting else None
    words = norm[max(0, position - 8) : position].split()
    if not words or words[-1] not in lexicon.and_words:
        return None
    return norm.rfind(words[-1], 0, position)


def _before(gist: Gist, start: int, hit: Hit, numbers: Sequence[Number]) -> Iterator[Group]:
    """The groups before one: "a judge and two guards were killed". None where they are another word's."""
    while start < hit.start:
        joiner = _joiner_before(gist, start)
        if joiner is None:
            return
        window = max(0, joiner - _GROUP_REACH)
        if gist.hits.within("casualties", window, joiner):
            window = gist.hits.within("casualties", window, joiner)[-1].end
        nouns = [noun for noun in gist.hits.within("victims", window, joiner) if noun.value in ("one", "many")]
        noun = nouns[-1] if nouns and gist.words_between(nouns[-1].end, joiner) <= _NOUN_WORDS else None
        last = noun.start if noun else joiner
        number = next((n for n in reversed(numbers) if window <= n.start and n.end <= last), None)
        anchor = noun or number
        if anchor is None or _is_cut(gist, anchor.end, joiner):
            return
        if number is not None and gist.words_between(number.end, last) <= _NOUN_WORDS:
            if not _counts_people(gist, number, noun):
                return
            yield number.count, (number.start, joiner)
            start = number.start
        elif noun is not None:
            yield (ONE if noun.value == "one" else SOME), (noun.start, noun.end)
            return
        else:
            return


def _after(gist: Gist, end: int, hit: Hit, numbers: Sequence[Number], taken: set[int]) -> Iterator[Group]:
    """The groups after one: "killed six priests and two women", not "and wounded two", "and two were wounded"."""
    limit = hit.start if end <= hit.start else min(len(gist.folded.norm), end + 3 * _GROUP_REACH)
    while end < limit:
        joiner = _next_joiner(gist, end, min(limit, end + _GROUP_REACH))
        if joiner is None or _is_cut(gist, end, joiner):
            return
        stop = _before_next_word(gist, joiner, min(limit, _stop(gist, joiner, joiner + _GROUP_REACH)))
        nouns = [n for n in gist.hits.within("victims", joiner, stop) if n.value in ("one", "many")]
        noun = nouns[0] if nouns and not _is_cut(gist, joiner, nouns[0].start) else None
        last = noun.end if noun else joiner
        number = next(
            (n for n in numbers if joiner <= n.start < stop and gist.words_between(joiner, n.start) <= 1), None
        )
        if _is_other_words(gist, hit, joiner, last):
            return
        if number is not None and number.start not in taken and _counts_people(gist, number, noun):
            last = noun.end if noun and gist.words_between(number.end, noun.start) <= _NOUN_WORDS else number.end
            yield number.count, (number.start, last)
        elif noun is not None and number is None and _begins_group(gist, joiner, noun):
            yield (ONE if noun.value == "one" else SOME), (noun.start, last)
        else:
            return
        end = last


def _counts_people(gist: Gist, number: Number, noun: Hit | None) -> bool:
    """Whether a number after "and" goes on counting people: anything but things, or an article with no person."""
    if noun is not None and number.end <= noun.start and gist.words_between(number.end, noun.start) <= _NOUN_WORDS:
        return True
    things = number.end, number.end + _GROUP_REACH // 2
    if number.weak or gist.hits.within("weapons", *things) or gist.hits.within("quantities", *things):
        return False
    return not gist.hits.values("actors", *things, "property")


def _before_next_word(gist: Gist, start: int, stop: int) -> int:
    """`stop`, or where the next casualty word or "and" begins: what stands there is another group."""
    words = gist.hits.within("casualties", start, stop)
    stop = words[0].start if words else stop
    joiner = _next_joiner(gist, start + 1, stop)  # the one at `start` may be grown together with its word
    return stop if joiner is None else joiner


def _begins_group(gist: Gist, joiner: int, noun: Hit) -> bool:
    """ "... and his driver" is another one, "senator and presidential candidate" is not."""
    words = gist.folded.norm[joiner : noun.start].split()
    if len(words) <= 1 and gist.folded.norm[noun.start : noun.end].endswith(gist.lexicon.possessive_endings):
        return True
    if not words or len(words) > _NOUN_WORDS:
        return noun.value == "many" and not words
    return words[0] in gist.lexicon.articles or words[0] in gist.lexicon.possessives


def _next_joiner(gist: Gist, start: int, end: int) -> int | None:
    """The end of the next "and" with nothing but a group's noun before it."""
    stop = _stop(gist, start, end)
    if not gist.lexicon.spaced:
        found = [(gist.folded.norm.find(word, start, stop), len(word)) for word in gist.lexicon.and_words]
        return min((at + length for at, length in found if at >= 0), default=None)
    for match in re.finditer(r"\S+", gist.folded.norm[start:stop]):
        if match.group() in gist.lexicon.and_words:
            return start + match.end()
        if gist.lexicon.and_prefixes and _is_fused_and(gist, start + match.start(), start + match.end()):
            return start + match.start()
    rest = gist.folded.norm[stop + 1 : stop + 8].split()
    if gist.folded.clean[stop : stop + 1] in (",", "،") and rest and rest[0] in gist.lexicon.and_words:
        return gist.folded.norm.find(rest[0], stop) + len(rest[0])
    return None


def _is_fused_and(gist: Gist, start: int, end: int) -> bool:
    """Whether "and" is grown together with a word for people, a number or a casualty word."""
    if not gist.folded.norm.startswith(tuple(gist.lexicon.and_prefixes), start):
        return False
    words = (*gist.hits.within("victims", start, end), *gist.hits.within("casualties", start, end))
    return any(hit.start == start and hit.prefix in gist.lexicon.and_prefixes for hit in words) or bool(
        gist.numbers.read(gist.folded.norm, start, end)
    )


def _is_other_words(gist: Gist, hit: Hit, start: int, end: int) -> bool:
    """Whether another casualty word speaks of the group in `[start, end)`."""
    if gist.hits.within("casualties", start, end):
        return True
    if start < hit.start:
        return False
    stop = _stop(gist, end, end + _GROUP_REACH // 2)
    joiner = _next_joiner(gist, end, stop)
    following = gist.hits.within("casualties", end, stop if joiner is None else joiner)
    return any(other.value != hit.value for other in following)


def unnumbered(gist: Gist, hit: Hit, start: int, end: int, numbers: Sequence[Number]) -> Group | None:
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
    met, group = _object(gist, hit, end, numbers)
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
    nouns = gist.hits.within("victims", max(start, verb - _GROUP_REACH), verb)
    return bool(nouns) and nouns[-1].value == "attackers" and _is_subject(gist, start, nouns[-1], verb)


def _subject(gist: Gist, hit: Hit, start: int, verb: int, numbers: Sequence[Number]) -> Group | None:
    """Those of whom a passive, or "died", is said: "the mayors were killed", "the judge and his wife died"."""
    window = max(start, verb - _GROUP_REACH)
    others = gist.hits.within("casualties", window, verb)
    if others:
        window = others[-1].end
    nouns = gist.hits.within("victims", window, verb)
    if not nouns or nouns[-1].value == "attackers" or gist.words_between(nouns[-1].end, verb) > _NAME_WORDS:
        return None
    noun = nouns[-1]
    if not _is_subject(gist, window, noun, verb):
        return None
    if noun.value == "many":
        return None if _is_counted(gist, noun, numbers) else (SOME, (noun.start, hit.end))
    count = ONE
    for item in reversed(nouns[:-1]):
        if item.value == "one" and _has_and(gist, item.end, noun):
            count, noun = Count(low=2, high=2), item
            break
    return count, (noun.start, hit.end)


def _has_and(gist: Gist, start: int, noun: Hit) -> bool:
    """Whether "and" stands before a noun, or is grown together with it."""
    between, lexicon = gist.folded.norm[start : noun.start], gist.lexicon
    if noun.prefix in lexicon.and_prefixes:
        return True
    return any(word in (between.split() if lexicon.spaced else between) for word in lexicon.and_words)


def _is_counted(gist: Gist, noun: Hit, numbers: Sequence[Number]) -> bool:
    """Whether a number stands before a noun; where it was not taken it counts something else."""
    return any(n.end <= noun.start and gist.words_between(n.end, noun.start) <= _NOUN_WORDS for n in numbers)


def _is_subject(gist: Gist, window: int, noun: Hit, verb: int) -> bool:
    """Whether nothing cuts a noun from the verb, and it is not what stands after "of", "by" or "in"."""
    # Where the verb comes last, the place stands before it: "the consul was in Nairobi shot".
    late = gist.lexicon.order == "sov"
    if CLAUSE_END.search(gist.folded.clean, noun.end, verb) or _is_cut(gist, noun.end, verb, places=not late):
        return False
    before = gist.folded.norm[window : noun.start].split()[-3:]
    of = gist.lexicon.of - gist.lexicon.articles
    return not any(word in gist.lexicon.in_ or word in of for word in before) and not (
        gist.hits.values("roles", max(window, noun.start - 14), noun.start, "agent", "against")
    )


def _object(gist: Gist, hit: Hit, end: int, numbers: Sequence[Number]) -> tuple[bool, Group | None]:
    """Whether people stand after the word, and how many: "the murder of Judge X", "killed the mayor and two men"."""
    begin, of = _after_of(gist, hit, end)
    stop = min(end, _stop(gist, begin, begin + _GROUP_REACH))
    nouns = gist.hits.within("victims", begin, stop)
    near = nouns and gist.words_between(begin, nouns[0].start) <= _NOUN_WORDS
    if near and not _is_cut(gist, begin, nouns[0].start):
        if nouns[0].value == "attackers" or _is_counted(gist, nouns[0], numbers):
            return True, None
        count, last = (ONE if nouns[0].value == "one" else SOME), nouns[0].end
    elif _is_name(gist, begin, stop, 1 if of else 2):
        count, last = ONE, begin + 1
    else:
        return False, None
    for joined, span in _after(gist, last, hit, numbers, set()):
        count, last = _sum(count, joined), span[1]
    return True, (count, (hit.start, last))


def _after_of(gist: Gist, hit: Hit, end: int) -> tuple[int, bool]:
    """Where the object of a casualty word begins, and whether a word for "of" leads to it.

    A date or a place may stand before it: "the murder on 26 February of Judge X".
    """
    if _ends_with_of(gist, hit):
        return hit.end, True
    stop = _stop(gist, hit.end, hit.end + _GROUP_REACH // 2)
    words = list(re.finditer(r"\S+", gist.folded.norm[hit.end : min(end, stop)]))
    for index, word in enumerate(words[: _NOUN_WORDS + 2]):
        if word.group() not in gist.lexicon.of:
            continue
        between = hit.end, hit.end + word.start()
        told = gist.hits.within("date", *between) or gist.places_within(*between)
        if index == 0 or told:
            return hit.end + word.end(), True
    return hit.end, False


def _is_cut(gist: Gist, start: int, end: int, places: bool = True) -> bool:
    """Whether a word for "in" (with `places`), "by" or "that" stands in between: what follows it was not hurt."""
    words = gist.folded.norm[start:end].split()
    if any((places and word in gist.lexicon.in_) or word in gist.lexicon.that for word in words):
        return True
    return bool(gist.hits.values("roles", start, end, "agent", "passive"))


def _is_name(gist: Gist, start: int, stop: int, words: int) -> bool:
    """Whether a person's name may begin here: words with a capital that are no words of the language, nor a place."""
    found = list(re.finditer(r"\w+", gist.folded.clean[start:stop]))[:words]
    if len(found) < words:
        return False
    for match in found:
        span = start + match.start(), start + match.end()
        word = gist.folded.norm[slice(*span)]
        known = word in gist.lexicon.words or word in gist.lexicon.articles or word in gist.lexicon.in_
        if (
            known
            or not match.group()[0].isupper()
            or gist.hits.within("date", *span)
            or gist.hits.within("roles", *span)
        ):
            return False
    return True
