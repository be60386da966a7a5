"""Rules that cannot be used are refused with file, key and reason; rules that differ have another version."""

from pathlib import Path

import pytest

from services.classify.adapters.data import load_rules
from services.classify.core.reading.matcher import LexiconError, expand
from services.classify.core.reading.rules import Rules
from services.classify.core.taxonomy import TAXONOMY, WEAPON_TYPES
from services.contracts.report import IncidentType

LEAST = """
[language]
code = "en"
name = "English"
words = ["the", "of"]
[sites]
embassy = ["embassy"]
[events]
attack = ["attack"]
[casualties]
[numbers]
[dates]
[roles]
[guards]
"""


def _rules(tmp_path: Path, text: str, name: str = "en.toml") -> Rules:
    (tmp_path / "lexicons").mkdir()
    (tmp_path / "lexicons" / name).write_text(text, encoding="utf-8")
    return load_rules(tmp_path)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("not toml [", "en.toml: file:"),
        (LEAST.replace('code = "en"', 'code = "fr"'), "en.toml: language.code: is 'fr'"),
        (LEAST.replace("[guards]", "[guards]\nhistroy = []"), "en.toml: guards.histroy: no such key"),
        (LEAST.replace("[roles]", ""), "en.toml: roles: the section is missing"),
        (LEAST + "[extra]\n", "en.toml: extra: no such section"),
        (LEAST.replace('["attack"]', '"attack"'), "en.toml: events.attack: must be a list of strings"),
        (LEAST.replace('["attack"]', '["{a,b"]'), "en.toml: events.attack: braces do not pair"),
        (LEAST.replace("[dates]", '[dates]\nago = ["{n} {untis}"]'), "en.toml: dates.ago: no slot {untis}"),
        (
            LEAST.replace("[numbers]", '[numbers.values]\none = "1"'),
            "en.toml: numbers.values.one: must be a whole number",
        ),
        (LEAST + '[states.adjectives]\nUSA = ["American"]\n', "en.toml: states.adjectives.USA: is no ISO 3166 code"),
        (LEAST + '[cities]\nNowhereville = ["Nulleville"]\n', "en.toml: cities.Nowhereville: is no city"),
    ],
)
def test_a_mistake_is_told_with_file_key_and_reason(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(LexiconError) as caught:
        _rules(tmp_path, text)
    assert str(caught.value).startswith(complaint)


NUMBERS = "[numbers]"
DATES = "[dates]"


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        (NUMBERS, "[numbers.values]\nnone = -1", "numbers.values.none: must be from 0 to"),
        (NUMBERS, "[numbers.values]\n'-' = 1", "numbers.values.-: '-' has no letters"),
        (NUMBERS, "[numbers.multipliers]\nhundred = -100", "numbers.multipliers.hundred: must be from 2 to"),
        (NUMBERS, "[numbers.multipliers]\nhundred = 0", "numbers.multipliers.hundred: must be from 2 to"),
        (NUMBERS, "[numbers.ordinals]\nfirst = 0", "numbers.ordinals.first: must be from 1 to"),
        (NUMBERS, "[numbers.vague]\nsome = [-2]", "numbers.vague.some: must be from 0 to"),
        (NUMBERS, "[numbers.vague]\nsome = [9, 2]", "numbers.vague.some: a count from 9 to 2 runs backwards"),
        (NUMBERS, '[numbers.vague]\nsome = ["2"]', "numbers.vague.some: must be a whole number"),
        (NUMBERS, "[numbers.vague]\n'' = [2]", "numbers.vague.: a term is a non-empty string"),
        (NUMBERS, "[numbers]\nvalues = 5", "numbers.values: must be a table, not 5"),
        (NUMBERS, '[numbers]\nat_least_after = [""]', "numbers.at_least_after: '' has no letters"),
        ('["attack"]', f'["{"{a,b}{c,d} " * 12}"]', "events.attack: more than 16384 spellings"),
        ('["attack"]', f'["{"{a}" * 40}"]', "events.attack: more than 32 choices"),
        ('["attack"]', '["}attack{"]', "events.attack: braces do not pair"),
        ('["attack"]', '["bo**mb"]', "events.attack: 'bo**mb' has two open ends"),
        ('["attack"]', '["attack ~"]', "events.attack: 'attack ~' has no word on one side of its gap"),
        ('["attack"]', '["~ attack"]', "events.attack: '~ attack' has no word"),
        ('["attack"]', '["attack ~ ~ on"]', "events.attack: 'attack ~ ~ on' has no word"),
        (DATES, '[dates.months]\n13 = ["Smarch"]', "dates.months.13: the key must be from 1 to 12"),
        (DATES, '[dates.days]\n0 = ["none"]', "dates.days.0: the key must be from 1 to 31"),
        (DATES, '[dates]\nabsolute = [""]', "dates.absolute: '' is empty"),
        (DATES, '[dates]\nabsolute = ["[{day}]"]', "dates.absolute: '[{day}]' is empty, or all of it is optional"),
        (DATES, '[dates]\nabsolute = ["{da y}"]', "dates.absolute: '{da y}' cannot be read"),
        ("[guards]", '[guards]\n[states.names]\nQZ = ["Nowhere"]', "states.names.QZ: is no ISO 3166 code"),
        ("[guards]", "[guards]\n[states]\nnames = 5", "states.names: must be a table, not 5"),
        ("[guards]", '[guards]\n[cities]\nLondon = "Londres"', "cities.London: must be a list of strings"),
        ('words = ["the", "of"]', "words = []", "language.words: is empty"),
        ('words = ["the", "of"]', 'words = ["..."]', "language.words: is empty"),
        ('name = "English"', "name = 5", "language.name: must be a name, not 5"),
        ('name = "English"', 'name = "English"\nspaced = "no"', "language.spaced: must be true or false, not 'no'"),
        ('name = "English"', 'name = "English"\nletters = 5', "language.letters: must be a string, not 5"),
        ('name = "English"', 'name = "English"\nabbreviations = [5]', "language.abbreviations: must be a list of"),
        ('name = "English"', 'name = "English"\nname_endings = ["a"]', "language.name_endings: must be a table"),
        (
            '[language]\ncode = "en"\nname = "English"\nwords = ["the", "of"]',
            "language = 5",
            "language: must be a table",
        ),
        ('[sites]\nembassy = ["embassy"]', "", "sites: the section is missing"),
        (LEAST, "sites = 5\n" + LEAST.replace('[sites]\nembassy = ["embassy"]', ""), "sites: must be a table, not 5"),
        (LEAST, "x = " + "[" * 5000, "file: "),
    ],
)
def test_what_would_raise_or_mislead_while_reading_is_refused_at_the_start(
    tmp_path: Path, old: str, new: str, complaint: str
) -> None:
    assert old in LEAST
    with pytest.raises(LexiconError) as caught:
        _rules(tmp_path, LEAST.replace(old, new))
    assert str(caught.value).startswith(f"en.toml: {complaint}")


@pytest.mark.parametrize(
    ("strangers", "complaint"),
    [
        ("nl = 5", "nl: must be a table, not 5"),
        ('[nl]\nwords = ["de"]', "nl: must have words and letters"),
        ('[nl]\nwords = "de"\nletters = ""', "nl.words: must be a list of strings"),
        ('[nl]\nwords = []\nletters = ""', "nl: has no words and no letters"),
        ('[nl]\nwords = ["de"]\nletters = 5', "nl.letters: must be a string, not 5"),
    ],
)
def test_strangers_are_checked_too(tmp_path: Path, strangers: str, complaint: str) -> None:
    (tmp_path / "strangers.toml").write_text(strangers)
    with pytest.raises(LexiconError) as caught:
        _rules(tmp_path, LEAST)
    assert str(caught.value).startswith(f"strangers.toml: {complaint}")


def test_a_choice_may_hold_choices() -> None:
    assert sorted(expand("{a{1,2},b} c")) == ["a1 c", "a2 c", "b c", "b c"]


def test_no_lexicon_at_all(tmp_path: Path) -> None:
    with pytest.raises(LexiconError, match="there is no lexicon"):
        load_rules(tmp_path)


def test_the_version_follows_the_data(tmp_path: Path, rules: Rules) -> None:
    assert load_rules().version == rules.version
    other = _rules(tmp_path, LEAST).version
    assert other != rules.version
    assert other.partition("-")[0] == rules.version.partition("-")[0]  # the same code reads them


def test_every_type_has_its_codes_and_every_weapon_a_type() -> None:
    assert set(TAXONOMY) == set(IncidentType)
    assert all(taxon.acled and taxon.iptc.isdecimal() for taxon in TAXONOMY.values())
    assert set(WEAPON_TYPES.values()) <= set(IncidentType)
