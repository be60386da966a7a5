"""Which entries are the same article, and whether one was edited.

The ladder: the entry's id; else its link, canonical; else its title and text. An id that several entries of one
document share identifies none of them, and they step down a rung.
"""

from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise
from urllib.parse import urlsplit

from services.contracts import ids
from services.ingest.core.feed import Entry

# Parameters that say where a reader came from, never which page it is.
_TRACKING = frozenset({
    "fbclid", "gclid", "dclid", "gbraid", "wbraid", "msclkid", "yclid", "twclid", "igshid", "mc_cid", "mc_eid",
    "mkt_tok", "xtor", "cmpid", "cmp", "ito", "ocid", "ncid", "smid", "_ga", "_gl", "ref_src", "rss_id", "ftcamp",
    "partner", "traffic_source",
})  # fmt: skip
_TRACKING_PREFIXES = ("utm_", "at_", "ns_", "pk_", "mtm_", "hsa_", "wt_", "wt.")
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
    route = f"#{parts.fragment}" if parts.fragment.startswith(("!", "/")) else ""
    return f"//{host}{parts.path or '/'}" + (f"?{kept}" if kept else "") + route


def _is_tracking(name: str) -> bool:
    return name in _TRACKING or name.startswith(_TRACKING_PREFIXES)


def content_hash(entry: Entry) -> str:
    """Changes when a reader would see another title or text; white space is not a change."""
    return ids.derive("c", " ".join(entry.title.split()), " ".join(entry.text.split()))


def identities(entries: Sequence[Entry]) -> list[str]:
    """One identity an entry, in their order. Equal ones are one article that the document holds twice."""
    ladders = [_rungs(entry) for entry in entries]
    below: dict[str, set[str]] = defaultdict(set)
    for ladder in ladders:
        for rung, lower in pairwise(ladder):
            below[rung].add(lower)
    # A rung that stands over two different ones was given to two articles, and so names neither.
    return [next((rung for rung in ladder[:-1] if len(below[rung]) == 1), ladder[-1]) for ladder in ladders]


def _rungs(entry: Entry) -> list[str]:
    rungs = [f"id:{entry.id}"] if entry.id else []
    if entry.link:
        rungs.append(f"link:{canonical_link(entry.link)}")
    return [*rungs, f"text:{content_hash(entry)}"]
