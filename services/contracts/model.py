"""The record: what every type that crosses Kafka is built on."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Annotated, Any, ClassVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, PlainSerializer


def _rfc3339(value: AwareDatetime) -> str:
    return value.isoformat().replace("+00:00", "Z")


Instant = Annotated[AwareDatetime, PlainSerializer(_rfc3339, return_type=str, when_used="json")]
"""A moment with its offset; RFC 3339 on the wire. The offset a publisher gave is kept."""


Upgrade = Callable[[dict[str, Any]], dict[str, Any]]
"""Makes the JSON of a record, as one schema version has it, that of the version after it."""


class Value(BaseModel):
    """A frozen part of a record. Unknown fields are refused, so a typing error never passes for an absence."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_bytes="base64", val_json_bytes="base64")


class Record(Value):
    """A value of a topic: the field `schema_version` stands first on the wire and is checked before the rest.

    A subclass sets `KIND`, the noun that names it in CloudEvents types and schema files. A change that old readers
    cannot read gives it the next `VERSION`, which is then the default of `schema_version` too, and in `EARLIER` what
    makes a record of the version before one of this: such records lie on the topics for as long as those are kept.
    `SHARED` names a field, the last on the wire, that many records have alike, and its type; no validator looks at it.
    """

    KIND: ClassVar[str]
    VERSION: ClassVar[int] = 1
    EARLIER: ClassVar[Mapping[int, Upgrade]] = MappingProxyType({})
    SHARED: ClassVar[tuple[str, type[Value]] | None] = None

    schema_version: int = 1

    @property
    def record_id(self) -> str:
        """The id that makes the record the same record when it is written twice."""
        raise TypeError(f"{type(self).__name__} names no id")

    @property
    def key(self) -> str:
        """The Kafka key: what must stay in order lies on one partition."""
        return self.record_id

    @property
    def partition_key(self) -> str:
        """What its partition is picked by: the key, unless it has to lie with records of another topic or key."""
        return self.key
