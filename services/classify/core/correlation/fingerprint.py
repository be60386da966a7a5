"""Simhash of a text (Charikar, STOC 2002): near-equal texts are near in Hamming distance."""

import hashlib

from services.classify.core.reading.text import fold

_SHINGLE = 3
_MAX_WORDS = 5000
_LANE = 16
"""Bits in which the bytes that have a bit are counted: more than there are words."""
_SPREAD = tuple(sum((byte >> bit & 1) << _LANE * bit for bit in range(8)) for byte in range(256))
"""Each byte with a lane to each of its bits, so that adding counts all eight at once."""


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
    shingles = {" ".join(units[index : index + width]) for index in range(len(units) - width + 1)}
    ones = [0] * 8
    for shingle in shingles:
        for place, byte in enumerate(hashlib.blake2b(shingle.encode(), digest_size=8).digest()):
            ones[place] += _SPREAD[byte]
    return "".join(f"{_majority(counts, len(shingles)):02x}" for counts in ones)


def _majority(counts: int, number: int) -> int:
    """The byte whose bits are those that more than half of so many bytes have."""
    return sum(1 << bit for bit in range(8) if 2 * (counts >> _LANE * bit & (1 << _LANE) - 1) > number)


def distance(a: str, b: str) -> int:
    """Differing bits of two fingerprints, 0 to 64."""
    return (int(a, 16) ^ int(b, 16)).bit_count()
