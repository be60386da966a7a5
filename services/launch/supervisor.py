"""Child processes that are kept running: started, watched, started again with back-off, ended together."""

import asyncio
import contextlib
import ctypes
import json
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from services.runtime.service import EXIT_MISCONFIGURED

BACK_OFF_S = (0.5, 1, 2, 5, 10, 30)
STEADY_S = 30
"""A child that ran this long is forgiven its earlier ends."""
PATIENCE_S = 10
"""Time a child has between SIGTERM and SIGKILL."""
_LAST_WORDS = 4096
"""Bytes at the end of a log in which the last line is looked for."""

_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Program:
    """What to run. `heard` gets every JSON line of its standard output; everything else goes to its log file."""

    name: str
    command: list[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    heard: Callable[[dict[str, object]], None] | None = None
    restart: bool = True


class Supervisor:
    """Keeps programs running and says what happens to them.

    `say(name, text)` tells a person. `gave_up` is set, with its reason, when a program cannot run: it is misconfigured,
    or one that is not to be restarted ended.
    """

    def __init__(self, logs: Path, say: Callable[[str, str], None]) -> None:
        self._logs = logs
        self._say = say
        self._tasks: list[asyncio.Task[None]] = []
        self._running: dict[str, asyncio.subprocess.Process] = {}
        self._ending = asyncio.Event()
        self.gave_up: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        logs.mkdir(parents=True, exist_ok=True)

    def log_of(self, name: str) -> Path:
        return self._logs / f"{name}.log"

    def pid_of(self, name: str) -> int | None:
        process = self._running.get(name)
        return process.pid if process else None

    async def start(self, program: Program) -> None:
        """Start a program and keep it running until `end`."""
        process = await self._spawn(program)
        self._tasks.append(asyncio.create_task(self._keep(program, process)))

    async def end(self) -> None:
        """End every child, the last started first, and wait for them."""
        self._ending.set()
        for process in reversed(list(self._running.values())):
            await _end(process)
        await asyncio.gather(*self._tasks)

    async def _keep(self, program: Program, process: asyncio.subprocess.Process) -> None:
        failures = 0
        while True:
            started = time.monotonic()
            code = await self._listen(program, process)
            self._running.pop(program.name, None)
            if self._ending.is_set():
                return
            how = f"killed by {signal.Signals(-code).name}" if code < 0 else f"ended with {code}"
            if not program.restart or code == EXIT_MISCONFIGURED:
                log = self.log_of(program.name)
                self._give_up(f"{program.name} {how}{_why(log)}; its log is {log}")
                return
            failures = 0 if time.monotonic() - started > STEADY_S else failures + 1
            pause = BACK_OFF_S[min(failures, len(BACK_OFF_S) - 1)]
            self._say(program.name, f"{how}; starting again in {pause:g} s")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._ending.wait(), pause)
                return
            process = await self._spawn(program)
            self._say(program.name, "started again")

    async def _spawn(self, program: Program) -> asyncio.subprocess.Process:
        with self.log_of(program.name).open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *program.command,
                env={**os.environ, **program.environment},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE if program.heard else log,
                stderr=log,
                start_new_session=True,  # Ctrl-C reaches us alone, and we end them in order
                preexec_fn=_die_with_parent if sys.platform == "linux" else None,
            )
        self._running[program.name] = process
        return process

    async def _listen(self, program: Program, process: asyncio.subprocess.Process) -> int:
        if program.heard and process.stdout:
            async for line in process.stdout:
                with contextlib.suppress(ValueError):
                    heard = json.loads(line)
                    if isinstance(heard, dict):
                        program.heard(heard)
        return await process.wait()

    def _give_up(self, reason: str) -> None:
        if not self.gave_up.done():
            self.gave_up.set_result(reason)


def _why(log: Path) -> str:
    """What a child said last, for a person; empty when it said nothing. Of a line of JSON its reason."""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - _LAST_WORDS))
        last = file.read().decode("utf-8", errors="replace").strip().rpartition("\n")[2]
    with contextlib.suppress(ValueError, KeyError, TypeError):
        last = str(json.loads(last)["reason"])
    return f": {last}" if last else ""


async def _end(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), PATIENCE_S)
        except TimeoutError:
            process.kill()
            await process.wait()


def _die_with_parent() -> None:
    """In the child, before exec: have the kernel end it when we die, even by kill -9."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
