"""The ingest service: wiring and `main()`."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

import httpx

from services.ingest.adapters.fetcher import Fetcher
from services.ingest.adapters.hub import HubClient, answering
from services.ingest.adapters.pages import page_reader
from services.ingest.adapters.parser import ParserPool
from services.ingest.adapters.state import FeedStore, Watcher
from services.ingest.core.politeness import HostPacer
from services.ingest.core.schedule import Pace
from services.ingest.poller import Poller
from services.ingest.subscriber import Subscriber
from services.runtime import service
from services.runtime.dead_letters import DeadLetterBox
from services.runtime.egress import guarded_client
from services.runtime.health import Health
from services.runtime.kafka import Publisher
from services.runtime.secrets import Vault
from services.runtime.settings import Settings

SERVICE = "ingest"
SOURCE = f"/chancery/{SERVICE}"
# Hubs are asked one at a time, and answer before they do anything.
HUB_TIMEOUT_S = 10.0


async def ingest(settings: Settings, health: Health, stop: asyncio.Event) -> None:
    """Poll feeds until `stop` is set. Raises Misconfigured, BrokerUnreachable, or the KafkaError that ended it."""
    wanted = settings.ingest
    if wanted.websub_callback is not None:
        Vault([key.get_secret_value() for key in settings.secrets.keys])  # which says what is wrong with them
    async with (
        Publisher(settings, SOURCE) as publisher,
        guarded_client(
            settings.egress,
            user_agent=wanted.user_agent,
            timeout_s=wanted.timeout_s,
            max_connections=wanted.concurrency,
        ) as client,
        ParserPool(
            processes=wanted.parser_processes, timeout_s=wanted.parse_timeout_s, max_entries=wanted.max_entries
        ) as parser,
    ):
        health.set("broker")
        store = FeedStore(settings, publisher, DeadLetterBox(publisher, SERVICE))
        hosts = HostPacer(wanted.host_concurrency, wanted.host_spacing_s, wanted.host_hold_s)
        poller = Poller(
            store,
            Fetcher(client, timeout_s=wanted.timeout_s, max_bytes=wanted.max_bytes),
            parser,
            pace=Pace.around(wanted.interval_s).bounded(wanted.min_interval_s, wanted.max_interval_s),
            concurrency=wanted.concurrency,
            hosts=hosts,
            pages=page_reader(client, parser, hosts, settings),
        )
        try:
            async with asyncio.TaskGroup() as group, _subscribing(settings, client, store, poller, group) as watchers:
                polled_out = asyncio.Event()
                table = group.create_task(store.run(watchers, polled_out))
                ready = group.create_task(_say_loaded(store, health))
                await poller.run(stop)
                # The feeds are given back only now, so that nobody polls them beside us.
                ready.cancel()
                polled_out.set()
                await table
        except BaseExceptionGroup as group_of_one:
            raise service.first_cause(group_of_one) from group_of_one


@asynccontextmanager
async def _subscribing(
    settings: Settings, client: httpx.AsyncClient, store: FeedStore, poller: Poller, group: asyncio.TaskGroup
) -> AsyncIterator[Sequence[Watcher]]:
    """Who hears of feeds: the poller, and where hubs can reach this replica whoever subscribes to them."""
    wanted = settings.ingest
    if wanted.websub_callback is None:
        yield (poller,)
        return
    subscriber = Subscriber(
        store,
        HubClient(client, timeout_s=min(wanted.timeout_s, HUB_TIMEOUT_S)),
        poller.prompt,
        callback=wanted.websub_callback,
        keys=[key.get_secret_value().encode() for key in settings.secrets.keys],
        lasting=timedelta(seconds=wanted.websub_lease_s),
    )
    poller.on_offer = subscriber.offered
    async with answering(subscriber, wanted):
        asking = group.create_task(subscriber.run())
        try:
            yield (poller, subscriber)
        finally:
            asking.cancel()


async def _say_loaded(store: FeedStore, health: Health) -> None:
    await store.loaded()
    health.set("feeds_loaded")


def main() -> None:
    """Run the service. Exits the process."""
    service.run(SERVICE, ingest, Health("broker", "feeds_loaded"), by_the_clock=True)
