"""Recordings as files: zstd frames of whole lines, written beside their name until they are whole.

Every frame is complete in itself, so that a writer that was killed leaves frames that can be read, and at most one that
cannot; whoever goes on cuts that off. Reading takes what a window of zstd and one line take, whatever the file holds.
"""

import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import zstandard

from services.replay.core.recording import (
    MAX_LINE,
    BadRecording,
    Head,
    Manifest,
    Reading,
    Recorded,
    Tally,
    checked,
    head_of,
    line_of,
    line_of_manifest,
    record_of,
)

FRAME = 1 << 20
"""Bytes of lines in a frame, before compression: what a kill may cost."""
_CHUNK = 1 << 18
_WINDOW = 1 << 27
_MAGIC = b"\x28\xb5\x2f\xfd"


def manifest_of(path: Path) -> Manifest:
    """The manifest of a whole recording. Raises BadRecording, which names the file."""
    try:
        return checked(lines_of(path))
    except BadRecording as error:
        raise BadRecording(f"{path}: {error}") from None


def recording(path: Path) -> Reading:
    """The records of a file, one at a time. Its lines raise BadRecording as far as the fault is."""
    return Reading(lines_of(path))


def lines_of(path: Path) -> Iterator[bytes]:
    """The lines of a recording with their line breaks; what follows the last line break, too. Raises BadRecording for
    what is no zstd or a line that is too long, and for files that cannot be opened."""
    try:
        with path.open("rb") as file:
            yield from _lines(_decompressed(file))
    except OSError as error:
        raise BadRecording(f"it cannot be read: {error.strerror or error}") from None


def _decompressed(file: BinaryIO) -> Iterator[bytes]:
    if file.read(4) != _MAGIC:
        raise BadRecording("it is no recording: `chancery record` makes one")
    file.seek(0)
    reader = zstandard.ZstdDecompressor(max_window_size=_WINDOW).stream_reader(file, read_across_frames=True)
    try:
        while chunk := reader.read(_CHUNK):
            yield chunk
    except zstandard.ZstdError as error:
        raise BadRecording(f"it is corrupted: {str(error).rpartition(': ')[2]}") from None


def _lines(chunks: Iterator[bytes]) -> Iterator[bytes]:
    rest = b""
    for chunk in chunks:
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            yield line + b"\n"
        if len(rest) > MAX_LINE:
            raise BadRecording(f"it is corrupted: a line is longer than {MAX_LINE} bytes")
    if rest:
        yield rest


class Archive:
    """A recording being written: `FILE.part` until it is sealed, then FILE, whole or not at all.

    One that was broken off goes on where it was: `head` is then the one it began with. Raises BadRecording where the
    part is no recording, BlockingIOError where another process writes it.
    """

    def __init__(self, path: Path, head: Head) -> None:
        self.path, self._part = path, part_of(path)
        self.tally = Tally()
        self._file = os.fdopen(os.open(self._part, os.O_RDWR | os.O_CREAT, 0o600), "r+b")
        self._compressor = zstandard.ZstdCompressor(level=6, write_checksum=True)
        self._lines: list[bytes] = []
        self._bytes = 0
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            found = self._go_on()
        except BaseException:
            self._file.close()
            raise
        self.resumed = found is not None
        self.head = found or head
        if found is None:
            self._add(line_of_manifest(head))
            self._write_frame()

    def add(self, record: Recorded, *, readable: bool = True) -> None:
        """A record that may be recorded (`core/masking.py`)."""
        self.tally.record(record)
        self._add(line_of(record, readable=readable))
        if self._bytes >= FRAME:
            self._write_frame()

    def seal(self) -> Manifest:
        """End the recording and give it its name."""
        seal = self.tally.seal()
        self._add(line_of_manifest(seal))
        self._write_frame()
        os.fsync(self._file.fileno())
        self._file.close()
        self._part.replace(self.path)
        return Manifest(self.head, seal)

    def close(self) -> None:
        """Leave it to be gone on with, with all that was added."""
        if not self._file.closed:
            self._write_frame()
            self._file.close()

    def _add(self, line: bytes) -> None:
        self.tally.line(line)
        self._lines.append(line)
        self._bytes += len(line)

    def _write_frame(self) -> None:
        if self._lines:
            self._file.write(self._compressor.compress(b"".join(self._lines)))
            self._file.flush()
        self._lines, self._bytes = [], 0

    def _go_on(self) -> Head | None:
        """Read the whole frames there are, and cut off what follows. The head, if it got as far as that."""
        head, whole = None, 0
        for frame, end in _frames(self._file):
            for line in _lines(iter((frame,))):
                if head is None:
                    head = head_of(line)
                else:
                    self.tally.record(record_of(line, head))
                self.tally.line(line)
            whole = end
        self._file.seek(whole)
        self._file.truncate()
        return head


def part_of(path: Path) -> Path:
    """Where a recording is written until it is whole."""
    return path.with_name(f"{path.name}.part")


def _frames(file: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """The content of each whole frame, and where it ends. Of files that we wrote: a frame is held whole."""
    file.seek(0)
    rest, position = b"", 0
    while True:
        frame, content = zstandard.ZstdDecompressor(max_window_size=_WINDOW).decompressobj(), []
        while not frame.eof:
            chunk = rest or file.read(_CHUNK)
            rest = b""
            if not chunk:
                return
            try:
                content.append(frame.decompress(chunk))
            except zstandard.ZstdError:
                return  # what a kill left of a frame need not even begin like one
            position += len(chunk)
        rest = frame.unused_data
        position -= len(rest)
        yield b"".join(content), position
