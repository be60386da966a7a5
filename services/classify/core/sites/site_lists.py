"""Lists of sites as people keep them: CSV and GeoJSON to known sites, with what could not be taken, in words.

CSV columns (any order, others are ignored): `name`, `lat`, `lon` (WGS 84 degrees), and as far as known `radius_m`,
`kind` (of contracts/report.SiteKind, or `consulate_general`, `honorary_consulate`, `high_commission`),
`sending_state` or `sender`, `host_state` or `host` (ISO 3166-1 alpha-2), `city`, `id`,
`group` (several: `a; b`), `precision` or `coord_source`: in these two anything but `site` says that the coordinates are
those of a city, which make no mission's place exact.
GeoJSON (RFC 7946): a FeatureCollection of Points with the same names as properties.
"""

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from pydantic import ValidationError

from services.contracts import ids
from services.contracts.report import SiteKind
from services.contracts.site import KnownSite

_OTHER_NAMES = {
    "sending_state": ("sending_state", "sender"),
    "host_state": ("host_state", "host"),
    "city": ("city", "metro_city"),
    "watch_radius_m": ("radius_m", "watch_radius_m", "radius"),
    "identity": ("id", "qid", "name"),
    "precision": ("precision", "coord_source"),
    "groups": ("group", "groups"),
    "lat": ("lat", "latitude"),
    "lon": ("lon", "lng", "longitude"),
}


_OTHER_KINDS: dict[str, SiteKind | None] = {
    "other": None,
    "consulate_general": SiteKind.CONSULATE,
    "honorary_consulate": SiteKind.CONSULATE,
    "high_commission": SiteKind.EMBASSY,
}


class UnreadableList(ValueError):
    """Not a list of sites at all; the message says what it should be."""


@dataclass(frozen=True, slots=True)
class SiteList:
    """`replaced`: how many rows gave way to a later one of the same id (or name, where there is no id)."""

    sites: tuple[KnownSite, ...]
    problems: tuple[str, ...]
    replaced: int = 0


def read(document: bytes, origin: str, default_radius_m: float | None = None) -> SiteList:
    """The sites of a CSV or GeoJSON document. `default_radius_m` makes watch points of those that name no radius.

    Raises UnreadableList.
    """
    try:
        text = document.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableList(f"{origin} is not UTF-8: {error}") from None
    rows = _features(text, origin) if text.lstrip()[:1] == "{" else _rows(text, origin)
    return _sites(rows, origin, default_radius_m)


def _rows(text: str, origin: str) -> Iterator[tuple[str, Mapping[str, object]]]:
    reader = csv.DictReader(io.StringIO(text))
    try:
        columns = {name.strip().lower() for name in reader.fieldnames or ()}
        if not (columns & {"lat", "latitude"} and columns & {"lon", "lng", "longitude"}):
            raise UnreadableList(f"{origin} has no columns lat and lon; a list needs at least name,lat,lon")
        for row in reader:
            yield f"line {reader.line_num}", {str(key).strip().lower(): value for key, value in row.items()}
    except csv.Error as error:
        raise UnreadableList(f"{origin} line {reader.line_num}: {error}") from None


def _features(text: str, origin: str) -> Iterator[tuple[str, Mapping[str, object]]]:
    try:
        document = json.loads(text)
        features = document["features"]
        assert isinstance(features, list)
    except (ValueError, KeyError, TypeError, AssertionError, RecursionError):
        raise UnreadableList(f"{origin} is no GeoJSON FeatureCollection") from None
    for number, feature in enumerate(features, 1):
        properties: dict[str, object] = {}
        try:
            properties = {str(key).lower(): value for key, value in (feature.get("properties") or {}).items()}
            if feature["geometry"]["type"] == "Point":
                properties["lon"], properties["lat"] = feature["geometry"]["coordinates"][:2]
        except (AttributeError, KeyError, TypeError, ValueError):
            properties = {}
        yield f"feature {number}", properties


def _sites(rows: Iterable[tuple[str, Mapping[str, object]]], origin: str, default_radius_m: float | None) -> SiteList:
    sites: dict[str, KnownSite] = {}
    problems = []
    replaced = 0
    for where, row in rows:
        try:
            site = _site(row, origin, default_radius_m)
            replaced += site.site_id in sites
            sites[site.site_id] = site
        except (ValidationError, ValueError) as error:
            problems.append(f"{where}: {_complaint(error)}")
    return SiteList(tuple(sites.values()), tuple(problems), replaced)


def _site(row: Mapping[str, object], origin: str, default_radius_m: float | None) -> KnownSite:
    def value(field: str) -> str | None:
        for name in _OTHER_NAMES.get(field, (field,)):
            text = _text(name, row.get(name))
            if text:
                return text
        return None

    kind = (value("kind") or "").lower().replace(" ", "_") or None
    kind = _OTHER_KINDS.get(kind, kind) if kind else None
    if kind is not None and kind not in SiteKind.__members__.values():
        raise ValueError(f"kind {kind!r:.40} is none of {', '.join(SiteKind)}")
    name = value("name") or " ".join(filter(None, (value("sending_state"), kind, value("city"))))
    if not name:
        raise ValueError("it has no name")
    if value("lat") is None or value("lon") is None:
        raise ValueError("it has no coordinates")
    identity = value("identity") or name
    radius = value("watch_radius_m") or default_radius_m
    if value("precision") not in (None, "site"):
        if radius is None:
            raise ValueError("its coordinates are only its city's, and it is not watched")
        kind = None  # a watch point; an incident at the mission keeps the coordinates it has
    fields = {
        "site_id": ids.known_site_id(origin, identity),
        "name": name,
        "kind": kind,
        "sending_state": value("sending_state"),
        "host_state": value("host_state"),
        "city": value("city"),
        "lat": value("lat"),
        "lon": value("lon"),
        "watch_radius_m": radius,
        "groups": tuple(name for name in (value("groups") or "").split(";") if name.strip()),
        "origin": origin,
    }
    return KnownSite.model_validate(fields)


_NUMBERS = frozenset({"lat", "latitude", "lon", "lng", "longitude", "radius_m", "watch_radius_m", "radius", "id"})
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def _text(name: str, value: object) -> str:
    """A field as text; of CSV it is text already. Raises ValueError where it is of another type."""
    if isinstance(value, int | float) and not isinstance(value, bool) and name in _NUMBERS:
        return str(value)
    if value is not None and not isinstance(value, str):
        raise ValueError(f"{name} must be a string{' or a number' if name in _NUMBERS else ''}, not {value!r:.40}")
    if value and (found := _LONE_SURROGATE.search(value)):
        raise ValueError(f"{name} holds a lone surrogate, {found[0]!a}")
    return (value or "").strip()


def _complaint(error: ValueError) -> str:
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False)[0]
        return f"{first['loc'][0]}: {first['msg']} (got {first['input']!r:.40})"
    return str(error)
