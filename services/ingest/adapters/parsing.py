"""The process that parses: feeds, pages and robots.txt in on standard input, what they say out on standard output.

It stands alone because a document may hang it, kill it or fill its memory. `python -m services.ingest.adapters.parsing`
"""

import io
import json
import logging
import resource
import signal
import struct
import sys
import warnings
from collections.abc import Callable, Mapping
from contextlib import suppress
from enum import StrEnum
from typing import Any, BinaryIO

import feedparser
from pydantic import TypeAdapter

from services.contracts.feed import PollStatus
from services.ingest.core import decoding, json_feed, plain_text, robots
from services.ingest.core.feed import MAX_TEXT_CHARS, Document, document
from services.ingest.core.feed_links import feed_links
from services.ingest.core.full_text import Page, read_page

MAX_MEMORY_BYTES = 1 << 30

QUESTION = struct.Struct(">II")  # length of the head (JSON), length of the body
ANSWER = struct.Struct(">I")  # length of the answer (JSON)
DOCUMENTS = TypeAdapter(Document)
PAGES = TypeAdapter(Page)
PERMISSIONS = TypeAdapter(robots.Permission)


def parse(body: bytes, content_type: str, url: str, max_entries: int) -> Document:
    """What `body` says. `url` is the base of relative links. Never raises for what a document holds."""
    try:
        text, mislabelled = decoding.decode(body, content_type)
        if json_feed.looks_like_json(text):
            return document(json_feed.parsed(text), "", url, max_entries, mislabelled)
        markup = decoding.for_xml(text)
        if markup.is_html:
            return Document(PollStatus.NOT_A_FEED, "HTML instead of a feed", links=feed_links(text, url))
        parsed = _read(markup.text)
        return document(parsed, markup.root, url, max_entries, mislabelled, markup.is_whole)
    except json_feed.NotAFeed as error:
        return Document(PollStatus.NOT_A_FEED, str(error))
    except MemoryError:
        return Document(PollStatus.ILL_FORMED, "the document takes too much memory to parse")
    except Exception as error:  # noqa: BLE001 - whatever a parser trips over is what the document did to it
        return Document(PollStatus.ILL_FORMED, f"the parser failed: {type(error).__name__}: {str(error)[:200]}")


def _read(text: str) -> Mapping[str, Any]:
    try:
        return _feedparser(text)
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - the strict one of feedparser's two parsers fails at a namespace with a space, say
        # What is not well-formed from its first character on is left to the lenient one.
        return _feedparser("&" + text)


def _feedparser(text: str) -> Mapping[str, Any]:
    # BytesIO, because feedparser opens bytes that look like a path. The header settles the charset; a base is
    # not given, because feedparser would make ids absolute too, and they would change when the feed moves.
    parsed: Mapping[str, Any] = feedparser.parse(
        io.BytesIO(text.encode()),
        response_headers={"content-type": "application/xml; charset=utf-8"},
        sanitize_html=False,
        resolve_relative_uris=False,
    )
    return parsed


class Kind(StrEnum):
    """What the body of a question is."""

    FEED = "feed"
    PAGE = "page"
    ROBOTS = "robots"


def page(body: bytes, content_type: str) -> Page:
    """The article in a page, which may be plain text, as far as a record holds it. Never raises for what a page
    holds."""
    text, _ = decoding.decode(body, content_type)
    if content_type.strip().lower().startswith("text/plain"):
        return Page(plain_text.from_plain(decoding.without_forbidden(text))[:MAX_TEXT_CHARS])
    try:
        # One character that XML forbids would cost the whole page.
        return Page(read_page(decoding.for_xml(text).text).text[:MAX_TEXT_CHARS])
    except (Exception, MemoryError):  # noqa: BLE001 - as above; without a text the summary has to do
        return Page()


def permission(text: bytes, url: str, user_agent: str) -> robots.Permission:
    """What a robots.txt says about `url`. Never raises: one that cannot be read forbids."""
    try:
        return robots.permission(text, url, user_agent)
    except (Exception, MemoryError):  # noqa: BLE001 - as above
        return robots.Permission(allowed=False)


_ANSWERS: Mapping[str, Callable[..., bytes]] = {
    Kind.FEED: lambda body, **asked: DOCUMENTS.dump_json(parse(body, **asked)),
    Kind.PAGE: lambda body, **asked: PAGES.dump_json(page(body, **asked)),
    Kind.ROBOTS: lambda body, **asked: PERMISSIONS.dump_json(permission(body, **asked)),
}


def serve(questions: BinaryIO, answers: BinaryIO) -> None:
    """Answer until the questions end. A document that takes longer than its deadline ends the process by SIGALRM,
    which nothing in a parser can hold up, and which works when the parent is gone."""
    while head := questions.read(QUESTION.size):
        head_length, body_length = QUESTION.unpack(head)
        asked: dict[str, Any] = json.loads(questions.read(head_length))
        body = questions.read(body_length)
        signal.setitimer(signal.ITIMER_REAL, asked.pop("timeout_s"))
        answer = _ANSWERS[asked.pop("kind")](body, **asked)
        signal.setitimer(signal.ITIMER_REAL, 0)
        answers.write(ANSWER.pack(len(answer)) + answer)
        answers.flush()


def main() -> None:
    warnings.simplefilter("ignore")
    logging.disable()  # the answer says what was wrong
    with suppress(ValueError, OSError):  # not every system lets a process bound itself
        resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY_BYTES, MAX_MEMORY_BYTES))
    serve(sys.stdin.buffer, sys.stdout.buffer)


if __name__ == "__main__":
    main()
