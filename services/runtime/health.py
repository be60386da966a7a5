"""Liveness, readiness and metrics of a service over HTTP: /live, /ready, /metrics."""

import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from services.runtime.serving import serving
from services.runtime.settings import HealthSettings

Send = Callable[[dict[str, object]], Awaitable[None]]


class Health:
    """What a service says of itself. It is ready once every named condition is met, and live while it answers."""

    def __init__(self, *conditions: str) -> None:
        self._met = dict.fromkeys(conditions, False)

    def set(self, condition: str, met: bool = True) -> None:
        self._met[condition] = met

    @property
    def ready(self) -> bool:
        return all(self._met.values())

    def answer(self, path: str) -> tuple[int, str, bytes]:
        """Status, content type and body for a path."""
        match path:
            case "/live":
                return 200, "application/json", b'{"live": true}'
            case "/ready":
                body = {"ready": self.ready, "conditions": self._met}
                return (200 if self.ready else 503), "application/json", json.dumps(body).encode()
            case "/metrics":
                return 200, CONTENT_TYPE_LATEST, generate_latest()
        return 404, "application/json", b'{"error": "paths here: /live, /ready, /metrics"}'


@contextlib.asynccontextmanager
async def serve(health: Health, settings: HealthSettings) -> AsyncIterator[int]:
    """Serve while the context lasts; yields the port. Raises Misconfigured when the port cannot be had."""

    async def asgi(scope: dict[str, object], _: object, send: Send) -> None:
        status, content_type, body = health.answer(str(scope["path"]))
        headers = [(b"content-type", content_type.encode()), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async with serving(asgi, settings.host, settings.port, "CHANCERY_HEALTH__PORT") as port:
        yield port
