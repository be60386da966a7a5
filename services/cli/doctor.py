"""`chancery doctor`: looks at a deployment and says in words what is wrong and how to mend it."""

import asyncio
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import httpx
import typer
from aiokafka.errors import KafkaError
from rich.markup import escape

from services.cli.context import EXIT_USAGE, AsJson, fail, out, print_json, say, settings
from services.console.adapters.cluster import Cluster, described
from services.console.adapters.letters import Letters
from services.console.adapters.sampling import looking
from services.console.core import checkup, surroundings
from services.console.core.checkup import Finding, Level
from services.console.core.cluster import Wish, of_topics, of_work
from services.console.core.letters import Selection
from services.console.core.surroundings import Disk, Reached
from services.console.core.topics import Sample
from services.contracts.dead_letter import DeadLetterClass
from services.contracts.feed import Feed, FeedState
from services.contracts.model import Record
from services.contracts.subscription import Subscription
from services.contracts.topics import FEED_STATES, FEEDS, SILENCES, SUBSCRIPTIONS, TOKENS, TOPICS
from services.ingest.core.caching import moment
from services.ingest.core.outcome import SUCCEEDED
from services.runtime.egress import guarded_client
from services.runtime.kafka import BrokerUnreachable
from services.runtime.secrets import SecretUnreadable, Vault
from services.runtime.settings import Misconfigured, Settings
from services.runtime.topic_table import TopicTable, snapshot

EXITS = {Level.OK: 0, Level.WARNING: 1, Level.PROBLEM: 2}
_COLOURS = {Level.OK: "green", Level.WARNING: "yellow", Level.PROBLEM: "bold red"}
_TABLES = (FEEDS, FEED_STATES, SUBSCRIPTIONS, SILENCES, TOKENS)
_FETCHED = 2
"""Hosts that are asked, so that one which is down is told from no way out."""
_FETCH_S = 8.0


def register(app: typer.Typer) -> None:
    app.command(name="doctor")(doctor)


def doctor(
    fetch: Annotated[
        str | None, typer.Option(metavar="URL", help="Fetch this to try the way out.", show_default="two of the feeds")
    ] = None,
    within: Annotated[float, typer.Option(metavar="SECONDS", min=1, max=600, help="Time the whole may take.")] = 60,
    as_json: AsJson = False,
) -> None:
    """Check a deployment from here: brokers, topics, work, feeds, subscriptions, silences, tokens, secrets, dead
    letters, the way out, the clock, the disk. Nothing is written. What is wrong is said, with how to mend it.

    Exits 0 when all is well, 1 with warnings only, 2 with problems (78 when the environment cannot be used).

    Example: chancery doctor --fetch https://www.example.org/
    """
    if fetch is not None and urlsplit(fetch).scheme not in ("http", "https"):
        fail(f"--fetch {fetch!r} is no http or https address", EXIT_USAGE)
    findings = asyncio.run(examined(settings(), os.environ, fetch, within))
    if as_json:
        print_json({"level": checkup.worst(findings), "findings": [asdict(each) for each in findings]})
    else:
        _print(findings)
    raise typer.Exit(EXITS[checkup.worst(findings)])


def _print(findings: Sequence[Finding]) -> None:
    for each in findings:
        colour = _COLOURS[each.level]
        line = f"[{colour}]{each.level:<8}[/] {each.check:<14}{escape(each.says)}"
        out.print(line, highlight=False, soft_wrap=True)
        if each.mend:
            say(f"{'':23}-> {each.mend}")
    counts = Counter(each.level for each in findings)
    say(f"{counts[Level.PROBLEM]} problems, {counts[Level.WARNING]} warnings, {counts[Level.OK]} well")


async def examined(
    chosen: Settings, environment: Mapping[str, str], fetch: str | None, within_s: float
) -> list[Finding]:
    """Everything that was found, in the order of looking. Ends within `within_s`, whoever does not answer."""
    findings: list[Finding] = []
    try:
        async with asyncio.timeout(within_s):
            await _examine(chosen, environment, fetch, findings)
    except TimeoutError:
        mend = "look at the brokers first; --within gives it longer"
        says = f"not everything was looked at within {within_s:g} s; the last was {findings[-1].check}"
        findings.append(Finding("doctor", Level.PROBLEM, says, mend))
    return findings


async def _examine(
    chosen: Settings, environment: Mapping[str, str], fetch: str | None, findings: list[Finding]
) -> None:
    findings += surroundings.of_disks(_disks(chosen))
    cluster, sample, table = None, None, None
    async with _told("brokers", findings):
        cluster = await described(chosen)
        brokers = f"{len(cluster.brokers)} broker{'s' if len(cluster.brokers) > 1 else ''}"
        findings.append(Finding("brokers", Level.OK, f"{brokers}: {', '.join(cluster.brokers)}"))
    if cluster is not None:
        findings += _of_topics(chosen, cluster)
        if set(TOPICS) <= cluster.topics.keys():
            async with _told("work", findings):
                async with looking(chosen) as looker:
                    sample = await looker.sample()
                findings += of_work(sample, cluster.members, datetime.now(UTC))
            async with _told("feeds", findings):
                table = await snapshot(chosen, _TABLES, row=_without_memory)
                findings += _of_tables(chosen, table)
            async with _told("dead letters", findings):
                findings.append(checkup.of_letters(await _letters(chosen)))
    feeds = _feeds(table) if table else []
    targets = [fetch] if fetch else _targets(feeds, _states(table) if table else {})
    reached = [await _reached(chosen, url) for url in targets]
    findings += surroundings.of_egress(reached, environment)
    findings.append(surroundings.of_clock(reached, _newest(sample), datetime.now(UTC)))


@asynccontextmanager
async def _told(check: str, findings: list[Finding]) -> AsyncIterator[None]:
    """What keeps a check from being made is a finding, and the next one is made."""
    try:
        yield
    except BrokerUnreachable as error:
        findings.append(Finding(check, Level.PROBLEM, *_split(str(error))))
    except (KafkaError, Misconfigured, OSError) as error:
        mend = "CHANCERY_KAFKA__… says how the brokers are reached, and their log why they refused"
        findings.append(Finding(check, Level.PROBLEM, str(error) or type(error).__name__, mend))


def _split(words: str) -> tuple[str, str]:
    """A message of ours: what is wrong, and what to do."""
    says, _, mend = words.partition(". ")
    return says, mend


def _of_topics(chosen: Settings, cluster: Cluster) -> Iterator[Finding]:
    kept = timedelta(days=chosen.notify.keep_d)
    wish = Wish(chosen.topics.namespace, chosen.topics.partitions, chosen.kafka.replication_factor, kept)
    return of_topics(TOPICS, cluster.topics, wish, len(cluster.brokers))


def _of_tables(chosen: Settings, table: TopicTable) -> Iterator[Finding]:
    now = datetime.now(UTC)
    subscriptions = list(table.values(SUBSCRIPTIONS))
    yield from checkup.of_feeds(_feeds(table), _states(table), now)
    yield from checkup.of_subscriptions(subscriptions)
    yield from checkup.of_silences(list(table.values(SILENCES)), now)
    yield from checkup.of_tokens(list(table.values(TOKENS)), now)
    yield _of_secrets(chosen, subscriptions)


def _of_secrets(chosen: Settings, subscriptions: Sequence[Subscription]) -> Finding:
    keys = [key.get_secret_value() for key in chosen.secrets.keys]
    if not keys:
        return checkup.of_secrets(0, len(subscriptions), [], 0)
    try:
        every, newest = Vault(keys), Vault(keys[:1])
    except Misconfigured as error:
        mend = "`chancery secrets new-key` makes one"
        return Finding("secrets", Level.PROBLEM, str(error), mend)
    unreadable = [each.name for each in subscriptions if not _opens(every, each)]
    old = sum(not _opens(newest, each) for each in subscriptions) - len(unreadable)
    return checkup.of_secrets(len(keys), len(subscriptions), unreadable, old)


def _opens(vault: Vault, subscription: Subscription) -> bool:
    try:
        for sealed in (subscription.endpoint, subscription.secret, subscription.previous_secret):
            if sealed is not None:
                vault.decrypt(sealed)
    except SecretUnreadable:
        return False
    return True


async def _letters(chosen: Settings) -> Counter[DeadLetterClass]:
    since = datetime.now(UTC) - timedelta(days=1)
    found = await Letters(chosen).select(Selection(since=since, redriven=False))
    return Counter(each.letter.error_class for each in found)


def _without_memory(record: Record) -> Record:
    return record.model_copy(update={"seen": ()}) if isinstance(record, FeedState) else record


def _feeds(table: TopicTable) -> list[Feed]:
    return list(table.values(FEEDS))


def _states(table: TopicTable) -> dict[str, FeedState]:
    return {each.feed_id: each for each in table.values(FEED_STATES)}


def _newest(sample: Sample | None) -> datetime | None:
    return max(sample.newest_at.values(), default=None) if sample else None


def _targets(feeds: Sequence[Feed], states: Mapping[str, FeedState]) -> list[str]:
    """Addresses of feeds on different hosts, those that were read lately first: they are asked all day anyway."""

    def read_at(feed: Feed) -> tuple[bool, datetime]:
        state = states.get(feed.feed_id)
        never = datetime.min.replace(tzinfo=UTC)
        return (state is not None and state.status in SUCCEEDED, (state.last_success_at if state else None) or never)

    ordered = sorted((feed for feed in feeds if feed.enabled), key=read_at, reverse=True)
    by_host = {urlsplit(feed.url).hostname: feed.url for feed in reversed(ordered)}
    return [by_host[host] for host in dict.fromkeys(urlsplit(feed.url).hostname for feed in ordered)][:_FETCHED]


async def _reached(chosen: Settings, url: str) -> Reached:
    """The beginning of an answer, through the guard that every connection out passes."""
    host = urlsplit(url).hostname or url
    agent = chosen.ingest.user_agent
    try:
        async with (
            guarded_client(chosen.egress, user_agent=agent, timeout_s=_FETCH_S) as client,
            asyncio.timeout(_FETCH_S),
            client.stream("GET", url) as answer,
        ):
            return Reached(host, answer.status_code, _ahead(answer))
    except TimeoutError:
        return Reached(host, reason=f"no answer within {_FETCH_S:g} s")
    except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
        return Reached(host, reason=str(error) or type(error).__name__)


def _ahead(answer: httpx.Response) -> float | None:
    """Seconds by which the answer's clock (RFC 9110, 6.6.1) is ahead of ours; None where it tells none, or a cache
    answered, which repeats the time of another answer."""
    if "age" in answer.headers:
        return None
    at = moment(answer.headers.get("date", ""))
    return (at - datetime.now(UTC)).total_seconds() if at else None


def _disks(chosen: Settings) -> list[Disk]:
    wanted = {"what classify remembers": Path(chosen.classify.data_dir), "temporary files": Path(tempfile.gettempdir())}
    found = []
    for what, path in wanted.items():
        there = next(each for each in (path, *path.absolute().parents) if each.exists())
        usage = shutil.disk_usage(there)
        found.append(Disk(what, str(path), usage.free, usage.total))
    return found
