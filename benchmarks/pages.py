"""How many web pages a second one parser process reads, beside lxml alone on the same bytes.

    python -m benchmarks.pages [--pages 120] [--rounds 5] [--write]

A page has what a news site's has around a story of `wire.toml`: scripts, styles, two menus and sixty teasers of other
stories, 120 kB in all. What is asked for comes from and goes to the process, as in a poll.
"""

import argparse
import asyncio
import itertools
import statistics
import time
import tomllib
from collections.abc import Sequence
from pathlib import Path

from lxml.html import HTMLParser, fromstring  # type: ignore[import-untyped]

from benchmarks.surroundings import show, surroundings
from services.cli.scoresheet import Sheet, as_markdown
from services.ingest.adapters.parser import ParserPool

WIRE = Path(__file__).with_name("wire.toml")
TEASERS, ENTRIES, SCRIPT_BYTES, STYLE_BYTES = 60, 120, 60_000, 20_000


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--pages", type=int, default=120)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    pages = _pages(options.pages)
    sheet = asyncio.run(_measured(pages, options.rounds))
    intro = (
        f"{surroundings()}; {len(pages)} pages of {sum(map(len, pages)) // len(pages):,} bytes in turn, in every "
        "language there is a lexicon for."
    )
    show("pages", "How fast pages are read", intro, [as_markdown(sheet)], write=options.write)


def _pages(count: int) -> list[bytes]:
    with WIRE.open("rb") as file:
        languages = [texts for texts in tomllib.load(file).values() if "aftermath" in texts]
    return [_page(number, texts) for number, texts in zip(range(count), itertools.cycle(languages), strict=False)]


def _page(number: int, texts: dict[str, list[str]]) -> bytes:
    paragraphs = [*texts["aftermath"], *texts["ordinary"]]
    story = "".join(f"<p>{paragraph}</p>" for paragraph in paragraphs)
    menu = "".join(f'<li class="menu__item"><a href="/{n}">{n} {paragraphs[0][:12]}</a></li>' for n in range(ENTRIES))
    teasers = "".join(
        f'<div class="teaser"><a href="/{n}"><img src="/{n}.jpg" alt=""><h3>{paragraphs[n % 4][:70]}</h3></a></div>'
        for n in range(TEASERS)
    )
    script, style = "var a=1;" * (SCRIPT_BYTES // 8), ".a{margin:0}" * (STYLE_BYTES // 12)
    return f"""<!DOCTYPE html><html><head><title>Story {number}</title><script>{script}</script>
<style>{style}</style></head><body><header><nav><ul>{menu}</ul></nav></header><main>
<article><h1>Story {number}</h1>{story}</article><aside class="related">{teasers}</aside></main>
<footer><ul>{menu}</ul></footer></body></html>""".encode()


async def _measured(pages: Sequence[bytes], rounds: int) -> Sheet:
    """Both ways in turn in each round, so that what else the machine does falls on both."""
    read_s, parsed_s = list[float](), list[float]()
    async with ParserPool(processes=1, timeout_s=20, max_entries=1) as pool:
        begun = time.perf_counter()
        await pool.page(pages[0], "text/html")
        first_s = time.perf_counter() - begun
        for _ in range(rounds):
            begun = time.perf_counter()
            for page in pages:
                assert (await pool.page(page, "text/html")).text
            read_s.append(time.perf_counter() - begun)
            begun = time.perf_counter()
            for page in pages:
                fromstring(page, parser=HTMLParser(encoding="utf-8"))
            parsed_s.append(time.perf_counter() - begun)
    read, parsed = len(pages) / statistics.median(read_s), len(pages) / statistics.median(parsed_s)
    rows = (
        ("the article out of its page", f"{read:,.0f}", f"{read / parsed:.3f}"),
        ("lxml.html alone, no article", f"{parsed:,.0f}", "1"),
    )
    note = f"Median of {rounds} rounds. The first page of a process takes {first_s:.1f} s: it starts, and imports."
    return Sheet("One process", ("", "pages a second", "ratio"), rows, note)


if __name__ == "__main__":
    main()
