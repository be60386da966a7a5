"""/v1/slack: what people press in Slack."""

import asyncio

import structlog
from aiokafka.errors import KafkaError
from fastapi import APIRouter, HTTPException, Request, Response
from starlette.background import BackgroundTask

from services.console.api.given import Given, Here, SlackApp
from services.console.api.signed import SignedRoute
from services.console.core import slack
from services.contracts.topics import FEEDBACK, INCIDENTS, SILENCES
from services.notify.core.channels.slack.message import render_reply

log = structlog.get_logger()

CLICK_TAKEN = "click.taken"
WITHIN_S = 2.0
"""Slack shows an error to whoever pressed where no answer comes within three seconds."""
MAX_BODY_BYTES = 262_144
"""A payload has the message in it, each character escaped twice."""
FORM = "application/x-www-form-urlencoded"

router = APIRouter(prefix="/v1/slack", tags=["slack"], route_class=SignedRoute)


@router.post(
    "/actions",
    response_class=Response,
    max_body_size=MAX_BODY_BYTES,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {
                FORM: {
                    "schema": {
                        "type": "object",
                        "required": ["payload"],
                        "properties": {"payload": {"type": "string", "contentMediaType": "application/json"}},
                    }
                }
            },
        }
    },
)
async def take_action(request: Request, here: Here) -> Response:
    """What a button of an alert in Slack asks for: a verdict on its incident, or a silence of its site. Answered with
    200 whatever comes of it; what does come is said in Slack."""
    try:
        click = slack.read_click(await request.body())
    except slack.NotUnderstood as error:
        raise HTTPException(400, str(error)) from None
    request.state.caller = click.actor
    app = here.slack
    assert app is not None, "a route that is signed is closed without a secret"
    try:
        async with asyncio.timeout(WITHIN_S):
            response = await _done(here, app, click)
    except (TimeoutError, KafkaError) as error:
        log.warning(CLICK_TAKEN, button=click.button, status="failed", reason=str(error) or type(error).__name__)
        response = slack.Response("Nobody can say yet whether this was written down. Press again in a minute.")
    reply = render_reply(response.words, click.thread if response.change else None)
    return Response(background=BackgroundTask(app.reply, click.response_url, reply))


async def _done(here: Given, app: SlackApp, click: slack.Click) -> slack.Response:
    async with here.records.changing:
        response = slack.response_to(
            click,
            here.records.get(INCIDENTS, click.value),
            here.records.values(FEEDBACK),
            here.records.values(SILENCES),
            now=here.now(),
            lasts=app.silence,
        )
        if response.topic and response.change:
            await here.records.change(click.actor, response.topic, response.change)
    log.info(CLICK_TAKEN, button=click.button, status="changed" if response.change else "nothing to change")
    return response
