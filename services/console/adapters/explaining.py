"""Articles read by the classifier in a process of its own: what someone pastes may take long, and holds up nothing."""

import asyncio
import multiprocessing
import signal
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.pool import AsyncResult, Pool
from pathlib import Path
from typing import Any

from services.classify.adapters.data import load_rules
from services.classify.core.reading.pipeline import Reader
from services.console.core.explaining import Unusable, article_of, as_contract, golden_case, slug, why_not
from services.contracts.feed import PollStatus
from services.ingest.adapters.fetcher import fetch_once
from services.runtime.settings import Settings

WITHIN_S = 20.0
"""For one article."""
READY_WITHIN_S = 60.0
"""For the process to start and read the rules; it goes on when nobody waits any more."""
MOST_WAITING = 4


class TooBusy(Exception):
    """Others are being read, or the rules are: their turn comes first."""


@dataclass(frozen=True, slots=True)
class Given:
    """What to read: a text or the address of a page, and what is known of it. `published` is ISO."""

    text: str | None
    url: str | None
    title: str = ""
    published: str | None = None
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Explained:
    """`told` is the classification as `chancery classify --json --why-not` prints it, with the text that was read;
    `case` the golden case of it, `name` what to call its file."""

    told: dict[str, Any]
    case: str
    name: str


class Explainer:
    """Reads one article at a time. The process starts with the first and ends with `close`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._pool: Pool | None = None
        self._ready: AsyncResult[bool] | None = None
        self._turn = asyncio.Semaphore(1)
        self._waiting = 0

    async def explain(self, given: Given) -> Explained:
        """Raises Unusable for what cannot be read, or not in the time; TooBusy."""
        if self._waiting >= MOST_WAITING:
            raise TooBusy(f"{MOST_WAITING} others wait for their turn")
        self._waiting += 1
        try:
            raw = await self._page(given.url) if given.url else (given.text or "").encode("utf-8", "replace")
            async with self._turn:
                return await asyncio.to_thread(self._read, raw, given)
        finally:
            self._waiting -= 1

    async def _page(self, url: str) -> bytes:
        fetched = await fetch_once(self._settings, url)
        if fetched.status is not PollStatus.OK:
            raise Unusable(f"cannot fetch it: {fetched.reason}. Check the address, or paste the text")
        return fetched.body

    def _read(self, raw: bytes, given: Given) -> Explained:
        if self._pool is None:
            self._pool = multiprocessing.get_context("spawn").Pool(1, _begin, (self._settings.classify.rules_dir,))
            self._ready = self._pool.apply_async(_is_ready)
        assert self._ready is not None
        try:
            self._ready.get(READY_WITHIN_S)
        except multiprocessing.TimeoutError:  # it goes on getting ready
            raise TooBusy("the rules are still being read: try again in a minute") from None
        try:
            return self._pool.apply_async(_explained, (raw, given)).get(WITHIN_S)
        except multiprocessing.TimeoutError:
            self.close()
            raise Unusable(f"it could not be read within {WITHIN_S:g} s. Give less of it, as plain text") from None

    def close(self) -> None:
        """End the process, whatever it is doing."""
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.terminate()


def _is_ready() -> bool:
    return True


_reader: Reader | None = None


def _begin(rules: str | None) -> None:
    """In the process: what a terminal's Ctrl-C means is for the console to decide."""
    global _reader  # a process of a pool has nowhere else to keep what it starts with
    with suppress(ValueError):
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    _reader = Reader(load_rules(Path(rules) if rules else None))


def _explained(raw: bytes, given: Given) -> Explained:
    assert _reader is not None
    article = article_of(
        raw,
        given.url or "text",
        shown="the page" if given.url else "the text",
        published=given.published,
        language=given.language,
        title=given.title,
    )
    explanation = _reader.explain(article)
    read = {"title": article.title, "text": article.text, "published_at": article.published_at}
    told = as_contract(explanation.classification) | why_not(explanation) | read
    return Explained(told, golden_case(article, explanation), slug(article))
