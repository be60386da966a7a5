"""Groups of people that one casualty word speaks of: which of them add up, which only break down or explain another.

"Two soldiers, a policeman and three civilians", "six priests -- five Spaniards and a Salvadoran -- and two women",
"the mayor along with two of his guards" add up; "five people, a woman and four children" breaks down.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from services.classify.core.reading.gist import CLAUSE_END, Gist, Mention
from services.classify.core.reading.listing import (
    Break,
    breaks_in,
    clause_stop,
    first_noun,
    is_cut,
    is_name,
    names_listed,
    plain_words,
    sentence_stop,
)
from services.classify.core.reading.numbers import Number
from services.classify.core.reading.scan import Hit
from services.contracts.report import Count

NONE = Count(low=0, high=0)
ONE = Count(low=1, high=1)
SOME = Count(low=2, high=None)
"""A bare plural: "priests were killed"."""

Group = tuple[Count, tuple[int, int]]
"""How many, and the words that say so."""

GROUP_REACH = 70
NOUN_WORDS = 4
_LIST_REACH = 260


class _Item(NamedTuple):
    """A group in a list. `named`: a person's name follows the noun, so that an office after a comma explains it."""

    people: Count
    start: int
    end: int
    named: bool


def _reach(gist: Gist) -> int:
    """How far a list may go on, in characters; half as far where words are not spaced, as words are shorter."""
    return _LIST_REACH if gist.lexicon.spaced else _LIST_REACH // 2


def number_of(noun: Hit) -> Count:
    """How many a noun for people names by itself."""
    return ONE if noun.value == "one" else SOME


def total(first: Count, second: Count) -> Count:
    high = None if first.high is None or second.high is None else first.high + second.high
    return Count(low=first.low + second.low, high=high)


def added(first: Group, second: Group) -> Group:
    """Both groups together; the words are those of the second."""
    return total(first[0], second[0]), second[1]


def after(
    gist: Gist, first: _Item, hit: Hit, numbers: Sequence[Number], taken: set[int], kinds: Sequence[str] = ()
) -> Iterator[Group]:
    """The groups after one: "killed six priests and two women", not "and wounded two", "and two were wounded".

    What commas join counts only where an "and" closes the list, and not where it makes up the first group. `taken`:
    where the numbers begin and the "along with" end that are counted already.
    """
    last, held, named = first.end, list[_Item](), first.named
    stop = hit.start if last <= hit.start else sentence_stop(gist, last, last + _reach(gist))
    breaks = breaks_in(gist, last, stop)
    for index, each in enumerate(breaks):
        if each.kind == "aside":
            continue
        if each.kind == "cut" or (kinds and each.kind not in kinds) or is_cut(gist, last, each.start, not kinds):
            return
        end = breaks[index + 1].start if index + 1 < len(breaks) else stop
        item = _item_at(gist, each, end, numbers, named)
        if item is None or item.start in taken or _is_other_words(gist, hit, each.end, item.end, end):
            return
        held.append(item)
        if each.kind == "along":
            taken.add(each.end - 1)
        last, named = item.end, item.named or (named and item.people == NONE)
        if each.kind != "comma":
            if first.people.low > 1 and len(held) > 1 and sum(one.people.low for one in held) == first.people.low:
                return  # "five people, a woman and four children"
            yield from ((one.people, (one.start, one.end)) for one in held)
            held.clear()
            kinds = ()


def _is_other_words(gist: Gist, hit: Hit, start: int, end: int, stop: int) -> bool:
    """Whether another casualty word speaks of the group in `[start, end)`: "two guards, and three were wounded"."""
    if gist.hits.within("casualties", start, end):
        return True
    if start < hit.start:
        return False
    following = gist.hits.within("casualties", end, min(stop, end + GROUP_REACH // 2))
    return any(not hit.value.startswith(other.value) for other in following)


def _item_at(gist: Gist, opened: Break, end: int, numbers: Sequence[Number], named: bool) -> _Item | None:
    """The group that begins right behind a break; one of none where it only says who the last one was."""
    start = opened.end
    noun = first_noun(gist, start, min(end, start + GROUP_REACH))
    noun = noun if noun and gist.words_between(start, noun.start) <= NOUN_WORDS + 1 else None
    number = next((n for n in numbers if start <= n.start < end and gist.words_between(start, n.start) <= 1), None)
    if noun is not None and (noun.value == "attackers" or is_cut(gist, start, noun.start)):
        return _Item(NONE, start, noun.end, False) if noun.value == "attackers" else None
    if gist.hits.within("casualties", start, end if noun is None else noun.end):
        return None
    if number is not None and not number.weak:
        if not counts_people(gist, number, noun) or (opened.kind == "comma" and noun is None):
            return None
        last = noun.end if noun and gist.words_between(number.end, noun.start) <= NOUN_WORDS else number.end
        return _Item(number.count, number.start, last, False)
    if noun is None:
        return None
    follows = is_name(gist, noun.end, end, 1)
    if opened.kind == "comma" and gist.hits.values("roles", noun.end, end, "speech"):
        return None  # "..., a policeman said, ..."
    led = _begins_group(gist, start, noun)
    if opened.kind == "comma" and named and noun.value == "one" and not (follows and not led):
        return _Item(NONE, noun.start, noun.end, named)  # "Ana Ruiz, the mayor, and her driver"
    bare = not gist.folded.norm[start : noun.start].strip()
    if led or (follows and (named or opened.kind == "comma")) or (bare and not gist.lexicon.articles):
        return _Item(number_of(noun), noun.start, noun.end, follows)
    if noun.value == "many" and bare:
        return _Item(SOME, noun.start, noun.end, follows)
    return None


def _begins_group(gist: Gist, start: int, noun: Hit) -> bool:
    """ "... and his driver" is another one, "senator and presidential candidate" is not."""
    words = gist.folded.norm[start : noun.end].split()[:-1]  # the noun's own first word may be the article
    lexicon = gist.lexicon
    if len(words) <= 1 and gist.folded.norm[noun.start : noun.end].endswith(lexicon.possessive_endings):
        return True
    led = lexicon.articles | lexicon.possessives | lexicon.numbers.ones
    # "y al comandante", "a un juez": a word for "to" may stand before the article, or hold it.
    marked = gist.hits.values("roles", start, noun.start, "against")
    return bool(words) and (not led.isdisjoint(words[:2]) or words[0] in lexicon.of or bool(marked))


def begins_with_his(gist: Gist, mention: Mention) -> bool:
    """Whether a sentence begins with somebody's people: "His driver was shot"."""
    noun = first_noun(gist, mention.sentence.start, mention.trigger[1])
    if noun is None or noun.value == "attackers":
        return False
    words = gist.folded.norm[mention.sentence.start : noun.end].split()
    possessive = words[0] in gist.lexicon.possessives or words[-1].endswith(gist.lexicon.possessive_endings)
    return possessive and len(words) <= NOUN_WORDS


def opens_group(gist: Gist, noun: Hit) -> bool:
    """Whether a noun behind an "and" is another one than the noun before: it has an article, a possessive, a name."""
    opened = next(reversed(breaks_in(gist, max(0, noun.start - GROUP_REACH), noun.start)), None)
    start = opened.end if opened else noun.start
    bare = not gist.lexicon.articles
    return bare or noun.value == "many" or _begins_group(gist, start, noun) or is_name(gist, noun.end, noun.end + 40, 1)


def counts_people(gist: Gist, number: Number, noun: Hit | None) -> bool:
    """Whether a number after "and" goes on counting people: anything but things, or an article with no person."""
    if noun is not None and number.end <= noun.start and gist.words_between(number.end, noun.start) <= NOUN_WORDS:
        return True
    things = number.end, number.end + GROUP_REACH // 2
    if number.weak or gist.hits.within("weapons", *things) or gist.hits.within("quantities", *things):
        return False
    return not gist.hits.values("actors", *things, "property")


def before(gist: Gist, first: int, numbers: Sequence[Number], opened: int = 2) -> Iterator[Group]:
    """The groups before the one at `first`: "a judge and two guards were killed". None where they are another word's.

    `opened`: how many words of its own that group may have before `first`.
    """
    window = _window(gist, first)
    if window is None:
        return
    breaks = breaks_in(gist, window, first)
    if not breaks or breaks[-1].kind not in ("and", "along"):
        return
    if gist.words_between(breaks[-1].end, first) > opened:
        return
    index = len(breaks) - 1
    while index >= 0 and breaks[index].kind not in ("aside", "cut"):
        strict = breaks[index].kind == "comma"
        end = breaks[index].start
        index -= 1
        while index >= 0 and breaks[index].kind == "aside" and not gist.folded.norm[breaks[index].end : end].strip():
            end = breaks[index].start
            index -= 1
        start = breaks[index].end if index >= 0 else window
        group = _item_listed(gist, start, end, numbers) if strict else _item_before(gist, start, end, numbers)
        if group is None:
            return
        yield group


def _window(gist: Gist, position: int) -> int | None:
    """Where a list that ends at a position may begin; None where what stands there is some of those counted."""
    sentence = gist.sentence_at(position)
    start = max(sentence.start if sentence else 0, position - _reach(gist))
    words = gist.hits.within("casualties", start, position)
    if words and words[-1].value == "among":
        return None
    return words[-1].end if words else start


def _item_before(gist: Gist, start: int, end: int, numbers: Sequence[Number]) -> Group | None:
    """The group that ends right before an "and"."""
    nouns = [noun for noun in gist.hits.within("victims", start, end) if noun.value in ("one", "many")]
    noun = nouns[-1] if nouns and gist.words_between(nouns[-1].end, end) <= NOUN_WORDS else None
    last = noun.start if noun else end
    number = next((n for n in reversed(numbers) if start <= n.start and n.end <= last), None)
    anchor = noun or number
    if anchor is None or is_cut(gist, anchor.end, end):
        return None
    if gist.hits.values("roles", start, anchor.start, "agent"):
        return None  # "murdered by a gang of boys, and two were wounded"
    if number is not None and gist.words_between(number.end, last) <= NOUN_WORDS:
        return (number.count, (number.start, end)) if counts_people(gist, number, noun) else None
    if noun is None:
        return None
    return number_of(noun), (noun.start, noun.end)


def _item_listed(gist: Gist, start: int, end: int, numbers: Sequence[Number]) -> Group | None:
    """The group that fills the stretch between two commas, or from the beginning, with a number or an article ahead."""
    nouns = gist.hits.within("victims", start, end)
    noun = nouns[-1] if nouns and gist.words_between(nouns[-1].end, end) <= NOUN_WORDS else None
    if noun is None or noun.value == "attackers" or is_cut(gist, noun.end, end):
        return None
    group = number_of(noun)
    number = next((n for n in reversed(numbers) if start <= n.start and n.end <= noun.start), None)
    if number is not None and gist.words_between(number.end, noun.start) <= NOUN_WORDS:
        told = gist.hits.triggers(number.start, end)
        return None if told else (group if number.weak else number.count, (number.start, noun.end))
    for date in gist.hits.within("date", start, noun.start):
        if gist.words_between(start, date.start) <= 1:
            start = date.end
    if gist.words_between(start, noun.start) > NOUN_WORDS or gist.hits.triggers(start, end):
        return None
    bare = not gist.lexicon.articles and not gist.folded.norm[start : noun.start].strip()
    if _begins_group(gist, start, noun) or bare or is_name(gist, noun.end, end, 1):
        return group, (noun.start, noun.end)
    return None


def with_joined(gist: Gist, number: Number, hit: Hit, numbers: Sequence[Number], taken: set[int]) -> Group:
    """A number and the groups that the same word speaks of: "six priests and two women were killed"."""
    count, first, last = number.count, number.start, number.end
    noun = first_noun(gist, number.start, clause_stop(gist, number.end, number.end + GROUP_REACH))
    end = number.end
    if noun and gist.words_between(end, noun.start) <= NOUN_WORDS:
        broken = bool(breaks_in(gist, end, noun.start))
        if broken and not gist.lexicon.spaced:  # "维和士兵" is one word; "两人和一名士兵" are two groups
            broken = any(end <= other.start < noun.start for other in numbers)
        end = end if broken else max(end, noun.end)
    item = _Item(number.count, number.start, min(end, hit.start) if number.end <= hit.start < end else end, False)
    earlier = before(gist, first, numbers) if first < hit.start else ()
    for joined, span in (*earlier, *after(gist, item, hit, numbers, taken)):
        count = total(count, joined)
        first, last = min(first, span[0]), max(last, span[1])
    return count, (min(first, hit.start), max(last, hit.end))


def people_of(gist: Gist, noun: Hit) -> tuple[Count, int]:
    """How many a noun without a number names, and where that ends: "reporters Ana Ruiz and Juan Mora" are two."""
    if noun.value == "one":
        return ONE, noun.end
    names, end = names_listed(gist, noun.end, sentence_stop(gist, noun.end, noun.end + _reach(gist)))
    return (Count(low=names, high=names), end) if names > 1 else (SOME, noun.end)


def from_noun(gist: Gist, noun: Hit, hit: Hit, numbers: Sequence[Number], taken: set[int]) -> Group:
    """The person or people a noun behind a casualty word names, and the groups after it."""
    people, end = people_of(gist, noun)
    named = end > noun.end or is_name(gist, noun.end, noun.end + GROUP_REACH, 1)
    return _and_after(gist, _Item(people, noun.start, end, named), hit, numbers, taken)


def from_word(gist: Gist, hit: Hit, numbers: Sequence[Number], taken: set[int]) -> Group:
    """The one person that a word tells of by itself, and the groups after it: "wounding her and three others"."""
    return _and_after(gist, _Item(ONE, hit.start, hit.end, False), hit, numbers, taken)


def from_name(gist: Gist, start: int, hit: Hit, numbers: Sequence[Number], taken: set[int]) -> Group:
    """The person whose name begins at `start`, and the groups after it."""
    return _and_after(gist, _Item(ONE, start, start + 1, True), hit, numbers, taken)


def _and_after(gist: Gist, item: _Item, hit: Hit, numbers: Sequence[Number], taken: set[int]) -> Group:
    count, last = item.people, item.end
    for joined, span in after(gist, item, hit, numbers, taken):
        count, last = total(count, joined), span[1]
    return count, (hit.start, last)


_NEAR_WORDS, _FAR_WORDS = 4, 15


def companions(gist: Gist, hit: Hit, numbers: Sequence[Number], taken: set[int]) -> Group | None:
    """Those who were hurt "along with" the one a casualty word speaks of, told apart from him by the word itself.

    "Rivera was shot dead in his home, along with two others"; "wurde zusammen mit zwei Leibwächtern erschossen".
    """
    window = _window(gist, hit.start)
    stop = sentence_stop(gist, hit.end, hit.end + _reach(gist))
    for word in gist.hits.values("roles", hit.start if window is None else window, stop, "along"):
        if word.end - 1 in taken:
            continue
        opened = Break("along", word.start, word.end)
        if word.end <= hit.start and gist.lexicon.in_after:
            group = _item_before(gist, max(window or 0, word.start - GROUP_REACH), word.start, numbers)
        elif word.end <= hit.start:
            item = _item_at(gist, opened, hit.start, numbers, False)
            near = item and gist.words_between(item.end, hit.start) <= NOUN_WORDS
            own = gist.lexicon.order == "sov" or gist.is_after_comma(word.start)
            group = (item.people, (item.start, item.end)) if item and near and own else None
        elif _follows(gist, hit, word):
            item = _item_at(gist, opened, stop, numbers, False)
            if item is None or _is_other_words(gist, hit, word.end, item.end, stop):
                continue
            group = _and_after(gist, item, hit, numbers, taken)
        else:
            return None
        if group is not None:
            taken.add(word.end - 1)
            return group
    return None


def _follows(gist: Gist, hit: Hit, word: Hit) -> bool:
    """Whether "along with" behind a casualty word hangs on it: close by, or after a comma; no other harm between."""
    if gist.hits.within("casualties", hit.end, word.start):
        return False
    far = gist.is_after_comma(word.start)
    return plain_words(gist, hit.end, word.start) <= (_FAR_WORDS if far else _NEAR_WORDS)


def is_companion(gist: Gist, start: int, end: int) -> bool:
    """Whether a number or a noun tells of those "along with" somebody: the one who is told first comes on top."""
    for word in gist.hits.values("roles", start - GROUP_REACH // 2, end + GROUP_REACH // 2, "along"):
        between = (word.end, start) if word.end <= start else (end, word.start)
        if (word.end <= start or gist.lexicon.in_after) and gist.words_between(*between) <= NOUN_WORDS - 1:
            return not CLAUSE_END.search(gist.folded.clean, between[0], max(between))
    return False
