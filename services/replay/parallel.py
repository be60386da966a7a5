"""Reads the articles of a recording in several processes, and gives the records back in their order."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from itertools import islice
from multiprocessing import get_context
from pathlib import Path

from services.classify.adapters.data import load_rules
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


def readings(records: Iterable[Recorded], rules: Path | None, processes: int) -> Iterator[Said]:
    """Each record in its order; an article that can be read with what it says, without the sites known beforehand,
    which hang on the records before it. Raises LexiconError in the processes for rules that are wrong."""
    source = iter(records)
    with ProcessPoolExecutor(processes, get_context("spawn"), _begin, (rules,)) as pool:
        ahead: deque[tuple[Sequence[Recorded], Future[list[Classification | None]]]] = deque()
        while batch := list(islice(source, _BATCH)):
            articles = [each.value if each.topic is ARTICLES else None for each in batch]
            ahead.append((batch, pool.submit(_read, articles)))
            if len(ahead) >= processes * _AHEAD:
                yield from _given(*ahead.popleft())
        while ahead:
            yield from _given(*ahead.popleft())


def _given(batch: Sequence[Recorded], said: "Future[list[Classification | None]]") -> Iterator[Said]:
    yield from zip(batch, said.result(), strict=True)


def _begin(rules: Path | None) -> None:
    global _reader
    _reader = Reader(load_rules(rules))


def _read(values: Sequence[bytes | None]) -> list[Classification | None]:
    return [None if (article := _article(value)) is None else _reader.read(text_of(article)) for value in values]


def _article(value: bytes | None) -> Article | None:
    try:
        return None if value is None else decode(value, Article)
    except Undecodable:
        return None
