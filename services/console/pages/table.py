"""Every page: where it is, and which answers of the API its template is given."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Page:
    """`needs` maps names in the template to places in the API; `{name}` is a part of the page's own path and `{query}`
    its whole query, so that filters are the page's address and the API's alike."""

    path: str
    template: str
    needs: Mapping[str, str] = field(default_factory=dict)


PAGES = (
    Page("/incidents", "incidents.html", {"incidents": "/v1/incidents?{query}"}),
    Page("/incidents/{incident_id}", "incident.html", {"told": "/v1/incidents/{incident_id}"}),
    Page("/feeds", "feeds.html", {"feeds": "/v1/feeds?{query}"}),
    Page("/feeds/{feed_id}", "feed.html", {"feed": "/v1/feeds/{feed_id}"}),
)

NAVIGATION = (
    ("/incidents", "Incidents"),
    ("/feeds", "Feeds"),
)
"""The first of it is what `/` leads to."""
