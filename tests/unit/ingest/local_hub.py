"""A hub on this machine that does what the Recommendation of 23 January 2018 asks of hubs, no more."""

import asyncio
import hashlib
import hmac
from collections.abc import Callable
from urllib.parse import parse_qsl, urlencode

import httpx

from tests.unit.ingest.server import Request, answer

Name = tuple[str, str]  # topic and callback: by these a hub knows a subscription


class LocalHub:
    """Serve `handle` at its address. `subscriptions` holds the secret of each that was verified; `refused` those whose
    subscriber did not echo the challenge. With `verifies_first` it verifies while it is being asked."""

    def __init__(self, *, lease_s: int = 864_000, verifies_first: bool = False) -> None:
        self.lease_s, self.verifies_first = lease_s, verifies_first
        self.asked: list[dict[str, str]] = []
        self.subscriptions: dict[Name, str] = {}
        self.refused: list[Name] = []
        self.status = 202
        self._changed = asyncio.Condition()
        self._tasks: set[asyncio.Task[None]] = set()

    async def handle(self, request: Request, writer: asyncio.StreamWriter) -> None:
        assert request.method == "POST"
        assert request.headers["content-type"] == "application/x-www-form-urlencoded"
        form = dict(parse_qsl(request.body.decode("ascii"), strict_parsing=True))
        self.asked.append(form)
        if self.verifies_first:
            await self.verify(form)
        await answer(self.status, b"no" if self.status >= 400 else b"")(request, writer)
        if self.status == 202 and not self.verifies_first:
            task = asyncio.create_task(self.verify(form))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        await self._tell()

    async def verify(self, form: dict[str, str]) -> None:
        """Clause 5.3."""
        name = (form["hub.topic"], form["hub.callback"])
        challenge = f"challenge {len(self.asked)} &c."
        status, body = await self.get(
            form["hub.callback"],
            mode=form["hub.mode"],
            topic=form["hub.topic"],
            challenge=challenge,
            lease_seconds=str(self.lease_s),
        )
        if not (200 <= status < 300 and body == challenge):
            self.refused.append(name)
        elif form["hub.mode"] == "subscribe":
            self.subscriptions[name] = form["hub.secret"]
        else:
            self.subscriptions.pop(name, None)
        await self._tell()

    async def get(self, callback: str, **said: str) -> tuple[int, str]:
        query = urlencode({f"hub.{name}": value for name, value in said.items()})
        async with httpx.AsyncClient(trust_env=False) as http:
            response = await http.get(f"{callback}?{query}")
        if response.status_code == 200:
            assert response.headers["content-type"] == "application/octet-stream"  # clause 8.2
            assert response.headers["x-content-type-options"] == "nosniff"
        return response.status_code, response.text

    async def push(self, name: Name, body: bytes, *, algorithm: str = "sha256", secret: str | None = None) -> int:
        """Clause 7: the document, signed with the subscription's secret; the status of the answer."""
        key = (self.subscriptions[name] if secret is None else secret).encode()
        made = hmac.new(key, body, getattr(hashlib, algorithm)).hexdigest()
        headers = {
            "content-type": "application/rss+xml",
            "x-hub-signature": f"{algorithm}={made}",
            "link": f'<http://hub.example/>; rel="hub", <{name[0]}>; rel="self"',
        }
        async with httpx.AsyncClient(trust_env=False) as http:
            return (await http.post(name[1], content=body, headers=headers)).status_code

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until something was asked of it or verified by which `holds`."""
        async with asyncio.timeout(60), self._changed:
            await self._changed.wait_for(holds)

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()
