"""Every metric of every service, named in one place. Labels are from closed sets, never ids, URLs or texts."""

from prometheus_client import Counter, Gauge, Histogram

_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800)

FEED_POLLS = Counter("chancery_feed_polls_total", "Polls of feeds", ["status"])
FEED_POLL_SECONDS = Histogram("chancery_feed_poll_seconds", "Time of one poll, from request to saved state")
FEED_POLL_LAG_SECONDS = Histogram(
    "chancery_feed_poll_lag_seconds", "How long after it was due a poll began", buckets=_SECONDS
)
FEEDS = Gauge("chancery_feeds", "Feeds of this process, by how they are", ["health"])
SHARES = (0.5, 0.9, 1.0)
FEED_SUCCESS_AGE_SECONDS = Gauge(
    "chancery_feed_success_age_seconds",
    "Age of the last good poll of a feed that is polled, by share of feeds",
    ["quantile"],
)
HUB_LEASES = Gauge("chancery_websub_leases", "Feeds of this process that offer a hub, by their lease", ["status"])
HUB_REQUESTS = Counter("chancery_websub_requests_total", "Requests to hubs", ["mode", "outcome"])
PUSHES = Counter("chancery_websub_pushes_total", "What hubs pushed, or others in their name", ["status"])
ARTICLES_PUBLISHED = Counter("chancery_articles_published_total", "Articles written", ["kind"])
PAGES = Counter("chancery_pages_total", "Pages that were wanted for the full text, by what came of them", ["outcome"])

ARTICLES_CLASSIFIED = Counter("chancery_articles_classified_total", "Articles read", ["language"])
CLASSIFY_SECONDS = Histogram(
    "chancery_classify_seconds", "Time to read one article", buckets=(0.0002, 0.0005, 0.001, 0.002, 0.005, 0.02, 0.1, 1)
)
REPORTS = Counter("chancery_reports_total", "Reports written", ["standing", "type"])
INCIDENT_REVISIONS = Counter("chancery_incident_revisions_total", "Revisions of incidents", ["change"])
ALERTS = Counter("chancery_alerts_total", "Alerts written", ["change", "severity"])
FETCHED_TO_ALERT_SECONDS = Histogram(
    "chancery_fetched_to_alert_seconds", "From an article's fetch to its alert", buckets=_SECONDS
)

DELIVERIES = Counter("chancery_deliveries_total", "Deliveries that reached a final state", ["channel", "state"])
DELIVERY_ATTEMPTS = Counter("chancery_delivery_attempts_total", "Attempts to deliver", ["channel", "outcome"])
DELIVERY_SECONDS = Histogram("chancery_delivery_attempt_seconds", "Time of one attempt", buckets=_SECONDS)
FETCHED_TO_SENT_SECONDS = Histogram(
    "chancery_fetched_to_sent_seconds", "From an article's fetch to the delivered alert", buckets=_SECONDS
)
SUBSCRIPTIONS_DISABLED = Counter("chancery_subscriptions_disabled_total", "Subscriptions given up", ["channel"])
DELIVERIES_PENDING = Gauge("chancery_deliveries_pending", "Deliveries waiting in this process")

CONSOLE_REQUESTS = Counter("chancery_console_requests_total", "Requests answered", ["method", "route", "http_status"])
CONSOLE_REQUEST_SECONDS = Histogram("chancery_console_request_seconds", "Time to answer a request", ["route"])
CONSOLE_VIEWERS = Gauge("chancery_console_viewers", "Live streams that are open")

TOPIC_RECORDS = Gauge("chancery_topic_records", "Records ever written to a topic, as the console saw it", ["topic"])
TOPIC_NEWEST = Gauge("chancery_topic_newest_timestamp_seconds", "When its last record was written", ["topic"])
LAG = Gauge("chancery_lag_records", "Records of a topic that wait for a group", ["group", "topic"])
TOPICS_SAMPLED = Gauge("chancery_topics_sampled_timestamp_seconds", "When the console last saw the topics")

DEAD_LETTERS = Counter("chancery_dead_letters_total", "Records nobody could use", ["service", "error_class"])
