"""Every article is published once, whatever its feed does with ids and links, and the feed's odd ways are said."""

from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.contracts import ids
from services.contracts.feed import History, Seen
from services.ingest.core.feed import Entry
from services.ingest.core.identity import content_hash
from services.ingest.core.likeness import are_alike, sketch
from services.ingest.core.recognition import Recognised, recognised, trusts_ids, trusts_links

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
# Where neither id nor link stays with an article, nothing tells an edit from another article; but where there is
# neither, the title does.
KNOWN_BY_TEXT_ALONE = {
    (of_id, of_link)
    for of_id in ID_WAYS
    for of_link in LINK_WAYS
    if of_id != "kept" and of_link not in ("kept", "tracked") and (of_id, of_link) != ("none", "none")
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


def article(key: str, of_id: str | None = None, link: str | None = "", **fields: object) -> Entry:
    """An entry with an id, a link and words of its own, but for what is given."""
    words = " ".join(f"{key}{n}" for n in range(20))
    link = f"https://wire.example/{key}" if link == "" else link
    return replace(Entry(of_id or key, link, f"On {key}", f"It is said that {words}"), **fields)  # type: ignore[arg-type]


def test_an_id_given_to_another_article_swallows_nothing() -> None:
    first = poll(NOTHING, article("fire", of_id="1"))
    second = poll(first, article("flood", of_id="1"))
    assert published(second) == [("On flood", 1)]
    assert {mark.identity for mark in second.seen} == {
        ids.article_id(FEED, "id:1"),
        ids.article_id(FEED, "link://wire.example/flood"),
    }
    assert (second.history.id_reuses, second.history.identity_at) == (1, NOW)
    assert published(poll(second, article("fire", of_id="1"))) == [], "it is known by its link"


def test_a_slug_that_follows_the_headline_is_an_edit() -> None:
    first = article("fire", of_id="post-7")
    edited = replace(
        first, link="https://wire.example/fire-kills-two", title="Fire kills two", text=f"{first.text} Two."
    )
    second = poll(poll(NOTHING, first), edited)
    assert (published(second), second.history.id_reuses) == ([("Fire kills two", 2)], 0)


def test_a_headline_and_summary_rewritten_under_id_and_link_are_an_edit() -> None:
    second = poll(
        poll(NOTHING, article("fire")), replace(article("fire"), title="Two dead", text="What is known so far")
    )
    assert published(second) == [("Two dead", 2)]


def test_an_id_that_counts_its_editions_is_an_edit() -> None:
    editions = [replace(article("fire"), id=f"fire#{n}", text=article(f"edition{n}x").text) for n in range(4)]
    found, revisions = NOTHING, []
    for edition in editions:
        found = poll(found, edition)
        revisions += published(found)
    assert revisions == [("On fire", 1), ("On fire", 2), ("On fire", 3), ("On fire", 4)]
    assert not trusts_ids(found.history)


def test_ids_that_change_places_under_much_alike_articles_edit_nothing() -> None:
    north, south = (
        replace(article("warning", of_id=side, link=f"https://wire.example/{side}"), title=f"Warning {side}")
        for side in ("north", "south")
    )
    second = poll(poll(NOTHING, north, south), replace(north, id="south"), replace(south, id="north"))
    assert (published(second), second.history.id_reuses) == ([], 1)


def test_other_words_at_a_page_under_a_new_id_are_another_article() -> None:
    page = "https://wire.example/alert"
    second = poll(poll(NOTHING, article("fire", link=page)), article("flood", link=page))
    assert published(second) == [("On flood", 1)]
    assert second.history == History()


def test_ids_that_change_at_every_poll_publish_nothing_again_and_are_said() -> None:
    keys, found = ["fire", "flood", "quake"], NOTHING
    for number in range(40):
        found = poll(found, *(article(key, of_id=f"{key}-{number}") for key in keys))
        assert len(found.news) == (3 if number == 0 else 0)
    assert (found.history.id_changes, trusts_ids(found.history), trusts_links(found.history)) == (39, False, True)
    (new,) = poll(found, article("storm")).news
    assert new[1].identity == ids.article_id(FEED, "link://wire.example/storm"), "named by what will stay"


def test_a_site_that_was_rebuilt_publishes_nothing_again_and_is_trusted() -> None:
    keys = ["fire", "flood", "quake"]
    before = poll(NOTHING, *map(article, keys))
    rebuilt = [replace(article(key), id=f"urn:{key}", link=f"https://new.example/{key}") for key in keys]
    after = poll(before, *rebuilt)
    assert after.news == ()
    assert trusts_ids(after.history)
    assert trusts_links(after.history)
    assert poll(after, *rebuilt).history == after.history


def test_the_same_headline_under_ids_that_hold_is_another_article() -> None:
    alert, stays = Entry("1", "https://a.example/1", "Security alert"), article("fire")
    first = poll(NOTHING, alert, stays)
    second = poll(first, replace(alert, id="2", link="https://a.example/2"), stays)
    assert published(second) == [("Security alert", 1)]


def test_one_short_entry_that_changes_id_and_link_for_ever_is_published_twice_at_most() -> None:
    found, times = NOTHING, 0
    for number in range(40):
        found = poll(found, Entry(f"{number}", f"https://a.example/?{number}", "Security alert"))
        times += len(found.news)
    assert times == 2


def test_ids_shared_in_a_document_are_no_names_and_what_was_known_stays_known() -> None:
    first = poll(NOTHING, article("fire", of_id="x"))
    second = poll(first, article("fire", of_id="x"), article("flood", of_id="x"))
    assert published(second) == [("On flood", 1)]
    assert second.history.id_reuses == 1
    assert poll(second, article("flood", of_id="x")).news == ()


def test_entries_that_share_id_and_link_are_all_read() -> None:
    page = "https://wire.example/"
    entries = [article(key, of_id="x", link=page) for key in ("fire", "flood", "quake")]
    first = poll(NOTHING, *entries)
    assert len(first.news) == 3
    assert poll(first, *entries, article("storm", of_id="x", link=page)).news[0][0].title == "On storm"


@pytest.mark.parametrize("shared", [{}, {"id": "x", "link": "https://wire.example/"}])
def test_the_same_words_on_another_day_are_another_article(shared: dict[str, str]) -> None:
    days = [replace(Entry(title="Red alert", published_at=NOW - n * timedelta(days=1)), **shared) for n in range(3)]  # type: ignore[arg-type]
    first = poll(NOTHING, days[1], days[2])
    assert len(first.news) == 2
    second = poll(first, days[0], days[1])
    assert [entry.published_at for entry, _ in second.news] == [NOW]
    assert poll(second, days[0], days[1]).news == ()


def test_what_a_document_holds_twice_is_one() -> None:
    fire, dated = article("fire"), replace(article("quake"), published_at=NOW)
    twice = [fire, replace(fire, link="https://wire.example/section/fire"), replace(fire, id="other"), Entry()]
    bare = Entry(title="Bare", text="No id, no link")
    versions = [dated, replace(dated, text="An older version, as Atom allows")]
    assert [title for title, _ in published(poll(NOTHING, *twice, bare, bare, *versions))] == [
        "On fire",
        "Bare",
        "On quake",
    ]


def test_a_feed_that_gains_or_loses_ids_or_links_publishes_nothing_again() -> None:
    full = [article(key) for key in ("fire", "flood", "quake")]
    variants = [full, [replace(e, id=None) for e in full], [replace(e, link=None) for e in full]]
    bare = [replace(e, id=None, link=None) for e in full]
    found = poll(NOTHING, *full)
    for number, way in enumerate([bare, *variants, bare, full]):
        found = poll(found, *way)
        assert found.news == (), number


@pytest.mark.parametrize("rung", ["id:fire", "link://wire.example/fire", "text"])
def test_marks_of_an_earlier_release_are_known_by_their_names(rung: str) -> None:
    fire = article("fire")
    kept = {"id": fire.id if rung.startswith("id") else None, "link": None if rung == "text" else fire.link}
    fire = replace(fire, **kept)  # type: ignore[arg-type]
    name = f"text:{content_hash(fire)}" if rung == "text" else rung
    old = Seen(ids.article_id(FEED, name), content_hash(fire), 3)
    other = Seen(ids.article_id(FEED, "id:gone"), content_hash(article("gone")))
    before = Recognised((), (old, other), History())
    same = poll(before, fire)
    assert (same.news, same.history, same.seen[0].identity, same.seen[0].revision) == ((), History(), old.identity, 3)
    assert same.seen[1] is other
    if rung != "text":
        assert published(poll(before, replace(fire, text="Edited"))) == [("On fire", 4)]
    assert poll(same, fire).news == ()


def test_a_kill_before_the_state_was_saved_repeats_the_same_ids() -> None:
    known = poll(NOTHING, article("fire"))
    once, twice = (poll(known, article("flood", of_id="fire"), article("quake")) for _ in range(2))
    assert once == twice


WORDS = "rockets hit the green zone in baghdad near an embassy late on sunday and nobody was hurt police said".split()


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        (WORDS, [*WORDS, "two", "more", "fell", "into", "the", "river"], True),
        (WORDS, ["update:", *WORDS[3:], "later"], True),
        (WORDS, "the minister of trade met farmers in the north to speak of wheat prices and of rain".split(), False),
        (["Security", "alert"], ["Weekly", "digest"], False),
        ([], [], False),
        (["外交部发言人表示", "大使馆", "遭到袭击"], ["外交部发言人表示", "大使馆", "两人受伤"], True),
    ],
)
def test_sketches_tell_an_edit_from_another_text(one: list[str], other: list[str], alike: bool) -> None:
    first, second = (sketch(Entry(text=" ".join(words))) for words in (one, other))
    assert are_alike(first, second) is alike
    assert are_alike(first, first) is bool(one)


def test_an_entry_with_neither_id_nor_link_is_known_by_its_title_while_its_words_are_alike() -> None:
    def shown(*titles: str, minute: int, subject: str = "consulate") -> list[Entry]:
        text = f"Read {minute} minutes ago: the {subject} reopens on Monday after the repair of its roof"
        return [Entry(None, None, title, text) for title in titles]

    before = poll(NOTHING, *shown("Reopening", "Notice", minute=1))
    after = poll(before, *shown("Reopening", "Notice", minute=2))
    assert published(after) == [("Reopening", 2), ("Notice", 2)]
    (retitled,) = poll(after, *shown("Open again", minute=3)).news
    assert retitled[1].revision == 1
    other = Entry(None, None, "Notice", "Demonstrators gather before the embassy; avoid the quarter this evening")
    assert published(poll(after, other)) == [("Notice", 1)]
    # Of one title that stands on two entries, nobody knows whose it was.
    twice = poll(after, *shown("Notice", minute=3), *shown("Notice", minute=3, subject="visa office"))
    assert published(twice) == [("Notice", 1), ("Notice", 1)]
