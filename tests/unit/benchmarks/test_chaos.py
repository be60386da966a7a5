"""What accounts for the chaos sees what is lost and what is doubled, and the line that is cut is cut."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.chaos_deployment import Clocks
from benchmarks.chaos_ledger import Seen, account
from benchmarks.growing_site import FEEDS, Entry, entries
from benchmarks.wire import Wire
from services.classify.core.reading.article import ArticleText
from services.contracts import ids
from services.contracts.alert import Alert
from services.contracts.ids import AlertId, ArticleId
from services.contracts.subscription import Filter
from tests.contracts.examples import ALERT, SUBSCRIPTION
from tests.unit.benchmarks.test_benchmarks import READER

ALL = SUBSCRIPTION.model_copy(update={"filter": Filter()})


def an_article(number: int) -> ArticleId:
    return ArticleId(f"art_{number}")


def an_alert(entry: Entry, revision: int = 1) -> Alert:
    (claim, *_), incident = ALERT.incident.claims, ALERT.incident
    site = incident.site.model_copy(update={"host_state": entry.state})
    of_it = {"claims": (claim.model_copy(update={"article_id": an_article(entry.number)}),), "site": site}
    return ALERT.model_copy(
        update={"alert_id": f"alr_{entry.number}_{revision}", "incident": incident.model_copy(update=of_it)}
    )


@pytest.fixture
def served() -> list[Entry]:
    """One attack, and what else came."""
    found = entries(1, 40)
    attack = next(entry for entry in found if entry.state)
    return [*found[:3], attack]


@pytest.fixture
def seen(served: list[Entry]) -> Seen:
    """All is well: ten seconds from the feed to the endpoint."""
    alert = an_alert(served[-1])
    articles = {an_article(entry.number): entry.number for entry in served}
    return Seen(
        served={entry.number: 100.0 for entry in served},
        articles=articles,
        judged=frozenset(articles),
        buried=frozenset(),
        reported=frozenset({an_article(served[-1].number)}),
        alerts={alert.alert_id: alert},
        arrivals={ALL.subscription_id: [(110.0, ids.delivery_id(alert.alert_id, ALL.subscription_id))]},
    )


def test_what_is_whole_is_accounted_for(served: list[Entry], seen: Seen) -> None:
    made = account(seen, served, [ALL])
    assert (made.lost, made.strange, made.messages, made.repeats, made.waited_s) == ((), (), 1, 0, (10.0,))


def test_a_repeat_under_its_id_is_no_loss_and_the_first_counts(served: list[Entry], seen: Seen) -> None:
    ((at, webhook_id),) = seen.arrivals[ALL.subscription_id]
    twice = replace(seen, arrivals={ALL.subscription_id: [(at + 5, webhook_id), (at, webhook_id)]})
    made = account(twice, served, [ALL])
    assert (made.lost, made.strange, made.repeats, made.waited_s) == ((), (), 1, (10.0,))


def test_each_loss_is_named(served: list[Entry], seen: Seen) -> None:
    attack = served[-1].number
    cases: list[tuple[Seen, str]] = [
        (replace(seen, articles={a: n for a, n in seen.articles.items() if n}), "entry 0: on no topic"),
        (replace(seen, judged=seen.judged - {an_article(0)}), "entry 0: never read"),
        (replace(seen, reported=frozenset()), f"entry {attack}: an attack without a report"),
        (replace(seen, alerts={}, arrivals={}), f"entry {attack}: an attack without an alert"),
        (replace(seen, arrivals={}), "the message dlv_"),
    ]
    for less, said in cases:
        (lost,) = account(less, served, [ALL]).lost
        assert lost.startswith(said)


def test_a_dead_letter_is_an_end(served: list[Entry], seen: Seen) -> None:
    buried = replace(seen, judged=seen.judged - {an_article(0)}, buried=frozenset({an_article(0)}))
    assert account(buried, served, [ALL]).lost == ()


def test_what_should_not_be_is_named(served: list[Entry], seen: Seen) -> None:
    again = an_alert(served[-1], revision=2)
    doubled = replace(seen, alerts={**seen.alerts, AlertId(again.alert_id): again}, refused=("no signature",))
    arrivals = {ALL.subscription_id: [*seen.arrivals[ALL.subscription_id], (120.0, "dlv_unknown")]}
    strange = account(replace(doubled, arrivals=arrivals), served, [ALL]).strange
    assert [each.partition(":")[0].partition(" under")[0] for each in strange] == [
        "a message",
        "two alerts of one article",
        "a message that an endpoint refused",
    ]


def test_an_endpoint_is_owed_its_host_states_alone(served: list[Entry], seen: Seen) -> None:
    other = ALL.model_copy(update={"subscription_id": "sub_other", "filter": Filter(host_states=("ZZ",))})
    owed = ALL.model_copy(update={"subscription_id": "sub_owed", "filter": Filter(host_states=(served[-1].state,))})
    assert account(seen, served, [ALL, other]).lost == ()
    assert len(account(seen, served, [ALL, owed]).lost) == 1


def test_entries_are_those_of_their_seed_and_each_attack_has_its_embassy() -> None:
    found = entries(7, 300)
    assert found == entries(7, 300)
    assert found != entries(8, 300)
    attacks = [entry for entry in found if entry.state]
    assert len({entry.item.title.partition(" the ")[2] for entry in attacks}) == len(attacks) > 60
    assert not any(entry.state for entry in found[:FEEDS])


def test_every_attack_is_read_as_one_and_no_trifle_is() -> None:
    for entry in entries(7, 120):
        item = entry.item
        said = READER.read(ArticleText(f"{entry.number}", item.text, item.title, published_at=item.published))
        states = [each.site.host_state for each in said.reports if each.alertable and each.site]
        assert states == ([entry.state] if entry.state else []), entry.item.title


def test_a_clock_is_a_file_with_how_far_it_is_ahead(tmp_path: Path) -> None:
    clocks = Clocks(tmp_path)
    for ahead_s, written in ((3_600.2, "+3600"), (-90, "-90"), (0, "+0")):
        clocks.set("notify", ahead_s)
        assert (tmp_path / "notify").read_text() == f"{written}\n"
    assert bool(clocks.environment("notify")) is clocks.can_be_set


@pytest.fixture
async def echo() -> AsyncIterator[Wire]:
    """A wire to who says again what it is told."""

    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while said := await reader.read(100):
            writer.write(said)
        writer.close()

    server = await asyncio.start_server(say, "127.0.0.1", 0)
    async with server, Wire(server.sockets[0].getsockname()[1]).laid() as wire:
        yield wire


async def test_a_wire_carries_and_can_be_cut(echo: Wire) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", echo.port)
    writer.write(b"hello")
    assert await reader.readexactly(5) == b"hello"
    cut = asyncio.create_task(echo.cut(60))
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await reader.readexactly(1)
    refused, _ = await asyncio.open_connection("127.0.0.1", echo.port)
    with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
        await refused.readexactly(1)
    cut.cancel()
    await asyncio.wait([cut])
    reader, writer = await asyncio.open_connection("127.0.0.1", echo.port)
    writer.write(b"again")
    assert await reader.readexactly(5) == b"again"


async def test_what_a_stalled_wire_was_given_comes_later(echo: Wire) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", echo.port)
    stall = asyncio.create_task(echo.stall(60))
    await asyncio.sleep(0)  # so that it has begun
    writer.write(b"hello")
    said = asyncio.create_task(reader.readexactly(5))
    done, _ = await asyncio.wait([said], timeout=0.05)
    assert not done
    stall.cancel()
    assert await said == b"hello"
