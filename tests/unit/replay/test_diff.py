"""The gate: the rules lose no alert of the recorded day; and what `chancery diff` says of rules that do."""

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from services.cli import app
from services.cli.rule_diff import show
from services.contracts.article import Article
from services.contracts.codec import encode
from services.contracts.topics import ALERTS, ARTICLES
from services.replay.adapters.archive import recording
from services.replay.adapters.rule_sets import CHECKOUT, UnusableRules, rule_set
from services.replay.diff import Report, diff
from tests.day.recording import FILE, articles
from tests.unit.replay.recordings import recorded, written

RUN = CliRunner()
RULES = CHECKOUT / "services" / "classify"
LOST = "Bombing at the consulate of Italy in Cairo"


def test_the_rules_lose_no_alert_of_the_recorded_day() -> None:
    """After a change that is meant to: `python -m tests.day.recording`, and read what `chancery diff` says before."""
    result = RUN.invoke(app, ["diff", str(FILE), "--rules", "recorded", "--fail-on", "lost>0"])
    assert result.exit_code == 0, result.output
    assert re.search(r"lost 0, gained \d+, changed \d+, same \d\d", result.stdout)


def test_the_recording_is_of_the_articles_there_are() -> None:
    """`python -m tests.day.recording` makes it anew."""
    kept = [record.value for record in recording(FILE) if record.topic is ARTICLES]
    assert kept == [encode(article) for article in articles()]


@pytest.fixture(scope="module")
def misspelt(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The rules with one word of one lexicon misspelt."""
    directory = tmp_path_factory.mktemp("rules")
    for name in ("lexicons", "gazetteer"):
        shutil.copytree(RULES / name, directory / name)
    shutil.copy(RULES / "strangers.toml", directory)
    italian = directory / "lexicons" / "it.toml"
    text = italian.read_text(encoding="utf-8")
    assert text.count('"consolat{o,i}"') == 1
    italian.write_text(text.replace('"consolat{o,i}"', '"consolatt{o,i}"'), encoding="utf-8")
    return directory


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("page") / "diff.html"


@pytest.fixture(scope="module")
def compared(misspelt: Path, page: Path) -> dict[str, Any]:
    """The report as JSON; the same run writes the page."""
    arguments = ["diff", str(FILE), "--rules", str(RULES), "--rules", str(misspelt), "--json", "--html", str(page)]
    result = RUN.invoke(app, [*arguments, "--fail-on", "lost>0", "--fail-on", "gained>0"])
    assert result.exit_code == 1
    assert "failed: lost>0\n" in result.stderr
    report: dict[str, Any] = json.loads(result.stdout)
    return report


def test_a_misspelt_word_loses_an_alert_and_is_named(compared: dict[str, Any]) -> None:
    (lost,) = compared["differences"]
    assert lost["kind"] == "lost"
    assert lost["a"]["headline"].startswith(LOST)
    assert lost["b"] is None
    assert (lost["a"]["quotes"][0]["quote"], lost["a"]["quotes"][0]["language"]) == ("Autobomba", "it")
    (cause,) = lost["because"]
    assert cause["changes"] == ['it.toml: sites.consulate: "consolat{o,i}" was taken out']
    assert cause["alone"] is True
    assert compared["rule_changes"] == [
        'it.toml: sites.consulate: "consolat{o,i}" was taken out',
        'it.toml: sites.consulate: "consolatt{o,i}" was put in',
    ]
    assert compared["a"]["counts"]["articles"] == compared["articles"] == len(articles())
    assert compared["a"]["counts"]["alerts"] == compared["b"]["counts"]["alerts"] + 1 == compared["same"] + 1


def test_the_page_needs_nothing_else_and_shows_it(compared: dict[str, Any], page: Path) -> None:
    html = page.read_text(encoding="utf-8")
    assert LOST in html
    assert "Autobomba" in html
    assert "this change alone does it" in html
    assert not re.search(r"<script|<img|<link|src=|@import|url\(", html)
    assert "default-src &#39;none&#39;" in html or "default-src 'none'" in html


def test_as_text_it_says_the_same(compared: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    show(Report.model_validate(compared))
    told = capsys.readouterr().out
    assert "lost 1, gained 0, changed 0, same" in told
    assert f"LOST opened: {LOST}" in told
    assert 'because it.toml: sites.consulate: "consolat{o,i}" was taken out (this change alone does it)' in told


@pytest.fixture(scope="module")
def article() -> Article:
    """The one that the misspelt word loses."""
    return next(each for each in articles() if "consolato italiano" in each.title)


@pytest.fixture
def short(tmp_path: Path, article: Article) -> Path:
    path = tmp_path / "short"
    written(path, [recorded(0, article)])
    return path


def test_nothing_a_publisher_writes_is_markup_on_the_page(tmp_path: Path, article: Article) -> None:
    """An article of the day under a title that would be a script."""
    hostile = article.model_copy(update={"title": f"<script>alert(1)</script> {article.title}", "url": "javascript:x"})
    path, page = tmp_path / "hostile", tmp_path / "page.html"
    written(path, [recorded(0, hostile)], ARTICLES, ALERTS)
    result = RUN.invoke(app, ["diff", str(path), "--rules", "recorded", "--html", str(page)])
    assert result.exit_code == 0, result.output
    assert "gained 1" in result.stdout
    html = page.read_text(encoding="utf-8")
    assert "&lt;script&gt;alert(1)" in html
    assert "<script" not in html
    assert "javascript:" not in html


BAD: dict[str, tuple[Callable[[Path], object], list[str], str]] = {
    "no recording": (lambda path: path.write_bytes(b"hello"), [], "no recording"),
    "no articles": (lambda path: written(path, [], ALERTS), [], "holds no articles"),
    "no alerts": (lambda path: written(path, [recorded(0)]), ["--rules", "recorded"], "holds no alerts"),
    "masked": (lambda path: written(path, [recorded(0)], masked=True), [], "its texts are masked"),
    "no rules": (lambda path: written(path, [recorded(0)]), ["--rules", "/usr"], "neither lexicons/ nor a checkout"),
    "no revision": (lambda path: written(path, [recorded(0)]), ["--rules", "no-such"], "nor a revision of"),
    "an option to git": (lambda path: written(path, [recorded(0)]), ["--rules", "--output=x"], "nor a revision of"),
    "three": (lambda path: written(path, [recorded(0)]), ["--rules", "a", "--rules", "b", "--rules", "c"], "once or"),
    "a condition": (lambda path: written(path, [recorded(0)]), ["--fail-on", "bad"], "is no condition"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_compared_says_so_and_writes_nothing(tmp_path: Path, case: str) -> None:
    make, options, says = BAD[case]
    path, page = tmp_path / "file", tmp_path / "page.html"
    make(path)
    result = RUN.invoke(app, ["diff", str(path), *options, "--html", str(page)])
    assert result.exit_code == 2
    assert says in result.stderr.replace("\n", " ")
    assert not page.exists()


def test_rules_that_are_wrong_name_file_and_key(misspelt: Path, short: Path, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong"
    shutil.copytree(misspelt, wrong)
    with (wrong / "lexicons" / "it.toml").open("a", encoding="utf-8") as file:
        file.write("\n[nonsense]\nx = []\n")
    result = RUN.invoke(app, ["diff", str(short), "--rules", str(misspelt), "--rules", str(wrong)])
    assert result.exit_code == 2
    assert "it.toml: nonsense" in result.stderr


def git(repository: Path, *arguments: str) -> None:
    who = ("-c", "user.name=test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false")
    subprocess.run(["git", "-C", str(repository), *who, *arguments], check=True, capture_output=True)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory, misspelt: Path) -> Path:
    """A repository with two revisions: the present code, then the misspelt word."""
    directory = tmp_path_factory.mktemp("repository")
    shutil.copytree(CHECKOUT / "services", directory / "services", ignore=shutil.ignore_patterns("__pycache__"))
    git(directory, "init", "-q", "-b", "main")
    git(directory, "add", ".")
    git(directory, "commit", "-q", "-m", "one")
    shutil.copy(misspelt / "lexicons" / "it.toml", directory / "services" / "classify" / "lexicons")
    git(directory, "commit", "-q", "-a", "-m", "two")
    return directory


def test_revisions_are_run_with_the_code_of_then(repository: Path, short: Path) -> None:
    report = diff(short, "main", "HEAD~1", lambda _: None, repository)
    assert [each.kind for each in report.differences] == ["gained"]
    assert report.differences[0].because[0].alone
    assert re.fullmatch(r"main \([0-9a-f]{7}\)", report.a.name)


def test_other_code_is_named_as_what_may_differ(repository: Path, short: Path, tmp_path: Path) -> None:
    """A revision whose engine differs from the one that runs: the files alone cannot be to blame."""
    with ExitStack() as stack:
        found = stack.enter_context(rule_set("HEAD~1", repository))
        assert found.code is not None
        assert found.code != CHECKOUT
        assert (found.code / "services" / "classify" / "lexicons" / "it.toml").exists()
        other = tmp_path / "checkout"
        shutil.copytree(found.code, other)
    assert not found.code.exists(), "what was taken from git goes with the context"
    guards = other / "services" / "classify" / "core" / "reading" / "guards.py"
    guards.write_text(guards.read_text(encoding="utf-8") + "\n# another engine\n", encoding="utf-8")
    report = diff(short, str(RULES), str(other), lambda _: None)
    assert report.rule_changes is None
    assert report.remark.startswith("other code read one of the sides")
    assert report.differences == ()


def test_a_revision_older_than_comparisons_gives_its_rules_only(repository: Path, tmp_path: Path) -> None:
    old = tmp_path / "old"
    git(tmp_path, "clone", "-q", str(repository), str(old))
    shutil.rmtree(old / "services" / "replay")
    git(old, "commit", "-q", "-a", "-m", "as if long ago")
    with rule_set("HEAD", old) as found:
        assert found.code == CHECKOUT
        assert found.name.endswith("its rules read by this code")
        assert (found.tables_in / "lexicons" / "it.toml").exists()


def test_without_a_repository_a_revision_is_nothing(tmp_path: Path) -> None:
    with pytest.raises(UnusableRules, match="no git repository"), rule_set("HEAD", tmp_path):
        pass
