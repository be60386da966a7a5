"""How fast the reading is: articles a second on one core beside a bare scan, start-up, memory, worst case.

    python -m benchmarks.speed [--rounds 5] [--articles 600] [--write]

Articles of 2.5 kB, in every language there is a lexicon for in turn, mixed in three ways:

- a day of feeds: one article in ten tells an attack in its lead, the others nothing. Feeds that bring world news have
  far fewer, one in some hundreds: their day is faster than this.
- stories of one attack: a telling lead, then reaction and background as a wire story goes on.
- every sentence an attack: the demo's paragraphs shuffled and joined, the worst natural text.

Leads are the demo's; all other paragraphs stand in `wire.toml`.
"""

import argparse
import gc
import importlib
import itertools
import json
import random
import re
import statistics
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.surroundings import show, surroundings
from deploy.demo import newsroom
from deploy.demo.newsroom import Alert
from services.classify.adapters.data import load_rules
from services.classify.core.reading.article import MAX_CHARACTERS, ArticleText
from services.classify.core.reading.language import identify
from services.classify.core.reading.pipeline import Reader
from services.classify.core.reading.scan import find
from services.classify.core.reading.text import fold
from services.cli.classify import read_line
from services.cli.scoresheet import Sheet, as_markdown

ARTICLE_BYTES = 2_500
ADVERSARIAL_CHARACTERS = 1_000_000
SEED = 20_201_220
TELLING_SHARE = 0.1
DAY = "2020-12-21"
ROOT = Path(__file__).parent.parent
WIRE = Path(__file__).with_name("wire.toml")
LEXICONS = ROOT / "services" / "classify" / "lexicons"


@dataclass(frozen=True)
class Contender:
    """One way over all articles. Everything it needs is made before the clock runs."""

    name: str
    run: Callable[[], object]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--articles", type=int, default=600)
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    reader = Reader(load_rules())
    mixes = {name: _lines(mix, options.articles, sorted(reader.rules.lexicons)) for name, mix in MIXES.items()}
    sheets = (
        *(_throughput(name, reader, lines, options.rounds) for name, lines in mixes.items()),
        _start_up(mixes["every sentence an attack"][: len(reader.rules.lexicons)]),
        _worst(reader),  # last: every language's automata are built by now
    )
    intro = (
        f"{surroundings()}; one process, its own CPU time; {options.articles} articles of {ARTICLE_BYTES} bytes "
        f"in {len(reader.rules.lexicons)} languages; ruleset {reader.rules.version}."
    )
    show("speed", "How fast the reading is", intro, map(as_markdown, sheets), write=options.write)


@dataclass(frozen=True)
class Texts:
    """The paragraphs of one language: `leads` and `telling` from the demo, the others from `wire.toml`."""

    leads: Sequence[str]
    telling: Sequence[str]
    aftermath: Sequence[str]
    ordinary: Sequence[str]


Mix = Callable[[Texts, random.Random], Sequence[str]]
"""The paragraphs of one article, as chance will have it."""


def _of_a_day(texts: Texts, chance: random.Random) -> Sequence[str]:
    ordinary = chance.sample(texts.ordinary, len(texts.ordinary))
    return [chance.choice(texts.leads), *ordinary] if chance.random() < TELLING_SHARE else ordinary


def _of_a_story(texts: Texts, chance: random.Random) -> Sequence[str]:
    return [chance.choice(texts.leads), *texts.aftermath, *chance.sample(texts.ordinary, len(texts.ordinary))]


def _of_attacks(texts: Texts, chance: random.Random) -> Sequence[str]:
    return chance.sample(texts.telling, len(texts.telling))


MIXES: Mapping[str, Mix] = {
    "a day of feeds": _of_a_day,
    "stories of one attack": _of_a_story,
    "every sentence an attack": _of_attacks,
}


def _texts(languages: Sequence[str]) -> dict[str, Texts]:
    with WIRE.open("rb") as file:
        wire = tomllib.load(file)
    items = [
        (publication.language, item)
        for publication in newsroom.read()
        for item in publication.items
        if publication.language in languages
    ]
    return {
        code: Texts(
            leads=[item.paragraphs[0] for own, item in items if own == code and isinstance(item.expect, Alert)],
            telling=[paragraph for own, item in items if own == code for paragraph in item.paragraphs],
            **wire[code],
        )
        for code in languages
    }


def _lines(mix: Mix, number: int, languages: Sequence[str]) -> list[str]:
    """Articles as JSON lines, languages in turn; equal arguments give equal lines. What follows a lead goes round."""
    chance, texts = random.Random(SEED), _texts(languages)
    lines = []
    for index, language in zip(range(number), itertools.cycle(languages), strict=False):
        first, *rest = mix(texts[language], chance)
        text = _cut("\n".join((first, *itertools.islice(itertools.cycle(rest or (first,)), 100))), ARTICLE_BYTES)
        lines.append(json.dumps({"id": str(index), "text": text, "lang": language, "date": DAY}, ensure_ascii=False))
    return lines


def _cut(text: str, size: int) -> str:
    return text.encode()[:size].decode(errors="ignore")


def _contenders(reader: Reader, lines: list[str]) -> tuple[list[Contender], str]:
    articles = [read_line(line.encode(), number) for number, line in enumerate(lines)]
    folded = [(article.language_hint or "", fold(article.full_text)) for article in articles]
    lexicons, gazetteer = reader.rules.lexicons, reader.rules.gazetteer

    def scan() -> None:
        for language, text in folded:
            identify(text.norm, text.clean, reader.profiles, language)
            find(lexicons[language].matcher, text)
            find(gazetteer.part(reader.profiles[language].script).matcher, text)

    contenders = [
        Contender("the reading", lambda: [reader.read(article) for article in articles]),
        Contender("(a) JSON decoding", lambda: [json.loads(line) for line in lines]),
        Contender("(b) bare Aho-Corasick scan over the same patterns, and language id; text folded before", scan),
    ]
    try:
        spacy = importlib.import_module("spacy")
    except ImportError:
        return contenders, "(c) spacy.blank tokenising: skipped, spaCy is not installed here."
    pipelines = {language: spacy.blank(language) for language, _ in folded}
    contenders.append(
        Contender(
            f"(c) spacy.blank tokenising, spaCy {spacy.__version__}",
            lambda: [pipelines[article.language_hint or ""](article.text) for article in articles],
        )
    )
    return contenders, ""


def _throughput(title: str, reader: Reader, lines: list[str], rounds: int) -> Sheet:
    """Rounds take turns, so that a slow minute of the machine slows all; ratios are of one round, then their median."""
    contenders, note = _contenders(reader, lines)
    rates: dict[str, list[float]] = {contender.name: [] for contender in contenders}
    for contender in contenders:
        contender.run()
    for _ in range(rounds):
        for contender in contenders:
            gc.collect()
            begun = time.process_time()
            contender.run()
            rates[contender.name].append(len(lines) / (time.process_time() - begun))
    reading = rates[contenders[0].name]
    rows = []
    for name, own in rates.items():
        ratio = statistics.median(mine / theirs for mine, theirs in zip(reading, own, strict=True))
        rows.append((name, f"{statistics.median(own):,.0f}", f"{min(own):,.0f} to {max(own):,.0f}", f"{ratio:.3f}"))
    columns = ("", "a second, median", "rounds", "the reading over it")
    return Sheet(f"Articles a second on one core: {title}", columns, tuple(rows), note)


_FRESH = """
import json, sys
from services.classify.adapters.data import load_rules
from services.classify.core.reading.article import ArticleText
from services.classify.core.reading.pipeline import Reader

def report(event):
    with open("/proc/self/status") as status:
        sizes = {name: int(size.split()[0]) / 1024 for name, _, size in (line.partition(":") for line in status)
                 if name in ("VmRSS", "VmHWM")}
    print(json.dumps([event, sizes["VmRSS"], sizes["VmHWM"]]), flush=True)

reader = Reader(load_rules())
report("ready to read")
for line in sys.stdin:
    row = json.loads(line)
    reader.read(ArticleText(id=row["id"], text=row["text"], language_hint=row["lang"]))
report("an article of each language read")
"""


def _start_up(lines: Sequence[str], times: int = 3) -> Sheet:
    """Of fresh processes, from their start; the median of each figure. Needs Linux, for the memory."""
    runs = [list(_one_start(lines)) for _ in range(times)]
    rows = []
    for moments in zip(*runs, strict=True):
        seconds, resident, peak = (statistics.median(moment[part] for moment in moments) for part in (1, 2, 3))
        rows.append((moments[0][0], f"{seconds:.2f}", f"{resident:.0f}", f"{peak:.0f}"))
    return Sheet(f"A fresh process, median of {times}", ("", "seconds", "MB resident", "MB at its peak"), tuple(rows))


def _one_start(lines: Sequence[str]) -> Iterator[tuple[str, float, float, float]]:
    begun = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-c", _FRESH], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        event, resident, peak = json.loads(process.stdout.readline())
        yield event, time.perf_counter() - begun, resident, peak
        process.stdin.write("\n".join(lines))
        process.stdin.close()
        event, resident, peak = json.loads(process.stdout.readline())
        yield event, time.perf_counter() - begun, resident, peak


def _worst(reader: Reader) -> Sheet:
    """Seconds for texts made to be slow, each of a million characters, in the slowest language."""
    slowest: dict[str, tuple[float, str]] = {}
    for language in sorted(reader.rules.lexicons):
        for kind, unit in _adversaries(reader, language):
            text = (unit * (ADVERSARIAL_CHARACTERS // len(unit) + 1))[:ADVERSARIAL_CHARACTERS]
            begun = time.process_time()
            reader.read(ArticleText(id=kind, text=text, language_hint=language))
            slowest[kind] = max(slowest.get(kind, (0.0, "")), (time.process_time() - begun, language))
    rows = tuple((kind, f"{seconds:.3f}", language) for kind, (seconds, language) in slowest.items())
    note = f"Of a text, only the first {MAX_CHARACTERS:,} characters are read."
    return Sheet("A million characters made to be slow", ("", "CPU seconds", "slowest in"), rows, note)


def _adversaries(reader: Reader, language: str) -> Iterator[tuple[str, str]]:
    """Kinds of text and the unit that each repeats."""
    with (LEXICONS / f"{language}.toml").open("rb") as file:
        lexicon = tomllib.load(file)
    events, sites = _terms(lexicon["events"]), _terms(lexicon["sites"])
    casualties, words = _terms(lexicon["casualties"]), " ".join(lexicon["language"]["words"])
    yield "one word", f"{events[0]} "
    yield "all event words", f"{' '.join(events)} "
    yield "all site nouns", f"{' '.join(sites)} "
    yield "all city names", f"{' '.join(city.name for city in reader.rules.gazetteer.cities)} "
    yield "event and site in turn", " ".join(f"{event} {site}" for event, site in zip(events, itertools.cycle(sites)))
    yield "event, site and function words, no full stop", f"{events[0]} {sites[0]} {words} "
    yield "a sentence of an attack", f"{events[0]} {sites[0]} 3. {words[:40]} 2020, {events[-1]} 12 {sites[-1]}. "
    yield "digits", "1234567890"
    yield "numbers", f"{words[:20]} 1,234 56.7 2020-12-20 "
    yield "no spaces", events[0].replace(" ", "")
    yield "punctuation", "((((,,,,;;;;....----“”'’\"!?"
    yield "combining marks and joiners", "e\u0301\u0327\u200c\u200d\u0640"
    yield "line breaks", "\n"
    yield "full stops, then a letter", f"{events[0]} {'.' * MAX_CHARACTERS}"[: MAX_CHARACTERS - 1] + "a"
    yield "quotes after a full stop", (f"{events[0]}." + '"' * MAX_CHARACTERS)[: MAX_CHARACTERS - 1] + "a"
    yield "commas", f"{events[0]}{',' * MAX_CHARACTERS}"
    yield "event and site between commas", f"{events[0]}, {sites[0]}, "
    yield "numbers before a casualty", f"1 2 3 4 {casualties[0]} {events[0]} "
    yield "all guards", f"{events[0]} {' '.join(_terms(lexicon['guards']))} "


def _terms(section: Mapping[str, Sequence[str]]) -> list[str]:
    """The terms of a section as plain words: the first of each choice, no wildcards."""
    plain = (re.sub(r"\{([^,}]*)[^}]*\}", r"\1", term) for terms in section.values() for term in terms)
    return [re.sub(r"[*=~]", "", term).strip() for term in plain]


if __name__ == "__main__":
    main()
