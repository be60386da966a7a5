"""Documents to entries in processes of their own, each with a deadline; a process that fails is replaced."""

import asyncio
import json
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Iterator
from contextlib import suppress

from services.contracts.feed import PollStatus
from services.ingest.adapters.parsing import ANSWER, DOCUMENTS, QUESTION
from services.ingest.core.feed import Document

# The process ends itself at the deadline; this is for one that cannot even do that.
_GRACE_S = 5.0


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
        process = await self._places.get()
        answered = False
        try:
            if process is None or process.returncode is not None:
                process = await asyncio.create_subprocess_exec(
                    sys.executable, "-m", "services.ingest.adapters.parsing",
                    stdin=PIPE, stdout=PIPE, start_new_session=True,
                )  # fmt: skip
            async with asyncio.timeout(self._timeout_s + _GRACE_S):
                document = await self._ask(process, body, content_type, url)
            answered = True
            return document
        except TimeoutError:
            return self._failed("")
        except (asyncio.IncompleteReadError, ConnectionError):
            assert process is not None
            code = await process.wait()
            return self._failed("" if code == -signal.SIGALRM else f"the document ended its parser (exit {code})")
        finally:
            if not answered and process is not None:
                with suppress(ProcessLookupError):
                    process.kill()
            self._places.put_nowait(process if answered else None)

    async def _ask(self, process: Process, body: bytes, content_type: str, url: str) -> Document:
        assert process.stdin is not None
        assert process.stdout is not None
        head = json.dumps(
            {
                "content_type": content_type,
                "url": url,
                "max_entries": self._max_entries,
                "timeout_s": self._timeout_s,
            }
        ).encode()
        process.stdin.write(QUESTION.pack(len(head), len(body)) + head)
        process.stdin.write(body)
        await process.stdin.drain()
        (length,) = ANSWER.unpack(await process.stdout.readexactly(ANSWER.size))
        return DOCUMENTS.validate_json(await process.stdout.readexactly(length))

    def _failed(self, reason: str) -> Document:
        return Document(PollStatus.ILL_FORMED, reason or f"not parsed within {self._timeout_s:g} s")


def _all(places: "asyncio.Queue[Process | None]") -> Iterator[Process | None]:
    while not places.empty():
        yield places.get_nowait()


async def _end(process: Process) -> None:
    with suppress(ProcessLookupError):
        process.kill()
    await process.wait()
