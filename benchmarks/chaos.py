"""Whether anything is lost or doubled while services are killed, the broker too, lines cut and a disk filled.

    python -m benchmarks.chaos [--minutes 15] [--rate 1] [--pause 3 10] [--seed 20201220] [--logs DIR] [--write]

Feeds whose entries come out at a steady pace (benchmarks/growing_site.py), ingest, two classify workers and a notifier
as processes of their own under `chancery up`'s supervisor, Apache Kafka with one broker, endpoints that verify every
signature. A deck of faults is shuffled by the seed and dealt one after the other, with a pause between; when it is
empty it is shuffled again. When the time is over, the faults stop and what is under way may come to its end. Then
benchmarks/chaos_ledger.py accounts for every entry that was served and for every alert. Ends with 1 where anything is
lost or strange.

Clocks are not stepped: that cannot be done to one process alone with what a system has. The broker's disk is a small
tmpfs where mounting is allowed, else it is not filled. Needs Linux, Java and, the first time, Maven.
"""

import argparse
import asyncio
import contextlib
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from aiokafka.errors import KafkaError

from benchmarks.chaos_deployment import BROKER, HEALTHY, SERVICES, Deployment
from benchmarks.chaos_ledger import Account, Seen, account
from benchmarks.growing_site import FEEDS, Entry, Site, entries
from benchmarks.stages import quantile
from benchmarks.surroundings import show, surroundings, wanted_by_others
from services.cli.scoresheet import Sheet, as_markdown
from services.runtime import log
from services.runtime.kafka import BrokerUnreachable
from services.runtime.settings import LogSettings

SEED = 20_201_220
PAUSE_S = (3, 10)
"""Between two faults."""
OUTAGE_S = (1, 8)
FROZEN_S = (3, 16)
"""From less to more than a session of ten seconds: who wakes up may have lost its partitions."""
LEFT_OUT = "Left out: clocks that step, which cannot be done to one process alone, and more than one broker."
LOOK_S = 40
SETTLING_S = 400
"""For what is under way when the faults are over: the longest pause before a third retry is 144 s."""


class Fault(StrEnum):
    KILL = "a service is killed (kill -9)"
    FREEZE = "a service is stopped for 3 to 16 s, and goes on"
    BROKER = "the broker is killed (kill -9), and started on its data"
    CUT_BROKER = "all connections to the broker are reset, and refused for 1 to 8 s"
    STALL_BROKER = "nothing passes to and from the broker for 1 to 8 s"
    CUT_ENDPOINTS = "all connections to the endpoints are reset, and refused for 1 to 8 s"
    DISK = "the broker's disk is full for 1 to 8 s"


DECK = (*[Fault.KILL] * len(SERVICES), Fault.FREEZE, Fault.FREEZE, *list(Fault)[2:])


@dataclass(frozen=True)
class Plan:
    seconds: float
    rate: float
    seed: int
    pause_s: tuple[float, float] = PAUSE_S
    patience_s: float = SETTLING_S


@dataclass(frozen=True)
class Run:
    faults: Counter[Fault]
    hit: Mapping[str, int]
    account: Account
    seen: Seen
    attacks: int
    settled_s: float


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=15)
    parser.add_argument("--rate", type=float, default=1, help="entries a second, over all feeds")
    parser.add_argument(
        "--pause", type=float, nargs=2, default=PAUSE_S, metavar=("LEAST", "MOST"), help="seconds between two faults"
    )
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--logs", type=Path, help="where the logs of all processes are kept; default: nowhere")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    log.configure(LogSettings(), "chaos", quiet=True)  # of our own readers, whose broker is down half of the time
    busy = wanted_by_others()
    with _directory(options.logs) as logs:
        plan = Plan(60 * options.minutes, options.rate, options.seed, tuple(options.pause))
        run = asyncio.run(_cleanly(plan, logs))
    intro = f"{surroundings(busy)}; Apache Kafka, one broker."
    show("chaos", "Nothing lost", intro, map(as_markdown, _sheets(run, options.rate)), write=options.write)
    if run.account.lost or run.account.strange:
        print(*run.account.lost, *run.account.strange, sep="\n", file=sys.stderr)
        sys.exit(1)


@contextlib.contextmanager
def _directory(wanted: Path | None) -> Iterator[Path]:
    if wanted is not None:
        wanted.mkdir(parents=True, exist_ok=True)
        yield wanted
        return
    with tempfile.TemporaryDirectory() as directory:
        yield Path(directory)


def _sheets(run: Run, rate: float) -> Iterator[Sheet]:
    dealt = [(fault, str(run.faults[fault])) for fault in Fault]
    killed = ", ".join(f"{name} {count}" for name, count in sorted(run.hit.items()))
    yield Sheet("Faults", ("what happens", "times"), tuple(dealt), f"Killed or stopped: {killed}. {LEFT_OUT}")
    seen, made = run.seen, run.account
    waited = made.waited_s or (0.0,)
    rows = (
        ("entries served", f"{len(seen.served):,}"),
        ("of them on the topic as articles", f"{len(seen.articles):,}"),
        ("of them read by a classify worker, or in a dead letter", f"{len(seen.judged | seen.buried):,}"),
        ("attacks among them", f"{run.attacks:,}"),
        ("alerts", f"{len(seen.alerts):,}"),
        ("messages that healthy endpoints verified", f"{made.messages:,}"),
        ("of them repeats, each under the id that it had", f"{made.repeats:,}"),
        ("**lost**", str(len(made.lost))),
        ("**strange**: two alerts of one attack, a message under another id", str(len(made.strange))),
        ("served to message, p50, seconds", f"{quantile(waited, 0.5):.1f}"),
        ("served to message, worst, seconds", f"{max(waited):.1f}"),
        ("from the last fault until all was there, seconds", f"{run.settled_s:.0f}"),
    )
    note = (
        f"{rate:g} entries a second in {FEEDS} feeds. Each alert goes to one endpoint that wants all and to one of "
        f"{HEALTHY - 1} that want a part of the host states; one more endpoint answers 500 to everything."
    )
    yield Sheet("What became of all that was served", ("", ""), rows, note)


async def _cleanly(plan: Plan, logs: Path) -> Run:
    """Who is told to end (SIGTERM) leaves no process and no mount behind."""
    running = asyncio.ensure_future(ran(plan, logs))
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, running.cancel)
    return await running


async def ran(plan: Plan, logs: Path) -> Run:
    """One run, with everything it started ended. What is lost is in the account, not raised; raises where no work was
    done before the first fault, or a service gave up."""
    coming = entries(plan.seed, FEEDS + round(plan.seconds * plan.rate))
    async with contextlib.AsyncExitStack() as stack:
        deployment = await stack.enter_async_context(Deployment(coming, logs).up())
        site = deployment.site
        await deployment.until(lambda: site.watched)
        releasing = asyncio.create_task(_release(site, plan))
        stack.callback(releasing.cancel)
        await deployment.until(lambda: any(deployment.arrivals.values()))
        faults = Faults(deployment, random.Random(plan.seed), plan.pause_s)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(plan.seconds):
                await faults.go_on()
        await releasing
        begun = time.monotonic()
        seen, made = await _settled(deployment, coming, plan.patience_s)
        attacks = sum(entry.state is not None and entry.number in seen.served for entry in coming)
        return Run(faults.dealt, faults.hit, made, seen, attacks, time.monotonic() - begun)


async def _release(site: Site, plan: Plan) -> None:
    begun = time.monotonic()
    for number in range(round(plan.seconds * plan.rate)):
        await asyncio.sleep(max(0.0, begun + number / plan.rate - time.monotonic()))
        site.release()


async def _settled(deployment: Deployment, coming: Sequence[Entry], patience_s: float) -> tuple[Seen, Account]:
    """Once nothing is missing, or when patience is over. Raises TimeoutError when the topics cannot be read then."""
    deadline = time.monotonic() + patience_s
    while True:
        deployment.check()
        seen = await _look(deployment)
        late = time.monotonic() > deadline
        if seen is not None:
            made = account(seen, coming, deployment.healthy)
            if late or (made.is_settled and len(seen.served) == len(coming)):
                return seen, made
        elif late:
            raise TimeoutError(f"the topics cannot be read, {patience_s:g} s after the last fault")
        await asyncio.sleep(2)


async def _look(deployment: Deployment) -> Seen | None:
    """None where the topics cannot be read now. A reader that met the end of a fault may wait for ever, even when it is
    cancelled, so nobody waits for it: the next one is fresh."""
    looking = asyncio.create_task(deployment.seen())
    done, _ = await asyncio.wait([looking], timeout=LOOK_S)
    if not done:
        looking.cancel()
        return None
    if isinstance(looking.exception(), KafkaError | BrokerUnreachable):
        return None
    return looking.result()


class Faults:
    """Deals the deck. What a fault did to a line, a process or the disk is undone when it is cancelled too."""

    def __init__(self, deployment: Deployment, chance: random.Random, pause_s: tuple[float, float]) -> None:
        self._on, self._chance, self._pause_s = deployment, chance, pause_s
        self.dealt, self.hit = Counter[Fault](), Counter[str]()

    async def go_on(self) -> None:
        """Until it is cancelled."""
        while True:
            victims = self._chance.sample([*SERVICES], len(SERVICES))
            for fault in self._chance.sample(DECK, len(DECK)):
                await asyncio.sleep(self._chance.uniform(*self._pause_s))
                victim = victims.pop() if fault is Fault.KILL else self._chance.choice([*SERVICES])
                await self._deal(fault, victim, self._chance.uniform(*OUTAGE_S), self._chance.uniform(*FROZEN_S))

    async def _deal(self, fault: Fault, victim: str, outage_s: float, frozen_s: float) -> None:
        """Every fault takes as many throws of the dice, so that the same seed deals the same."""
        if fault is Fault.DISK and self._on.disk is None:
            return
        self.dealt[fault] += 1
        match fault:
            case Fault.KILL:
                self._signal(victim, signal.SIGKILL)
            case Fault.FREEZE:
                await self._freeze(victim, frozen_s)
            case Fault.BROKER:
                self._signal(BROKER, signal.SIGKILL)
            case Fault.CUT_BROKER:
                await self._on.to_broker.cut(outage_s)
            case Fault.STALL_BROKER:
                await self._on.to_broker.stall(outage_s)
            case Fault.CUT_ENDPOINTS:
                await self._on.to_endpoints.cut(outage_s)
            case Fault.DISK:
                await self._fill(outage_s)

    def _signal(self, name: str, number: signal.Signals) -> int | None:
        """The process that got it; None when there is none just now, for it is about to be started again."""
        pid = self._on.supervisor.pid_of(name)
        if pid is not None:
            os.kill(pid, number)
            self.hit[name] += 1
        return pid

    async def _freeze(self, name: str, for_s: float) -> None:
        pid = self._signal(name, signal.SIGSTOP)
        try:
            await asyncio.sleep(for_s)
        finally:
            if pid is not None and pid == self._on.supervisor.pid_of(name):
                os.kill(pid, signal.SIGCONT)

    async def _fill(self, for_s: float) -> None:
        assert self._on.disk is not None
        filler = self._on.disk / "filler"
        try:
            await asyncio.to_thread(_fill_up, filler)
            await asyncio.sleep(for_s)
        finally:
            filler.unlink(missing_ok=True)


def _fill_up(filler: Path) -> None:
    """Returns when the file system has no room left, not for a single byte."""
    with filler.open("wb", buffering=0) as file:
        for size in (1_000_000, 1):
            with contextlib.suppress(OSError):
                while file.write(bytes(size)):
                    pass


if __name__ == "__main__":
    main()
