"""Incidents as GeoJSON (RFC 7946)."""

import json
from collections.abc import Iterable
from typing import Any

from services.console.core.incidents import line
from services.contracts.incident import Incident

MEDIA_TYPE = "application/geo+json"


def collection(incidents: Iterable[Incident]) -> bytes:
    """A FeatureCollection, a feature an incident. Its geometry is null where no coordinates are known (3.2); how exact
    they are says `site.precision`: a country's are its middle."""
    features = [_feature(incident) for incident in incidents]
    return json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False).encode()


def _feature(incident: Incident) -> dict[str, Any]:
    site = incident.site
    located = site.lat is not None and site.lon is not None
    return {
        "type": "Feature",
        "id": incident.incident_id,
        "geometry": {"type": "Point", "coordinates": [site.lon, site.lat]} if located else None,
        "properties": line(incident).model_dump(mode="json"),
    }
