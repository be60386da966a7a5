"""What others wrote reaches an operator's terminal as text."""

import io
import json

import pytest
from rich.markup import escape
from rich.table import Table

from services.cli.context import Screen, print_json

HOSTILE = "title \x1b]0;owned\x07 \x1b[2J \x9b31m \r overwritten \x7f"


@pytest.mark.parametrize("width", [40, 200])
def test_nothing_that_is_printed_commands_a_terminal(width: int) -> None:
    printed = io.StringIO()
    screen = Screen(file=printed, force_terminal=True, width=width, color_system=None)
    table = Table("name")
    table.add_row(escape(HOSTILE))
    screen.print(HOSTILE, highlight=False, soft_wrap=True, markup=False)
    screen.print(f"[bold]{escape(HOSTILE)}[/]")
    screen.print(table)
    kept = set(printed.getvalue())
    assert not kept & set(map(chr, (*range(10), *range(11, 27), *range(28, 32), *range(127, 160))))
    assert "]0;owned" in printed.getvalue()
    assert "\x1b]" not in printed.getvalue()
    assert "\x1b[2J" not in printed.getvalue()


def test_lines_and_columns_stay(capsys: pytest.CaptureFixture[str]) -> None:
    Screen(width=200).print("a\tb\nc é 警察", highlight=False, markup=False)
    assert "c é 警察" in capsys.readouterr().out


def test_json_stays_what_it_was(capsys: pytest.CaptureFixture[str]) -> None:
    print_json({"title": HOSTILE})
    printed = capsys.readouterr().out
    assert not set(printed) & set(map(chr, (27, 0x7F, 0x9B)))
    assert json.loads(printed) == {"title": HOSTILE}
