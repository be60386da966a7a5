"""The articles keep the promises that the demo and its tests rest on."""

from collections import Counter
from pathlib import Path

import pytest

from deploy.demo import newsroom
from deploy.demo.feed_server import FIRST_ENTRIES
from deploy.demo.newsroom import Alert, Item, Trap

PUBLICATIONS = newsroom.read()
ITEMS = {item.guid: item for publication in PUBLICATIONS for item in publication.items}


def alerts() -> list[tuple[Item, Alert]]:
    return [(item, item.expect) for item in ITEMS.values() if isinstance(item.expect, Alert)]


def test_there_is_enough_to_watch() -> None:
    assert len(ITEMS) == sum(len(publication.items) for publication in PUBLICATIONS), "a guid is used twice"
    assert len(ITEMS) >= 36
    assert len({publication.language for publication in PUBLICATIONS}) == 12
    assert {publication.format for publication in PUBLICATIONS} == {"rss", "atom"}
    assert len({publication.feed for publication in PUBLICATIONS}) == len(PUBLICATIONS)


def test_every_trap_is_set_and_every_language_has_both_kinds() -> None:
    kinds = {(publication.language, item.expect.kind) for publication in PUBLICATIONS for item in publication.items}
    assert kinds == {(publication.language, kind) for publication in PUBLICATIONS for kind in ("alert", "none")}
    assert {item.expect.trap for item in ITEMS.values() if not isinstance(item.expect, Alert)} == set(Trap)


def test_several_feeds_tell_one_incident() -> None:
    told = Counter((expect.site, expect.date) for _, expect in alerts())
    assert told.most_common(1)[0][1] >= 5
    assert len(told) >= 20


@pytest.mark.parametrize("publication", PUBLICATIONS, ids=lambda publication: publication.feed)
def test_what_alerts_is_the_newest_when_it_is_first_seen(publication: newsroom.Publication) -> None:
    """The first request of a feed shows several entries at once; only the last of them is recent in event time."""
    assert len(publication.items) > FIRST_ENTRIES
    assert not [item for item in publication.items[: FIRST_ENTRIES - 1] if isinstance(item.expect, Alert)]


@pytest.mark.parametrize(("item", "expect"), alerts(), ids=lambda value: getattr(value, "guid", ""))
def test_an_incident_lies_shortly_before_its_article(item: Item, expect: Alert) -> None:
    assert 0 <= (item.published.date() - expect.date).days <= 7
    original = ITEMS[expect.copy_of] if expect.copy_of else item
    assert isinstance(original.expect, Alert)
    assert (original.expect.site, original.expect.date) == (expect.site, expect.date)
    assert original.published <= item.published


@pytest.mark.parametrize("item", ITEMS.values(), ids=lambda item: item.guid)
def test_links_lead_nowhere(item: Item) -> None:
    assert str(item.link.host).endswith(".example"), "RFC 2606: a name that nobody can own"


GOOD = """
feed = "x"
title = "X"
site = "https://x.example/"
language = "en"
country = "GB"
grade = "A"
format = "rss"
[[items]]
guid = "1"
link = "https://x.example/1"
title = "One"
text = "Text."
published = 2020-01-02T00:00:00Z
expect = { kind = "none", trap = "drill" }
"""


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("feed = ", "x.toml"),
        (GOOD.replace('grade = "A"', 'grade = "Z"'), "grade"),
        (GOOD.replace("T00:00:00Z", ""), "published"),
        (GOOD + GOOD[GOOD.index("[[items]]") :], "1 stands after 1"),
        (GOOD.replace('"drill"', '"thrill"'), "trap"),
    ],
)
def test_a_bad_file_is_named_with_what_is_wrong(tmp_path: Path, text: str, complaint: str) -> None:
    (tmp_path / "x.toml").write_text(text)
    with pytest.raises(newsroom.BadArticles, match=r"x\.toml") as caught:
        newsroom.read(tmp_path)
    assert complaint in str(caught.value)


def test_no_file_at_all_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(newsroom.BadArticles, match="no articles"):
        newsroom.read(tmp_path)
