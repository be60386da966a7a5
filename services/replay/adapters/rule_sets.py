"""The rules that `--rules` names: a directory, a git revision with the code that read them, or the recorded alerts."""

import io
import os
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

CHECKOUT = Path(__file__).resolve().parents[3]
"""The directory that holds `services`."""
RECORDED = "recorded"
_GIT_S = 60


class UnusableRules(ValueError):
    """What was named are no rules; the message says what can be named."""


@dataclass(frozen=True, slots=True)
class RuleSet:
    """Rules, and the code that reads them. `directory` None: those that come with the code. `code` None: there is
    nothing to run, the alerts are those that were recorded."""

    name: str
    code: Path | None
    directory: Path | None = None

    @property
    def tables_in(self) -> Path:
        """Where the lexicons lie."""
        return self.directory or (self.code or CHECKOUT) / "services" / "classify"


@contextmanager
def rule_set(named: str | None, repository: Path = CHECKOUT) -> Iterator[RuleSet]:
    """The rules a name stands for, as long as the context lasts: None is the code that runs, `recorded` the alerts of
    the recording, a directory its lexicons and gazetteer read by this code, a checkout the rules and code there, and
    anything else a revision of the repository, with the code of then. Raises UnusableRules."""
    if named is None:
        yield RuleSet("working tree" if (CHECKOUT / ".git").exists() else "built-in rules", CHECKOUT)
    elif named == RECORDED:
        yield RuleSet("as recorded", None)
    elif (directory := Path(named)).is_dir():
        directory = directory.resolve()
        if (directory / "services" / "replay" / "side.py").is_file():
            yield RuleSet(named, directory)
        elif (directory / "lexicons").is_dir():
            yield RuleSet(named, CHECKOUT, directory)
        else:
            raise UnusableRules(f"{named} holds neither lexicons/ nor a checkout: name a directory that does")
    else:
        with _revision(named, repository) as found:
            yield found


@contextmanager
def _revision(named: str, repository: Path) -> Iterator[RuleSet]:
    if not (repository / ".git").exists():
        raise UnusableRules(f"{named} is no directory, and {repository} no git repository that could know it")
    commit = _git(repository, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{named}^{{commit}}", of=named)
    archive = _git(repository, "archive", "--format=tar", commit.decode().strip(), "services", of=named)
    with TemporaryDirectory(prefix="chancery-rules-") as directory:
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            tar.extractall(directory, filter="data")
        code = Path(directory)
        name = f"{named} ({commit.decode()[:7]})"
        if (code / "services" / "replay" / "side.py").exists():
            yield RuleSet(name, code)
        else:  # older than comparisons are
            yield RuleSet(f"{name}, its rules read by this code", CHECKOUT, code / "services" / "classify")


def _git(repository: Path, *arguments: str, of: str) -> bytes:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        done = subprocess.run(
            ("git", "-C", str(repository), *arguments),
            capture_output=True,
            timeout=_GIT_S,
            check=False,
            env=environment,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UnusableRules(f"{of} is no directory, and git cannot be asked: {error}") from None
    if done.returncode:
        raise UnusableRules(
            f"{of} is neither a directory with lexicons/ nor a revision of {repository}: name one of them, or "
            f"`{RECORDED}` for the alerts of the recording"
        )
    return done.stdout
