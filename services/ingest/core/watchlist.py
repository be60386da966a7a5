"""The feeds that are watched: what adding and finding one comes to, for the command and the API alike."""

from collections.abc import Iterable, Mapping

from services.contracts import ids
from services.contracts.feed import Feed
from services.contracts.ids import FeedId
from services.ingest.core.address import BadAddress, feed_url


def wanted(url: str, given: Mapping[str, object]) -> Feed:
    """The feed at `url` with the fields that were given; only those count as set.

    Raises BadAddress, and pydantic's ValidationError for a field that is wrong.
    """
    address = feed_url(url)
    return Feed.model_validate({**given, "feed_id": ids.feed_id(address), "url": address})


def changes(watched: Iterable[Feed], wanted: Iterable[Feed]) -> list[tuple[Feed | None, Feed]]:
    """Each of `wanted`, in order, as it is known (None: not yet) and as it then is. A feed that moved is known by its
    first address, which its id comes from, and by the one it has now: an exported list has that one, and a second feed
    there would publish every article twice."""
    of_id, of_url = dict[str, Feed](), dict[str, Feed]()
    for feed in watched:
        of_id[feed.feed_id] = of_url[feed.url] = feed
    changed = []
    for each in wanted:
        known = of_id.get(each.feed_id) or of_url.get(each.url)
        feed = merged(known, each)
        of_id[feed.feed_id] = of_url[feed.url] = feed
        changed.append((known, feed))
    return changed


def merged(known: Feed | None, wanted: Feed) -> Feed:
    """The feed as it is known, changed in the fields that were set on `wanted`; one that has moved stays moved."""
    if known is None:
        return wanted
    given = wanted.model_fields_set - {"feed_id", "url"}
    return known.model_copy(update={name: getattr(wanted, name) for name in given})


def found(feeds: Iterable[Feed], which: str) -> Feed | None:
    """The feed of that id or address: the one it has now, or the first, where it moved."""
    try:
        address = feed_url(which)
        names = {which, address, ids.feed_id(address)}
    except BadAddress:
        names = {which}
    return next((feed for feed in feeds if not names.isdisjoint((feed.feed_id, feed.url))), None)


def doubles(feeds: Iterable[Feed]) -> dict[FeedId, Feed]:
    """Of feeds polled at one address, as after both moved there, all but the one of least id, each with that one."""
    of_url, doubled = dict[str, Feed](), dict[FeedId, Feed]()
    for feed in sorted(feeds, key=lambda feed: feed.feed_id):
        if feed.enabled and of_url.setdefault(feed.url, feed) is not feed:
            doubled[feed.feed_id] = of_url[feed.url]
    return doubled
