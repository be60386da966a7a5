"""Which dead letters are meant, what would become of them, and what a redrive says of itself."""

from datetime import timedelta
from typing import Any

import pytest

from services.console.core.letters import (
    REDRIVE_HEADER,
    Fate,
    Known,
    Selection,
    effect,
    headers,
    judged,
    known,
    may_be_superseded,
    placed_by,
)
from services.contracts.codec import encode
from services.contracts.dead_letter import DeadLetter, DeadLetterClass
from services.contracts.ids import DeadLetterId, dead_letter_id
from services.contracts.topics import ARTICLES, AUDIT, DEAD_LETTERS, DELIVERIES, FEEDBACK, FEEDS, TOKENS, TOPICS
from tests.contracts.examples import ARTICLE, DEAD_LETTER, DELIVERY, EXAMPLES, FEED
from tests.contracts.examples import FEEDBACK as VERDICT
from tests.unit.console.house import NOW

SPACE = "chancery."


def letter(value: bytes | None = b"no JSON", topic: str = "chancery.articles", **more: Any) -> DeadLetter:
    fields = {
        "dead_letter_id": dead_letter_id(topic, more.get("partition", 0), more.get("offset", 7)),
        "topic": topic,
        "original_value": value,
        "first_failed_at": NOW,
    }
    return DEAD_LETTER.model_copy(update=fields | more)


def of(one: DeadLetter, before: Known | None = None) -> Known:
    return known(one, before, 0, 3, SPACE)


def readable(**more: Any) -> DeadLetter:
    return letter(encode(ARTICLE), **{"original_key": ARTICLE.key.encode()} | more)


@pytest.mark.parametrize(
    ("one", "fate", "reason"),
    [
        (readable(), Fate.READABLE, ""),
        (readable(original_key=None), Fate.READABLE, ""),  # work is read whatever its key
        (letter(encode(FEED), "feeds", original_key=FEED.key.encode()), Fate.READABLE, ""),
        (letter(), Fate.UNREADABLE, "not JSON"),
        (letter(encode(FEED)), Fate.UNREADABLE, "article"),
        (letter(encode(FEED), "chancery.feeds", original_key=b"x"), Fate.UNREADABLE, "its key is"),
        (letter(None), Fate.BARRED, "no bytes"),
        (letter(topic="chancery.replay.articles"), Fate.BARRED, "no topic of ours"),
        (letter(topic="__consumer_offsets"), Fate.BARRED, "no topic of ours"),
        (letter(topic="chancery.articles\n"), Fate.BARRED, "no topic of ours"),
        (letter(topic=""), Fate.BARRED, "no topic of ours"),
        (letter(topic="chancery.tokens"), Fate.BARRED, "let somebody in"),
        (letter(topic="audit"), Fate.BARRED, "audit"),
        (letter(topic="chancery.dead-letters"), Fate.BARRED, "dead letters themselves"),
    ],
)
def test_what_would_become_of_a_letter(one: DeadLetter, fate: Fate, reason: str) -> None:
    verdict = judged(one, SPACE)
    assert verdict.fate is fate
    assert reason in verdict.reason


@pytest.mark.parametrize("record", EXAMPLES, ids=lambda record: record.KIND)
def test_every_record_of_ours_can_be_put_back_but_those_that_would_let_someone_in(record: Any) -> None:
    (topic,) = (topic for topic in TOPICS if topic.record_type is type(record))
    one = letter(encode(record), topic.in_namespace(SPACE), original_key=record.key.encode())
    assert (judged(one, SPACE).fate is Fate.READABLE) is (topic not in (TOKENS, AUDIT, DEAD_LETTERS))


def test_letters_are_chosen_by_what_is_known_of_them() -> None:
    one = readable(error_class=DeadLetterClass.FAILED)
    for takes in (
        Selection(),
        Selection(ids=frozenset({one.dead_letter_id})),
        Selection(error_class=DeadLetterClass.FAILED, topic="articles", service="classify", redriven=False),
        Selection(since=NOW, until=NOW + timedelta(seconds=1)),
    ):
        assert takes.takes(one, SPACE)
    for leaves in (
        Selection(ids=frozenset()),
        Selection(error_class=DeadLetterClass.INVALID),
        Selection(topic="feeds"),
        Selection(service="notify"),
        Selection(since=NOW + timedelta(seconds=1)),
        Selection(until=NOW),
        Selection(redriven=True),
    ):
        assert not leaves.takes(one, SPACE)


def test_a_record_that_is_buried_once_more_stays_marked_and_as_old_as_it_is() -> None:
    first = of(letter())
    mark = {"redriven_at": NOW + timedelta(hours=1), "redriven_by": "cli:ann"}
    marked = of(letter().model_copy(update=mark), first)
    again = of(letter(first_failed_at=NOW + timedelta(hours=2)), marked)
    assert again.letter.model_dump() == {
        **letter().model_dump(),
        **mark,
        "original_value": None,
        "original_headers": (),
    }
    # a delivery's letter is known by the delivery, so the next one tells of another failure
    given_up = letter(offset=-1)
    marked = of(given_up.model_copy(update=mark), of(given_up))
    assert of(given_up, marked).letter.redriven_at is None


def test_a_record_goes_back_to_its_partition_with_a_header_that_says_so() -> None:
    one = readable(original_headers=(("ce_id", b"1"), (REDRIVE_HEADER, b"an older one")))
    assert headers(one) == (("ce_id", b"1"), (REDRIVE_HEADER, one.dead_letter_id.encode()))
    assert placed_by(one, ARTICLES) == ARTICLE.key
    assert placed_by(letter(encode(DELIVERY)), DELIVERIES) == DELIVERY.subscription_id
    assert placed_by(letter(encode(VERDICT)), FEEDBACK) == VERDICT.partition_key


def test_the_effect_is_said_first() -> None:
    chosen = [
        of(readable(offset=2, first_failed_at=NOW + timedelta(seconds=1))),
        of(readable(offset=1, error_class=DeadLetterClass.FAILED)),
        of(letter(offset=3)),
        of(letter(offset=4)),
        of(letter(topic="elsewhere")),
        of(readable(offset=5, redriven_at=NOW, redriven_by="cli:ann")),
    ]
    told = effect(chosen, {}, SPACE, again=False)
    assert [each.letter.offset for each in told.put_back] == [1, 2]
    assert told.words().splitlines() == [
        "6 records, 2 readable now",
        "  2 to chancery.articles",
        "  1 of them were readable before: the step that used them failed",
        "2 would fail again and stay",
        "  2: not JSON: Expecting value: line 1 column 1 (char 0)",
        "1 stay",
        "  1: 'elsewhere' is no topic of ours",
        "1 left out: redriven before (--again takes them too)",
    ]
    again = effect(chosen, {}, SPACE, again=True)
    assert len(again.put_back) == 3
    assert told.tag == effect(reversed(chosen), {}, SPACE, again=False).tag != again.tag


@pytest.mark.parametrize(
    ("newest", "fate"),
    [
        ({}, Fate.READABLE),
        ({("feeds", FEED.key.encode()): (0, 7)}, Fate.READABLE),  # itself
        ({("feeds", FEED.key.encode()): (0, 5)}, Fate.READABLE),
        ({("feeds", FEED.key.encode()): (0, 8)}, Fate.SUPERSEDED),
        ({("feeds", FEED.key.encode()): (1, 0)}, Fate.SUPERSEDED),
        ({("articles", FEED.key.encode()): (0, 8)}, Fate.READABLE),
    ],
)
def test_nothing_is_undone(newest: dict[tuple[str, bytes], tuple[int, int]], fate: Fate) -> None:
    one = of(letter(encode(FEED), "chancery.feeds", original_key=FEED.key.encode()))
    told = effect([one], newest, SPACE, again=False)
    assert [each.verdict.fate for each in (*told.put_back, *told.left)] == [fate]


def test_only_what_could_be_undone_is_looked_for() -> None:
    feed = of(letter(encode(FEED), "chancery.feeds", original_key=FEED.key.encode()))
    assert may_be_superseded([feed, of(readable()), of(letter(topic="chancery.feeds"))], SPACE) == {
        FEEDS: frozenset({FEED.key.encode()})
    }


def test_a_delivery_that_was_given_up_names_the_command_that_sends_it_again() -> None:
    given_up = letter(
        encode(DELIVERY),
        "deliveries",
        offset=-1,
        dead_letter_id=DeadLetterId("dead_x"),
        original_key=DELIVERY.key.encode(),
    )
    told = effect([of(given_up)], {("deliveries", DELIVERY.key.encode()): (0, 4)}, SPACE, again=False)
    assert f"chancery deliveries redeliver {DELIVERY.delivery_id}" in told.words()
