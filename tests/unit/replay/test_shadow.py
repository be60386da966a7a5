"""What `chancery shadow` prints as it goes."""

import datetime as dt
import io

import pytest
from rich.console import Console
from rich.live import Live

from services.cli.shadow import _Lines, _Texts, numbers
from services.contracts.shadow import Shadow
from tests.contracts.examples import SHADOW

RUNNING = SHADOW.model_copy(update={"ended_at": None, "end": ""})


def test_a_line_is_printed_when_something_changed_and_is_the_record(capsys: pytest.CaptureFixture[str]) -> None:
    lines = _Lines()
    later = RUNNING.model_copy(update={"alive_at": RUNNING.alive_at + dt.timedelta(minutes=1)})
    more = later.model_copy(update={"lost": 2})
    for each in (RUNNING, later, more):
        lines(each)
    assert [Shadow.model_validate_json(line) for line in capsys.readouterr().out.splitlines()] == [RUNNING, more]


def test_each_difference_is_shown_once_with_its_words(capsys: pytest.CaptureFixture[str]) -> None:
    texts = _Texts(Live(console=Console(file=io.StringIO())))
    for each in (RUNNING.model_copy(update={"differences": RUNNING.differences[1:]}), RUNNING, SHADOW):
        texts.compared(each)
    shown = capsys.readouterr().out
    assert (shown.count("LOST"), shown.count("CHANGED")) == (1, 1)
    assert shown.index("CHANGED") < shown.index("LOST"), "the newest last"
    assert "“roquettes”" in shown
    assert "headline: Rocket, mortar or missile fire" in shown


def test_the_numbers_are_those_of_the_record_whatever_the_rules_are_called() -> None:
    told = io.StringIO()
    named = RUNNING.model_copy(update={"other": RUNNING.other.model_copy(update={"name": "[bold]x\x1b[31m"})})
    Console(file=told, width=100).print(numbers(named))
    assert "[bold]x" in told.getvalue()
    assert "\x1b" not in told.getvalue()
    (row,) = (line for line in told.getvalue().splitlines() if "7" in line and "│" in line)
    assert [cell.strip() for cell in row.strip("│").split("│")] == ["7", "1", "1", "0", "1", "1"]
