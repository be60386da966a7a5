"""A dead letter: a record nobody could use, kept whole with the reason."""

from enum import StrEnum
from typing import ClassVar

from services.contracts.ids import DeadLetterId
from services.contracts.model import Instant, Record


class DeadLetterClass(StrEnum):
    NOT_JSON = "not_json"
    WRONG_VERSION = "wrong_version"
    INVALID = "invalid"
    FAILED = "failed"  # readable, but the step that used it raised
    UNDELIVERABLE = "undeliverable"


class DeadLetter(Record):
    """The original bytes (base64 on the wire), where they stood, and why they could not be used. `redriven_at` and
    `redriven_by` (as the audit names actors) say when and by whom the bytes were last put back on their topic."""

    KIND: ClassVar[str] = "dead-letter"

    dead_letter_id: DeadLetterId
    error_class: DeadLetterClass
    reason: str
    service: str
    topic: str
    partition: int
    offset: int
    original_key: bytes | None = None
    original_value: bytes | None = None
    original_headers: tuple[tuple[str, bytes], ...] = ()
    first_failed_at: Instant
    tries: int = 1
    redriven_at: Instant | None = None
    redriven_by: str = ""

    @property
    def record_id(self) -> str:
        return self.dead_letter_id

    @property
    def key(self) -> str:
        return self.dead_letter_id
