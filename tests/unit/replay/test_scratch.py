"""A replay's directory goes with it, or with the next one."""

import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from services.replay.adapters.scratch import scratch

HOLDS_ONE = """
import time
from services.replay.adapters.scratch import scratch
with scratch() as path:
    (path / "log").write_text("x")
    print(path, flush=True)
    time.sleep(60)
"""


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_what_a_killed_one_left_goes_with_the_next_and_not_before_its_end(temporary: Path) -> None:
    holder = subprocess.Popen([sys.executable, "-c", HOLDS_ONE], stdout=subprocess.PIPE, text=True)
    try:
        assert holder.stdout is not None
        held = Path(holder.stdout.readline().strip())
        with scratch() as own:
            assert own.is_dir()
            assert (held / "log").exists(), "its process is running"
        assert not own.exists()
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        assert held.exists()
        with scratch() as own:
            assert list(temporary.iterdir()) == [own]
        assert list(temporary.iterdir()) == []
    finally:
        holder.kill()
        holder.wait()


def test_what_is_not_a_replays_stays(temporary: Path) -> None:
    other = temporary / "other"
    other.mkdir()
    (other / "kept").touch()
    link, file = temporary / "chancery-replay-link", temporary / "chancery-replay-file"
    link.symlink_to(other)
    file.touch()
    with scratch():
        pass
    assert {path.name for path in temporary.iterdir()} == {"other", link.name, file.name}
    assert (other / "kept").exists()
