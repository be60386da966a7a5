"""The ingest service: wiring and `main()`."""

import asyncio
from datetime import timedelta

from services.ingest.adapters.fetcher import Fetcher
from services.ingest.adapters.parser import ParserPool
from services.ingest.adapters.state import FeedStore
from services.ingest.core.politeness import HostPacer
from services.ingest.poller import Poller
from services.runtime import service
from services.runtime.dead_letters import DeadLetterBox
from services.runtime.egress import guarded_client
from services.runtime.health import Health
from services.runtime.kafka import Publisher
from services.runtime.settings import Settings

SERVICE = "ingest"
SOURCE = f"/chancery/{SERVICE}"


async def ingest(settings: Settings, health: Health, stop: asyncio.Event) -> None:
    """Poll feeds until `stop` is set. Raises BrokerUnreachable, or the KafkaError that ended it."""
    wanted = settings.ingest
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
        poller = Poller(
            store,
            Fetcher(client, timeout_s=wanted.timeout_s, max_bytes=wanted.max_bytes),
            parser,
            interval=timedelta(seconds=wanted.interval_s),
            concurrency=wanted.concurrency,
            hosts=HostPacer(wanted.host_concurrency, wanted.host_spacing_s),
        )
        try:
            async with asyncio.TaskGroup() as group:
                polled_out = asyncio.Event()
                table = group.create_task(store.run(poller, polled_out))
                ready = group.create_task(_say_loaded(store, health))
                await poller.run(stop)
                # The feeds are given back only now, so that nobody polls them beside us.
                ready.cancel()
                polled_out.set()
                await table
        except BaseExceptionGroup as group_of_one:
            raise service.first_cause(group_of_one) from group_of_one


async def _say_loaded(store: FeedStore, health: Health) -> None:
    await store.loaded()
    health.set("feeds_loaded")


def main() -> None:
    """Run the service. Exits the process."""
    service.run(SERVICE, ingest, Health("broker", "feeds_loaded"))
