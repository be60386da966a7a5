"""Bodies that are not what their encoding says, unpack to more than is good, or never end."""

import gzip

import brotli  # type: ignore[import-untyped, unused-ignore]

from services.contracts.feed import PollStatus
from tests.unit.ingest.hostile.case import FEED, RSS, Case, document, ok
from tests.unit.ingest.server import Handler, answer, endless
from tests.unit.ingest.test_body import BOMBS, PACKERS, zstd_blocks

S = PollStatus
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/rss+xml\r\n"
GZIPPED = HEAD + b"content-encoding: gzip\r\n\r\n"
GZIP = gzip.compress(FEED, mtime=0)
WIDE = gzip.compress(bytes(30_000_000), mtime=0)
# Flags of RFC 1952, 2.3.1: a file name follows, and has no end here.
NAMED = b"\x1f\x8b\x08\x08\x00\x00\x00\x00\x00\x03"
EMPTY_BLOCK = b"\x00\x00\x00\xff\xff"  # RFC 1951, 3.2.4: stored, of no length, not the last


def packed(encoding: str, body: bytes) -> Handler:
    return document(body, content_encoding=encoding)


def broken(handler: Handler, says: str) -> Case:
    return Case(handler, S.HTTP_ERROR, says)


def too_large(handler: Handler) -> Case:
    return Case(handler, S.TOO_LARGE, "more than 200,000 bytes")


CASES = {
    **{name: ok(packed(encoding, pack(FEED))) for name, (encoding, pack) in PACKERS.items()},
    **{f"a bomb: {name}": too_large(packed(encoding, bomb)) for name, (encoding, bomb) in BOMBS.items()},
    "gzip that is none": broken(packed("gzip", FEED), "broken gzip"),
    "gzip without saying so": Case(document(GZIP), S.NOT_A_FEED, "no"),
    "gzip cut short": broken(packed("gzip", GZIP[:-12]), "ends early"),
    "gzip with a wrong sum": broken(packed("gzip", GZIP[:-8] + bytes(8)), "broken gzip"),
    "gzip of nothing": Case(packed("gzip", gzip.compress(b"")), S.NOT_A_FEED, "no XML element"),
    "nothing, called gzip": Case(packed("gzip", b""), S.NOT_A_FEED, "no XML element"),
    "deflate that is none": broken(packed("deflate", b"\xff" + FEED), "broken deflate"),
    "brotli cut short": broken(packed("br", brotli.compress(FEED)[:-9]), "ends early"),
    "brotli that is none": broken(packed("br", FEED), "broken br"),
    "Zstandard that is none": broken(packed("zstd", FEED), "broken zstd"),
    "Zstandard that wants a gigabyte to unpack": broken(
        packed("zstd", zstd_blocks(1, window_log=30)), "too much memory"
    ),
    "a thousand gzip files of nothing": broken(packed("gzip", gzip.compress(b"") * 2_000), "compressed members"),
    "gzip and padding": ok(packed("gzip", GZIP + bytes(512))),
    "gzip called deflate": broken(packed("deflate", GZIP), "broken deflate"),
    "an encoding nobody asked for": broken(packed("snappy", FEED), "not asked for"),
    "two encodings": broken(packed("gzip, gzip", gzip.compress(GZIP)), "not asked for"),
    "an encoding with a long name": broken(packed("x" * 5_000, FEED), "not asked for"),
    "a bomb in a gzip": Case(packed("gzip", gzip.compress(WIDE)), S.NOT_A_FEED, "no"),
    "a gzip that goes on behind its end": too_large(endless(GZIPPED + GZIP, b"more" * 2_000)),
    "a gzip header without end": too_large(endless(GZIPPED + NAMED, b"n" * 8_000)),
    "a deflate stream of nothing, for ever": too_large(
        endless(HEAD + b"content-encoding: deflate\r\n\r\n\x78\x9c", EMPTY_BLOCK * 1_000)
    ),
    "a body without end": too_large(endless(HEAD + b"\r\n", b"<item>" * 1_000)),
    "an error page without end": Case(endless(b"HTTP/1.1 500 No\r\n\r\n", b"x" * 9_000), S.HTTP_ERROR, "HTTP 500"),
    "an error page that is a bomb": Case(
        answer(500, WIDE, content_encoding="gzip", content_type=RSS), S.HTTP_ERROR, "HTTP 500"
    ),
    "exactly as much as is allowed": ok(document(FEED + b" " * (200_000 - len(FEED)))),
    "one byte more": too_large(document(FEED + b" " * (200_001 - len(FEED)))),
}
