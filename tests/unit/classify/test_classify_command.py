"""`chancery classify` as a user meets it."""

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from services.cli import classify

APP = typer.Typer()
APP.callback()(lambda: None)
classify.register(APP)
RUN = CliRunner()

TEXT = "Three rockets hit the US embassy in Baghdad on Sunday, wounding two guards, police said."
PUBLISHED = "2020-12-21T08:00:00+01:00"
ORDER = [
    "standing", "type", "outcome", "relation", "date", "date_precision", "site", "killed", "wounded", "weapon",
    "claimed_by", "sources", "severity", "certainty", "guards", "alertable", "evidence",
]  # fmt: skip


def test_json_has_the_keys_of_the_contract_in_order() -> None:
    result = RUN.invoke(APP, ["classify", "-", "--published", PUBLISHED, "--json"], input=TEXT)
    assert result.exit_code == 0
    data = json.loads(result.stdout)
    assert list(data) == ["id", "language", "ruleset_version", "reports"]
    (report,) = data["reports"]
    assert list(report)[: len(ORDER)] == ORDER
    assert list(report["site"]) == ["kind", "sending_state", "host_state", "city", "area", "lat", "lon", "precision"]
    assert (report["date"], report["wounded"], report["killed"]) == ("2020-12-20", {"low": 2, "high": 2}, None)


def test_a_batch_goes_on_after_a_bad_line(tmp_path: Path) -> None:
    batch = tmp_path / "in.jsonl"
    line = json.dumps({"id": "a", "text": TEXT + "\u2028" + TEXT, "date": "2020-12-21"}, ensure_ascii=False)
    batch.write_text(line + "\n{bad\n\n" + json.dumps({"id": 7, "text": "", "title": "x", "lang": "fr"}) + "\n")
    result = RUN.invoke(APP, ["classify", "--jsonl", str(batch)])
    assert result.exit_code == 1
    assert [json.loads(row)["id"] for row in result.stdout.splitlines()] == ["a", "7"]
    assert "line 2" in result.stderr


def test_the_readable_form_names_evidence_and_verdict(tmp_path: Path) -> None:
    page = tmp_path / "a.html"
    page.write_text(
        "<!doctype html><html><head><title>Rockets</title></head><body><nav>Home</nav><article><h1>Rockets</h1>"
        f"<p>{TEXT} Nobody was killed in the attack, which comes after weeks of calm in the Iraqi capital.</p>"
        "<p>The embassy thanked the Iraqi forces for their help during the night and said it was open.</p>"
        "</article></body></html>"
    )
    result = RUN.invoke(APP, ["classify", str(page), "--published", PUBLISHED])
    assert result.exit_code == 0
    for words in ("new rocket_mortar_missile", "would alert", "Baghdad", "severity"):
        assert words in result.stdout


def test_why_not_names_the_gate() -> None:
    text = "The US embassy in Kabul condemned the bombing of a mosque in Herat on Friday."
    result = RUN.invoke(APP, ["classify", "-", "--why-not"], input=text)
    assert result.exit_code == 0
    assert "No incident is told" in result.stdout
    assert "statement" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "advice"),
    [
        (["classify"], "give either"),
        (["classify", "no-such-file"], "cannot read no-such-file"),
        (["classify", "-", "--published", "yesterday"], "no ISO date"),
        (["classify", "-", "--jsonl", "x"], "give either"),
        (["classify", "--jsonl", "no-such-file"], "cannot read no-such-file"),
    ],
)
def test_wrong_usage_says_what_to_do_and_exits_2(arguments: list[str], advice: str) -> None:
    result = RUN.invoke(APP, arguments, input="text")
    assert result.exit_code == 2
    assert advice in " ".join(result.stderr.split())


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "standard input is empty"),
        (b" \n", "standard input is empty"),
        (b"\x7fELF\0\0", "NUL bytes"),
        (b"caf\xe9", "no UTF-8 text: byte 0xe9 at 3"),
    ],
)
def test_what_is_no_text_is_refused(content: bytes, complaint: str) -> None:
    result = RUN.invoke(APP, ["classify", "-"], input=content)
    assert result.exit_code == 2
    assert complaint in " ".join(result.stderr.split())


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_control_characters_are_not_printed_raw(form: list[str]) -> None:
    text = TEXT.replace("US embassy", "US\x1b]0;x\x07 \x9bembassy [bold]\r\n")
    result = RUN.invoke(APP, ["classify", "-", *form], input=text.encode())
    assert result.exit_code == 0
    assert not {"\x1b", "\x07", "\x9b", "\r"} & set(result.stdout)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("The minister opened a new library in the capital on Sunday and thanked the people who built it.", "no word"),
        ("xyzzy", "no lexicon"),
    ],
)
def test_why_not_without_a_candidate_says_where_reading_ended(text: str, words: str) -> None:
    result = RUN.invoke(APP, ["classify", "-", "--why-not"], input=text)
    assert f"Nothing was rejected: {words}" in " ".join(result.stdout.replace("there is ", "").split())


GOLDEN = Path(__file__).parent / "classified"


def _classified() -> str:
    """What the command prints of the golden articles, the version of the rules left out: it changes with every rule."""
    result = RUN.invoke(APP, ["classify", "--jsonl", str(GOLDEN / "articles.jsonl")])
    assert result.exit_code == 0
    rows = [json.loads(line) | {"ruleset_version": "*"} for line in result.stdout.splitlines()]
    return json.dumps(rows, indent=1, ensure_ascii=False) + "\n"


def test_the_json_is_what_the_golden_file_says() -> None:
    """After a deliberate change: `python -m tests.unit.classify.test_classify_command`, and review the difference."""
    assert _classified() == (GOLDEN / "classifications.json").read_text(encoding="utf-8")


if __name__ == "__main__":
    (GOLDEN / "classifications.json").write_text(_classified(), encoding="utf-8")
