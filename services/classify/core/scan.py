"""One pass of the automaton over a folded text: every term that stands in it, by layer.

Within a layer a longer term swallows the shorter ones inside it; terms of different layers may overlap. A phrase of
the layer `ignore` swallows whatever shorter term of any layer lies inside it.
"""

import re
from bisect import bisect_left
from collections import defaultdict
from functools import lru_cache
from typing import NamedTuple

from services.classify.core.lexicon import Matcher
from services.classify.core.text import Folded


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


def has_trigger(matcher: Matcher, matches: list[RawMatch]) -> bool:
    """Whether any match could begin an incident: the gate that most of the world's news does not pass."""
    triggers = matcher.triggers
    return any(index in triggers for index, _, _ in matches)


class Hits:
    """The terms of a text, by layer, in order of their start."""

    def __init__(self, layers: dict[str, list[Hit]]) -> None:
        self._layers = layers
        self._starts = {layer: [hit.start for hit in hits] for layer, hits in layers.items()}

    def all(self, layer: str) -> list[Hit]:
        return self._layers.get(layer, [])

    def within(self, layer: str, start: int, end: int) -> list[Hit]:
        """Hits of `layer` that lie in `[start, end)`."""
        starts = self._starts.get(layer)
        if not starts:
            return []
        hits = self._layers[layer]
        found = []
        for index in range(bisect_left(starts, start), len(hits)):
            hit = hits[index]
            if hit.start >= end:
                break
            if hit.end <= end:
                found.append(hit)
        return found

    def values(self, layer: str, start: int, end: int, *values: str) -> list[Hit]:
        return [hit for hit in self.within(layer, start, end) if hit.value in values]


_compiled = lru_cache(maxsize=None)(re.compile)


def collect(matcher: Matcher, folded: Folded, matches: list[RawMatch]) -> Hits:
    """Resolve raw matches into hits."""
    norm, clean = folded.norm, folded.clean
    length = len(norm)
    layers: dict[str, list[Hit]] = defaultdict(list)
    for index, raw_start, raw_end in matches:
        pattern = matcher.patterns[index]
        start = raw_start - 1 + pattern.lead
        end = min(raw_end - 1 - pattern.trail, length)
        if pattern.grow:
            grown = norm.find(" ", end)
            end = length if grown < 0 else grown
        word = start if pattern.lead else norm.rfind(" ", 0, start) + 1
        for layer, value, exact, verify, prefixed in pattern.entries:
            if exact is not None and clean[start:end] != exact:
                continue
            prefix = norm[word:start] if prefixed else ""
            if prefix and prefix not in matcher.prefixes:
                continue
            begin = word if prefixed or pattern.back else start
            stop = end
            if verify is not None:
                verified = _compiled(verify).match(norm, begin if prefixed else start, start + 200)
                if verified is None:
                    continue
                stop = verified.end()
            layers[layer].append(Hit(begin, stop, layer, value, prefix))
    masks = layers.pop("ignore", None)
    for layer, hits in layers.items():
        hits.sort(key=lambda hit: (hit.start, -hit.end))
        layers[layer] = _longest(_unmasked(hits, masks) if masks else hits)
    return Hits(dict(layers))


def _unmasked(hits: list[Hit], masks: list[Hit]) -> list[Hit]:
    return [
        hit
        for hit in hits
        if not any(
            mask.start <= hit.start and hit.end <= mask.end and mask.end - mask.start > hit.end - hit.start
            for mask in masks
        )
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
