"""`chancery evaluate` as a user meets it. `evaluated/` holds a small gold file of our own and the figures it gives."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from services.cli import app, evaluate

RUN = CliRunner()

HERE = Path(__file__).parent / "evaluated"
GOLD = HERE / "gold.jsonl"


def as_json(*arguments: str) -> dict[str, Any]:
    result = RUN.invoke(app, ["evaluate", *arguments, "--json"])
    assert result.exit_code == 0, result.output
    document: dict[str, Any] = json.loads(result.stdout)
    return document


def test_the_figures_are_those_of_the_golden_file() -> None:
    document = as_json(str(GOLD))
    assert document.pop("ruleset_version")
    (mistake,) = document.pop("mistakes")
    assert document == json.loads((HERE / "figures.json").read_text(encoding="utf-8"))
    assert (mistake["id"], mistake["missed"], mistake["false_alarms"]) == ("drill", ["any_incident"], [])
    assert mistake["gold"] == ["ATTACK host_state=PE city=LIMA date=2019-03-04"]
    assert any("drill" in line for line in mistake["why"])


def test_tables_and_each_mistake_with_its_gate() -> None:
    result = RUN.invoke(app, ["evaluate", str(GOLD)])
    assert result.exit_code == 0
    for words in ("Documents", "Slots on the documents found", "host state", "type ROBBERY", "any incident, missed: 1"):
        assert words in result.stdout
    assert "drill is about a drill or an exercise" in result.stdout
    assert "missed: 1" not in RUN.invoke(app, ["evaluate", str(GOLD), "--misses", "0"]).stdout


def test_the_first_documents_of_a_compressed_file(tmp_path: Path) -> None:
    packed = tmp_path / "gold.jsonl.gz"
    packed.write_bytes(gzip.compress(GOLD.read_bytes()))
    assert as_json(str(packed), "--limit", "2")["documents"] == {"all": 2, "en": 2}


def test_other_fields_may_hold_text_and_day(tmp_path: Path) -> None:
    row = json.loads(GOLD.read_text(encoding="utf-8").splitlines()[0])
    row["body"], row["seen"] = row.pop("text"), row.pop("date")
    renamed = tmp_path / "renamed.jsonl"
    renamed.write_text(json.dumps(row) + "\n")
    document = as_json(str(renamed), "--text-field", "body", "--published-field", "seen")
    assert document["slots"]["paired"]["all"]["date"]["right"] == 1


def test_processes_judge_as_one_does() -> None:
    documents = evaluate.read_gold(GOLD) * 60
    assert evaluate.judged(documents, jobs=2) == evaluate.judged(documents, jobs=1)


def test_a_folder_of_golden_cases_is_scored_by_language(tmp_path: Path) -> None:
    for language, told in (("en", "A bomb exploded outside the US embassy in Lima on Monday."), ("fr", "Il pleut.")):
        (tmp_path / language).mkdir()
        (tmp_path / language / "cases.toml").write_text(
            f'[[case]]\nname = "a"\nkind = "synthetic"\npublished = 2019-03-05T08:00:00Z\ntext = "{told}"\nalerts = 1\n'
        )
    document = as_json(str(tmp_path))
    recalls = {language: table["alert"]["recall"] for language, table in document["measures"].items()}
    assert recalls == {"all": 0.5, "en": 1.0, "fr": 0.0}
    assert [mistake["id"] for mistake in document["mistakes"]] == ["fr: a"]
    assert as_json(str(tmp_path / "en" / "cases.toml"))["documents"] == {"all": 1, "en": 1}


@pytest.mark.parametrize(
    ("name", "content", "advice"),
    [
        ("gold.jsonl", '{"text": "a", "label_any_incident": true}\n\n{"text": 5}', "line 3: text: must be a string"),
        ("gold.jsonl", "{bad", "line 1: Expecting"),
        ("gold.jsonl", "[1]", "line 1: is no JSON object"),
        ("gold.jsonl", '{"text": "a"}', "line 1: has neither labels"),
        ("gold.jsonl", "[" * 200_000, "line 1: its JSON nests too deep"),
        ("gold.jsonl", '{"id": "\\ud800", "text": "a"}', "line 1: id: holds a lone surrogate, '\\ud800' at 0"),
        (
            "gold.jsonl",
            '{"text": "a", "expect": {"report": [{"city": "Lima\\ud800"}]}}',
            "line 1: expect.report.0.city: holds a lone surrogate, '\\ud800' at 4",
        ),
        ("gold.jsonl", '{"id": null, "text": "a"}', "line 1: id: must be a string or a whole number, not None"),
        ("gold.jsonl", "", "there is no document in it"),
        ("cases.toml", "case = " + "[" * 5_000, "cases.toml: "),
        ("gold.jsonl.gz", "not packed", "cannot read"),
        ("cases.toml", "[[case]]\nname = 'a'", "case 1: text: is missing"),
        ("cases.toml", "[[case]", "cases.toml: "),
        ("cases.toml", "case = 5", "cases.toml: case: must be a list"),
    ],
)
def test_gold_that_cannot_be_read_says_where_and_exits_2(tmp_path: Path, name: str, content: str, advice: str) -> None:
    path = tmp_path / name
    path.write_text(content)
    result = RUN.invoke(app, ["evaluate", str(path)])
    assert result.exit_code == 2
    assert advice in " ".join(result.stderr.split())


def test_a_byte_order_mark_is_no_part_of_the_gold(tmp_path: Path) -> None:
    marked = tmp_path / "marked.jsonl"
    marked.write_bytes(b"\xef\xbb\xbf" + GOLD.read_bytes())
    assert as_json(str(marked))["documents"]["all"] == 7


def test_a_missing_file_exits_2() -> None:
    result = RUN.invoke(app, ["evaluate", "no-such-file.jsonl"])
    assert result.exit_code == 2
    assert "cannot read no-such-file.jsonl: No such file" in " ".join(result.stderr.split())
