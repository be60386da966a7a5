"""The life of a service process: settings, logs, health, signals, and one way to end."""

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable

import structlog
import uvloop

from services.runtime import health, log
from services.runtime.health import Health
from services.runtime.kafka import BrokerUnreachable
from services.runtime.settings import Misconfigured, Settings, SettingsError, load_settings

SERVICE_STARTED = "service.started"
SERVICE_STOPPED = "service.stopped"
SERVICE_FAILED = "service.failed"

EXIT_MISCONFIGURED = 78  # EX_CONFIG of sysexits.h: starting it again will not help
EXIT_FAILED = 75  # EX_TEMPFAIL: start it again

Main = Callable[[Settings, Health, asyncio.Event], Awaitable[None]]


def settings_or_exit() -> Settings:
    """The settings, or a clear list of what is wrong on standard error and exit code 78."""
    try:
        return load_settings()
    except SettingsError as error:
        sys.exit(_misconfigured(str(error)))


def run(service: str, main: Main, health_of: Health) -> None:
    """Run `main(settings, health, stop)` until it returns, SIGTERM or SIGINT. Exits the process.

    `stop` is set on a signal; `main` then finishes what it holds and returns.
    """
    settings = settings_or_exit()
    log.configure(settings.log, service)
    sys.exit(uvloop.run(_live(service, main, settings, health_of)))


def first_cause(error: BaseException) -> BaseException:
    """What a task group ended with, without the groups around it."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


async def _live(service: str, main: Main, settings: Settings, health_of: Health) -> int:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    logger = structlog.get_logger()
    try:
        async with health.serve(health_of, settings.health) as port:
            logger.info(SERVICE_STARTED, health_port=port, brokers=settings.kafka.bootstrap_servers)
            await main(settings, health_of, stop)
    except BrokerUnreachable as error:
        logger.error(SERVICE_FAILED, reason=str(error))
        return EXIT_FAILED
    except Misconfigured as error:
        logger.error(SERVICE_FAILED, reason=str(error))
        return EXIT_MISCONFIGURED
    except Exception as error:
        logger.error(SERVICE_FAILED, reason=str(error), exc_info=True)
        return EXIT_FAILED
    logger.info(SERVICE_STOPPED)
    return 0


def _misconfigured(faults: str) -> int:
    print(f"chancery: the environment is wrong:\n{faults}", file=sys.stderr)  # noqa: T201 - logs are not set up yet
    return EXIT_MISCONFIGURED
