"""The console's application over records in memory, and a client for each role."""

import asyncio
import re
from collections.abc import Callable, Iterator, Set
from datetime import UTC, datetime, timedelta
from typing import TypeVar, cast

import httpx
from pydantic import SecretStr

from services.console.adapters.desk import Desk
from services.console.adapters.explaining import Explainer
from services.console.adapters.live import Live
from services.console.api.given import Brokers, Given, SlackApp
from services.console.app import application
from services.console.core.attempts import Attempts
from services.console.core.auditing import Actor, entry
from services.console.core.delivery_log import DeliveryLog
from services.console.core.explaining import Unusable
from services.console.door import Door
from services.contracts.alert import Alert
from services.contracts.audit import AuditEntry
from services.contracts.delivery import Delivery
from services.contracts.feed import PollStatus
from services.contracts.incident import Incident
from services.contracts.model import Record
from services.contracts.subscription import Subscription
from services.contracts.token import Role, Token, issued
from services.contracts.topics import ALERTS, INCIDENTS, TOKENS, Topic
from services.ingest.check import Check
from services.ingest.core.fetched import Fetched
from services.notify.adapters.proof import Proof
from services.notify.core.channels import CHANNELS
from services.notify.core.status import Answer
from services.runtime.secrets import new_key
from services.runtime.settings import ConsoleSettings, SecretsSettings, Settings
from tests.unit.console.topics_house import SPACE, MemoryLetters, MemoryTopics, history_at
from tests.unit.notify.workspace import SIGNING_SECRET

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
KEY = new_key()
SECRETS = {role: f"chancery_{role}" for role in Role}
PREFIXES = {"feed": "feed", "incident": "inc", "alert": "alr", "article": "art", "dead_letter": "dead"} | {
    "subscription": "sub",
    "delivery": "dlv",
    "shadow": "shd",
    "silence": "sil",
}
R = TypeVar("R", bound=Record)
TOKEN_OF = {role: issued(secret, name=f"the {role}", role=role, now=NOW) for role, secret in SECRETS.items()}


def somewhere(path: str) -> str:
    """An address of the route, of things that do not exist."""
    named = path.replace("{name}", "articles")
    return re.sub(r"\{(\w+)_id\}", lambda found: f"{PREFIXES[found[1]]}_{'a' * 26}", named)


class Memory:
    """Records by topic and key; `audit` is what was written there."""

    def __init__(self, *tokens: Token) -> None:
        self.rows: dict[Topic, dict[str, Record]] = {TOKENS: {token.key: token for token in tokens}}
        self.audit: list[AuditEntry] = []
        self.changing = asyncio.Lock()
        self.fails: Exception | None = None

    def put(self, topic: Topic, *records: Record) -> None:
        self.rows.setdefault(topic, {}).update((record.key, record) for record in records)

    def get(self, topic: Topic[R], key: str) -> R | None:
        return cast(R | None, self.rows.get(topic, {}).get(key))

    def values(self, topic: Topic[R]) -> Iterator[R]:
        return iter(cast(list[R], list(self.rows.get(topic, {}).values())))

    async def change(self, actor: Actor, topic: Topic, *changed: tuple[Record | None, Record | None]) -> None:
        await asyncio.sleep(0)
        assert self.changing.locked(), "what a change was decided upon may change meanwhile"
        if self.fails:
            raise self.fails
        for before, after in changed:
            if before == after:
                continue
            self.audit.append(entry(actor, before, after, NOW))
            if after:
                self.put(topic, after)
            elif before:
                del self.rows[topic][before.key]


class FakeDesk(Desk):
    """Topics that are lists; `proofs` are what endpoints answer, in turn and then always the last, and `proved` what
    they were sent."""

    def __init__(self) -> None:
        super().__init__(Settings(secrets=SecretsSettings(keys=(SecretStr(KEY),))), DeliveryLog(1_000))
        self.written: dict[str, Delivery] = {}
        self.told: list[Alert] = []
        self.answers = [Answer(http_status=204)]
        self.proved: list[tuple[Subscription, bool]] = []

    def put(self, *deliveries: Delivery) -> None:
        for each in deliveries:
            self.written[each.delivery_id] = each
            self.log.take(each.delivery_id, each, (0, len(self.written)))

    async def prove(self, subscription: Subscription, *, challenge: bool = False) -> Proof:
        self.proved.append((subscription, challenge))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return Proof(answer, CHANNELS[subscription.channel].judge(answer))

    async def groups(self) -> Set[str]:
        return {"gulf offices"}

    async def delivery(self, delivery_id: str) -> Delivery | None:
        return self.written.get(delivery_id)

    async def deliveries(self, wanted: Callable[[Delivery], bool]) -> list[Delivery]:
        return [each for each in self.written.values() if wanted(each)]

    async def alerts(self, names: Set[str]) -> list[Alert]:
        return [each for each in self.told if not names.isdisjoint((each.alert_id, each.incident.incident_id))]


class Kept:
    """Records that are looked up; `asked` is what was looked for."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.asked: list[tuple[Topic, str, str, datetime]] = []

    async def find(self, topic: Topic, record_type: type[R], key: str, record_id: str, at: datetime) -> R | None:
        self.asked.append((topic, key, record_id, at))
        kept = (each for each in self.records if each.key == key and each.record_id == record_id)
        return next((each for each in kept if isinstance(each, record_type)), None)


class Unfetched(Explainer):
    """Fetches nothing."""

    async def _page(self, url: str) -> bytes:
        raise Unusable("cannot fetch it: not a public address")


EXPLAINER = Unfetched(Settings())
"""One process for all tests: it starts with the first that asks it, and ends with them."""


class House:
    """`records` are what the console knows; `checked` the addresses whose check was asked for; `replied` what was said
    in Slack, and where."""

    def __init__(self, hosts: frozenset[str] | None = None, *, slack: bool = True) -> None:
        self.records = Memory(*TOKEN_OF.values())
        self.checked: list[str] = []
        self.replied: list[tuple[str, bytes]] = []
        self.now, self.clock_s = NOW, 0.0
        self.kept = Kept()
        self.live = Live(ConsoleSettings(), lambda: self.now)
        app = SlackApp(SecretStr(SIGNING_SECRET), timedelta(hours=24), self._reply) if slack else None
        self.history, self.topics, self.letters = history_at(NOW), MemoryTopics(), MemoryLetters(NOW)
        brokers = Brokers(SPACE, self.history, self.topics, self.letters, self.letters.redrive)
        self.desk = FakeDesk()
        given = Given(
            self.records,
            self.live,
            brokers,
            self.kept,
            EXPLAINER,
            self._check,
            lambda: self.now,
            lambda: self.clock_s,
            Attempts(),
            self.desk,
            frozenset({"en", "fr"}),
            slack=app,
        )
        self.app = application(given)
        self.door = Door(self.app, hosts)

    def client(self, role: Role | None = Role.ADMIN, address: str = "192.0.2.1") -> httpx.AsyncClient:
        headers = {"authorization": f"Bearer {SECRETS[role]}"} if role else {}
        transport = httpx.ASGITransport(self.door, raise_app_exceptions=False, client=(address, 1))
        return httpx.AsyncClient(transport=transport, base_url="https://console.example", headers=headers)

    def tell(self, *records: Record) -> None:
        """Incidents and alerts are read, in this order."""
        for record in records:
            if isinstance(record, Incident):
                self.records.put(INCIDENTS, record)
            self.live.take(INCIDENTS if isinstance(record, Incident) else ALERTS, record.key, record)

    async def _check(self, address: str) -> Check:
        self.checked.append(address)
        return Check(Fetched(PollStatus.REFUSED, "not a public address", address), None, 0, "in 300 s (interval)")

    async def _reply(self, url: str, body: bytes) -> None:
        self.replied.append((url, body))

    def pass_time(self, by: timedelta) -> None:
        self.now += by
        self.clock_s += by.total_seconds()
