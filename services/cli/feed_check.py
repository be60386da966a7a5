"""`chancery feeds check`: what a poll would do, without doing it; and how saved documents read."""

import asyncio
import os
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.markup import escape
from rich.table import Column, Table

from services.cli.context import EXIT_USAGE, err, fail, out, print_json, say
from services.cli.progress import progress
from services.contracts.feed import PollStatus
from services.ingest.check import Check, check, of_document, parsers
from services.ingest.core.address import BadAddress, feed_url
from services.ingest.core.feed import Document
from services.ingest.core.fetched import PERMANENT
from services.runtime.settings import Settings

MOST_NAMED = 20


def check_url(chosen: Settings, url: str, as_json: bool, full_text: bool = False) -> bool:
    """Print what a poll of `url` would do; whether it would bring a feed."""
    try:
        address = feed_url(url)
    except BadAddress as error:
        fail(f"{error}. Give the address of a feed or of a page, as https://example.org/rss.xml", EXIT_USAGE)
    checked = asyncio.run(check(chosen, address, full_text=full_text))
    if as_json:
        print_json(checked.as_json())
    else:
        _print_check(checked)
    return checked.status is PollStatus.OK


def _print_check(checked: Check) -> None:
    fetched, document = checked.fetched, checked.document
    colour = "green" if checked.status is PollStatus.OK else "red"
    out.print(f"[bold {colour}]{checked.status}[/] {escape(fetched.url)}", highlight=False, soft_wrap=True)
    for hop in fetched.hops:
        kind = "for good" if hop.http_status in PERMANENT else "for now"
        say(f"  redirected  {hop.url} ({hop.http_status}, {kind})")
    if fetched.http_status:
        size = f"{fetched.content_type or 'no type'}, {len(fetched.body):,} bytes"
        say(f"  answer      HTTP {fetched.http_status}, {size}")
        kept = [name for name, value in (("ETag", fetched.etag), ("Last-Modified", fetched.last_modified)) if value]
        say(f"  validators  {' and '.join(kept) or 'none: every poll fetches the whole document'}")
    if document and document.status is PollStatus.OK:
        told = of_document(document)
        say(f"  feed        {document.format}, {document.title!r}, language {document.language or 'not told'}")
        newest = f", newest {told['newest']:%F %T %Z}" if told["newest"] else ""
        say(f"  entries     {told['entries']}, {told['dated']} dated{newest}; median {told['median_chars']} characters")
        say(f"  would add   {checked.articles} articles")
    if page := checked.page:
        say(f"  page        {page.outcome}: {page.url or 'the entry has no link'}")
        say(f"  text        {page.text_chars} characters, {page.entry_chars} in the entry: {page.begins!r}")
    problem = document.problem if document else fetched.reason
    if problem:
        say(f"  problem     {problem}")
    for note in checked.notes:
        say(f"  note        {note}")
    for link in document.links if document else ():
        say(f"  offers      {link}")
    say(f"  next poll   {checked.next_poll}")


def check_files(chosen: Settings, directory: Path, as_json: bool) -> None:
    """Print how every file of a folder reads."""
    files = sorted(path for path in directory.rglob("*") if path.is_file())
    if not files:
        fail(f"{directory} holds no file", EXIT_USAGE)
    read = asyncio.run(_read_all(chosen, files))
    named = [(path.relative_to(directory).as_posix(), document) for path, document in zip(files, read, strict=True)]
    if as_json:
        print_json([_row(name, document) for name, document in named])
    else:
        _print_outcomes(named)


def _row(name: str, document: Document) -> dict[str, Any]:
    return {"file": name, "status": document.status, "reason": document.problem} | of_document(document)


async def _read_all(chosen: Settings, files: Sequence[Path]) -> list[Document]:
    """Documents in the order of `files`, as many at a time as there are processors."""
    processes = min(len(files), os.cpu_count() or 1)
    waiting = iter(enumerate(files))
    read: dict[int, Document] = {}
    async with parsers(chosen, processes) as parser:
        with progress("reading", len(files)) as advance:

            async def reads() -> None:
                for number, path in waiting:
                    read[number] = await parser.parse(path.read_bytes(), "", path.as_uri())
                    advance()

            async with asyncio.TaskGroup() as group:
                for _ in range(processes):
                    group.create_task(reads())
    return [read[number] for number in range(len(files))]


def _print_outcomes(named: Sequence[tuple[str, Document]]) -> None:
    table = Table(
        "outcome", "format", *(Column(name, justify="right") for name in ("documents", "entries", "with problems"))
    )
    groups: dict[tuple[str, str], list[Document]] = defaultdict(list)
    for _, document in named:
        groups[document.status, document.format].append(document)
    for (status, kind), those in sorted(groups.items(), key=lambda item: (-len(item[1]), item[0])):
        entries, troubled = sum(len(d.entries) for d in those), sum(bool(d.problem) for d in those)
        table.add_row(status, kind or "-", str(len(those)), str(entries), str(troubled))
    out.print(table)
    _print_unread([(name, document) for name, document in named if document.status is not PollStatus.OK])


def _print_unread(unread: Sequence[tuple[str, Document]]) -> None:
    for name, document in unread[:MOST_NAMED]:
        err.print(
            f"[yellow]{document.status}[/] {escape(name)}: {escape(document.problem)}", highlight=False, soft_wrap=True
        )
    if len(unread) > MOST_NAMED:
        err.print(f"and {len(unread) - MOST_NAMED} more; --json has them all")
