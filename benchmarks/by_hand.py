"""What Chancery does, written by hand: plain aiokafka and httpx around the same pure core, memory instead of tables.

python -m benchmarks.by_hand correlate|classify|everything      told by the environment, like a service

- `correlate`: reports to incidents and alerts.
- `classify`: what the classify worker does, without Faust: articles to reports, reports to incidents and alerts.
- `everything`: all of it in one process. What an article leads to is written, and posted to those who subscribed when
  it started, without deliveries.

A restart forgets what was told, an endpoint that does not answer is not asked again, nothing is logged.
"""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime

import httpx
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from services.classify.adapters.data import load_rules, state_names, windows_of
from services.classify.adapters.kafka import SOURCE
from services.classify.core.chain import Chain, read
from services.classify.core.reading.pipeline import Reader
from services.classify.core.sites.known_sites import KnownSites
from services.contracts import ids
from services.contracts.alert import Alert
from services.contracts.article import Article
from services.contracts.codec import cloudevents_headers, decode, encode
from services.contracts.model import Record
from services.contracts.report import IncidentReport
from services.contracts.subscription import Subscription
from services.contracts.topics import ALERTS, ARTICLES, INCIDENTS, REPORTS, SUBSCRIPTIONS, Topic
from services.notify.core.channels import CHANNELS
from services.notify.core.channels.rules import Posting
from services.notify.core.filter import should_notify
from services.runtime import service
from services.runtime.health import Health
from services.runtime.kafka import compression, connection, consumer_options
from services.runtime.secrets import Vault
from services.runtime.settings import Settings
from services.runtime.topic_table import snapshot
from services.runtime.work import group_options

READY = "partitions"
BATCH = 100
CONNECTIONS = 128
"""As many as the notifier has attempts at a time."""

Step = Callable[[bytes], Iterator[tuple[Topic, Record]]]
"""A record to what is written for it."""


class Steps:
    """The pure core over records as they lie on topics."""

    def __init__(self, settings: Settings) -> None:
        self._chain = Chain(windows_of(settings.classify), state_names())
        self._reader, self._known = Reader(load_rules()), KnownSites()

    def prepare(self) -> None:
        self._reader.prepare()

    def article(self, value: bytes) -> Iterator[tuple[Topic, Record]]:
        for report in self._reports(value):
            yield REPORTS, report

    def report(self, value: bytes) -> Iterator[tuple[Topic, Record]]:
        yield from self._told(decode(value, IncidentReport))

    def article_at_once(self, value: bytes) -> Iterator[tuple[Topic, Record]]:
        """An article to everything that it leads to."""
        for report in self._reports(value):
            yield REPORTS, report
            yield from self._told(report)

    def _reports(self, value: bytes) -> list[IncidentReport]:
        article = decode(value, Article)
        return self._chain.take_article(article, read(self._reader, self._known, article))

    def _told(self, report: IncidentReport) -> Iterator[tuple[Topic, Record]]:
        correlation, alerts = self._chain.take_report(report)
        yield from ((INCIDENTS, incident) for incident in correlation.remember)
        yield from ((ALERTS, alert) for alert in alerts)


async def _nobody(_: Sequence[Alert]) -> None:
    """Others tell of the alerts."""


async def looped(
    settings: Settings,
    health: Health,
    stop: asyncio.Event,
    role: str,
    steps: Mapping[Topic, Step],
    tell: Callable[[Sequence[Alert]], Awaitable[None]] = _nobody,
) -> None:
    """Batches of records, each through the step of its topic; a commit when all that came of a batch is confirmed."""
    kafka, namespace = settings.kafka, settings.topics.namespace
    by_name = {topic.in_namespace(namespace): step for topic, step in steps.items()}
    consumer = AIOKafkaConsumer(*by_name, **consumer_options(kafka), **group_options(settings, role))
    producer = AIOKafkaProducer(
        **connection(kafka),
        acks="all",
        linger_ms=kafka.linger_ms,
        compression_type=compression(kafka),
        max_request_size=8_000_000,
    )
    async with consumer, producer:
        while not stop.is_set():
            batches = await consumer.getmany(timeout_ms=200, max_records=BATCH)
            health.set(READY, bool(consumer.assignment()))
            sent, alerts = [], []
            for partition, messages in batches.items():
                for message in messages:
                    for topic, record in by_name[partition.topic](message.value):
                        headers = list(cloudevents_headers(record, SOURCE, datetime.now(UTC)))
                        name = topic.in_namespace(namespace)
                        sent.append(await producer.send(name, encode(record), record.key.encode(), headers=headers))
                        if isinstance(record, Alert):
                            alerts.append(record)
            if batches:
                await asyncio.gather(*sent, tell(alerts))
                await consumer.commit()


@contextlib.asynccontextmanager
async def _posting(settings: Settings) -> AsyncIterator[Callable[[Sequence[Alert]], Awaitable[None]]]:
    """Posts alerts, signed, to the webhooks there are now."""
    vault = Vault([key.get_secret_value() for key in settings.secrets.keys])
    table = await snapshot(settings, [SUBSCRIPTIONS])
    lines = [
        (each, vault.decrypt(each.endpoint), vault.decrypt(each.secret or "")) for each in table.values(SUBSCRIPTIONS)
    ]
    limits = httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=CONNECTIONS)
    async with httpx.AsyncClient(limits=limits, timeout=30) as client:

        async def post(alert: Alert, to: Subscription, endpoint: str, secret: str) -> None:
            rules, at_s = CHANNELS[to.channel], int(datetime.now(UTC).timestamp())
            posting = Posting(endpoint, secret, ids.delivery_id(alert.alert_id, to.subscription_id), at_s)
            for envelope in rules.dress(rules.render(alert), posting):
                (await client.post(endpoint, content=envelope.body, headers=envelope.headers)).raise_for_status()

        async def tell(alerts: Sequence[Alert]) -> None:
            wanted = ((alert, *line) for alert in alerts for line in lines if should_notify(line[0], alert).notify)
            await asyncio.gather(*(post(*each) for each in wanted))

        yield tell


async def _correlate(settings: Settings, health: Health, stop: asyncio.Event) -> None:
    await looped(settings, health, stop, "by-hand", {REPORTS: Steps(settings).report})


async def _classify(settings: Settings, health: Health, stop: asyncio.Event) -> None:
    """In the worker's place, and in its group."""
    steps = Steps(settings)
    steps.prepare()
    await looped(settings, health, stop, "classify", {ARTICLES: steps.article, REPORTS: steps.report})


async def _everything(settings: Settings, health: Health, stop: asyncio.Event) -> None:
    steps = Steps(settings)
    steps.prepare()
    async with _posting(settings) as tell:
        await looped(settings, health, stop, "classify", {ARTICLES: steps.article_at_once}, tell)


WAYS = {"correlate": _correlate, "classify": _classify, "everything": _everything}

if __name__ == "__main__":
    service.run("by-hand", WAYS[sys.argv[1]], Health(READY))
