"""deploy/Dockerfile, linted by a table of rules; each rule is shown to speak."""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "deploy/Dockerfile").read_text()
NOT_IGNORED = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]


@dataclass(frozen=True)
class Step:
    word: str
    rest: str


def steps(text: str) -> list[Step]:
    """The instructions, comments gone and continued lines joined."""
    lines = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    joined = re.sub(r"\\\n\s*", " ", lines)
    return [Step(*line.split(maxsplit=1)) for line in joined.splitlines() if line.strip()]


def last_stage(text: str) -> list[Step]:
    found = steps(text)
    return found[max(number for number, step in enumerate(found) if step.word == "FROM") :]


def runs_as_nobody_special(text: str) -> Iterator[str]:
    users = [step.rest for step in last_stage(text) if step.word == "USER"]
    if not users or not re.fullmatch(r"[1-9]\d*:[1-9]\d*", users[-1]):
        yield "the last USER is no number other than 0 (a name cannot be checked by an orchestrator)"


def bases_are_pinned(text: str) -> Iterator[str]:
    stages: set[str] = set()
    for step in steps(text):
        if step.word == "FROM":
            image, _, alias = step.rest.partition(" AS ")
            if image not in stages and not re.search(r":\d+\.\d+\.\d+|@sha256:", image):
                yield f"{image} is not pinned to a release"
            stages.add(alias)


def adds_nothing_from_afar(text: str) -> Iterator[str]:
    yield from (f"ADD {step.rest}: use COPY" for step in steps(text) if step.word == "ADD")
    yield from (f"{step.rest} fetches by hand" for step in steps(text) if re.search(r"\b(curl|wget)\b", step.rest))


def needs_no_shell(text: str) -> Iterator[str]:
    for step in steps(text):
        words = step.rest.split("CMD", 1)[-1].strip() if step.word == "HEALTHCHECK" else step.rest
        if step.word in {"RUN", "CMD", "ENTRYPOINT", "HEALTHCHECK"}:
            try:
                json.loads(words)
            except ValueError:
                yield f"{step.word} {words} goes through a shell"


def installs_by_hash_only(text: str) -> Iterator[str]:
    for step in steps(text):
        if (
            step.word == "RUN"
            and "pip" in step.rest
            and not {"--require-hashes", "--no-deps"} & set(json.loads(step.rest))
        ):
            yield f"{step.rest} takes what the index gives"


def copies_what_there_is(text: str) -> Iterator[str]:
    for step in steps(text):
        if step.word == "COPY" and "--from=" not in step.rest:
            for source in step.rest.split()[:-1]:
                if not (ROOT / source).exists():
                    yield f"there is no {source}"
                elif not any(f"{source}/".startswith(f"{kept}/") for kept in NOT_IGNORED):
                    yield f".dockerignore keeps {source} out"


def says_how_it_is(text: str) -> Iterator[str]:
    words = [step.word for step in last_stage(text)]
    yield from (f"no {word}" for word in ("HEALTHCHECK", "ENTRYPOINT") if word not in words)


def keeps_what_the_build_needs_out(text: str) -> Iterator[str]:
    """What compiles, downloads or installs stays in stages that are not shipped."""
    for step in last_stage(text):
        if step.word == "RUN" and re.search(r"\b(?:pip|apt|apt-get|apk|git|gcc|make)\b", step.rest):
            yield f"{step.rest} belongs in a stage before the last"
        if step.word == "COPY" and "--from=" not in step.rest and step.rest.split()[0] in {".", "./", "services"}:
            yield f"COPY {step.rest} ships the source beside the package"


def holds_no_secret(text: str) -> Iterator[str]:
    for step in steps(text):
        if step.word in {"ENV", "ARG"} and re.search(r"(?i)secret|token|passw|_key", step.rest):
            yield f"{step.word} {step.rest} would stay in the image"


RULES: dict[Callable[[str], Iterator[str]], str] = {
    runs_as_nobody_special: "FROM python:3.12.1\nUSER root",
    bases_are_pinned: "FROM python:latest",
    adds_nothing_from_afar: "FROM python:3.12.1\nADD https://example.org/x.tar /x",
    needs_no_shell: "FROM python:3.12.1\nRUN apt-get update && \\\n  apt-get install -y x",
    installs_by_hash_only: 'FROM python:3.12.1\nRUN ["pip", "install", "faust"]',
    copies_what_there_is: "FROM python:3.12.1\nCOPY no-such-file ./",
    says_how_it_is: "FROM python:3.12.1",
    keeps_what_the_build_needs_out: 'FROM python:3.12.1\nRUN ["pip", "install", "--no-deps", "x"]',
    holds_no_secret: "FROM python:3.12.1\nENV API_TOKEN=x",
}


@pytest.mark.parametrize(("rule", "bad"), RULES.items(), ids=lambda value: getattr(value, "__name__", ""))
def test_dockerfile(rule: Callable[[str], Iterator[str]], bad: str) -> None:
    assert list(rule(bad)), "the rule must speak against this"
    assert list(rule(DOCKERFILE)) == []


def test_what_is_secret_or_large_stays_out_of_the_build() -> None:
    assert (ROOT / ".dockerignore").read_text().splitlines()[1] == "*"
    assert all((ROOT / kept).exists() for kept in NOT_IGNORED)


def test_the_image_asks_the_health_that_the_services_serve() -> None:
    assert "http://127.0.0.1:8090/ready" in DOCKERFILE
