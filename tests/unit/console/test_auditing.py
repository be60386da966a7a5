"""What the audit says of a change, and what it keeps to itself."""

from services.console.core.auditing import Actor, entry
from services.contracts.audit import FieldChange
from services.contracts.subscription import SubscriptionState
from services.ingest.core.address import without_password
from tests.contracts.examples import FEED, SUBSCRIPTION
from tests.unit.console.house import NOW, TOKEN_OF

ACTOR = Actor("cli:ana", "ana")


def test_a_change_is_told_field_by_field() -> None:
    after = FEED.model_copy(update={"title": "Neu", "enabled": False})
    told = entry(ACTOR, FEED, after, NOW)
    assert (told.actor, told.action, told.target, told.key, told.at) == (
        "cli:ana",
        "feed.changed",
        FEED.feed_id,
        FEED.feed_id,
        NOW,
    )
    assert told.changes == (
        FieldChange(field="title", before=f'"{FEED.title}"', after='"Neu"'),
        FieldChange(field="enabled", before="true", after="false"),
    )
    assert told == entry(ACTOR, FEED, after, NOW)
    assert told.audit_id != entry(Actor("cli:bo", "bo"), FEED, after, NOW).audit_id


def test_what_is_made_has_no_before_and_what_is_removed_no_after() -> None:
    made, removed = entry(ACTOR, None, FEED, NOW), entry(ACTOR, FEED, None, NOW)
    assert (made.action, removed.action) == ("feed.added", "feed.removed")
    assert {change.field for change in made.changes} == FEED.model_dump().keys() - {"schema_version"}
    assert all(change.before is None and change.after is not None for change in made.changes)
    assert [(c.field, c.after, c.before) for c in made.changes] == [
        (c.field, c.before, c.after) for c in removed.changes
    ]


def test_a_secret_that_changes_is_told_without_it() -> None:
    (token, *_) = TOKEN_OF.values()
    assert token.secret_hash not in entry(ACTOR, None, token, NOW).model_dump_json()
    before = SUBSCRIPTION.model_copy(update={"endpoint": "one", "secret": "two"})
    after = before.model_copy(update={"endpoint": "three", "state": SubscriptionState.PAUSED})
    assert entry(ACTOR, before, after, NOW).changes == (
        FieldChange(field="endpoint", before='"hidden"', after='"hidden"'),
        FieldChange(field="state", before='"active"', after='"paused"'),
    )


def test_an_address_is_shown_without_its_password() -> None:
    assert {
        text: without_password(text)
        for text in (
            "https://a.example/@x",
            "https://u@a.example/",
            "HTTP://u:p@ss@a.example/?q=@",
            "https://a.example?x@y",
            "mail me@a.example, or https://u:p@x/",
            "",
        )
    } == {
        "https://a.example/@x": "https://a.example/@x",
        "https://u@a.example/": "https://***@a.example/",
        "HTTP://u:p@ss@a.example/?q=@": "HTTP://***@a.example/?q=@",
        "https://a.example?x@y": "https://a.example?x@y",
        "mail me@a.example, or https://u:p@x/": "mail me@a.example, or https://u:p@x/",
        "": "",
    }
