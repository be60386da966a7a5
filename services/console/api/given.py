"""What the routes are given: the records, the check of an address, the clock, and who calls."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Protocol, TypeVar

from fastapi import Depends, Request
from pydantic import SecretStr

from services.console.adapters import explaining
from services.console.adapters.desk import Desk
from services.console.adapters.live import Live
from services.console.core.attempts import Attempts
from services.console.core.auditing import Actor
from services.console.core.browsing import Found, From, Positions, Seen, Wanted
from services.console.core.letters import Effect, Known, Selection
from services.console.core.topics import History
from services.contracts.dead_letter import DeadLetter
from services.contracts.model import Record
from services.contracts.topics import Topic
from services.ingest.check import Check

R = TypeVar("R", bound=Record)


class Records(Protocol):
    """The current records of topics. `change` returns once what differs is written and seen here; a change that was
    decided upon what was read is made under `changing`."""

    changing: asyncio.Lock

    def get(self, topic: Topic[R], key: str) -> R | None: ...
    def values(self, topic: Topic[R]) -> Iterator[R]: ...
    async def change(self, actor: Actor, topic: Topic, *changed: tuple[Record | None, Record | None]) -> None: ...


class Browses(Protocol):
    """Records of topics, in bounded reads. `follow` tells first and last where to go on."""

    async def read(self, topic: Topic, begin: From, wanted: Wanted, limit: int) -> Found: ...
    def follow(self, topic: Topic, begin: From, wanted: Wanted) -> AsyncIterator[Seen | Positions]: ...


class FindsLetters(Protocol):
    """The dead letters, and what a redrive of them would do."""

    async def select(self, selection: Selection) -> list[Known]: ...
    async def whole(self, *wanted: Known) -> list[DeadLetter]: ...
    async def effect(self, chosen: Sequence[Known], *, again: bool) -> Effect: ...


@dataclass(frozen=True)
class Brokers:
    """What lies on the topics and goes through them, beside the records that the console keeps. `redrive` puts back
    what was planned and returns how many."""

    namespace: str
    history: History
    browser: Browses
    letters: FindsLetters
    redrive: Callable[[Actor, Effect], Awaitable[int]]


class Finds(Protocol):
    """One record of a topic that `Records` has not, by its key, its id and the time from which on it may stand."""

    async def find(self, topic: Topic, record_type: type[R], key: str, record_id: str, at: datetime) -> R | None: ...


class Explains(Protocol):
    """What would be reported of an article. Raises Unusable for what cannot be read."""

    async def explain(self, given: explaining.Given) -> explaining.Explained: ...


@dataclass(frozen=True)
class SlackApp:
    """What its buttons need: the secret that signs what they send, how long they silence a site, and a way to reply
    that never raises."""

    signing_secret: SecretStr
    silence: timedelta
    reply: Callable[[str, bytes], Awaitable[None]]


@dataclass(frozen=True)
class Given:
    """`live` has the alerts of the last days and tells viewers what changes. `now` is the wall clock; `monotonic_s` one
    that never goes back. `check` tells what a poll of an address would do, and `desk` is where subscriptions are made
    and deliveries looked up. `languages` are those that can be read. `session_length` is how long who opened the page
    stays signed in. Without `slack` nothing comes from there."""

    records: Records
    live: Live
    brokers: Brokers
    finder: Finds
    explainer: Explains
    check: Callable[[str], Awaitable[Check]]
    now: Callable[[], datetime]
    monotonic_s: Callable[[], float]
    attempts: Attempts
    desk: Desk
    languages: frozenset[str]
    session_length: timedelta = timedelta(hours=12)
    slack: SlackApp | None = None


def given(request: Request) -> Given:
    """Set once, when the application is made."""
    found: Given = request.app.state.given
    return found


def _caller(request: Request) -> Actor:
    """Set by the route itself before anything of the request is read (`guarded.py`)."""
    caller: Actor = request.state.caller
    return caller


Here = Annotated[Given, Depends(given)]
Caller = Annotated[Actor, Depends(_caller)]
