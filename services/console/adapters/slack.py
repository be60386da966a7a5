"""Replies to Slack, for whoever pressed a button: one try, since a reply that is late or lost costs nothing."""

import httpx
import structlog

from services.console.core.slack import may_reply_to
from services.runtime.egress import GuardedClient, guarded_client
from services.runtime.settings import Settings

log = structlog.get_logger()

SLACK_REPLIED = "slack.replied"
TIMEOUT_S = 5.0
AT_ONCE = 8


class Replies:
    """Posts to the addresses that Slack gives for replies, and to no other. Use as an async context manager."""

    def __init__(self, settings: Settings) -> None:
        self._allowed = settings.slack.replies
        self._client: GuardedClient = guarded_client(
            settings.egress, user_agent="Chancery/0.1", timeout_s=TIMEOUT_S, max_connections=AT_ONCE
        )

    async def __aenter__(self) -> "Replies":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    async def send(self, url: str, body: bytes) -> None:
        """Never raises. The address is good for half an hour and no business of the log's."""
        status, reason = "refused", "no address of Slack's for replies"
        if may_reply_to(url, self._allowed):
            try:
                headers = {"content-type": "application/json; charset=utf-8", "accept-encoding": "identity"}
                async with self._client.stream("POST", url, content=body, headers=headers) as answer:
                    status, reason = "taken" if answer.is_success else "refused", f"HTTP {answer.status_code}"
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                status, reason = "failed", type(error).__name__
        (log.info if status == "taken" else log.warning)(SLACK_REPLIED, status=status, reason=reason)
