import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest


@dataclass(frozen=True)
class Server:
    """A demo server in its own process, and the JSON lines it prints."""

    process: subprocess.Popen[str]
    url: str

    def next_line(self) -> dict[str, object]:
        assert self.process.stdout is not None
        line: dict[str, object] = json.loads(self.process.stdout.readline())
        return line


Start = Callable[..., Server]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts `python -m <module> <arguments>` on a free port, waits for its ready line, ends it afterwards."""
    processes: list[subprocess.Popen[str]] = []

    def run(module: str, *arguments: str) -> Server:
        process = subprocess.Popen(
            [sys.executable, "-m", module, "--port", "0", *arguments], stdout=subprocess.PIPE, text=True
        )
        processes.append(process)
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        assert ready["ready"] is True
        return Server(process, f"http://127.0.0.1:{ready['port']}")

    yield run
    for process in processes:
        process.kill()
        process.communicate()
