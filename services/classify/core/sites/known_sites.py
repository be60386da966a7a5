"""Sites known beforehand, and what they add to a finding: exact coordinates, and the vicinity of watch points."""

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from services.contracts.geo import LOCATED, distance_m
from services.contracts.report import Finding, PlacePrecision, Relation, Site, SiteKind, Standing
from services.contracts.site import KnownSite

_METRES_PER_DEGREE = 111_195

SAME_CITY_M = 40_000
"""A mission no farther than this from an incident's place may be the one meant: lists spell cities in their way."""

MissionKey = tuple[SiteKind | None, str | None, str | None]


@dataclass
class KnownSites:
    """An index of known sites that follows their changes. `watch_points` within reach are found by rows of one
    degree of latitude; the widest radius ever held says how many
    rows to look at."""

    _missions: dict[MissionKey, dict[str, KnownSite]] = field(default_factory=lambda: defaultdict(dict))
    _rows: dict[int, dict[str, KnownSite]] = field(default_factory=lambda: defaultdict(dict))
    _by_id: dict[str, KnownSite] = field(default_factory=dict)
    _widest_m: float = 0.0

    @classmethod
    def of(cls, sites: Iterable[KnownSite]) -> "KnownSites":
        index = cls()
        for site in sites:
            index.put(site)
        return index

    def put(self, site: KnownSite) -> None:
        self.remove(site.site_id)
        self._by_id[site.site_id] = site
        if site.watch_radius_m is not None:
            self._rows[math.floor(site.lat)][site.site_id] = site
            self._widest_m = max(self._widest_m, site.watch_radius_m)
        if site.kind is not None:
            self._missions[_mission_key(site)][site.site_id] = site

    def remove(self, site_id: str) -> None:
        known = self._by_id.pop(site_id, None)
        if known is not None:
            self._rows[math.floor(known.lat)].pop(site_id, None)
            self._missions[_mission_key(known)].pop(site_id, None)

    def mission(self, site: Site) -> KnownSite | None:
        """The one known mission that the site must be; None when there is none or more than one."""
        found = [known for known in self._missions.get(_mission_key(site), {}).values() if _may_be(known, site)]
        return found[0] if len(found) == 1 else None

    def watching(self, lat: float, lon: float) -> list[tuple[float, KnownSite]]:
        """The watch points whose radius reaches the point, each with its distance in metres, the nearest first."""
        reach = math.ceil(self._widest_m / _METRES_PER_DEGREE)
        found = []
        for row in range(math.floor(lat) - reach, math.floor(lat) + reach + 1):
            for site in self._rows.get(row, {}).values():
                away = distance_m(lat, lon, site.lat, site.lon)
                if away <= (site.watch_radius_m or 0):
                    found.append((away, site))
        return sorted(found, key=lambda entry: (entry[0], entry[1].site_id))


def _mission_key(site: Site | KnownSite) -> MissionKey:
    return (site.kind, site.sending_state, site.host_state)


def _may_be(known: KnownSite, site: Site) -> bool:
    """Whether a mission stands in the city of a site: by its coordinates, else by the city's name."""
    if site.lat is not None and site.lon is not None and site.precision in LOCATED:
        return distance_m(known.lat, known.lon, site.lat, site.lon) <= SAME_CITY_M
    return (known.city or "").casefold() == (site.city or "").casefold()


def _watching(known: KnownSites, site: Site) -> list[tuple[float, KnownSite]]:
    """The watch points in reach of a place that is known well enough to say so."""
    if site.lat is None or site.lon is None or site.precision not in LOCATED:
        return []
    return known.watching(site.lat, site.lon)


def with_known_sites(finding: Finding, known: KnownSites) -> Finding:
    """The finding with what is known of its place.

    A mission that can only be one gets that one's coordinates. An incident elsewhere within the radius of a watch
    point becomes one in its vicinity, and is told as news if it is new and no guard spoke. The groups of the mission
    and of all watch points within whose radius it lies become its site's.
    """
    site = finding.site
    if site is None:
        return finding
    mission = known.mission(site) if site.kind is not None else None
    if mission is not None:
        exact = {"lat": mission.lat, "lon": mission.lon, "precision": PlacePrecision.SITE}
        site = site.model_copy(update=exact)
    watching = _watching(known, site)
    groups = {name for each in (mission, *(point for _, point in watching)) if each for name in each.groups}
    if mission is not None or groups:
        site = site.model_copy(update={"groups": tuple(sorted(groups))})
        finding = finding.model_copy(update={"site": site})
    if mission is not None or finding.relation is not Relation.NONE or not watching:
        return finding
    away, point = watching[0]
    why = f"{away / 1000:.1f} km from the watch point {point.name}, by the {site.precision}'s coordinates"
    return finding.model_copy(
        update={
            "relation": Relation.VICINITY,
            "site": site.model_copy(update={"kind": point.kind, "sending_state": point.sending_state}),
            "severity_reasons": (*finding.severity_reasons, why),
            "alertable": finding.standing is not Standing.BACKGROUND and not finding.guards,
        }
    )
