"""Killed, wounded and missing: which number belongs to which casualty word, and which counts nobody."""

from collections.abc import Sequence

from services.classify.core.reading.dates import When
from services.classify.core.reading.gist import CLAUSE_END, Casualties, Gist
from services.classify.core.reading.groups import (
    ONE,
    Group,
    added,
    companions,
    from_word,
    is_companion,
    total,
    with_joined,
)
from services.classify.core.reading.lexicon import GENERIC_EVENTS
from services.classify.core.reading.listing import clause_stop, plain_words
from services.classify.core.reading.numbers import Number
from services.classify.core.reading.scan import Hit
from services.classify.core.reading.text import MOST_IN_A_SENTENCE, Sentence
from services.classify.core.reading.victims import (
    BRACKET,
    BRACKET_WORDS,
    are_attackers,
    is_group,
    of_attackers,
    unnumbered,
)
from services.contracts.report import Count

_COUNTED = ("killed", "wounded", "missing")
_ZEROS = {"none": ("killed", "wounded"), "killed_none": ("killed",), "wounded_none": ("wounded",)}
_ALSO = {"killed_also": "killed", "wounded_also": "wounded"}
"""Words whose count comes on top of what was told before: "his driver was also killed"."""
_ONES = {"killed_one": "killed", "wounded_one": "wounded"}


def casualties_in(gist: Gist, start: int, end: int, numbers: Sequence[Number]) -> Casualties:
    """Killed, wounded and missing told in a span: every casualty word takes the nearest free number.

    A word without one is read for whom it speaks of; such a count is `soft` and gives way to a number.
    """
    words = gist.hits.within("casualties", start, end)
    if not words or any(hit.value == "over_time" for hit in words):
        return Casualties()  # "two judges have been murdered so far this year"
    told: dict[str, Group] = {}
    toll = _toll(gist, words, numbers)
    taken: set[int] = set()
    if toll is not None:
        taken.add(toll[1].start)
        told["killed"] = toll[1].count, (toll[0].start, toll[1].end)
    also = [hit for hit in words if hit.value in _ALSO]
    own = [hit for hit in words if hit.value not in _ALSO]
    soft = _read(gist, own, start, end, numbers, told, taken)
    more: dict[str, Group] = {}
    for hit in also:
        _read(gist, [hit._replace(value=_ALSO[hit.value])], start, end, numbers, more, taken)
    for name, group in more.items():
        told[name] = added(told[name], group) if name in told else group
    counts = {name: count for name, (count, _) in told.items()}
    spans = {name: span for name, (_, span) in told.items()}
    single = {number.count for number in numbers}
    hurt = [spans[name] for name in ("killed", "wounded") if name in counts and counts[name].low > 0]
    staff = _staff_among(gist, [told[name] for name in told if name != "missing"], end)
    if staff:
        spans["staff_casualties"] = hurt[0]
    return Casualties(
        counts.get("killed"),
        counts.get("wounded"),
        counts.get("missing"),
        staff,
        toll is not None,
        frozenset(soft),
        frozenset(name for name in more if told[name] is more[name]),
        frozenset(name for name, count in counts.items() if name not in soft and count not in single),
        spans,
    )


def _read(
    gist: Gist,
    words: Sequence[Hit],
    start: int,
    end: int,
    numbers: Sequence[Number],
    told: dict[str, Group],
    taken: set[int],
) -> set[str]:
    """Fill `told` by the words' numbers, then by whom they speak of; the names of the latter."""
    for hit, number in _pairs(gist, words, start, end, numbers):
        if hit.value in told or number.start in taken:
            continue
        taken.add(number.start)
        told[hit.value] = with_joined(gist, number, hit, numbers, taken)
    for hit in words:
        # After the numbers: "the general was unhurt, but two were killed and 50 wounded".
        for name in _ZEROS.get(hit.value, ()):
            told.setdefault(name, (Count(low=0, high=0), (hit.start, hit.end)))
    soft = set()
    for hit in words:
        name = _ONES.get(hit.value, hit.value)
        group = (
            None
            if name in told and not _is_beside(hit, told[name])
            else _unnumbered(gist, hit, start, end, numbers, taken)
        )
        if group is not None:
            told[name] = group
            soft.add(name)
    for hit in words:
        name = _ONES.get(hit.value, hit.value)
        others = companions(gist, hit, numbers, taken) if name in ("killed", "wounded") else None
        if others is not None:
            known, span = told.get(name, (ONE, others[1]))
            told[name] = total(known, others[0]), (min(span[0], others[1][0]), max(span[1], others[1][1]))
    return soft


def _pairs(
    gist: Gist, words: Sequence[Hit], start: int, end: int, numbers: Sequence[Number]
) -> list[tuple[Hit, Number]]:
    """Casualty words and the numbers that may be theirs, the likeliest first."""
    found = []
    for hit in words:
        if hit.value not in _COUNTED:
            continue
        for number in numbers:
            distance = _casualty_distance(gist, hit, number)
            if distance is None or _is_of_others(gist, number, start, end, distance):
                continue
            if are_attackers(gist, number):
                continue
            if _is_relative(gist, number, hit) or not is_companion(gist, number.start, number.end):
                found.append(((number.weak, distance, hit.start), hit, number))
    found.sort(key=lambda pair: pair[0])
    return [(hit, number) for _, hit, number in found]


def _is_relative(gist: Gist, number: Number, hit: Hit) -> bool:
    """ "Along with five others who were wounded": whether a relative pronoun leads from a number to its word."""
    words = gist.folded.norm[number.end : hit.start].split()
    return any(word in gist.lexicon.which for word in words)


def _unnumbered(gist: Gist, hit: Hit, start: int, end: int, numbers: Sequence[Number], taken: set[int]) -> Group | None:
    if hit.value in _ONES:
        return from_word(gist, hit, numbers, taken)
    if hit.value not in ("killed", "wounded"):
        return None
    if gist.hits.values("guards", max(start, hit.start - _NEIGHBOUR_REACH), hit.start, "anniversary"):
        return None  # "two weeks before the anniversary of the general's death"
    verb = _one_before(gist, hit)
    if verb is not None:
        if of_attackers(gist, start, verb.start):
            return None
        one = ONE, (verb.start, hit.end)
        if verb.start < hit.start:
            return one
        # The verb is the word itself, as in "убит": it may yet speak of two ("the consul and his driver").
        return unnumbered(gist, hit, start, end, numbers, taken) or one
    return unnumbered(gist, hit, start, end, numbers, taken)


def _is_of_others(gist: Gist, number: Number, start: int, end: int, distance: float) -> bool:
    """Whether a number outside the span stands nearer to a casualty word out there: "one killed, two guards hurt"."""
    if start <= number.start < end:
        return False
    after = number.start >= end
    reach = (number.end, number.end + _NEIGHBOUR_REACH) if after else (number.start - _NEIGHBOUR_REACH, start)
    others = gist.hits.values("casualties", *reach, *_COUNTED)
    distances = (_casualty_distance(gist, other, number) for other in others)
    return any(other is not None and other <= distance for other in distances)


_NEIGHBOUR_REACH = 40


def _is_beside(hit: Hit, group: Group) -> bool:
    """Whether a word stands apart from the zero told: "the envoy was not hurt, a guard was wounded"."""
    count, (first, last) = group
    return count.high == 0 and (hit.end <= first or last <= hit.start)


def _one_before(gist: Gist, hit: Hit) -> Hit | None:
    """The singular verb that says one was hurt, without a number: "the judge was killed"."""
    late = gist.lexicon.order == "sov"  # "ist am Montag in Ankara von einem Attentäter erschossen worden"
    verbs = gist.hits.values("roles", max(0, hit.start - (BRACKET if late else _VERB_REACH)), hit.end, "one")
    reach = BRACKET_WORDS if late else 2
    near = [
        verb
        for verb in verbs
        if verb.start < hit.start + 1
        and (gist.words_between(verb.end, hit.start) <= reach or _is_second(gist, verb.end, hit.start))
    ]
    if not near or CLAUSE_END.search(gist.folded.clean, near[-1].end, max(near[-1].end, hit.start)):
        return None
    return near[-1]


_VERB_REACH = 40


def _is_second(gist: Gist, start: int, end: int) -> bool:
    """Whether the words between an auxiliary and a verb are another verb: "was shot and seriously wounded"."""
    words = gist.folded.norm[start:end].split()
    joined = any(word in gist.lexicon.and_words for word in words[1:])
    return joined and len(words) <= 4 and not gist.hits.within("victims", start, end)


def _toll(gist: Gist, words: Sequence[Hit], numbers: Sequence[Number]) -> tuple[Hit, Number] | None:
    """A new total of the dead: "the toll rose to six"; not one of the wounded."""
    for hit in words:
        if hit.value != "toll":
            continue
        told = [word.value for word in words if word.end <= hit.start and word.value in ("killed", "wounded")]
        if told and told[-1] == "wounded":
            continue
        following = [n for n in numbers if n.start >= hit.end and gist.words_between(hit.end, n.start) <= 3]
        if following and not following[0].weak:
            return hit, following[0]
    return None


_STAFF_REACH = 40


def _staff_among(gist: Gist, told: Sequence[tuple[Count, tuple[int, int]]], end: int) -> Count | None:
    """How many of the killed and wounded are staff: those whose words hold, or go on to, a word for staff."""
    found = []
    for count, (first, last) in told:
        stop = CLAUSE_END.search(gist.folded.clean, last, min(end, last + _STAFF_REACH))
        reach = stop.start() if stop else min(end, last + _STAFF_REACH)
        if count.low > 0 and gist.hits.values("sites", first, reach, "staff"):
            found.append(count)
    if not found:
        return None
    high = None if any(count.high is None for count in found) else sum(count.high or 0 for count in found)
    return Count(low=sum(count.low for count in found), high=high)


_MAX_CASUALTY_CHARACTERS = 90
_LONG_GROUP = 12
"""Words a group may have before its verb where its number and its noun stand together."""


def _casualty_distance(gist: Gist, hit: Hit, number: Number) -> float | None:
    if number.start >= hit.start and number.end <= hit.end:
        return 0.0
    between = (number.end, hit.start) if number.end <= hit.start else (hit.end, number.start)
    if not 0 <= between[1] - between[0] <= _MAX_CASUALTY_CHARACTERS:
        return None
    explained = _explained(gist, number, hit)
    if explained is not None:
        between, limit, bias = (number.end, explained), _LONG_GROUP, 0.0
        words = gist.words_between(*between)
    elif number.end <= hit.start:
        limit = 3 if number.weak else _LONG_GROUP if is_group(gist, number) else 7
        words, bias = gist.words_between(*between), 0.0
    else:
        limit = 1 if number.weak else 4
        words, bias = plain_words(gist, *between), 0.5
    if words > limit or _is_apart(gist, hit, number):
        return None
    stops = sum(gist.folded.clean.count(mark, *between) for mark in ",;:،，")
    if stops and gist.hits.values("casualties", *between, "among"):
        stops -= 2  # "six priests, five of them foreigners, were killed"
    if stops > 1 or gist.hits.within("weapons", *between):
        return None
    return words + bias + 3 * stops


def _explained(gist: Gist, number: Number, hit: Hit) -> int | None:
    """ "Two members of his escort, men of the secret police, were wounded": where two commas begin to tell who those
    counted are, if their verb stands right behind; else None."""
    clean = gist.folded.clean
    first, last = clean.find(",", number.end, hit.start), clean.rfind(",", number.end, hit.start)
    if first == last or clean.count(",", first, hit.start) != 2 or not is_group(gist, number):
        return None
    verbs = gist.hits.values("roles", last + 1, hit.start, "passive")
    return first if verbs and not clean[last + 1 : verbs[0].start].strip() else None


def _counts_deeds(gist: Gist, hit: Hit, number: Number) -> bool:
    """Whether a number counts events or shots: "two attacks killed", "fired 13 shots, killing him", "in an attack"."""
    stop = hit.start if number.end <= hit.start else clause_stop(gist, number.end, number.end + _DEED_REACH)
    if number.end <= hit.start and gist.hits.values("quantities", number.end, stop, "explosions", "rockets", "shots"):
        return True
    events = gist.hits.triggers(number.end, stop)
    return any(event.value in _DEEDS and gist.words_between(number.end, event.start) <= 1 for event in events)


_DEED_REACH = 30
_DEEDS = frozenset({*GENERIC_EVENTS, "bombing_ied", "suicide_attack", "rocket_mortar_missile", "air_drone_strike"})
"""Events that a number may count; the others tell of those who are counted: "two kidnapped students"."""


def _is_apart(gist: Gist, hit: Hit, number: Number) -> bool:
    """Whether the words around a number and a casualty word say that they do not belong together."""
    lexicon = gist.lexicon
    if _is_among(gist, hit, number) or _counts_deeds(gist, hit, number):
        return True
    if number.end <= hit.start:
        if hit.prefix in lexicon.and_prefixes:
            return True  # Arabic "وأصيب" begins another clause
        between = gist.folded.norm[number.end : hit.start].split()
        if between and all(word in lexicon.of or word in lexicon.articles for word in between):
            return between[0] in lexicon.of and between[-1] in lexicon.articles  # "two of the murdered"
        led = between and between[-1] in lexicon.of | lexicon.articles
        if led and lexicon.articles and lexicon.order == "svo":
            return True  # "five men suspected of killing the senator", "charged with the murder"
        # "Five students and the murder of a merchant": what it speaks of comes after it.
        return gist.folded.norm[hit.start : hit.end].split()[-1] in lexicon.of
    between = gist.folded.norm[hit.end : number.start].split()
    if gist.hits.values("roles", hit.end, number.start, "agent"):
        return True  # "killed by three men"
    if between and between[0] in lexicon.in_ and plain_words(gist, hit.end, number.start) == len(between) + 1:
        return True  # "killed in two villages", not "killed in Kabul two guards"
    if any(mark in gist.folded.clean[hit.end : number.start] for mark in ",;،，"):
        return lexicon.spaced
    if not between or between[0] not in lexicon.numbers.joiners:
        return False
    # "One was killed and two were wounded"; the verb-last languages have said their number before.
    passive = gist.hits.values("roles", max(0, hit.start - 24), hit.start, "passive")
    if passive and gist.words_between(passive[-1].end, hit.start) <= 2:
        return True  # "two were wounded and 13 shops destroyed"
    after = gist.hits.within("casualties", number.end, number.end + _MAX_CASUALTY_CHARACTERS)
    return lexicon.order == "sov" or any(other.value != hit.value for other in after)


def _is_among(gist: Gist, hit: Hit, number: Number) -> bool:
    """ "Including two children", "five of them Spaniards": counted already; not "four of them died"."""
    for word in gist.hits.values("casualties", number.start - 16, number.end + 12, "among"):
        after = number.end <= word.start <= number.end + 1
        if after and word.end <= hit.start and not CLAUSE_END.search(gist.folded.clean, word.end, hit.start):
            continue
        if after or gist.words_between(*sorted((word.end, number.start))) <= 1:
            return True
    return False


def is_numbered(gist: Gist, sentence: Sentence) -> bool:
    """Whether a sentence has words whose numbers are read."""
    span = sentence.start, sentence.end
    return bool(gist.hits.within("casualties", *span) or gist.hits.within("quantities", *span))


def countable(gist: Gist, sentence: Sentence, whens: Sequence[When]) -> list[Number]:
    """The numbers of a sentence that may count people or things: no dates, ages, distances, hours.

    None are read where the scan saw nothing to count.
    """
    start, end = sentence.start, sentence.end
    if not is_numbered(gist, sentence):
        return []
    kept: list[Number] = []
    for number in gist.numbers.read(gist.folded.norm, start, end)[:MOST_IN_A_SENTENCE]:
        if any(when.start < number.end and number.start < when.end for when in whens):
            continue
        if _counts_nothing(gist, number):
            continue
        if _is_age(gist, number):
            continue
        kept.append(number)
    return kept


def _counts_nothing(gist: Gist, number: Number) -> bool:
    """Whether the words beside a number make it an age, a distance, an hour, the name of a station."""
    words = gist.lexicon.numbers
    if not gist.lexicon.spaced:
        return gist.folded.norm.startswith(tuple(words.not_counts), number.end)
    following = gist.folded.norm[number.end : number.end + 24].split()
    if following and (following[0] in words.not_counts or " ".join(following[:2]) in words.not_counts):
        return True
    before = gist.folded.norm[max(0, number.start - 16) : number.start].split()
    if before and before[-1] in words.not_counts_after:
        return True
    if number.weak and following and gist.folded.norm[number.end : number.end + 24].split()[0].isdecimal():
        return True
    return gist.folded.clean[number.start : number.end].isdecimal() and (
        _is_joined(gist, number) or _is_hour(gist, number)
    )


def _is_hour(gist: Gist, number: Number) -> bool:
    """Four digits before a stop may be an hour: "exploded at about 1100, killing ..."."""
    digits = gist.folded.clean[number.start : number.end]
    stops = gist.folded.clean[number.end : number.end + 1] in (",", ".", ";")
    return stops and len(digits) == 4 and int(digits[:2]) < 24 and int(digits[2:]) < 60


def _is_joined(gist: Gist, number: Number) -> bool:
    """A number in digits grown together with a Latin word: "12-year-old", "7-second", "Channel 7's", "M-19"."""
    before = gist.folded.clean[max(0, number.start - 2) : number.start]
    if len(before) == 2 and before[1] == "-" and before[0].isascii() and before[0].isalpha():
        return True
    following = gist.folded.clean[number.end : number.end + 2]
    return len(following) == 2 and following[0] in "-'’" and following[1].isascii() and following[1].isalpha()


def _is_age(gist: Gist, number: Number) -> bool:
    """A number in digits between two commas is somebody's age: "the mayor, 65, was killed"."""
    clean = gist.folded.clean
    digits = clean[number.start : number.end].isdecimal()
    return (
        digits
        and clean[max(0, number.start - 3) : number.start].rstrip()[-1:] == ","
        and clean[number.end : number.end + 1] == ","
    )
