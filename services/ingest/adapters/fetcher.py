"""A conditional GET that always ends, in time and in bytes, with a value that says how."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from urllib.parse import urlsplit

import httpx

from services.contracts.feed import PollStatus
from services.ingest.adapters.body import ACCEPTED, Body, BrokenBody, TooLarge
from services.ingest.core.caching import conditions
from services.ingest.core.fetched import PERMANENT, Fetched, Hop
from services.runtime.egress import EgressRefused, GuardedClient, guarded_client
from services.runtime.settings import Settings

MAX_REDIRECTS = 5
MAX_HEADER_BYTES = 65_536
# An error page or the body of a redirect is read this far, so that its connection can be used again.
MAX_DRAINED_BYTES = 65_536
# Servers take 8 KB of headers, all in all; what is longer would make them refuse every poll from then on.
MAX_VALIDATOR_BYTES = 4_096

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
FEEDS = (
    "application/atom+xml, application/rss+xml, application/rdf+xml, application/feed+json, application/xml;q=0.9, "
    "text/xml;q=0.9, */*;q=0.1"
)
PAGES = "text/html, application/xhtml+xml, text/plain;q=0.5, */*;q=0.1"


class _Ended(Exception):
    """The fetch ended without a document."""

    def __init__(self, status: PollStatus, reason: str) -> None:
        self.status, self.reason = status, reason


class Fetcher:
    """Fetches documents through `client`, which guards addresses and follows no redirect by itself.

    `timeout_s` bounds the whole of a fetch, redirects included; `max_bytes` a document after decompression;
    `accept` is what is preferred.
    """

    def __init__(self, client: GuardedClient, *, timeout_s: float, max_bytes: int, accept: str = FEEDS) -> None:
        self._client = client
        self._headers = {b"Accept": accept.encode(), b"Accept-Encoding": ACCEPTED.encode()}
        self._timeout_s = timeout_s
        self._max_bytes = max_bytes

    async def fetch(
        self,
        url: str,
        etag: str | None = None,
        last_modified: str | None = None,
        *,
        before_redirect: Callable[[str], Awaitable[None]] | None = None,
    ) -> Fetched:
        """What a GET of `url` comes to. Raises nothing but CancelledError, and what `before_redirect` raises, which
        is asked before each address that a redirect names."""
        status, reason = PollStatus.UNREACHABLE, ""
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._follow(url, conditions(etag, last_modified), before_redirect)
        except _Ended as end:
            status, reason = end.status, end.reason
        except EgressRefused as error:
            status, reason = PollStatus.REFUSED, str(error)
        except (TimeoutError, httpx.TimeoutException):
            status, reason = PollStatus.TIMED_OUT, f"no complete answer within {self._timeout_s:g} s"
        except (httpx.UnsupportedProtocol, httpx.InvalidURL, UnicodeError) as error:
            status, reason = PollStatus.REFUSED, f"not an address: {error}"
        except httpx.ProtocolError as error:
            status, reason = PollStatus.HTTP_ERROR, f"broken answer: {error}"
        except TooLarge:
            status, reason = PollStatus.TOO_LARGE, f"more than {self._max_bytes:,} bytes"
        except BrokenBody as error:
            status, reason = PollStatus.HTTP_ERROR, f"broken answer: {error}"
        except httpx.TransportError as error:
            reason = str(error) or type(error).__name__
        return Fetched(status, reason[:300], url)

    async def _follow(
        self,
        url: str,
        conditional: dict[bytes, bytes],
        before_redirect: Callable[[str], Awaitable[None]] | None,
    ) -> Fetched:
        hops: list[Hop] = []
        while True:
            response = await self._client.get_unread(url, {**self._headers, **conditional})
            try:
                if response.status_code not in _REDIRECTS:
                    return _gone_for_good(
                        replace(await self._answer(url, response, bool(conditional)), hops=tuple(hops))
                    )
                target = _target(response)
                await _drain(response)
            finally:
                await response.aclose()
            if target in (url, *(hop.url for hop in hops)):
                raise _Ended(PollStatus.HTTP_ERROR, f"redirect loop over {_host(target)}")
            if len(hops) == MAX_REDIRECTS:
                raise _Ended(PollStatus.HTTP_ERROR, f"more than {MAX_REDIRECTS} redirects")
            if before_redirect is not None:
                await before_redirect(target)
            hops.append(Hop(url, response.status_code))
            url = target

    async def _answer(self, url: str, response: httpx.Response, conditional: bool) -> Fetched:
        headers, code = response.headers, response.status_code
        if sum(len(name) + len(value) for name, value in headers.raw) > MAX_HEADER_BYTES:
            raise _Ended(PollStatus.TOO_LARGE, f"more than {MAX_HEADER_BYTES:,} bytes of headers")
        status, reason = _verdict(code, "retry-after" in headers, conditional)
        body = b""
        if status is PollStatus.OK:
            body = await self._body(response)
        else:
            await _drain(response)
        return Fetched(
            status,
            reason,
            url,
            code,
            etag=_as_received(headers, b"etag"),
            last_modified=_as_received(headers, b"last-modified"),
            content_type=headers.get("content-type", ""),
            cache_control=headers.get("cache-control"),
            expires=headers.get("expires"),
            date=headers.get("date"),
            age=headers.get("age"),
            retry_after=headers.get("retry-after"),
            body=body,
            hub=_linked(response, "hub"),
            topic=_linked(response, "self"),
        )

    async def _body(self, response: httpx.Response) -> bytes:
        announced = response.headers.get("content-length", "")
        if announced.isdigit() and int(announced) > self._max_bytes:
            raise TooLarge
        body = Body(response.headers.get("content-encoding", ""), self._max_bytes)
        async for chunk in response.aiter_raw():
            body.add(chunk)
        return body.done()


async def fetch_once(chosen: Settings, url: str) -> Fetched:
    """What a GET of `url` comes to, for who wants one document. Raises nothing but CancelledError."""
    limits = chosen.ingest
    async with guarded_client(chosen.egress, user_agent=limits.user_agent, timeout_s=limits.timeout_s) as client:
        return await Fetcher(client, timeout_s=limits.timeout_s, max_bytes=limits.max_bytes).fetch(url)


def _verdict(code: int, asks_to_wait: bool, conditional: bool) -> tuple[PollStatus, str]:
    """What a final status code means for a poll."""
    match code:
        case 304 if conditional:
            return PollStatus.NOT_MODIFIED, ""
        case 304:
            return PollStatus.HTTP_ERROR, "HTTP 304 to a request that was not conditional"
        case 410:
            return PollStatus.GONE, "HTTP 410: gone"
        case 429:
            return PollStatus.THROTTLED, "HTTP 429: too many requests"
        case 503 if asks_to_wait:
            return PollStatus.THROTTLED, "HTTP 503: asked to come back later"
        case 204 | 205 | 206:
            return PollStatus.HTTP_ERROR, f"HTTP {code}, which brings no whole document"
        case _ if 200 <= code < 300:
            return PollStatus.OK, ""
    return PollStatus.HTTP_ERROR, f"HTTP {code}"


def _gone_for_good(fetched: Fetched) -> Fetched:
    """A 410 at the end of a temporary redirect says nothing of the feed's own address."""
    if fetched.status is PollStatus.GONE and any(hop.http_status not in PERMANENT for hop in fetched.hops):
        return replace(fetched, status=PollStatus.HTTP_ERROR, reason=f"{fetched.reason}, by a temporary redirect")
    return fetched


def _target(response: httpx.Response) -> str:
    location = response.headers.get("location", "")
    if not location:
        raise _Ended(PollStatus.HTTP_ERROR, f"HTTP {response.status_code} that does not say where to")
    try:
        target = response.url.join(location)
    except httpx.InvalidURL as error:
        raise _Ended(PollStatus.HTTP_ERROR, f"broken answer: redirected to no address: {error}") from None
    if target.scheme not in ("http", "https"):
        raise _Ended(PollStatus.REFUSED, f"redirected to {target.scheme[:20]!r}, which is neither http nor https")
    return str(target.copy_with(fragment=None))


def _host(url: str) -> str:
    return urlsplit(url).hostname or "no host"


def _linked(response: httpx.Response, relation: str) -> str:
    """The address that a Link header (RFC 8288) gives for a relation."""
    found = (link["url"] for names, link in response.links.items() if relation in (names or "").lower().split())
    return next(found, "")


def _as_received(headers: httpx.Headers, name: bytes) -> str | None:
    """The first value of a header, byte for byte; None for one too long to be sent back."""
    value = next((value for key, value in headers.raw if key.lower() == name), None)
    return value.decode("latin-1") if value is not None and len(value) <= MAX_VALIDATOR_BYTES else None


async def _drain(response: httpx.Response) -> None:
    read = 0
    async for chunk in response.aiter_raw():
        read += len(chunk)
        if read > MAX_DRAINED_BYTES:
            return
