"""Whether alerts reach every endpoint that answers, and how soon, while others do not and the notifier is killed.

    python -m benchmarks.delivery_chaos [--embedded] [--alerts 2000] [--endpoints 200] [--calm 250] [--rate 15]
                                       [--write]

Four in ten of the endpoints are sick: a tenth each hangs, answers 500, answers 429, closes the connection. Alerts are
written at a steady pace; each host state is wanted by 15 or 16 of 200 endpoints. The notifier is killed with kill -9
`EVERY_S` seconds after it was ready, by dice with a seed, and started again at once.

The same alerts go to the healthy endpoints alone and to all, with the same dice, and some of them once more to each
without any kill. The time of a message is from just before its alert is written to its first request at the endpoint.
"""

import argparse
import asyncio
import contextlib
import math
import os
import random
import sys
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import uvloop

from benchmarks import correlation_load as load
from benchmarks.delivery import (
    NOTIFIER,
    alerts,
    arrived,
    delivering,
    forget_arrivals,
    paced,
    prepare,
    serving,
    subscription,
    verify_some,
)
from benchmarks.endpoints import SICK, Manner
from benchmarks.stages import ROOT, Stage, quantile, running_broker
from benchmarks.surroundings import show, surroundings, wanted_by_others
from services.cli.scoresheet import Sheet, as_markdown
from services.contracts import ids
from services.contracts.alert import Alert
from services.contracts.subscription import Subscription

SEED = 20_201_220
STATES = 13
EVERY_S = (3, 7)


@dataclass(frozen=True)
class Crowd:
    """Endpoint number n has the state n modulo `STATES`, and the manner n modulo ten."""

    subscriptions: Sequence[Subscription]
    states: Sequence[int]
    healthy: Sequence[bool]


@dataclass(frozen=True)
class Run:
    """`waited_s` has one for each message to a healthy endpoint."""

    waited_s: Sequence[float]
    requests: int
    kills: int
    verified: int


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--embedded", action="store_true", help="the embedded broker instead of Apache Kafka")
    parser.add_argument("--alerts", type=int, default=2_000)
    parser.add_argument("--endpoints", type=int, default=200)
    parser.add_argument("--rate", type=float, default=15, help="alerts a second")
    parser.add_argument("--calm", type=int, default=250, help="alerts of the runs without kills; 0 leaves them out")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    busy = wanted_by_others()
    sheet = uvloop.run(_measured(options))
    kind = "the embedded broker" if options.embedded else "Apache Kafka"
    intro = f"{surroundings(busy)}; {kind} and the endpoints on the same machine."
    title = "Delivery amid kills and sick endpoints"
    show("delivery_chaos", title, intro, [as_markdown(sheet)], write=options.write)


async def _measured(options: argparse.Namespace) -> Sheet:
    told = alerts(max(options.alerts, options.calm), load.host_states()[:STATES])
    rows: list[tuple[str, ...]] = []
    with running_broker(not options.embedded) as address, serving() as port:
        crowds = {
            "healthy ones only": crowd(port, options.endpoints, sick=False),
            "all": crowd(port, options.endpoints),
        }
        for number, killing in ((options.calm, False), (options.alerts, True)):
            alone: float | None = None
            for name, each in crowds.items() if number else ():
                stage = delivering(
                    address, not options.embedded, CHANCERY_KAFKA__MEMBER="" if options.embedded else "a"
                )
                run = await ran(stage, each, told[:number], port, killing=killing, a_second=options.rate)
                p50, p99 = (quantile(run.waited_s, share) for share in (0.5, 0.99))
                alone = alone or p99
                rows.append(
                    (
                        f"{name}, {len(each.subscriptions)}",
                        f"{number:,}",
                        str(run.kills),
                        f"{len(run.waited_s):,}",
                        f"{run.requests - len(run.waited_s):,}",
                        *(f"{seconds:.3f}" for seconds in (p50, p99, max(run.waited_s))),
                        f"{p99 / alone:.2f}",
                    )
                )
                print(rows[-1], file=sys.stderr, flush=True)  # a later run may fail
    columns = (
        "endpoints", "alerts", "kills", "messages to healthy ones, all arrived", "of them twice", "p50, seconds",
        "p99, seconds", "longest, seconds", "p99 over that without the sick",
    )  # fmt: skip
    note = (
        f"{options.rate:g} alerts a second in {STATES} host states, each wanted by {options.endpoints / STATES:.1f} "
        f"endpoints on average. Of all endpoints {' '.join(f'a tenth {each},' for each in SICK)} and the others are "
        f"healthy. A notifier is killed {EVERY_S[0]} to {EVERY_S[1]} seconds after it was ready, and started at once. "
        "What came twice had its first id, and one request in a hundred was verified."
    )
    return Sheet("Healthy endpoints", columns, tuple(rows), note)


def crowd(port: int, number: int, *, sick: bool = True) -> Crowd:
    manners = [*SICK, *[Manner.HEALTHY] * 6]
    members = [each for each in range(number) if sick or manners[each % 10] is Manner.HEALTHY]
    states = load.host_states()
    return Crowd(
        [subscription(port, each, manners[each % 10], states[each % STATES]) for each in members],
        [each % STATES for each in members],
        [manners[each % 10] is Manner.HEALTHY for each in members],
    )


async def ran(stage: Stage, to: Crowd, told: Sequence[Alert], port: int, *, killing: bool, a_second: float) -> Run:
    """The alerts written, and every message to the healthy endpoints waited for. Raises TimeoutError when one is lost,
    AssertionError when one comes under an id that is not its own."""
    wanted = {
        ids.delivery_id(alert.alert_id, each.subscription_id): alert.alert_id
        for each, state, healthy in zip(to.subscriptions, to.states, to.healthy, strict=True)
        if healthy
        for alert in told[state::STATES]
    }
    await prepare(stage, to.subscriptions)
    await forget_arrivals(port)
    async with Notifier(stage).running(killing=killing) as notifier:
        written, _ = await paced(stage, told, a_second)
        came = await arrived(port, len(wanted))
    first: dict[str, float] = {}
    for at, _, webhook_id in came:
        first[webhook_id] = min(at, first.get(webhook_id, math.inf))
    assert first.keys() == wanted.keys(), f"{len(first.keys() - wanted.keys())} messages under other ids"
    waited = [at - written[wanted[ids.DeliveryId(webhook_id)]] for webhook_id, at in first.items()]
    return Run(waited, len(came), notifier.kills, await verify_some(port))


class Notifier:
    """The service as a process that is killed now and then, and started again."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self.kills = 0

    @contextlib.asynccontextmanager
    async def running(self, *, killing: bool) -> AsyncIterator["Notifier"]:
        chance = random.Random(SEED)
        ready = asyncio.Event()

        async def live() -> None:
            while True:
                process = await asyncio.create_subprocess_exec(
                    sys.executable, *NOTIFIER,
                    env=os.environ | self._stage.environment, cwd=ROOT, stderr=asyncio.subprocess.DEVNULL,
                )  # fmt: skip
                try:
                    await self._stage.ready()
                    ready.set()
                    await (asyncio.sleep(chance.uniform(*EVERY_S)) if killing else process.wait())
                    assert process.returncode is None, f"the notifier ended by itself with {process.returncode}"
                finally:
                    if process.returncode is None:
                        process.kill()
                        await process.wait()
                self.kills += 1

        living = asyncio.create_task(live())
        waiting = asyncio.create_task(ready.wait())
        try:
            await asyncio.wait([living, waiting], return_when=asyncio.FIRST_COMPLETED)
            yield self
        finally:
            waiting.cancel()
            living.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await living


if __name__ == "__main__":
    main()
