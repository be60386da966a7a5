"""Missions as Wikidata's query service knows them: the question, and its answer as known sites.

The answer has the form of the SPARQL 1.1 Query Results JSON Format (W3C Recommendation, 2013). Wikidata's data is CC0.
"""

import json
import re
from collections.abc import Mapping

from pydantic import ValidationError

from services.classify.core.sites.site_lists import SiteList, UnreadableList
from services.contracts import ids
from services.contracts.report import SiteKind
from services.contracts.site import KnownSite

ORIGIN = "wikidata"

KINDS = {
    "Q3917681": SiteKind.EMBASSY,
    "Q7843791": SiteKind.CONSULATE,
    "Q1067164": SiteKind.NUNCIATURE,
    "Q2164114": SiteKind.PERMANENT_MISSION,
}
"""Wikidata classes of diplomatic missions."""

_CLASSES = " ".join(f"wd:{item}" for item in KINDS)

QUERY = f"""
SELECT ?mission ?missionLabel ?class ?sender ?host ?cityLabel ?coordinates WHERE {{
  VALUES ?class {{ {_CLASSES} }}
  ?mission wdt:P31/wdt:P279? ?class ; wdt:P137 ?sending ; wdt:P17 ?receiving ; wdt:P625 ?coordinates .
  ?sending wdt:P297 ?sender . ?receiving wdt:P297 ?host .
  OPTIONAL {{ ?mission wdt:P131 ?city . }}
  FILTER NOT EXISTS {{ ?mission wdt:P576 ?closed . }}
  SERVICE wikibase:label {{ bd:serviceParam wikibase:language "en" . }}
}}
"""

_POINT = re.compile(r"Point\((-?[\d.]+) (-?[\d.]+)\)")


def sites_in(answer: bytes) -> SiteList:
    """The missions of an answer to `QUERY`. Raises UnreadableList when it is no such answer."""
    try:
        bindings = json.loads(answer)["results"]["bindings"]
        assert isinstance(bindings, list)
    except (ValueError, KeyError, TypeError, AssertionError, RecursionError):
        raise UnreadableList("the query service did not answer with SPARQL results in JSON") from None
    sites: dict[str, KnownSite] = {}
    problems = []
    for number, binding in enumerate(bindings, 1):
        try:
            site = _site({name: str(cell["value"]) for name, cell in binding.items()})
            sites[site.site_id] = site
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            problems.append(f"row {number}: {_complaint(error)}")
    return SiteList(tuple(sites.values()), tuple(problems))


def _site(row: Mapping[str, str]) -> KnownSite:
    item = row["mission"].rpartition("/")[2]
    point = _POINT.fullmatch(row["coordinates"])
    if point is None:
        raise ValueError(f"coordinates {row['coordinates']!r:.40} are no Point on Earth")
    return KnownSite(
        site_id=ids.known_site_id(ORIGIN, item),
        name=row["missionLabel"],
        kind=KINDS[row["class"].rpartition("/")[2]],
        sending_state=row["sender"],
        host_state=row["host"],
        city=row.get("cityLabel"),
        lat=float(point[2]),
        lon=float(point[1]),
        origin=ORIGIN,
    )


def _complaint(error: Exception) -> str:
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_input=False)[0]
        return f"{first['loc'][0]}: {first['msg']}"
    return f"{type(error).__name__}: {error}"
