"""An entry of the audit: who changed what, from which value to which, and when."""

from typing import ClassVar

from services.contracts.ids import AuditId
from services.contracts.model import Instant, Record, Value


class FieldChange(Value):
    """One field of a record as JSON text, None where there was or is no record. What is secret is not shown."""

    field: str
    before: str | None
    after: str | None


class AuditEntry(Record):
    """Written before the change, so that nothing changes without one; where the brokers then refuse the change it
    stands alone. `actor` is a token's id, `cli:` and a user of the machine, or `slack:` and a team and a user of it;
    `target` is the id of what changed."""

    KIND: ClassVar[str] = "audit-entry"

    audit_id: AuditId
    at: Instant
    actor: str
    actor_name: str
    action: str
    target: str
    changes: tuple[FieldChange, ...]

    @property
    def record_id(self) -> str:
        return self.audit_id

    @property
    def key(self) -> str:
        """What happened to one thing stays in order."""
        return self.target
