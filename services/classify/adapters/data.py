"""Loads the rules: lexicons, CLDR names (Babel) and, through `adapters/gazetteer.py`, the places."""

import hashlib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from babel import Locale, UnknownLocaleError

from services.classify.adapters.gazetteer import load_gazetteer
from services.classify.core.correlation.matching import Windows
from services.classify.core.reading.dates import DateReader
from services.classify.core.reading.lexicon import Table, compile_lexicon
from services.classify.core.reading.lexicon_shape import folded_terms, table_of
from services.classify.core.reading.matcher import LexiconError
from services.classify.core.reading.numbers import NumberReader
from services.classify.core.reading.rules import Rules
from services.classify.core.reading.text import fold_term
from services.contracts.bulk import building
from services.runtime.settings import ClassifySettings

_HERE = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class RuleTables:
    """The rules as their files say them, before anything is compiled: the tables by file."""

    lexicons: Mapping[Path, Table]
    gazetteer: Mapping[Path, Table]
    strangers: Table

    @property
    def by_name(self) -> dict[str, Table]:
        named = {path.name: table for path, table in {**self.lexicons, **self.gazetteer}.items()}
        return {**named, "strangers.toml": self.strangers}

    @property
    def version(self) -> str:
        """Names the code that reads the rules and the rules, each by the beginning of its hash:
        `1a2b3c4d-0123456789ab`."""
        canonical = json.dumps(self.by_name, sort_keys=True, ensure_ascii=False, default=str)
        return f"{_code_version()[:8]}-{hashlib.sha256(canonical.encode()).hexdigest()[:12]}"


def load_rules(directory: Path | None = None) -> Rules:
    """The rules under `directory` (`lexicons/*.toml`, `gazetteer/*.toml`), by default the package's own.

    Raises LexiconError naming file, key and reason.
    """
    return rules_of(rule_tables(directory))


def languages(directory: Path | None = None) -> frozenset[str]:
    """The languages that there is a lexicon for under `directory`, without reading any."""
    return frozenset(path.stem for path in ((directory or _HERE) / "lexicons").glob("*.toml"))


def rule_tables(directory: Path | None = None) -> RuleTables:
    """What the files under `directory` say. Raises LexiconError for one that cannot be read."""
    root = directory or _HERE
    lexicon_files = sorted((root / "lexicons").glob("*.toml"))
    if not lexicon_files:
        raise LexiconError(str(root / "lexicons"), "*.toml", "there is no lexicon")
    strangers = root / "strangers.toml"
    return RuleTables(
        {path: _read(path) for path in lexicon_files},
        {path: _read(path) for path in sorted((root / "gazetteer").glob("*.toml"))},
        _read(strangers) if strangers.exists() else {},
    )


def rules_of(tables: RuleTables) -> Rules:
    """The rules that the tables say. Raises LexiconError naming file, key and reason."""
    with building():
        return _compiled(tables)


def windows_of(settings: ClassifySettings) -> Windows:
    """The spans of time by which reports are correlated."""
    return Windows(
        merge=timedelta(hours=settings.merge_window_h),
        alert=timedelta(hours=settings.alert_window_h),
        quiet=timedelta(hours=settings.quiet_window_h),
    )


def state_names() -> dict[str, str]:
    """ISO codes to English names, for headlines."""
    return dict(Locale("en").territories)


def _compiled(rules: RuleTables) -> Rules:
    tables = rules.lexicons
    lexicons = {}
    for path, table in tables.items():
        code = table_of(path.name, "language", table.get("language", {})).get("code")
        if code != path.stem:
            raise LexiconError(path.name, "language.code", f"is {code!r}; the file's name says {path.stem!r}")
        locale = _locale(path.name, code)
        lexicons[code] = compile_lexicon(path.name, table, _state_names(locale), _months(locale), _weekdays(locale))
    endings = [table["language"].get("name_endings", {}) for table in tables.values()]
    prefixes = [prefix for table in tables.values() for prefix in table["language"].get("prefixes", [])]
    local_names = {path.name: table.get("cities", {}) for path, table in tables.items()}
    gazetteer = load_gazetteer(rules.gazetteer, local_names, endings, prefixes)
    dates = {
        code: DateReader(lexicon.dates, lexicon.numbers.values, lexicon.spaced, f"{code}.toml", lexicon.prefixes)
        for code, lexicon in lexicons.items()
    }
    numbers = {
        code: NumberReader(lexicon.numbers, lexicon.spaced, lexicon.prefixes) for code, lexicon in lexicons.items()
    }
    return Rules(lexicons, gazetteer, dates, numbers, rules.version, _strangers(rules.strangers))


def _strangers(table: Table) -> dict[str, tuple[frozenset[str], str]]:
    """The languages of `strangers.toml`: folded words, and letters."""
    file, found = "strangers.toml", {}
    for code, entry in table.items():
        if set(table_of(file, code, entry)) != {"words", "letters"}:
            raise LexiconError(file, code, "must have words and letters and nothing else")
        words, letters = frozenset(folded_terms(file, f"{code}.words", entry["words"])), entry["letters"]
        if not isinstance(letters, str):
            raise LexiconError(file, f"{code}.letters", f"must be a string, not {letters!r:.60}")
        if not (words or letters):
            raise LexiconError(file, code, "has no words and no letters: nothing would tell a text in this language")
        found[code] = words, letters
    return found


def _read(path: Path) -> Table:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise LexiconError(path.name, "file", str(error)) from None
    except OSError as error:
        raise LexiconError(path.name, "file", f"cannot be read: {error.strerror or error}") from None


def _locale(file: str, code: str) -> Any:
    try:
        return Locale.parse(code)
    except (UnknownLocaleError, ValueError, TypeError) as error:
        raise LexiconError(file, "language.code", f"CLDR does not know {code!r}: {error}") from None


def _state_names(locale: Any) -> dict[str, tuple[str, ...]]:
    names: dict[str, tuple[str, ...]] = {}
    for code, name in locale.territories.items():
        if len(code) != 2 or not code.isalpha() or code in ("ZZ", "EU", "UN", "EZ", "QO", "XA", "XB"):
            continue
        forms = [name]
        if "(" in name:
            forms = [name.split("(")[0].strip()]
        if "&" in name:
            forms.append(name.replace("&", "and"))
        names[code] = tuple(form for form in forms if len(fold_term(form)) > 1)
    return names


def _months(locale: Any) -> dict[str, int]:
    return {
        name.strip("."): number
        for context in ("format", "stand-alone")
        for number, name in locale.months[context]["wide"].items()
    }


def _weekdays(locale: Any) -> dict[str, int]:
    return {
        name: number for context in ("format", "stand-alone") for number, name in locale.days[context]["wide"].items()
    }


def _code_version() -> str:
    """The hash of the core's source files, by name, and of the adapters that choose the names of places."""
    digest = hashlib.sha256()
    for path in (*sorted((_HERE / "core").rglob("*.py")), Path(__file__), Path(__file__).with_name("gazetteer.py")):
        # Each file's own hash: where one ends and the next begins counts too.
        digest.update(path.name.encode() + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()
