"""deploy/kafka/run.sh: what it says when it cannot run, and a broker that keeps its records over a restart."""

import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError

from services.launch.broker import free_port
from tests.integration.conftest import running

OPTIONS = ("--port", "--advertised-port", "--controller-port", "--data", "--node", "--quorum", "--fetch-only")
SCRIPT = Path(__file__).parents[2] / "deploy/kafka/run.sh"


def run(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(SCRIPT), *arguments], env=os.environ | environ, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--port"], "--port needs a value"),
        (["--port", "kafka"], "kafka is no port number"),
        (["--port", "0"], "0 is no port number"),
        (["--port", "65536"], "65536 is no port number"),
        (["--controller-port", "-1"], "-1 is no port number"),
        (["--advertised-port", "x"], "x is no port number"),
        (["--brokers", "3"], "unknown argument --brokers"),
        (["--quorum", "9001,x"], "x is no port number"),
        (["--node", "0"], "0 is no number of a node"),
        (["--node", "3", "--quorum", "9001,9002"], "--quorum has no port for node 3"),
    ],
)
def test_wrong_arguments_are_named(arguments: list[str], complaint: str) -> None:
    result = run(*arguments)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.splitlines()[-1] == f"run.sh: {complaint}"


def test_help_names_every_option() -> None:
    result = run("--help")
    assert result.returncode == 0
    assert all(option in result.stdout for option in OPTIONS)


def a_copy_of_the_script(directory: Path) -> Path:
    """The script with no jars beside it."""
    for name in ("run.sh", "pom.xml"):
        shutil.copy(SCRIPT.parent / name, directory / name)
    return directory / "run.sh"


def a_program(directory: Path, name: str, text: str) -> None:
    (directory / name).write_text(f"#!/bin/sh\n{text}\n")
    (directory / name).chmod(0o755)


@pytest.mark.parametrize(
    ("programs", "complaint"),
    [
        ({}, "no Java found; install a JRE of version 17 or newer (Debian: openjdk-17-jre-headless)"),
        ({"java": "echo 'openjdk version \"11.0.2\"' >&2"}, "Kafka 4 needs Java 17 or newer; java is 11"),
        ({"java": "echo hello"}, "Kafka 4 needs Java 17 or newer; java is of an unknown version"),
        ({"java": "echo 'java version \"21\"' >&2"}, "no mvn found to fetch Kafka's jars with; install Maven"),
        (
            {"java": "echo 'java version \"21\"' >&2", "mvn": "echo no network; exit 1"},
            "Maven could not fetch the jars: no network",
        ),
    ],
)
def test_what_is_missing_is_said(tmp_path: Path, programs: dict[str, str], complaint: str) -> None:
    script, bin_directory = a_copy_of_the_script(tmp_path), tmp_path / "bin"
    bin_directory.mkdir()
    for tool in ("sh", "sed", "head", "cmp", "rm", "dirname", "cat"):
        (bin_directory / tool).symlink_to(str(shutil.which(tool)))
    for name, text in programs.items():
        a_program(bin_directory, name, text)
    result = subprocess.run(
        [str(script)], env={"PATH": str(bin_directory)}, capture_output=True, text=True, timeout=60, check=False
    )
    assert result.returncode == 1
    assert result.stderr.splitlines()[-1].startswith(f"run.sh: {complaint}")
    assert not (tmp_path / "data").exists()


async def write_and_read(address: str, *, new: bool) -> list[bytes]:
    """Writes one record with an idempotent producer when `new`; reads the topic from its start."""
    deadline = time.monotonic() + 60
    while True:
        admin = AIOKafkaAdminClient(bootstrap_servers=address)
        try:
            await admin.start()
            break
        except KafkaError:  # it listens a moment before it answers
            await admin.close()
            assert time.monotonic() < deadline
    if new:
        await admin.create_topics([NewTopic("kept", 1, 1)])
        async with AIOKafkaProducer(bootstrap_servers=address, enable_idempotence=True) as producer:
            await producer.send_and_wait("kept", b"a record")
    await admin.close()
    async with AIOKafkaConsumer(
        "kept", bootstrap_servers=address, group_id="g", auto_offset_reset="earliest", enable_auto_commit=False
    ) as consumer:
        return [(await consumer.getone()).value]


@pytest.mark.integration
@pytest.mark.kafka
async def test_records_outlive_a_clean_stop(tmp_path: Path) -> None:
    missing = [tool for tool in ("java", "mvn") if shutil.which(tool) is None]
    if missing and not os.environ.get("CI"):
        pytest.skip(f"Apache Kafka needs {' and '.join(missing)}")
    for new in (True, False):
        port = free_port()
        command = [str(SCRIPT), "--port", str(port), "--data", str(tmp_path / "data")]
        with running(command, port, tmp_path / "log", 240) as address:
            assert await write_and_read(address, new=new) == [b"a record"]
        assert (tmp_path / "data/records/.kafka_cleanshutdown").exists()
