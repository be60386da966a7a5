"""A mailbox as an endpoint: `mailto:` and one address (RFC 6068), without parameters or escapes. Pure."""

import re

from services.contracts.subscription import MAILBOX_PATTERN

_SCHEME = "mailto:"
LONGEST = 254
"""Octets that SMTP carries of an address (RFC 5321, 4.5.3.1.3, without the brackets)."""


def mailbox(endpoint: str) -> str:
    """The address, its domain in small letters. Raises ValueError, without repeating it, for anything else."""
    address = endpoint.strip()
    if address[: len(_SCHEME)].lower() == _SCHEME:
        address = address[len(_SCHEME) :]
    if len(address) > LONGEST or not re.fullmatch(MAILBOX_PATTERN, address):
        raise ValueError(
            "one address is expected, as desk@example.org: ASCII, its domain in full, no name and no parameters"
        )
    local, _, domain = address.rpartition("@")
    return f"{local}@{domain.lower()}"


def mailto(address: str) -> str:
    """The endpoint that stands for an address. Raises ValueError as `mailbox` does."""
    return _SCHEME + mailbox(address)
