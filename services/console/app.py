"""The console service: wiring and `main()`."""

import asyncio
import gc
import importlib.metadata
import time
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from aiokafka.errors import KafkaError
from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles

from services.classify.adapters.data import languages
from services.console.adapters.browser import Browser, TooMany
from services.console.adapters.desk import Desk
from services.console.adapters.explaining import Explainer, TooBusy
from services.console.adapters.finding import Finder
from services.console.adapters.letters import Letters
from services.console.adapters.live import Live, TooManyViewers
from services.console.adapters.sampling import sampled
from services.console.adapters.slack import Replies
from services.console.adapters.store import Store
from services.console.api import (
    alerts,
    classify,
    coverage,
    dead_letters,
    deliveries,
    feeds,
    incidents,
    problems,
    session,
    shadows,
    silences,
    slack,
    subscriptions,
    topics,
)
from services.console.api.given import Brokers, Given, SlackApp
from services.console.api.openapi import described
from services.console.core.attempts import Attempts
from services.console.core.topics import History
from services.console.door import Door, hosts_of
from services.console.pages import entry, showing, world
from services.console.pages.rendering import STATIC
from services.ingest.check import Check, check
from services.runtime import service
from services.runtime.health import Health
from services.runtime.kafka import BrokerUnreachable, Publisher
from services.runtime.secrets import SecretUnreadable
from services.runtime.serving import serving
from services.runtime.settings import Misconfigured, Settings

SERVICE = "console"
BROKER, LOADED, LISTENING = "broker", "topics_loaded", "listening"

API = (
    session.router,
    feeds.router,
    incidents.router,
    alerts.router,
    topics.router,
    dead_letters.router,
    coverage.router,
    classify.router,
    slack.router,
    subscriptions.router,
    deliveries.router,
    silences.router,
    shadows.router,
)
ROUTERS = (*API, entry.router, showing.router, world.router)
"""One a resource; each route stands with who may use it in `core/access.py`."""
MAX_BODY_BYTES = 65_536
"""Of a request that says nothing else."""
CHECKS_AT_ONCE = 4
_BUSY = (TooBusy, TooMany, TooManyViewers)
UNAVAILABLE = (KafkaError, BrokerUnreachable, TimeoutError, Misconfigured, SecretUnreadable, *_BUSY)
"""Errors that may be gone when the request is made again."""


def application(given: Given) -> FastAPI:
    """The routes on what they are given. No pages of documentation: FastAPI's load scripts from elsewhere."""
    app = FastAPI(
        title="Chancery",
        version=importlib.metadata.version("chancery-watch"),
        openapi_url="/v1/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        max_body_size=MAX_BODY_BYTES,
        generate_unique_id_function=lambda route: route.name,
    )
    app.state.given = given
    problems.handle(app, UNAVAILABLE)
    for router in ROUTERS:
        app.include_router(router)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    described(app)
    return app


def _now() -> datetime:
    return datetime.now(UTC)


async def console(settings: Settings, health: Health, stop: asyncio.Event) -> None:
    """Serve until `stop` is set. Raises Misconfigured where it cannot listen or topics are missing."""
    async with Publisher(settings, f"/chancery/{SERVICE}") as publisher:
        health.set(BROKER)
        live = Live(settings.console, _now)
        store = Store(settings, publisher, SERVICE, live.take)
        letters, history = Letters(settings), History(settings.console.samples)
        redrive = partial(letters.redrive, publisher)
        brokers = Brokers(settings.topics.namespace, history, Browser(settings, stop), letters, redrive)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(store.run(stop))
                group.create_task(sampled(settings, history, stop))
                group.create_task(_serve(settings, health, store, live, brokers, stop))
        except BaseExceptionGroup as several:
            raise service.first_cause(several) from several


async def _serve(
    settings: Settings, health: Health, store: Store, live: Live, brokers: Brokers, stop: asyncio.Event
) -> None:
    """Listens once everything is known: before that, no token would be."""
    stopping = asyncio.create_task(stop.wait())
    loading = asyncio.create_task(store.loaded())
    await asyncio.wait([loading, stopping], return_when=asyncio.FIRST_COMPLETED)
    loading.cancel()
    if stop.is_set():
        return
    health.set(LOADED)
    # What is known stays known: to look through all of it for garbage would stop every answer for half a second.
    await asyncio.to_thread(gc.collect)
    gc.freeze()
    places = asyncio.Semaphore(CHECKS_AT_ONCE)

    async def checked(address: str) -> Check:
        async with places:
            return await check(settings, address)

    wanted = settings.console
    desk = Desk(settings, store.deliveries)
    length = timedelta(hours=wanted.session_h)
    rules = settings.classify.rules_dir
    readable = languages(Path(rules) if rules else None)
    async with Replies(settings) as replies:
        buttons = (
            SlackApp(secret, timedelta(hours=settings.slack.silence_h), replies.send)
            if (secret := settings.slack.signing_secret)
            else None
        )
        explainer = Explainer(settings)
        given = Given(
            store,
            live,
            brokers,
            Finder(settings),
            explainer,
            checked,
            _now,
            time.monotonic,
            Attempts(),
            desk,
            readable,
            length,
            buttons,
        )
        app = Door(application(given), hosts_of(wanted))
        async with serving(app, wanted.host, wanted.port, "CHANCERY_CONSOLE__PORT"):
            health.set(LISTENING)
            await stopping
            live.close()
            explainer.close()


def main() -> None:
    """`chancery console`."""
    service.run(SERVICE, console, Health(BROKER, LOADED, LISTENING))
