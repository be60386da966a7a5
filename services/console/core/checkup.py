"""What is wrong with a deployment, in words, with how to mend it: judgements of what was seen of the brokers and of the
topics. Of this machine they are in `surroundings.py`."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from services.console.core.topics import WORK, Sample
from services.contracts.dead_letter import DeadLetterClass
from services.contracts.feed import Feed, FeedState
from services.contracts.silence import Silence
from services.contracts.subscription import Filter, Subscription, SubscriptionState
from services.contracts.token import Role, Token
from services.contracts.topics import ARTICLES, Topic
from services.ingest.core.health import HealthKind, kind_of, span

ROLES = ("ingest", "classify", "notify", "dispatch")
"""The groups that share work. `notify` matches alerts, `dispatch` sends deliveries; one service does both."""
MANY_WAIT = 100
"""Records that may wait for a group; the alarms ask the same (deploy/prometheus)."""
OVERDUE = timedelta(minutes=15)
EXPIRES_SOON = timedelta(days=7)
SILENT_FOR_LONG = timedelta(days=30)
NEWS_WITHIN = timedelta(days=1)
_NAMED = 5


class Level(StrEnum):
    """In order of what wants looking at least to most."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """Of one check: what was seen, and of all but OK how to mend it."""

    check: str
    level: Level
    says: str
    mend: str = ""


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
    """What the settings ask of topics."""

    namespace: str
    partitions: int
    replicas: int


def worst(findings: Iterable[Finding]) -> Level:
    """The level that wants looking at most; OK of nothing."""
    return max((finding.level for finding in findings), key=list(Level).index, default=Level.OK)


def of_topics(topics: Sequence[Topic], found: Mapping[Topic, Described], wish: Wish, brokers: int) -> Iterator[Finding]:
    """Do the topics exist as the topic table and the settings want them?"""
    missing = [topic.in_namespace(wish.namespace) for topic in topics if topic not in found]
    if missing:
        yield Finding(
            "topics",
            Level.PROBLEM,
            f"{len(missing)} of {len(topics)} topics do not exist: {_some(missing)}",
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
        if has is None or has == wanted or (key == "retention.ms" and _keeps_longer(has, wanted)):
            continue
        level = Level.PROBLEM if key == "cleanup.policy" else Level.WARNING
        yield Finding("topics", level, f"{name} has {key}={has}, wanted is {wanted}", f"{alter} {key}={wanted}")
    yield from _of_replicas(name, found, wish, brokers, alter)


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
            f"nobody works as {_some(absent)}: " + (_waiting(sample, absent) or "nothing waits yet"),
            f"start {_some(list(services))}; if it runs, its log says why it joins no group, or it reads another "
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
        yield Finding("work", Level.WARNING, f"the brokers do not tell who works as {_some(unknown)}", mend)
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


def of_feeds(feeds: Sequence[Feed], states: Mapping[str, FeedState], now: datetime) -> Iterator[Finding]:
    """How many feeds bring nothing, and whether they are polled at all."""
    if not feeds:
        yield Finding(
            "feeds", Level.WARNING, "no feed is watched", "`chancery feeds add URL` or `chancery feeds import`"
        )
        return
    kinds = Counter(kind_of(feed, states.get(feed.feed_id), now) for feed in feeds)
    polled = [feed for feed in feeds if feed.enabled and kinds]
    due = [states[feed.feed_id].next_poll_at for feed in polled if feed.feed_id in states]
    late = sum(at is not None and now - at > OVERDUE for at in due)
    if late and late == len([at for at in due if at is not None]):
        yield Finding(
            "feeds",
            Level.PROBLEM,
            f"nothing is polled: all {late} feeds are due since {span(OVERDUE)} or longer",
            "start ingest; if it runs, its log says what it waits for",
        )
    elif late:
        yield Finding(
            "feeds",
            Level.WARNING,
            f"{late} of {len(polled)} feeds are due since {span(OVERDUE)} or longer",
            "raise CHANCERY_INGEST__CONCURRENCY, or run another replica of ingest",
        )
    told = ", ".join(f"{kinds[kind]} {kind.replace('_', ' ')}" for kind in HealthKind if kinds[kind])
    failing = kinds[HealthKind.FAILING] + kinds[HealthKind.ILL_FORMED] + kinds[HealthKind.GONE]
    odd = failing + kinds[HealthKind.STUCK] + kinds[HealthKind.QUIET]
    if failing * 4 > len(polled):
        mend = "so many at once are rather our network, name service or firewall than theirs; see egress"
        yield Finding("feeds", Level.PROBLEM, f"{failing} of {len(polled)} feeds bring nothing ({told})", mend)
    elif odd:
        mend = "`chancery feeds list --health failing` (gone, ill_formed, stuck, quiet) says of each why and what to do"
        yield Finding("feeds", Level.WARNING, f"{len(feeds)} feeds: {told}", mend)
    else:
        yield Finding("feeds", Level.OK, f"{len(feeds)} feeds: {told}")


def of_subscriptions(found: Sequence[Subscription]) -> Iterator[Finding]:
    """Is anybody told, and who not any more?"""
    active = [each for each in found if each.state is SubscriptionState.ACTIVE]
    disabled = [each for each in found if each.state is SubscriptionState.DISABLED]
    for each in disabled[:_NAMED]:
        yield Finding(
            "subscriptions",
            Level.WARNING,
            f"{each.name} is disabled: {each.state_reason or 'it says not why'}",
            f"ask who holds it; `chancery subscriptions resume {each.subscription_id}`, or remove it",
        )
    if len(disabled) > _NAMED:
        more = f"{len(disabled) - _NAMED} more subscriptions are disabled"
        yield Finding("subscriptions", Level.WARNING, more, "`chancery subscriptions list` says why")
    if not active:
        mend = "`chancery subscribe CHANNEL URL` (or `chancery subscriptions resume`)"
        yield Finding("subscriptions", Level.WARNING, "no subscription is active: nobody is told of anything", mend)
    elif not disabled:
        yield Finding("subscriptions", Level.OK, f"{len(active)} active of {len(found)}")


def of_silences(found: Sequence[Silence], now: datetime) -> Iterator[Finding]:
    """Does one last so long that nobody remembers it, or keep back everything?"""
    active = [each for each in found if each.expires_at > now]
    for each in active:
        everything = each.matcher == Filter(exercises=each.matcher.exercises)
        lasts = each.expires_at - now
        if everything or lasts > SILENT_FOR_LONG:
            what = "everything" if everything else "what it matches"
            yield Finding(
                "silences",
                Level.WARNING,
                f"{each.silence_id} of {each.author} keeps back {what} for another {span(lasts)}: {each.reason}",
                f"if nobody wants that any more: `chancery silences end {each.silence_id}`",
            )
    yield Finding("silences", Level.OK, f"{len(active)} active")


def of_tokens(found: Sequence[Token], now: datetime) -> Iterator[Finding]:
    """Who may use the console, and for how long? Sessions and links of one use are left out."""
    held = [each for each in found if not each.revoked and not each.once and each.session_of is None]
    good = [each for each in held if each.expires_at is None or each.expires_at > now]
    if not good:
        mend = '`chancery tokens create --role admin --name "NAME" --expires 90d`'
        yield Finding("tokens", Level.WARNING, "no token is good: nobody can use the console", mend)
    expired = [each.name for each in held if each not in good]
    if expired:
        mend = "make new ones where they are still wanted, and `chancery tokens revoke` these"
        yield Finding("tokens", Level.WARNING, f"expired: {_some(expired)}", mend)
    soon = [each.name for each in good if each.expires_at and each.expires_at - now < EXPIRES_SOON]
    if soon:
        mend = "make new ones before that, for those who still need them"
        yield Finding("tokens", Level.WARNING, f"expire within {span(EXPIRES_SOON)}: {_some(soon)}", mend)
    endless = [each.name for each in good if each.expires_at is None and each.role is Role.ADMIN]
    if endless:
        mend = "make them anew with --expires, then revoke these: who finds one holds everything for ever"
        yield Finding("tokens", Level.WARNING, f"admin tokens that never expire: {_some(endless)}", mend)
    if good and not (expired or soon or endless):
        yield Finding("tokens", Level.OK, f"{len(good)} good")


def of_letters(last_day: Mapping[DeadLetterClass, int]) -> Finding:
    """What could not be used since yesterday and was not put back."""
    count = sum(last_day.values())
    if not count:
        return Finding("dead letters", Level.OK, "none in the last day")
    told = ", ".join(f"{each} {name}" for name, each in last_day.items() if each)
    mend = "`chancery dead-letters list --since 1d` says why; docs/operations.md says what to do of each class"
    return Finding("dead letters", Level.WARNING, f"{count} in the last day ({told})", mend)


def of_secrets(keys: int, subscriptions: int, unreadable: Sequence[str], old: int) -> Finding:
    """Can what is encrypted be read? `old` were encrypted with a key that is not the newest."""
    if not keys:
        level = Level.PROBLEM if subscriptions else Level.WARNING
        mend = "make one with `chancery secrets new-key`, give every service the same, and keep it apart from back-ups"
        return Finding("secrets", level, "CHANCERY_SECRETS__KEYS is empty: no endpoint can be read or stored", mend)
    if unreadable:
        mend = "add the key that they were stored with to CHANCERY_SECRETS__KEYS, or subscribe them anew"
        says = f"no key opens {len(unreadable)} of {subscriptions} subscriptions: {_some(unreadable)}"
        return Finding("secrets", Level.PROBLEM, says, mend)
    if old:
        mend = "`chancery secrets rotate`; then the old keys can go"
        return Finding("secrets", Level.WARNING, f"{old} subscriptions are not under the newest key", mend)
    return Finding("secrets", Level.OK, f"{keys} key{'s' if keys > 1 else ''}, and every subscription opens")


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
