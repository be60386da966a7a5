"""Brokers for the integration tests: the embedded one always, Apache Kafka where Maven can bring it.

Each broker is started once a run on a free port; each test gets a namespace of its own in it.
"""

import asyncio
import itertools
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from services.launch import broker
from services.runtime.kafka import ensure_topics
from services.runtime.secrets import new_key
from services.runtime.settings import Settings, load_settings

KAFKA = Path(__file__).parents[2] / "deploy" / "kafka"
_numbers = itertools.count()


@contextmanager
def running(command: list[str], port: int, log: Path, patience_s: float) -> Iterator[str]:
    """The command as a child in a process group of its own, until it listens; ended with everything it started."""
    with log.open("wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, start_new_session=True)
        try:
            deadline = time.monotonic() + patience_s
            while not broker.listens(port):
                if process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"{command[0]} did not start:\n{log.read_text(errors='replace')[-2000:]}")
                time.sleep(0.05)
            yield f"127.0.0.1:{port}"
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
                try:
                    process.wait(15)
                except subprocess.TimeoutExpired:
                    os.killpg(process.pid, signal.SIGKILL)
                    process.wait()


@pytest.fixture(scope="session")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """host:port of an embedded broker."""
    port = broker.free_port()
    with running(broker.command(port), port, tmp_path_factory.mktemp("embedded") / "log", 20) as address:
        yield address


@pytest.fixture(scope="session")
def apache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """host:port of an Apache Kafka broker; where none can be had, a failure on CI and a named skip elsewhere."""
    missing = [tool for tool in ("java", "mvn") if shutil.which(tool) is None]
    if missing:
        _unavailable(f"Apache Kafka needs {' and '.join(missing)}")
    directory = tmp_path_factory.mktemp("kafka")
    port = broker.free_port()
    command = [str(KAFKA / "run.sh"), "--port", str(port), "--data", str(directory / "data")]
    try:
        with running(command, port, directory / "log", 240) as address:
            yield address
    except RuntimeError as error:
        _unavailable(str(error))


def _unavailable(reason: str) -> None:
    if os.environ.get("CI"):
        pytest.fail(f"on CI the Kafka suite must run: {reason}")
    pytest.skip(reason)


# What does not hang on the kind of broker (refusals, renderings, what a service does by itself) is shown on one.
on_embedded = pytest.mark.parametrize("kafka", ["embedded"], indirect=True)


@pytest.fixture(params=["embedded", pytest.param("apache", marks=pytest.mark.kafka)])
def kafka(request: pytest.FixtureRequest) -> Settings:
    """Settings for a fresh namespace, its topics created, on each kind of broker in turn."""
    return settings_on(request.getfixturevalue(request.param), embedded=request.param == "embedded")


@pytest.fixture
def on_apache(apache: str) -> Settings:
    """Settings for a fresh namespace on Apache Kafka."""
    return settings_on(apache, embedded=False)


def settings_on(address: str, *, embedded: bool, **more: str) -> Settings:
    environment = {
        "CHANCERY_KAFKA__BOOTSTRAP_SERVERS": address,
        "CHANCERY_KAFKA__IDEMPOTENCE": str(not embedded),
        "CHANCERY_KAFKA__FETCH_MAX_WAIT_MS": "20" if embedded else "100",
        "CHANCERY_KAFKA__SESSION_TIMEOUT_S": "6",
        "CHANCERY_TOPICS__NAMESPACE": f"t{next(_numbers)}.",
        "CHANCERY_TOPICS__PARTITIONS": "4",
        "CHANCERY_HEALTH__PORT": "0",
        "CHANCERY_SECRETS__KEYS": new_key(),
        "CHANCERY_EGRESS__ALLOW_PRIVATE": "127.0.0.0/8",
        "CHANCERY_INGEST__HOST_CONCURRENCY": "64",  # every feed is on this machine
        "CHANCERY_INGEST__HOST_SPACING_S": "0",
        "CHANCERY_NOTIFY__REQUIRE_HTTPS": "false",
        **more,
    }
    settings = load_settings(environment)
    asyncio.run(ensure_topics(settings))
    return settings
