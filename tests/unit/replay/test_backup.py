"""What a restore would do, and which files it takes."""

from dataclasses import replace
from pathlib import Path

import pytest

from services.contracts.topics import ARTICLES, DELIVERIES, FEEDS, SUBSCRIPTIONS, TOKENS, TOPICS
from services.replay.backup import read_backup
from services.replay.core.backup import BACKED_UP, restoration, rows
from services.replay.core.recording import BadRecording
from tests.contracts.examples import ARTICLE, DELIVERY, FEED, SUBSCRIPTION, TOKEN
from tests.unit.replay.recordings import recorded, written

OTHER = FEED.model_copy(update={"title": "another title"})
SECOND = FEED.model_copy(update={"feed_id": "feed_second"})


def test_every_topic_that_keeps_the_last_of_each_key_is_backed_up() -> None:
    names = {topic.name for topic in BACKED_UP}
    assert names >= {"feeds", "feed-states", "subscriptions", "silences", "tokens", "incidents"}
    assert names == {topic.name for topic in TOPICS if topic.kept is None}


def test_the_last_of_each_key_is_kept_and_what_was_removed_is_not() -> None:
    first, last = recorded(0, FEED, FEEDS), recorded(2, OTHER, FEEDS)
    second = recorded(1, SECOND, FEEDS)
    assert list(rows([first, second, last, replace(second, offset=3, value=None)]).values()) == [last]


def test_what_is_there_decides_what_is_written() -> None:
    kept = rows([recorded(0, FEED, FEEDS), recorded(1, SECOND, FEEDS), recorded(0, DELIVERY, DELIVERIES)])
    empty = restoration(kept, {})
    assert (len(empty.missing), empty.is_safe) == (3, True)
    half = restoration(kept, rows([recorded(7, FEED, FEEDS, partition=1)]))
    assert (len(half.missing), half.same, half.is_safe) == (2, 1, True)
    changed = restoration(kept, rows([recorded(0, OTHER, FEEDS)]))
    assert ([each.key for each in changed.differing], changed.is_safe) == ([FEED.key], False)
    assert changed.differing[0].value == kept[FEEDS, FEED.key].value
    foreign = restoration(kept, rows([recorded(0, SUBSCRIPTION, SUBSCRIPTIONS)]))
    assert (len(foreign.missing), foreign.foreign, foreign.is_safe) == (3, 1, False)


def test_a_token_that_was_revoked_stays_revoked() -> None:
    kept = rows([recorded(0, TOKEN, TOKENS)])
    revoked = restoration(kept, rows([recorded(5, TOKEN.model_copy(update={"revoked": True}), TOKENS)]))
    assert (revoked.same, revoked.differing, revoked.is_safe) == (1, (), True)
    prolonged = restoration(kept, rows([recorded(5, TOKEN.model_copy(update={"expires_at": None}), TOKENS)]))
    assert [each.key for each in prolonged.differing] == [TOKEN.key]


def test_what_no_reader_would_take_is_left_out_and_told() -> None:
    kept = rows([recorded(0, b"{", FEEDS), recorded(1, SECOND, FEEDS)])
    plan = restoration(kept, {})
    assert [each.key for each in plan.missing] == [SECOND.key]
    assert [each.value for each in plan.unreadable] == [b"{"]


def test_a_recording_that_kept_secrets_out_is_no_back_up(tmp_path: Path) -> None:
    path = tmp_path / "a"
    written(path, [recorded(0, ARTICLE)], ARTICLES)
    with pytest.raises(BadRecording, match="leaves secrets out"):
        read_backup(path)


def test_a_file_that_was_cut_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a"
    written(path, [recorded(n, ARTICLE) for n in range(50)], ARTICLES)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(BadRecording, match=r"truncated|corrupted"):
        read_backup(path)
