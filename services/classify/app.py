"""The classify service: the Faust application, its topics and tables, and what is plugged into them.

Run it as `chancery classify-worker`, or `faust -A services.classify.app worker`.
"""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import faust
from faust.types import EventT, StreamT, TopicT
from faust.types.auth import CredentialsT

from services.classify.adapters.data import load_rules, state_names, windows_of
from services.classify.adapters.incidents import IncidentTable, ToldTable
from services.classify.adapters.kafka import Acknowledger, Outbox
from services.classify.adapters.transport import transport
from services.classify.agents import apply_verdicts, correlate_reports, read_articles
from services.classify.core.chain import alerts_of
from services.classify.core.reading.matcher import LexiconError
from services.classify.core.reading.pipeline import Reader
from services.classify.core.sites.known_sites import KnownSites
from services.contracts.model import Record
from services.contracts.site import KnownSite
from services.contracts.topics import ARTICLES, COMPACTED, FEEDBACK, REPORTS, SITES, Topic
from services.runtime import service
from services.runtime.dead_letters import DeadLetterBox
from services.runtime.health import Health
from services.runtime.kafka import compression, ensure_named, ssl_context
from services.runtime.settings import KafkaSettings, Misconfigured, Settings
from services.runtime.topic_table import TopicTable
from services.runtime.work import group_name


def credentials(kafka: KafkaSettings) -> CredentialsT | None:
    """How Faust authenticates; None for a plaintext broker."""
    context = ssl_context(kafka)
    if kafka.security_protocol.startswith("SASL"):
        return faust.SASLCredentials(
            username=kafka.sasl_username,
            password=kafka.sasl_password.get_secret_value() if kafka.sasl_password else None,
            mechanism=kafka.sasl_mechanism,
            ssl_context=context,
        )
    return faust.SSLCredentials(context) if context else None


A = TypeVar("A", bound=faust.App)


class App(faust.App):
    """A Faust application that has its changelogs and knows every site before it is given its first article.

    The agents cannot wait for the sites: what Faust delivers to an agent that has not begun to read would stay behind.
    Nothing is delivered before the application has started, so it is the start that waits. Faust creates changelogs
    too, but reads on without those that a busy broker does not show yet, and then no record can be worked on.
    """

    settings: Settings
    sites: TopicTable

    async def on_start(self) -> None:
        """Called before the consumer starts. Where the sites cannot be read the application crashes and says why."""
        changelogs = [table.changelog_topic for table in self.tables.values()]
        await ensure_named(self.settings, {topic.get_topic_name(): COMPACTED | topic.config for topic in changelogs})
        self.add_future(self.sites.run(asyncio.Event()))
        await self.wait(self.sites.loaded())
        await super().on_start()


def faust_app(settings: Settings, role: str, kind: type[A]) -> A:
    """A Faust application of the given kind as this project runs them, without agents; `role` names its group."""
    kafka, topics = settings.kafka, settings.topics
    app = kind(
        group_name(settings, role),
        broker=[f"kafka://{server.strip()}" for server in kafka.bootstrap_servers.split(",")],
        broker_credentials=credentials(kafka),
        broker_session_timeout=kafka.session_timeout_s,
        broker_heartbeat_interval=kafka.session_timeout_s / 3,
        broker_request_timeout=kafka.request_timeout_s,
        broker_commit_interval=1.0,
        consumer_auto_offset_reset="earliest",
        producer_acks=-1,
        producer_linger=kafka.linger_ms / 1000,
        producer_compression_type=compression(kafka),
        producer_max_request_size=8_000_000,
        store=settings.classify.store,
        datadir=settings.classify.data_dir,
        topic_partitions=topics.partitions,
        topic_replication_factor=kafka.replication_factor,
        topic_disable_leader=True,
        stream_wait_empty=False,
        web_enabled=False,
        worker_redirect_stdouts=False,
        autodiscover=False,
    )
    app.transport = transport(app, kafka.fetch_max_wait_ms)
    return app


def build_app(settings: Settings, reader: Reader) -> App:
    """The Faust application: its agents, tables and producer."""
    topics = settings.topics
    app = faust_app(settings, "classify", App)
    outbox = Outbox(app, topics.namespace)
    acks = Acknowledger(app)
    letters = DeadLetterBox(outbox, "classify")
    known = KnownSites()
    app.settings = settings
    app.sites = TopicTable(settings, [SITES], letters, on_change=_follow(known))
    table, told = IncidentTable(app, topics.partitions), ToldTable(app, topics.partitions)
    windows = windows_of(settings.classify)
    tell = partial(alerts_of, states=state_names(), exercise=settings.classify.exercise)

    @app.agent(stream_of(app, ARTICLES, topics.namespace), name="read_articles")
    async def read(stream: StreamT[bytes]) -> None:
        # Nothing may be awaited before the events are: what Faust delivers meanwhile would stay behind.
        await read_articles(events_of(stream), reader, known, told, outbox, acks, letters)

    @app.agent(stream_of(app, REPORTS, topics.namespace), name="correlate_reports")
    async def correlate(stream: StreamT[bytes]) -> None:
        await correlate_reports(events_of(stream), table, windows, tell, outbox, acks, letters)

    @app.agent(stream_of(app, FEEDBACK, topics.namespace), name="apply_verdicts")
    async def judge(stream: StreamT[bytes]) -> None:
        await apply_verdicts(events_of(stream), table, tell, outbox, acks, letters)

    @app.task  # type: ignore[untyped-decorator]
    async def acknowledge() -> None:
        await acks.run()

    return app


def _follow(known: KnownSites) -> Callable[[Topic, str, Record | None], None]:
    def on_change(_: Topic, key: str, record: Record | None) -> None:
        if isinstance(record, KnownSite):
            known.put(record)
        else:
            known.remove(key)

    return on_change


def stream_of(app: faust.App, topic: Topic, namespace: str) -> TopicT:
    """A topic's raw records."""
    name = topic.in_namespace(namespace)
    return app.topic(name, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw")


def events_of(stream: StreamT[bytes]) -> AsyncIterator[EventT[bytes]]:
    """The stream's raw events, acknowledged by us alone."""
    assert isinstance(stream, faust.Stream)
    events: AsyncIterator[EventT[bytes]] = stream.noack().events()
    return events


def reader_of(settings: Settings) -> Reader:
    """Reads by the rules that the settings name. Raises Misconfigured: rules that are wrong stay wrong on a restart."""
    directory = settings.classify.rules_dir
    try:
        return Reader(load_rules(Path(directory) if directory else None))
    except LexiconError as error:
        raise Misconfigured(f"the rules cannot be used: {error}") from None


async def classify(settings: Settings, health: Health, stop: asyncio.Event) -> None:
    """Run the worker until `stop` is set. Raises what stopped it otherwise."""
    reader = reader_of(settings)
    await asyncio.to_thread(reader.prepare)
    health.set("rules")
    app = build_app(settings, reader)

    @app.on_partitions_assigned.connect
    async def assigned(*_: Any, **__: Any) -> None:
        health.set("partitions")

    await app.start()
    try:
        await app.wait_for_stopped(stop.wait())
    finally:
        await app.stop()
    if not stop.is_set():
        raise app.crash_reason or RuntimeError("the Faust worker stopped by itself")


def main() -> None:
    service.run("classify", classify, Health("rules", "partitions"))


def __getattr__(name: str) -> object:
    """`app`, built from the environment when it is asked for: what `faust -A services.classify.app` looks up."""
    if name == "app":
        settings = service.settings_or_exit()
        try:
            return build_app(settings, reader_of(settings))
        except Misconfigured as error:
            print(f"chancery: {error}", file=sys.stderr)  # noqa: T201 - Faust has set up no logs yet
            sys.exit(service.EXIT_MISCONFIGURED)
    raise AttributeError(name)
