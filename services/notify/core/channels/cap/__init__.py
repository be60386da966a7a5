"""CAP 1.2 over HTTP POST (OASIS Common Alerting Protocol): for systems that warn people."""

import re
from collections.abc import Sequence
from xml.sax.saxutils import escape

from services.contracts.ids import DeliveryId
from services.notify.core.channels.cap.message import NO_REFERENCES, reference, render
from services.notify.core.channels.rules import ChannelRules, Envelope, Posting, Secret, bearer
from services.notify.core.status import judge_by_status

MEDIA_TYPE = "application/cap+xml"
_MSG_TYPE = re.compile("<msgType>[A-Za-z]+</msgType>")


def _posted(body: bytes, posting: Posting) -> Sequence[Envelope]:
    headers = {**bearer(posting), "content-type": MEDIA_TYPE}
    return (Envelope(addressed(body, posting.head), headers),)


def addressed(body: bytes, head: str | None) -> bytes:
    """A rendered message with its references. Who was told before gets an Update or a Cancel that refers to the first
    message, `head`. For others it is an Alert: a reference to what one never got means nothing."""
    text = body.decode()
    if head is None:
        return _MSG_TYPE.sub("<msgType>Alert</msgType>", text, count=1).replace(NO_REFERENCES, "", 1).encode()
    return text.replace(NO_REFERENCES, f"<references>{escape(head)}</references>", 1).encode()


def _referred(_: DeliveryId, body: bytes, __: str) -> str | None:
    return reference(body)


RULES = ChannelRules(
    about="a system that takes CAP 1.2",
    endpoint="the URL to post to",
    render=render,
    render_plain=render,
    judge=judge_by_status,
    dress=_posted,
    secret=Secret.OPTIONAL,
    receipt=_referred,
    media_type=MEDIA_TYPE,
)
