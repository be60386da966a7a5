"""What benchmarks/correlation.py runs as processes of their own: brokers, workers, and what they are compared with.

python -m benchmarks.stages pass-through       one of the contenders, told by the environment like a worker
"""

import asyncio
import contextlib
import itertools
import math
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import faust
import httpx
import uvloop
from aiokafka import AIOKafkaConsumer, TopicPartition
from faust.types import StreamT

from benchmarks.correlation_load import WINDOWS
from services.classify.adapters.kafka import Acknowledger
from services.classify.app import events_of, faust_app, stream_of
from services.classify.core.chain import alerts_of, fold_report
from services.classify.core.correlation.memory import Memory
from services.contracts.model import Record
from services.contracts.report import IncidentReport
from services.contracts.subscription import Channel, Filter, Subscription
from services.contracts.topics import ALERTS, INCIDENTS, REPORTS, Topic
from services.launch import broker
from services.notify.core.subscribing import Asked, subscribed
from services.runtime.kafka import consumer_options, ensure_topics
from services.runtime.secrets import Vault
from services.runtime.settings import Settings, load_settings

T = TypeVar("T")

ROOT = Path(__file__).parent.parent
KAFKA = ROOT / "deploy" / "kafka" / "run.sh"
WORKER = ("-m", "services.cli", "classify-worker")
PASS_THROUGH = ("-m", "benchmarks.stages", "pass-through")
BARE = ("-m", "benchmarks.by_hand", "correlate")
PARTITIONS = 8
PATIENCE_S = 150
_numbers = itertools.count()


@contextlib.contextmanager
def running_broker(apache: bool) -> Iterator[str]:
    """host:port of a fresh broker on loopback, gone with all it kept when the context ends."""
    with broker_process(apache) as (address, _):
        yield address


@contextlib.contextmanager
def broker_process(apache: bool) -> Iterator[tuple[str, int]]:
    """As `running_broker`, with the broker's process id."""
    port = broker.free_port()
    with tempfile.TemporaryDirectory() as directory:
        command = [str(KAFKA), "--port", str(port), "--data", directory] if apache else broker.command(port)
        with child(command, {}) as pid:
            listens(port)
            yield f"127.0.0.1:{port}", pid


def listens(port: int) -> None:
    """Returns once somebody does. Raises TimeoutError."""
    deadline = time.monotonic() + PATIENCE_S
    while not broker.listens(port):
        if time.monotonic() > deadline:
            raise TimeoutError(f"nobody listens on {port}")
        time.sleep(0.05)


@contextlib.contextmanager
def child(command: Sequence[str], environment: Mapping[str, str]) -> Iterator[int]:
    """The command as a process group of its own, which the end of the context ends; yields its process id. What it
    said is shown where it ended by itself."""
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(
            command, env=os.environ | environment, stdout=said, stderr=said, cwd=ROOT, start_new_session=True
        )
        try:
            yield process.pid
        finally:
            if process.poll() is not None:
                said.seek(0)
                sys.stderr.write(said.read()[-4_000:].decode(errors="replace"))
            else:
                os.killpg(process.pid, signal.SIGTERM)
                try:
                    process.wait(20)
                except subprocess.TimeoutExpired:
                    os.killpg(process.pid, signal.SIGKILL)
                    process.wait()


def cpu_seconds(pid: int) -> float:
    """What a process has used. Needs Linux."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak_megabytes(pid: int) -> float:
    """The most memory that a process has had. Needs Linux."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM"))


def family_of(pid: int) -> list[int]:
    """A process and the children it has not yet waited for. Needs Linux."""
    family = [pid]
    for thread in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(FileNotFoundError):  # it ended meanwhile
            family += map(int, (thread / "children").read_text(encoding="ascii").split())
    return family


def cpu_of_family_s(pid: int) -> float:
    return sum(map(cpu_seconds, family_of(pid)))


def webhook(endpoint: str, name: str, states: Sequence[str], secret: str, vault: Vault) -> Subscription:
    """A subscription to all that is told of the host states, or of everywhere."""
    asked = Asked(Channel.WEBHOOK, endpoint, name, name, (Filter(host_states=tuple(states)),), secret)
    made, _ = subscribed(asked, None, vault, lambda _: secret, datetime.now(UTC))
    return made


class Pace:
    """Turns at a steady rate. `late_s` is how late the latest was, in seconds."""

    def __init__(self, a_second: float) -> None:
        self._a_second = a_second
        self.late_s = 0.0

    async def over(self, things: Iterable[T]) -> AsyncIterator[T]:
        begun = time.perf_counter()
        for index, thing in enumerate(things):
            due = begun + index / self._a_second
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            self.late_s = max(self.late_s, time.perf_counter() - due)
            yield thing


def quantile(values: Sequence[float], share: float) -> float:
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


class Stage:
    """A namespace of its own in a broker, and the processes that work in it."""

    def __init__(self, address: str, apache: bool, more: Mapping[str, str] | None = None) -> None:
        self.health = broker.free_port()
        self.environment = {
            "CHANCERY_KAFKA__BOOTSTRAP_SERVERS": address,
            "CHANCERY_KAFKA__IDEMPOTENCE": str(apache),
            **({} if apache else {"CHANCERY_KAFKA__FETCH_MAX_WAIT_MS": "50"}),  # as `chancery up` sets it
            "CHANCERY_TOPICS__NAMESPACE": f"b{next(_numbers)}.",
            "CHANCERY_TOPICS__PARTITIONS": str(PARTITIONS),
            "CHANCERY_HEALTH__PORT": str(self.health),
            **(more or {}),
        }
        self.settings = load_settings(self.environment)

    @property
    def partitions(self) -> range:
        return range(self.settings.topics.partitions)

    async def prepare(self) -> None:
        await ensure_topics(self.settings)

    def running(self, arguments: Sequence[str], health: int | None = None) -> contextlib.AbstractContextManager[int]:
        """One service; where there are more, each says on a port of its own how it is."""
        own = {"CHANCERY_HEALTH__PORT": str(health or self.health)}
        return child([sys.executable, *arguments], self.environment | own)

    async def ready(self, health: int | None = None) -> None:
        """Wait until the worker has its partitions; its tables may still be recovering."""
        async with asyncio.timeout(PATIENCE_S), httpx.AsyncClient() as client:
            while True:
                with contextlib.suppress(httpx.TransportError):
                    if (await client.get(f"http://127.0.0.1:{health or self.health}/ready")).status_code == 200:
                        return
                await asyncio.sleep(0.05)

    @contextlib.asynccontextmanager
    async def reading(self, *topics: Topic) -> AsyncIterator[AIOKafkaConsumer]:
        """A reader of whole topics, from their beginning."""
        consumer = AIOKafkaConsumer(**consumer_options(self.settings.kafka), auto_offset_reset="earliest")
        async with consumer:
            names = [topic.in_namespace(self.settings.topics.namespace) for topic in topics]
            consumer.assign([TopicPartition(name, number) for name in names for number in self.partitions])
            yield consumer


async def _pass_through(settings: Settings) -> None:
    """A Faust agent with the worker's settings and acknowledgement that decodes nothing and sends each record on."""
    app = faust_app(settings, "pass-through", faust.App)
    acks = Acknowledger(app)
    target = stream_of(app, INCIDENTS, settings.topics.namespace)

    @app.agent(stream_of(app, REPORTS, settings.topics.namespace))
    async def on(stream: StreamT[bytes]) -> None:
        async for event in events_of(stream):
            message = event.message
            sent = await target.send(key=message.key, value=message.value, headers=message.headers)
            await acks.after(event, [sent])

    @app.task  # type: ignore[untyped-decorator]
    async def acknowledge() -> None:
        await acks.run()

    await app.start()
    try:
        await app.wait_for_stopped(asyncio.Event().wait())
    finally:
        await app.stop()


def caused_by(report: IncidentReport, memory: Memory, states: Mapping[str, str]) -> list[tuple[Topic, Record]]:
    """What the worker would write for a report."""
    correlation = fold_report(memory, report, WINDOWS, datetime.now(UTC))
    written: list[tuple[Topic, Record]] = [(INCIDENTS, incident) for incident in correlation.remember]
    return written + [(ALERTS, alert) for alert in alerts_of(correlation, states)]


if __name__ == "__main__":
    assert sys.argv[1:] == ["pass-through"]
    uvloop.run(_pass_through(load_settings()))
