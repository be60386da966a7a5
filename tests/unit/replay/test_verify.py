"""Alerts of the recorded day computed again: those that were sent match, one that was tampered with does not."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from services.classify.adapters.data import load_rules, state_names, windows_of
from services.classify.core.reading.pipeline import Reader
from services.cli import app
from services.contracts.alert import Alert, ChangeKind
from services.contracts.codec import encode
from services.contracts.topics import ALERTS, ARTICLES, REPORTS
from services.replay.adapters.archive import recording
from services.replay.core.recording import Recorded
from services.replay.core.rerun import Rerun, record_in
from services.replay.verify import Verdict, verify
from services.runtime.settings import ClassifySettings
from tests.day.recording import FILE
from tests.unit.replay.recordings import written

READER = Reader(load_rules())


def fresh() -> Rerun:
    return Rerun(READER, windows_of(ClassifySettings()), state_names())


def recorded_alerts(records: list[Recorded]) -> list[Alert]:
    found = [record_in(record, Alert) for record in records if record.topic is ALERTS]
    return [alert for alert in found if alert is not None]


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Recorded]]:
    """The end of the recorded day as the present rules tell it, with its reports, as a worker would have written it."""
    rerun, records = fresh(), []
    counts = dict.fromkeys((ARTICLES, REPORTS, ALERTS), 0)
    for record in [each for each in recording(FILE) if each.topic is ARTICLES]:
        if record.at.year < 2024:
            continue
        said = rerun.take(record)
        for topic, written_now in ((ARTICLES, ()), (REPORTS, said.reports), (ALERTS, said.alerts)):
            values = [(record.key, record.value)] if topic is ARTICLES else [(r.key, encode(r)) for r in written_now]
            for key, value in values:
                records.append(Recorded(topic, 0, counts[topic], record.at, key, value))
                counts[topic] += 1
    path = tmp_path_factory.mktemp("told") / "day"
    written(path, records, ARTICLES, REPORTS, ALERTS)
    return path, records


@pytest.mark.parametrize("change", ChangeKind)
def test_an_alert_of_every_kind_matches(told: tuple[Path, list[Recorded]], change: ChangeKind) -> None:
    path, records = told
    alert = [each for each in recorded_alerts(records) if each.change is change][-1]
    found = verify(path, alert.alert_id, fresh(), READER.rules.version)
    assert (found.verdict, found.mismatches, found.missing) == (Verdict.MATCHES, (), ())
    assert found.rules_then == (READER.rules.version,)


def test_without_the_reports_the_articles_are_taken_as_they_came(
    told: tuple[Path, list[Recorded]], tmp_path: Path
) -> None:
    records = [record for record in told[1] if record.topic is not REPORTS]
    written(tmp_path / "a", records, ARTICLES, ALERTS)
    alert = recorded_alerts(records)[0]
    assert verify(tmp_path / "a", alert.alert_id, fresh(), "").verdict is Verdict.MATCHES


TAMPERED: dict[str, tuple[Callable[[dict[str, Any]], object], str]] = {
    "a toll": (lambda alert: alert["incident"].update(killed={"low": 99, "high": 99}), "incident.killed"),
    "a headline": (lambda alert: alert.update(headline="Nothing happened"), "headline"),
    "a quote": (lambda alert: alert["incident"]["claims"][0].update(quote="never said"), "incident.claims.0.quote"),
}


@pytest.mark.parametrize("what", TAMPERED)
def test_one_that_was_tampered_with_differs_and_says_where(
    told: tuple[Path, list[Recorded]], tmp_path: Path, what: str
) -> None:
    spoil, where = TAMPERED[what]
    records = list(told[1])
    number = next(n for n, record in enumerate(records) if record.topic is ALERTS)
    alert = json.loads(records[number].value or b"")
    spoil(alert)
    records[number] = Recorded(ALERTS, 0, 0, records[number].at, records[number].key, json.dumps(alert).encode())
    written(tmp_path / "a", records, ARTICLES, REPORTS, ALERTS)
    found = verify(tmp_path / "a", alert["alert_id"], fresh(), READER.rules.version)
    assert found.verdict is Verdict.DIFFERS
    assert any(mismatch.field.startswith(where) for mismatch in found.mismatches)


def test_clocks_of_machines_decide_nothing(told: tuple[Path, list[Recorded]], tmp_path: Path) -> None:
    records = list(told[1])
    number = next(n for n, record in enumerate(records) if record.topic is ALERTS)
    alert = json.loads(records[number].value or b"")
    alert["incident"]["ledger"]["correlated_at"] = "2030-01-01T00:00:00Z"
    records[number] = Recorded(ALERTS, 0, 0, records[number].at, records[number].key, json.dumps(alert).encode())
    written(tmp_path / "a", records, ARTICLES, REPORTS, ALERTS)
    assert verify(tmp_path / "a", alert["alert_id"], fresh(), "").verdict is Verdict.MATCHES


def test_without_its_articles_nobody_can_tell(told: tuple[Path, list[Recorded]], tmp_path: Path) -> None:
    alert = recorded_alerts(told[1])[0]
    lost = alert.incident.claims[0].article_id
    written(tmp_path / "a", [each for each in told[1] if each.key != lost], ARTICLES, REPORTS, ALERTS)
    found = verify(tmp_path / "a", alert.alert_id, fresh(), "")
    assert found.verdict is Verdict.UNKNOWN
    assert found.missing == (f"{lost}-{alert.incident.claims[0].article_revision}",)


def test_the_command_says_whether_it_matches(told: tuple[Path, list[Recorded]]) -> None:
    path, records = told
    alert = recorded_alerts(records)[0]
    result = CliRunner().invoke(app, ["verify", alert.alert_id, "--recording", str(path)])
    assert result.exit_code == 0, result.output
    assert "matches: computed again from its articles it is the same" in result.stdout
    unknown = CliRunner().invoke(app, ["verify", "alr_unknown", "--recording", str(path)])
    assert unknown.exit_code == 2
    assert "holds no alert alr_unknown" in unknown.stderr.replace("\n", " ")
