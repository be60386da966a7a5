"""A replay happens nowhere but in a namespace of its own, and its alerts are nobody else's."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.classify.core.chain import as_exercise
from services.contracts.topics import ALERTS, ARTICLES, FEEDBACK, SITES, TOPICS
from services.replay.core.isolation import NotIsolated, assert_isolated, is_of_a_replay, namespace_of
from services.replay.play import Choice, chosen, isolated
from services.runtime.settings import load_settings
from tests.contracts.examples import ALERT
from tests.unit.replay.recordings import BEGIN, recorded

LIVE = load_settings({})


@given(run=st.from_regex(r"[a-z0-9]{1,40}", fullmatch=True))
def test_a_run_has_a_namespace_of_its_own(run: str) -> None:
    own = isolated(LIVE, run)
    assert own.topics.namespace == f"replay-{run}."
    assert (own.topics.partitions, own.classify.exercise) == (1, True)
    live = {topic.in_namespace(LIVE.topics.namespace) for topic in TOPICS}
    assert live.isdisjoint(topic.in_namespace(own.topics.namespace) for topic in TOPICS)


@given(run=st.text(max_size=20))
def test_whatever_a_run_is_called_only_a_replays_topics_are_meant(run: str) -> None:
    try:
        own = isolated(LIVE, run)
    except NotIsolated:
        return
    assert all(is_of_a_replay(topic.in_namespace(own.topics.namespace)) for topic in TOPICS)


@pytest.mark.parametrize(
    ("namespace", "live", "environment", "says"),
    [
        ("replay-a.", "chancery.", "production", "nothing is replayed with these settings"),
        ("chancery.", "chancery.", "development", "is no namespace of a replay"),
        ("replay-.", "chancery.", "development", "is no namespace of a replay"),
        ("replay-a", "chancery.", "development", "is no namespace of a replay"),
        ("replay-a.b.", "chancery.", "development", "is no namespace of a replay"),
        ("replay-a.", "replay-a.", "development", "is the live one"),
        ("replay-a.", "replay-a.live.", "development", "around it"),
    ],
)
def test_what_is_not_apart_is_refused(namespace: str, live: str, environment: str, says: str) -> None:
    with pytest.raises(NotIsolated, match=says):
        assert_isolated(namespace, live, environment)


@pytest.mark.parametrize(
    "name", ["chancery.alerts", "replays.alerts", "x.replay-a.alerts", "replay-A.alerts", "replay-"]
)
def test_no_other_topic_is_a_replays(name: str) -> None:
    assert not is_of_a_replay(name)
    assert is_of_a_replay(f"{namespace_of('a')}alerts")


def test_an_exercise_has_ids_that_no_real_alert_has() -> None:
    exercise = as_exercise(ALERT)
    assert exercise.exercise
    assert exercise.alert_id != ALERT.alert_id
    assert exercise.incident.incident_id != ALERT.incident.incident_id
    assert exercise.key == exercise.incident.incident_id
    assert as_exercise(ALERT) == exercise
    assert exercise.headline == ALERT.headline


def test_what_is_played_can_be_chosen_and_sites_always_are() -> None:
    records = [
        recorded(0, topic=SITES, after_s=-100),
        *(recorded(n, after_s=n) for n in range(5)),
        recorded(0, b"{}", FEEDBACK, after_s=3),
        recorded(0, b"{}", ALERTS, after_s=3),
    ]

    def played(choice: Choice) -> list[tuple[str, int]]:
        return [(each.topic.name, each.offset) for each in chosen(records, choice)]

    everything = played(Choice())
    assert ("alerts", 0) not in everything
    assert len(everything) == 7
    two, three = (BEGIN.replace(second=n) for n in (2, 3))
    assert played(Choice(since=two, until=three)) == [("sites", 0), (ARTICLES.name, 2)]
    assert played(Choice(most=2)) == [("sites", 0), (ARTICLES.name, 0), (ARTICLES.name, 1)]
    assert played(Choice(key="nobody's")) == [("sites", 0)]
