"""How fast alerts are delivered, beside a bare httpx loop that posts the same bodies; and how soon, at rest.

    python -m benchmarks.delivery [--apache] [--rounds 3] [--alerts 100] [--endpoints 64] [--seconds 30] [--write]

- Deliveries a second: alerts are written all at once to a notifier that is up, and each goes to every endpoint. From
  the first alert's writing to the last request at an endpoint: matched, recorded, rendered, signed, posted. All are
  then on the topic as delivered, and some are verified with the library `standardwebhooks`. The loop posts the bodies
  of the same alerts, unsigned, as many at a time as there are endpoints, in turns with the notifier.
- Latency: an alert a time at `ALERTS_A_SECOND`, to one endpoint of several; from just before its writing to the
  request at the endpoint.

The notifier, the loop and the endpoints are processes of their own on loopback.
"""

import argparse
import asyncio
import contextlib
import statistics
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import httpx
import uvloop
from standardwebhooks import Webhook

from benchmarks import correlation_load as load
from benchmarks import endpoints
from benchmarks.endpoints import Manner
from benchmarks.stages import (
    PARTITIONS,
    PATIENCE_S,
    Pace,
    Stage,
    child,
    cpu_seconds,
    listens,
    quantile,
    running_broker,
    webhook,
)
from benchmarks.surroundings import show, surroundings, wanted_by_others
from services.classify.adapters.data import load_rules, state_names
from services.classify.core.correlation.alerting import alert_for
from services.classify.core.reading.pipeline import Reader
from services.cli.scoresheet import Sheet, as_markdown
from services.contracts import ids
from services.contracts.alert import Alert, ChangeKind
from services.contracts.delivery import DeliveryState
from services.contracts.subscription import Subscription
from services.contracts.topics import ALERTS, DELIVERIES, SUBSCRIPTIONS
from services.launch import broker
from services.notify.core.channels.rules import JSON
from services.notify.core.channels.webhook import message
from services.runtime.kafka import Publisher
from services.runtime.secrets import Vault, new_key, new_webhook_secret
from services.runtime.topic_table import snapshot

NOTIFIER = ("-m", "services.notify.app")
ALERTS_A_SECOND = 10
BARE = ("-m", "benchmarks.delivery", "--bare")
KEY, SECRET = new_key(), new_webhook_secret()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--apache", action="store_true", help="Apache Kafka instead of the embedded broker")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--alerts", type=int, default=100)
    parser.add_argument("--endpoints", type=int, default=64)
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument("--only", choices=["rate", "latency"])
    parser.add_argument("--write", action="store_true")
    parser.add_argument("--bare", type=int, metavar="PORT", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.bare:
        uvloop.run(_posted(options.bare, options.alerts, options.endpoints))
        return
    busy = wanted_by_others()
    sheets = uvloop.run(_measured(options))
    kind = "Apache Kafka" if options.apache else "the embedded broker"
    intro = f"{surroundings(busy)}; {kind} and the endpoints on the same machine, {PARTITIONS} partitions."
    variant = "-apache" if options.apache else ""
    parts = map(as_markdown, sheets)
    show("delivery", "How fast alerts are delivered", intro, parts, write=options.write, variant=variant)


async def _measured(options: argparse.Namespace) -> list[Sheet]:
    sheets = []
    with running_broker(options.apache) as address, serving() as port:
        if options.only != "latency":
            sheets.append(await _rates(address, options, port))
        if options.only != "rate":
            sheets.append(await _latency(delivering(address, options.apache), options.seconds, port))
    return sheets


@contextlib.contextmanager
def serving() -> Iterator[int]:
    """Endpoints, on the port that is yielded."""
    port = broker.free_port()
    with child([sys.executable, "-m", "benchmarks.endpoints", str(port)], {}):
        listens(port)
        yield port


def delivering(address: str, apache: bool, **more: str) -> Stage:
    """A namespace whose notifier may send to loopback."""
    told = {
        "CHANCERY_SECRETS__KEYS": KEY,
        "CHANCERY_EGRESS__ALLOW_PRIVATE": "127.0.0.1",
        "CHANCERY_NOTIFY__REQUIRE_HTTPS": "false",
    }
    return Stage(address, apache, told | more)


def alerts(number: int, states: Sequence[str]) -> list[Alert]:
    """Openings of as many incidents, each told by three sources, with the texts of real ones. The states take turns."""
    models, names, found = load.templates(Reader(load_rules())), state_names(), list[Alert]()
    for _, incident in load.incidents(4 * number, models):
        site = incident.site.model_copy(update={"host_state": states[len(found) % len(states)]})
        told = alert_for(None, incident.model_copy(update={"revision": 1, "site": site}), names)
        if told is not None and told.change is ChangeKind.OPENED:
            found.append(told)
        if len(found) == number:
            return found
    raise ValueError(f"only {len(found)} of {number} incidents would be told")


def fresh(alert: Alert) -> Alert:
    """As if its article had been fetched now."""
    now = datetime.now(UTC)
    ledger = alert.incident.ledger.model_copy(update={"fetched_at": now, "reported_at": now, "correlated_at": now})
    return alert.model_copy(update={"incident": alert.incident.model_copy(update={"ledger": ledger})})


def subscription(port: int, number: int, manner: Manner = Manner.HEALTHY, state: str | None = None) -> Subscription:
    states = (state,) if state else ()
    return webhook(endpoints.url(port, manner, number), f"{manner} {number}", states, SECRET, Vault([KEY]))


async def arrived(port: int, number: int, patience_s: float = PATIENCE_S) -> list[tuple[float, int, str]]:
    """What came to the healthy endpoints, once there are so many different messages."""
    deadline = time.monotonic() + patience_s
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:
        while True:
            came = [(at, to, webhook_id) for at, to, webhook_id in (await client.get("/arrivals")).json()]
            if len({webhook_id or index for index, (*_, webhook_id) in enumerate(came)}) >= number:
                return came
            if time.monotonic() > deadline:
                raise TimeoutError(f"{len(came)} of {number} messages in {patience_s:g} s")
            await asyncio.sleep(0.5)


async def forget_arrivals(port: int) -> None:
    async with httpx.AsyncClient() as client:
        await client.request("DELETE", f"http://127.0.0.1:{port}/arrivals")


async def verify_some(port: int) -> int:
    """How many requests were verified. Raises WebhookVerificationError."""
    async with httpx.AsyncClient() as client:
        samples = (await client.get(f"http://127.0.0.1:{port}/samples")).json()
    for sample in samples:
        Webhook(SECRET).verify(sample["body"].encode(), sample["headers"])
    return len(samples)


@dataclass(frozen=True)
class Run:
    """`cpu_s` is what the posting process used."""

    rate: float
    cpu_s: float


async def _rates(address: str, options: argparse.Namespace, port: int) -> Sheet:
    """Rounds take turns, so that a slow minute of the machine slows both; ratios are of one round."""
    told = alerts(options.alerts, ["IQ"])
    number = options.alerts * options.endpoints
    runs: dict[str, list[Run]] = {"the notifier": [], "a bare httpx loop": []}
    verified = 0
    for _ in range(options.rounds):
        stage = delivering(address, options.apache)
        ours, checked = await _notified(stage, told, options.endpoints, port)
        runs["the notifier"].append(ours)
        verified += checked
        runs["a bare httpx loop"].append(await _bare(options, port))
    notified, *_ = runs.values()
    rows = []
    for name, own in runs.items():
        ratios = [mine.rate / other.rate for mine, other in zip(notified, own, strict=True)]
        rates = [run.rate for run in own]
        rows.append(
            (
                name,
                f"{statistics.median(rates):,.0f}",
                f"{min(rates):,.0f} to {max(rates):,.0f}",
                f"{statistics.median(ratios):.2f}",
                f"{min(ratios):.2f} to {max(ratios):.2f}",
                f"{statistics.median(1000 * run.cpu_s / number for run in own):.2f}",
            )
        )
    size = statistics.mean(len(message.render(alert)) for alert in told)
    note = (
        f"{options.alerts:,} alerts to {options.endpoints} endpoints each, bodies of {size / 1000:.1f} kB on average. "
        f"The notifier's time runs from the writing of the first alert to the last request: matching, two records a "
        f"delivery, a signature and a line of the log are in it. All {options.rounds * number:,} stand on the topic as "
        f"delivered, and {verified} requests were verified. The loop posts the same bodies, as many at a time."
    )
    columns = ("", "deliveries a second, median", "rounds", "the notifier over it", "rounds", "ms of its CPU each")
    return Sheet("Deliveries a second through one process", columns, tuple(rows), note)


async def _notified(stage: Stage, told: Sequence[Alert], number: int, port: int) -> tuple[Run, int]:
    await prepare(stage, [subscription(port, each) for each in range(number)])
    await forget_arrivals(port)
    with stage.running(NOTIFIER) as pid:
        await stage.ready()
        async with Publisher(stage.settings, "/chancery/benchmark") as publisher:
            used, begun = cpu_seconds(pid), time.time()
            await publisher.publish(ALERTS, *map(fresh, told))
            came = await arrived(port, number * len(told))
            used = cpu_seconds(pid) - used
        await recorded(stage, number * len(told))
    assert len({webhook_id for *_, webhook_id in came}) == len(came), "a message came twice"
    return Run(len(came) / (max(at for at, *_ in came) - begun), used), await verify_some(port)


async def prepare(stage: Stage, subscriptions: Sequence[Subscription]) -> None:
    await stage.prepare()
    async with Publisher(stage.settings, "/chancery/benchmark") as publisher:
        await publisher.publish(SUBSCRIPTIONS, *subscriptions)


async def recorded(stage: Stage, number: int) -> None:
    """Returns once so many deliveries stand on the topic as delivered. Raises AssertionError for any other state."""
    for _ in range(20):
        table = await snapshot(stage.settings, [DELIVERIES], within_s=PATIENCE_S)
        states = [each.state for each in table.values(DELIVERIES)]
        if states.count(DeliveryState.DELIVERED) == number:
            return
        await asyncio.sleep(0.5)
    raise AssertionError(f"{number} deliveries, of which {states.count(DeliveryState.DELIVERED)} are recorded as made")


async def _bare(options: argparse.Namespace, port: int) -> Run:
    await forget_arrivals(port)
    arguments = [str(port), "--alerts", str(options.alerts), "--endpoints", str(options.endpoints)]
    process = await asyncio.create_subprocess_exec(sys.executable, *BARE, *arguments, stdout=asyncio.subprocess.PIPE)
    told, _ = await asyncio.wait_for(process.communicate(), PATIENCE_S)
    assert process.returncode == 0
    seconds, cpu_s = map(float, told.split())
    return Run(options.alerts * options.endpoints / seconds, cpu_s)


async def _posted(port: int, number: int, to: int) -> None:
    """The loop, as a process of its own: prints its seconds, and those of its CPU."""
    bodies = [message.render(fresh(alert)) for alert in alerts(number, ["IQ"])]
    limits = httpx.Limits(max_connections=to, max_keepalive_connections=to)
    async with httpx.AsyncClient(limits=limits, timeout=30) as client:

        async def post(url: str) -> None:
            for body in bodies:
                answer = await client.post(url, content=body, headers=JSON)
                answer.raise_for_status()

        begun, used = time.perf_counter(), time.process_time()
        await asyncio.gather(*(post(endpoints.url(port, Manner.HEALTHY, each)) for each in range(to)))
        print(time.perf_counter() - begun, time.process_time() - used)


async def _latency(stage: Stage, seconds: int, port: int) -> Sheet:
    """Each alert has a subscriber of its state."""
    states = load.host_states()[:8]
    told = alerts(ALERTS_A_SECOND * seconds, states)
    await prepare(stage, [subscription(port, number, state=state) for number, state in enumerate(states)])
    await forget_arrivals(port)
    with stage.running(NOTIFIER):
        await stage.ready()
        written, late_s = await paced(stage, told, ALERTS_A_SECOND)
        came = await arrived(port, len(told))
    subscribers = {
        ids.delivery_id(alert.alert_id, subscription(port, number, state=state).subscription_id): alert.alert_id
        for number, state in enumerate(states)
        for alert in told[number :: len(states)]
    }
    waited = [at - written[subscribers[ids.DeliveryId(webhook_id)]] for at, _, webhook_id in came]
    assert len(waited) == len(told)
    figures = (f"{1000 * quantile(waited, share):.0f}" for share in (0.5, 0.99, 1))
    columns = ("alerts", "a second", "p50, ms", "p99, ms", "longest, ms")
    note = (
        "From just before an alert is written to its topic, to the request at the one endpoint that wants it. The "
        f"publisher was at most {late_s:.3f} seconds late."
    )
    return Sheet(
        "From alert to endpoint, at rest", columns, ((f"{len(told):,}", str(ALERTS_A_SECOND), *figures),), note
    )


async def paced(stage: Stage, told: Sequence[Alert], a_second: float) -> tuple[Mapping[ids.AlertId, float], float]:
    """Writes the alerts at a steady pace. Returns when each was written, in seconds since 1970, and how many seconds
    late the latest was."""
    written: dict[ids.AlertId, float] = {}
    pace, sends = Pace(a_second), []
    async with Publisher(stage.settings, "/chancery/benchmark") as publisher:
        async for alert in pace.over(told):
            written[alert.alert_id] = time.time()
            sends.append(asyncio.create_task(publisher.publish(ALERTS, fresh(alert))))
        await asyncio.gather(*sends)
    return written, pace.late_s


if __name__ == "__main__":
    main()
