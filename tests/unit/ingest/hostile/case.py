"""A row of the table."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from services.contracts.feed import PollStatus
from tests.unit.ingest.documents import item, rss
from tests.unit.ingest.server import Handler, answer

INTERVAL_S = 300
DAY_S = 86_400
FEED = rss(item("new"))
RSS = "application/rss+xml"


@dataclass(frozen=True, slots=True)
class Case:
    """`serves` is what answers at /x, or the handlers of more paths. The poll ends with `status`, `says` is in its
    reason (empty: it has none), so many articles are published, of which `title` is the newest, so many requests
    arrived, and the next poll is `wait_s` from now (None: never). What a failure keeps and a success renews is the
    same for all and stands in the test.
    """

    serves: Handler | Mapping[str, Handler]
    status: PollStatus
    says: str = ""
    published: int = 0
    title: str | None = None
    wait_s: float | None = INTERVAL_S
    asked: int = 1
    url: str = "http://127.0.0.1:{port}/x"
    names: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """What names resolve to: an address a look-up, of which the last stays; none for a name nobody has."""
    is_known: bool = True
    """Whether there was an earlier poll, from which validators stem."""
    timeout_s: float = 20
    parse_s: float = 20
    max_bytes: int = 200_000
    unread: Handler | None = None
    """Answers at the connection, before any request."""

    @property
    def routes(self) -> Mapping[str, Handler]:
        return self.serves if isinstance(self.serves, Mapping) else {"/x": self.serves}


def ok(serves: Handler | Mapping[str, Handler], says: str = "", published: int = 1, **more: Any) -> Case:
    return Case(serves, PollStatus.OK, says, published, **more)


def document(body: bytes, content_type: str = RSS, **headers: str) -> Handler:
    return answer(200, body, length=None, content_type=content_type, **headers)
