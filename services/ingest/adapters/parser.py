"""Documents to what they say in processes of their own, each with a deadline; a process that fails is replaced."""

import asyncio
import json
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Iterator
from contextlib import suppress

from services.contracts.feed import PollStatus
from services.ingest.adapters.parsing import ANSWER, DOCUMENTS, PAGES, PERMISSIONS, QUESTION, Kind
from services.ingest.core.feed import Document
from services.ingest.core.full_text import Page
from services.ingest.core.robots import Permission
from services.runtime.settings import PREFIX

# The process ends itself at the deadline; this is for one that cannot even do that.
_GRACE_S = 5.0


class _Failed(Exception):
    """The document was not read; the message says why."""


class ParserPool:
    """`processes` documents are parsed at a time; more wait. Use as an async context manager.

    A document that hangs or kills its process costs that process and nobody else's document: each process holds one
    document, and the next one starts it anew.
    """

    def __init__(self, *, processes: int, timeout_s: float, max_entries: int) -> None:
        self._timeout_s = timeout_s
        self._max_entries = max_entries
        self._places: asyncio.Queue[Process | None] = asyncio.Queue()
        for _ in range(processes):
            self._places.put_nowait(None)

    async def __aenter__(self) -> "ParserPool":
        return self

    async def __aexit__(self, *_: object) -> None:
        for process in _all(self._places):
            if process is not None:
                await _end(process)

    async def parse(self, body: bytes, content_type: str, url: str) -> Document:
        """What `body` says; a document the parser did not survive is `ill_formed`."""
        asked = {"content_type": content_type, "url": url, "max_entries": self._max_entries}
        try:
            return DOCUMENTS.validate_json(await self._answer(Kind.FEED, body, asked))
        except _Failed as failure:
            return Document(PollStatus.ILL_FORMED, str(failure))

    async def page(self, body: bytes, content_type: str) -> Page:
        """The article in a page; of one the parser did not survive, nothing."""
        try:
            return PAGES.validate_json(await self._answer(Kind.PAGE, body, {"content_type": content_type}))
        except _Failed:
            return Page()

    async def permission(self, robots: bytes, url: str, user_agent: str) -> Permission:
        """May `user_agent` fetch `url`? What the parser did not survive forbids it."""
        if not robots:
            return Permission(allowed=True)
        try:
            answer = await self._answer(Kind.ROBOTS, robots, {"url": url, "user_agent": user_agent})
            return PERMISSIONS.validate_json(answer)
        except _Failed:
            return Permission(allowed=False)

    async def _answer(self, kind: Kind, body: bytes, asked: dict[str, object]) -> bytes:
        """The answer as JSON. Raises _Failed."""
        head = json.dumps({"kind": kind, "timeout_s": self._timeout_s} | asked).encode()
        process = await self._places.get()
        answered = False
        try:
            if process is None or process.returncode is not None:
                process = await asyncio.create_subprocess_exec(
                    sys.executable, "-m", "services.ingest.adapters.parsing",
                    stdin=PIPE, stdout=PIPE, env=_environment(), start_new_session=True,
                )  # fmt: skip
            async with asyncio.timeout(self._timeout_s + _GRACE_S):
                answer = await _ask(process, head, body)
            answered = True
            return answer
        except TimeoutError:
            raise self._too_slow() from None
        except (asyncio.IncompleteReadError, ConnectionError):
            assert process is not None
            code = await process.wait()
            if code == -signal.SIGALRM:
                raise self._too_slow() from None
            raise _Failed(f"the document ended its parser (exit {code})") from None
        finally:
            if not answered and process is not None:
                with suppress(ProcessLookupError):
                    process.kill()
            self._places.put_nowait(process if answered else None)

    def _too_slow(self) -> _Failed:
        return _Failed(f"not parsed within {self._timeout_s:g} s")


def _environment() -> dict[str, str]:
    """Ours without our settings: a document that took the parser over would find no key in it."""
    return {name: value for name, value in os.environ.items() if not name.upper().startswith(PREFIX)}


async def _ask(process: Process, head: bytes, body: bytes) -> bytes:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(QUESTION.pack(len(head), len(body)) + head)
    process.stdin.write(body)
    await process.stdin.drain()
    (length,) = ANSWER.unpack(await process.stdout.readexactly(ANSWER.size))
    return await process.stdout.readexactly(length)


def _all(places: "asyncio.Queue[Process | None]") -> Iterator[Process | None]:
    while not places.empty():
        yield places.get_nowait()


async def _end(process: Process) -> None:
    with suppress(ProcessLookupError):
        process.kill()
    await process.wait()
