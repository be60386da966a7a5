"""`chancery up` as a person runs it: everything starts, alerts arrive verified, nothing is left behind."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

pytestmark = [pytest.mark.integration, pytest.mark.timeout(200)]

ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("CHANCERY_")} | {
    "CHANCERY_CONSOLE__PORT": "0"  # several runs may be tested on this machine
}


def up(directory: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "services.cli", "up", *arguments],
        cwd=directory,
        env=ENVIRONMENT | environment,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


def children_of(directory: Path) -> list[str]:
    """Command lines of processes that work in the directory."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").resolve() == directory.resolve():
                found.append((process / "cmdline").read_text().replace("\0", " "))
        except OSError:
            continue
    return found


def test_the_demo_delivers_verified_alerts_and_ends_everything(tmp_path: Path) -> None:
    run = up(tmp_path, "--demo", "--until-alerts", "4", "--timeout", "150", "--release-every", "0.2")
    assert run.returncode == 0, run.stderr
    alerts = re.findall(r"(extreme|severe|moderate|minor) +\S.*fetched to delivered [0-9.]+ s", run.stderr)
    assert len(alerts) >= 4
    assert "first verified alert" in run.stderr
    assert children_of(tmp_path) == []
    assert not (tmp_path / ".chancery" / "up.json").exists()


def test_too_little_time_is_a_failure_that_says_so(tmp_path: Path) -> None:
    run = up(tmp_path, "--demo", "--until-alerts", "1000", "--timeout", "3")
    assert run.returncode == 1
    assert "timed out: 0 of 1000 alerts verified" in run.stderr
    assert children_of(tmp_path) == []


def test_the_console_can_be_reached_and_ctrl_c_ends_every_child(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "services.cli", "up", "--demo"]
    with subprocess.Popen(command, cwd=tmp_path, env=ENVIRONMENT, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        base, once = "", ""
        for line in process.stderr:
            if found := re.search(r"(http://\S+)/login#(\S+)", line):
                base, once = found.groups()
            if "watching" in line:
                break
        token = tmp_path / ".chancery" / "console-token"
        assert token.stat().st_mode & 0o777 == 0o600
        held = {"authorization": f"Bearer {token.read_text()}"}
        assert httpx.get(f"{base}/v1/openapi.json").json()["paths"]
        assert httpx.get(f"{base}/v1/feeds").status_code == 401
        assert httpx.get(f"{base}/v1/feeds", headers=held).json()["total"] >= 0
        with httpx.Client(base_url=base, follow_redirects=True) as browser:
            assert browser.post("/login?next=/feeds", data={"token": once}).url.path == "/feeds"
            assert httpx.post(f"{base}/login", data={"token": once}).status_code == 401
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read()
        assert process.wait(60) == 0
    assert "ending every process" in rest
    assert children_of(tmp_path) == []


@pytest.mark.parametrize(
    ("arguments", "environment", "code", "complaint"),
    [
        (["--demo", "--feeds", "x.opml"], {}, 2, "exclude each other"),
        (["--feeds", "missing.opml"], {}, 78, "missing.opml"),
        (["--demo", "--kafka", "nowhere"], {}, 78, "'nowhere' is not host:port"),
        (["--demo"], {"CHANCERY_TOPICS__PARTITIONS": "0"}, 78, "CHANCERY_TOPICS__PARTITIONS"),
        (["--demo", "--until-alerts", "0"], {}, 2, "--until-alerts"),
    ],
)
def test_what_cannot_work_is_said_at_once(
    tmp_path: Path, arguments: list[str], environment: dict[str, str], code: int, complaint: str
) -> None:
    run = up(tmp_path, *arguments, **environment)
    assert run.returncode == code, run.stderr
    assert complaint in run.stderr
    assert "Traceback" not in run.stderr
    assert children_of(tmp_path) == []
