"""Whose page is wanted, what a page says, and whether that is what its entry told of."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from services.contracts.article import Article, PageProblem, TextOrigin
from services.ingest.core import plain_text
from services.ingest.core.feed import MAX_TEXT_CHARS

# Many publishers put the whole article where a summary belongs.
LONGEST_SUMMARY_CHARS = 2_000
_CUT = re.compile(r"(?:…|\.\.\.)[\])]?[^.!?…\n]{0,40}$")
"""An ellipsis at the end, with a "Read more" behind it perhaps."""

_HEADLINE_WITHIN = 3
"""Lines of a page's text among which its headline stands, if at all; above it may be the section or the date."""
_RULED = re.compile(r"[|\s:-]+")  # a line of a table that holds nothing

# Of the words of title and summary, so many have to stand in the page. Two sentences from the middle of a newswire
# report (779 of MUC-4) fall short of it in the rest of theirs in 4 %, and reach it in a wall that asks for consent and
# subscription in 0.5 %.
MIN_LIKENESS = 0.25
_WORD = re.compile(r"\w+")
_UNSPACED = re.compile("[\u3040-\u30ff\u3400-\u9fff]")
_STEM_CHARS, _SHORTEST_STEM = 5, 4
_NOT_WORDS = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class Page:
    """The article in a page, a line a paragraph. `text` is empty where there is none. `title` and `date` (ISO) are
    read only where they were asked for."""

    text: str = ""
    title: str = ""
    date: str | None = None


def read_page(html: str, *, with_metadata: bool = False) -> Page:
    """The article in `html`, without its headline where that is known, without comments and what surrounds it.

    May take long, and may raise what the parser trips over.
    """
    # Slow to import, and most processes read no page.
    from trafilatura import bare_extraction
    from trafilatura.settings import Document

    document = bare_extraction(html, include_comments=False, with_metadata=with_metadata)
    if not isinstance(document, Document) or not document.text:
        return Page()
    lines = (plain_text.one_line(line) for line in document.text.splitlines())
    text = "\n".join(line for line in lines if line and not _RULED.fullmatch(line))
    title = document.title or ""
    return Page(without_headline(text, title), title, document.date or None)


def without_headline(text: str, title: str) -> str:
    """A page's text without its headline, which is the title: told twice, it would count as lead too."""
    lines = text.split("\n")
    for number, line in enumerate(lines[:_HEADLINE_WITHIN]):
        if line.split() and line.casefold().split() == title.casefold().split():
            return "\n".join(lines[:number] + lines[number + 1 :]).strip()
    return text


def wanting(articles: Sequence[Article], window: timedelta) -> list[Article]:
    """Those whose entry is only a summary, or cut, newest first. `articles` stand oldest first.

    What lies further back than `window` on its feed's clock alerts nobody, so that its page is left in peace.
    """
    return [article for article in reversed(articles) if _is_short(article) and not _is_old(article, window)]


def _is_short(article: Article) -> bool:
    if article.text_origin is TextOrigin.SUMMARY and len(article.text) < LONGEST_SUMMARY_CHARS:
        return True
    return _is_cut(article.text)


def _is_cut(text: str) -> bool:
    return _CUT.search(text[-60:]) is not None


def _is_old(article: Article, window: timedelta) -> bool:
    if article.published_at is None or article.watermark_at is None:
        return False
    return article.watermark_at - article.published_at > window


def completed(article: Article, told: Page | PageProblem) -> Article:
    """`article` with the text of its page where that is more of the same, else with the reason why not.

    Its title stays the feed's. So does what the summary says: it opens the text unless the page says it too, because
    many pages keep their lead where no extraction looks.
    """
    text = without_headline(told.text, article.title) if isinstance(told, Page) else ""
    problem = told if isinstance(told, PageProblem) else _problem(article, text)
    if problem is not None:
        return article.model_copy(update={"page_problem": problem})
    if not _is_cut(article.text) and not _contains(text, article.text):
        text = f"{article.text}\n{text}"
    return article.model_copy(update={"text": text[:MAX_TEXT_CHARS], "text_origin": TextOrigin.PAGE})


def page_outcome(article: Article) -> str:
    """ "page", or why it was not had, or nothing where none was wanted."""
    return "page" if article.text_origin is TextOrigin.PAGE else article.page_problem or ""


def _problem(article: Article, text: str) -> PageProblem | None:
    if not text:
        return PageProblem.NO_TEXT
    if likeness(f"{article.title}\n{article.text}", text) < MIN_LIKENESS:
        return PageProblem.UNLIKE
    return PageProblem.SHORTER if len(text) <= len(article.text) else None


def likeness(told: str, text: str) -> float:
    """The share of the words of `told` that stand in `text`, 0 to 1; 1 where there is none to look for.

    Words are compared by their beginnings, for endings change; of scripts without spaces, pairs of characters are.
    """
    stems = _stems(told)
    return len(stems & _stems(text)) / len(stems) if stems else 1.0


def _stems(text: str) -> set[str]:
    stems = set[str]()
    for word in _WORD.findall(text.casefold()):
        if _UNSPACED.search(word):
            stems.update(word[n : n + 2] for n in range(len(word) - 1))
        elif len(word) >= _SHORTEST_STEM:
            stems.add(word[:_STEM_CHARS])
    return stems


def _contains(text: str, summary: str) -> bool:
    return _NOT_WORDS.sub("", summary).casefold() in _NOT_WORDS.sub("", text).casefold()
