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
    Page(
        "/incidents/{incident_id}",
        "incident.html",
        {"told": "/v1/incidents/{incident_id}", "deliveries": "/v1/deliveries?incident={incident_id}"},
    ),
    Page(
        "/incidents/{incident_id}/sources/{article_id}",
        "source.html",
        {"text": "/v1/incidents/{incident_id}/sources/{article_id}"},
    ),
    Page("/coverage", "coverage.html", {"coverage": "/v1/coverage"}),
    Page("/why", "why.html"),
    Page("/subscriptions", "subscriptions.html", {"subscriptions": "/v1/subscriptions?{query}"}),
    Page(
        "/subscriptions/{subscription_id}",
        "subscription.html",
        {
            "subscription": "/v1/subscriptions/{subscription_id}",
            "deliveries": "/v1/deliveries?subscription={subscription_id}&{query}",
        },
    ),
    Page("/silences", "silences.html", {"silences": "/v1/silences?{query}"}),
    Page("/shadows", "shadows.html", {"shadows": "/v1/shadows?{query}"}),
    Page("/shadows/{shadow_id}", "shadow.html", {"shadow": "/v1/shadows/{shadow_id}"}),
    Page("/deliveries", "deliveries.html", {"deliveries": "/v1/deliveries?{query}"}),
    Page("/deliveries/{delivery_id}", "delivery.html", {"delivery": "/v1/deliveries/{delivery_id}"}),
    Page("/feeds", "feeds.html", {"feeds": "/v1/feeds?{query}"}),
    Page("/feeds/{feed_id}", "feed.html", {"feed": "/v1/feeds/{feed_id}"}),
    Page("/topics", "topics.html", {"topics": "/v1/topics", "history": "/v1/topics/history"}),
    Page("/topics/{name}", "topic.html", {"found": "/v1/topics/{name}/records?{query}"}),
    Page("/dead-letters", "dead_letters.html", {"letters": "/v1/dead-letters?{query}"}),
    Page("/dead-letters/{dead_letter_id}", "dead_letter.html", {"letter": "/v1/dead-letters/{dead_letter_id}"}),
)

NAVIGATION = (
    ("/incidents", "Incidents"),
    ("/coverage", "Coverage"),
    ("/feeds", "Feeds"),
    ("/subscriptions", "Subscriptions"),
    ("/deliveries", "Deliveries"),
    ("/silences", "Silences"),
    ("/shadows", "Shadows"),
    ("/topics", "Topics"),
    ("/dead-letters", "Dead letters"),
    ("/why", "Why not"),
)
"""The first of it is what `/` leads to."""
