"""Content codings: everything that is asked for is unpacked, nothing becomes larger than the cap on the way."""

import contextlib
import gzip
import struct
import tracemalloc
import zlib
from collections.abc import Callable

import brotli  # type: ignore[import-untyped, unused-ignore]
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from services.ingest.adapters.body import ACCEPTED, MAX_MEMBERS, STEP_BYTES, Body, BrokenBody, TooLarge

Pack = Callable[[bytes], bytes]
CAP = 1_000_000


def bare_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


def flushed_zstd(data: bytes) -> bytes:
    """As a server streams it: no size in the frame's head."""
    packer = zstandard.ZstdCompressor().compressobj()
    return packer.compress(data) + packer.flush()


PACKERS: dict[str, tuple[str, Pack]] = {
    "gzip": ("gzip", gzip.compress),
    "x-gzip": ("X-GZip", gzip.compress),
    "deflate": ("deflate", zlib.compress),
    "bare deflate": ("deflate", bare_deflate),
    "brotli": ("br", brotli.compress),
    "zstd": ("zstd", zstandard.ZstdCompressor(write_checksum=True).compress),
    "streamed zstd": ("zstd", flushed_zstd),
    "nothing": ("", bytes),
    "identity": ("identity", bytes),
    "gzip and identity": ("gzip, identity", gzip.compress),
}
COMPRESSED = [name for name in PACKERS if "gzip" in name or "deflate" in name or PACKERS[name][0] in ("br", "zstd")]


def unpacked(encoding: str, *chunks: bytes, cap: int = CAP) -> bytes:
    body = Body(encoding, cap)
    for chunk in chunks:
        body.add(chunk)
    return body.done()


def cut(data: bytes, size: int) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]


@pytest.mark.parametrize("name", PACKERS)
@given(data=st.binary(max_size=3_000), size=st.integers(1, 500), times=st.sampled_from([1, 1, 100]))
@settings(max_examples=30)
def test_what_was_packed_is_unpacked_however_it_is_cut(name: str, data: bytes, size: int, times: int) -> None:
    encoding, pack = PACKERS[name]
    assert unpacked(encoding, *cut(pack(data * times), size * times)) == data * times


@pytest.mark.parametrize("name", PACKERS)
@pytest.mark.parametrize("length", [0, 1, STEP_BYTES - 1, STEP_BYTES, STEP_BYTES + 1, 3 * STEP_BYTES])
def test_steps_leave_nothing_behind(name: str, length: int) -> None:
    encoding, pack = PACKERS[name]
    assert unpacked(encoding, pack(b"\0" * length)) == b"\0" * length


@pytest.mark.parametrize("name", PACKERS)
def test_the_cap_is_exact(name: str) -> None:
    encoding, pack = PACKERS[name]
    whole = (b"<item/>" * 20_000)[:100_000]
    assert unpacked(encoding, pack(whole), cap=100_000) == whole
    with pytest.raises(TooLarge):
        unpacked(encoding, pack(whole), cap=99_999)


def test_everything_asked_for_is_unpacked() -> None:
    for encoding in ACCEPTED.split(", "):
        assert unpacked(encoding) == b"", "a body without bytes is an empty one in every coding"
    assert {encoding.lower() for encoding, _ in PACKERS.values()} >= set(ACCEPTED.split(", "))


@pytest.mark.parametrize("name", COMPRESSED)
@given(share=st.floats(0, 1, exclude_max=True))
@settings(max_examples=30)
def test_a_stream_that_ends_early_is_broken(name: str, share: float) -> None:
    encoding, pack = PACKERS[name]
    packed = pack(b"<rss>" + bytes(range(256)) * 40)
    with pytest.raises(BrokenBody, match="ends early"):
        unpacked(encoding, packed[: 1 + int(share * (len(packed) - 1))])


@pytest.mark.parametrize("name", COMPRESSED)
@given(noise=st.binary(min_size=1, max_size=400))
@settings(max_examples=50)
def test_noise_is_broken_or_within_the_cap(name: str, noise: bytes) -> None:
    with contextlib.suppress(BrokenBody, TooLarge):
        assert len(unpacked(PACKERS[name][0], noise)) <= CAP


@pytest.mark.parametrize("name", ["gzip", "zstd", "streamed zstd"])
@pytest.mark.parametrize("size", [1, 7, 10_000])
def test_members_are_one_document(name: str, size: int) -> None:
    encoding, pack = PACKERS[name]
    packed = pack(b"<rss>") + pack(b"") + pack(b"</rss>")
    assert unpacked(encoding, *cut(packed, size)) == b"<rss></rss>"
    with pytest.raises(BrokenBody, match="ends early"):
        unpacked(encoding, packed[:-3])


@pytest.mark.parametrize("name", ["gzip", "zstd"])
def test_empty_members_without_end_are_refused(name: str) -> None:
    encoding, pack = PACKERS[name]
    with pytest.raises(BrokenBody, match="1,000 compressed members"):
        unpacked(encoding, pack(b"") * (MAX_MEMBERS + 1))


def test_padding_after_gzip_is_ignored_and_counted() -> None:
    packed = gzip.compress(b"<rss/>")
    assert unpacked("gzip", packed + b"\0" * 512, b"more") == b"<rss/>"
    assert unpacked("deflate", zlib.compress(b"<rss/>") + b"\r\n") == b"<rss/>"
    with pytest.raises(TooLarge):
        unpacked("gzip", packed, *[b"\0" * 1_000] * (CAP // 1_000))


def test_skippable_frames_are_skipped() -> None:
    skippable = struct.pack("<II", 0x184D2A50, 3) + b"abc"
    packed = zstandard.ZstdCompressor().compress(b"<rss/>")
    assert unpacked("zstd", skippable + packed + skippable) == b"<rss/>"


def zstd_blocks(count: int, window_log: int = 17) -> bytes:
    """A frame of blocks that say "128 KiB of zeros" in 4 bytes each (RFC 8878, 3.1.1)."""
    head = b"\x28\xb5\x2f\xfd" + bytes([0, (window_log - 10) << 3])
    block, last = ((131_072 << 3 | 1 << 1 | end).to_bytes(3, "little") + b"\0" for end in (0, 1))
    return head + block * (count - 1) + last


BOMBS: dict[str, tuple[str, bytes]] = {
    "gzip": ("gzip", gzip.compress(b"\0" * 100_000_000)),
    "gzip of many members": ("gzip", gzip.compress(b"\0" * 1_000_000) * 100),
    "deflate": ("deflate", zlib.compress(b"\0" * 100_000_000)),
    "brotli": ("br", brotli.compress(b"\0" * 100_000_000, quality=1)),
    "zstd": ("zstd", zstd_blocks(4_000)),
    "zstd of many frames": ("zstd", zstd_blocks(4) * 900),
}


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_never_becomes_large(name: str) -> None:
    encoding, bomb = BOMBS[name]
    assert len(bomb) < CAP
    tracemalloc.start()
    try:
        with pytest.raises(TooLarge):
            unpacked(encoding, bomb)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < CAP + 6_000_000, "the cap, a step, and the buffers of the library"


@pytest.mark.parametrize("window_log", [24, 30])
def test_a_window_larger_than_the_coding_allows_is_refused(window_log: int) -> None:
    assert unpacked("zstd", zstd_blocks(1, window_log=23)) == b"\0" * 131_072
    with pytest.raises(BrokenBody, match="too much memory"):
        unpacked("zstd", zstd_blocks(1, window_log))


def test_a_large_brotli_window_is_refused() -> None:
    """The extension with windows of up to 1 GB begins with a size that the format does not have (RFC 7932, 9.1)."""
    with pytest.raises(BrokenBody, match="broken br"):
        unpacked("br", b"\x11\x9e" + b"\0" * 20)


@pytest.mark.parametrize("encoding", ["gzip, gzip", "br,gzip", "compress", "aes128gcm", "utf-8", "gzip;q=1", "x" * 900])
def test_what_was_not_asked_for_is_said(encoding: str) -> None:
    with pytest.raises(BrokenBody, match="not asked for") as refused:
        Body(encoding, CAP)
    assert len(str(refused.value)) < 100
