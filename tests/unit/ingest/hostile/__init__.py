"""What servers do to a client that polls them, and how each poll ends: the table behind docs/hostile.md.

A row says what is served, how the poll ends and what stays. `test_hostile.py` runs it through the real parts.
"""

from tests.unit.ingest.hostile import answers, bodies, documents, redirects, wire
from tests.unit.ingest.hostile.case import Case

CLASSES = {
    "wire": wire.CASES,
    "bodies": bodies.CASES,
    "redirects": redirects.CASES,
    "answers": answers.CASES,
    "documents": documents.CASES,
}

CASES: dict[str, Case] = {f"{kind}: {name}": case for kind, cases in CLASSES.items() for name, case in cases.items()}
