"""Templates and what they can say: everything escaped, and a name that is not there is an error."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from babel import Locale
from fastapi import Request, Response
from jinja2 import Environment, PackageLoader, StrictUndefined

from services.console.api.given import given
from services.console.api.guarded import COOKIE
from services.console.core import session
from services.console.core.drawing import polyline
from services.console.pages.table import NAVIGATION
from services.contracts.dead_letter import DeadLetterClass
from services.contracts.delivery import DeliveryState
from services.contracts.incident import IncidentStatus
from services.contracts.report import Certainty, IncidentType, Severity
from services.contracts.subscription import Channel, SubscriptionState
from services.ingest.core.health import HealthKind

_HEADERS = {
    # Scripts and styles only from files of ours, never from what is inside a page.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "Cache-Control": "private, no-store",
    # Else browsers would say nothing of where a form was filled in, and signing in asks.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
CHOICES: Mapping[str, tuple[str, ...]] = {
    "severity": tuple(Severity),
    "certainty": tuple(Certainty),
    "type": tuple(IncidentType),
    "status": tuple(IncidentStatus),
    "health": tuple(HealthKind),
    "channel": tuple(Channel),
    "subscription_state": tuple(SubscriptionState),
    "delivery_state": tuple(DeliveryState),
    "error_class": tuple(DeadLetterClass),
}
"""What filters offer, the gravest first where there is an order."""
STATIC = Path(__file__).parent / "static"
_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (0, "s"))


class _Query(dict[str, str]):
    """What an address does not ask is empty."""

    def __missing__(self, name: str) -> str:
        return ""


def rendered(request: Request, template: str, status: int = 200, **names: Any) -> Response:
    """A page. Every template may use the parts of its own path, `me` (the caller's token, None before signing in),
    `csrf`, `now`, `path`, `query` and `asks` (what the page's address asks: the last value of each
    name; all that is not empty, in pairs) and `navigation`."""
    now = given(request).now()
    html = (
        _templates()
        .get_template(template)
        .render(
            me=getattr(request.state, "token", None),
            csrf=session.csrf_token(request.cookies.get(COOKIE, "")),
            now=now,
            path=request.url.path,
            query=_Query(request.query_params),
            asks=asked(request),
            navigation=NAVIGATION,
            **names,
        )
    )
    return Response(html, status, headers=_HEADERS, media_type="text/html; charset=utf-8")


@lru_cache
def _templates() -> Environment:
    environment = Environment(
        loader=PackageLoader("services.console.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {"static": static, "choices": CHOICES}
    environment.filters |= {
        "instant": instant,
        "span": span,
        "minute": minute,
        "country": country,
        "polyline": polyline,
        "exactly": exactly,
        "web": web,
        "onward": onward,
        "json": as_json,
        "day": day,
    }
    return environment


@lru_cache
def static(name: str) -> str:
    """The address of a file of ours, another one when the file is: browsers may keep it."""
    return f"/static/{name}?{hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]}"


def instant(written: str) -> datetime:
    """A time of the API's JSON."""
    return datetime.fromisoformat(written)


def minute(at: datetime) -> str:
    """As people read it, in UTC."""
    return f"{at.astimezone(UTC):%-d %b %Y, %H:%M} UTC"


def exactly(at: datetime) -> str:
    """To the tenth of a second, in UTC."""
    return f"{at.astimezone(UTC):%F %T}.{at.microsecond // 100_000} UTC"


def web(address: str) -> str:
    """An address that a link may have: what is no http(s) address leads nowhere."""
    return address if address.startswith(("http://", "https://")) else "#"


def asked(request: Request) -> list[tuple[str, str]]:
    """What the address of a page asks. A form sends what was left empty too, which asks nothing."""
    return [(name, value) for name, value in request.query_params.multi_items() if value]


def onward(asked: Iterable[tuple[str, str]], cursor: str | None = None, *places: str) -> str:
    """The same query from a cursor on, else from its beginning; `places` are the names that say where it began."""
    kept = [(name, value) for name, value in asked if name not in ("cursor", *places)]
    return urlencode([*kept, *([("cursor", cursor)] if cursor else [])])


def as_json(told: Any) -> str:
    """As people read it, in the letters of its language."""
    return json.dumps(told, indent=2, ensure_ascii=False)


def day(at: datetime) -> str:
    return f"{at.astimezone(UTC):%-d %b %Y}"


def span(seconds: float) -> str:
    """A time span in its greatest unit: `3 min`."""
    size, unit = next((size, unit) for size, unit in _UNITS if abs(seconds) >= size)
    return f"{seconds / (size or 1):.0f} {unit}"


def country(code: str | None) -> str:
    """The English name of an ISO 3166-1 alpha-2 code; the code itself where there is none."""
    names: Mapping[str, str] = Locale("en").territories
    return names.get(code, code) if code else ""
