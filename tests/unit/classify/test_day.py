"""The recorded day (tests/day) through reader and correlation: its incidents, its alerts, and in whatever order."""

import datetime as dt
import random
from collections import Counter
from collections.abc import Sequence

import pytest

from services.contracts.alert import Alert, ChangeKind
from services.contracts.article import Article
from services.contracts.incident import Incident, IncidentStatus
from tests.day import day
from tests.day.run import ALERTS, INCIDENTS, Memory, alert_lines, incident_lines, run


@pytest.fixture(scope="module")
def told() -> list[tuple[Article, str]]:
    return day.told()


@pytest.fixture(scope="module")
def memory(told: list[tuple[Article, str]]) -> Memory:
    return run(article for article, _ in told)


def test_the_day_is_a_day(told: list[tuple[Article, str]]) -> None:
    articles = [article for article, _ in told]
    assert len(articles) >= 300
    assert {article.fetched_at.date() for article in articles[:-1]} == {day.DAY}
    assert articles[-1].fetched_at.date() == day.DAY + dt.timedelta(days=4)
    assert [article.fetched_at for article in articles] == sorted(article.fetched_at for article in articles)
    assert len({article.record_id for article in articles}) == len(articles)
    assert sum(1 for _, story in told if not story) >= 120
    assert {"en", "fr", "es", "ar", "de", "ru", "tr", "zh"} <= {a.language_hint for a, story in told if story}


def test_twelve_incidents_are_true_and_two_are_retracted(memory: Memory) -> None:
    """Beside them only the closed embassy is remembered, and nobody was told of that. Four days later nothing new was
    told of one of the twelve."""
    wanted = Counter(incident.retracted for incident in day.incidents())
    assert wanted == {False: 12, True: 2}
    incidents = memory.all_incidents()
    silent = [incident for incident in incidents if all(claim.inhibited_by for claim in incident.claims)]
    assert [incident.site.site_key for incident in silent] == ["embassy:US:IQ:baghdad"]
    states = Counter(incident.status for incident in incidents if incident not in silent)
    assert states == {IncidentStatus.OPEN: 11, IncidentStatus.CLOSED: 1, IncidentStatus.RETRACTED: 2}
    assert {alert.change for alert in memory.alerts} == set(ChangeKind)
    opened = [alert for alert in memory.alerts if alert.change is ChangeKind.OPENED]
    assert len(opened) == len({alert.incident.incident_id for alert in memory.alerts}) == 14


def test_every_story_is_one_incident_and_noise_is_none(told: list[tuple[Article, str]], memory: Memory) -> None:
    story_of = {article.article_id: story for article, story in told}
    stories = {
        incident.incident_id: {story_of[claim.article_id] for claim in incident.claims}
        for incident in memory.all_incidents()
    }
    assert all(len(names) == 1 and "" not in names for names in stories.values()), stories
    taken_up = {claim.article_id for incident in memory.all_incidents() for claim in incident.claims}
    unread = [article.title for article, story in told if story and article.article_id not in taken_up]
    assert unread == []


def test_alerts_and_incidents_are_the_golden_ones(memory: Memory) -> None:
    """After a change that is meant: `python -m tests.day.run --write`, and read the difference."""
    assert alert_lines(memory) == ALERTS.read_text(encoding="utf-8").splitlines()
    assert incident_lines(memory) == INCIDENTS.read_text(encoding="utf-8").splitlines()


def test_every_article_twice_changes_nothing(told: list[tuple[Article, str]], memory: Memory) -> None:
    twice = run(article for article, _ in told for _ in range(2))
    assert twice.incidents == memory.incidents
    assert _by_id(twice.alerts) == _by_id(memory.alerts)


def test_a_day_delivered_again_from_any_point_yields_the_same_alerts(
    told: list[tuple[Article, str]], memory: Memory
) -> None:
    """A worker that was killed reads again what it had not acknowledged; here half a day of it."""
    articles = [article for article, _ in told]
    again = run([*articles, *articles[150:]])
    assert again.incidents == memory.incidents
    assert _by_id(again.alerts) == _by_id(memory.alerts)


@pytest.mark.parametrize("seed", range(5))
def test_whatever_the_order_of_arrival_the_incidents_are_the_same(
    told: list[tuple[Article, str]], memory: Memory, seed: int
) -> None:
    """Feeds are polled when they are: the stories run into each other in any way, each in its own order."""
    assert _meaning(run([*_interleaved(told[:-1], seed), told[-1][0]])) == _meaning(memory)


@pytest.mark.parametrize("seed", range(5))
def test_late_and_early_tellings_end_in_the_same_incidents(
    told: list[tuple[Article, str]], memory: Memory, seed: int
) -> None:
    """Every article but the first of its story comes up to two hours sooner or later; revisions keep their order.

    The first stays first: a report that knows only the city, or a denial, opens nothing. The
    last stays last: it is of a later day.
    """
    assert _meaning(run([*_delayed(told[:-1], seed), told[-1][0]])) == _meaning(memory)


def _interleaved(told: Sequence[tuple[Article, str]], seed: int) -> list[Article]:
    chance = random.Random(seed)
    queues: dict[str, list[Article]] = {}
    for article, story in told:
        queues.setdefault(story, []).append(article)
    mixed = []
    while queues:
        story = chance.choice(list(queues))
        mixed.append(queues[story].pop(0))
        if not queues[story]:
            del queues[story]
    return mixed


def _delayed(told: Sequence[tuple[Article, str]], seed: int) -> list[Article]:
    chance = random.Random(seed)
    first: dict[str, float] = {}
    floor: dict[str, float] = {}
    arrivals = []
    for number, (article, story) in enumerate(told):
        at = article.fetched_at.timestamp()
        if story and story not in first:
            first[story] = at
        elif story:
            at = max(at + chance.uniform(-7200, 7200), first[story] + 1, floor.get(article.article_id, 0) + 1)
        floor[article.article_id] = at
        arrivals.append((at, number, article))
    return [article for _, _, article in sorted(arrivals)]


def _meaning(memory: Memory) -> dict[str, dict[str, object]]:
    """What the incidents say, by the id of each; not how they came to say it."""
    how = {"revision", "claims", "ledger"}
    return {incident.incident_id: _plain(incident, how) for incident in memory.all_incidents()}


def _plain(incident: Incident, how: set[str]) -> dict[str, object]:
    said = incident.model_dump(exclude=how, mode="json")
    said["claims"] = sorted(claim.report_id for claim in incident.claims)
    return said


def _by_id(alerts: Sequence[Alert]) -> dict[str, Alert]:
    """Raises where one id has two contents."""
    found: dict[str, Alert] = {}
    for alert in alerts:
        assert found.setdefault(alert.alert_id, alert) == alert
    return found
