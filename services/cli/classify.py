"""`chancery classify`: what would be reported of an article, with the words that say so."""

import asyncio
import codecs
import json
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape
from rich.text import Text

from services.classify.adapters.data import load_rules
from services.classify.core.reading.article import ArticleText, Explanation
from services.classify.core.reading.language import UNKNOWN
from services.classify.core.reading.matcher import LexiconError
from services.classify.core.reading.pipeline import Reader
from services.cli.context import CONTROLS, EXIT_USAGE, settings
from services.cli.progress import progress
from services.cli.rules import RulesDirectory, refuse_rules, rules_directory
from services.console.core.explaining import STOPPED, Unusable, article_of, as_contract, instant
from services.console.core.explaining import why_not as why_not_of
from services.contracts.feed import PollStatus
from services.contracts.report import Finding, Span
from services.ingest.adapters.fetcher import fetch_once

_C1 = re.compile("[\x7f-\x9f]")
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_COLOURS = {"new": "bold red", "update": "yellow", "background": "dim"}


def register(app: typer.Typer) -> None:
    app.command(name="classify")(classify)


def classify(
    source: Annotated[
        str | None, typer.Argument(metavar="FILE|URL|-", help="Plain text or HTML; - is standard input.")
    ] = None,
    published: Annotated[
        str | None, typer.Option(metavar="ISO", help='When it was published; dates like "Sunday" need it.')
    ] = None,
    lang: Annotated[str | None, typer.Option(help="Language hint: fr, ar, pt. The text decides.")] = None,
    title: Annotated[str, typer.Option(help="The headline.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print the classification as JSON.")] = False,
    jsonl: Annotated[
        str | None, typer.Option(metavar="IN", help="Classify a batch: one JSON object a line; - is standard input.")
    ] = None,
    why_not: Annotated[
        bool, typer.Option("--why-not", help="Also show what was rejected and which gate spoke.")
    ] = False,
    rules: RulesDirectory = None,
) -> None:
    """Read an article and show every incident it tells, with the quoted evidence.

    Example: chancery classify article.txt --published 2020-12-21 --why-not
    """
    try:
        if (source is None) == (jsonl is None):
            raise Unusable("give either a FILE, URL or -, or --jsonl IN; see chancery classify --help")
        reader = Reader(load_rules(rules_directory(rules)))
        if jsonl is not None:
            raise typer.Exit(_batch(reader, jsonl))
        assert source is not None
        explanation, article = _one(reader, source, published, lang, title)
    except LexiconError as error:
        refuse_rules(error, rules)
    except Unusable as error:
        Console(stderr=True).print(f"[bold red]error:[/] {_safe(str(error))}", highlight=False, soft_wrap=True)
        raise typer.Exit(EXIT_USAGE) from None
    if as_json:
        more = why_not_of(explanation) if why_not else {}
        typer.echo(_json(as_contract(explanation.classification) | more, indent=2))
        return
    _show(Console(highlight=False, soft_wrap=True), article, explanation, why_not)


def _json(data: Mapping[str, Any], indent: int | None = None) -> str:
    """Readable JSON, with the control characters escaped that `json` leaves: a terminal obeys them."""
    text = json.dumps(data, ensure_ascii=False, indent=indent)
    return _C1.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _safe(text: str) -> str:
    """For a terminal: no markup of ours and no control character that it would obey."""
    return escape(text.translate(CONTROLS))


def _one(
    reader: Reader, source: str, published: str | None, lang: str | None, title: str
) -> tuple[Explanation, ArticleText]:
    raw, shown = _content(source), _named(source)
    article = article_of(raw, source, shown=shown, published=published, language=lang, title=title)
    return reader.explain(article), article


def _named(source: str) -> str:
    return "standard input" if source == "-" else source


def _content(source: str) -> bytes:
    if source == "-":
        return sys.stdin.buffer.read()
    if source.startswith(("http://", "https://")):
        return _fetched(source)
    try:
        return Path(source).read_bytes()
    except OSError as error:
        why = error.strerror or str(error)
        raise Unusable(f"cannot read {source}: {why}. Give a file, a URL or - for standard input") from None


def _fetched(url: str) -> bytes:
    fetched = asyncio.run(fetch_once(settings(), url))
    if fetched.status is not PollStatus.OK:
        raise Unusable(f"cannot fetch {url}: {fetched.reason}. Check the address, or save the page and give the file")
    return fetched.body


def read_line(line: bytes, number: int) -> ArticleText:
    """An article from a line of JSON: {"id"?, "text", "title"?, "lang"?, "date"?}."""
    where = f"line {number}"
    try:
        row = json.loads(line.decode("utf-8"))
    except RecursionError:
        raise Unusable(f"{where} is no article: its JSON nests too deep") from None
    except ValueError as error:
        kind = "UTF-8" if isinstance(error, UnicodeDecodeError) else "JSON"
        raise Unusable(f"{where} is no {kind}: {error}") from None
    if not isinstance(row, dict) or not isinstance(row.get("text"), str):
        raise Unusable(f'{where} needs an object with "id" and "text"')
    name = row.get("id", number)
    if isinstance(name, bool) or not isinstance(name, str | int):
        raise Unusable(f"{where}: id must be a string or a whole number, not {_brief(name)}")
    date = _field(row, "date", where)
    try:
        published = instant(date) if date else None
    except Unusable as error:
        raise Unusable(f"{where}: date: {error}") from None
    return ArticleText(
        id=_printable(str(name), "id", where),
        text=_printable(row["text"], "text", where),
        title=_field(row, "title", where),
        language_hint=_field(row, "lang", where) or None,
        published_at=published,
    )


def _field(row: dict[str, Any], name: str, where: str) -> str:
    value = row.get(name)
    if value is not None and not isinstance(value, str):
        raise Unusable(f"{where}: {name} must be a string, not {_brief(value)}")
    return _printable(value or "", name, where)


def _printable(text: str, name: str, where: str) -> str:
    """JSON may escape half of a surrogate pair, which no encoding can write; what stood there nobody knows."""
    if found := _LONE_SURROGATE.search(text):
        raise Unusable(f"{where}: {name} holds a lone surrogate, {found[0]!a} at {found.start()}")
    return text


def _brief(value: object) -> str:
    text = json.dumps(value)
    return text if len(text) <= 40 else f"{text[:40]}..."


def _batch(reader: Reader, path: str) -> int:
    """One classification a line on standard output. Lines that cannot be read are told and passed over; then 1."""
    try:
        document = sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
    except OSError as error:
        raise Unusable(f"cannot read {path}: {error}") from None
    bad = 0
    for number, line in _with_progress(document.removeprefix(codecs.BOM_UTF8).split(b"\n")):
        if not line.strip():
            continue
        try:
            article = read_line(line, number)
        except Unusable as error:
            bad += 1
            Console(stderr=True).print(f"[yellow]skipped:[/] {_safe(str(error))}", highlight=False)
            continue
        sys.stdout.write(_json(as_contract(reader.read(article))) + "\n")
    return 1 if bad else 0


def _with_progress(lines: list[bytes]) -> Iterator[tuple[int, bytes]]:
    with progress("classifying", len(lines)) as advance:
        for number, line in enumerate(lines, 1):
            yield number, line
            advance()


def _show(console: Console, article: ArticleText, explanation: Explanation, why_not: bool) -> None:
    classification = explanation.classification
    console.print(f"language {classification.language}, rules {classification.ruleset_version}")
    if classification.language == UNKNOWN:
        console.print("The language is none of those there is a lexicon for. --lang gives a hint.")
    elif not classification.reports:
        console.print("No incident is told." + ("" if why_not else " --why-not shows what was rejected."))
    for number, finding in enumerate(classification.reports, 1):
        _show_finding(console, number, finding)
    if why_not:
        if not explanation.rejected and explanation.stopped_at:
            stage = explanation.stopped_at
            console.print(f"Nothing was rejected: {STOPPED.get(stage, f'reading ended at the stage {stage!r}')}.")
        for rejection in explanation.rejected:
            console.print(f"\n[dim]rejected[/] [u]{_safe(rejection.quote)}[/u] at {rejection.start}")
            for gate in rejection.gates:
                console.print(f"  {gate.name}: {_safe(gate.reason)} ([u]{_safe(gate.quote)}[/u])")
    console.print()
    console.print(
        _underlined(article.full_text, (span for finding in classification.reports for span in _spans(finding)))
    )


def _show_finding(console: Console, number: int, finding: Finding) -> None:
    colour = _COLOURS[finding.standing]
    verdict = "would alert" if finding.alertable else "does not alert"
    console.print(f"\n[{colour}]{number}. {finding.standing} {finding.type}[/] ({verdict})")
    for name, value in _fields(finding):
        quotes = ", ".join(f"[u]{_safe(span.quote)}[/u]" for span in finding.evidence.get(name, ()))
        console.print(f"   {name:<12} {_safe(value)}{'  <- ' + quotes if quotes else ''}")
    for guard in finding.guards:
        console.print(f"   guard        {guard.name}: {_safe(guard.reason)} ([u]{_safe(guard.quote)}[/u])")
    console.print(f"   severity     {finding.severity}: {_safe('; '.join(finding.severity_reasons))}")
    console.print(f"   certainty    {finding.certainty}: {_safe('; '.join(finding.certainty_reasons))}")


def _fields(finding: Finding) -> Iterable[tuple[str, str]]:
    yield "type", f"{finding.outcome}, {finding.relation}"
    if finding.date:
        yield "date", f"{finding.date} ({finding.date_precision})"
    if finding.site:
        site = finding.site
        for name in ("sending_state", "host_state", "city", "area"):
            value = getattr(site, name)
            if value:
                yield name, str(value)
        if site.kind:
            yield "site", str(site.kind)
    for name in ("killed", "wounded", "missing"):
        count = getattr(finding, name)
        if count is not None:
            many = str(count.low) if count.high == count.low else f"{count.low} to {count.high or 'more'}"
            yield name, many
    for name in ("weapon", "damage", "defence", "claimed_by"):
        value = getattr(finding, name)
        if value:
            yield {"claimed_by": "claimed"}.get(name, name), str(value)
    if finding.sources:
        yield "sources", ", ".join(finding.sources)
    for conflict in finding.conflicts:
        yield "conflict", conflict


def _spans(finding: Finding) -> Iterator[Span]:
    for spans in finding.evidence.values():
        yield from spans


def _underlined(text: str, spans: Iterable[Span]) -> Text:
    shown = Text(text.translate(CONTROLS))  # one for one, so that the spans hold
    for span in spans:
        shown.stylize("underline", span.start, span.end)
    return shown
