"""A silence: alerts that someone, for a reason and a time, does not want."""

from datetime import timedelta
from typing import ClassVar

from services.contracts import ids
from services.contracts.ids import SilenceId
from services.contracts.model import Instant, Record
from services.contracts.subscription import Filter


class Silence(Record):
    """Suppresses what `matcher` matches until `expires_at`; what it suppressed is counted and shown."""

    KIND: ClassVar[str] = "silence"

    silence_id: SilenceId
    matcher: Filter
    reason: str
    author: str
    created_at: Instant
    expires_at: Instant

    @property
    def record_id(self) -> str:
        return self.silence_id


def silence(
    matcher: Filter, *, reason: str, author: str, now: Instant, lasts: timedelta, asked_by: str = ""
) -> Silence:
    """A silence from `now` on. What may ask more than once gives its id as `asked_by`: its silences have one id.
    Without it each has its own."""
    made_by = (asked_by, "") if asked_by else (author, now.isoformat())
    return Silence(
        silence_id=ids.silence_id(made_by[0], matcher.model_dump_json(), made_by[1]),
        matcher=matcher,
        reason=reason,
        author=author,
        created_at=now,
        expires_at=now + lasts,
    )
