"""`chancery classify` as a user meets it."""

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from services.cli import classify
from services.console.core import explaining

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
    assert list(report["site"]) == [
        "kind",
        "sending_state",
        "host_state",
        "city",
        "area",
        "lat",
        "lon",
        "precision",
        "groups",
    ]
    assert (report["date"], report["wounded"], report["killed"]) == ("2020-12-20", {"low": 2, "high": 2}, None)


def test_a_batch_goes_on_after_a_bad_line(tmp_path: Path) -> None:
    batch = tmp_path / "in.jsonl"
    line = json.dumps({"id": "a", "text": TEXT + "\u2028" + TEXT, "date": "2020-12-21"}, ensure_ascii=False)
    batch.write_text(line + "\n{bad\n\n" + json.dumps({"id": 7, "text": "", "title": "x", "lang": "fr"}) + "\n")
    result = RUN.invoke(APP, ["classify", "--jsonl", str(batch)])
    assert result.exit_code == 1
    assert [json.loads(row)["id"] for row in result.stdout.splitlines()] == ["a", "7"]
    assert "line 2" in result.stderr


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b"[" * 200_000, "line 2 is no article: its JSON nests too deep"),
        (b'{"id": 1, "text": "x", "lang": 5}', "line 2: lang must be a string, not 5"),
        (b'{"id": 1, "text": "x", "lang": true}', "line 2: lang must be a string, not true"),
        (b'{"id": 1, "text": "x", "lang": [1]}', "line 2: lang must be a string, not [1]"),
        (b'{"id": 1, "text": "x", "lang": {}}', "line 2: lang must be a string, not {}"),
        (b'{"id": 1, "text": "x", "date": []}', "line 2: date must be a string, not []"),
        (b'{"id": 1, "text": "x", "date": "soon"}', "line 2: date: 'soon' is no ISO date"),
        (b'{"id": 1, "text": "x", "title": [1]}', "line 2: title must be a string, not [1]"),
        (b'{"id": null, "text": "x"}', "line 2: id must be a string or a whole number, not null"),
        (b'{"id": {"a": 1}, "text": "x"}', "line 2: id must be a string or a whole number"),
        (b'{"id": "\\ud800", "text": "x"}', "line 2: id holds a lone surrogate, '\\ud800' at 0"),
        (b'{"id": 1, "text": "ab\\udfff"}', "line 2: text holds a lone surrogate, '\\udfff' at 2"),
        (b'{"id": 1, "text": "caf\xe9"}', "line 2 is no UTF-8"),
    ],
)
def test_a_batch_says_why_it_passes_a_line_over(line: bytes, why: str) -> None:
    good = [json.dumps({"id": name, "text": TEXT, "date": "2020-12-21"}).encode() for name in ("before", "after")]
    batch = b"\xef\xbb\xbf" + b"\n".join([good[0], line, good[1]])
    result = RUN.invoke(APP, ["classify", "--jsonl", "-"], input=batch)
    assert result.exit_code == 1
    assert [json.loads(row)["id"] for row in result.stdout.splitlines()] == ["before", "after"]
    assert f"skipped: {why}" in " ".join(result.stderr.split())


def test_html_behind_many_comments_is_told_from_text_at_once(tmp_path: Path) -> None:
    page = tmp_path / "a.txt"
    page.write_text("<!---->" * 200 + "x bomb")
    result = RUN.invoke(APP, ["classify", str(page), "--json"])
    assert result.exit_code == 0
    assert explaining._HTML.match("<!-- a -->\n" * 100 + "<html>")


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


def test_the_headline_of_a_page_is_its_title_alone(tmp_path: Path) -> None:
    headline = "Three rockets hit the US embassy in Baghdad"
    page = tmp_path / "a.html"
    page.write_text(
        f"<!doctype html><html><head><title>{headline}</title></head><body><article><h1>{headline}</h1>"
        f"<p>{TEXT} Nobody was killed in the attack, which comes after weeks of calm in the Iraqi capital.</p>"
        "<p>The embassy thanked the Iraqi forces for their help during the night and said it was open.</p>"
        "</article></body></html>"
    )
    result = RUN.invoke(APP, ["classify", str(page), "--published", PUBLISHED])
    assert result.exit_code == 0
    assert result.stdout.splitlines().count(headline) == 1


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
