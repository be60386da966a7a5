"""The types in a lexicon's tables, checked before anything is compiled from them.

Which sections and keys there are is `lexicon.py`'s to say; here a value is of its type, and a number one that a text
can tell, so that nothing that was accepted at the start can raise while an article is read.
"""

from collections.abc import Mapping
from typing import Any

from services.classify.core.reading.matcher import LexiconError, choices
from services.classify.core.reading.text import fold_term

Table = Mapping[str, Any]

MOST = 1_000_000
"""Numbers in a text are capped here."""
MOST_MULTIPLIER = 10**15

_DATE_BOUNDS = {"months": (1, 12), "jalali_months": (1, 12), "days": (1, 31), "days_ago": (-366, 366)}


def table_of(file: str, key: str, value: Any) -> Table:
    if not isinstance(value, dict):
        raise LexiconError(file, key, f"must be a table, not {value!r:.60}")
    return value


def strings(file: str, key: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise LexiconError(file, key, "must be a list of strings")
    return tuple(value)


def check_language(file: str, language: Table) -> None:
    """The types of `[language]`. Raises LexiconError."""
    for key in ("code", "name"):
        if not isinstance(language[key], str) or not language[key].strip():
            raise LexiconError(file, f"language.{key}", f"must be a name, not {language[key]!r:.60}")
    if not isinstance(language.get("spaced", True), bool):
        raise LexiconError(file, "language.spaced", f"must be true or false, not {language['spaced']!r:.60}")
    if not isinstance(language.get("letters", ""), str):
        raise LexiconError(file, "language.letters", f"must be a string, not {language['letters']!r:.60}")
    if not any(map(fold_term, strings(file, "language.words", language["words"]))):
        raise LexiconError(file, "language.words", "is empty: nothing would tell a text in this language")
    strings(file, "language.abbreviations", language.get("abbreviations", []))
    where = "language.name_endings"
    for ending, others in table_of(file, where, language.get("name_endings", {})).items():
        strings(file, f"{where}.{ending}", others)


def check_cities(file: str, cities: Any) -> None:
    for name, terms in table_of(file, "cities", cities).items():
        if not all(map(fold_term, strings(file, f"cities.{name}", terms))):
            raise LexiconError(file, f"cities.{name}", "a name has no letters")


def number_table(file: str, key: str, table: Any, least: int, most: int) -> dict[str, int]:
    """Number words, folded, and their values from `least` to `most`. Raises LexiconError."""
    result: dict[str, int] = {}
    for word, value in table_of(file, f"numbers.{key}", table).items():
        where = f"numbers.{key}.{word}"
        result.update(dict.fromkeys(_words(file, where, word), _whole(file, where, value, least, most)))
    return result


def vague_table(file: str, table: Any) -> dict[str, tuple[int, int | None]]:
    """Phrases, folded, and the range that each tells. Raises LexiconError."""
    result: dict[str, tuple[int, int | None]] = {}
    for word, bounds in table_of(file, "numbers.vague", table).items():
        where = f"numbers.vague.{word}"
        if not isinstance(bounds, list) or not 1 <= len(bounds) <= 2:
            raise LexiconError(file, where, "must be [low] or [low, high]")
        low, *rest = (_whole(file, where, bound, 0, MOST) for bound in bounds)
        if rest and rest[0] < low:
            raise LexiconError(file, where, f"a count from {low} to {rest[0]} runs backwards")
        result.update(dict.fromkeys(_words(file, where, word), (low, rest[0] if rest else None)))
    return result


def folded_terms(file: str, key: str, value: Any) -> tuple[str, ...]:
    """The terms, folded; each has letters. Raises LexiconError."""
    return tuple(
        word for term in strings(file, key, value) for word in [fold_term(term)] if _told(file, key, word, term)
    )


def date_value(file: str, where: str, key: str, number: str) -> int:
    """The value that a key of a table of `[dates]` stands for. Raises LexiconError."""
    try:
        value = int(number)
    except ValueError:
        raise LexiconError(file, f"{where}.{number}", "the key must be a whole number") from None
    least, most = _DATE_BOUNDS[key]
    if not least <= value <= most:
        raise LexiconError(file, f"{where}.{number}", f"the key must be from {least} to {most}")
    return value


def _words(file: str, where: str, term: str) -> list[str]:
    return [
        word for choice in choices(file, where, term) for word in [fold_term(choice)] if _told(file, where, word, term)
    ]


def _told(file: str, where: str, folded: str, term: str) -> bool:
    if not folded:
        raise LexiconError(file, where, f"{term!r:.60} has no letters")
    return True


def _whole(file: str, where: str, value: Any, least: int, most: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise LexiconError(file, where, "must be a whole number")
    if not least <= value <= most:
        raise LexiconError(file, where, f"must be from {least} to {most}, not {value}")
    return value
