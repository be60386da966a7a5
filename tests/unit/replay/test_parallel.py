"""Articles read in several processes: the same order, the same words, the same outcome as one after another."""

import dataclasses
from itertools import islice

from services.classify.adapters.data import load_rules, state_names, windows_of
from services.classify.core.reading.pipeline import Reader
from services.contracts.topics import ARTICLES
from services.replay.adapters.archive import recording
from services.replay.core.rerun import Rerun, Told
from services.replay.parallel import readings
from services.runtime.settings import ClassifySettings
from tests.day.recording import FILE


def test_in_two_processes_it_is_what_it_is_in_one() -> None:
    records = list(islice((each for each in recording(FILE) if each.topic is ARTICLES), 130, 300))
    records[7] = dataclasses.replace(records[7], value=b"not an article")
    reader = Reader(load_rules())

    def fresh() -> Rerun:
        return Rerun(reader, windows_of(ClassifySettings()), state_names())

    one, two = fresh(), fresh()
    with readings(records, reader, 2) as found:
        read = list(found)
    assert [record for record, _ in read] == records
    assert read[7][1] is None
    told: list[Told] = [two.take(*each) for each in read]
    assert told == [one.take(record) for record in records]
    assert one.counts == two.counts
    assert (one.counts.unreadable, one.counts.articles) == (1, 169)
    assert one.counts.alerts > 0
