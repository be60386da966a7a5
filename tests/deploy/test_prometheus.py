"""Prometheus's rules: they hold, they fire when they should, and somebody can read what to do."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import generate_latest

from tests.deploy.test_dashboards import ADDED_BY_PROMETHEUS, COMPOSE, PROMETHEUS, exposed

ROOT = Path(__file__).parents[2]
RULES = ROOT / "deploy/prometheus/rules.yml"
GROUPS: list[dict[str, Any]] = yaml.safe_load(RULES.read_text())["groups"]
ALARMS = {rule["alert"]: rule for group in GROUPS for rule in group["rules"] if "alert" in rule}
RECORDED = {rule["record"]: rule for group in GROUPS for rule in group["rules"] if "record" in rule}
OPERATIONS = (ROOT / "docs/operations.md").read_text()
each_alarm = pytest.mark.parametrize("name", ALARMS)


def promtool(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Debian has it in the package prometheus; where it is not, a failure on CI and a skip that says so elsewhere."""
    binary = shutil.which("promtool")
    if binary is None:
        if os.environ.get("CI"):
            pytest.fail("on CI promtool must be installed")
        pytest.skip("promtool is not installed")
    return subprocess.run([binary, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)


def test_the_configuration_and_the_rules_are_well_formed() -> None:
    checked = promtool("check", "config", "deploy/prometheus/prometheus.yml")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert f"{len(ALARMS) + len(RECORDED)} rules found" in checked.stdout


def test_the_rules_fire_when_they_should() -> None:
    tested = promtool("test", "rules", "tests/deploy/rules.test.yml")
    assert tested.returncode == 0, tested.stdout + tested.stderr


def test_every_alarm_is_seen_to_fire() -> None:
    tested = (ROOT / "tests/deploy/rules.test.yml").read_text()
    assert {name for name in ALARMS if f'alertname="{name}"' not in tested} == set()


@pytest.mark.parametrize("rule", [*ALARMS.values(), *RECORDED.values()], ids=[*ALARMS, *RECORDED])
def test_a_rule_asks_for_what_is_exposed(rule: dict[str, Any]) -> None:
    series = exposed()
    expression = rule["expr"]
    named = set(re.findall(r"\bchancery_\w+", expression))
    assert named <= series.keys()
    assert set(re.findall(r"\bchancery:[\w:]+", expression)) <= RECORDED.keys()
    assert named or "chancery:" in expression or "up{" in expression
    labels = ADDED_BY_PROMETHEUS.union(*(series[name] for name in named))
    asked = {label for by in re.findall(r"(?:by|on) \(([^)]*)\)", expression) for label in by.split(", ")}
    asked |= set(re.findall(r"(\w+)(?:=|!=|=~|!~)\"", expression))
    asked |= set(re.findall(r"\$labels\.(\w+)", str(rule.get("annotations"))))
    assert asked <= labels


def test_a_bound_of_the_objective_is_a_bound_of_the_histogram() -> None:
    told = generate_latest().decode()
    for bound in set(re.findall(r'chancery_fetched_to_alert_seconds_bucket\{le="([^"]+)"\}', RULES.read_text())):
        assert f'chancery_fetched_to_alert_seconds_bucket{{le="{bound}"}}' in told


@each_alarm
def test_an_alarm_says_how_soon_and_where_to_read_what_to_do(name: str) -> None:
    alarm = ALARMS[name]
    assert alarm["labels"]["severity"] in ("page", "ticket")
    page, _, heading = alarm["annotations"]["runbook"].partition("#")
    assert page == "docs/operations.md"
    titles = re.findall(r"^#+ (.+)$", OPERATIONS, re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", title).strip().lower().replace(" ", "-") for title in titles}
    assert heading in anchors
    assert f"`{name}`" in OPERATIONS


def test_compose_gives_prometheus_its_rules() -> None:
    mounts = dict(mount.split(":")[:2] for mount in COMPOSE["prometheus"]["volumes"])
    assert mounts["./deploy/prometheus"] == "/etc/prometheus"
    assert [ROOT / "deploy/prometheus" / name for name in PROMETHEUS["rule_files"]] == [RULES]
