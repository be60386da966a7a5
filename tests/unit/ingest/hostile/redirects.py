"""Where a server sends a client."""

from collections.abc import Mapping

from services.contracts.feed import PollStatus
from tests.unit.ingest.hostile.case import FEED, Case, document, ok
from tests.unit.ingest.server import Handler, Request, answer, bytes_of, endless, redirect

S = PollStatus
FOUND = b"HTTP/1.1 302 Found\r\nconnection: close\r\n"


def refused(to: str, says: str = "not a public address") -> Case:
    return Case(redirect(302, to), S.REFUSED, says)


def broken(serves: Handler | Mapping[str, Handler], says: str, asked: int = 1) -> Case:
    return Case(serves, S.HTTP_ERROR, says, asked=asked)


def chain(length: int, status: int = 302) -> dict[str, Handler]:
    hops: dict[str, Handler] = {f"/{n}": redirect(status, f"/{n + 1}") for n in range(1, length)}
    return {"/x": redirect(status, "/1"), **hops, f"/{length}": document(FEED)}


async def until_the_cookie_comes(request: Request, writer: object) -> None:
    """As some shops of content do: no cookie, no page."""
    shown = document(FEED) if "cookie" in request.headers else answer(302, location="/x", set_cookie="seen=1; Path=/")
    await shown(request, writer)  # type: ignore[arg-type]


async def another_step(request: Request, writer: object) -> None:
    """A path that grows at every step, so that no address comes twice."""
    await redirect(302, f"{request.path}/x")(request, writer)  # type: ignore[arg-type]


PRIVATE = {
    "to loopback, another of it": refused("http://127.0.0.2/"),
    "to a private network": refused("http://10.0.0.1/"),
    "to a private network, its port": refused("http://192.168.0.1:8443/"),
    "to the metadata service": refused("http://169.254.169.254/latest/meta-data/"),
    "to the metadata service over IPv6": refused("http://[fd00:ec2::254]/latest/"),
    "to this machine": refused("http://0/"),
    "to IPv6 loopback": refused("http://[::1]:{port}/"),
    "to an IPv4-mapped address": refused("http://[::ffff:10.0.0.1]/"),
    "to an IPv4-compatible address": refused("http://[::10.0.0.1]/"),
    "to an address behind NAT64": refused("http://[64:ff9b::a00:1]/"),
    "to an address in 6to4": refused("http://[2002:a00:1::]/"),
    "to a number": refused("http://167772161/"),
    "to a hexadecimal number": refused("http://0xa9fea9fe/"),
    "to an octal number": refused("http://01200000001/"),
    "to a short address": refused("http://10.1/"),
    "to ideographic full stops": refused("http://10\u30020\u30020\u30021/".encode().decode("latin-1")),
    "to a user before a private address": refused("http://news.example@10.0.0.1/"),
    "to a name of a private address": Case(
        redirect(302, "http://inside.example/"),
        S.REFUSED,
        "not a public address",
        names={"inside.example": ["10.0.0.1"]},
    ),
    "to a private address, at the second hop": Case(
        {"/x": redirect(301, "/y"), "/y": redirect(301, "http://10.0.0.1/")}, S.REFUSED, "not a public address", asked=2
    ),
    "back to a name that now means another address": Case(
        {"/x": redirect(302, "/y"), "/y": document(FEED)},
        S.REFUSED,
        "not a public address",
        url="http://rebinding.example:{port}/x",
        names={"rebinding.example": ["127.0.0.1", "10.0.0.1"]},
    ),
    "a name of a private address from the start": Case(
        document(FEED),
        S.REFUSED,
        "not a public address",
        asked=0,
        url="http://inside.example:{port}/x",
        names={"inside.example": ["10.0.0.1"]},
    ),
    "to a name nobody has": Case(
        redirect(302, "http://nobody.example/"), S.UNREACHABLE, "cannot look up", names={"nobody.example": []}
    ),
}

SCHEMES = {
    f"to {to.partition(':')[0]}:": refused(to, "neither http nor https")
    for to in (
        "file:///etc/passwd",
        "data:text/xml,<rss/>",
        "javascript:alert(1)",
        "gopher://127.0.0.1:70/_x",
        "ftp://127.0.0.1/",
        "ws://127.0.0.1/",
        "dict://127.0.0.1:2628/",
        "unix:/run/docker.sock",
    )
}

LOOPS = {
    "to itself": broken(redirect(301, "/x"), "redirect loop"),
    "to itself with a fragment": broken(redirect(302, "/x#again"), "redirect loop"),
    "to itself by no address": broken(redirect(302, "?"), "redirect loop"),
    "there and back": broken({"/x": redirect(302, "/y"), "/y": redirect(302, "/x")}, "redirect loop", asked=2),
    "until a cookie is kept": broken(until_the_cookie_comes, "redirect loop"),
    "to a page that sets a cookie and sends back": broken(
        {"/x": redirect(302, "/wall"), "/wall": answer(302, location="/x", set_cookie="seen=1; Path=/")},
        "redirect loop",
        asked=2,
    ),
    "six times": broken(chain(6), "more than 5 redirects", asked=6),
    "deeper and deeper": broken({"/x" + "/x" * n: another_step for n in range(9)}, "more than 5 redirects", asked=6),
}

LOCATIONS = {
    "nowhere": broken(answer(302), "does not say where"),
    "to an empty address": broken(redirect(302, ""), "does not say where"),
    "to nonsense": broken(redirect(302, "http://[::1"), "broken answer"),
    "to a port beyond all ports": refused("http://127.0.0.1:99999/", "no address"),
    "to an address without host": broken(redirect(302, "http:///x"), "redirect loop"),
    "to a name too long": Case(redirect(302, f"http://{'a' * 300}.example/"), S.UNREACHABLE, "cannot look up"),
    "with a line break inside": broken(
        bytes_of(FOUND + b"location: /a\r\n\r\nset-cookie: b\r\n\r\n"), "HTTP 404", asked=2
    ),
    "with NUL inside": broken(bytes_of(FOUND + b"location: /a\x00b\r\n\r\n"), "broken answer"),
    "to an address of 50,000 letters": broken(redirect(302, f"/{'a' * 50_000}"), "HTTP 404", asked=2),
    "to an address of ten megabytes": broken(redirect(302, f"/{'a' * 10_000_000}"), "broken answer"),
    "with a body without end": Case(
        {"/x": endless(FOUND + b"location: /y\r\n\r\n", b"x" * 9_000), "/y": document(FEED)}, S.OK, "", 1, asked=2
    ),
    "to letters beyond ASCII": ok(
        {
            "/x": bytes_of(FOUND + "location: /взрыв\r\n\r\n".encode()),
            "/%D0%B2%D0%B7%D1%80%D1%8B%D0%B2": document(FEED),
        },
        asked=2,
    ),
    "to a relative address": ok({"/x": redirect(302, "deep/../y"), "/y": document(FEED)}, asked=2),
    "to an address without scheme": ok({"/x": redirect(302, "//127.0.0.1:{port}/y"), "/y": document(FEED)}, asked=2),
    "to an address with a user": ok(
        {"/x": redirect(302, "http://u:p@127.0.0.1:{port}/y"), "/y": document(FEED)}, asked=2
    ),
    "to two addresses": broken(bytes_of(FOUND + b"location: /y\r\nlocation: /z\r\n\r\n"), "HTTP 404", asked=2),
    "for now, five times": ok(chain(5), asked=6),
    "for good, five times": ok(chain(5, 301), asked=6),
    "for good, to a page that is gone": Case(
        {"/x": redirect(301, "/y"), "/y": answer(410)}, S.GONE, "HTTP 410", wait_s=None, asked=2
    ),
    "for now, to a page that is gone": broken(
        {"/x": redirect(302, "/y"), "/y": answer(410)}, "by a temporary redirect", asked=2
    ),
    "for good, to a login page": Case(
        {"/x": redirect(308, "/login"), "/login": document(b"<!DOCTYPE html><html></html>", "text/html")},
        S.NOT_A_FEED,
        "HTML instead of a feed",
        asked=2,
    ),
    "300, with places to choose from": broken(answer(300, location="/y"), "HTTP 300"),
    "305, by a proxy": broken(answer(305, location="http://10.0.0.1:3128/"), "HTTP 305"),
}

CASES = PRIVATE | SCHEMES | LOOPS | LOCATIONS
