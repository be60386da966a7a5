"""What benchmarks/chaos.py does its worst to: Apache Kafka, the services, endpoints and feeds, and the lines between.

Apache Kafka and the services run under `chancery up`'s supervisor, each a process of its own that is
started again when it ends; the feeds and the endpoints are in this process.
"""

import asyncio
import contextlib
import json
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route

from benchmarks.chaos_ledger import Seen
from benchmarks.growing_site import CITIES, FEEDS, Entry, Site, number_of
from benchmarks.stages import KAFKA, PATIENCE_S, listens, webhook
from benchmarks.wire import Wire
from deploy.demo import receiver
from services.classify.agents import ARTICLE_CLASSIFIED
from services.console.adapters.reading import reading
from services.contracts import topics
from services.contracts.alert import Alert
from services.contracts.article import Article
from services.contracts.codec import decode
from services.contracts.dead_letter import DeadLetter
from services.contracts.ids import ArticleId, SubscriptionId
from services.contracts.model import Record
from services.contracts.report import IncidentReport
from services.contracts.subscription import Subscription
from services.launch.broker import free_port
from services.launch.supervisor import Program, Supervisor
from services.runtime.kafka import Publisher, ensure_topics
from services.runtime.secrets import Vault, new_key, new_webhook_secret
from services.runtime.settings import Settings, environment_of, load_settings

HEAP = {"KAFKA_HEAP": "-Xmx320m"}
SERVICES = {
    "ingest": "ingest",
    "classify-1": "classify-worker",
    "classify-2": "classify-worker",
    "notify": "notify",
}
"""With the sub-command that each is."""
HEALTHY = 4
DISK_MB = 300


UNTIMELY = "timestamp"
"""In the reason for which an endpoint refuses a message of another time."""


@dataclass
class Broker:
    """`disk` is the mount that holds its records, None where none can be had. `line` is what everybody reaches it by,
    other brokers too."""

    name: str
    port: int
    controller_port: int
    line: Wire
    disk: Path | None = None


class Clocks:
    """The clock of each service, which can be set while it runs: libfaketime reads it from a file (Debian: faketime).

    Of a process that has it preloaded, only the time of day is another one: what measures how long something takes
    (CLOCK_MONOTONIC) is as it was, as with a real clock that is set."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._library = next(Path("/usr").glob("lib*/*/faketime/libfaketimeMT.so.1"), None)

    @property
    def can_be_set(self) -> bool:
        return self._library is not None

    def environment(self, service: str) -> dict[str, str]:
        if self._library is None:
            return {}
        self.set(service, 0)
        return {
            "LD_PRELOAD": str(self._library),
            "FAKETIME_TIMESTAMP_FILE": str(self._directory / service),
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "NO_FAKE_STAT": "1",
        }

    def tidy(self) -> None:
        """What a process that is killed leaves behind of the library."""
        for left in Path("/dev/shm").glob("*faketime_*"):
            if not Path("/proc", left.name.rpartition("_")[2]).exists():
                left.unlink(missing_ok=True)

    def set(self, service: str, ahead_s: float) -> None:
        written = self._directory / f"{service}.new"
        written.write_text(f"{ahead_s:+.0f}\n")
        written.replace(self._directory / service)


class Deployment:
    """Everything that takes part. `untimely` counts the messages that were refused for their time of day."""

    def __init__(self, coming: Sequence[Entry], logs: Path, brokers: int = 1) -> None:
        self.site = Site(coming)
        self.supervisor = Supervisor(logs, lambda *_: None)
        self.arrivals: dict[SubscriptionId, list[tuple[float, str]]] = {}
        self.refused: list[str] = []
        self.untimely = 0
        self._secret, self._key = new_webhook_secret(), new_key()
        self.brokers = [
            Broker(f"broker-{node}", port := free_port(), free_port(), Wire(port)) for node in range(1, brokers + 1)
        ]
        self._web_port = free_port()
        self.to_endpoints = Wire(self._web_port)
        self.healthy: list[Subscription] = []

    @contextlib.asynccontextmanager
    async def up(self) -> AsyncIterator["Deployment"]:
        async with contextlib.AsyncExitStack() as stack:
            await stack.enter_async_context(self.to_endpoints.laid())
            self.clocks = Clocks(Path(stack.enter_context(tempfile.TemporaryDirectory())))
            stack.callback(self.clocks.tidy)
            directories = [await self._laid(broker, stack) for broker in self.brokers]
            stack.push_async_callback(self.supervisor.end)
            for node, (broker, directory) in enumerate(zip(self.brokers, directories, strict=True), 1):
                await self.supervisor.start(Program(broker.name, self._command(node, broker, directory), HEAP))
            for broker in self.brokers:
                await asyncio.to_thread(listens, broker.port)
            self.settings = self._settings()
            await ensure_topics(self.settings)
            await self._subscribe()
            await stack.enter_async_context(self._web())
            for name, sub_command in SERVICES.items():
                own = {
                    "CHANCERY_HEALTH__PORT": str(free_port()),
                    "CHANCERY_KAFKA__MEMBER": "" if name.startswith("classify") else name,
                }
                python = [sys.executable, "-m", "services.cli", sub_command]
                environment = environment_of(self.settings) | own | self.clocks.environment(name)
                await self.supervisor.start(Program(name, python, environment))
            yield self

    @staticmethod
    async def _laid(broker: Broker, stack: contextlib.AsyncExitStack) -> Path:
        await stack.enter_async_context(broker.line.laid())
        directory, broker.disk = stack.enter_context(_disk())
        return directory

    def _command(self, node: int, broker: Broker, directory: Path) -> list[str]:
        quorum = ",".join(str(each.controller_port) for each in self.brokers)
        listening = ["--port", str(broker.port), "--advertised-port", str(broker.line.port)]
        return [str(KAFKA), *listening, "--node", str(node), "--quorum", quorum, "--data", str(directory)]

    def _settings(self) -> Settings:
        return load_settings(
            {
                "CHANCERY_KAFKA__BOOTSTRAP_SERVERS": ",".join(f"127.0.0.1:{each.line.port}" for each in self.brokers),
                "CHANCERY_KAFKA__REPLICATION_FACTOR": str(len(self.brokers)),
                "CHANCERY_TOPICS__PARTITIONS": "4",
                "CHANCERY_SECRETS__KEYS": self._key,
                "CHANCERY_EGRESS__ALLOW_PRIVATE": "127.0.0.1",
                "CHANCERY_NOTIFY__REQUIRE_HTTPS": "false",
                "CHANCERY_INGEST__INTERVAL_S": "2",
                "CHANCERY_INGEST__MIN_INTERVAL_S": "1",
                "CHANCERY_INGEST__HOST_CONCURRENCY": str(FEEDS),
                "CHANCERY_INGEST__HOST_SPACING_S": "0",
            }
        )

    async def _subscribe(self) -> None:
        states = sorted(CITIES.values())
        parts = [(), *(tuple(states[number :: HEALTHY - 1]) for number in range(HEALTHY - 1))]
        self.healthy = [self._subscription(f"healthy-{number}", part) for number, part in enumerate(parts)]
        self.arrivals = {each.subscription_id: [] for each in self.healthy}
        async with Publisher(self.settings, "/chancery/benchmark") as publisher:
            await publisher.publish(topics.SUBSCRIPTIONS, *self.healthy, self._subscription("broken", ()))
            await publisher.publish(topics.FEEDS, *self.site.feeds(f"http://127.0.0.1:{self._web_port}"))

    def _subscription(self, name: str, states: tuple[str, ...]) -> Subscription:
        endpoint = f"http://127.0.0.1:{self.to_endpoints.port}/{name}/webhook"
        return webhook(endpoint, name, states, self._secret, Vault([self._key]))

    @contextlib.asynccontextmanager
    async def _web(self) -> AsyncIterator[None]:
        """The feeds and the endpoints, in this process."""

        async def broken(_: Request) -> Response:
            return Response(status_code=500)

        endpoints = [
            Mount(f"/{each.name}", receiver.application(self._secret, report=self._receives(each.subscription_id)))
            for each in self.healthy
        ]
        app = Starlette(routes=[self.site.route, Route("/broken/webhook", broken, methods=["POST"]), *endpoints])
        with socket.create_server(("127.0.0.1", self._web_port)) as listening:
            server = _Server(uvicorn.Config(app, log_level="warning"))
            serving = asyncio.create_task(server.serve([listening]))
            try:
                yield
            finally:
                server.should_exit = True
                await serving

    def _receives(self, subscription: SubscriptionId) -> Callable[[receiver.Received], None]:
        def report(received: receiver.Received) -> None:
            if received.event == "webhook.verified" and received.webhook_id is not None:
                self.arrivals[subscription].append((time.time(), received.webhook_id))
            elif self.clocks.can_be_set and UNTIMELY in received.reason.lower():
                self.untimely += 1
            else:
                self.refused.append(received.reason)

        return report

    async def until(self, holds: Callable[[], bool]) -> None:
        """Raises TimeoutError, RuntimeError when a service gave up."""
        deadline = time.monotonic() + PATIENCE_S
        while not holds():
            self.check()
            if time.monotonic() > deadline:
                raise TimeoutError("the chain does not work, and nothing was done to it yet")
            await asyncio.sleep(0.1)

    def check(self) -> None:
        """Raises RuntimeError when a service cannot run at all, which no fault may lead to."""
        if self.supervisor.gave_up.done():
            raise RuntimeError(self.supervisor.gave_up.result())

    async def seen(self) -> Seen:
        """What lies on the topics and came to the endpoints by now. Raises KafkaError, BrokerUnreachable."""
        wanted = (topics.ARTICLES, topics.REPORTS, topics.ALERTS, topics.DEAD_LETTERS)
        found: list[Record] = []
        async with reading(self.settings, wanted) as reader:
            for topic in wanted:
                found += [decode(message.value, topic.record_type) async for message in reader.everything(topic)]
        letters = [each.original_value or b"" for each in found if isinstance(each, DeadLetter)]
        return Seen(
            served=dict(self.site.served),
            articles={each.article_id: number_of(each.url) for each in found if isinstance(each, Article)},
            judged=frozenset(self._judged()),
            buried=frozenset(decode(each, Article).article_id for each in letters),
            reported=frozenset(each.article_id for each in found if isinstance(each, IncidentReport)),
            alerts={each.alert_id: each for each in found if isinstance(each, Alert)},
            arrivals={each: tuple(came) for each, came in self.arrivals.items()},
            refused=tuple(self.refused),
        )

    def _judged(self) -> Iterator[ArticleId]:
        """Of an article that tells of nothing, the log alone says that it was read."""
        for name in SERVICES:
            for line in self.supervisor.log_of(name).read_text(errors="replace").splitlines():
                if ARTICLE_CLASSIFIED in line:
                    with contextlib.suppress(ValueError):  # of a line that a kill cut off
                        yield ArticleId(json.loads(line)["article_id"])


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are for who runs all of this."""
        yield


@contextlib.contextmanager
def _disk() -> Iterator[tuple[Path, Path | None]]:
    """A directory for the broker, and the same as a small file system of its own where mounting is allowed."""
    with tempfile.TemporaryDirectory() as name:
        mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "tmpfs", name]
        try:
            mounted = subprocess.run(mount, capture_output=True, check=False).returncode == 0
        except FileNotFoundError:
            mounted = False
        try:
            yield Path(name), Path(name) if mounted else None
        finally:
            if mounted:
                subprocess.run(["umount", name], check=True)
