"""The whole chain as processes: ingest, classify, notify, with a feed server and a receiver, on any broker."""

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import httpx
import uvicorn

from deploy.demo.feed_server import application
from deploy.demo.newsroom import Publication
from services.contracts import ids
from services.contracts.delivery import Delivery
from services.contracts.model import Record
from services.contracts.subscription import Channel, Subscription
from services.contracts.topics import DELIVERIES, FEEDS, SUBSCRIPTIONS, Topic
from services.ingest.core import opml
from services.launch.broker import free_port
from services.launch.supervisor import Program, Supervisor
from services.runtime.dead_letters import DeadLetterBox
from services.runtime.kafka import Publisher
from services.runtime.secrets import Vault, new_webhook_secret
from services.runtime.settings import Settings, environment_of
from services.runtime.topic_table import TopicTable

SERVICES = {"ingest": "ingest", "classify": "classify-worker", "notify": "notify"}


class Chain:
    """`webhooks` counts verified webhooks by id; `deliveries` maps a webhook's id to what was delivered."""

    def __init__(self, settings: Settings, logs: Path) -> None:
        self.settings = settings
        self.webhooks: dict[str, int] = {}
        self.refused: list[dict[str, object]] = []
        self.deliveries: dict[str, Delivery] = {}
        self._changed = asyncio.Condition()
        self._tell: set[asyncio.Future[None]] = set()
        self._supervisor = Supervisor(logs, lambda *_: None)
        self._ports = {name: free_port() for name in SERVICES}

    async def start(
        self, publications: Sequence[Publication], every_s: float, stack: contextlib.AsyncExitStack
    ) -> None:
        """Receiver, feeds and subscription first, then the services."""
        await self.prepare(publications, every_s, stack)
        await self.run()

    async def prepare(
        self, publications: Sequence[Publication], every_s: float, stack: contextlib.AsyncExitStack
    ) -> None:
        """Everything but the services."""
        secret, receiver = new_webhook_secret(), free_port()
        command = [sys.executable, "-m", "deploy.demo.receiver", "--port", str(receiver), "--secret", secret]
        await self._supervisor.start(Program("receiver", command, heard=self._heard))
        stack.push_async_callback(self._supervisor.end)
        base = await stack.enter_async_context(serving(publications, every_s))
        async with httpx.AsyncClient() as client:
            feeds = opml.read((await client.get(f"{base}/feeds.opml")).content).feeds
        vault = Vault([key.get_secret_value() for key in self.settings.secrets.keys])
        publisher = await stack.enter_async_context(Publisher(self.settings, "/chancery/test"))
        endpoint = f"http://127.0.0.1:{receiver}/webhook"
        await publisher.publish(
            SUBSCRIPTIONS,
            Subscription(
                subscription_id=ids.subscription_id("webhook", endpoint, "test"),
                name="test",
                channel=Channel.WEBHOOK,
                endpoint=vault.encrypt(endpoint),
                endpoint_hint="test",
                secret=vault.encrypt(secret),
                created_at=datetime.now(UTC),
            ),
        )
        await publisher.publish(FEEDS, *feeds)
        stop = asyncio.Event()
        table = TopicTable(self.settings, [DELIVERIES], DeadLetterBox(publisher, "test"), on_change=self._delivered)
        reading = asyncio.create_task(table.run(stop))
        stack.push_async_callback(asyncio.wait, [reading])
        stack.callback(stop.set)

    @property
    def environment(self) -> dict[str, str]:
        """Of a service. A session as long as in production: on a busy machine a starting worker can be late with a
        heartbeat."""
        return environment_of(self.settings) | {
            "CHANCERY_INGEST__INTERVAL_S": "1",
            "CHANCERY_KAFKA__SESSION_TIMEOUT_S": "10",
        }

    async def run(self) -> None:
        """Start the services."""
        for name, sub_command in SERVICES.items():
            port = {"CHANCERY_HEALTH__PORT": str(self._ports[name])}
            command = [sys.executable, "-m", "services.cli", sub_command]
            await self._supervisor.start(Program(name, command, self.environment | port))

    async def until(self, webhooks: int, within_s: float = 240) -> None:
        """Wait for that many different verified webhooks."""
        async with asyncio.timeout(within_s), self._changed:
            await self._changed.wait_for(lambda: len(self.webhooks.keys() & self.deliveries.keys()) >= webhooks)

    async def kill(self, name: str) -> None:
        """kill -9; the supervisor starts it again."""
        pid = self._supervisor.pid_of(name)
        assert pid is not None
        os.kill(pid, signal.SIGKILL)

    def headlines(self) -> list[str]:
        """Of what was verified, sorted."""
        return sorted(d.alert.headline for i in self.webhooks if (d := self.deliveries[i]).alert is not None)

    def _heard(self, line: dict[str, object]) -> None:
        if line.get("event") == "webhook.verified":
            webhook = str(line["webhook_id"])
            self.webhooks[webhook] = self.webhooks.get(webhook, 0) + 1
        elif line.get("event") == "webhook.refused":
            self.refused.append(line)
        self._wake()

    def _delivered(self, _: Topic, __: str, record: Record | None) -> None:
        if isinstance(record, Delivery) and record.alert is not None:
            self.deliveries[record.delivery_id] = record
        self._wake()

    def _wake(self) -> None:
        async def notify() -> None:
            async with self._changed:
                self._changed.notify_all()

        task = asyncio.ensure_future(notify())
        self._tell.add(task)
        task.add_done_callback(self._tell.discard)


@contextlib.asynccontextmanager
async def serving(publications: Sequence[Publication], every_s: float) -> AsyncIterator[str]:
    """The demo's feed application in this process, with these publications."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(uvicorn.Config(application(publications, every_s), log_level="warning"))
        task = asyncio.create_task(server.serve([listening]))
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            await task


async def everything_on(settings: Settings, *topics: Topic) -> dict[Topic, list[Record]]:
    """Every record of the topics, up to their present ends."""
    found: dict[Topic, list[Record]] = {topic: [] for topic in topics}

    def on_change(topic: Topic, _: str, record: Record | None) -> None:
        if record is not None:
            found[topic].append(record)

    stop = asyncio.Event()
    async with Publisher(settings, "/chancery/test") as publisher:
        table = TopicTable(settings, topics, DeadLetterBox(publisher, "test"), on_change=on_change)
        reading = asyncio.create_task(table.run(stop))
        async with asyncio.timeout(30):
            await table.loaded()
        stop.set()
        await reading
    return found
