"""The fields that differ from run to run: clocks of machines that worked. Everything else follows from the records."""

import json
from collections.abc import Mapping
from typing import Any

from services.contracts.topics import ALERTS, INCIDENTS, REPORTS

_LEDGER = ("reported_at", "correlated_at")
_INCIDENT = tuple(f"{where}ledger.{clock}" for where in ("", "claims.*.") for clock in _LEDGER)

VOLATILE: Mapping[str, tuple[str, ...]] = {
    REPORTS.name: ("reported_at",),
    INCIDENTS.name: _INCIDENT,
    ALERTS.name: tuple(f"incident.{path}" for path in _INCIDENT),
}
"""By topic. A path's parts are keys; `*` is each of a list."""


def settled(value: bytes, paths: tuple[str, ...]) -> bytes:
    """The bytes of a JSON record without its volatile fields: equal for two runs over the same records."""
    record = json.loads(value)
    for path in paths:
        _drop(record, path.split("."))
    return json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode()


def _drop(value: Any, path: list[str]) -> None:
    first, *rest = path
    if first == "*":
        for each in value:
            _drop(each, rest)
    elif rest:
        _drop(value[first], rest)
    else:
        value.pop(first, None)
