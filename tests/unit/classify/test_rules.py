"""Rules that cannot be used are refused with file, key and reason; rules that differ have another version."""

from pathlib import Path

import pytest

from services.classify.adapters.data import load_rules
from services.classify.core.reading.matcher import LexiconError
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
