"""What an endpoint has to do before it is subscribed."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from standardwebhooks import Webhook

from services.contracts.subscription import Channel
from services.notify.adapters.proof import proved
from services.notify.core.status import Outcome
from tests.unit.notify import given
from tests.unit.notify.endpoint import Behaviour, Endpoint, answer, endpoint, hang
from tests.unit.notify.test_sender import settings, subscription


def answering(served: list[Endpoint], how: Callable[[dict[str, Any]], object]) -> Behaviour:
    """200 with what `how` makes of the request's JSON."""

    async def behave(writer: asyncio.StreamWriter) -> None:
        told = how(json.loads(served[0].requests[-1].body))
        await answer(200, told.encode() if isinstance(told, str) else json.dumps(told).encode())(writer)

    return behave


async def test_an_endpoint_gets_a_message_marked_as_an_exercise_and_signed() -> None:
    async with endpoint() as served:
        proof = await proved(settings(), subscription(served.url))
        (request,) = served.requests
        assert (proof.taken, proof.words()) == (True, "delivered: HTTP 204")
        told = Webhook(given.SECRET).verify(request.body, request.headers)
        assert told["data"]["exercise"] is True


@pytest.mark.parametrize(
    ("behaviour", "outcome", "words"),
    [
        (
            answer(500, b"oh\x1b[2J no T0KEN-of-the-endpoint"),
            Outcome.FAILED,
            "HTTP 500; it answered: oh[2J no [removed]",
        ),
        (answer(302, location="http://127.0.0.1/"), Outcome.REDIRECTED, "HTTP 302: redirects are not followed"),
        (hang, Outcome.TIMED_OUT, "no answer within 0.3 s"),
    ],
)
async def test_what_came_back_is_said(behaviour: Behaviour, outcome: Outcome, words: str) -> None:
    async with endpoint(behaviour) as served:
        proof = await proved(settings(), subscription(served.url))
        assert (proof.taken, proof.judgement.outcome) == (False, outcome)
        assert proof.words() == f"not delivered: {words}"


async def test_slack_has_to_say_ok() -> None:
    async with endpoint(answer(200, b"hello")) as served:
        assert not (await proved(settings(), subscription(served.url, Channel.SLACK))).taken


@pytest.mark.parametrize(
    ("how", "taken"),
    [
        (lambda body: body["data"]["challenge"], True),
        (lambda body: f" {body['data']['challenge']}\n", True),
        (lambda body: json.dumps(body["data"]["challenge"]), True),
        (lambda body: {"challenge": body["data"]["challenge"]}, True),
        (lambda body: body, False),  # an echo reads nothing
        (lambda body: "ok", False),
        (lambda body: {"challenge": "x"}, False),
        (lambda body: "[" * 100_000, False),
        (lambda body: {"challenge": [body["data"]["challenge"]]}, False),
        (lambda body: [body["data"]["challenge"]], False),
        (lambda body: "", False),
    ],
)
async def test_a_challenge_has_to_come_back(how: Callable[[dict[str, Any]], object], taken: bool) -> None:
    there: list[Endpoint] = []
    async with endpoint(answering(there, how), answer(204)) as served:
        there.append(served)
        proof = await proved(settings(), subscription(served.url), challenge=True)
        assert proof.taken is taken
        first = served.requests[0]
        assert Webhook(given.SECRET).verify(first.body, first.headers)["type"] == "endpoint.challenge"
        assert len(served.requests) == 1 + taken
        assert taken or "without the challenge" in proof.words()
