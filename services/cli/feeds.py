"""`chancery feeds`: which feeds are watched, and how they are."""

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from pydantic import ValidationError
from rich.markup import escape

from services.cli.context import EXIT_USAGE, SOURCE, err, fail, out, print_json, settings, with_broker
from services.cli.feed_check import check_files, check_url
from services.cli.feed_health import list_watched, show_watched
from services.console.adapters.audited import Changed, myself, watch, write_audited
from services.contracts.feed import Feed, FeedState, PollStatus, SourceGrade
from services.contracts.topics import FEED_STATES, FEEDS
from services.ingest.adapters.fetcher import fetch_once
from services.ingest.core import opml, watchlist
from services.ingest.core.address import BadAddress
from services.ingest.core.health import HealthKind
from services.runtime.kafka import Publisher
from services.runtime.settings import Settings
from services.runtime.topic_table import snapshot

feeds = typer.Typer(
    help="The feeds that are watched: add, remove, pause, check, list, import, export.", no_args_is_help=True
)

Which = Annotated[str, typer.Argument(metavar="URL|ID", help="The feed's address or its id.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for machines.")]


def register(app: typer.Typer) -> None:
    app.add_typer(feeds, name="feeds")


@feeds.command()
def add(
    url: Annotated[str, typer.Argument(help="Address of the RSS, Atom, RDF or JSON document.")],
    title: Annotated[
        str | None, typer.Option(help="Name of the source; by default what the feed calls itself.")
    ] = None,
    language: Annotated[str | None, typer.Option(help="Language hint, BCP 47: fr, ar, pt-BR.")] = None,
    country: Annotated[str | None, typer.Option(help="Country hint, two letters: IQ.")] = None,
    grade: Annotated[
        SourceGrade | None,
        typer.Option(
            case_sensitive=False, help="Reliability, A (complete) to E (none), F (cannot be judged, the default)."
        ),
    ] = None,
    full_text: Annotated[
        bool | None, typer.Option("--full-text/--no-full-text", help="May its pages be fetched for the full text?")
    ] = None,
    min_interval_s: Annotated[
        int | None, typer.Option(help="Seconds that lie between two polls at least; 0: as the settings have it.")
    ] = None,
    max_interval_s: Annotated[
        int | None, typer.Option(help="Seconds after which a quiet feed is asked again; 0: as the settings have it.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Watch a feed. Adding it again changes only what is given here.

    Example: chancery feeds add https://news.example/rss --grade B --language fr
    """
    given = {
        "title": title,
        "language": language,
        "country": country and country.upper(),
        "grade": grade,
        "full_text": full_text,
        "min_interval_s": min_interval_s,
        "max_interval_s": max_interval_s,
    }
    try:
        told: dict[str, object] = {name: value for name, value in given.items() if value is not None}
        told |= {name: None for name in ("min_interval_s", "max_interval_s") if given[name] == 0}
        feed = watchlist.wanted(url, told)
    except BadAddress as error:
        fail(f"{error}. Give the address of the feed, as https://example.org/rss.xml", EXIT_USAGE)
    except ValidationError as error:
        _wrong_field(error)
    _said(with_broker(lambda chosen: _watch(chosen, [feed])), "watching", as_json)


@feeds.command()
def remove(which: Which) -> None:
    """Stop watching a feed and forget what was known of it."""

    async def run(chosen: Settings) -> Feed:
        feed = _one(await _watched(chosen), which)
        await _write(chosen, [(feed, None)])
        return feed

    _said([with_broker(run)], "no longer watching", False)


@feeds.command()
def pause(which: Which) -> None:
    """Poll a feed no more, until it is resumed."""
    _said([with_broker(lambda chosen: _enable(chosen, which, False))[1]], "paused", False)


@feeds.command()
def resume(which: Which) -> None:
    """Poll a paused feed again, at once."""
    before, feed = with_broker(lambda chosen: _enable(chosen, which, True))
    _said([feed], "resumed" if before != feed else "not paused, so left as it is:", False)


@feeds.command()
def check(
    url: Annotated[str | None, typer.Argument(help="Address of a feed, or of a page that may offer one.")] = None,
    files: Annotated[
        Path | None,
        typer.Option(file_okay=False, exists=True, help="Read every document of this folder instead, and tell how."),
    ] = None,
    full_text: Annotated[
        bool, typer.Option("--full-text", help="Also fetch the page of the newest entry, as a poll of the feed may.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """What a poll would do, without doing it: answer, redirects, format, entries, dates, problems, next poll.

    Needs no broker. Exits 1 where a poll would bring no feed.

    Example: chancery feeds check https://news.example/rss
    """
    if (url is None) == (files is None):
        fail("give either an address or --files DIR", EXIT_USAGE)
    if files and full_text:
        fail("--full-text goes with an address: documents from a folder have no pages", EXIT_USAGE)
    if files:
        check_files(settings(), files, as_json)
    elif not check_url(settings(), url or "", as_json, full_text):
        raise typer.Exit(1)


@feeds.command("list")
def list_feeds(
    kinds: Annotated[
        list[HealthKind] | None,
        typer.Option("--health", case_sensitive=False, help="Only feeds that are so; may be given several times."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Every feed with its health: what is the matter, since when, and what to do.

    Example: chancery feeds list --health failing --health stuck
    """
    watched = sorted(with_broker(_watched), key=lambda pair: (pair[0].title.casefold(), pair[0].url))
    list_watched(watched, kinds or (), as_json)


@feeds.command()
def show(which: Which, as_json: AsJson = False) -> None:
    """All there is to say of one feed: its health, its polls, its entries and how they are told apart."""
    watched = with_broker(_watched)
    show_watched(_one(watched, which), watched, as_json)


@feeds.command("import")
def import_feeds(
    source: Annotated[str, typer.Argument(metavar="FILE.opml|URL|-", help="OPML; - reads standard input.")],
    as_json: AsJson = False,
) -> None:
    """Watch every feed of an OPML document. Exits 1 if some could not be taken; the others are.

    A feed that is watched already keeps what the document does not give, and stays paused if it is.

    Example: chancery feeds import feeds.opml
    """
    document = _document(source)
    try:
        listing = opml.read(document)
    except opml.OpmlError as error:
        fail(f"{source}: {error}", EXIT_USAGE)
    if not listing.feeds and not listing.problems:
        fail(f"{source} lists no feed: OPML outlines with an xmlUrl are expected", EXIT_USAGE)
    _said(with_broker(lambda chosen: _watch(chosen, listing.feeds)), "watching", as_json)
    for problem in listing.problems:
        err.print(f"[yellow]left out[/] {escape(problem)}", highlight=False, soft_wrap=True)
    if listing.problems:
        raise typer.Exit(1)


@feeds.command()
def export() -> None:
    """Write every feed as OPML to standard output."""
    sys.stdout.buffer.write(opml.write(feed for feed, _ in with_broker(_watched)))


def _document(source: str) -> bytes:
    if source == "-":
        return sys.stdin.buffer.read()
    if source.startswith(("http://", "https://")):
        return with_broker(lambda chosen: _fetched(chosen, source))
    try:
        return Path(source).read_bytes()
    except OSError as error:
        fail(f"cannot read {source}: {error.strerror}", EXIT_USAGE)


async def _fetched(chosen: Settings, url: str) -> bytes:
    fetched = await fetch_once(chosen, url)
    if fetched.status is not PollStatus.OK:
        fail(f"cannot fetch {url}: {fetched.reason}")
    return fetched.body


async def _watch(chosen: Settings, wanted: Iterable[Feed]) -> list[Feed]:
    async with Publisher(chosen, SOURCE) as publisher:
        return await watch(chosen, publisher, wanted)


async def _enable(chosen: Settings, which: str, enabled: bool) -> tuple[Feed, Feed]:
    """As it was, and as it is."""
    known = _one(await _watched(chosen), which)
    feed = known.model_copy(update={"enabled": enabled})
    await _write(chosen, [(known, feed)])
    return known, feed


async def _write(chosen: Settings, changed: Iterable[Changed]) -> None:
    async with Publisher(chosen, SOURCE) as publisher:
        await write_audited(publisher, myself(), FEEDS, changed)


async def _watched(chosen: Settings) -> list[tuple[Feed, FeedState | None]]:
    table = await snapshot(chosen, [FEEDS, FEED_STATES])
    states = {state.key: state for state in table.values(FEED_STATES)}
    return [(feed, states.get(feed.feed_id)) for feed in table.values(FEEDS)]


def _one(watched: Iterable[tuple[Feed, FeedState | None]], which: str) -> Feed:
    found = watchlist.found((feed for feed, _ in watched), which)
    if found is None:
        fail(f"no feed {which} is watched; `chancery feeds list` shows what is")
    return found


def _said(changed: Iterable[Feed], what: str, as_json: bool) -> None:
    if as_json:
        print_json([feed.model_dump(mode="json") for feed in changed])
        return
    for feed in changed:
        done = what if feed.enabled or what == "no longer watching" else "paused"
        out.print(f"{done} {feed.title or feed.url} ({feed.feed_id})", highlight=False, soft_wrap=True, markup=False)


def _wrong_field(error: ValidationError) -> NoReturn:
    first = error.errors(include_url=False)[0]
    name = "".join(map(str, first["loc"])).replace("_", "-")
    fail(f"--{name} {first['input']!r}: {first['msg']}", EXIT_USAGE)
