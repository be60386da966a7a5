"""What is wrong with the machine that Chancery runs on, in words: its clock, its disk, its way out."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from services.console.core.checkup import Finding, Level

CLOCK_OFF_S, CLOCK_WRONG_S = 5, 60
"""An answer's Date has whole seconds, and the way here takes time: less than the first cannot be told."""
FREE_LITTLE, FREE_TOO_LITTLE = 2_000_000_000, 200_000_000
"""Bytes."""
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")


@dataclass(frozen=True, slots=True)
class Reached:
    """What came of fetching `host`: the answer's status and by how many seconds its clock is ahead of ours, or the
    reason of none."""

    host: str
    http_status: int | None = None
    ahead_s: float | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Disk:
    """A directory that is written to, or the one it would be made in. Bytes."""

    what: str
    path: str
    free: int
    total: int


def of_egress(reached: Sequence[Reached], environment: Mapping[str, str]) -> Iterator[Finding]:
    """Does anything outside answer? Proxies in the environment are not used, by design: the address that is checked
    must be the one connected to."""
    proxies = sorted({name.upper() for name, value in environment.items() if name.upper() in PROXIES and value})
    ignored = f"{', '.join(proxies)} {'is' if len(proxies) == 1 else 'are'} set and not used" if proxies else ""
    answered = [each for each in reached if each.http_status is not None]
    if answered:
        says = f"{answered[0].host} answers (HTTP {answered[0].http_status})" + (f"; {ignored}" if ignored else "")
        yield Finding("egress", Level.OK, says)
    for each in reached:
        if each.http_status is None:
            level = Level.WARNING if answered else Level.PROBLEM
            direct = f" {ignored}: Chancery connects directly, and has to be let out." if ignored else ""
            mend = f"look at this machine's name service, route and firewall.{direct}"
            yield Finding("egress", level, f"{each.host} cannot be reached: {each.reason}", mend)
    if not reached:
        mend = "name an address to ask: `chancery doctor --fetch https://…`"
        yield Finding(
            "egress", Level.WARNING, "not tried: no feed is watched" + (f"; {ignored}" if ignored else ""), mend
        )


def of_clock(reached: Sequence[Reached], newest_at: datetime | None, now: datetime) -> Finding:
    """Is our clock right? By the Date of who answered; without one only a record from the future tells.

    A record's time is its writer's clock, or the broker's: that of the past says nothing.
    """
    mend = "let NTP or chrony set the clock: signatures, retries and the time to an alert go by it"
    told = [each for each in reached if each.ahead_s is not None]
    if told:
        nearest = min(told, key=lambda each: abs(each.ahead_s or 0))
        off = nearest.ahead_s or 0.0
        if abs(off) <= CLOCK_OFF_S:
            return Finding("clock", Level.OK, f"within {CLOCK_OFF_S} s of that of {nearest.host}")
        level = Level.PROBLEM if abs(off) > CLOCK_WRONG_S else Level.WARNING
        way = "behind" if off > 0 else "ahead of"
        return Finding("clock", level, f"this machine is {abs(off):.0f} s {way} {nearest.host}", mend)
    ahead = (newest_at - now).total_seconds() if newest_at else 0.0
    if ahead > CLOCK_OFF_S:
        level = Level.PROBLEM if ahead > CLOCK_WRONG_S else Level.WARNING
        says = f"a record is of {ahead:.0f} s from now: this machine's clock is behind, or its writer's ahead"
        return Finding("clock", level, says, mend)
    return Finding("clock", Level.OK, "not compared: nobody outside told the time; no record is from the future")


def of_disks(disks: Sequence[Disk]) -> Iterator[Finding]:
    """Is there room on this machine? The brokers' disks are theirs to watch."""
    for each in disks:
        free = f"{each.free / 1e9:.1f} of {each.total / 1e9:.0f} GB free for {each.what} ({each.path})"
        if each.free < FREE_LITTLE:
            level = Level.PROBLEM if each.free < FREE_TOO_LITTLE else Level.WARNING
            yield Finding(
                "disk", level, free, "make room, or name another directory (CHANCERY_CLASSIFY__DATA_DIR, TMPDIR)"
            )
        else:
            yield Finding("disk", Level.OK, free)
