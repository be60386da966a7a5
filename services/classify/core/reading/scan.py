"""One pass of the automaton over a folded text: every term that stands in it, by layer.

Within a layer a longer term swallows the shorter ones inside it; terms of different layers may overlap. A phrase of
the layer `ignore` swallows whatever shorter term of any layer lies inside it.
"""

import re
from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from itertools import accumulate, compress
from operator import itemgetter
from typing import NamedTuple

from services.classify.core.reading.matcher import TRIGGER_LAYERS, Matcher
from services.classify.core.reading.text import Folded


class Hit(NamedTuple):
    """A term in the text: offsets of `Folded.clean`."""

    start: int
    end: int
    layer: str
    value: str
    prefix: str = ""
    """The clitic fused with its first word."""


RawMatch = tuple[int, int, int]


def find(matcher: Matcher, folded: Folded) -> list[RawMatch]:
    """Raw automaton matches; offsets are those of the padded text."""
    matches: list[RawMatch] = matcher.automaton.find_matches_as_indexes(f" {folded.norm} ", overlapping=True)
    return matches


_Sorted = tuple[list[int], list[Hit]]
"""Hits in order, and where each begins."""


class Hits:
    """The terms of a text, by layer, in order of their start."""

    def __init__(self, layers: dict[str, list[Hit]]) -> None:
        self._layers = _in_order(layers)
        self._values: dict[str, dict[str, _Sorted]] = {}

    def all(self, layer: str, value: str = "") -> list[Hit]:
        """Hits of `layer`, those that have `value` if it is given."""
        known = self._of(layer).get(value) if value else self._layers.get(layer)
        return known[1] if known else []

    def within(self, layer: str, start: int, end: int) -> list[Hit]:
        """Hits of `layer` that lie in `[start, end)`."""
        known = self._layers.get(layer)
        return _between(known, start, end) if known and known[0][0] < end and known[0][-1] >= start else []

    def triggers(self, start: int, end: int) -> list[Hit]:
        """The event words that lie in `[start, end)`, those that tell an event by themselves first."""
        return [hit for layer in TRIGGER_LAYERS for hit in self.within(layer, start, end)]

    def values(self, layer: str, start: int, end: int, value: str, *others: str) -> list[Hit]:
        """Hits of `layer` in `[start, end)` that have one of the values."""
        if others:
            return [hit for hit in self.within(layer, start, end) if hit.value == value or hit.value in others]
        by_value = self._values.get(layer)
        known = (self._of(layer) if by_value is None else by_value).get(value)
        return _between(known, start, end) if known and known[0][0] < end and known[0][-1] >= start else []

    def _of(self, layer: str) -> dict[str, _Sorted]:
        """The hits of a layer by value."""
        if layer not in self._values:
            grouped: dict[str, list[Hit]] = {}
            for hit in self.all(layer):
                if hit.value in grouped:
                    grouped[hit.value].append(hit)
                else:
                    grouped[hit.value] = [hit]
            self._values[layer] = _in_order(grouped)
        return self._values[layer]


def _in_order(grouped: dict[str, list[Hit]]) -> dict[str, _Sorted]:
    return {key: (list(map(_START, hits)), hits) for key, hits in grouped.items() if hits}


def _between(known: _Sorted, start: int, end: int) -> list[Hit]:
    """Those that lie in `[start, end)`. Within a layer ends never fall, so only the last may reach out."""
    starts, hits = known
    first = bisect_left(starts, start)
    last = bisect_left(starts, end, first)
    while last > first and hits[last - 1].end > end:
        last -= 1
    return hits[first:last]


_GAP_REACH = 200

_compiled = lru_cache(maxsize=None)(re.compile)


class Resolver:
    """Resolves raw matches of one text into hits. `resolve` may be called for some of them and later for the rest."""

    def __init__(self, matcher: Matcher, folded: Folded) -> None:
        self.matcher, self.folded = matcher, folded
        self.layers: dict[str, list[Hit]] = defaultdict(list)

    def resolve(self, matches: Iterable[RawMatch], breaks: Callable[[], Sequence[int]] = tuple) -> None:
        """Keep what meets its term: its exact letters, its clitic, the words after its gap.

        `breaks` gives where the sentences begin, in order, and is asked only when a gap was met: none reaches over one.
        """
        norm, clean, patterns = self.folded.norm, self.folded.clean, self.matcher.patterns
        layers, new, longest = self.layers, tuple.__new__, self.matcher.longest_prefix
        # The word last looked at and the last end of one: a long run without spaces is walked once, not every match.
        word, word_end, grown_from, grown = 0, 0, 0, -1
        for index, raw_start, raw_end in matches:
            lead, trail, back, grow, entries, plain, needles, distinct = patterns[index]
            start = raw_start - 1 + lead
            end = raw_end - 1 - trail
            if plain:
                for entry in entries:
                    layers[entry[0]].append(new(Hit, (start, end, entry[0], entry[1], "")))
                continue
            if grow:
                if not grown_from <= end <= grown:
                    grown_from, grown = end, _word_end(norm, end)
                end = grown
            if not lead and not word <= start < word_end:
                word, word_end = norm.rfind(" ", 0, start) + 1, _word_end(norm, start)
            edge = start if lead else word
            if distinct:
                # Most terms with gaps go here: only what is left pays for a regular expression.
                found = set(filter(norm[start : start + _GAP_REACH].__contains__, distinct))
                if not found:
                    continue
                entries = tuple(compress(entries, map(found.__contains__, needles)))
            for layer, value, exact, gap, prefixed in entries:
                if exact is not None and clean[start:end] != exact:
                    continue
                begin, stop, prefix = edge if prefixed or back else start, end, ""
                if prefixed and edge < start:
                    prefix = norm[edge:start] if start - edge <= longest else ""
                    if prefix not in self.matcher.prefixes:
                        continue
                if gap is not None:
                    verified = _compiled(gap.source).match(norm, begin if prefixed else start, start + _GAP_REACH)
                    if verified is None:
                        continue
                    stop = verified.end()
                    starts = breaks()
                    if bisect_left(starts, stop) > bisect_right(starts, begin):
                        continue
                layers[layer].append(new(Hit, (begin, stop, layer, value, prefix)))

    def has(self, *layers: str) -> bool:
        """Whether anything of `layers` was kept that no `ignore` phrase swallows."""
        masks = self.layers.get("ignore")
        kept = (self.layers[layer] for layer in layers if layer in self.layers)
        return any(_unmasked(hits, masks) if masks else hits for hits in kept)

    def hits(self) -> Hits:
        """What was kept: masked by `ignore`, in order, and no hit inside a longer one of its layer."""
        masks = self.layers.get("ignore")
        settled = {}
        for layer, hits in self.layers.items():
            if layer == "ignore":
                continue
            if masks:
                hits = _unmasked(hits, masks)
            if len(hits) > 1:
                hits.sort(key=_END, reverse=True)
                hits.sort(key=_START)  # by start and then the longest first: sorting is stable
                hits = _longest(hits)
            settled[layer] = hits
        return Hits(settled)


def collect(matcher: Matcher, folded: Folded, matches: Iterable[RawMatch]) -> Hits:
    """The hits of all of `matches`."""
    resolver = Resolver(matcher, folded)
    resolver.resolve(matches)
    return resolver.hits()


_START, _END = itemgetter(0), itemgetter(1)


def _word_end(norm: str, position: int) -> int:
    found = norm.find(" ", position)
    return found if found >= 0 else len(norm)


def _unmasked(hits: list[Hit], masks: list[Hit]) -> list[Hit]:
    """The hits that lie in no longer mask."""
    masks.sort(key=_START)
    starts = [mask.start for mask in masks]
    reach = [0, *accumulate((mask.end for mask in masks), max)]  # how far the first n masks go
    return [
        hit
        for hit in hits
        if reach[bisect_right(starts, hit.start)] <= hit.end and reach[bisect_left(starts, hit.start)] < hit.end
    ]


def _longest(hits: list[Hit]) -> list[Hit]:
    """Drop hits inside a longer one; equal spans with different values all stay."""
    last = hits[0]
    kept = [last]
    for hit in hits[1:]:
        if hit.end > last.end or (hit.start == last.start and hit.end == last.end and hit.value != last.value):
            kept.append(hit)
            last = hit
    return kept
