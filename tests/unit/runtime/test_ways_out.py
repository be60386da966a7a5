"""Whatever makes us connect somewhere passes the guard: each way out, by each way to write an address of our own."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import httpx
import pytest

from services.classify.adapters.query_service import missions
from services.contracts.feed import PollStatus
from services.contracts.ids import DeliveryId
from services.ingest.adapters.hub import HubClient
from services.ingest.check import check
from services.notify.adapters.sender import Sender
from services.notify.core.status import Outcome
from services.runtime.egress import guarded_client
from services.runtime.secrets import Vault, new_key
from services.runtime.settings import load_settings
from tests.unit.notify import given
from tests.unit.runtime.test_egress import REFUSED, WRITTEN, connected, resolve

__all__ = ["connected"]  # the fixture

KEY = new_key()
SETTINGS = load_settings({"CHANCERY_SECRETS__KEYS": KEY, "CHANCERY_NOTIFY__REQUIRE_HTTPS": "false"})
HOSTS = (*WRITTEN.values(), *(f"[{each.replace('%', '%25')}]" if ":" in each else each for each in REFUSED.values()))
NOT_FETCHED = frozenset({PollStatus.REFUSED, PollStatus.UNREACHABLE, PollStatus.HTTP_ERROR, PollStatus.TIMED_OUT})


async def deliver(url: str) -> None:
    vault = Vault([KEY])
    subscription = given.subscription(endpoint=vault.encrypt(url), secret=vault.encrypt(given.SECRET))
    async with Sender(SETTINGS) as sender:
        told = await sender.send(subscription, DeliveryId("dlv_1"), b"{}", datetime.now(UTC))
    assert told.outcome in (Outcome.NOT_ALLOWED, Outcome.UNREACHABLE), told


async def check_feed(url: str) -> None:
    assert (await check(SETTINGS, url)).fetched.status in NOT_FETCHED


async def ask_a_hub(url: str) -> None:
    async with guarded_client(SETTINGS.egress, user_agent="test", timeout_s=5) as client:
        assert (await HubClient(client, timeout_s=5).ask(url, {"hub.mode": "subscribe"})).problem


async def ask_for_missions(url: str) -> None:
    async with guarded_client(SETTINGS.egress, user_agent="test", timeout_s=5) as client:
        with pytest.raises((httpx.TransportError, httpx.InvalidURL)):
            await missions(url, client)


ways_out = pytest.mark.parametrize("way_out", [deliver, check_feed, ask_a_hub, ask_for_missions])


@ways_out
async def test_no_way_to_write_an_address_leads_inside(
    way_out: Callable[[str], Awaitable[None]], connected: list[str]
) -> None:
    for host in HOSTS:
        await way_out(f"http://{host}/")
        assert connected == [], host


@ways_out
async def test_no_name_leads_inside(
    way_out: Callable[[str], Awaitable[None]], connected: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither one that names an address of ours in it, nor one that has it beside one of its own."""
    for name in ("127.0.0.1.rebinding.example", "metadata.example"):
        resolve(monkeypatch, *[["169.254.169.254", "127.0.0.1"]] * 9)
        await way_out(f"http://{name}/")
        assert connected == []
