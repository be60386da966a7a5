"""`chancery up`: broker, topics, services, demo and receiver on one machine, and a line for every alert."""

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console
from rich.markup import escape

from services.console.adapters.audited import myself, watch, write_audited
from services.contracts import ids
from services.contracts.delivery import Delivery
from services.contracts.feed import Feed
from services.contracts.subscription import Channel, Subscription
from services.contracts.token import Role, issued
from services.contracts.topics import DELIVERIES, SUBSCRIPTIONS, TOKENS
from services.launch import broker
from services.launch.alerts import Alerts, line
from services.launch.feeds import feeds_at
from services.launch.supervisor import Program, Supervisor
from services.runtime import log
from services.runtime.dead_letters import Onlooker
from services.runtime.kafka import Publisher, ensure_topics
from services.runtime.secrets import Vault, new_key, new_token_secret, new_webhook_secret
from services.runtime.settings import Misconfigured, load_settings
from services.runtime.topic_table import TopicTable

DEMO = Path(__file__).parents[2] / "deploy" / "demo"
READY_S = 60
SOURCE = "/chancery/up"


@dataclass(frozen=True)
class Plan:
    """What to run. `feeds` are OPML files, OPML URLs or feed URLs; empty runs the demo's feeds."""

    directory: Path
    feeds: Sequence[str] = ()
    bootstrap_servers: str | None = None
    until_alerts: int | None = None
    timeout_s: float | None = None
    release_every_s: float = 2.0

    @property
    def demo(self) -> bool:
        return not self.feeds


class Failed(RuntimeError):
    """It could not be brought up, or did not do what was asked in the time; the message says which and why."""


class Up:
    """One run of `chancery up`. `run` returns when it is told to stop or enough alerts were verified.

    Raises Failed, or Misconfigured.
    """

    def __init__(self, plan: Plan, environment: dict[str, str], console: Console) -> None:
        self._plan = plan
        self._console = console
        self._started = time.monotonic()
        self._embedded = plan.bootstrap_servers is None
        port = broker.free_port() if self._embedded else 0
        self._broker_port = port
        self._environment = environment | {
            "CHANCERY_KAFKA__BOOTSTRAP_SERVERS": plan.bootstrap_servers or f"127.0.0.1:{port}",
            "CHANCERY_SECRETS__KEYS": environment.get("CHANCERY_SECRETS__KEYS") or _kept_key(plan.directory),
            # the receiver, and the demo's feeds, are on loopback
            "CHANCERY_EGRESS__ALLOW_PRIVATE": ",".join(
                filter(None, (environment.get("CHANCERY_EGRESS__ALLOW_PRIVATE"), "127.0.0.0/8"))
            ),
            "CHANCERY_NOTIFY__REQUIRE_HTTPS": environment.get("CHANCERY_NOTIFY__REQUIRE_HTTPS", "false"),
        }
        if self._embedded:
            # what the embedded broker cannot do, and that it answers a waiting reader at half of its time only
            self._environment |= {"CHANCERY_KAFKA__IDEMPOTENCE": "false", "CHANCERY_KAFKA__FETCH_MAX_WAIT_MS": "50"}
        if plan.demo:
            self._environment.setdefault("CHANCERY_INGEST__INTERVAL_S", "2")
            self._environment.setdefault("CHANCERY_INGEST__HOST_SPACING_S", "0")  # one server has all the feeds
        self._settings = load_settings(self._environment)
        self._secret = new_webhook_secret()
        self._receiver = broker.free_port()
        self._feed_server = broker.free_port()
        self._api_port = self._settings.console.port
        if not self._api_port or ("CHANCERY_CONSOLE__PORT" not in environment and broker.listens(self._api_port)):
            self._api_port = broker.free_port()  # another run has the usual one
        self._environment["CHANCERY_CONSOLE__PORT"] = str(self._api_port)
        self._vault = Vault([key.get_secret_value() for key in self._settings.secrets.keys])
        self._feeds: list[Feed] = []
        self._alerts = Alerts(self._show, plan.until_alerts)
        self._stop = asyncio.Event()

    async def run(self) -> None:
        log.configure(self._settings.log, "up", quiet=True)
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self._stop.set)
        supervisor = Supervisor(self._plan.directory / "logs", self._say)
        running = self._plan.directory / "up.json"
        _refuse_a_second(running)
        if not self._plan.demo:
            self._feeds = await self._read_feeds(self._plan.feeds)  # what is wrong there is best said first
        _write_private(running, json.dumps({"pid": os.getpid(), "environment": self._environment}))
        try:
            bringing_up = asyncio.create_task(self._bring_up(supervisor))
            await self._first(bringing_up, supervisor)
            await self._watch(supervisor)
        finally:
            running.unlink(missing_ok=True)
            self._say("up", "ending every process")
            await supervisor.end()

    async def _bring_up(self, supervisor: Supervisor) -> None:
        if self._embedded:
            await supervisor.start(Program("broker", broker.command(self._broker_port), restart=False))
            await _listening(self._broker_port)
            self._say("broker", f"embedded, on 127.0.0.1:{self._broker_port} (memory only)")
        else:
            self._say("broker", self._settings.kafka.bootstrap_servers)
        created = await ensure_topics(self._settings)
        self._say("topics", f"{len(created)} created")
        services = {name: broker.free_port() for name in ("classify", "ingest", "notify", "console")}
        for name, port in services.items():
            command = [sys.executable, "-m", "services.cli", {"classify": "classify-worker"}.get(name, name)]
            environment = {**self._environment, "CHANCERY_HEALTH__PORT": str(port)}
            await supervisor.start(Program(name, command, environment))
        await self._start_demo(supervisor)
        if self._plan.demo:
            self._feeds = await self._read_feeds([f"http://127.0.0.1:{self._feed_server}/feeds.opml"])
        await self._subscribe()
        token, once = await self._admit()
        await asyncio.gather(*(self._ready(name, port) for name, port in services.items()))
        async with Publisher(self._settings, SOURCE) as publisher:
            await watch(self._settings, publisher, self._feeds)  # another broker may know them: paused, moved, graded
        base = f"http://{self._settings.console.host}:{self._api_port}"
        self._say("console", f"{base}/login#{once} signs you in, once")
        self._say("console", f'its REST API: curl -H "Authorization: Bearer $(cat {token})" {base}/v1/openapi.json')
        self._say("feeds", f"watching {len(self._feeds)}; in another terminal: {self._chancery} --help")

    async def _start_demo(self, supervisor: Supervisor) -> None:
        if not (DEMO / "receiver.py").exists():
            raise Misconfigured("the demo's feeds and receiver come with a checkout of the repository, not the package")
        python = [sys.executable, "-m"]
        secret = self._plan.directory / "webhook-secret"  # in a file: a command line is for everyone to see
        _write_private(secret, self._secret)
        receiver = [*python, "deploy.demo.receiver", "--port", str(self._receiver), "--secret-file", str(secret)]
        where = {"PYTHONPATH": str(DEMO.parents[1])}
        await supervisor.start(Program("receiver", receiver, where, self._alerts.on_received))
        await _listening(self._receiver)
        self._say("receiver", f"verifies signatures on 127.0.0.1:{self._receiver}")
        if self._plan.demo:
            pace = ["--release-every", str(self._plan.release_every_s)]
            server = [*python, "deploy.demo.feed_server", "--port", str(self._feed_server), *pace]
            await supervisor.start(Program("feeds", server, where))
            await _listening(self._feed_server)
            self._say("feeds", f"demo feeds on http://127.0.0.1:{self._feed_server}/feeds.opml")

    async def _subscribe(self) -> None:
        base = f"http://127.0.0.1:{self._receiver}"
        async with Publisher(self._settings, SOURCE) as publisher:
            await publisher.publish(
                SUBSCRIPTIONS,
                _subscription(Channel.WEBHOOK, f"{base}/webhook", self._vault, self._secret),
                _subscription(Channel.SLACK, f"{base}/slack", self._vault, None),
            )

    async def _admit(self) -> tuple[Path, str]:
        """Two tokens for whoever started this: one in a file of theirs, since what is on a terminal is kept by others
        too, and the secret of one that only opens the page, once. They end with the embedded broker; another broker
        outlives this run, so there they are good for a day."""
        path, now = self._plan.directory / "console-token", datetime.now(UTC)
        secret, once = new_token_secret(), new_token_secret()
        _write_private(path, secret)
        ends = None if self._embedded else now + timedelta(days=1)
        tokens = [
            issued(secret, name="chancery up", role=Role.ADMIN, now=now, expires_at=ends),
            issued(once, name="chancery up, in the browser", role=Role.ADMIN, now=now, expires_at=ends, once=True),
        ]
        async with Publisher(self._settings, SOURCE) as publisher:
            await write_audited(publisher, myself(), TOKENS, [(None, token) for token in tokens])
        return path, once

    async def _read_feeds(self, sources: Sequence[str]) -> list[Feed]:
        feeds: list[Feed] = []
        for source in sources:
            listing = await feeds_at(source)
            feeds += listing.feeds
            for problem in listing.problems:
                self._say("feeds", f"left out: {problem}")
        if not feeds:
            raise Misconfigured(f"no feeds in {', '.join(sources)}")
        return feeds

    @property
    def _chancery(self) -> str:
        """How to call the command from this folder."""
        script = Path(sys.executable).with_name("chancery")
        return os.path.relpath(script) if script.exists() else "chancery"

    async def _ready(self, name: str, port: int) -> None:
        async with httpx.AsyncClient(timeout=2) as client:
            deadline = time.monotonic() + READY_S
            while time.monotonic() < deadline:
                try:
                    if (await client.get(f"http://127.0.0.1:{port}/ready")).status_code == httpx.codes.OK:
                        self._say(name, f"ready; health and metrics on http://127.0.0.1:{port}")
                        return
                except httpx.TransportError:
                    pass
                await asyncio.sleep(0.1)
        self._say(name, f"still not ready after {READY_S} s; its log is {self._plan.directory}/logs/{name}.log")

    async def _watch(self, supervisor: Supervisor) -> None:
        """Print alerts until told to stop. Raises Failed when a wanted number does not come in time."""
        stop_reading = asyncio.Event()
        table = TopicTable(self._settings, [DELIVERIES], Onlooker(), on_change=self._alerts.on_delivery)
        reading = asyncio.create_task(table.run(stop_reading))
        try:
            await self._first(asyncio.create_task(self._alerts.enough.wait()), supervisor, reading)
        finally:
            stop_reading.set()
            await asyncio.gather(reading, return_exceptions=True)

    async def _first(self, wanted: "asyncio.Task[Any]", supervisor: Supervisor, *more: "asyncio.Task[None]") -> None:
        """Wait for `wanted`, a signal, the deadline or a failure, whichever comes first."""
        stopped = asyncio.create_task(self._stop.wait())
        left = None if self._plan.timeout_s is None else self._plan.timeout_s - (time.monotonic() - self._started)
        try:
            done, _ = await asyncio.wait(
                {wanted, stopped, supervisor.gave_up, *more}, timeout=left, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            stopped.cancel()
        for task in done - {stopped, supervisor.gave_up}:
            await task
        if wanted in done:
            return
        wanted.cancel()
        if supervisor.gave_up in done:
            raise Failed(supervisor.gave_up.result())
        if self._stop.is_set() and self._plan.until_alerts is None:
            return
        of = f" of {self._plan.until_alerts}" if self._plan.until_alerts else ""
        verified = f"{len(self._alerts.shown)}{of} alerts verified"
        raise Failed(f"stopped early: {verified}" if self._stop.is_set() else f"timed out: {verified}")

    def _say(self, name: str, text: str) -> None:
        elapsed = time.monotonic() - self._started
        self._console.print(
            f"[dim]{elapsed:6.1f} s[/] [bold]{name:>8}[/] {escape(text)}", highlight=False, soft_wrap=True
        )

    def _show(self, delivery: Delivery, took_s: float) -> None:
        self._console.print(line(delivery, took_s, datetime.now(UTC)), soft_wrap=True, highlight=False)
        if len(self._alerts.shown) == 1:
            self._say("up", "first verified alert")


def _subscription(channel: Channel, endpoint: str, vault: Vault, secret: str | None) -> Subscription:
    return Subscription(
        subscription_id=ids.subscription_id(channel, endpoint, "up"),
        name=f"local receiver ({channel})",
        channel=channel,
        endpoint=vault.encrypt(endpoint),
        endpoint_hint=endpoint.rpartition("/")[0] + "/…",
        secret=vault.encrypt(secret) if secret else None,
        created_at=datetime.now(UTC),
    )


def _refuse_a_second(running: Path) -> None:
    """Two runs in one folder would share logs and the file by which commands find the first."""
    try:
        pid = int(json.loads(running.read_text())["pid"])
        os.kill(pid, 0)
    except (OSError, ValueError, KeyError, TypeError):
        return
    raise Misconfigured(f"`chancery up` already runs in this folder (process {pid}); start another in another folder")


def _kept_key(directory: Path) -> str:
    """The key that encrypts secrets at rest, made on the first run and kept for this user only."""
    path = directory / "secret-key"
    if not path.exists():
        _write_private(path, new_key())
    return path.read_text().strip()


def _write_private(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)


async def _listening(port: int) -> None:
    deadline = time.monotonic() + 30
    while not broker.listens(port):
        if time.monotonic() > deadline:
            raise Failed(f"nothing listens on 127.0.0.1:{port} after 30 s")
        await asyncio.sleep(0.05)
