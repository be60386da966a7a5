"""Simhash of a text (Charikar, STOC 2002): near-equal texts are near in Hamming distance."""

import hashlib

from services.classify.core.reading.text import fold

_SHINGLE = 3
_MAX_WORDS = 5000


def fingerprint(text: str) -> str:
    """A 64-bit simhash in 16 hex digits, over shingles of three folded words (characters where no spaces are).

    Case, accents, punctuation and spacing do not change it. Reads the first 5,000 words. An empty text gives zeros.
    """
    norm = fold(text[: _MAX_WORDS * 12]).norm
    units = norm.split()[:_MAX_WORDS]
    if units and sum(map(len, units)) / len(units) > 12:
        units = [character for unit in units for character in unit][:_MAX_WORDS]
    if not units:
        return "0" * 16
    width = min(_SHINGLE, len(units))
    sums = [0] * 64
    shingles = {" ".join(units[index : index + width]) for index in range(len(units) - width + 1)}
    for shingle in sorted(shingles):
        bits = int.from_bytes(hashlib.blake2b(shingle.encode(), digest_size=8).digest(), "big")
        for position in range(64):
            sums[position] += 1 if bits >> position & 1 else -1
    value = sum(1 << position for position in range(64) if sums[position] > 0)
    return f"{value:016x}"


def distance(a: str, b: str) -> int:
    """Differing bits of two fingerprints, 0 to 64."""
    return (int(a, 16) ^ int(b, 16)).bit_count()
