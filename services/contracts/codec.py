"""Records to bytes and back. What cannot be read raises `Undecodable`, with the class of its dead letter."""

import contextlib
import json
from typing import TypeVar

from pydantic import ValidationError

from services.contracts.dead_letter import DeadLetterClass
from services.contracts.model import Instant, Record

R = TypeVar("R", bound=Record)

Headers = tuple[tuple[str, bytes], ...]


class Undecodable(ValueError):
    """Bytes that are no record of the expected type. Poison: to dead letters, never again to the reader."""

    def __init__(self, error_class: DeadLetterClass, reason: str) -> None:
        super().__init__(reason)
        self.error_class = error_class
        self.reason = reason


def encode(record: Record) -> bytes:
    """UTF-8 JSON in the order of the fields: equal records give equal bytes."""
    return record.model_dump_json().encode()


def decode(value: bytes | None, record_type: type[R]) -> R:
    """The record in `value`.

    Raises Undecodable: `not_json`, `wrong_version` (another schema version than this code reads) or `invalid`
    (a field is missing, unknown or of the wrong type; the reason names it).
    """
    if value is not None and value.startswith(b'{"schema_version":%d,' % record_type.VERSION):
        # As `encode` writes it. What is wrong with any other, and with one that fails here, is found out below.
        with contextlib.suppress(ValidationError):
            record = record_type.model_validate_json(value, strict=False)
            if record.schema_version == record_type.VERSION:
                return record
    try:
        raw = json.loads((value or b"").decode())
    except (ValueError, RecursionError) as error:
        raise Undecodable(DeadLetterClass.NOT_JSON, f"not JSON: {str(error)[:200]}") from None
    if not isinstance(raw, dict):
        raise Undecodable(DeadLetterClass.INVALID, f"a {record_type.KIND} is a JSON object, not a {type(raw).__name__}")
    version = raw.get("schema_version")
    if version != record_type.VERSION or isinstance(version, bool):
        raise Undecodable(
            DeadLetterClass.WRONG_VERSION,
            f"{record_type.KIND} has schema version {version!r:.40}; this release reads {record_type.VERSION}",
        )
    try:
        # JSON mode, not the parsed object: "2020-12-20" is a date and base64 is bytes only there.
        return record_type.model_validate_json(value or b"", strict=False)
    except ValidationError as error:
        raise Undecodable(DeadLetterClass.INVALID, f"{record_type.KIND} {_complaint(error)}") from None


def _complaint(error: ValidationError) -> str:
    first, *rest = error.errors(include_url=False, include_input=False, include_context=False)
    where = ".".join(str(part) for part in first["loc"]) or "record"
    more = f" (and {len(rest)} more)" if rest else ""
    return f"{where}: {first['msg']}{more}"


def cloudevents_headers(record: Record, source: str, at: Instant) -> Headers:
    """CloudEvents 1.0, Kafka protocol binding, binary mode: routable without reading the body.

    `source` is the service that wrote it (`/chancery/classify`); `at` is the time of writing.
    """
    return (
        ("content-type", b"application/json"),
        ("ce_specversion", b"1.0"),
        ("ce_type", f"chancery.{record.KIND}.v{record.VERSION}".encode()),
        ("ce_source", source.encode()),
        ("ce_id", record.record_id.encode()),
        ("ce_time", at.isoformat().replace("+00:00", "Z").encode()),
    )
