"""What became of everything that was served: pure, from what lay where when all was quiet again."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.growing_site import Entry
from services.contracts import ids
from services.contracts.alert import Alert
from services.contracts.ids import AlertId, ArticleId, DeliveryId, SubscriptionId
from services.contracts.subscription import Subscription


@dataclass(frozen=True)
class Seen:
    """`served` and `arrivals` have moments in seconds since 1970; `arrivals` has, of each healthy endpoint, every
    verified message with its webhook-id, and `refused` why any was not verified. `articles` has the entry that each
    article is of; `judged` those that a worker says it has read; `buried` those that a dead letter holds; `reported`
    those with a report."""

    served: Mapping[int, float]
    articles: Mapping[ArticleId, int]
    judged: frozenset[ArticleId]
    buried: frozenset[ArticleId]
    reported: frozenset[ArticleId]
    alerts: Mapping[AlertId, Alert]
    arrivals: Mapping[SubscriptionId, Sequence[tuple[float, str]]]
    refused: Sequence[str] = ()


@dataclass(frozen=True)
class Account:
    """`lost` has, in words, each thing that should be and is not; `strange` each that is and should not be."""

    lost: tuple[str, ...]
    strange: tuple[str, ...]
    messages: int
    repeats: int
    waited_s: tuple[float, ...]

    @property
    def is_settled(self) -> bool:
        return not self.lost


def account(seen: Seen, entries: Sequence[Entry], healthy: Sequence[Subscription]) -> Account:
    """Every entry that was served, and every alert that is on its topic, to its end.

    `waited_s` is, of each message to a healthy endpoint, from the first answer that had its entry to the first request
    that the endpoint could verify."""
    told = {_article_of(alert): alert.alert_id for alert in seen.alerts.values()}
    wanted = {
        ids.delivery_id(alert.alert_id, subscription.subscription_id): alert
        for subscription in healthy
        for alert in seen.alerts.values()
        if _wants(subscription, alert)
    }
    first: dict[str, float] = {}
    for came in seen.arrivals.values():
        for at, webhook_id in came:
            first[webhook_id] = min(at, first.get(webhook_id, math.inf))
    lost = [*_lost_before_alerts(seen, entries, told)]
    lost += [f"the message {each} of {wanted[each].headline!r}" for each in wanted.keys() - first.keys()]
    strange = [f"a message under the id {each}, which no alert has" for each in first.keys() - wanted.keys()]
    strange += [f"two alerts of one article: {alert.headline!r}" for alert in _doubled(seen)]
    waited = (
        at - seen.served[seen.articles[_article_of(wanted[DeliveryId(webhook_id)])]]
        for webhook_id, at in first.items()
        if webhook_id in wanted
    )
    strange += [f"a message that an endpoint refused: {reason}" for reason in seen.refused]
    messages = sum(map(len, seen.arrivals.values()))
    return Account(tuple(lost), tuple(strange), messages, messages - len(first), tuple(waited))


def _lost_before_alerts(seen: Seen, entries: Sequence[Entry], told: Mapping[ArticleId, AlertId]) -> Iterator[str]:
    by_entry = {number: article for article, number in seen.articles.items()}
    for entry in entries:
        if entry.number not in seen.served:
            continue
        article = by_entry.get(entry.number)
        if article is None:
            yield f"entry {entry.number}: on no topic"
        elif article in seen.buried:
            continue
        elif article not in seen.judged:
            yield f"entry {entry.number}: never read"
        elif entry.state is not None and article not in seen.reported:
            yield f"entry {entry.number}: an attack without a report"
        elif entry.state is not None and article not in told:
            yield f"entry {entry.number}: an attack without an alert"


def _doubled(seen: Seen) -> Iterator[Alert]:
    """Each attack has an embassy of its own and is told by one article, so it has one alert."""
    articles = set[ArticleId]()
    for alert in seen.alerts.values():
        if _article_of(alert) in articles:
            yield alert
        articles.add(_article_of(alert))


def _article_of(alert: Alert) -> ArticleId:
    return alert.incident.claims[0].article_id


def _wants(subscription: Subscription, alert: Alert) -> bool:
    """Said once more in fewer words than the notifier's own, which is what is tried."""
    states = subscription.filter.host_states
    return not states or alert.incident.site.host_state in states
