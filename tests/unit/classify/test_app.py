"""The Faust application's start: the known sites first, then the consumer."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import faust
import pytest

from services.classify.app import App, faust_app, reader_of
from services.runtime.kafka import Publisher
from services.runtime.settings import Misconfigured, Settings, load_settings


class _Sites:
    """A table of sites that is loaded when the test says so, or cannot be read."""

    def __init__(self, error: Exception | None = None) -> None:
        self.end, self._error = asyncio.Event(), error

    async def run(self, stop: asyncio.Event) -> None:
        if self._error:
            raise self._error
        await stop.wait()

    async def loaded(self) -> None:
        await self.end.wait()


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What Faust's own start did, and what was done before."""
    calls: list[str] = []

    async def ensure(_: Settings, configs: Mapping[str, dict[str, str]]) -> None:
        calls.extend(configs)

    monkeypatch.setattr("services.classify.app.ensure_named", ensure)

    async def on_start(_: faust.App) -> None:
        calls.append("consumer")

    monkeypatch.setattr(faust.App, "on_start", on_start)
    return calls


def _app(sites: Any) -> App:
    app = App("test", broker="memory://", autodiscover=False)
    app.sites, app.settings = sites, load_settings({})
    app.Table("told", partitions=4)
    return app


async def test_nothing_is_consumed_before_the_sites_are_known(started: list[str]) -> None:
    sites = _Sites()
    app = _app(sites)
    start = asyncio.create_task(app.on_start())
    for _ in range(20):
        await asyncio.sleep(0)
    assert started == ["test-told-changelog"]
    sites.end.set()
    await asyncio.wait_for(start, 5)
    assert started == ["test-told-changelog", "consumer"]
    await app.stop()


async def test_sites_that_cannot_be_read_crash_the_worker(started: list[str]) -> None:
    app = _app(_Sites(RuntimeError("no such topic")))
    await asyncio.wait_for(app.on_start(), 5)
    assert app.should_stop
    assert str(app.crash_reason) == "no such topic"


def test_rules_that_cannot_be_used_are_a_wrong_setting(tmp_path: Path) -> None:
    (tmp_path / "lexicons").mkdir()
    (tmp_path / "lexicons" / "en.toml").write_text('[language]\ncode = "en"\n')
    environment = {"CHANCERY_CLASSIFY__RULES_DIR": str(tmp_path)}
    with pytest.raises(Misconfigured, match=r"^the rules cannot be used: en\.toml: sites: the section is missing$"):
        reader_of(load_settings(environment))


def test_a_worker_with_wrong_rules_ends_with_78_and_one_line(tmp_path: Path) -> None:
    worker = subprocess.run(
        [sys.executable, "-m", "services.cli", "classify-worker"],
        env={**os.environ, "CHANCERY_CLASSIFY__RULES_DIR": str(tmp_path), "CHANCERY_HEALTH__PORT": "0"},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert worker.returncode == 78
    assert json.loads(worker.stderr.splitlines()[-1])["reason"].endswith("/lexicons: *.toml: there is no lexicon")
    assert "Traceback" not in worker.stderr


@pytest.mark.parametrize(("setting", "codec"), [("lz4", "lz4"), ("zstd", "zstd"), ("none", None)])
def test_both_producers_pack_as_the_setting_says(
    setting: str, codec: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: dict[str, Any] = {}
    monkeypatch.setattr("services.runtime.kafka.AIOKafkaProducer", lambda **options: given.update(options))
    settings = load_settings({"CHANCERY_KAFKA__COMPRESSION": setting})
    Publisher(settings, "/chancery/test")
    assert given["compression_type"] == faust_app(settings, "test", App).conf.producer_compression_type == codec
