"""What a drill should lead to, what came of it on the topics, and the times that it took. Pure."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from services.classify.core.chain import Chain
from services.contracts import ids
from services.contracts.alert import Alert, ChangeKind
from services.contracts.article import Article
from services.contracts.delivery import Delivery, DeliveryState
from services.contracts.feedback import CALLED_OFF_BY, Feedback
from services.contracts.ids import AlertId, DeliveryId, DrillId, IncidentId
from services.contracts.incident import Incident, IncidentStatus, NoteKind, SourceClaim
from services.contracts.model import Record
from services.contracts.report import Classification
from services.contracts.subscription import Subscription
from services.notify.core.filter import should_notify

TAKEN = (DeliveryState.DELIVERED, DeliveryState.FOLDED)
"""The endpoint has it, by itself or in a newer word on the incident."""


@dataclass(frozen=True, slots=True)
class Step:
    """An article, how long after the first it was published, and what it should make of the incidents."""

    after: timedelta
    article: Article
    incidents: tuple[Incident, ...]
    alerts: tuple[Alert, ...]


def foreseen(articles: Sequence[Article], read: Callable[[Article], Classification], chain: Chain) -> list[Step]:
    """What each article should lead to, in their order."""
    steps = []
    for article in articles:
        incidents: dict[IncidentId, Incident] = {}
        alerts: list[Alert] = []
        for report in chain.take_article(article, read(article)):
            correlation, told = chain.take_report(report)
            incidents |= {each.incident_id: each for each in correlation.remember}
            alerts += told
        assert article.published_at is not None
        assert articles[0].published_at is not None
        after = article.published_at - articles[0].published_at
        steps.append(Step(after, article, tuple(incidents.values()), tuple(alerts)))
    return steps


@dataclass
class Observed:
    """The records of one drill, as they are read from the topics; of each incident and delivery the newest. `known` are
    its incidents, first those that are foreseen: a delivery that is final names its incident only."""

    drill: DrillId
    known: set[IncidentId] = field(default_factory=set)
    incidents: dict[IncidentId, Incident] = field(default_factory=dict)
    alerts: dict[AlertId, Alert] = field(default_factory=dict)
    deliveries: dict[DeliveryId, Delivery] = field(default_factory=dict)
    verdicts: list[Feedback] = field(default_factory=list)

    def take(self, record: Record) -> None:
        """A record of any topic; one that is not of the drill changes nothing."""
        match record:
            case Incident(drill=self.drill):
                known = self.incidents.get(record.incident_id)
                self.known.add(record.incident_id)
                if known is None or known.revision < record.revision:
                    self.incidents[record.incident_id] = record
            case Alert() if record.incident.drill == self.drill:
                self.alerts[record.alert_id] = record
            case Delivery() if record.incident_id in self.known or (
                record.alert is not None and record.alert.incident.drill == self.drill
            ):
                self.deliveries[record.delivery_id] = record
            case Feedback(drill=self.drill) if record.author != CALLED_OFF_BY:
                self.verdicts.append(record)

    def has(self, step: Step) -> bool:
        """Did all come that the article should lead to? Once somebody has judged an incident its revisions are others
        than were foreseen, and what is told of it may be: then it is enough that the article was taken in."""
        judged = {each.incident_id for each in self.verdicts}
        told = (each for each in step.alerts if each.incident.incident_id not in judged)
        taken_in = any(_is_of(step.article, claim) for each in self.incidents.values() for claim in each.claims)
        foreseen_to_be = any(_is_of(step.article, claim) for each in step.incidents for claim in each.claims)
        return (taken_in or not foreseen_to_be) and all(each.alert_id in self.alerts for each in told)

    def to(self, subscription: Subscription) -> Iterator[tuple[Alert, Delivery | None]]:
        """Every alert that the subscription asked for, in their order, and its delivery once there is one."""
        for alert in sorted(self.alerts.values(), key=lambda each: begun_at(each, {})):
            if should_notify(subscription, alert).notify:
                yield alert, self.deliveries.get(ids.delivery_id(alert.alert_id, subscription.subscription_id))

    def settled(self, subscriptions: Iterable[Subscription]) -> bool:
        """Is every delivery final that the alerts so far should lead to?"""
        owed = [delivery for each in subscriptions for _, delivery in self.to(each)]
        return all(each is not None and each.state is not DeliveryState.PENDING for each in owed)

    def standing(self) -> list[Incident]:
        """What is still to be called off."""
        return [each for each in self.incidents.values() if each.status is not IncidentStatus.RETRACTED]

    def is_over(self) -> bool:
        """Does nothing stand any more, and is that to be told to everyone who was told of it?"""
        told = {each.incident.incident_id for each in self.alerts.values()}
        ended = {each.incident.incident_id for each in self.alerts.values() if each.change is ChangeKind.RETRACTED}
        return not self.standing() and told == ended


def _is_of(article: Article, claim: SourceClaim) -> bool:
    return (claim.article_id, claim.article_revision) == (article.article_id, article.revision)


def emptied(steps: Sequence[Step], now: datetime) -> list[Article]:
    """Every article once more, with an edit that says nothing any more: it takes back what was said."""
    newest = {step.article.article_id: step.article for step in steps}
    nothing = {"title": "", "text": "", "fetched_at": now}
    return [each.model_copy(update={**nothing, "revision": each.revision + 1}) for each in newest.values()]


Published = Mapping[str, datetime]
"""When each article of the drill was put on its topic, by record id."""


def begun_at(alert: Alert, published: Published) -> datetime:
    """When what led to the alert was published, or given where it is a verdict."""
    incident = alert.incident
    note = incident.notes[-1] if incident.notes and incident.notes[-1].revision == incident.revision else None
    if note is not None and note.kind is not NoteKind.CLOSED:
        return note.at
    claim = incident.claims[-1]
    return published.get(f"{claim.article_id}-{claim.article_revision}", claim.ledger.fetched_at)


@dataclass(frozen=True, slots=True)
class Told:
    """An alert on its way to one endpoint: seconds from the publication of the article that caused it to the first
    attempt, and until it was taken, by the notifier's clock. `state` is empty where there is no delivery."""

    alert_id: str
    change: str
    headline: str
    state: str
    reason: str
    attempts: int
    first_attempt_s: float | None
    delivered_s: float | None


@dataclass(frozen=True, slots=True)
class Heard:
    """What a subscription was told."""

    subscription_id: str
    name: str
    channel: str
    told: tuple[Told, ...]


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """A verdict on an incident of the drill: who is awake, and seconds since its first article was published and since
    anybody was first told of it; None where nobody was."""

    by: str
    verdict: str
    why: str
    at: datetime
    incident_id: str
    since_published_s: float
    since_told_s: float | None


def heard(observed: Observed, subscriptions: Iterable[Subscription], published: Published) -> list[Heard]:
    """Of each subscription that asked for any of the alerts, by name."""
    found = []
    for each in sorted(subscriptions, key=lambda each: each.name.casefold()):
        told = tuple(_told(alert, delivery, published) for alert, delivery in observed.to(each))
        if told:
            found.append(Heard(each.subscription_id, each.name, each.channel, told))
    return found


def _told(alert: Alert, delivery: Delivery | None, published: Published) -> Told:
    attempts = delivery.attempts if delivery else ()
    since = begun_at(alert, published)
    taken = delivery is not None and delivery.state is DeliveryState.DELIVERED and attempts
    why = delivery.reason if delivery else ""
    return Told(
        alert_id=alert.alert_id,
        change=alert.change,
        headline=alert.headline,
        state=delivery.state if delivery else "",
        reason=why or (attempts[-1].outcome if attempts and not taken else ""),
        attempts=len(attempts),
        first_attempt_s=_s(attempts[0].at - since) if attempts else None,
        delivered_s=_s(attempts[-1].at + timedelta(seconds=attempts[-1].took_s) - since) if taken else None,
    )


def acknowledged(observed: Observed, published: Published) -> list[Acknowledged]:
    """Who said what of the drill's incidents, in the order of time."""
    found = []
    for each in sorted(observed.verdicts, key=lambda each: each.given_at):
        incident = observed.incidents.get(each.incident_id)
        if incident is None:
            continue
        first = incident.claims[0]
        begun = published.get(f"{first.article_id}-{first.article_revision}", first.ledger.fetched_at)
        taken = [
            delivery.attempts[-1].at
            for delivery in observed.deliveries.values()
            if delivery.incident_id == each.incident_id and delivery.state is DeliveryState.DELIVERED
        ]
        found.append(
            Acknowledged(
                by=each.author,
                verdict=each.verdict,
                why=each.why,
                at=each.given_at,
                incident_id=each.incident_id,
                since_published_s=_s(each.given_at - begun),
                since_told_s=_s(each.given_at - min(taken)) if taken else None,
            )
        )
    return found


def _s(length: timedelta) -> float:
    return round(length.total_seconds(), 3)
