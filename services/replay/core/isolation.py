"""Where a replay or a shadow may happen: in a namespace that is its own and can be nobody else's."""

import re
from enum import StrEnum


class Purpose(StrEnum):
    """What a namespace beside the live one is for."""

    REPLAY = "replay"
    SHADOW = "shadow"


_OWN = re.compile(rf"({'|'.join(Purpose)})-[a-z0-9]{{1,40}}\.")


class NotIsolated(ValueError):
    """It could touch what is live; the message says how."""


def namespace_of(run: str, purpose: Purpose = Purpose.REPLAY) -> str:
    """The namespace of a run: `replay-RUN.`."""
    return f"{purpose}-{run}."


def assert_isolated(namespace: str, live: str, environment: str) -> None:
    """Raises NotIsolated unless what happens in `namespace` is apart from `live`, and these settings may be replayed
    with at all. A shadow, which tells nobody anything, may follow what is in production."""
    own = _OWN.fullmatch(namespace)
    if environment == "production" and not (own and own[1] == Purpose.SHADOW):
        raise NotIsolated(
            "CHANCERY_TOPICS__ENVIRONMENT is production: nothing is replayed with these settings. Record there, and "
            "replay the file against another broker"
        )
    if not own:
        raise NotIsolated(f"{namespace!r} is no namespace of a replay or a shadow: the NAME of one is of a-z and 0-9")
    if namespace.startswith(live) or live.startswith(namespace):
        raise NotIsolated(f"the namespace {namespace} is the live one, or within it, or around it ({live})")


def is_of(purpose: Purpose, topic: str) -> bool:
    """Whether a topic, whole name, is one that was made for this purpose: the only ones that its clean-up deletes."""
    own = _OWN.match(topic)
    return own is not None and own[1] == purpose
