"""What the audit says of a change."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.contracts import ids
from services.contracts.audit import AuditEntry, FieldChange
from services.contracts.model import Record
from services.contracts.token import Token
from services.ingest.core.address import without_password

HIDDEN: Mapping[str, frozenset[str]] = {
    "token": frozenset({"secret_hash"}),
    "subscription": frozenset({"endpoint", "secret", "previous_secret"}),
    "delivery": frozenset({"alert", "attempts"}),  # long, and on their own topics
}
"""Fields by kind of record that nobody is shown."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who changes something, as `AuditEntry.actor` has it, and a name to show."""

    actor_id: str
    name: str

    @classmethod
    def holder_of(cls, token: Token) -> "Actor":
        return cls(token.session_of or token.token_id, token.name)


def entry(actor: Actor, before: Record | None, after: Record | None, now: datetime) -> AuditEntry:
    """Of a record that is changed, made (`before` is None) or removed (`after` is None); not both None."""
    record = after or before
    assert record is not None
    action = f"{record.KIND}.{'added' if before is None else 'removed' if after is None else 'changed'}"
    old, new = (each.model_dump(mode="json") if each else {} for each in (before, after))
    hidden = HIDDEN.get(record.KIND, frozenset())
    return AuditEntry(
        audit_id=ids.audit_id(actor.actor_id, action, record.record_id, now.isoformat()),
        at=now,
        actor=actor.actor_id,
        actor_name=actor.name,
        action=action,
        target=record.record_id,
        changes=tuple(
            FieldChange(field=name, before=_shown(name, old, hidden), after=_shown(name, new, hidden))
            for name in type(record).model_fields
            if name != "schema_version" and (name in old, old.get(name)) != (name in new, new.get(name))
        ),
    )


def _shown(name: str, fields: Mapping[str, Any], hidden: frozenset[str]) -> str | None:
    """A field as JSON text, None where there is no record."""
    if name not in fields:
        return None
    value = "hidden" if name in hidden else fields[name]
    return json.dumps(without_password(value) if isinstance(value, str) else value, ensure_ascii=False)
