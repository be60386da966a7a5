"""On what a measurement was made, and by which command: a table without them says little."""

import os
import platform
import sys
from pathlib import Path

RESULTS = Path(__file__).parent / "results"


def command(name: str) -> str:
    """The command line, with the names of files and not where they lie."""
    words = [Path(word).name if "/" in word else word for word in sys.argv[1:]]
    return " ".join(["python -m", f"benchmarks.{name}", *words])


def surroundings() -> str:
    return f"Python {platform.python_version()}, {platform.system()} {platform.machine()}, {os.cpu_count()} cores"
