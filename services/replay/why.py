"""Why two sets of rules read an article differently: the entries that differ, each tried alone."""

import contextlib
import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from services.classify.adapters.data import RuleTables, rule_tables, rules_of
from services.classify.core.chain import read, text_of
from services.classify.core.reading.matcher import LexiconError
from services.classify.core.reading.pipeline import Reader
from services.classify.core.reading.text import fold
from services.classify.core.sites.known_sites import KnownSites
from services.contracts.article import Article
from services.contracts.codec import Undecodable
from services.contracts.difference import Kind
from services.contracts.model import Value
from services.contracts.topics import ARTICLES
from services.replay.adapters.archive import recording
from services.replay.adapters.rule_sets import RuleSet
from services.replay.adapters.sides import Read, Side
from services.replay.core.comparison import Pair
from services.replay.core.rerun import record_in, site_into
from services.replay.core.rule_changes import Change, changes, may_speak, with_change

MOST_TRIALS = 24
"""Changes that are tried alone; each takes two seconds, in which the rules are compiled with it."""
_MOST_ARTICLES = 12
"""Articles of an incident that are read again to see why it is told otherwise."""


class Cause(Value):
    """Why an article is read otherwise. `changes` are the entries of the rules that have to do with it; `alone` says
    that the first, and no other change, makes the very same difference: it was tried. `gates` are those that speak on
    the side that tells less."""

    article: str
    title: str
    changes: tuple[str, ...] = ()
    alone: bool = False
    gates: tuple[str, ...] = ()


def rule_changes(rules: Sequence[RuleSet], versions: Sequence[str]) -> list[Change] | None:
    """The entries in which the sides' files differ. None where that is not what their difference can be put down to: a
    side ran nothing, or other code than ours read its rules."""
    ours = _engine(rule_tables().version)
    if any(each.code is None for each in rules) or any(_engine(version) != ours for version in versions):
        return None
    a, b = (rule_tables(each.tables_in).by_name for each in rules)
    return changes(a, b)


def causes(
    path: Path,
    pairs: Sequence[Pair],
    rules: Sequence[RuleSet],
    sides: Sequence[Side | None],
    found: list[Change] | None,
) -> list[tuple[Cause, ...]]:
    """For each pair, why: the articles of its incident that are read otherwise, the one that caused the alert first."""
    concerned = [_articles_of(pair) if pair.kind else () for pair in pairs]
    wanted = sorted({article for articles in concerned for article in articles})
    if not wanted:
        return [()] * len(pairs)
    read_by = [side.readings(wanted) if side else {} for side in sides]
    otherwise = [each for each in wanted if _read_otherwise(each, read_by)]
    texts, known = _texts(path, set(wanted))
    candidates = {
        article: [change for change in found or () if _may_concern(change, texts[article], read_by)]
        for article in otherwise
        if article in texts
    }
    alone = {} if found is None else _tried(rules[0], texts, known, candidates, read_by[1])
    return [
        tuple(
            _cause(article, pair, texts[article], candidates.get(article, []), alone.get(article), read_by)
            for article in articles
            if article in texts and (article in candidates or None in sides)
        )
        for pair, articles in zip(pairs, concerned, strict=True)
    ]


def _engine(version: str) -> str:
    return version.partition("-")[0]


def _articles_of(pair: Pair) -> tuple[str, ...]:
    told = [side for side in (pair.a, pair.b) if side is not None]
    return tuple(dict.fromkeys(article for side in told for article in side.articles))[:_MOST_ARTICLES]


def _read_otherwise(article: str, read_by: Sequence[Mapping[str, Read]]) -> bool:
    a, b = (readings.get(article) for readings in read_by)
    return a is not None and b is not None and a["findings"] != b["findings"]


def _texts(path: Path, wanted: set[str]) -> tuple[dict[str, Article], KnownSites]:
    """The wanted articles, and every site known at the end."""
    known = KnownSites()
    found: dict[str, Article] = {}
    for record in recording(path):
        with contextlib.suppress(Undecodable):
            site_into(known, record)
        article = record_in(record, Article) if record.topic is ARTICLES else None
        if article is not None and article.record_id in wanted:
            found[article.record_id] = article
    return found, known


def _may_concern(change: Change, article: Article, read_by: Sequence[Mapping[str, Read]]) -> bool:
    folded = fold(text_of(article).full_text).norm
    languages = {readings[article.record_id]["language"] for readings in read_by}
    return any(may_speak(change, language, folded) for language in languages)


def _tried(
    a: RuleSet,
    texts: Mapping[str, Article],
    known: KnownSites,
    candidates: Mapping[str, Sequence[Change]],
    wanted: Mapping[str, Read],
) -> dict[str, Change]:
    """The first change found for each article with which alone, beside the rules of the first side, it is read as the
    second side reads it. Those that concern most articles are tried first."""
    tables = rule_tables(a.tables_in)
    found: dict[str, Change] = {}
    order = Counter(change for concerning in candidates.values() for change in concerning).most_common(MOST_TRIALS)
    for change, _ in order:
        open_ones = [each for each, own in candidates.items() if change in own and each not in found]
        if not open_ones or change.file not in tables.by_name:
            continue
        try:
            reader = Reader(rules_of(_changed(tables, change)))
        except LexiconError:
            continue  # it makes sense with others only
        for article in open_ones:
            said = read(reader, known, texts[article])
            if [finding.model_dump(mode="json") for finding in said.reports] == wanted[article]["findings"]:
                found[article] = change
    return found


def _changed(tables: RuleTables, change: Change) -> RuleTables:
    named = with_change(tables.by_name, change)
    return dataclasses.replace(
        tables,
        lexicons={path: named[path.name] for path in tables.lexicons},
        gazetteer={path: named[path.name] for path in tables.gazetteer},
        strangers=named["strangers.toml"],
    )


def _cause(
    article: str,
    pair: Pair,
    text: Article,
    concerning: Sequence[Change],
    alone: Change | None,
    read_by: Sequence[Mapping[str, Read]],
) -> Cause:
    less = read_by[0 if pair.kind is Kind.GAINED else 1].get(article)
    named = [alone] if alone else list(concerning)
    return Cause(
        article=article,
        title=text.title or text.text[:80],
        changes=tuple(map(str, named)),
        alone=alone is not None,
        gates=tuple(less["gates"]) if less else (),
    )
