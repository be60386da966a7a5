"""What `chancery doctor` makes of what it saw: a table of deployments, each with what is said of it."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest

from services.console.core.checkup import (
    Finding,
    Level,
    of_feeds,
    of_letters,
    of_secrets,
    of_silences,
    of_subscriptions,
    of_tokens,
    worst,
)
from services.console.core.cluster import ROLES, Described, Wish, of_topics, of_work
from services.console.core.surroundings import Disk, Reached, of_clock, of_disks, of_egress
from services.contracts.dead_letter import DeadLetterClass
from services.contracts.feed import FeedState, PollStatus
from services.contracts.subscription import Filter, SubscriptionState
from services.contracts.token import Role
from services.contracts.topics import ALERTS, ARTICLES, FEEDS, TOPICS, Topic
from tests.contracts.examples import FEED, SILENCE, SUBSCRIPTION, TOKEN
from tests.unit.console.house import NOW
from tests.unit.console.topics_house import sample_at

WISH = Wish("chancery.", 8, 3, timedelta(days=100))
GOOD = Described(partitions=8, replicas=3, in_sync=3, leaderless=0, config={"min.insync.replicas": "2"})
DAY = timedelta(days=1)


def standing(**changed: Described) -> Mapping[Topic, Described]:
    """Every topic as it is wanted, but for those that are named, with `_` for `-`."""
    other = {name.replace("_", "-"): found for name, found in changed.items()}
    return {
        topic: other.get(topic.name, replace(GOOD, config={**(GOOD.config or {}), **topic.config})) for topic in TOPICS
    }


def configured(topic: Topic, **config: str) -> Described:
    named = {name.replace("_", "."): value for name, value in config.items()}
    return replace(GOOD, config={**(GOOD.config or {}), **topic.config, **named})


def said(findings: list[Finding]) -> list[tuple[Level, str]]:
    return [(each.level, each.says) for each in findings]


def one(findings: list[Finding]) -> Finding:
    (finding,) = findings
    assert bool(finding.mend) == (finding.level is not Level.OK), "what is wrong says how to mend it"
    return finding


def test_topics_as_wanted() -> None:
    finding = one(list(of_topics(TOPICS, standing(), WISH, 3)))
    assert (finding.level, finding.says) == (
        Level.OK,
        f"all {len(TOPICS)} exist as wanted, 8 partitions each, every record on 3 brokers",
    )


def test_missing_topics_are_named_with_what_ensure_would_do() -> None:
    found = {topic: each for topic, each in standing().items() if topic not in (FEEDS, ALERTS)}
    finding = one(list(of_topics(TOPICS, found, WISH, 3)))
    assert finding.level is Level.PROBLEM
    assert f"2 of {len(TOPICS)} topics do not exist: chancery.feeds, chancery.alerts" in finding.says
    assert "`chancery topics ensure` creates them with 8 partitions on 3 brokers" in finding.mend


@pytest.mark.parametrize(
    ("changed", "level", "words", "mend"),
    [
        (
            {"feeds": replace(GOOD, partitions=4)},
            Level.PROBLEM,
            "chancery.feeds has 4 partitions, and CHANCERY_TOPICS__PARTITIONS says 8",
            "CHANCERY_TOPICS__PARTITIONS=4",
        ),
        (
            {"feeds": configured(FEEDS, cleanup_policy="delete")},
            Level.PROBLEM,
            "chancery.feeds has cleanup.policy=delete, wanted is compact",
            "--entity-name chancery.feeds --add-config cleanup.policy=compact",
        ),
        (
            {"alerts": configured(ALERTS, retention_ms="3600000")},
            Level.WARNING,
            "chancery.alerts has retention.ms=3600000, wanted is 7776000000",
            "retention.ms=7776000000",
        ),
        (
            {"alerts": configured(ALERTS, retention_ms="-1")},
            Level.WARNING,
            "chancery.alerts is kept for longer than final deliveries are, 100 days",
            "CHANCERY_NOTIFY__KEEP_D",
        ),
        (
            {"articles": replace(configured(ARTICLES), leaderless=2, in_sync=0)},
            Level.PROBLEM,
            "2 partitions of chancery.articles have no leader",
            "bring back",
        ),
        (
            {"articles": replace(configured(ARTICLES), in_sync=1)},
            Level.WARNING,
            "a partition of chancery.articles is on 1 of its 3 brokers only",
            "which broker is down",
        ),
        (
            {"articles": replace(configured(ARTICLES), replicas=1, in_sync=1)},
            Level.WARNING,
            "chancery.articles is on 1 of 3 brokers",
            "kafka-reassign-partitions.sh",
        ),
        (
            {"articles": configured(ARTICLES, min_insync_replicas="1")},
            Level.WARNING,
            "min.insync.replicas=1: a record counts as written that one broker has",
            "min.insync.replicas=2",
        ),
        (
            {"articles": configured(ARTICLES, min_insync_replicas="3")},
            Level.WARNING,
            "one broker down stops every writer",
            "min.insync.replicas=2",
        ),
    ],
    ids=lambda case: next(iter(case)) if isinstance(case, dict) else "",
)
def test_topics_that_are_not(changed: dict[str, Described], level: Level, words: str, mend: str) -> None:
    finding = one(list(of_topics(TOPICS, standing(**changed), WISH, 3)))
    assert finding.level is level
    assert words in finding.says
    assert mend in finding.mend


@pytest.mark.parametrize("kept", ["-1", "999999999999"])
def test_to_keep_longer_and_not_to_tell_are_no_fault(kept: str) -> None:
    mute = {topic.name.replace("-", "_"): replace(GOOD, config=None) for topic in TOPICS}
    assert one(list(of_topics(TOPICS, standing(**mute), WISH, 3))).level is Level.OK
    longer = standing(articles=configured(ARTICLES, retention_ms=kept))
    assert one(list(of_topics(TOPICS, longer, WISH, 3))).level is Level.OK


def test_one_broker_is_no_fault_of_its_own() -> None:
    single = {name: replace(each, replicas=1, in_sync=1) for name, each in standing().items()}
    finding = one(list(of_topics(TOPICS, single, replace(WISH, replicas=1), 1)))
    assert finding.level is Level.OK
    assert finding.says.endswith("every record on 1 broker")


def test_work_that_is_done() -> None:
    findings = list(of_work(sample_at(NOW, 50, 50), dict.fromkeys(ROLES, 1), NOW))
    assert said(findings) == [
        (Level.OK, "every group has members; 4 records wait"),
        (Level.OK, "the newest article was fetched 0 minutes ago"),
    ]


def test_nobody_works_and_what_waits_is_told() -> None:
    members = {"ingest": 1, "classify": 0, "notify": 1, "dispatch": 0}
    finding = next(of_work(sample_at(NOW, 50, 20), members, NOW))
    assert finding.level is Level.PROBLEM
    assert "nobody works as classify, dispatch: 31 records of articles wait" in finding.says
    assert "start classify, notify" in finding.mend


def test_a_group_that_is_behind_and_one_whose_members_nobody_tells() -> None:
    behind = list(of_work(sample_at(NOW, 500, 20), dict.fromkeys(ROLES, None), NOW))
    assert "481 records of articles wait for classify" in behind[0].says
    assert {each.level for each in behind[:-1]} == {Level.WARNING}
    assert behind[-2].says == "the brokers do not tell who works as ingest, classify, notify, dispatch"
    assert all("partition" not in each.says for each in behind), "they wait in more than one"


def test_old_news_is_told() -> None:
    sample = sample_at(NOW - 3 * DAY, 50, 50)
    assert "3 days ago" in list(of_work(sample, dict.fromkeys(ROLES, 1), NOW))[-1].says
    never = replace(sample, newest_at={})
    assert list(of_work(never, dict.fromkeys(ROLES, 1), NOW))[-1].says == "no article was fetched yet"


def test_feeds() -> None:
    feeds = [FEED.model_copy(update={"feed_id": f"feed_{n}"}) for n in range(8)]
    good = FeedState(
        feed_id="", url=FEED.url, status=PollStatus.OK, entries=3, last_poll_at=NOW, next_poll_at=NOW + DAY
    )  # fmt: skip

    def states(failing: int = 0, late: int = 0) -> dict[str, FeedState]:
        found: dict[str, FeedState] = {}
        for number, feed in enumerate(feeds):
            changed: dict[str, object] = {"status": PollStatus.TIMED_OUT} if number < failing else {}
            changed |= {"next_poll_at": NOW - DAY} if number < late else {}
            found[feed.feed_id] = good.model_copy(update={"feed_id": feed.feed_id, **changed})
        return found

    def of(**how: int) -> list[tuple[Level, str]]:
        findings = list(of_feeds(feeds, states(**how), NOW))
        assert all(each.mend for each in findings if each.level is not Level.OK)
        return said(findings)

    assert of() == [(Level.OK, "8 feeds: 8 ok")]
    assert of(failing=2) == [(Level.WARNING, "8 feeds: 6 ok, 2 failing")]
    assert of(failing=3) == [(Level.PROBLEM, "3 of 8 feeds bring nothing (5 ok, 3 failing)")]
    assert of(late=3)[0] == (Level.WARNING, "3 of 8 feeds are due since 15 minutes or longer")
    assert of(late=8)[0] == (Level.PROBLEM, "nothing is polled: all 8 feeds are due since 15 minutes or longer")
    assert said(list(of_feeds([], {}, NOW))) == [(Level.WARNING, "no feed is watched")]


def test_subscriptions() -> None:
    disabled = SUBSCRIPTION.model_copy(
        update={"name": "gone", "state": SubscriptionState.DISABLED, "state_reason": "410 Gone"}
    )
    assert said(list(of_subscriptions([SUBSCRIPTION]))) == [(Level.OK, "1 active of 1")]
    assert said(list(of_subscriptions([SUBSCRIPTION, disabled]))) == [(Level.WARNING, "gone is disabled: 410 Gone")]
    assert said(list(of_subscriptions([]))) == [
        (Level.WARNING, "no subscription is active: nobody is told of anything")
    ]


def test_silences() -> None:
    short = SILENCE.model_copy(update={"expires_at": NOW + DAY})
    long = SILENCE.model_copy(update={"expires_at": NOW + 400 * DAY})
    everything = short.model_copy(update={"matcher": Filter(exercises=True)})
    over = long.model_copy(update={"expires_at": NOW - DAY})
    assert said(list(of_silences([short, over], NOW))) == [(Level.OK, "1 active")]
    endless, all_of_it, _ = of_silences([long, everything], NOW)
    assert (endless.level, "what it matches for another 400 days" in endless.says) == (Level.WARNING, True)
    assert "keeps back everything" in all_of_it.says
    assert f"chancery silences end {SILENCE.silence_id}" in endless.mend


def test_tokens() -> None:
    good = TOKEN.model_copy(update={"expires_at": NOW + 60 * DAY})
    admin = TOKEN.model_copy(update={"name": "root", "role": Role.ADMIN, "expires_at": None})
    old = TOKEN.model_copy(update={"name": "old", "expires_at": NOW - DAY})
    soon = TOKEN.model_copy(update={"name": "soon", "expires_at": NOW + DAY})
    session = old.model_copy(update={"session_of": TOKEN.token_id})
    once = old.model_copy(update={"once": True})
    revoked = admin.model_copy(update={"revoked": True})
    assert said(list(of_tokens([good, session, once, revoked], NOW))) == [(Level.OK, "1 good")]
    assert said(list(of_tokens([session], NOW))) == [(Level.WARNING, "no token is good: nobody can use the console")]
    assert said(list(of_tokens([admin, old, soon], NOW))) == [
        (Level.WARNING, "expired: old"),
        (Level.WARNING, "expire within 7 days: soon"),
        (Level.WARNING, "admin tokens that never expire: root"),
    ]


def test_secrets_and_letters() -> None:
    assert of_secrets(1, 3, [], 0).level is Level.OK
    assert of_secrets(2, 3, [], 1) == Finding(
        "secrets",
        Level.WARNING,
        "1 subscriptions are not under the newest key",
        "`chancery secrets rotate`; then the old keys can go",
    )
    assert (of_secrets(0, 0, [], 0).level, of_secrets(0, 1, [], 0).level) == (Level.WARNING, Level.PROBLEM)
    assert "no key opens 1 of 3 subscriptions: duty" in of_secrets(1, 3, ["duty"], 0).says
    assert of_letters({}).level is Level.OK
    assert of_letters({DeadLetterClass.FAILED: 2}).says == "2 in the last day (2 failed)"


def test_the_way_out() -> None:
    works, fails = Reached("news.example", 200, 0.2), Reached("other.example", reason="cannot look up other.example")
    proxied = {"https_proxy": "http://proxy.example:3128", "HTTP_PROXY": "", "NO_PROXY": "x"}
    assert said(list(of_egress([works], {}))) == [(Level.OK, "news.example answers (HTTP 200)")]
    assert [each.level for each in of_egress([works, fails], {})] == [Level.OK, Level.WARNING]
    (alone,) = of_egress([fails], proxied)
    assert alone.level is Level.PROBLEM
    assert "HTTPS_PROXY is set and not used: Chancery connects directly" in alone.mend
    assert "proxy.example" not in alone.says + alone.mend, "it may hold a password"
    assert said(list(of_egress([], {})))[0][0] is Level.WARNING


@pytest.mark.parametrize(
    ("ahead_s", "level", "words"),
    [
        (1.5, Level.OK, "within 5 s of that of news.example"),
        (20, Level.WARNING, "this machine is 20 s behind news.example"),
        (-20, Level.WARNING, "this machine is 20 s ahead of news.example"),
        (3600, Level.PROBLEM, "this machine is 3600 s behind news.example"),
    ],
)
def test_the_clock_beside_that_of_who_answered(ahead_s: float, level: Level, words: str) -> None:
    finding = of_clock([Reached("news.example", 200, ahead_s)], None, NOW)
    assert (finding.level, finding.says) == (level, words)


def test_the_clock_where_nobody_told_the_time() -> None:
    assert of_clock([], NOW - DAY, NOW).level is Level.OK, "a record of the past says nothing"
    assert of_clock([], NOW + timedelta(seconds=20), NOW).level is Level.WARNING
    assert of_clock([Reached("a", 200)], NOW + DAY, NOW).level is Level.PROBLEM


def test_disks() -> None:
    sizes = (50_000_000_000, 1_000_000_000, 100_000_000)
    levels = [next(of_disks([Disk("tables", "/data", free, 100_000_000_000)])).level for free in sizes]
    assert levels == [Level.OK, Level.WARNING, Level.PROBLEM]


def test_the_worst_of_all_counts() -> None:
    ok, warning, problem = (Finding("x", level, "") for level in Level)
    assert (worst([]), worst([ok, warning, ok]), worst([problem, warning])) == (Level.OK, Level.WARNING, Level.PROBLEM)
