"""Lengths of time and moments as people type them."""

import re
from datetime import UTC, datetime, timedelta

from services.cli.context import EXIT_USAGE, fail

_LENGTH = re.compile(r"(\d{1,4})([mhd])")
_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}


def length_of(text: str, option: str) -> timedelta:
    """Minutes, hours or days (30m, 8h, 2d). Ends the command with a message for anything else."""
    found = _LENGTH.fullmatch(text.strip())
    if not found or not int(found[1]):
        fail(f"{option} {text!r} is no length of time: write 30m, 8h or 2d", EXIT_USAGE)
    return int(found[1]) * _UNITS[found[2]]


def factor_of(speed: str, option: str) -> float | None:
    """By what pauses are divided; None for `max`: there are none. Ends the command with a message for anything else."""
    if speed == "max":
        return None
    try:
        factor = float(speed)
    except ValueError:
        factor = 0
    if not 0 < factor < float("inf"):
        fail(f"{option} {speed!r}: write a number, as 60, or max", EXIT_USAGE)
    return factor


def moment_of(text: str, option: str, now: datetime) -> datetime:
    """A length of time before `now`, or a date or time in ISO 8601, UTC where it names no offset. Ends the command with
    a message for anything else."""
    if _LENGTH.fullmatch(text.strip()):
        return now - length_of(text, option)
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        fail(f"{option} {text!r} is no moment: write 2h (ago) or 2026-03-01T08:30", EXIT_USAGE)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
