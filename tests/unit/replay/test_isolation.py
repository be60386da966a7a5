"""A replay happens nowhere but in a namespace of its own, and its alerts are nobody else's."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.classify.core.chain import as_exercise
from services.contracts.topics import ALERTS, ARTICLES, FEEDBACK, SITES, TOPICS
from services.replay.core.isolation import NotIsolated, Purpose, assert_isolated, is_of, namespace_of
from services.replay.play import Choice, chosen
from services.replay.stage import isolated
from services.runtime.settings import load_settings
from tests.contracts.examples import ALERT
from tests.unit.replay.recordings import BEGIN, recorded

LIVE = load_settings({})


@given(run=st.from_regex(r"[a-z0-9]{1,40}", fullmatch=True), purpose=st.sampled_from(Purpose))
def test_a_run_has_a_namespace_of_its_own(run: str, purpose: Purpose) -> None:
    own = isolated(LIVE, run, purpose)
    assert own.topics.namespace == f"{purpose}-{run}."
    assert (own.topics.partitions, own.classify.exercise) == (1, True)
    live = {topic.in_namespace(LIVE.topics.namespace) for topic in TOPICS}
    assert live.isdisjoint(topic.in_namespace(own.topics.namespace) for topic in TOPICS)


@given(run=st.text(max_size=20), purpose=st.sampled_from(Purpose))
def test_whatever_a_run_is_called_only_its_topics_are_meant(run: str, purpose: Purpose) -> None:
    try:
        own = isolated(LIVE, run, purpose)
    except NotIsolated:
        return
    for topic in TOPICS:
        name = topic.in_namespace(own.topics.namespace)
        assert [other for other in Purpose if is_of(other, name)] == [purpose]


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
        ("shadow-a.", "shadow-a.", "production", "is the live one"),
        ("shadow-A.", "chancery.", "production", "nothing is replayed with these settings"),
    ],
)
def test_what_is_not_apart_is_refused(namespace: str, live: str, environment: str, says: str) -> None:
    with pytest.raises(NotIsolated, match=says):
        assert_isolated(namespace, live, environment)


@pytest.mark.parametrize(
    "name",
    ["chancery.alerts", "replays.alerts", "x.replay-a.alerts", "replay-A.alerts", "replay-", "x.shadow-a.alerts"],
)
def test_no_other_topic_is_a_replays_or_a_shadows(name: str) -> None:
    assert not any(is_of(purpose, name) for purpose in Purpose)


def test_a_shadow_may_follow_what_is_in_production() -> None:
    assert_isolated(namespace_of("a", Purpose.SHADOW), "chancery.", "production")


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
