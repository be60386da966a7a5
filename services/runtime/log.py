"""Logs: JSON lines in production, readable lines on a terminal; ids bound once through contextvars."""

import io
import logging
import re
import sys
import time
from collections.abc import Callable, MutableMapping
from typing import Any, TextIO

import structlog

from services.runtime.settings import LogSettings

_TOKEN_IN_URL = re.compile(r"(https?://)([^\s/@]+@)?([^\s/?#]+)([^\s]*)")


class _StandardError(io.TextIOBase, TextIO):
    """Whatever standard error is now: loggers live longer than a stream that someone put in its place."""

    def write(self, text: str) -> int:
        return sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()


class SaidOnce(logging.Filter):
    """Of what a library says again and again, one line in `every_s` seconds, with how often it was said in between.

    A Kafka client whose broker is away says the same some ninety times a second (benchmarks/chaos.py).
    """

    MOST = 1_000
    """Different lines that are remembered."""

    def __init__(self, every_s: float = 10, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._every_s, self._clock = every_s, clock
        self._said: dict[tuple[str, str], tuple[float, int]] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        line, now = (record.name, record.getMessage()), self._clock()
        at, more = self._said.get(line, (None, 0))
        if at is not None and now - at < self._every_s:
            self._said[line] = (at, more + 1)
            return False
        if len(self._said) >= self.MOST:
            self._said.clear()
        self._said[line] = (now, 0)
        if more:
            record.msg, record.args = f"{line[1]} (and {more:,} times before)", ()
        return True


def configure(settings: LogSettings, service: str, *, quiet: bool = False) -> None:
    """Set up structlog and the standard library's logging (for the libraries) on standard error. `quiet` is for a
    person's terminal: what matters there is said by the command itself."""
    as_json = settings.format == "json" or (settings.format == "auto" and not sys.stderr.isatty())
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _named(service),
    ]
    last: structlog.typing.Processor = (
        structlog.processors.JSONRenderer() if as_json else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    level = logging.CRITICAL if quiet else logging.getLevelNamesMapping()[settings.level]
    structlog.configure(
        processors=[*shared, structlog.processors.format_exc_info, last] if as_json else [*shared, last],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(file=_StandardError()),
        cache_logger_on_first_use=False,  # so that tests can listen, whatever was configured before them
    )
    handler = logging.StreamHandler(_StandardError())
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder()],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *([structlog.processors.format_exc_info] if as_json else []),
                last,
            ],
        )
    )
    handler.addFilter(SaidOnce())
    logging.basicConfig(level=max(level, logging.WARNING), handlers=[handler], force=True)


def _named(service: str) -> structlog.typing.Processor:
    def add(_: Any, __: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        event.setdefault("service", service)
        return event

    return add


def without_token(url: str) -> str:
    """The URL as a log may show it: scheme and host. Paths and queries of endpoints and feeds can be passwords."""
    return _TOKEN_IN_URL.sub(lambda m: m[1] + m[3] + ("/…" if len(m[4]) > 1 else ""), url)
