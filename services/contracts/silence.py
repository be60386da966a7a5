"""A silence: alerts that someone, for a reason and a time, does not want."""

from typing import ClassVar

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
