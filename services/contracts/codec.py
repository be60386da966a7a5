"""Records to bytes and back. What cannot be read raises `Undecodable`, with the class of its dead letter."""

import contextlib
import json
from functools import lru_cache
from typing import Any, TypeVar
from weakref import WeakValueDictionary

from pydantic import ValidationError

from services.contracts.dead_letter import DeadLetterClass
from services.contracts.model import Instant, Record, Value

R = TypeVar("R", bound=Record)

_NEWER = "A newer release wrote it: put it back when this one is upgraded"

_MOST_SHARED = 500
_LONGEST_SHARED_BYTES = 20_000
"""Of a field that many records have alike: so many are kept for records to come, none of them longer; an alert has 2 to
5 kB."""
_held: WeakValueDictionary[tuple[type[Value], bytes], Value] = WeakValueDictionary()
"""Those that a record has, and for as long as it does."""

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

    One of an earlier schema version is brought up to this one, where the type says how. Raises Undecodable: `not_json`,
    `wrong_version` (another release wrote it: a schema version that this one does not read, or a field that it does
    not know and nothing else amiss) or `invalid` (a field is missing or of the wrong type; the reason names it).
    """
    if value is not None and value.startswith(b'{"schema_version":%d,' % record_type.VERSION):
        # As `encode` writes it. What is wrong with any other, and with one that fails here, is found out below.
        with contextlib.suppress(ValidationError):
            record = _with_shared(value, record_type) or record_type.model_validate_json(value, strict=False)
            if record.schema_version == record_type.VERSION:
                return record
    try:
        raw = json.loads((value or b"").decode())
    except (ValueError, RecursionError) as error:
        raise Undecodable(DeadLetterClass.NOT_JSON, f"not JSON: {str(error)[:200]}") from None
    if not isinstance(raw, dict):
        raise Undecodable(DeadLetterClass.INVALID, f"a {record_type.KIND} is a JSON object, not a {type(raw).__name__}")
    try:
        # JSON mode, not the parsed object: "2020-12-20" is a date and base64 is bytes only there.
        return record_type.model_validate_json(_of_this_version(value or b"", raw, record_type), strict=False)
    except ValidationError as error:
        errors = error.errors(include_url=False, include_input=False, include_context=False)
        if all(each["type"] == "extra_forbidden" for each in errors):
            reason = f"{record_type.KIND} {_complaint(error)}. {_NEWER}"
            raise Undecodable(DeadLetterClass.WRONG_VERSION, reason) from None
        raise Undecodable(DeadLetterClass.INVALID, f"{record_type.KIND} {_complaint(error)}") from None


def _with_shared(value: bytes, record_type: type[R]) -> R | None:
    """The record, for which the field that many have alike was not decoded again; None where it has none.

    One alert on its way to hundreds of endpoints is so decoded and held once. The quotes of the mark are none of a
    string's, which are escaped: what is before and behind it is JSON by itself, or the whole is none.
    """
    if record_type.SHARED is None:
        return None
    name, shared_type = record_type.SHARED
    before, mark, behind = value.partition(b',"%s":{' % name.encode())
    if not mark or not behind.endswith(b"}") or len(behind) > _LONGEST_SHARED_BYTES:
        return None
    try:
        record = record_type.model_validate_json(before + b"}", strict=False)
        return record.model_copy(update={name: _shared(b"{" + behind[:-1], shared_type)})
    except ValidationError:
        return None


@lru_cache(_MOST_SHARED)
def _shared(value: bytes, shared_type: type[Value]) -> Value:
    held = _held.get((shared_type, value))
    if held is None:
        held = _held[shared_type, value] = shared_type.model_validate_json(value, strict=False)
    return held


def _of_this_version(value: bytes, raw: dict[str, Any], record_type: type[Record]) -> bytes:
    """The record as this release would have written it. Raises Undecodable."""
    version = raw.get("schema_version")
    if not isinstance(version, int) or isinstance(version, bool):
        version = None
    while version is not None and version in record_type.EARLIER:
        try:
            raw = record_type.EARLIER[version](raw)
        except Exception as error:  # noqa: BLE001 - it was given whatever somebody wrote there
            reason = f"{record_type.KIND} of schema version {version}: {type(error).__name__}: {str(error)[:200]}"
            raise Undecodable(DeadLetterClass.INVALID, reason) from None
        version += 1
        value = json.dumps(raw | {"schema_version": version}).encode()
    if version != record_type.VERSION:
        reason = (
            f"{record_type.KIND} has schema version {raw.get('schema_version')!r:.40}; "
            f"this release reads {record_type.VERSION}"
        )
        newer = f". {_NEWER}" if version is not None and version > record_type.VERSION else ""
        raise Undecodable(DeadLetterClass.WRONG_VERSION, reason + newer)
    return value


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
