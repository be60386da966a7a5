"""E-mail: a mailbox, by the mail server of the settings. Nothing of it is encrypted to its reader.

A message is named by its delivery, so that one that is sent again is the same one, and later messages of an incident
refer to its first, so that mail programs show them as one conversation.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import format_datetime

from services.contracts.ids import DeliveryId
from services.notify.core.channels.email.answers import judge
from services.notify.core.channels.email.mailbox import mailbox
from services.notify.core.channels.email.message import render, render_notice
from services.notify.core.channels.rules import ChannelRules, Envelope, Posting, Transport


def _addressed(body: bytes, posting: Posting) -> Sequence[Envelope]:
    """The header fields that only the attempt knows, before those of the message."""
    sender = mailbox(posting.sender)
    domain = sender.rpartition("@")[2]
    fields = {
        "Date": format_datetime(datetime.fromtimestamp(posting.at_s, UTC)),
        "From": f"Chancery <{sender}>",
        "To": f"<{mailbox(posting.endpoint)}>",
        "Message-ID": f"<{posting.delivery_id}@{domain}>",
    }
    if posting.head not in (None, posting.delivery_id):  # the first one may be sent again
        fields |= dict.fromkeys(("In-Reply-To", "References"), f"<{posting.head}@{domain}>")
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return (Envelope(head.encode("ascii") + body, {}),)


def _named(delivery_id: DeliveryId, _: bytes, __: str) -> str:
    return delivery_id


RULES = ChannelRules(
    about="a mailbox, through the mail server of CHANCERY_MAIL__HOST",
    endpoint="its address, as desk@example.org",
    render=render,
    render_plain=render,
    notice=render_notice,
    judge=judge,
    dress=_addressed,
    transport=Transport.SMTP,
    receipt=_named,
    rest_s=1,
    media_type="message/rfc822",
)
