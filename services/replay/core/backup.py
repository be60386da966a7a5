"""What a back-up holds, and what putting it back would do to the topics that are there."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from services.contracts.codec import Undecodable, decode
from services.contracts.model import Record
from services.contracts.token import Token
from services.contracts.topics import FEEDS, SILENCES, SITES, SUBSCRIPTIONS, TOKENS, TOPICS, Topic
from services.replay.core.recording import Recorded

BACKED_UP = tuple(topic for topic in TOPICS if topic.compacted)
"""Those that keep the last record of each key: all that is known, less what passes through."""
MADE_BY_PEOPLE = frozenset({FEEDS, SITES, SUBSCRIPTIONS, SILENCES, TOKENS})
"""Topics whose changes are audited."""

Place = tuple[Topic, str]
"""A topic and a key of it."""


def rows(records: Iterable[Recorded], known: dict[Place, Recorded] | None = None) -> dict[Place, Recorded]:
    """The last record of each key; `known` is added to. Records of a partition come in its order."""
    last = {} if known is None else known
    for record in records:
        if record.value is None:
            last.pop((record.topic, record.key), None)
        else:
            last[record.topic, record.key] = record
    return last


@dataclass(frozen=True, slots=True)
class Restoration:
    """What putting a back-up back would do. `missing` are not there; `same` are there as in the back-up, or are tokens
    that were revoked since, which stay so; `differing` are there with another value. `unreadable` are left out: this
    release could not use them. `foreign` are keys that lie on the topics and not in the back-up: they stay, whatever is
    done."""

    missing: tuple[Recorded, ...]
    same: int
    differing: tuple[Recorded, ...]
    unreadable: tuple[Recorded, ...]
    foreign: int

    @property
    def is_safe(self) -> bool:
        """Does it take nothing away? So it is where nothing is yet, and where the same was put back before."""
        return not self.differing and not self.foreign

    def counts(self) -> dict[str, int]:
        return {
            "missing": len(self.missing),
            "same": self.same,
            "differing": len(self.differing),
            "unreadable": len(self.unreadable),
            "foreign": self.foreign,
        }


def restoration(kept: Mapping[Place, Recorded], present: Mapping[Place, Recorded]) -> Restoration:
    """Of the rows in a back-up and those on the topics now."""
    readable = {place: record for place, record in kept.items() if record_in(record) is not None}
    there = {place: _stays(present[place], record) for place, record in readable.items() if place in present}
    return Restoration(
        missing=tuple(record for place, record in readable.items() if place not in there),
        same=sum(there.values()),
        differing=tuple(readable[place] for place, is_same in there.items() if not is_same),
        unreadable=tuple(record for place, record in kept.items() if place not in readable),
        foreign=len(present.keys() - kept.keys()),
    )


def _stays(present: Recorded, kept: Recorded) -> bool:
    there = record_in(present)
    return present.value == kept.value or (isinstance(there, Token) and there.revoked)


def record_in(recorded: Recorded) -> Record | None:
    """The record, or None for what no reader of its topic would take."""
    try:
        record = decode(recorded.value, recorded.topic.record_type)
    except Undecodable:
        return None
    return record if record.key == recorded.key else None
