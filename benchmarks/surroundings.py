"""On what a measurement was made, and by which command: a table without them says little."""

import os
import platform
import sys
from collections.abc import Iterable
from pathlib import Path

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
