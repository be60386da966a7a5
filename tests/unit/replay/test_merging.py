"""Partitions as one stream: nothing lost, each in its own order, the same whatever the batches."""

from hypothesis import given
from hypothesis import strategies as st

from services.replay.core.merging import InTime
from services.replay.core.recording import Recorded
from tests.unit.replay.recordings import recorded

TIMES = st.lists(st.lists(st.integers(0, 20), max_size=12), min_size=1, max_size=4)


def stream(partitions: list[list[Recorded]], batch: int) -> list[Recorded]:
    merged: InTime[int] = InTime(range(len(partitions)))
    found: list[Recorded] = []
    for start in range(0, max(map(len, partitions)) + batch, batch):
        for number, records in enumerate(partitions):
            merged.add(number, records[start : start + batch])
            if start + batch >= len(records):
                merged.end(number)
        found += merged.ready()
    assert merged.done
    assert len(merged) == 0
    return found


@given(times=TIMES, batch=st.integers(1, 5))
def test_the_stream_does_not_hang_on_the_batches(times: list[list[int]], batch: int) -> None:
    partitions = [
        [recorded(offset, b"{}", partition=number, after_s=at) for offset, at in enumerate(own)]
        for number, own in enumerate(times)
    ]
    found = stream(partitions, batch)
    assert found == stream(partitions, 100)
    for number, own in enumerate(partitions):
        assert [record for record in found if record.partition == number] == own
    if all(own == sorted(own) for own in times):
        assert [record.at for record in found] == sorted(record.at for record in found)


def test_nobody_is_passed_who_may_still_come_first() -> None:
    merged: InTime[int] = InTime([0, 1])
    merged.add(0, [recorded(0, after_s=1), recorded(1, after_s=9)])
    assert list(merged.ready()) == []
    merged.add(1, [recorded(0, partition=1, after_s=5)])
    assert [record.at.second for record in merged.ready()] == [1, 5]
    assert merged.held_of(0) == 1
    merged.end(1)
    assert [record.at.second for record in merged.ready()] == [9]
