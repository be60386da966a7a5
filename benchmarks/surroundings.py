"""On what a measurement was made, and by which command: a table without them says little."""

import itertools
import os
import platform
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from services.cli.scoresheet import Sheet

RESULTS = Path(__file__).parent / "results"


def command(name: str) -> str:
    """The command line, with the names of files and not where they lie."""
    words = [Path(word).name if "/" in word else word for word in sys.argv[1:]]
    return " ".join(["python -m", f"benchmarks.{name}", *words])


def surroundings(busy: float | None = None) -> str:
    """`busy` is what `wanted_by_others` said before the measurement."""
    machine = f"Python {platform.python_version()}, {platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    return machine if busy is None else f"{machine}, of which other work wanted {busy:.1f} when this began"


def wanted_by_others() -> float:
    """Cores, over the last five minutes."""
    return os.getloadavg()[1]


def show(name: str, title: str, intro: str, parts: Iterable[str], *, write: bool, variant: str = "") -> None:
    """Print the page of a benchmark; with `write` it is kept under results/ as well."""
    text = "\n".join([f"# {title}\n", f"`{command(name)}`\n", f"{intro}\n", *parts])
    print(text)
    if write:
        (RESULTS / f"{name}{variant}.md").write_text(text, encoding="utf-8")


def plot(title: str, x: str, xs: Sequence[float], y: str, lines: Mapping[str, Sequence[float]]) -> str:
    """A Mermaid chart for Markdown, which GitHub draws. Charts have no legend: the title names the lines, in order."""
    named = f"{title}: {', '.join(lines)}" if len(lines) > 1 else title
    drawn = "".join(f"    line [{', '.join(f'{value:.4g}' for value in values)}]\n" for values in lines.values())
    axis = ", ".join(f'"{value:,g}"' for value in xs)
    return f'```mermaid\nxychart-beta\n    title "{named}"\n    x-axis "{x}" [{axis}]\n    y-axis "{y}"\n{drawn}```\n'


def result(name: str, title: str) -> Sheet:
    """A table of a page that was kept. Raises LookupError that says how to make it."""
    path = RESULTS / f"{name}.md"
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    if f"### {title}" not in lines:
        raise LookupError(f"results/{name}.md has no table {title!r}: make it with python -m benchmarks.{name} --write")
    below = lines[lines.index(f"### {title}") + 1 :]
    first = next(number for number, line in enumerate(below) if line.startswith("|"))
    table = itertools.takewhile(lambda line: line.startswith("|"), below[first:])
    head, _, *rows = (tuple(cell.strip() for cell in line.strip("|").split(" | ")) for line in table)
    return Sheet(title, head, tuple(rows))
