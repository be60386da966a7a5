"""What a language's lexicon may say, checked and compiled into one automaton.

The schema is language-neutral: the engine knows sections and keys, never words. `docs/rules.md` explains each key.
Reading files is the adapters' work; here plain tables come in and a `Lexicon` or a `LexiconError` comes out.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from services.classify.core.reading.guards import GUARDS
from services.classify.core.reading.language import STEM
from services.classify.core.reading.lexicon_shape import (
    MOST,
    MOST_MULTIPLIER,
    check_cities,
    check_language,
    date_value,
    folded_terms,
    number_table,
    strings,
    table_of,
    vague_table,
)
from services.classify.core.reading.matcher import LexiconError, Matcher, TermCompiler, choices, expand
from services.classify.core.reading.text import fold_term
from services.classify.core.taxonomy import WEAPON_TYPES
from services.contracts.report import IncidentType, SiteKind

Table = Mapping[str, Any]


GENERIC_EVENTS = ("attack", "explosion", "impact", "killing", "clash", "violence")


EVENT_KEYS = (*(kind.value for kind in IncidentType), *GENERIC_EVENTS)


SITE_KEYS = (*(kind.value for kind in SiteKind), "mission", "diplomatic", "bare", "home")


SECTIONS: dict[str, tuple[str, ...]] = {
    "sites": SITE_KEYS,
    "events": EVENT_KEYS,
    "weak_events": EVENT_KEYS,
    "weapons": tuple(WEAPON_TYPES),
    "casualties": (
        "killed",
        "wounded",
        "missing",
        "killed_one",
        "killed_also",
        "wounded_also",
        "wounded_one",
        "killed_none",
        "wounded_none",
        "none",
        "toll",
        "among",
        "not_told",
        "over_time",
    ),
    "victims": ("one", "many", "attackers"),
    "quantities": ("explosions", "rockets", "shots", "attackers", "others"),
    "roles": (
        "speech",
        "speaker",
        "of",
        "in",
        "in_after",
        "at",
        "near",
        "against",
        "other_targets",
        "agent",
        "former",
        "that",
        "passive",
        "one",
        "in_prefixes",
        "possessives",
        "regions",
        "streets",
        "districts",
        "towns",
        "directions",
        "ways",
        "scenes",
        "settlements",
        "this_city",
        "oblique",
        "closing",
        "own",
        "capital",
        "topic",
        "meanwhile",
        "and_prefixes",
        "and",
        "along",
        "about",
        "suffered",
        "cause",
        "served",
        "where",
        "apart",
    ),
    "known": ("ground", "behind", "events", "attribute", "had", "response", "which", "the_prefixes", "object"),
    "guards": tuple(GUARDS),
    "labels": tuple(GUARDS),
    "cues": (
        "update",
        "background",
        "reported",
        "unconfirmed",
        "denied",
        "claimed",
        "not_claimed",
        "blamed",
        "intercepted",
        "foiled",
        "threatened",
        "damage",
        "no_damage",
        "defence",
    ),
    "sources": ("official", "agency", "witness", "media"),
    "ignore": ("phrases",),
    "actors": ("civilians", "persons", "property", "police", "forces", "attackers", "criminals"),
    "tone": ("politics", "first_person", "generality", "present"),
}
"""Sections whose keys hold lists of terms, with the keys each may have."""


WORD_SETS = (
    "roles.districts", "roles.towns",
    "roles.of", "roles.in", "roles.in_after", "roles.that", "roles.in_prefixes", "roles.and_prefixes",
    "roles.possessives", "roles.regions", "roles.streets", "roles.directions", "roles.ways", "roles.scenes",
    "roles.oblique", "roles.closing",
    "known.which", "known.the_prefixes", "known.object",
    "roles.and",
)  # fmt: skip
"""Keys that hold single words looked up between places, not terms to scan for."""


REQUIRED = ("language", "sites", "events", "casualties", "numbers", "dates", "roles", "guards")


DATE_TERMS = ("days_ago", "weekdays", "months", "jalali_months", "units", "dual", "parts", "days")


DATE_TEMPLATES = ("absolute", "ago", "last", "this", "next", "week_before", "day_number", "night_to")


@dataclass(frozen=True, slots=True)
class DateWords:
    """Vocabulary and templates of dates, as read."""

    vocabulary: dict[str, dict[str, int]]
    templates: dict[str, tuple[str, ...]]
    not_alone: frozenset[str] = frozenset()
    """Months that are ordinary words or names too."""


@dataclass(frozen=True, slots=True)
class NumberWords:
    """Number words and modifiers: term -> value; `joiners` stand inside compound numbers."""

    values: dict[str, int]
    multipliers: dict[str, int]
    vague: dict[str, tuple[int, int | None]]
    modifiers: dict[str, tuple[str, ...]]
    joiners: frozenset[str]
    ones: frozenset[str]
    not_counts: frozenset[str]
    not_counts_after: frozenset[str]
    ordinals: dict[str, int]


@dataclass(frozen=True, slots=True)
class Lexicon:
    """A compiled language."""

    code: str
    name: str
    spaced: bool
    words: frozenset[str]
    abbreviations: frozenset[str]
    order: str
    matcher: Matcher
    dates: DateWords
    numbers: NumberWords
    articles: frozenset[str] = frozenset()
    not_cities: frozenset[str] = frozenset()
    of: frozenset[str] = frozenset()
    in_: frozenset[str] = frozenset()
    in_after: frozenset[str] = frozenset()
    that: frozenset[str] = frozenset()
    in_prefixes: frozenset[str] = frozenset()
    possessives: frozenset[str] = frozenset()
    possessive_endings: tuple[str, ...] = ()
    and_prefixes: frozenset[str] = frozenset()
    the_prefixes: frozenset[str] = frozenset()
    object: frozenset[str] = frozenset()
    which: frozenset[str] = frozenset()
    and_words: frozenset[str] = frozenset()
    """Words for "and" between people: those inside a number where the language gives no others."""
    regions: frozenset[str] = frozenset()
    streets: frozenset[str] = frozenset()
    districts: frozenset[str] = frozenset()
    towns: frozenset[str] = frozenset()
    directions: frozenset[str] = frozenset()
    ways: frozenset[str] = frozenset()
    scenes: frozenset[str] = frozenset()
    oblique: frozenset[str] = frozenset()
    oblique_endings: tuple[str, ...] = ()
    closing: frozenset[str] = frozenset()
    """Finite verbs that end a clause before "and", where the verb comes last."""
    missions: tuple[tuple[str, SiteKind], ...] = ()
    """The one-word nouns of embassies and consulates, as far as they are fixed: they tell whose an employee is."""
    prefixes: tuple[str, ...] = ()
    letters: str = ""
    months: tuple[str, ...] = ()
    vocabulary: frozenset[str] = frozenset()
    """Beginnings of the words of its sites and events: they tell the language of a headline."""


def _check_sections(file: str, data: Table) -> None:
    known = {*SECTIONS, "language", "numbers", "dates", "states", "cities"}
    for section in data:
        if section not in known:
            raise LexiconError(file, section, f"no such section; known are {', '.join(sorted(known))}")
        table_of(file, section, data[section])
    for section in REQUIRED:
        if section not in data:
            raise LexiconError(file, section, "the section is missing")
    for section, keys in SECTIONS.items():
        for key in data.get(section, {}):
            if key not in keys:
                raise LexiconError(file, f"{section}.{key}", f"no such key; known are {', '.join(keys)}")


_LANGUAGE_KEYS = {
    "code", "name", "spaced", "order", "words", "articles", "not_cities", "abbreviations", "prefixes",
    "name_endings", "letters",
}  # fmt: skip


def _language(file: str, data: Table) -> Table:
    language: Table = data["language"]
    for key in language:
        if key not in _LANGUAGE_KEYS:
            known = ", ".join(sorted(_LANGUAGE_KEYS))
            raise LexiconError(file, f"language.{key}", f"no such key; known are {known}")
    for key in ("code", "name", "words"):
        if key not in language:
            raise LexiconError(file, f"language.{key}", "is missing")
    if language.get("order", "svo") not in ("svo", "vso", "sov"):
        raise LexiconError(file, "language.order", "must be svo, vso or sov")
    check_language(file, language)
    return language


def compile_lexicon(
    file: str, data: Table, state_names: Mapping[str, Sequence[str]], month_names: Mapping[str, int],
    weekday_names: Mapping[str, int],
) -> Lexicon:  # fmt: skip
    """A `Lexicon` from the tables of one file and the names CLDR gives this language.

    `state_names`: ISO code -> names; months count from 1, weekdays from 0 (Monday). Raises LexiconError.
    """
    _check_sections(file, data)
    language = _language(file, data)
    check_cities(file, data.get("cities", {}))
    spaced: bool = language.get("spaced", True)
    prefixes = strings(file, "language.prefixes", language.get("prefixes", []))
    compiler = TermCompiler(file, spaced, tuple(map(fold_term, prefixes)))
    for section in SECTIONS:
        for key, terms in data.get(section, {}).items():
            where = f"{section}.{key}"
            if where in WORD_SETS:
                continue
            for term in strings(file, where, terms):
                compiler.add(term, section, key, where)
    _add_states(compiler, file, data.get("states", {}), state_names)
    dates = _dates(compiler, file, data["dates"], month_names, weekday_names)
    numbers = _numbers(file, data["numbers"])
    roles = data["roles"]
    oblique = strings(file, "roles.oblique", roles.get("oblique", []))
    possessives = strings(file, "roles.possessives", roles.get("possessives", []))
    return Lexicon(
        code=language["code"],
        name=language["name"],
        spaced=spaced,
        words=frozenset(fold_term(word) for word in strings(file, "language.words", language["words"])),
        abbreviations=frozenset(word.casefold() for word in language.get("abbreviations", [])),
        order=language.get("order", "svo"),
        matcher=Matcher(compiler.terms, spaced, compiler.prefixes),
        dates=dates,
        numbers=numbers,
        articles=_folded_set(file, "language.articles", language.get("articles", [])),
        not_cities=_folded_set(file, "language.not_cities", language.get("not_cities", [])),
        of=_folded_set(file, "roles.of", roles.get("of", [])),
        in_=_folded_set(file, "roles.in", roles.get("in", [])),
        in_after=_folded_set(file, "roles.in_after", roles.get("in_after", [])),
        in_prefixes=_folded_set(file, "roles.in_prefixes", roles.get("in_prefixes", [])),
        streets=_folded_set(file, "roles.streets", roles.get("streets", [])),
        districts=_folded_set(file, "roles.districts", roles.get("districts", [])),
        towns=_folded_set(file, "roles.towns", roles.get("towns", [])),
        directions=_folded_set(file, "roles.directions", roles.get("directions", [])),
        scenes=_folded_set(file, "roles.scenes", roles.get("scenes", [])),
        ways=_folded_set(file, "roles.ways", roles.get("ways", [])),
        regions=_folded_set(file, "roles.regions", roles.get("regions", [])),
        possessives=_folded_set(file, "roles.possessives", [word for word in possessives if not word.startswith("*")]),
        possessive_endings=tuple(fold_term(word[1:]) for word in possessives if word.startswith("*")),
        and_prefixes=_folded_set(file, "roles.and_prefixes", roles.get("and_prefixes", [])),
        which=_folded_set(file, "known.which", data.get("known", {}).get("which", [])),
        the_prefixes=_folded_set(file, "known.the_prefixes", data.get("known", {}).get("the_prefixes", [])),
        object=_folded_set(file, "known.object", data.get("known", {}).get("object", [])),
        and_words=_folded_set(file, "roles.and", roles.get("and", [])) or numbers.joiners,
        oblique=_folded_set(file, "roles.oblique", [term for term in oblique if not term.startswith("*")]),
        oblique_endings=tuple(fold_term(term) for term in oblique if term.startswith("*")),
        closing=_folded_set(file, "roles.closing", roles.get("closing", [])),
        missions=tuple(_missions(data["sites"])),
        that=_folded_set(file, "roles.that", roles.get("that", [])),
        prefixes=tuple(compiler.prefixes),
        vocabulary=_vocabulary(data) if spaced else frozenset(),
        letters=str(language.get("letters", "")),
        months=tuple(sorted({word.rstrip("*").split()[0] for word in dates.vocabulary["months"]})),
    )


def _missions(sites: Table) -> Iterator[tuple[str, SiteKind]]:
    for kind in (SiteKind.EMBASSY, SiteKind.CONSULATE):
        for term in sites.get(kind.value, []):
            for choice in expand(term):
                word = fold_term(choice)
                if " " not in word and len(word) >= 2 and not choice.startswith("="):
                    yield word, kind


_WORD = re.compile(r"(?<!\S)([^\s*~]+)(?=\s|\*|$)")


def _vocabulary(data: Table) -> frozenset[str]:
    """The first letters of all words of sites, events and weapons, as far as a term gives them."""
    found: set[str] = set()
    for section in ("sites", "events", "weak_events", "weapons"):
        for terms in data.get(section, {}).values():
            for term in terms:
                for form in expand(term):
                    found.update(word[:STEM] for word in _WORD.findall(fold_term(form.lstrip("="))) if len(word) > 3)
    return frozenset(found)


def _folded_set(file: str, key: str, value: Any) -> frozenset[str]:
    return frozenset(fold_term(word) for word in strings(file, key, value)) - {""}


def _add_states(compiler: TermCompiler, file: str, states: Table, state_names: Mapping[str, Sequence[str]]) -> None:
    for key in states:
        if key not in ("names", "adjectives", "not_names"):
            raise LexiconError(file, f"states.{key}", "no such key; known are names, adjectives, not_names")
    unwanted = {fold_term(word) for word in strings(file, "states.not_names", states.get("not_names", []))}
    for code, names in state_names.items():
        for name in names:
            if fold_term(name) and fold_term(name) not in unwanted:
                compiler.add(name.replace("{", "").replace("}", ""), "state", code, "CLDR")
    known = {*state_names, "EU", "UN"}
    for kind, layer in (("names", "state"), ("adjectives", "adjective")):
        for code, terms in table_of(file, f"states.{kind}", states.get(kind, {})).items():
            where = f"states.{kind}.{code}"
            if not set(code.split("/")) <= known:
                raise LexiconError(file, where, "is no ISO 3166 code (or several, as in CG/CD)")
            for term in strings(file, where, terms):
                compiler.add(term, layer, code, where)


def _dates(
    compiler: TermCompiler, file: str, dates: Table, months: Mapping[str, int], weekdays: Mapping[str, int]
) -> DateWords:
    vocabulary: dict[str, dict[str, int]] = {name: {} for name in DATE_TERMS}
    for name, base in (("months", months), ("weekdays", weekdays)):
        vocabulary[name].update({fold_term(word): number for word, number in base.items() if fold_term(word)})
    templates: dict[str, tuple[str, ...]] = {}
    not_alone: frozenset[str] = frozenset()
    for key, value in dates.items():
        where = f"dates.{key}"
        if key in DATE_TERMS:
            if not isinstance(value, dict):
                raise LexiconError(file, where, "must be a table of value = [terms]")
            for number, terms in value.items():
                for term in strings(file, f"{where}.{number}", terms):
                    for choice in choices(file, f"{where}.{number}", term):
                        star = "*" if choice.endswith("*") else ""
                        vocabulary[key][fold_term(choice) + star] = _date_value(file, where, key, number)
        elif key in DATE_TEMPLATES:
            templates[key] = strings(file, where, value)
        elif key == "not_alone":
            not_alone = frozenset(folded_terms(file, where, value))
        else:
            known = ", ".join((*DATE_TERMS, *DATE_TEMPLATES, "not_alone"))
            raise LexiconError(file, where, f"no such key; known are {known}")
    for key, words in vocabulary.items():
        for word in words:
            compiler.add(word, "date", key, f"dates.{key}")
    return DateWords(vocabulary, templates, not_alone)


UNITS = {"minute": 0, "hour": 1, "day": 2, "week": 3, "month": 4, "year": 5}


PARTS = {"morning": 0, "noon": 1, "afternoon": 2, "evening": 3, "night": 4}


_WEEKDAYS = {"mon": 0, "tue": 1, "wed": 2, "thu": 3, "fri": 4, "sat": 5, "sun": 6}


def _date_value(file: str, where: str, key: str, number: str) -> int:
    named = {"units": UNITS, "dual": UNITS, "parts": PARTS, "weekdays": _WEEKDAYS}.get(key)
    if named is not None:
        if number not in named:
            raise LexiconError(file, f"{where}.{number}", f"known are {', '.join(named)}")
        return named[number]
    return date_value(file, where, key, number)


_MODIFIERS = ("at_least", "at_least_after", "at_most", "range")


_NUMBER_KEYS = {
    "values", "multipliers", "ordinals", "vague", "joiners", "ones", "not_counts", "not_counts_after", *_MODIFIERS,
}  # fmt: skip


def _numbers(file: str, numbers: Table) -> NumberWords:
    for key in numbers:
        if key not in _NUMBER_KEYS:
            raise LexiconError(file, f"numbers.{key}", f"no such key; known are {', '.join(sorted(_NUMBER_KEYS))}")
    return NumberWords(
        values=number_table(file, "values", numbers.get("values", {}), 0, MOST),
        multipliers=number_table(file, "multipliers", numbers.get("multipliers", {}), 2, MOST_MULTIPLIER),
        vague=vague_table(file, numbers.get("vague", {})),
        modifiers={key: folded_terms(file, f"numbers.{key}", numbers.get(key, [])) for key in _MODIFIERS},
        joiners=_folded_set(file, "numbers.joiners", numbers.get("joiners", [])),
        ones=_folded_set(file, "numbers.ones", numbers.get("ones", [])),
        ordinals=number_table(file, "ordinals", numbers.get("ordinals", {}), 1, MOST),
        not_counts=_folded_set(file, "numbers.not_counts", numbers.get("not_counts", [])),
        not_counts_after=_folded_set(file, "numbers.not_counts_after", numbers.get("not_counts_after", [])),
    )
