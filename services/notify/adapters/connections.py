"""An HTTP client for each endpoint, with the one connection that one attempt at a time needs.

A shared pool would look at every connection it holds for every request; with hundreds of endpoints in it that costs
more than the requests do (httpcore, `_assign_requests_to_connections`).
"""

from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from services.contracts.ids import SubscriptionId
from services.runtime.egress import guarded_client
from services.runtime.settings import EgressSettings

USER_AGENT = "Chancery/0.1 (security alerts)"


class Connections:
    """Lends clients and keeps those of the `most` endpoints used last, so that their connections stay open.

    A client that is lent out is not among the kept, so none is closed while it is used.
    """

    def __init__(self, settings: EgressSettings, *, timeout_s: float, most: int) -> None:
        self._settings = settings
        self._timeout_s = timeout_s
        self._most = most
        self._tls = httpx.create_ssl_context(trust_env=False)
        self._idle: OrderedDict[SubscriptionId, httpx.AsyncClient] = OrderedDict()

    @asynccontextmanager
    async def lend(self, endpoint: SubscriptionId) -> AsyncIterator[httpx.AsyncClient]:
        """The endpoint's client, for one exchange."""
        client = self._idle.pop(endpoint, None) or guarded_client(
            self._settings, user_agent=USER_AGENT, timeout_s=self._timeout_s, max_connections=1, verify=self._tls
        )
        try:
            yield client
        finally:
            surplus = self._idle.pop(endpoint, None)
            self._idle[endpoint] = client
            if surplus is None and len(self._idle) > self._most:
                _, surplus = self._idle.popitem(last=False)
            if surplus is not None:
                await surplus.aclose()

    async def close(self) -> None:
        while self._idle:
            _, client = self._idle.popitem()
            await client.aclose()
