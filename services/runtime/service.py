"""The life of a service process: settings, logs, health, signals, and one way to end."""

import asyncio
import signal
import sys
import time
from collections.abc import Callable, Coroutine
from typing import Any

import structlog
import uvloop

from services.runtime import health, log
from services.runtime.health import Health
from services.runtime.kafka import BrokerUnreachable
from services.runtime.settings import Misconfigured, Settings, SettingsError, load_settings

SERVICE_STARTED = "service.started"
SERVICE_STOPPED = "service.stopped"
SERVICE_FAILED = "service.failed"

CLOCK_SET_BACK = "clock.set_back"

EXIT_MISCONFIGURED = 78  # EX_CONFIG of sysexits.h: starting it again will not help
EXIT_FAILED = 75  # EX_TEMPFAIL: start it again

STOPPING_S = 25.0
"""What is held has so long to be finished once a service is told to stop: brokers that are gone would keep it for ever.
Whoever told it (deploy/kubernetes, docker-compose.yml) waits for 30."""

LOOK_AT_CLOCK_S = 1.0
SET_BACK_S = 60.0
"""From this on a clock that is set back has the service start again: until then what waits comes so much later."""

Main = Callable[[Settings, Health, asyncio.Event], Coroutine[Any, Any, None]]


def settings_or_exit() -> Settings:
    """The settings, or a clear list of what is wrong on standard error and exit code 78."""
    try:
        return load_settings()
    except SettingsError as error:
        sys.exit(_misconfigured(str(error)))


def run(service: str, main: Main, health_of: Health, *, by_the_clock: bool = False) -> None:
    """Run `main(settings, health, stop)` until it returns, SIGTERM or SIGINT. Exits the process.

    `stop` is set on a signal; `main` then finishes what it holds and returns. Of a service that waits `by_the_clock` it
    is set, too, when that is set back, and the process ends to be started again: what it waited for in memory would
    come so much later, and what lies on the topics is counted anew.
    """
    settings = settings_or_exit()
    log.configure(settings.log, service)
    sys.exit(uvloop.run(_live(service, main, settings, health_of, by_the_clock)))


def first_cause(error: BaseException) -> BaseException:
    """What a task group ended with, without the groups around it."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


class NotEnded(TimeoutError):
    """A service was told to stop, and could not finish what it held."""


async def ended(work: Coroutine[Any, Any, None], stop: asyncio.Event, within_s: float = STOPPING_S) -> None:
    """Returns once the work does. Raises what it raises, and NotEnded `within_s` after `stop` was set: it is cancelled
    then, and what was not acknowledged is done again after the next start."""
    working, stopping = asyncio.create_task(work), asyncio.create_task(stop.wait())
    await asyncio.wait([working, stopping], return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    await asyncio.wait([working], timeout=within_s)
    if working.done():
        return working.result()
    working.cancel()
    await asyncio.wait([working], timeout=1)
    raise NotEnded(f"what is held could not be finished within {within_s:g} s: do the brokers answer?")


async def set_back_s(
    clock: Callable[[], float] = time.time,
    passed: Callable[[], float] = time.monotonic,
    every_s: float = LOOK_AT_CLOCK_S,
) -> float:
    """Returns once the clock was set back by SET_BACK_S or more: by how much. Both are in seconds; nobody can set
    `passed`."""
    while True:
        before = clock() - passed()
        await asyncio.sleep(every_s)
        if (back_s := before - (clock() - passed())) >= SET_BACK_S:
            return back_s


async def _live(service: str, main: Main, settings: Settings, health_of: Health, by_the_clock: bool) -> int:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    logger = structlog.get_logger()
    looking = asyncio.create_task(_stop_when_set_back(stop)) if by_the_clock else None
    try:
        async with health.serve(health_of, settings.health) as port:
            logger.info(SERVICE_STARTED, health_port=port, brokers=settings.kafka.bootstrap_servers)
            await ended(main(settings, health_of, stop), stop)
        if looking and looking.done():
            return EXIT_FAILED
    except (BrokerUnreachable, NotEnded) as error:
        logger.error(SERVICE_FAILED, reason=str(error))
        return EXIT_FAILED
    except Misconfigured as error:
        logger.error(SERVICE_FAILED, reason=str(error))
        return EXIT_MISCONFIGURED
    except Exception as error:
        logger.error(SERVICE_FAILED, reason=str(error), exc_info=True)
        return EXIT_FAILED
    finally:
        if looking:
            looking.cancel()
    logger.info(SERVICE_STOPPED)
    return 0


async def _stop_when_set_back(stop: asyncio.Event) -> None:
    back_s = await set_back_s()
    structlog.get_logger().warning(CLOCK_SET_BACK, by_s=round(back_s), status="starting again")
    stop.set()


def _misconfigured(faults: str) -> int:
    print(f"chancery: the environment is wrong:\n{faults}", file=sys.stderr)  # noqa: T201 - logs are not set up yet
    return EXIT_MISCONFIGURED
