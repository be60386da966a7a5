"""Incidents as GeoJSON (RFC 7946)."""

import json
from collections.abc import Iterable

from services.console.core.listing import Listed

MEDIA_TYPE = "application/geo+json"


def collection(incidents: Iterable[Listed]) -> bytes:
    """A FeatureCollection, a feature an incident. Its geometry is null where no coordinates are known (3.2); how exact
    they are says `site.precision`: a country's are its middle."""
    return b'{"type":"FeatureCollection","features":[%b]}' % b",".join(map(_feature, incidents))


def _feature(listed: Listed) -> bytes:
    site = listed.incident.site
    located = site.lat is not None and site.lon is not None
    feature = {
        "type": "Feature",
        "id": listed.incident.incident_id,
        "geometry": {"type": "Point", "coordinates": [site.lon, site.lat]} if located else None,
    }
    return b'%b,"properties":%b}' % (json.dumps(feature).encode()[:-1], listed.line)
