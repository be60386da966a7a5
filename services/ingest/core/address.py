"""The address of a feed, as an operator types it and as it is kept."""

import re
from urllib.parse import urlsplit, urlunsplit

_USER = re.compile(r"^(https?://)[^/?#]*@", re.IGNORECASE)


class BadAddress(ValueError):
    """Not an address a feed can be fetched from; the message says why."""


def feed_url(text: str) -> str:
    """`text` as an http(s) URL without fragment, scheme and host in small letters. `feed:` addresses are http.

    Raises BadAddress.
    """
    text = text.strip()
    if text[:5].lower() == "feed:":
        rest = text[5:].removeprefix("//")
        text = rest if rest.lower().startswith(("http:", "https:")) else f"http://{rest}"
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise BadAddress(f"{text!r:.200} is no address: {error}") from None
    if parts.scheme not in ("http", "https"):
        raise BadAddress(f"{text!r:.200} is no http or https address")
    if not host or any(c.isspace() or ord(c) < 32 for c in text):
        raise BadAddress(f"{text!r:.200} has no host or holds spaces")
    user, at, place = parts.netloc.rpartition("@")
    return urlunsplit((parts.scheme, f"{user}{at}{place.lower()}", parts.path or "/", parts.query, ""))


def without_password(url: str) -> str:
    """The address as others than its operator may see it: who asks there, and by which password, is not shown. Any
    other text is left as it is."""
    return _USER.sub(r"\1***@", url)
