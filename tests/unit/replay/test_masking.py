"""What a recording holds of secrets and of texts."""

import json

import pytest

from services.contracts.codec import decode, encode
from services.contracts.model import Record
from services.contracts.shadow import Shadow
from services.contracts.topics import (
    ALERTS,
    ARTICLES,
    DEAD_LETTERS,
    DELIVERIES,
    FEED_STATES,
    FEEDS,
    SHADOWS,
    SUBSCRIPTIONS,
    TOKENS,
    TOPICS,
    Topic,
)
from services.replay.core.masking import bare_url, fit_to_record
from services.replay.core.volatile import VOLATILE, settled
from tests.contracts.examples import (
    ALERT,
    ARTICLE,
    DEAD_LETTER,
    DELIVERY,
    EXAMPLES,
    FEED,
    REPORT,
    SHADOW,
    SITE,
    STATE,
    SUBSCRIPTION,
    TOKEN,
)

HIDDEN = "https://user:hunter2@host.example/path?key=hunter3#hunter4"
SECRETS: dict[Topic, Record] = {
    SUBSCRIPTIONS: SUBSCRIPTION.model_copy(
        update={"endpoint": "hunter1", "secret": "hunter2", "previous_secret": "hunter3"}
    ),
    TOKENS: TOKEN.model_copy(update={"secret_hash": "f" * 64}),
    FEEDS: FEED.model_copy(update={"url": HIDDEN}),
    FEED_STATES: STATE.model_copy(
        update={"url": HIDDEN, "reason": "hunter5", "history": STATE.history.__class__(moved_from=HIDDEN)}
    ),
    DELIVERIES: DELIVERY.model_copy(
        update={
            "receipt": "hunter6",
            "attempts": tuple(each.model_copy(update={"answer": "hunter7"}) for each in DELIVERY.attempts),
        }
    ),
    DEAD_LETTERS: DEAD_LETTER.model_copy(update={"original_value": b"hunter", "original_headers": (("a", b"hunter"),)}),
}


@pytest.mark.parametrize("topic", SECRETS, ids=lambda topic: topic.name)
def test_no_secret_gets_into_a_recording(topic: Topic) -> None:
    kept = fit_to_record(topic, encode(SECRETS[topic]), mask=False)
    assert b"hunter" not in kept
    assert b"aHVudGVy" not in kept, "nor in base64"
    assert b"f" * 64 not in kept
    assert decode(kept, topic.record_type).record_id == SECRETS[topic].record_id


@pytest.mark.parametrize("record", EXAMPLES, ids=lambda record: record.KIND)
@pytest.mark.parametrize("mask", [False, True])
def test_what_is_kept_is_still_a_record_of_its_topic(record: Record, mask: bool) -> None:
    topic = next(topic for topic in TOPICS if topic.record_type is type(record))
    again = decode(fit_to_record(topic, encode(record), mask=mask), topic.record_type)
    assert again.record_id == record.record_id
    if topic not in SECRETS and not mask:
        assert again == record


def test_masked_texts_keep_their_shape_and_nothing_else() -> None:
    article = ARTICLE.model_copy(update={"title": "Tir à 3 km", "text": "الهجوم على 12 سفارة"})
    masked = decode(fit_to_record(ARTICLES, encode(article), mask=True), type(article))
    assert (masked.title, masked.text) == ("xxx x 0 xx", "xxxxxx xxx 00 xxxxx")
    alert = json.loads(fit_to_record(ALERTS, encode(ALERT), mask=True))
    for claim, before in zip(alert["incident"]["claims"], ALERT.incident.claims, strict=True):
        assert set(claim["quote"]) <= set("x0 -,.:'’")
        assert len(claim["quote"]) == len(before.quote)


def test_what_two_sides_say_otherwise_is_masked_too() -> None:
    kept = fit_to_record(SHADOWS, encode(SHADOW), mask=True)
    assert b"Baghdad" not in kept.replace(SITE.site_key.encode(), b"")
    (headline,) = decode(kept, Shadow).differences[1].otherwise
    assert (headline.field, headline.b) == ("headline", "xxxxxx xx xxx xxxxxxx xx xxx xxxxxx xxxxxx xx xxxxxxx, xxxx")


@pytest.mark.parametrize(
    ("url", "bare"),
    [
        (HIDDEN, "https://host.example/path"),
        ("http://[bad", ""),
        ("https://a.example:8443/x", "https://a.example:8443/x"),
    ],
)
def test_an_address_without_what_may_be_a_key(url: str, bare: str) -> None:
    assert bare_url(url) == bare


def test_volatile_fields_are_all_that_two_runs_may_differ_in() -> None:
    later = {"reported_at": ALERT.incident.ledger.fetched_at, "correlated_at": ALERT.incident.ledger.fetched_at}
    claims = tuple(
        claim.model_copy(update={"ledger": claim.ledger.model_copy(update=later)}) for claim in ALERT.incident.claims
    )
    ledger = ALERT.incident.ledger.model_copy(update=later)
    other = ALERT.model_copy(
        update={"incident": ALERT.incident.model_copy(update={"claims": claims, "ledger": ledger})}
    )
    assert encode(other) != encode(ALERT)
    assert settled(encode(other), VOLATILE["alerts"]) == settled(encode(ALERT), VOLATILE["alerts"])
    assert b"correlated_at" not in settled(encode(ALERT), VOLATILE["alerts"])
    assert b"reported_at" not in settled(encode(REPORT), VOLATILE["reports"])
    said_otherwise = ALERT.model_copy(update={"headline": "another"})
    assert settled(encode(said_otherwise), VOLATILE["alerts"]) != settled(encode(ALERT), VOLATILE["alerts"])
