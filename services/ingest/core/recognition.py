"""Which entries of a document are articles that are known, which of those were edited, and which are new.

No rung of the ladder decides alone: an id that comes back with another link and other words is another article, a link
that comes back under another id is the same one. So feeds that reuse ids, or change them at every poll, publish nothing
twice and nothing under another's name. What rungs have shown themselves to be worth is counted in the feed's history;
it decides how new articles are named. A known article keeps its name whatever happens.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from services.contracts import ids
from services.contracts.feed import History, Seen
from services.contracts.ids import FeedId
from services.ingest.core.feed import Entry
from services.ingest.core.identity import rungs_of
from services.ingest.core.likeness import Likeness, are_alike, likeness, sketch, unpacked

# Entries that left the document are remembered this far, because some feeds let them come back.
SEEN_AT_LEAST = 50
# Ids (or links) that changed under known articles at so many polls are not relied on. Once is a site that was rebuilt.
ENOUGH_CHANGES = 2
# Two articles may share a headline and have no text; nobody writes so much twice.
LONG_CHARS = 200


@dataclass(frozen=True, slots=True)
class Recognised:
    """`news` are the new and edited entries in the order of the document; `seen` is to be remembered, newest first."""

    news: tuple[tuple[Entry, Seen], ...]
    seen: tuple[Seen, ...]
    history: History


def trusts_ids(history: History) -> bool:
    return not history.id_reuses and history.id_changes < ENOUGH_CHANGES


def trusts_links(history: History) -> bool:
    return history.link_changes < ENOUGH_CHANGES


def recognised(
    feed: FeedId, history: History, marks: Sequence[Seen], entries: Sequence[Entry], now: datetime
) -> Recognised:
    """What `entries`, in the order of their document, are to a feed of which `marks` are known. The same document once
    more is no news."""
    poll = _Poll(feed, marks, _distinct(entries))
    poll.pair(poll.by_name())
    poll.pair(poll.by_id_or_link(history))
    same = poll.same_text()
    after = poll.shown(history, same, now)
    poll.pair(poll.by_text(same, history, after))
    news, seen = poll.settled(after)
    keep = max(SEEN_AT_LEAST, 2 * len(seen))
    for mark in marks:
        if len(seen) >= keep:
            break
        seen.setdefault(mark.identity, mark)
    return Recognised(tuple(news), tuple(seen.values()), after)


@dataclass(slots=True)
class _Came:
    """An entry of the document: the rungs that name it alone, the best first, and how it looks."""

    entry: Entry
    rungs: tuple[str, ...]
    look: Likeness
    shares_id: bool

    def trusts_id(self, history: History) -> bool:
        """Whether its id, or the date that stands for it, tells it from others."""
        return history.id_changes < ENOUGH_CHANGES if self.rungs[0].startswith("date:") else trusts_ids(history)

    @property
    def content_hash(self) -> str:
        return self.rungs[-1].removeprefix("text:")

    @property
    def is_long(self) -> bool:
        return len(self.entry.title) + len(self.entry.text) >= LONG_CHARS

    def with_words(self) -> Likeness:
        if not self.look.words:
            self.look = self.look._replace(words=sketch(self.entry))
        return self.look


def _distinct(entries: Sequence[Entry]) -> list[_Came]:
    """The entries that say something, without those the document holds twice. A rung that stands on several entries
    names none of them; what is then left without id and link has its date for an id.

    Twice is: the same title, text and date under one id or link; or one id, link and date, as Atom allows for versions
    of an entry (RFC 4287, 4.1.1). Anything else is read, however alike.
    """
    met = set[tuple[str, ...]]()
    kept: list[tuple[Entry, dict[str, str]]] = []
    for entry in entries:
        if entry.is_blank:
            continue
        rungs = rungs_of(entry)
        by = [rungs[kind] for kind in ("id", "link") if kind in rungs]
        same: set[tuple[str, ...]] = {(name, rungs["text"], _date(entry)) for name in by or [""]}
        if len(by) == 2 and entry.published_at:
            same.add((*by, _date(entry)))
        if met.isdisjoint(same):
            kept.append((entry, rungs))
        met |= same
    stands_on = Counter(name for _, rungs in kept for name in rungs.values())
    came = []
    for entry, rungs in kept:
        alone = {kind: name for kind, name in rungs.items() if stands_on[name] == 1 or kind == "text"}
        shares_id = "id" in rungs and "id" not in alone
        if len(alone) == 1 and entry.published_at:
            alone = {"id": f"date:{_date(entry)} {alone['text']}", **alone}
        came.append(_Came(entry, tuple(alone.values()), likeness(entry.title, alone), shares_id))
    return came


def _date(entry: Entry) -> str:
    return entry.published_at.isoformat() if entry.published_at else ""


class _Poll:
    """What came, what is known, and which of them are one article: places in `came` to places in `marks`."""

    def __init__(self, feed: FeedId, marks: Sequence[Seen], came: Sequence[_Came]) -> None:
        self._feed, self._marks, self._came = feed, marks, came
        self._known = [unpacked(mark.content_hash) for mark in marks]
        self._mark_of: dict[int, int] = {}
        self._paired: set[int] = set()

    def pair(self, pairs: Iterable[tuple[int, int]]) -> None:
        """Hold for one article what is free on both sides, the first first."""
        for place, mark in pairs:
            if place not in self._mark_of and mark not in self._paired:
                self._mark_of[place] = mark
                self._paired.add(mark)

    def by_name(self) -> Iterator[tuple[int, int]]:
        """Of marks that say no more than their name, because an earlier release wrote them."""
        bare = {mark.identity: place for place, mark in enumerate(self._marks) if self._known[place] is None}
        for place, came in enumerate(self._came if bare else ()):
            for rung in came.rungs:
                if (article := ids.article_id(self._feed, rung)) in bare:
                    yield place, bare[article]

    def by_id_or_link(self, history: History) -> list[tuple[int, int]]:
        """Where an id or a link is the same and nothing speaks against it, the surest first; a title is as good where
        there is neither."""
        of_id, of_link = defaultdict[str, list[int]](list), defaultdict[str, list[int]](list)
        of_title = defaultdict[str, list[int]](list)
        for place, known in enumerate(self._known):
            if known:
                of_id[known.id].append(place)
                of_link[known.link].append(place)
                if known.is_nameless:
                    of_title[known.title].append(place)
        titles = Counter(came.look.title for came in self._came if came.look.is_nameless)
        found = []
        for place, came in enumerate(self._came):
            candidates = {
                *(of_id[came.look.id] if came.look.id else ()),
                *(of_link[came.look.link] if came.look.link else ()),
                *(of_title[came.look.title] if came.look.is_nameless and titles[came.look.title] == 1 else ()),
            }
            for mark in candidates:
                known = self._known[mark]
                if known and (sure := _sureness(came, known, history)):
                    found.append((-sure, place, mark))
        return [(place, mark) for _, place, mark in sorted(found)]

    def same_text(self) -> list[tuple[int, int]]:
        """What is left on both sides and has the same title and text."""
        of_text = defaultdict[str, list[int]](list)
        for mark in reversed(range(len(self._marks))):
            known = self._known[mark]
            if known and mark not in self._paired:
                of_text[known.content].append(mark)
        left = ((place, came.look.content) for place, came in enumerate(self._came) if place not in self._mark_of)
        return [(place, of_text[content].pop()) for place, content in left if of_text[content]]

    def shown(self, history: History, same: Sequence[tuple[int, int]], now: datetime) -> History:
        """`history` with what this poll shows of ids and links, if what has the `same` text is the same article."""
        pairs = [(self._came[place].look, self._known[mark]) for place, mark in [*self._mark_of.items(), *same]]
        looks = [(look, known) for look, known in pairs if known]
        counted = replace(
            history,
            id_changes=history.id_changes + _mostly_differ((look.id, known.id) for look, known in looks),
            id_reuses=history.id_reuses + self._reused(dict(same)),
            link_changes=history.link_changes + _mostly_differ((look.link, known.link) for look, known in looks),
        )
        return counted if counted == history else replace(counted, identity_at=now)

    def _reused(self, same: Mapping[int, int]) -> bool:
        """Whether an id stands on several articles, one of them new, or came back with another article."""
        known_ids = {known.id for known in self._known if known and known.id}
        for place, came in enumerate(self._came):
            mark = self._mark_of.get(place, same.get(place))
            known = None if mark is None else self._known[mark]
            if came.shares_id and mark is None:
                return True
            if came.look.id in known_ids and not (known and known.id == came.look.id):
                return True
        return False

    def by_text(self, same: Sequence[tuple[int, int]], before: History, shown: History) -> Iterator[tuple[int, int]]:
        """Of what has the same text what is the same article: nothing contradicts it, or only ids and links that are
        known to change; or that changed now, for several articles or for one with a text that nobody writes twice."""
        ids_hold = shown.id_changes == before.id_changes
        links_hold = trusts_links(shown) and shown.link_changes == before.link_changes
        for place, mark in same:
            came, known = self._came[place], self._known[mark]
            by_id = bool(known and known.id and came.look.id)
            by_link = bool(known and known.link and came.look.link)
            known_to_change = not ((by_id and came.trusts_id(shown)) or (by_link and trusts_links(shown)))
            changed_now = not ((by_id and ids_hold and came.trusts_id(shown)) or (by_link and links_hold))
            if known_to_change or (changed_now and (len(same) > 1 or came.is_long)):
                yield place, mark

    def settled(self, history: History) -> tuple[list[tuple[Entry, Seen]], dict[str, Seen]]:
        """What is new or edited; and everything that came, as it is now known, by its article id."""
        taken = {mark.identity for mark in self._marks}
        news, seen = [], dict[str, Seen]()
        for place, came in enumerate(self._came):
            if place in self._mark_of:
                mark = self._marks[self._mark_of[place]]
                known = self._known[self._mark_of[place]]
                edited = known.content != came.look.content if known else mark.content_hash != came.content_hash
                words = known.words if known and not edited else came.with_words().words
                mark = Seen(mark.identity, came.look._replace(words=words).packed(), mark.revision + edited)
            else:
                edited = True
                article = next((name for name in self._names(came, history) if name not in taken), None)
                if article is None:
                    continue  # the same words under another's id and link, once more
                taken.add(article)
                mark = Seen(article, came.with_words().packed())
            seen[mark.identity] = mark
            if edited:
                news.append((came.entry, mark))
        return news, seen

    def _names(self, came: _Came, history: History) -> Iterator[str]:
        """The article ids an entry may be given, by the rungs that the feed can be trusted with."""
        trusted = {"id": trusts_ids(history), "date": came.trusts_id(history), "link": trusts_links(history)}
        for rung in came.rungs:
            if trusted.get(rung.partition(":")[0], True):
                yield ids.article_id(self._feed, rung)


def _mostly_differ(pairs: Iterable[tuple[str, str]]) -> bool:
    """Whether of the pairs with two sides more differ than agree."""
    differ = [one != other for one, other in pairs if one and other]
    return 2 * sum(differ) > len(differ)


def _sureness(came: _Came, known: Likeness, history: History) -> int:
    """How surely an entry with the id or the link of a known one is that article; 0 where it is another."""
    look = came.look
    same_id, same_link = bool(look.id) and look.id == known.id, bool(look.link) and look.link == known.link
    if same_id and same_link:
        return 4
    if look.content == known.content:
        return 3
    if look.is_nameless and known.is_nameless:
        return int(are_alike(came.with_words().words, known.words))
    if not same_id and not (look.id and known.id and trusts_ids(history)):
        return 2  # the link is all there is to go by
    if not same_id and look.title and look.title == known.title:
        return 1
    return int(are_alike(came.with_words().words, known.words))
