"""How an entry looks, in 31 letters: enough to know it again by its id, its link or its words.

A poller remembers dozens of entries for each of thousands of feeds, and a string costs 49 bytes before its first
letter, so that all of it lies in one: three more numbers in `Seen` took 60 MB for 10,000 feeds of 50 entries, this 1.
"""

import re
import zlib
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from hashlib import blake2b
from typing import NamedTuple

from services.ingest.core.feed import Entry

# Letters of six bits each. Compared only within one feed: 30 bits tell a thousand ids apart but once in a million.
_WIDTHS = (5, 5, 4, 7, 10)
_ABSENT = "."
# What a title and a lead hold; more words make a sketch no better.
_SKETCHED_CHARS = 1_000
# Of 10 places, those that two unrelated texts of one language share are 1.2 on average, an edited one's about 6.
ALIKE_SHARE = 0.4

_WORD = re.compile(r"\w+")
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


class Likeness(NamedTuple):
    """Hashes of id, canonical link, title and whole content, and a sketch of the words; "" for what is absent, and for
    words not sketched yet. `id` and `link` are also absent where they name several entries of one document."""

    id: str
    link: str
    title: str
    content: str
    words: str = ""

    @property
    def is_nameless(self) -> bool:
        return bool(self.title) and not (self.id or self.link)

    def packed(self) -> str:
        return "".join(part or _ABSENT * width for part, width in zip(self, _WIDTHS, strict=True))


def likeness(title: str, rungs: Mapping[str, str]) -> Likeness:
    """How an entry looks that the rungs of `identity.rungs_of` name; its words are not sketched."""
    digest = rungs["text"].removeprefix("text:c_")
    return Likeness(
        _hash(rungs.get("id", ""), _WIDTHS[0]),
        _hash(rungs.get("link", ""), _WIDTHS[1]),
        _hash(" ".join(title.split()), _WIDTHS[2]),
        digest[: _WIDTHS[3]],
    )


def unpacked(packed: str) -> Likeness | None:
    """What `Likeness.packed` wrote; None for anything else, as the hash that stood there before."""
    if len(packed) != sum(_WIDTHS):
        return None
    parts, start = [], 0
    for width in _WIDTHS:
        part = packed[start : start + width]
        parts.append("" if part == _ABSENT * width else part)
        start += width
    return Likeness(*parts)


def sketch(entry: Entry) -> str:
    """The words of title and lead, as the least hash in each of ten places (one-permutation minwise hashing, Li, Owen
    and Zhang 2012): the share of equal places estimates the share of words that two texts have in common."""
    least = [1 << 32] * _WIDTHS[-1]
    for word in set(_WORD.findall(f"{entry.title} {entry.text[:_SKETCHED_CHARS]}".casefold())):
        value, place = divmod(zlib.crc32(word.encode("utf-8", "surrogatepass")), len(least))
        least[place] = min(least[place], value)
    return "".join(_ABSENT if value == 1 << 32 else _LETTERS[value % 64] for value in least)


def are_alike(one: str, other: str) -> bool:
    """Whether two sketches are of versions of one text. What has no words is like nothing."""
    if not (one and other):
        return False
    places = [(a, b) for a, b in zip(one, other, strict=True) if (a, b) != (_ABSENT, _ABSENT)]
    return bool(places) and sum(a == b for a, b in places) >= ALIKE_SHARE * len(places)


def _hash(text: str, letters: int) -> str:
    if not text:
        return ""
    digest = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=6).digest()
    return urlsafe_b64encode(digest).decode()[:letters]
