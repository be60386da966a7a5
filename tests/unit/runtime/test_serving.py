"""HTTP in, over real connections: who does not finish a request is cut off, and whoever is being answered is not."""

import asyncio

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from services.runtime.serving import serving

WHOLE = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"GET / HTTP/1.1\r\nHost: loc",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nab",
        WHOLE + b"GET / HTT",
    ],
)
async def test_who_does_not_finish_a_request_is_cut_off(sent: bytes) -> None:
    async def answer(request: Request) -> Response:
        await request.body()
        return PlainTextResponse("here")

    app = Starlette(routes=[Route("/", answer, methods=["GET", "POST"])])
    async with serving(app, "127.0.0.1", 0, "PORT", whole_within_s=0.1) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(sent)
        try:
            async with asyncio.timeout(20):
                told = await reader.read()
        except ConnectionResetError:
            told = b""
        finally:
            writer.close()
    assert b"here" in told or not sent.startswith(WHOLE)


async def test_an_answer_may_last() -> None:
    looks = asyncio.Event()

    async def answer(_: Request) -> Response:
        await looks.wait()
        return PlainTextResponse("at last")

    app = Starlette(routes=[Route("/", answer)])
    async with serving(app, "127.0.0.1", 0, "PORT", whole_within_s=0.01) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(WHOLE)
        asyncio.get_running_loop().call_later(0.1, looks.set)  # some ten looks later
        async with asyncio.timeout(20):
            assert b"200 OK" in await reader.readline()
        writer.close()
