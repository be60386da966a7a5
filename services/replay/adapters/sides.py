"""Runs one side of a comparison (`replay/side.py`) as a process and listens to what it says."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypedDict

from services.contracts.difference import Telling
from services.replay.adapters.rule_sets import RuleSet, UnusableRules

PROTOCOL = 1


class Read(TypedDict):
    """What an article says by the rules of a side, and the gates that spoke."""

    article: str
    language: str
    findings: list[dict[str, Any]]
    gates: list[str]


class Side:
    """One side. Use as a context manager; the process ends with it. Raises UnusableRules with what the side said."""

    def __init__(self, rules: RuleSet, recording: Path) -> None:
        assert rules.code is not None
        command = [sys.executable, "-m", "services.replay.side", str(recording.resolve())]
        if rules.directory is not None:
            command += ["--rules", str(rules.directory)]
        self._name = rules.name
        self._process = subprocess.Popen(
            command,
            cwd=rules.code,
            env=os.environ | {"PYTHONPATH": str(rules.code), "PYTHONDONTWRITEBYTECODE": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        self.rules_version = ""
        self.counts: dict[str, int] = {}

    def __enter__(self) -> "Side":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def tellings(self, on_articles: Callable[[int], None]) -> list[Telling]:
        """Its alerts, in order; `on_articles` hears how many more articles it has read."""
        told: list[Telling] = []
        seen = 0
        for said in self._lines():
            if "telling" in said:
                told.append(Telling.model_validate(said["telling"]))
            elif "articles" in said:
                on_articles(said["articles"] - seen)
                seen = said["articles"]
            elif "rules" in said:
                if said["protocol"] != PROTOCOL:
                    raise UnusableRules(f"{self._name}: its code speaks of alerts in another way: give its directory")
                self.rules_version = said["rules"]
            elif "done" in said:
                self.counts = said["done"]
                return told
        raise self._died()

    def readings(self, articles: Sequence[str]) -> dict[str, Read]:
        """What it reads in articles of the recording, by their record ids."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"articles": list(articles)}).encode() + b"\n")
        self._process.stdin.flush()
        found: dict[str, Read] = {}
        for said in self._lines():
            if "end" in said:
                return found
            found[said["read"]["article"]] = said["read"]
        raise self._died()

    def _lines(self) -> Iterator[dict[str, Any]]:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            said = json.loads(line)
            if "error" in said:
                raise UnusableRules(f"{self._name}: {said['error']}")
            yield said

    def _died(self) -> UnusableRules:
        return UnusableRules(f"{self._name}: the process that read by it ended with {self._process.wait()}")
