"""Whether anything is lost or doubled while services and brokers are killed, lines cut, disks filled and clocks set.

    python -m benchmarks.chaos [--minutes 15] [--rate 1] [--brokers 1|3] [--pause 3 10] [--seed 20201220] [--logs DIR]
                               [--write]

Feeds whose entries come out at a steady pace (benchmarks/growing_site.py), ingest, two classify workers and a notifier
as processes of their own under `chancery up`'s supervisor, Apache Kafka with one broker or three (then every record is
on all of them, and on two before a writer is told so), endpoints that verify every signature. A deck of faults is
shuffled by the seed and dealt one after the other, with a pause between; when it is empty it is shuffled again. When
the time is over, the faults stop and what is under way may come to its end. Then benchmarks/chaos_ledger.py accounts
for every entry that was served and for every alert. Ends with 1 where anything is lost or strange.

A broker's disk is a small tmpfs where mounting is allowed, else it is not filled; a service's clock is set where
libfaketime is installed (Debian: faketime). Needs Linux, Java and, the first time, Maven.
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

from benchmarks.chaos_deployment import HEALTHY, SERVICES, Broker, Deployment
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
STEP_S = (-7_200, 7_200)
"""How far a clock is set ahead, or back. Kafka takes no record from more than an hour ahead of it
(`message.timestamp.after.max.ms`)."""
LOOK_S = 40
SETTLING_S = 400
"""For what is under way when the faults are over: the longest pause before a third retry is 144 s."""


class Fault(StrEnum):
    KILL = "a service is killed (kill -9)"
    FREEZE = "a service is stopped for 3 to 16 s, and goes on"
    BROKER = "a broker is killed (kill -9), and started on its data"
    CUT_BROKER = "all connections to a broker are reset, and refused for 1 to 8 s"
    STALL_BROKER = "nothing passes to and from a broker for 1 to 8 s"
    CUT_ENDPOINTS = "all connections to the endpoints are reset, and refused for 1 to 8 s"
    DISK = "a broker's disk is full for 1 to 8 s"
    CLOCK = "a service's clock is set, up to two hours ahead or back, and right again after 3 to 16 s"


DECK = (*[Fault.KILL] * len(SERVICES), Fault.FREEZE, Fault.FREEZE, *list(Fault)[2:], Fault.CLOCK)
"""Clocks twice: half of the services go by the times of articles, and do not care."""


@dataclass(frozen=True)
class Plan:
    seconds: float
    rate: float
    seed: int
    pause_s: tuple[float, float] = PAUSE_S
    patience_s: float = SETTLING_S
    brokers: int = 1


@dataclass(frozen=True)
class Run:
    faults: Counter[Fault]
    impossible: frozenset[Fault]
    hit: Mapping[str, int]
    account: Account
    seen: Seen
    attacks: int
    untimely: int
    settled_s: float


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--minutes", type=float, default=15)
    parser.add_argument("--rate", type=float, default=1, help="entries a second, over all feeds")
    parser.add_argument(
        "--pause", type=float, nargs=2, default=PAUSE_S, metavar=("LEAST", "MOST"), help="seconds between two faults"
    )
    parser.add_argument("--brokers", type=int, choices=(1, 3), default=1)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--logs", type=Path, help="where the logs of all processes are kept; default: nowhere")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    log.configure(LogSettings(), "chaos", quiet=True)  # of our own readers, whose broker is down half of the time
    busy = wanted_by_others()
    with _directory(options.logs) as logs:
        pause_s = tuple(options.pause)
        plan = Plan(60 * options.minutes, options.rate, options.seed, pause_s, brokers=options.brokers)
        run = asyncio.run(_cleanly(plan, logs))
    brokers = f"{options.brokers} brokers" if options.brokers > 1 else "one broker"
    show(
        "chaos",
        "Nothing lost",
        f"{surroundings(busy)}; Apache Kafka, {brokers}.",
        map(as_markdown, _sheets(run, options.rate)),
        write=options.write,
        variant="" if options.brokers == 1 else f"-{options.brokers}-brokers",
    )
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
    dealt = [(fault, "cannot be done here" if fault in run.impossible else str(run.faults[fault])) for fault in Fault]
    killed = ", ".join(f"{name} {count}" for name, count in sorted(run.hit.items()))
    yield Sheet("Faults", ("what happens", "times"), tuple(dealt), f"Killed, stopped or set: {killed}.")
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
        ("messages that they refused for the time on them, while a clock was wrong", f"{run.untimely:,}"),
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
        deployment = await stack.enter_async_context(Deployment(coming, logs, plan.brokers).up())
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
        settled_s = time.monotonic() - begun
        return Run(faults.dealt, faults.impossible, faults.hit, made, seen, attacks, deployment.untimely, settled_s)


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

    def __init__(self, on: Deployment, chance: random.Random, pause_s: tuple[float, float]) -> None:
        self._on, self._chance, self._pause_s = on, chance, pause_s
        self.dealt, self.hit = Counter[Fault](), Counter[str]()
        can = {Fault.DISK: all(broker.disk for broker in on.brokers), Fault.CLOCK: on.clocks.can_be_set}
        self.impossible = frozenset(fault for fault in Fault if not can.get(fault, True))

    async def go_on(self) -> None:
        """Until it is cancelled. Every fault takes as many throws of the dice, so that the same seed deals the same."""
        chance = self._chance
        while True:
            victims = chance.sample([*SERVICES], len(SERVICES))
            for fault in chance.sample(DECK, len(DECK)):
                await asyncio.sleep(chance.uniform(*self._pause_s))
                service = victims.pop() if fault is Fault.KILL else chance.choice([*SERVICES])
                broker = chance.choice(self._on.brokers)
                outage_s, frozen_s, step_s = (chance.uniform(*bounds) for bounds in (OUTAGE_S, FROZEN_S, STEP_S))
                if fault not in self.impossible:
                    self.dealt[fault] += 1
                    await self._deal(fault, service, broker, outage_s, frozen_s, step_s)

    async def _deal(
        self, fault: Fault, service: str, broker: Broker, outage_s: float, frozen_s: float, step_s: float
    ) -> None:
        match fault:
            case Fault.KILL:
                self._signal(service, signal.SIGKILL)
            case Fault.FREEZE:
                await self._freeze(service, frozen_s)
            case Fault.BROKER:
                self._signal(broker.name, signal.SIGKILL)
            case Fault.CUT_BROKER:
                await broker.line.cut(outage_s)
            case Fault.STALL_BROKER:
                await broker.line.stall(outage_s)
            case Fault.CUT_ENDPOINTS:
                await self._on.to_endpoints.cut(outage_s)
            case Fault.DISK:
                await self._fill(broker, outage_s)
            case Fault.CLOCK:
                await self._set_clock(service, step_s, frozen_s)

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

    async def _set_clock(self, name: str, ahead_s: float, for_s: float) -> None:
        self.hit[name] += 1
        try:
            self._on.clocks.set(name, ahead_s)
            await asyncio.sleep(for_s)
        finally:
            self._on.clocks.set(name, 0)

    async def _fill(self, broker: Broker, for_s: float) -> None:
        assert broker.disk is not None
        filler = broker.disk / "filler"
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
