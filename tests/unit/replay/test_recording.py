"""A recording comes back as it was written, and one that is not whole is refused with one clear sentence."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from services.cli import app
from services.contracts.topics import ALERTS, ARTICLES, FEEDBACK, TOPICS
from services.replay.adapters import archive
from services.replay.adapters.archive import Archive, manifest_of, part_of, recording
from services.replay.core import recording as form
from services.replay.core.recording import BadRecording, Recorded, head_of, line_of, line_of_manifest, record_of
from tests.contracts.examples import EXAMPLES
from tests.unit.replay.recordings import BEGIN, head, recorded, written


def unpacked(path: Path) -> list[bytes]:
    with path.open("rb") as file:
        reader = zstandard.ZstdDecompressor().stream_reader(file, read_across_frames=True)
        return reader.read(100_000_000).splitlines(keepends=True)


def packed(path: Path, lines: list[bytes]) -> Path:
    path.write_bytes(zstandard.ZstdCompressor().compress(b"".join(lines)))
    return path


@pytest.fixture
def whole(tmp_path: Path) -> Path:
    path = tmp_path / "whole.jsonl.zst"
    written(path, [recorded(number, after_s=number) for number in range(50)])
    return path


def test_every_record_comes_back_byte_for_byte(tmp_path: Path) -> None:
    by_type = {topic.record_type: topic for topic in TOPICS}
    records = [
        recorded(number, record, by_type[type(record)], partition=number % 3) for number, record in enumerate(EXAMPLES)
    ]
    records.append(recorded(100, None, FEEDBACK))
    path = tmp_path / "a.jsonl.zst"
    manifest = written(path, records, *TOPICS)
    assert list(recording(path)) == records
    assert manifest_of(path) == manifest
    assert manifest.seal.records == len(records)


@given(value=st.binary(max_size=200), key=st.text(st.characters(exclude_categories=["Cs"]), max_size=50))
def test_whatever_lay_on_a_topic_comes_back(value: bytes, key: str) -> None:
    record = Recorded(ARTICLES, 7, 123, BEGIN, key, value)
    line = line_of(record, readable=False)
    assert line.count(b"\n") == 1
    assert record_of(line, head(ARTICLES)) == record


@given(key=st.text(st.characters(exclude_categories=["Cs"]), max_size=50))
def test_no_key_passes_for_the_beginning_of_a_value(key: str) -> None:
    record = Recorded(ARTICLES, 0, 0, BEGIN, f'","value":{key}', b'{"a": "}"}')
    assert record_of(line_of(record), head(ARTICLES)) == record


def test_the_manifest_counts_what_there_is(whole: Path) -> None:
    share = manifest_of(whole).seal.topics["articles"]
    assert (share.records, share.first_at, share.offsets) == (50, BEGIN, {0: (0, 49)})
    assert manifest_of(whole).head.volatile["reports"] == ("reported_at",)


@pytest.mark.parametrize("kept", [0.02, 0.5, 0.99, 1])
def test_a_truncated_file_is_told_from_others(whole: Path, tmp_path: Path, kept: float) -> None:
    lines = unpacked(whole)
    raw = whole.read_bytes()
    cut = tmp_path / "cut"
    cut.write_bytes(raw[: max(5, int(len(raw) * kept))] if kept < 1 else raw[:-1])
    if kept == 1:  # frames whole, seal missing
        packed(cut, lines[:-1])
    with pytest.raises(BadRecording, match=r"is truncated: it ends after .* without its seal"):
        manifest_of(cut)


FAULTS: dict[str, tuple[Callable[[list[bytes]], list[bytes]], str]] = {
    "a flipped bit": (lambda lines: [*lines[:5], lines[5].replace(b"2020", b"2021"), *lines[6:]], "its seal is of 50"),
    "a record gone": (lambda lines: [*lines[:5], *lines[6:]], "its seal is of 50 records .* than these 49"),
    "a record twice": (lambda lines: [*lines[:5], lines[4], *lines[5:]], "offset 3 of articles/0 comes after 3"),
    "no JSON": (lambda lines: [lines[0], b"{nonsense\n", *lines[1:]], "a line is no record"),
    "another topic": (
        lambda lines: [lines[0], lines[1].replace(b"articles", b"alerts"), *lines[2:]],
        "no record of it",
    ),
    "no such topic": (lambda lines: [lines[0], lines[1].replace(b"articles", b"secrets"), *lines[2:]], "no record"),
    "a wrong type": (lambda lines: [lines[0], lines[1].replace(b'"offset":0', b'"offset":"0"')], "wrong type"),
    "no time zone": (lambda lines: [lines[0], lines[1].replace(b'00Z","key"', b'00","key"')], "wrong type"),
    "something after the seal": (lambda lines: [*lines, lines[1]], "something after its seal"),
    "a seal of nothing": (lambda lines: [*lines[:-1], b'{"sealed":true}\n'], "its seal cannot be read"),
    "a head of nothing": (lambda lines: [b'{"format":"chancery-recording","version":1}\n'], "its head is corrupted"),
    "deep JSON": (lambda lines: [lines[0], b"[" * 100_000 + b"\n"], "a line is no record"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_corrupted_file_says_what_is_wrong(whole: Path, tmp_path: Path, fault: str) -> None:
    spoil, says = FAULTS[fault]
    with pytest.raises(BadRecording, match=says) as raised:
        manifest_of(packed(tmp_path / "bad", spoil(unpacked(whole))))
    assert str(raised.value).startswith(str(tmp_path / "bad"))


def test_a_bit_flipped_in_the_compressed_bytes_is_seen(whole: Path) -> None:
    raw = bytearray(whole.read_bytes())
    raw[len(raw) // 2] ^= 0xFF
    whole.write_bytes(raw)
    with pytest.raises(BadRecording, match="corrupted"):
        manifest_of(whole)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 a zip", b"hello", zstandard.ZstdCompressor().compress(b"{}\n")])
def test_a_foreign_file_is_no_recording(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "foreign"
    path.write_bytes(content)
    with pytest.raises(BadRecording, match="it is no recording: `chancery record` makes one"):
        manifest_of(path)


def test_a_file_that_is_not_there() -> None:
    with pytest.raises(BadRecording, match="nowhere: it cannot be read: No such file"):
        manifest_of(Path("nowhere"))


def test_a_newer_release_is_named(whole: Path, tmp_path: Path) -> None:
    first, *rest = unpacked(whole)
    newer = json.dumps(json.loads(first) | {"version": 2}).encode() + b"\n"
    with pytest.raises(BadRecording, match="the recording has version 2; this release reads 1: use the release"):
        manifest_of(packed(tmp_path / "newer", [newer, *rest]))
    topic = json.dumps(json.loads(first) | {"schema_versions": {"articles": 9}}).encode() + b"\n"
    with pytest.raises(BadRecording, match="its topic articles has version 9; this release reads 1"):
        manifest_of(packed(tmp_path / "newer", [topic, *rest]))
    unknown = line_of_manifest(head(ARTICLES).model_copy(update={"topics": ("articles", "dreams")}))
    with pytest.raises(BadRecording, match="holds the topic 'dreams', which this release does not know"):
        head_of(unknown)


def test_a_line_without_end_is_refused_before_it_is_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MAX_LINE", 1_000_000)
    bomb = packed(tmp_path / "bomb", [line_of_manifest(head(ARTICLES)), b"x" * 200_000_000])
    assert bomb.stat().st_size < 100_000
    with pytest.raises(BadRecording, match="a line is longer than 1000000 bytes"):
        manifest_of(bomb)


def test_nothing_has_its_name_before_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "a"
    begun = Archive(path, head(ARTICLES))
    begun.add(recorded(0))
    assert not path.exists()
    begun.seal()
    assert path.exists()
    assert not part_of(path).exists()


@pytest.mark.parametrize("torn", [b"", b"\x28\xb5\x2f\xfd torn", b"garbage"])
def test_one_that_was_broken_off_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, torn: bytes) -> None:
    monkeypatch.setattr(archive, "FRAME", 5_000)
    records = [recorded(number, after_s=number) for number in range(60)]
    written(tmp_path / "at once", records)
    path = tmp_path / "in two"
    first = Archive(path, head(ARTICLES))
    for record in records[:31]:
        first.add(record)
    first.close()
    with part_of(path).open("ab") as file:
        file.write(torn)  # what a kill left
    second = Archive(path, head(ARTICLES, ALERTS))
    assert second.resumed
    assert second.head == first.head, "it goes on with the head it began with"
    assert second.tally.next_offset("articles", 0) == 31
    for record in records[31:]:
        second.add(record)
    second.seal()
    assert unpacked(path) == unpacked(tmp_path / "at once")


def test_a_kill_costs_the_last_frame_at_most(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "FRAME", 5_000)
    path = tmp_path / "a"
    first = Archive(path, head(ARTICLES))
    for number in range(60):
        first.add(recorded(number))
    raw = part_of(path).read_bytes()
    first.close()
    part_of(path).write_bytes(raw[:-10])
    second = Archive(path, head(ARTICLES))
    size = len(line_of(recorded(0)))
    assert 60 - 2 * (5_000 // size + 1) <= (second.tally.next_offset("articles", 0) or 0) < 60
    second.close()


def test_two_do_not_write_one_recording(tmp_path: Path) -> None:
    first = Archive(tmp_path / "a", head(ARTICLES))
    with pytest.raises(BlockingIOError):
        Archive(tmp_path / "a", head(ARTICLES))
    first.close()


def test_a_part_that_is_another_file_is_left_alone(tmp_path: Path) -> None:
    part = part_of(tmp_path / "a")
    packed(part, [b"mine\n"])
    before = part.read_bytes()
    with pytest.raises(BadRecording, match="no recording"):
        Archive(tmp_path / "a", head(ARTICLES))
    assert part.read_bytes() == before


def test_what_is_read_and_told_is_the_same_however_it_is_framed(tmp_path: Path) -> None:
    records = [dataclasses.replace(recorded(number), value=b'{"n":%d}' % number) for number in range(10)]
    written(tmp_path / "a", records)
    seen = form.Reading(iter(unpacked(tmp_path / "a")))
    assert list(seen) == records
    assert seen.seal == manifest_of(tmp_path / "a").seal


@pytest.mark.parametrize("fault", ["newer", "torn", "foreign"])
@pytest.mark.parametrize(
    "command",
    [["replay"], ["replay", "--dry-run"], ["diff"], ["verify", "alr_x", "--recording"], ["record", "--show"]],
    ids=" ".join,
)
def test_every_command_refuses_what_is_no_recording_of_this_release_in_one_sentence(
    whole: Path, tmp_path: Path, command: list[str], fault: str
) -> None:
    """No broker is there: none is asked before the file is known to be good."""
    path = tmp_path / "bad"
    first, *rest = unpacked(whole)
    if fault == "newer":
        packed(path, [json.dumps(json.loads(first) | {"version": 2}).encode() + b"\n", *rest])
    else:
        path.write_bytes(whole.read_bytes()[:-20] if fault == "torn" else b"hello")
    before = sorted(tmp_path.iterdir())
    refused = CliRunner().invoke(app, [*command, str(path)])
    assert refused.exit_code == 2, refused.output
    assert refused.stdout == ""
    said = refused.stderr.strip()
    assert said.startswith(f"error: {path}: ")
    assert said.count("\n") == 0, "one sentence"
    assert sorted(tmp_path.iterdir()) == before
