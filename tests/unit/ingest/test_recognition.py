"""Every article is published once, whatever its feed does with ids and links, and the feed's odd ways are said."""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.contracts import ids
from services.contracts.feed import History
from services.ingest.core.feed import Entry
from services.ingest.core.recognition import Recognised, recognised

FEED = ids.feed_id("https://wire.example/rss")
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
NOTHING = Recognised((), (), History())


def poll(before: Recognised, *entries: Entry) -> Recognised:
    return recognised(FEED, before.history, before.seen, entries, NOW)


def published(found: Recognised) -> list[tuple[str, int]]:
    return [(entry.title, mark.revision) for entry, mark in found.news]


@dataclass(frozen=True)
class Told:
    """A true article and how often it was edited."""

    key: int
    edition: int = 0

    @property
    def title(self) -> str:
        return f"Story {self.key}"

    @property
    def text(self) -> str:
        words = [f"word{self.key}x{n}" for n in range(30)]
        return " ".join([*words, *(f"edit{self.key}x{n}" for n in range(self.edition))])


# What feeds do with ids and links: from the article, its place in the document and the number of the poll.
Way = Callable[[Told, int, int], str | None]
ID_WAYS: dict[str, Way] = {
    "kept": lambda told, place, number: f"urn:{told.key}",
    "changing": lambda told, place, number: f"urn:{told.key}:{number}",
    "of the place": lambda told, place, number: str(place),
    "the same for all": lambda told, place, number: "urn:feed",
    "none": lambda told, place, number: None,
}
LINK_WAYS: dict[str, Way] = {
    "kept": lambda told, place, number: f"https://wire.example/{told.key}",
    "tracked": lambda told, place, number: f"https://wire.example/{told.key}?utm_source={number}&PHPSESSID={number}",
    "changing": lambda told, place, number: f"https://wire.example/{told.key}/{number}",
    "the same for all": lambda told, place, number: "https://wire.example/",
    "none": lambda told, place, number: None,
}
# Where neither id nor link stays with an article, nothing tells an edit from another article.
KNOWN_BY_TEXT_ALONE = {
    (of_id, of_link)
    for of_id in ID_WAYS
    for of_link in LINK_WAYS
    if of_id != "kept" and of_link not in ("kept", "tracked")
}
POLLS = st.lists(
    st.tuples(st.lists(st.integers(0, 7), unique=True, max_size=6), st.sets(st.integers(0, 7), max_size=2)), max_size=8
)


@pytest.mark.parametrize("of_link", LINK_WAYS)
@pytest.mark.parametrize("of_id", ID_WAYS)
@given(polls=POLLS)
def test_each_article_is_published_once_and_each_edit_is_a_revision(
    of_id: str, of_link: str, polls: Sequence[tuple[list[int], set[int]]]
) -> None:
    editions, before = Counter[int](), NOTHING
    shown, told_of, revisions = set[Told](), dict[str, int](), defaultdict[int, list[int]](list)
    for number, (keys, edited) in enumerate(polls):
        if len(keys) == 1 and of_link == "the same for all" and of_id != "kept":
            continue  # the one entry at one address: whatever it says, it is that article, edited
        if (of_id, of_link) not in KNOWN_BY_TEXT_ALONE:
            editions.update(edited)
        tolds = [Told(key, editions[key]) for key in keys]
        entries = [
            Entry(ID_WAYS[of_id](told, place, number), LINK_WAYS[of_link](told, place, number), told.title, told.text)
            for place, told in enumerate(tolds)
        ]
        found = poll(before, *entries)
        by_text = {told.text: told for told in tolds}
        for entry, mark in found.news:
            told = by_text[entry.text]
            assert told_of.setdefault(mark.identity, told.key) == told.key, "an article under another's name"
            revisions[told.key].append(mark.revision)
        assert {by_text[entry.text] for entry, _ in found.news} == set(tolds) - shown
        shown |= set(tolds)
        before = found
        again = poll(before, *entries)
        assert (again.news, again.seen, again.history) == ((), found.seen, found.history)
    assert all(numbers == list(range(1, len(numbers) + 1)) for numbers in revisions.values())
    assert len(told_of) == len(revisions)
