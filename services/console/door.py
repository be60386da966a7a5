"""What every request passes on its way in, and every answer on its way out."""

import re
import time
from collections.abc import Collection
from ipaddress import ip_address
from urllib.parse import urlsplit

import structlog
from fastapi import Request
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.console.api.problems import problem
from services.runtime import metrics
from services.runtime.settings import ConsoleSettings

log = structlog.get_logger()

REQUEST_ANSWERED = "request.answered"

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_HEADERS = {
    # An answer is data: nothing in it may run, be framed, or be taken for another type.
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
_HOST = re.compile(r"([A-Za-z0-9._-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(:[0-9]{1,5})?")
_METHODS = frozenset({"GET", "HEAD", "POST", "PATCH", "PUT", "DELETE", "OPTIONS"})


def hosts_of(settings: ConsoleSettings) -> frozenset[str] | None:
    """The host names that the console answers to; None for any."""
    given = frozenset(name.lower() for name in settings.hosts)
    if settings.host == "localhost" or _is_loopback(settings.host):
        return _LOOPBACK | {settings.host} | given
    return given or None


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


class Door:
    """Turns away what calls us by a strange name, answers HEAD like GET, adds the headers that every answer has, and
    counts and logs what went by: never an address's query, which may hold what is nobody's business."""

    def __init__(self, app: ASGIApp, hosts: Collection[str] | None) -> None:
        self._app = app
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        started, method, status, took_s = time.monotonic(), scope["method"], 0, None
        is_head = method == "HEAD"  # a stream would not end
        state = {**scope.get("state", {}), "is_head": is_head}
        scope = {**scope, "method": "GET" if is_head else method, "state": state}

        async def answering(message: Message) -> None:
            nonlocal status, took_s
            if status == 413:
                return None  # the rest of an answer that was replaced
            if message["type"] == "http.response.start":
                status, took_s = message["status"], time.monotonic() - started
                if status == 413:  # which the limit on bodies says in plain text
                    return await problem(413, "the body is too large", headers=_HEADERS)(scope, receive, send)
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            return await send(message)

        try:
            name = _host(scope)
            if not name or (self._hosts is not None and name not in self._hosts):
                refusal = problem(421, "the console is not called that; name it in CHANCERY_CONSOLE__HOSTS")
                await refusal(scope, receive, answering)
            else:
                await self._app(scope, receive, answering)
        finally:
            # Until the answer begins: a stream goes on for hours.
            self._note(scope, method, status or 500, time.monotonic() - started if took_s is None else took_s)
        return None

    def _note(self, scope: Scope, method: str, status: int, took_s: float) -> None:
        route = getattr(scope.get("route"), "path", "none")
        method = method if method in _METHODS else "other"
        metrics.CONSOLE_REQUESTS.labels(method, route, str(status)).inc()
        metrics.CONSOLE_REQUEST_SECONDS.labels(route).observe(took_s)
        caller = scope.get("state", {}).get("caller")
        log.info(
            REQUEST_ANSWERED,
            method=method,
            route=route,
            http_status=status,
            took_s=round(took_s, 4),
            actor=caller.actor_id if caller else None,
        )


def _host(scope: Scope) -> str:
    """The name in the Host header, in small letters; empty for what is no name or address, or has no port after it."""
    host = Request(scope).headers.get("host", "")
    try:
        return (urlsplit(f"//{host}").hostname or "").lower() if _HOST.fullmatch(host) else ""
    except ValueError:
        return ""
