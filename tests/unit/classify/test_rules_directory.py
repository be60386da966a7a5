"""Rules outside the package, as docs/rules.md tells: copied, changed, named by an option or by the environment."""

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from services import classify
from services.cli import app

RUN = CliRunner()
TEXT = "Three men zapped the US embassy in Baghdad on Sunday, police said."
SETTING = "CHANCERY_CLASSIFY__RULES_DIR"


@pytest.fixture
def changed(tmp_path: Path) -> Path:
    """A copy of the built-in rules for English in which "zapped" is an attack."""
    package = Path(classify.__path__[0])
    (tmp_path / "lexicons").mkdir()
    shutil.copytree(package / "gazetteer", tmp_path / "gazetteer")
    shutil.copy(package / "strangers.toml", tmp_path)
    lexicon = (package / "lexicons" / "en.toml").read_text(encoding="utf-8")
    section = lexicon.index("[events]")
    key = lexicon.index("\nattack = [", section) + len("\nattack = [")
    (tmp_path / "lexicons" / "en.toml").write_text(lexicon[:key] + '"zapped", ' + lexicon[key:], encoding="utf-8")
    return tmp_path


def _told(*arguments: str) -> int:
    result = RUN.invoke(app, ["classify", "-", "--json", "--published", "2020-12-21", *arguments], input=TEXT)
    assert result.exit_code == 0, result.output
    return len(json.loads(result.stdout)["reports"])


def test_a_changed_word_counts_by_option_and_by_setting(changed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert _told() == 0
    assert _told("--rules", str(changed)) == 1
    monkeypatch.setenv(SETTING, str(changed))
    assert _told() == 1


def test_evaluate_reads_by_the_rules_it_is_given(
    changed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gold = tmp_path / "gold.jsonl"
    gold.write_text(json.dumps({"text": TEXT, "date": "2020-12-21", "lang": "en", "expect": {"alerts": 1}}))

    def recall(*arguments: str) -> float:
        result = RUN.invoke(app, ["evaluate", str(gold), "--json", *arguments])
        assert result.exit_code == 0, result.output
        return float(json.loads(result.stdout)["measures"]["all"]["alert"]["recall"])

    assert recall() == 0
    assert recall("--rules", str(changed)) == 1
    monkeypatch.setenv(SETTING, str(changed))
    assert recall() == 1


@pytest.mark.parametrize(
    "command", [["classify", "-"], ["evaluate", str(Path(__file__).parent / "evaluated/gold.jsonl")]]
)
def test_rules_that_are_wrong_are_one_error(
    command: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*arguments: str) -> int:
        result = RUN.invoke(app, [*command, *arguments], input=TEXT)
        assert "lexicons: *.toml: there is no lexicon" in " ".join(result.stderr.split())
        assert result.stderr.startswith("error: the rules cannot be used")
        return result.exit_code

    assert refused("--rules", str(tmp_path)) == 2
    monkeypatch.setenv(SETTING, str(tmp_path))
    assert refused() == 78
