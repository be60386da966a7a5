"""Prometheus and Grafana files against the code and docker-compose.yml."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import Counter, Gauge, Histogram

from services.runtime import metrics
from services.runtime.settings import HealthSettings

ROOT = Path(__file__).parents[2]
GRAFANA = ROOT / "deploy/grafana"
DASHBOARDS = sorted((GRAFANA / "dashboards").glob("*.json"))
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
PROMETHEUS = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text())
ADDED_BY_PROMETHEUS = {"le", "job", "instance", "container"}


def exposed() -> dict[str, set[str]]:
    """Every series that the services expose, with its labels."""
    found: dict[str, set[str]] = {}
    for metric in vars(metrics).values():
        if isinstance(metric, Counter | Gauge | Histogram):
            (family,) = metric.describe()
            suffixes = {"counter": ["_total"], "histogram": ["_bucket", "_sum", "_count"]}.get(family.type, [""])
            found |= {f"{family.name}{suffix}": set(metric._labelnames) for suffix in suffixes}
    return found


def panels(path: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(path.read_text())["panels"]
    return found


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_dashboards_ask_for_what_is_exposed(path: Path) -> None:
    series = exposed()
    for panel in panels(path):
        for target in panel.get("targets", []):
            named = set(re.findall(r"\bchancery_\w+", target["expr"]))
            assert named <= series.keys(), panel["title"]
            labels = ADDED_BY_PROMETHEUS.union(*(series[name] for name in named))
            asked = {label for by in re.findall(r"by \(([^)]*)\)", target["expr"]) for label in by.split(", ")}
            asked |= set(re.findall(r"(\w+)(?:=|!=|=~|!~)\"", target["expr"]))
            asked |= set(re.findall(r"\{\{(\w+)\}\}", target.get("legendFormat", "")))
            assert asked <= labels, panel["title"]


def test_every_metric_is_on_a_dashboard() -> None:
    shown = "".join(path.read_text() for path in DASHBOARDS)
    families = {re.sub(r"_(bucket|sum|count)$", "", name) for name in exposed()}
    assert {name for name in families if name not in shown} == set()


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_dashboards_are_well_formed(path: Path) -> None:
    (source,) = yaml.safe_load((GRAFANA / "provisioning/datasources/prometheus.yml").read_text())["datasources"]
    ids = [panel["id"] for panel in panels(path)]
    assert len(ids) == len(set(ids))
    for panel in panels(path):
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        assert panel["type"] == "row" or panel["datasource"]["uid"] == source["uid"]


def test_grafana_finds_what_is_mounted() -> None:
    mounts = dict(mount.split(":")[:2] for mount in COMPOSE["grafana"]["volumes"])
    (provider,) = yaml.safe_load((GRAFANA / "provisioning/dashboards/chancery.yml").read_text())["providers"]
    assert provider["options"]["path"] == mounts["./deploy/grafana/dashboards"]
    home = COMPOSE["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert home.removeprefix(f"{provider['options']['path']}/") in {path.name for path in DASHBOARDS}
    (source,) = yaml.safe_load((GRAFANA / "provisioning/datasources/prometheus.yml").read_text())["datasources"]
    assert source["url"] == "http://prometheus:9090"


def test_prometheus_scrapes_every_service_where_it_listens() -> None:
    job = next(job for job in PROMETHEUS["scrape_configs"] if job["job_name"] == "chancery")
    (lookup,) = job["dns_sd_configs"]
    served = {name for name, service in COMPOSE.items() if "/ready" in str(service["healthcheck"].get("test"))}
    assert set(lookup["names"]) == served - {"prometheus"}
    assert lookup["port"] == HealthSettings().port
    assert "--config.file=/etc/prometheus/prometheus.yml" in COMPOSE["prometheus"]["command"]
