"""Killed, wounded and missing: which number belongs to which casualty word, and which counts nobody."""

from collections.abc import Sequence

from services.classify.core.reading.dates import When
from services.classify.core.reading.gist import CLAUSE_END, Casualties, Gist
from services.classify.core.reading.numbers import Number
from services.classify.core.reading.scan import Hit
from services.classify.core.reading.text import Sentence
from services.contracts.report import Count


def casualties_in(gist: Gist, start: int, end: int, numbers: Sequence[Number]) -> Casualties:
    """Killed, wounded and missing told in a span: every casualty word takes the nearest free number."""
    words = gist.hits.within("casualties", start, end)
    if not words:
        return Casualties()
    counts: dict[str, Count] = {}
    spans: dict[str, tuple[int, int]] = {}
    for hit in words:
        zeros = {"none": ("killed", "wounded"), "killed_none": ("killed",), "wounded_none": ("wounded",)}
        for name in zeros.get(hit.value, ()):
            counts[name] = Count(low=0, high=0)
            spans[name] = (hit.start, hit.end)
    pairs = []
    for hit in words:
        if hit.value not in ("killed", "wounded", "missing"):
            continue
        for number in numbers:
            distance = _casualty_distance(gist, hit, number)
            if distance is not None:
                pairs.append((number.weak, distance, hit.start, hit, number))
    taken: set[int] = set()
    toll = _toll(gist, words, numbers)
    if toll is not None:
        taken.add(toll[1].start)
        counts["killed"], spans["killed"] = toll[1].count, (toll[0].start, toll[1].end)
    for _, _, _, hit, number in sorted(pairs, key=lambda pair: pair[:3]):
        if hit.value in counts or number.start in taken:
            continue
        taken.add(number.start)
        counts[hit.value] = number.count
        spans[hit.value] = (min(hit.start, number.start), max(hit.end, number.end))
    for hit in words:
        one = hit.value in ("killed", "wounded") and hit.value not in counts and _one_before(gist, hit)
        if one:
            counts[hit.value], spans[hit.value] = Count(low=1, high=1), (one.start, hit.end)
    hurt = [spans[name] for name in ("killed", "wounded") if name in counts and counts[name].low > 0]
    staff = _staff_among(gist, [(counts[name], spans[name]) for name in counts if name != "missing"], end)
    if staff:
        spans["staff_casualties"] = hurt[0]
    return Casualties(
        counts.get("killed"), counts.get("wounded"), counts.get("missing"), staff, toll is not None, spans
    )


def _one_before(gist: Gist, hit: Hit) -> Hit | None:
    """The singular verb that says one was hurt, without a number: "the judge was killed"."""
    verbs = gist.hits.values("roles", max(0, hit.start - 24), hit.start + 4, "one")
    near = [verb for verb in verbs if verb.start < hit.start + 1 and gist.words_between(verb.end, hit.start) <= 2]
    return near[-1] if near else None


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


def _casualty_distance(gist: Gist, hit: Hit, number: Number) -> float | None:
    if number.end <= hit.start:
        between, limit, bias = (number.end, hit.start), 3 if number.weak else 7, 0.0
    elif number.start >= hit.end:
        between, limit, bias = (hit.end, number.start), 1 if number.weak else 4, 0.5
    elif number.start >= hit.start and number.end <= hit.end:
        return 0.0
    else:
        return None
    if between[1] - between[0] > _MAX_CASUALTY_CHARACTERS:
        return None
    words = gist.words_between(*between)
    stops = sum(gist.folded.clean.count(mark, *between) for mark in ",;:،，")
    if words > limit or stops > 1 or gist.hits.within("weapons", *between):
        return None
    return words + bias + 3 * stops


def countable(gist: Gist, sentence: Sentence, whens: Sequence[When]) -> list[Number]:
    """The numbers of a sentence that may count people or things: no dates, ages, distances, hours.

    None are read where the scan saw nothing to count.
    """
    start, end = sentence.start, sentence.end
    if not gist.hits.within("casualties", start, end) and not gist.hits.within("quantities", start, end):
        return []
    kept = []
    for number in gist.numbers.read(gist.folded.norm, start, end):
        if any(when.start < number.end and number.start < when.end for when in whens):
            continue
        following = gist.folded.norm[number.end : number.end + 24].split()
        if (
            gist.lexicon.spaced
            and following
            and (
                following[0] in gist.lexicon.numbers.not_counts
                or " ".join(following[:2]) in gist.lexicon.numbers.not_counts
            )
        ):
            continue
        if _is_age(gist, number):
            continue
        kept.append(number)
    return kept


def _is_age(gist: Gist, number: Number) -> bool:
    """A number in digits between two commas is somebody's age: "the mayor, 65, was killed"."""
    clean = gist.folded.clean
    digits = clean[number.start : number.end].isdecimal()
    return (
        digits
        and clean[max(0, number.start - 3) : number.start].rstrip()[-1:] == ","
        and clean[number.end : number.end + 1] == ","
    )
