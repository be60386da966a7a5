"""What people do with subscriptions and deliveries, for the command and the console alike: the core's decisions, with
the keys, the clock, and what the topics hold."""

from collections.abc import Callable, Collection, Iterable, Set
from datetime import UTC, datetime, timedelta
from functools import cached_property

from services.contracts.alert import Alert
from services.contracts.delivery import Delivery, DeliveryState
from services.contracts.ids import AlertId
from services.contracts.model import Record
from services.contracts.subscription import Filter, Subscription
from services.contracts.topics import ALERTS, DELIVERIES, SITES
from services.notify.adapters.proof import Proof, proved
from services.notify.core import redelivery, subscribing
from services.notify.core.redelivery import Plan
from services.notify.core.refused import Refused, Unknown
from services.notify.core.subscribing import Asked
from services.runtime.secrets import Vault, new_signing_key, new_webhook_secret
from services.runtime.settings import Settings
from services.runtime.topic_table import snapshot


class Desk:
    """`most_again`: deliveries that may be sent again at a time. Nothing here is written. All of it may raise
    Misconfigured, for missing keys, and SecretUnreadable; what reads a topic also what `snapshot` raises."""

    def __init__(self, settings: Settings, *, most_again: int | None = None) -> None:
        self._settings, self._most_again = settings, most_again

    @cached_property
    def _vault(self) -> Vault:
        return Vault([key.get_secret_value() for key in self._settings.secrets.keys])

    def check(self, asked: Asked, *, challenge: bool) -> None:
        """Raises Refused for what cannot be subscribed, and Misconfigured before anything is sent."""
        subscribing.check(asked, challenge=challenge, require_https=self._settings.notify.require_https)
        _ = self._vault  # without keys it ends here

    def subscribed(self, asked: Asked, before: Subscription | None) -> tuple[Subscription, str | None]:
        """As the core says."""
        return subscribing.subscribed(asked, before, self._vault, _new_secret, datetime.now(UTC))

    def rotated(self, found: Subscription, lasts: timedelta, asymmetric: bool | None) -> tuple[Subscription, str]:
        """As the core says."""
        return subscribing.rotated(found, lasts, asymmetric, self._vault, _new_secret, datetime.now(UTC))

    async def check_groups(self, *filters: Filter) -> None:
        """Raises Refused for a group that no known site is in: a name that is mistyped would keep silent for ever."""
        asked = {name for each in filters for name in each.groups}
        if asked and (unknown := asked - await self.groups()):
            names = ", ".join(sorted(unknown))
            raise Refused(
                f"no known site is in {names}: `chancery sites import` a list with that group first", "groups"
            )

    async def groups(self) -> Set[str]:
        """Those of the known sites."""
        table = await snapshot(self._settings, [SITES])
        return {name for each in table.values(SITES) for name in each.groups}

    async def prove(self, subscription: Subscription, *, challenge: bool = False) -> Proof:
        """A message marked EXERCISE to the endpoint, from this machine."""
        return await proved(self._settings, subscription, challenge=challenge)

    async def plan_one(self, delivery_id: str, subscriptions: Iterable[Subscription]) -> Plan:
        """What it would take to send one delivery again. Raises Refused."""
        found = await self.delivery(delivery_id)
        if found is None:
            raise Unknown(f"no delivery {delivery_id}")
        story = await self.deliveries(lambda each: each.incident_id == found.incident_id)
        to = next((each for each in subscriptions if each.subscription_id == found.subscription_id), None)
        return await self._planned(redelivery.one(found, story), to)

    async def plan_range(
        self, to: Subscription, since: datetime, until: datetime, states: Collection[DeliveryState]
    ) -> Plan:
        """What it would take to send again what of a time range ended in one of the states. Raises Refused."""
        redelivery.check_states(states)
        theirs = await self.deliveries(lambda each: each.subscription_id == to.subscription_id)
        return await self._planned(redelivery.chosen(theirs, since, until, states), to)

    async def _planned(self, choice: redelivery.Choice, to: Subscription | None) -> Plan:
        able = redelivery.able(to)
        if self._most_again is not None and len(choice.deliveries) > self._most_again:
            raise Refused(f"{len(choice.deliveries)} are more than {self._most_again} at a time: name a shorter range")
        wanted = {each.alert_id for each in choice.deliveries}
        alerts = {each.alert_id: each for each in await self.alerts(wanted)} if wanted else {}
        return redelivery.planned(able, choice, alerts)

    async def delivery(self, delivery_id: str) -> Delivery | None:
        """One of the topic, without its alert."""
        return next(iter(await self.deliveries(lambda each: each.delivery_id == delivery_id)), None)

    async def deliveries(self, wanted: Callable[[Delivery], bool]) -> list[Delivery]:
        """Those of the topic that are wanted, without their alerts, of which there may be very many."""

        def row(record: Record) -> Record | None:
            keep = isinstance(record, Delivery) and wanted(record)
            return record.model_copy(update={"alert": None}) if keep else None

        table = await snapshot(self._settings, [DELIVERIES], row=row)
        return list(table.values(DELIVERIES))

    async def alerts(self, names: Set[str]) -> list[Alert]:
        """Those that are still kept of these alerts, or of these incidents. The topic's key is the incident: its table
        would have only the last of each."""
        found: dict[AlertId, Alert] = {}

        def keep(record: Record) -> None:
            if isinstance(record, Alert) and (record.alert_id in names or record.incident.incident_id in names):
                found[record.alert_id] = record

        await snapshot(self._settings, [ALERTS], row=keep)
        return list(found.values())


def _new_secret(asymmetric: bool) -> str:
    return new_signing_key() if asymmetric else new_webhook_secret()
