"""Compressed bodies, unpacked in steps that a cap can stop: a small bomb must not become a large one first."""

import zlib

ACCEPTED = "gzip, deflate"
_GZIP, _ZLIB, _RAW = zlib.MAX_WBITS | 16, zlib.MAX_WBITS, -zlib.MAX_WBITS


class TooLarge(Exception):
    """The document is larger than the cap after decompression."""


class BrokenBody(Exception):
    """The body does not keep to its content-encoding."""


class Body:
    """Collects the chunks of a body as sent. `max_bytes` bounds what they become."""

    def __init__(self, content_encoding: str, max_bytes: int) -> None:
        self._encoding = content_encoding.strip().lower()
        self._max_bytes = max_bytes
        self._whole = bytearray()
        match self._encoding:
            case "" | "identity":
                self._inflate = None
            case "gzip" | "x-gzip":
                self._inflate = zlib.decompressobj(_GZIP)
            case "deflate":
                self._inflate = zlib.decompressobj(_ZLIB)
            case other:
                raise BrokenBody(f"content-encoding {other[:40]!r}, which was not asked for")

    def add(self, chunk: bytes) -> None:
        """Raises TooLarge and BrokenBody."""
        if self._inflate is None:
            self._whole += chunk
        else:
            self._whole += self._unpacked(chunk)
        if len(self._whole) > self._max_bytes:
            raise TooLarge

    def _unpacked(self, chunk: bytes) -> bytes:
        room = self._max_bytes + 1 - len(self._whole)
        assert self._inflate is not None
        try:
            return self._inflate.decompress(chunk, room)
        except zlib.error as error:
            if self._encoding != "deflate" or self._whole:
                raise BrokenBody(f"broken {self._encoding}: {error}") from None
        # Half the servers that say deflate send it without the zlib header that RFC 9110, 8.4.1.2 asks for.
        self._inflate = zlib.decompressobj(_RAW)
        try:
            return self._inflate.decompress(chunk, room)
        except zlib.error as error:
            raise BrokenBody(f"broken deflate: {error}") from None

    def done(self) -> bytes:
        """The whole body. Raises BrokenBody when the compressed stream ended early."""
        if self._inflate is not None and self._whole and not self._inflate.eof:
            raise BrokenBody(f"the {self._encoding} stream ends early")
        return bytes(self._whole)
