"""What is wrong with the topics as the brokers have them, and with the groups that work on them, in words."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.console.core.checkup import Finding, Level, some
from services.console.core.topics import WORK, Sample
from services.contracts.topics import ALERTS, ARTICLES, Topic, milliseconds
from services.ingest.core.health import span

ROLES = ("ingest", "classify", "notify", "dispatch")
"""The groups that share work. `notify` matches alerts, `dispatch` sends deliveries; one service does both."""
MANY_WAIT = 100
"""Records that may wait for a group; the alarms ask the same (deploy/prometheus)."""
NEWS_WITHIN = timedelta(days=1)
_RETENTION = "retention.ms"


@dataclass(frozen=True, slots=True)
class Described:
    """A topic as the brokers have it. `replicas` and `in_sync` are the fewest of any partition, `leaderless` how many
    nobody leads; `config` is None where the broker does not tell."""

    partitions: int
    replicas: int
    in_sync: int
    leaderless: int
    config: Mapping[str, str] | None


@dataclass(frozen=True, slots=True)
class Wish:
    """What the settings ask of topics. `deliveries_kept` is how long a final delivery is."""

    namespace: str
    partitions: int
    replicas: int
    deliveries_kept: timedelta


def of_topics(topics: Sequence[Topic], found: Mapping[Topic, Described], wish: Wish, brokers: int) -> Iterator[Finding]:
    """Do the topics exist as the topic table and the settings want them?"""
    missing = [topic.in_namespace(wish.namespace) for topic in topics if topic not in found]
    if missing:
        yield Finding(
            "topics",
            Level.PROBLEM,
            f"{len(missing)} of {len(topics)} topics do not exist: {some(missing)}",
            f"`chancery topics ensure` creates them with {wish.partitions} partitions on {wish.replicas} "
            f"broker{'s' if wish.replicas > 1 else ''}, each with its retention",
        )
    wrong = [finding for topic in topics if topic in found for finding in _of_topic(topic, found[topic], wish, brokers)]
    yield from wrong
    if found and not wrong and not missing:
        held = min(each.replicas for each in found.values())
        yield Finding(
            "topics",
            Level.OK,
            f"all {len(topics)} exist as wanted, {wish.partitions} partitions each, every record on "
            f"{held} broker{'s' if held > 1 else ''}",
        )


def _of_topic(topic: Topic, found: Described, wish: Wish, brokers: int) -> Iterator[Finding]:
    name = topic.in_namespace(wish.namespace)
    alter = f"kafka-configs.sh --bootstrap-server BROKER --alter --entity-type topics --entity-name {name} --add-config"
    if found.partitions != wish.partitions:
        yield Finding(
            "topics",
            Level.PROBLEM,
            f"{name} has {found.partitions} partitions, and CHANCERY_TOPICS__PARTITIONS says {wish.partitions}: what "
            "lies together (a feed and its state, reports and what classify remembers) would be looked for elsewhere",
            f"set CHANCERY_TOPICS__PARTITIONS={found.partitions} for every service; `topics ensure` changes no topic "
            "that exists. Where topics differ from each other: back up, make them anew, restore",
        )
    for key, wanted in topic.config.items():
        has = None if found.config is None else found.config.get(key)
        if has is None or has == wanted or (key == _RETENTION and _keeps_longer(has, wanted)):
            continue
        level = Level.PROBLEM if key == "cleanup.policy" else Level.WARNING
        yield Finding("topics", level, f"{name} has {key}={has}, wanted is {wanted}", f"{alter} {key}={wanted}")
    if topic is ALERTS and _keeps_longer(_retention(found), milliseconds(wish.deliveries_kept)):
        yield Finding(
            "topics",
            Level.WARNING,
            f"{name} is kept for longer than final deliveries are, {wish.deliveries_kept.days} days: an alert that is "
            "read again without its delivery is sent again",
            f"{alter} {_RETENTION}={topic.config[_RETENTION]}, or raise CHANCERY_NOTIFY__KEEP_D",
        )
    yield from _of_replicas(name, found, wish, brokers, alter)


def _retention(found: Described) -> str:
    return (found.config or {}).get(_RETENTION, "")


def _keeps_longer(has: str, wanted: str) -> bool:
    return has.lstrip("-").isdigit() and (int(has) < 0 or int(has) > int(wanted))


def _of_replicas(name: str, found: Described, wish: Wish, brokers: int, alter: str) -> Iterator[Finding]:
    if found.leaderless:
        yield Finding(
            "topics",
            Level.PROBLEM,
            f"{found.leaderless} partitions of {name} have no leader: nothing is read from or written to them",
            "bring back the brokers that hold them",
        )
    elif found.in_sync < found.replicas:
        yield Finding(
            "topics",
            Level.WARNING,
            f"a partition of {name} is on {found.in_sync} of its {found.replicas} brokers only",
            "look which broker is down or behind; it catches up by itself once it is back",
        )
    if found.replicas < min(brokers, max(wish.replicas, 2)):
        yield Finding(
            "topics",
            Level.WARNING,
            f"{name} is on {found.replicas} of {brokers} brokers: what that one's disk loses is lost",
            "kafka-reassign-partitions.sh gives it more replicas; CHANCERY_KAFKA__REPLICATION_FACTOR is for new ones",
        )
    least = (found.config or {}).get("min.insync.replicas")
    if found.replicas < 2 or least is None or not least.isdigit():
        return
    if int(least) < 2:
        words = "a record counts as written that one broker has"
        yield Finding(
            "topics",
            Level.WARNING,
            f"{name} has min.insync.replicas={least}: {words}",
            f"{alter} min.insync.replicas=2",
        )
    elif int(least) >= found.replicas:
        yield Finding(
            "topics",
            Level.WARNING,
            f"{name} has min.insync.replicas={least} of {found.replicas} replicas: one broker down stops every writer",
            f"{alter} min.insync.replicas={found.replicas - 1}",
        )


def of_work(sample: Sample, members: Mapping[str, int | None], now: datetime) -> Iterator[Finding]:
    """Is somebody there for each group, and who is behind? `members` is None where it is not known."""
    absent = [role for role in ROLES if members.get(role) == 0]
    if absent:
        services = dict.fromkeys("notify" if role == "dispatch" else role for role in absent)
        yield Finding(
            "work",
            Level.PROBLEM,
            f"nobody works as {some(absent)}: " + (_waiting(sample, absent) or "nothing waits yet"),
            f"start {some(list(services))}; if it runs, its log says why it joins no group, or it reads another "
            "namespace (CHANCERY_TOPICS__NAMESPACE)",
        )
    behind = [work for work in WORK if work[0] not in absent and sum(sample.lag(work)) > MANY_WAIT]
    for role, topic in behind:
        lag = sample.lag((role, topic))
        one = f", all in partition {lag.index(max(lag))}" if max(lag) == sum(lag) and len(lag) > 1 else ""
        yield Finding(
            "work",
            Level.WARNING,
            f"{sum(lag):,} records of {topic.name} wait for {role}{one}",
            "`chancery topics list` again: if they grow, more replicas; if they stand still, look into its log",
        )
    unknown = [role for role in ROLES if members.get(role) is None]
    if unknown:
        mend = "ask again in a minute; /ready of each service says whether it works"
        yield Finding("work", Level.WARNING, f"the brokers do not tell who works as {some(unknown)}", mend)
    if not absent and not unknown and not behind:
        waiting = sum(sum(sample.lag(work)) for work in WORK)
        yield Finding("work", Level.OK, f"every group has members; {waiting} records wait")
    newest = sample.newest_at.get(ARTICLES)
    if newest is None:
        yield Finding(
            "work", Level.WARNING, "no article was fetched yet", "`chancery feeds list` says how the feeds are"
        )
    elif now - newest > NEWS_WITHIN:
        yield Finding(
            "work",
            Level.WARNING,
            f"the newest article was fetched {span(now - newest)} ago",
            "`chancery feeds list` says how the feeds are; is ingest running?",
        )
    else:
        yield Finding("work", Level.OK, f"the newest article was fetched {span(max(now - newest, timedelta(0)))} ago")


def _waiting(sample: Sample, roles: Sequence[str]) -> str:
    waiting = [(sum(sample.lag(work)), work[1].name) for work in WORK if work[0] in roles]
    return ", ".join(f"{count:,} records of {name} wait" for count, name in waiting if count)
