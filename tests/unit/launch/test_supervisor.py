"""Children are started again when they die, given up when they cannot run, and all gone at the end."""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

import pytest

from services.launch.supervisor import Program, Supervisor

FOREVER = "import json, sys, time; print(json.dumps({'up': 1}), flush=True); time.sleep(600)"


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


async def test_a_killed_child_is_started_again_and_said_so(tmp_path: Path) -> None:
    said: list[str] = []
    heard: asyncio.Queue[dict[str, object]] = asyncio.Queue()
    supervisor = Supervisor(tmp_path, lambda name, text: said.append(f"{name} {text}"))
    await supervisor.start(Program("child", python(FOREVER), heard=heard.put_nowait))
    async with asyncio.timeout(30):
        await heard.get()
        first = supervisor.pid_of("child")
        assert first is not None
        os.kill(first, signal.SIGKILL)
        await heard.get()
    second = supervisor.pid_of("child")
    assert second not in (None, first)
    assert said[0] == "child killed by SIGKILL; starting again in 1 s"
    await supervisor.end()
    assert second is not None
    with pytest.raises(ProcessLookupError):
        os.kill(second, 0)


async def test_a_misconfigured_child_is_given_up(tmp_path: Path) -> None:
    supervisor = Supervisor(tmp_path, lambda *_: None)
    await supervisor.start(Program("child", python("import sys; print('why', file=sys.stderr); sys.exit(78)")))
    async with asyncio.timeout(30):
        reason = await supervisor.gave_up
    assert reason == f"child ended with 78: why; its log is {supervisor.log_of('child')}"
    assert supervisor.log_of("child").read_text() == "why\n"
    await supervisor.end()


async def test_why_a_child_was_given_up_is_the_reason_in_its_log(tmp_path: Path) -> None:
    supervisor = Supervisor(tmp_path, lambda *_: None)
    said = json.dumps({"event": "service.failed", "reason": "en.toml: events.attack: must be a list"})
    await supervisor.start(Program("child", python(f"import sys; print({said!r}, file=sys.stderr); sys.exit(78)")))
    async with asyncio.timeout(30):
        assert (await supervisor.gave_up).startswith("child ended with 78: en.toml: events.attack: must be a list; its")
    await supervisor.end()


async def test_a_child_that_ignores_the_polite_signal_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.launch.supervisor.PATIENCE_S", 0.2)
    heard: asyncio.Queue[dict[str, object]] = asyncio.Queue()
    supervisor = Supervisor(tmp_path, lambda *_: None)
    deaf = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); " + FOREVER
    await supervisor.start(Program("child", python(deaf), heard=heard.put_nowait))
    async with asyncio.timeout(30):
        await heard.get()
        pid = supervisor.pid_of("child")
        await supervisor.end()
    assert pid is not None
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
