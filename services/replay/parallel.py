"""Reads the articles of a recording in several processes, and gives the records back in their order."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from itertools import islice
from multiprocessing import get_context

from services.classify.core.chain import text_of
from services.classify.core.reading.pipeline import Reader
from services.contracts.article import Article
from services.contracts.codec import Undecodable, decode
from services.contracts.report import Classification
from services.contracts.topics import ARTICLES
from services.replay.core.recording import Recorded

_BATCH = 64
"""Records that a process gets at a time."""
_AHEAD = 4
"""Batches for each process that are read before they are asked for: what is held in memory."""

Said = tuple[Recorded, Classification | None]

_reader: Reader


@contextmanager
def readings(records: Iterable[Recorded], reader: Reader, processes: int) -> Iterator[Iterator[Said]]:
    """Each record in its order; an article that can be read with what it says, without the sites known beforehand,
    which hang on the records before it.

    The processes are forked on entering and share the rules of `reader`, which takes seconds to build: enter it before
    anything starts a thread.
    """
    global _reader
    _reader = reader
    reader.prepare()
    with ProcessPoolExecutor(processes, get_context("fork")) as pool:
        pool.submit(_read, ()).result()
        yield _in_order(pool, iter(records), processes * _AHEAD)


def _in_order(pool: ProcessPoolExecutor, records: Iterator[Recorded], most: int) -> Iterator[Said]:
    ahead: deque[tuple[Sequence[Recorded], Future[list[Classification | None]]]] = deque()
    while batch := list(islice(records, _BATCH)):
        articles = [each.value if each.topic is ARTICLES else None for each in batch]
        ahead.append((batch, pool.submit(_read, articles)))
        if len(ahead) >= most:
            yield from _given(*ahead.popleft())
    while ahead:
        yield from _given(*ahead.popleft())


def _given(batch: Sequence[Recorded], said: "Future[list[Classification | None]]") -> Iterator[Said]:
    yield from zip(batch, said.result(), strict=True)


def _read(values: Sequence[bytes | None]) -> list[Classification | None]:
    return [None if (article := _article(value)) is None else _reader.read(text_of(article)) for value in values]


def _article(value: bytes | None) -> Article | None:
    try:
        return None if value is None else decode(value, Article)
    except Undecodable:
        return None
