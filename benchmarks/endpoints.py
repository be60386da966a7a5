"""What alerts are sent to in benchmarks: endpoints on one port of loopback that answer, hang, refuse or hang up.

    python -m benchmarks.endpoints PORT

POST /NAME/NUMBER is taken down and met as `Manner` says, whose value is the name. GET /arrivals tells what came to the
healthy ones, as [time, number, webhook-id], and /samples some whole requests. DELETE forgets all of it.
"""

import json
import sys
from enum import StrEnum
from http import HTTPStatus
from time import time

import uvloop

from benchmarks.http_server import Reply, Request, response, serve

ONE_KEPT_IN = 100


class Manner(StrEnum):
    HEALTHY = "healthy"
    HANGS = "hangs"
    BROKEN = "broken"
    THROTTLES = "throttles"
    HANGS_UP = "hangs-up"


SICK = tuple(manner for manner in Manner if manner is not Manner.HEALTHY)
STATUS = {
    Manner.HEALTHY: HTTPStatus.NO_CONTENT,
    Manner.BROKEN: HTTPStatus.INTERNAL_SERVER_ERROR,
    Manner.THROTTLES: HTTPStatus.TOO_MANY_REQUESTS,
}


def url(port: int, manner: Manner, number: int) -> str:
    return f"http://127.0.0.1:{port}/{manner}/{number}"


class Endpoints:
    def __init__(self) -> None:
        self._arrivals: list[tuple[float, int, str]] = []
        self._samples: list[dict[str, object]] = []

    def answer(self, request: Request) -> Reply:
        if request.method == "POST":
            return self._post(request)
        told = self._samples if request.path == "/samples" else self._arrivals
        reply = Reply(response(HTTPStatus.OK, body=json.dumps(told).encode()))
        if request.method == "DELETE":
            self._arrivals.clear()
            self._samples.clear()
        return reply

    def _post(self, request: Request) -> Reply:
        name, number = request.path.strip("/").split("/")
        manner = Manner(name)
        if manner is Manner.HEALTHY:
            self._arrivals.append((time(), int(number), request.headers.get("webhook-id", "")))
            if len(self._arrivals) % ONE_KEPT_IN == 1:
                self._samples.append({"headers": request.headers, "body": request.body.decode()})
        return Reply(response(STATUS[manner]) if manner in STATUS else b"", close=manner is Manner.HANGS_UP)


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1]), Endpoints().answer))
