"""What an entry can be known by, the ladder: its id; else its link, canonical; else its title and text."""

import re
from urllib.parse import urlsplit

from services.contracts import ids
from services.ingest.core.feed import Entry

# Parameters that say where a reader came from, or which visit it is, never which page.
_TRACKING = frozenset({
    "fbclid", "gclid", "dclid", "gbraid", "wbraid", "msclkid", "yclid", "twclid", "igshid", "mc_cid", "mc_eid",
    "mkt_tok", "xtor", "cmpid", "cmp", "ito", "ocid", "ncid", "smid", "_ga", "_gl", "ref_src", "rss_id", "ftcamp",
    "partner", "traffic_source",
    "phpsessid", "jsessionid", "sessionid", "session_id", "cfid", "cftoken",
})  # fmt: skip
_TRACKING_PREFIXES = ("utm_", "at_", "ns_", "pk_", "mtm_", "hsa_", "wt_", "wt.")
_SESSION_IN_PATH = re.compile(r";jsessionid=[^/;]*", re.IGNORECASE)
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


def canonical_link(link: str) -> str:
    """`link` without what does not name the page: scheme, default port, letter case of the host, tracking
    parameters, and the fragment unless a script reads it as a path. Idempotent."""
    try:
        parts = urlsplit(link.strip())
        host = parts.netloc.rpartition("@")[2].lower()
    except ValueError:
        return link.strip()
    host = host.removesuffix(_DEFAULT_PORTS.get(parts.scheme.lower(), "")) if host.count(":") < 2 else host
    kept = "&".join(p for p in parts.query.split("&") if p and not _is_tracking(p.partition("=")[0].lower()))
    path = _SESSION_IN_PATH.sub("", parts.path) or "/"
    route = f"#{parts.fragment}" if parts.fragment.startswith(("!", "/")) else ""
    return f"//{host}{path}" + (f"?{kept}" if kept else "") + route


def _is_tracking(name: str) -> bool:
    return name in _TRACKING or name.startswith(_TRACKING_PREFIXES)


def content_hash(entry: Entry) -> str:
    """Changes when a reader would see another title or text; white space is not a change."""
    return ids.derive("c", " ".join(entry.title.split()), " ".join(entry.text.split()))


def rungs_of(entry: Entry) -> dict[str, str]:
    """The names an entry has, the best first: `id` and `link`, where it has one, and `text`."""
    rungs = {"id": f"id:{entry.id}"} if entry.id else {}
    if entry.link:
        rungs["link"] = f"link:{canonical_link(entry.link)}"
    return rungs | {"text": f"text:{content_hash(entry)}"}
