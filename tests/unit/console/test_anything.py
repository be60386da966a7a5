"""Whatever is sent, by whoever: an answer that the description knows, and never a fault of our own."""

import asyncio
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from services.console.api.feeds import NewFeed
from services.console.core.access import LEAST_ROLE
from services.contracts.feed import Feed
from services.contracts.token import Role
from services.contracts.topics import FEEDS
from tests.unit.console.house import House, somewhere
from tests.unit.ingest.fakes import feed_at

KNOWN = feed_at("https://known.example/")
TEXT = st.text() | st.sampled_from(
    ["https://a.example/", "fr", "IQ", "A", "ok", "\ud800", "\x00", "-1", "1e999", "9" * 400, '"', "*", KNOWN.feed_id]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(sorted(NewFeed.model_fields)) | TEXT, inner, max_size=6)
    ),
    max_leaves=10,
)
BODY = JSON.map(lambda value: json.dumps(value).encode()) | st.binary(max_size=200)
HEADERS = st.dictionaries(
    st.sampled_from(["if-match", "if-none-match", "content-type", "content-length", "accept", "range", "host"]),
    st.text(st.characters(max_codepoint=255, exclude_categories=["Cc"]), max_size=40)
    | st.sampled_from(["application/json", "*", '"x"', "application/x; charset=x", "-1"]),
    max_size=3,
)
QUERY = st.dictionaries(
    st.sampled_from("status health enabled limit cursor near since q last_event_id offset field x".split()),
    TEXT.map(lambda text: text.encode("utf-8", "replace").decode()),
    max_size=3,
)


@settings(deadline=None, max_examples=150)
@given(
    st.sampled_from(sorted(LEAST_ROLE)),
    st.sampled_from([KNOWN.feed_id, "feed_" + "a" * 26, "articles"]) | TEXT,
    QUERY,
    HEADERS,
    BODY,
)
def test_nothing_that_is_sent_is_a_fault_of_ours(
    route: tuple[str, str], feed_id: str, query: dict[str, str], headers: dict[str, str], body: bytes
) -> None:
    method, path = route
    house = House()
    house.records.put(FEEDS, KNOWN)
    house.live.close()  # a stream would not end

    async def answered() -> Any:
        async with house.client(Role.ADMIN) as client:
            known = feed_id.encode("utf-8", "replace").hex() if feed_id[:5] != "feed_" else feed_id
            where = somewhere(path.replace("{feed_id}", known))
            raw = {name: value.encode("latin-1") for name, value in headers.items()}
            raw.setdefault("content-type", b"application/json")
            return await client.request(method, where, params=query, headers=raw, content=body)  # type: ignore[arg-type]

    answer = asyncio.run(answered())
    assert answer.status_code < 500, answer.text
    if answer.status_code >= 400:
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["status"] == answer.status_code
    for feed in house.records.values(FEEDS):
        assert isinstance(feed, Feed)
        assert Feed.model_validate_json(feed.model_dump_json()) == feed
