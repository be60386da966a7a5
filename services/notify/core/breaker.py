"""How long an endpoint that fails is left alone, and when it is given up. Pure.

Of a breaker this needs one part. An endpoint gets one attempt at a time anyhow, so the attempt after a rest is the
probe, and there is no state of being half open; a single delivery's retries are further apart than any rest. What is
left is many deliveries at one endpoint, each with a schedule of its own: there the rest keeps a hundred of them from
being a hundred attempts, and an attempt that hangs from holding a place all the time. A delivery that waits has not
been tried: a rest uses up nobody's schedule. A share of failures in a window (70 % of at least ten in five minutes, as
others have it) would also hold back from an endpoint that takes three of ten messages, and those three are alerts.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.contracts.delivery import Attempt
from services.notify.core.retry import OUR_FAULT
from services.notify.core.status import Outcome

NO_SIGN = OUR_FAULT | {Outcome.NOT_ALLOWED, Outcome.RELAY_FAILED, Outcome.UNREADABLE}
"""Outcomes that tell nothing of the endpoint: the fault is ours, or nobody asked it."""

FREE_FAILURES = 4
"""Failures in a row without a rest: bad luck is not yet an outage."""
LONGEST_REST_S = 60
"""An extreme alert is late after ten minutes, so an endpoint that works again is found soon."""

FAILURES_TO_GIVE_UP = 20
"""The days alone would give up an endpoint of which one alert a week asks something."""


@dataclass(frozen=True, slots=True)
class Run:
    """Failures in a row: how many since the endpoint last took something, and when the first of them was."""

    failures: int = 0
    since: datetime | None = None

    def forgiven(self, until: datetime | None) -> datetime | None:
        """Since when it fails, not counting what was before `until`."""
        return max(self.since, until or self.since) if self.since else None


def after(run: Run, outcome: str, at: datetime) -> Run:
    """The run once another attempt, made at `at`, has ended."""
    if outcome == Outcome.DELIVERED:
        return Run()
    if outcome in NO_SIGN:
        return run
    return Run(run.failures + 1, run.since or at)


def run_of(attempts: Iterable[Attempt]) -> Run:
    """The run that the log of all attempts at one endpoint, in any order, ends with."""
    run = Run()
    for attempt in sorted(attempts, key=lambda each: each.at):
        run = after(run, attempt.outcome, attempt.at)
    return run


def rest_s(run: Run) -> float:
    """Seconds until the next attempt of whatever delivery: 1 after the fifth failure, then doubled."""
    over = run.failures - FREE_FAILURES
    return float(min(2 ** min(over - 1, 10), LONGEST_REST_S)) if over > 0 else 0.0


def rests_until(run: Run, attempts: Iterable[Attempt], now: datetime) -> datetime | None:
    """Until when an endpoint whose attempts these were, in any order, is left alone; None where it is not. By a clock
    that was ahead it rests no longer than from now."""
    if not (rest := rest_s(run)):
        return None
    ended = max(each.at + timedelta(seconds=each.took_s) for each in attempts)
    return min(ended, now) + timedelta(seconds=rest)


def hopeless(
    run: Run, last: Attempt, *, forgiven: datetime | None, others_took: datetime | None, patience: timedelta
) -> str | None:
    """Why an endpoint is to be given up after its `last` attempt; None while there is hope.

    `others_took` is when another endpoint last took something. Where nobody answers here and nobody took anything
    elsewhere meanwhile, the fault may be our own network's, and nobody is given up for that.
    """
    since = run.forgiven(forgiven)
    if since is None or run.failures < FAILURES_TO_GIVE_UP or last.at - since < patience:
        return None
    if last.http_status is None and (others_took is None or others_took < since):
        return None
    answer = f"HTTP {last.http_status}" if last.http_status else last.outcome
    return f"{run.failures} attempts since {since:%Y-%m-%d %H:%M} UTC and all failed, the last with {answer}"
