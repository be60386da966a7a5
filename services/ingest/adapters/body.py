"""Compressed bodies, unpacked step by step, so that a cap can stop them: a small bomb never becomes a large one first.

One coding a body: nobody is asked for two on top of each other, so an answer that has two is broken.
"""

import zlib
from collections.abc import Callable, Iterator
from typing import Protocol

import brotli
import zstandard

STEP_BYTES = 65_536
"""Where a library takes a limit, this much is unpacked before the cap is asked; brotli rounds it up to its next block,
at most half as much again."""
ZSTD_SLICE_BYTES = 64
"""zstandard takes no limit, so it is fed little: a block of its format, 4 bytes or more, holds at most 128 KiB
(RFC 8878, 3.1.1.2), so no slice becomes more than some 2 MB."""
ZSTD_WINDOW_BYTES = 8 << 20
"""The largest window of this content coding (RFC 9659, 3). Brotli's is 16 MB by its format (RFC 7932, 9.1)."""
MAX_MEMBERS = 1_000
"""A body of many members is one document (`bgzip` makes one of each 64 kB); one of empty members is an attack."""


class TooLarge(Exception):
    """The document is larger than the cap, as sent or after decompression."""


class BrokenBody(Exception):
    """The body does not keep to its content-encoding."""


class Coding(Protocol):
    """`unpack` yields what the bytes become, in pieces; `ended` tells whether the last stream begun is complete."""

    def unpack(self, data: bytes) -> Iterator[bytes]: ...
    @property
    def ended(self) -> bool: ...


class _Gzip:
    """Members one after the other (RFC 1952, 2.2). What follows the last and is none, mostly padding, is ignored."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(zlib.MAX_WBITS | 16)
        self._members, self._over = 1, False

    @property
    def ended(self) -> bool:
        return self._member.eof

    def unpack(self, data: bytes) -> Iterator[bytes]:
        while data and not self._over:
            if self._member.eof:
                self._over = data[0] != 0x1F
                if self._over:
                    return
                self._member, self._members = zlib.decompressobj(zlib.MAX_WBITS | 16), self._members + 1
                _check_members(self._members)
            yield from _inflated(self._member, data)
            data = self._member.unused_data


class _Deflate:
    """A zlib stream, or without its header: half the servers that say deflate forget it (RFC 9110, 8.4.1.2)."""

    def __init__(self) -> None:
        self._stream: zlib._Decompress | None = None

    @property
    def ended(self) -> bool:
        return self._stream is not None and self._stream.eof

    def unpack(self, data: bytes) -> Iterator[bytes]:
        if self._stream is None:
            # The low half of a zlib header's first byte is 8; a bare block has a padding bit there, always 0.
            self._stream = zlib.decompressobj(zlib.MAX_WBITS if data[0] & 0x0F == 8 else -zlib.MAX_WBITS)
        if not self._stream.eof:
            yield from _inflated(self._stream, data)


def _inflated(stream: "zlib._Decompress", data: bytes) -> Iterator[bytes]:
    piece = b""
    while not stream.eof and (data or len(piece) == STEP_BYTES):
        piece = stream.decompress(data, STEP_BYTES)
        data = stream.unconsumed_tail
        yield piece


class _Brotli:
    def __init__(self) -> None:
        self._stream = brotli.Decompressor()

    @property
    def ended(self) -> bool:
        return bool(self._stream.is_finished())

    def unpack(self, data: bytes) -> Iterator[bytes]:
        piece = self._stream.process(data, output_buffer_limit=STEP_BYTES)
        yield piece
        # `can_accept_more_data` speaks of the input alone; a full piece may have left output behind.
        while not self.ended and (len(piece) >= STEP_BYTES or not self._stream.can_accept_more_data()):
            piece = self._stream.process(b"", output_buffer_limit=STEP_BYTES)
            yield piece


class _Zstd:
    """Frames one after the other (RFC 8878, 3)."""

    def __init__(self) -> None:
        self._frames = zstandard.ZstdDecompressor(max_window_size=ZSTD_WINDOW_BYTES)
        self._frame = self._frames.decompressobj()
        self._begun = 1

    @property
    def ended(self) -> bool:
        return self._frame.eof

    def unpack(self, data: bytes) -> Iterator[bytes]:
        for start in range(0, len(data), ZSTD_SLICE_BYTES):
            part = data[start : start + ZSTD_SLICE_BYTES]
            while part:
                if self._frame.eof:
                    self._frame, self._begun = self._frames.decompressobj(), self._begun + 1
                    _check_members(self._begun)
                yield self._frame.decompress(part)
                part = self._frame.unused_data


def _check_members(number: int) -> None:
    if number > MAX_MEMBERS:
        raise BrokenBody(f"more than {MAX_MEMBERS:,} compressed members")


_CODINGS: dict[str, Callable[[], Coding]] = {"gzip": _Gzip, "deflate": _Deflate, "br": _Brotli, "zstd": _Zstd}
_ALIASES = {"x-gzip": "gzip"}  # RFC 9110, 8.4.1.3
ACCEPTED = ", ".join(_CODINGS)
"""What a server is asked for: that which can be unpacked."""


class Body:
    """Collects the chunks of a body as sent. `max_bytes` bounds them, and what they become."""

    def __init__(self, content_encoding: str, max_bytes: int) -> None:
        names = [name.strip().lower() for name in content_encoding.split(",")]
        codings = [_ALIASES.get(name, name) for name in names if name not in ("", "identity")]
        self._encoding = ", ".join(codings)[:40]
        if len(codings) > 1 or not _CODINGS.keys() >= set(codings):
            raise BrokenBody(f"content-encoding {self._encoding!r}, which was not asked for")
        self._coding = _CODINGS[codings[0]]() if codings else None
        self._max_bytes = max_bytes
        self._received = 0
        self._whole = bytearray()

    def add(self, chunk: bytes) -> None:
        """Raises TooLarge and BrokenBody."""
        self._received += len(chunk)
        if self._received > self._max_bytes:
            raise TooLarge
        if self._coding is None or not chunk:
            self._whole += chunk
            return
        try:
            for piece in self._coding.unpack(chunk):
                self._whole += piece
                if len(self._whole) > self._max_bytes:
                    raise TooLarge
        except (zlib.error, brotli.error, zstandard.ZstdError) as error:
            raise BrokenBody(f"broken {self._encoding}: {error}") from None

    def done(self) -> bytes:
        """The whole body. Raises BrokenBody when the compressed stream ended early."""
        if self._coding is not None and self._received and not self._coding.ended:
            raise BrokenBody(f"the {self._encoding} stream ends early")
        return bytes(self._whole)
