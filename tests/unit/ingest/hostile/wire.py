"""What comes over the socket and is no proper HTTP, or comes too slowly, or never ends."""

from services.contracts.feed import PollStatus
from tests.unit.ingest.hostile.case import FEED, Case, ok
from tests.unit.ingest.server import Handler, bytes_of, endless, reset, silence, stall

S = PollStatus
OK = b"HTTP/1.1 200 OK\r\n"
TYPED = OK + b"content-type: application/rss+xml\r\n"
CHUNKED = TYPED + b"transfer-encoding: chunked\r\n\r\n"
CLOSING = TYPED + b"connection: close\r\n"
WHOLE = CLOSING + b"\r\n" + FEED
SIZED = b"content-length: %d\r\n" % len(FEED)
LAST = b"%x\r\n%s\r\n0\r\n" % (len(FEED), FEED)
SLOW_S = 0.3
DRIP_S = 0.02


def broken(raw: bytes, says: str = "broken answer") -> Case:
    return Case(bytes_of(raw), S.HTTP_ERROR, says)


def slow(serves: Handler) -> Case:
    return Case(serves, S.TIMED_OUT, "within 0.3 s", timeout_s=SLOW_S)


def read(raw: bytes) -> Case:
    return ok(bytes_of(raw))


NO_HTTP = {
    "nothing": broken(b""),
    "no status line": broken(b"hello\r\n\r\n"),
    "HTTP/0.9, the document alone": broken(FEED),
    "an HTTP/2 preface": broken(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    "HTTP/2 frames": broken(b"\x00\x00\x12\x04\x00\x00\x00\x00\x00" * 9),
    "HTTP of a version to come": ok(bytes_of(b"HTTP/3.7 200 OK\r\n\r\n" + FEED)),
    "a radio station": broken(b"ICY 200 OK\r\n\r\n" + FEED),
    "a mail server": broken(b"220 mail.example ESMTP\r\n"),
    "TLS on a plain port": broken(b"\x15\x03\x01\x00\x02\x02\x28"),
    "a request instead of an answer": broken(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"),
    "a status without number": broken(b"HTTP/1.1 OK\r\n\r\n"),
    "a status of four digits": broken(b"HTTP/1.1 2000 OK\r\n\r\n"),
    "a negative status": broken(b"HTTP/1.1 -200 OK\r\n\r\n"),
    "a status line without end": Case(endless(b"HTTP/1.1 200 ", b"O" * 9_000), S.HTTP_ERROR, "broken answer"),
    "a status line of ten megabytes": broken(b"HTTP/1.1 200 " + b"O" * 10_000_000 + b"\r\n\r\n"),
    "zeros": broken(bytes(1_000)),
    "every byte there is": broken(bytes(range(256)) * 50),
}

INTERIM = {
    "100 before the answer": read(b"HTTP/1.1 100 Continue\r\n\r\n" + WHOLE),
    "early hints before the answer": read(b"HTTP/1.1 103 Early Hints\r\nlink: </a.css>\r\n\r\n" * 20 + WHOLE),
    "interim answers for ever": slow(endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 10)),
    "an interim answer alone": broken(b"HTTP/1.1 102 Processing\r\n\r\n"),
    "a switch of protocols nobody asked for": broken(b"HTTP/1.1 101 Switching\r\nupgrade: websocket\r\n\r\n"),
}

HEADERS = {
    "100,000 headers": broken(TYPED + b"".join(b"x-%d: y\r\n" % n for n in range(100_000)) + b"\r\n" + FEED),
    "80 large headers": Case(
        bytes_of(TYPED + b"".join(b"x-%d: %s\r\n" % (n, b"y" * 900) for n in range(80)) + b"\r\n" + FEED),
        S.TOO_LARGE,
        "bytes of headers",
    ),
    "headers for ever": Case(endless(TYPED, b"x: y\r\n" * 2_000), S.HTTP_ERROR, "broken answer"),
    "one header for ever": Case(endless(TYPED + b"x: ", b"y" * 9_000), S.HTTP_ERROR, "broken answer"),
    "a name for ever": Case(endless(TYPED, b"x" * 9_000), S.HTTP_ERROR, "broken answer"),
    "headers without end": broken(TYPED),
    "half a header": broken(TYPED + b"x-half"),
    "a header without colon": broken(TYPED + b"colonless\r\n\r\n" + FEED),
    "a header without name": broken(TYPED + b": nameless\r\n\r\n" + FEED),
    "a space in a name": broken(TYPED + b"x y: z\r\n\r\n" + FEED),
    "a space before the colon": broken(TYPED + b"x : z\r\n\r\n" + FEED),
    "NUL in a header": broken(TYPED + b"x: a\x00b\r\n\r\n" + FEED),
    "a carriage return in a header": broken(TYPED + b"x: a\rb\r\n\r\n" + FEED),
    "a folded header": read(CLOSING + b"x: a\r\n  b\r\n\t c\r\n\r\n" + FEED),
    "a fold before any header": broken(OK + b"  x: y\r\n\r\n" + FEED),
    "line feeds alone": read(WHOLE.replace(b"\r\n", b"\n")),
    "letters beyond ASCII": read(CLOSING + "x: Müller Взрыв\r\n\r\n".encode() + FEED),
    "an ETag too long to send back": ok(bytes_of(CLOSING + b'etag: "%s"\r\n\r\n' % (b"e" * 50_000) + FEED)),
}

LENGTHS = {
    "the same length twice": read(TYPED + SIZED + SIZED + b"\r\n" + FEED),
    "two lengths that differ": broken(TYPED + SIZED + b"content-length: 7\r\n\r\n" + FEED),
    "a list of lengths that differ": broken(TYPED + b"content-length: 7, 8\r\n\r\n" + FEED),
    "a negative length": broken(TYPED + b"content-length: -1\r\n\r\n" + FEED),
    "a length with a sign": broken(TYPED + b"content-length: +9\r\n\r\n" + FEED),
    "a hexadecimal length": broken(TYPED + b"content-length: 0x99\r\n\r\n" + FEED),
    "no length in the length": broken(TYPED + b"content-length: \r\n\r\n" + FEED),
    "a length of 5,000 digits": broken(TYPED + b"content-length: " + b"9" * 5_000 + b"\r\n\r\n" + FEED),
    "a superscript length": broken(TYPED + b"content-length: \xb2\r\n\r\n" + FEED),
    "less than announced": broken(TYPED + b"content-length: 99999\r\n\r\n" + FEED),
    "more than announced": read(
        TYPED + SIZED + b"\r\n" + FEED + b"HTTP/1.1 200 OK\r\n\r\nand an answer nobody asked for"
    ),
    "announced too large": Case(bytes_of(TYPED + b"content-length: 200001\r\n\r\n"), S.TOO_LARGE, "200,000 bytes"),
    "a length and chunks": read(TYPED + b"content-length: 7\r\ntransfer-encoding: chunked\r\n\r\n" + LAST + b"\r\n"),
}

CHUNKS = {
    "chunks": read(CHUNKED + LAST + b"\r\n"),
    "chunks with trailers": read(CHUNKED + LAST + b"x-sum: 1\r\n\r\n"),
    "trailers for ever": Case(endless(CHUNKED + LAST, b"x: y\r\n" * 2_000), S.HTTP_ERROR, "broken answer"),
    "a chunk longer than it says": broken(CHUNKED + b"5\r\n<rss></rss>\r\n0\r\n\r\n"),
    "a chunk shorter than it says": broken(CHUNKED + b"ffff\r\n<rss/>\r\n0\r\n\r\n"),
    "a chunk of no number": broken(CHUNKED + b"zz\r\nabc\r\n0\r\n\r\n"),
    "a chunk of negative size": broken(CHUNKED + b"-5\r\nabc\r\n0\r\n\r\n"),
    "a chunk of 16 exabytes": broken(CHUNKED + b"ffffffffffffffff\r\n<rss/>"),
    "a chunk size of 40 digits": broken(CHUNKED + b"f" * 40 + b"\r\n<rss/>"),
    "no last chunk": broken(CHUNKED + b"6\r\n<rss/>\r\n"),
    "chunks of one byte for ever": Case(endless(CHUNKED, b"1\r\nx\r\n" * 2_000), S.TOO_LARGE, "200,000 bytes"),
    "chunk extensions": read(CHUNKED + b'%x;a=b;c="d"\r\n%s\r\n0;e\r\n\r\n' % (len(FEED), FEED)),
    "a chunk extension for ever": Case(endless(CHUNKED + b"1;", b"x" * 9_000), S.HTTP_ERROR, "broken answer"),
    "chunks that are all extension": Case(
        endless(CHUNKED, b"1;" + b"x" * 9_000 + b"\r\na\r\n"), S.TIMED_OUT, "within 0.3 s", timeout_s=SLOW_S
    ),
    "a transfer encoding nobody has": broken(TYPED + b"transfer-encoding: teleport\r\n\r\n" + FEED),
    "a transfer encoding twice": broken(TYPED + b"transfer-encoding: gzip, chunked\r\n\r\n" + FEED),
}

SLOW = {
    "silence": slow(silence),
    "silence after half a status line": slow(stall(b"HTTP/1.1 2")),
    "silence after half the headers": slow(stall(TYPED)),
    "silence after the headers": slow(stall(TYPED + b"\r\n")),
    "silence after half the body": slow(stall(TYPED + SIZED + b"\r\n" + FEED[:30])),
    "silence before the last chunk": slow(stall(CHUNKED + b"6\r\n<rss/>\r\n")),
    "silence instead of the end": slow(stall(TYPED + b"\r\n" + FEED)),
    "a slow status line": slow(endless(b"HTTP/1.1 200 ", b"O", DRIP_S)),
    "slow headers": slow(endless(TYPED, b"x: y\r\n", DRIP_S)),
    "a slow body": slow(endless(TYPED + b"content-length: 40000\r\n\r\n", b"x", DRIP_S)),
    "slow chunks": slow(endless(CHUNKED, b"1\r\nx\r\n", DRIP_S)),
    "a slow error page": slow(endless(b"HTTP/1.1 500 No\r\n\r\n", b"x", DRIP_S)),
}

CLOSED = {
    "closed in the status line": broken(b"HTTP/1.1 20"),
    "closed after the headers": broken(TYPED + SIZED + b"\r\n"),
    "closed in the body": broken(TYPED + SIZED + b"\r\n" + FEED[:50]),
    "closed in a chunk": broken(CHUNKED + b"99\r\n<rs"),
    "closed in a body without length": ok(bytes_of(WHOLE[:-10]), "ill-formed"),
    "reset at the request": Case(reset(b""), S.UNREACHABLE, "ReadError"),
    "reset in the body": Case(reset(TYPED + SIZED + b"\r\n" + FEED[:50]), S.UNREACHABLE, "ReadError"),
    "closed at the connection": Case(bytes_of(b""), S.HTTP_ERROR, "broken answer", asked=0, unread=bytes_of(b"")),
    "reset at the connection": Case(bytes_of(b""), S.UNREACHABLE, "Error", asked=0, unread=reset(b"")),
    "an answer before the question": Case(bytes_of(b""), S.OK, "", 1, asked=0, unread=bytes_of(WHOLE)),
    "another protocol's greeting": Case(
        bytes_of(b""), S.HTTP_ERROR, "broken answer", asked=0, unread=bytes_of(b"SSH-2.0-OpenSSH_9.6\r\n")
    ),
}

CASES = NO_HTTP | INTERIM | HEADERS | LENGTHS | CHUNKS | SLOW | CLOSED
