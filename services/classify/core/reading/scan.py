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


def triggers(matcher: Matcher, matches: list[RawMatch]) -> list[RawMatch]:
    """The matches that could begin an incident: the gate that most of the world's news does not pass."""
    wanted = matcher.triggers
    return [match for match in matches if match[0] in wanted]


class Hits:
    """The terms of a text, by layer, in order of their start."""

    def __init__(self, layers: dict[str, list[Hit]]) -> None:
        self._layers = layers
        self._starts = {layer: [hit.start for hit in hits] for layer, hits in layers.items()}
        self._by_value: dict[str, dict[str, tuple[list[int], list[Hit]]]] = {}

    def all(self, layer: str) -> list[Hit]:
        return self._layers.get(layer, [])

    def within(self, layer: str, start: int, end: int) -> list[Hit]:
        """Hits of `layer` that lie in `[start, end)`."""
        starts = self._starts.get(layer)
        return _between(starts, self._layers[layer], start, end) if starts and starts[-1] >= start else []

    def triggers(self, start: int, end: int) -> list[Hit]:
        """The event words that lie in `[start, end)`, those that tell an event by themselves first."""
        return [hit for layer in TRIGGER_LAYERS for hit in self.within(layer, start, end)]

    def values(self, layer: str, start: int, end: int, *values: str) -> list[Hit]:
        """Hits of `layer` in `[start, end)` that have one of `values`."""
        if len(values) > 1:
            return [hit for hit in self.within(layer, start, end) if hit.value in values]
        starts = self._starts.get(layer)
        if not starts or starts[-1] < start:
            return []
        own = self._by_value.get(layer)
        if own is None:
            own = self._by_value[layer] = {}
            for hit in self._layers[layer]:
                starts, hits = own.setdefault(hit.value, ([], []))
                starts.append(hit.start)
                hits.append(hit)
        found = own.get(values[0])
        return _between(*found, start, end) if found else []


def _between(starts: list[int], hits: list[Hit], start: int, end: int) -> list[Hit]:
    """Those of `hits` that lie in `[start, end)`. Within a layer ends never fall, so only the last may reach out."""
    first = bisect_left(starts, start)
    last = bisect_left(starts, end, first)
    while last > first and hits[last - 1].end > end:
        last -= 1
    return hits[first:last]


_GAP_REACH = 200

_compiled = lru_cache(maxsize=None)(re.compile)


class Resolver:
    """Resolves raw matches of one text into hits. `resolve` may be called for some of them and later for the rest.

    `breaks` gives where the sentences begin, in order, and is asked only when a gap was met: none reaches over them.
    """

    def __init__(self, matcher: Matcher, folded: Folded, breaks: Callable[[], Sequence[int]] = tuple) -> None:
        self.matcher, self.folded, self.breaks = matcher, folded, breaks
        self.layers: dict[str, list[Hit]] = defaultdict(list)

    def resolve(self, matches: Iterable[RawMatch]) -> None:
        """Keep what meets its term: its exact letters, its clitic, the words after its gap."""
        norm, clean, patterns = self.folded.norm, self.folded.clean, self.matcher.patterns
        layers, length, new, longest = self.layers, len(norm), tuple.__new__, self.matcher.longest_prefix
        # The word last looked at and the last end of one: a long run without spaces is walked once, not every match.
        word, word_end, grown_from, grown = 0, 0, 0, -1
        for index, raw_start, raw_end in matches:
            lead, trail, back, grow, entries, needles = patterns[index]
            start = raw_start - 1 + lead
            end = raw_end - 1 - trail
            if end > length:
                end = length
            if grow:
                if not grown_from <= end <= grown:
                    grown_from, grown = end, _word_end(norm, end)
                end = grown
            if not lead and not word <= start < word_end:
                word, word_end = norm.rfind(" ", 0, start) + 1, _word_end(norm, start)
            edge = start if lead else word
            if needles:
                # Most terms with gaps go here: only what is left pays for a regular expression.
                window = norm[start : start + _GAP_REACH]
                entries = tuple(compress(entries, map(window.__contains__, needles)))
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
                    breaks = self.breaks()
                    if bisect_left(breaks, stop) > bisect_right(breaks, begin):
                        continue
                layers[layer].append(new(Hit, (begin, stop, layer, value, prefix)))

    def hits(self) -> Hits:
        """What was kept: masked by `ignore`, in order, and no hit inside a longer one of its layer."""
        masks = self.layers.get("ignore")
        settled = {}
        for layer, hits in self.layers.items():
            if layer == "ignore":
                continue
            if len(hits) > 1:
                hits.sort(key=_END, reverse=True)
                hits.sort(key=_START)  # by start and then the longest first: sorting is stable
            settled[layer] = _longest(_unmasked(hits, masks) if masks else hits)
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
    kept: list[Hit] = []
    for hit in hits:
        if kept:
            last = kept[-1]
            same = hit.start == last.start and hit.end == last.end
            if hit.end <= last.end and not same:
                continue
            if same and hit.value == last.value:
                continue
        kept.append(hit)
    return kept
