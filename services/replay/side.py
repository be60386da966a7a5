"""One side of a comparison, as a process of its own: reads a recording by one set of rules and tells its alerts.

    python -m services.replay.side FILE [--rules DIR]

It runs with the code that lies beside it, which may be that of another revision than its caller's; so what the two say
to each other is this, one JSON object a line, and changes with `PROTOCOL` only:

    -> {"protocol": 1, "rules": VERSION}                             or {"error": WHY}, and it ends with 2
    -> {"articles": N}                                               from time to time
    -> {"telling": TELLING}                                          each alert
    -> {"done": {"articles": N, "reports": N, "incidents": N, "alerts": N, "unreadable": N}}
    <- {"articles": [ID, ...]}                                       record ids
    -> {"read": {"article": ID, "language": L, "findings": [...], "gates": [...]}}    each that is found
    -> {"end": true}
"""

import argparse
import json
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path

from services.classify.adapters.data import load_rules, state_names, windows_of
from services.classify.core.chain import read, text_of
from services.classify.core.reading.matcher import LexiconError
from services.classify.core.reading.pipeline import Reader
from services.classify.core.sites.known_sites import KnownSites
from services.contracts.article import Article
from services.contracts.topics import ARTICLES
from services.replay.adapters.archive import recording
from services.replay.core.recording import BadRecording, Recorded
from services.replay.core.rerun import Rerun, record_in
from services.replay.core.telling import telling_of
from services.runtime.settings import SettingsError, load_settings

PROTOCOL = 1
_TELL_EVERY = 100


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("file", type=Path)
    parser.add_argument("--rules", type=Path)
    options = parser.parse_args()
    try:
        windows = windows_of(load_settings().classify)
        reader = Reader(load_rules(options.rules))
        _say({"protocol": PROTOCOL, "rules": reader.rules.version})
        rerun = Rerun(reader, windows, state_names())
        for record in recording(options.file):
            for alert in rerun.take(record).alerts:
                if alert.incident.drill is not None:
                    continue  # whatever was played once is no news that could be lost or gained
                _say({"telling": telling_of(alert).model_dump()})
            if record.topic is ARTICLES and rerun.counts.articles % _TELL_EVERY == 0:
                _say({"articles": rerun.counts.articles})
        _say({"done": asdict(rerun.counts)})
        for line in sys.stdin:
            for article in _articles(recording(options.file), set(json.loads(line)["articles"])):
                _say({"read": reading_of(reader, rerun.known, article)})
            _say({"end": True})
    except (BadRecording, LexiconError, SettingsError) as error:
        _say({"error": str(error)})
        sys.exit(2)


def _say(what: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def _articles(records: Iterable[Recorded], wanted: set[str]) -> Iterator[Article]:
    """Those articles of a recording whose record id is wanted."""
    for record in records:
        article = record_in(record, Article) if record.topic is ARTICLES else None
        if article is not None and article.record_id in wanted:
            yield article


def reading_of(reader: Reader, known: KnownSites, article: Article) -> dict[str, object]:
    """What an article says by these rules, and which gates spoke against it."""
    explanation = reader.explain(text_of(article))
    spoke = [gate for found in explanation.classification.reports for gate in found.guards]
    spoke += [gate for rejection in explanation.rejected for gate in rejection.gates]
    said = read(reader, known, article)
    return {
        "article": article.record_id,
        "language": said.language,
        "findings": [finding.model_dump(mode="json") for finding in said.reports],
        "gates": list(dict.fromkeys(f"{gate.name}: {gate.reason} ({gate.quote!r})" for gate in spoke)),
    }


if __name__ == "__main__":
    main()
