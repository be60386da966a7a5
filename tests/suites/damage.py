"""Whole documents and what can be done to them, for tests that must hold of anything whatever."""

import json
import os
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "0"))
"""Of each law. By default so many as take a few seconds, the same every time; by this variable so many new ones:
FUZZ_EXAMPLES=10000 python -m pytest --timeout 600 tests/suites/test_foreign_bytes.py tests/unit/ingest/test_fuzz.py"""


def fuzzed(usual: int) -> settings:
    """So many examples unless FUZZ_EXAMPLES says otherwise, each within ten seconds."""
    return settings(max_examples=EXAMPLES or usual, deadline=timedelta(seconds=10), derandomize=not EXAMPLES)


PIECES = (
    st.sampled_from([b"", b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"\xed\xa0\x80", b"\r", b"\n", b"\n\n", b'"', b"'"])
    | st.sampled_from([b"<", b">", b"&", b"%", b"=", b";", b",", b":", b"/", b"\\", b"{", b"}", b"[", b"]", b"(", b"-"])
    | st.sampled_from([b"null", b"true", b"NaN", b"1e999", b"-0", b"\\ud800", b"\\u0000", b"%00", b"%ff", b"%d8%00"])
    | st.sampled_from([b"[" * 5_000, b'{"a":' * 2_000, b"9" * 5_000, b"a" * 70_000, b"\xd9\xa1" * 20, b"0" * 30])
    | st.binary(max_size=20)
)
"""Of no format in particular: what breaks a quotation, a number, an encoding, a depth or a length."""

PLACE = st.floats(0, 1)


@st.composite
def damaged(draw: st.DrawFn, whole: Sequence[bytes], pieces: st.SearchStrategy[bytes] = PIECES) -> bytes:
    """A document with parts overwritten, repeated, taken from another document, turned over or cut off."""
    body = draw(st.sampled_from(whole))
    for _ in range(draw(st.integers(0, 5))):
        start = int(draw(PLACE) * len(body))
        end = min(start + draw(st.integers(0, 80)), len(body))
        match draw(st.sampled_from(["overwrite", "repeat", "splice", "flip", "cut"])):
            case "overwrite":
                body = body[:start] + draw(pieces) + body[end:]
            case "repeat":
                body = body[:end] + body[start:end] * draw(st.integers(1, 30)) + body[end:]
            case "splice":
                other = draw(st.sampled_from(whole))
                body = body[:start] + other[int(draw(PLACE) * len(other)) :]
            case "flip":
                body = (
                    body[:start] + bytes(byte ^ 1 << draw(st.integers(0, 7)) for byte in body[start:end]) + body[end:]
                )
            case "cut":
                body = body[:start]
    return body


ODD: st.SearchStrategy[Any] = st.sampled_from(
    [None, True, 0, -1, 2**63, 10**400, 1e308, "", " ", "\u202e\x00\x1b", "\ud800", "0000-00-00", "9" * 5_000, [], {},
     [[]], {"": None}, [None] * 50, "a" * 70_000]
) | st.recursive(st.none() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
                 lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
                 max_leaves=4)  # fmt: skip


def changed(draw: st.DrawFn, value: Any) -> Any:
    """One place of a JSON document made odd, taken out, or added to."""
    if isinstance(value, dict) and value and draw(st.booleans()):
        key = draw(st.sampled_from(sorted(value)))
        rest = {name: each for name, each in value.items() if name != key}
        return rest if draw(st.integers(0, 3)) == 0 else rest | {key: changed(draw, value[key])}
    if isinstance(value, list) and value and draw(st.booleans()):
        at = draw(st.integers(0, len(value) - 1))
        return [*value[:at], changed(draw, value[at]), *value[at + 1 :]]
    if isinstance(value, dict) and draw(st.booleans()):
        return value | {draw(st.text(max_size=8)): draw(ODD)}
    return draw(ODD)


@st.composite
def damaged_json(draw: st.DrawFn, whole: Sequence[bytes], dump: Callable[[Any], bytes] | None = None) -> bytes:
    """A document of JSON that is one still, and says something else in some places."""
    value = json.loads(draw(st.sampled_from(whole)))
    for _ in range(draw(st.integers(1, 3))):
        value = changed(draw, value)
    return (dump or _dumped)(value)


def _dumped(value: Any) -> bytes:
    return json.dumps(value).encode()
