"""What is wrong with a deployment, in words, with how to mend it: judgements of what stands on the topics. Those of the
topics themselves and who works on them are in `cluster.py`, those of this machine in `surroundings.py`."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from services.contracts.dead_letter import DeadLetterClass
from services.contracts.feed import Feed, FeedState
from services.contracts.silence import Silence
from services.contracts.subscription import Filter, Subscription, SubscriptionState
from services.contracts.token import Role, Token
from services.ingest.core.health import HealthKind, kind_of, span

OVERDUE = timedelta(minutes=15)
EXPIRES_SOON = timedelta(days=7)
SILENT_FOR_LONG = timedelta(days=30)
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


def worst(findings: Iterable[Finding]) -> Level:
    """The level that wants looking at most; OK of nothing."""
    return max((finding.level for finding in findings), key=list(Level).index, default=Level.OK)


def of_feeds(feeds: Sequence[Feed], states: Mapping[str, FeedState], now: datetime) -> Iterator[Finding]:
    """How many feeds bring nothing, and whether they are polled at all."""
    if not feeds:
        yield Finding(
            "feeds", Level.WARNING, "no feed is watched", "`chancery feeds add URL` or `chancery feeds import`"
        )
        return
    kinds = Counter(kind_of(feed, states.get(feed.feed_id), now) for feed in feeds)
    polled = [feed for feed in feeds if feed.enabled]
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
        yield Finding("tokens", Level.WARNING, f"expired: {some(expired)}", mend)
    soon = [each.name for each in good if each.expires_at and each.expires_at - now < EXPIRES_SOON]
    if soon:
        mend = "make new ones before that, for those who still need them"
        yield Finding("tokens", Level.WARNING, f"expire within {span(EXPIRES_SOON)}: {some(soon)}", mend)
    endless = [each.name for each in good if each.expires_at is None and each.role is Role.ADMIN]
    if endless:
        mend = "make them anew with --expires, then revoke these: who finds one holds everything for ever"
        yield Finding("tokens", Level.WARNING, f"admin tokens that never expire: {some(endless)}", mend)
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
        says = f"no key opens {len(unreadable)} of {subscriptions} subscriptions: {some(unreadable)}"
        return Finding("secrets", Level.PROBLEM, says, mend)
    if old:
        mend = "`chancery secrets rotate`; then the old keys can go"
        return Finding("secrets", Level.WARNING, f"{old} subscriptions are not under the newest key", mend)
    return Finding("secrets", Level.OK, f"{keys} key{'s' if keys > 1 else ''}, and every subscription opens")


def some(names: Sequence[str]) -> str:
    """The first of them, and how many more there are."""
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
