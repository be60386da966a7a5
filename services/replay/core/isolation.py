"""Where a replay may happen: in a namespace that is its own and can be nobody else's."""

import re

PREFIX = "replay-"
_OWN = re.compile(r"replay-[a-z0-9]{1,40}\.")


class NotIsolated(ValueError):
    """The replay could touch what is live; the message says how."""


def namespace_of(run: str) -> str:
    """The namespace of a run: `replay-RUN.`."""
    return f"{PREFIX}{run}."


def assert_isolated(namespace: str, live: str, environment: str) -> None:
    """Raises NotIsolated unless a replay in `namespace` is apart from `live`, and these settings may be replayed with
    at all."""
    if environment == "production":
        raise NotIsolated(
            "CHANCERY_TOPICS__ENVIRONMENT is production: nothing is replayed with these settings. Record there, and "
            "replay the file against another broker"
        )
    if not _OWN.fullmatch(namespace):
        raise NotIsolated(f"{namespace!r} is no namespace of a replay: those are called {PREFIX}NAME. (a-z, 0-9)")
    if namespace.startswith(live) or live.startswith(namespace):
        raise NotIsolated(f"the namespace {namespace} is the live one, or within it, or around it ({live})")


def is_of_a_replay(topic: str) -> bool:
    """Whether a topic, whole name, is one that a replay made: the only ones that a replay deletes."""
    return _OWN.match(topic) is not None
