"""Status codes, and the headers with which a server asks for patience."""

from services.contracts.feed import PollStatus
from tests.unit.ingest.hostile.case import DAY_S, FEED, INTERVAL_S, Case, document, ok
from tests.unit.ingest.server import answer, bytes_of, endless

S = PollStatus


def error(code: int, **headers: str) -> Case:
    return Case(answer(code, b"<p>no</p>", length=None, **headers), S.HTTP_ERROR, f"HTTP {code}")


def throttled(retry_after: str, wait_s: float = INTERVAL_S, code: int = 429) -> Case:
    return Case(answer(code, retry_after=retry_after), S.THROTTLED, f"HTTP {code}", wait_s=wait_s)


ERRORS = {
    f"{code}": error(code)
    for code in (
        306,
        399,
        400,
        402,
        403,
        404,
        405,
        406,
        408,
        418,
        421,
        426,
        431,
        451,
        500,
        501,
        502,
        503,
        504,
        511,
        520,
        526,
        599,
        600,
        799,
        999,
    )
}

ODD = {
    "401, who are you": error(401, www_authenticate='Basic realm="news"'),
    "401, with a challenge of another kind": error(401, www_authenticate="Negotiate"),
    "407, a proxy asks who we are": error(407, proxy_authenticate="Basic"),
    "403, a wall that wants a script": error(403, content_type="text/html", server="wall"),
    "099, below all codes": Case(bytes_of(b"HTTP/1.1 099 Low\r\n\r\n"), S.HTTP_ERROR, "broken answer"),
    "000": Case(bytes_of(b"HTTP/1.1 000 None\r\n\r\n"), S.HTTP_ERROR, "broken answer"),
    "204, no content": Case(answer(204), S.HTTP_ERROR, "no whole document"),
    "205, reset content": Case(answer(205), S.HTTP_ERROR, "no whole document"),
    "202, in the making": Case(answer(202, b"soon"), S.NOT_A_FEED, "no XML element"),
    "206, a part nobody asked for": Case(
        answer(206, FEED[:-20], content_range="bytes 0-99/999"), S.HTTP_ERROR, "no whole document"
    ),
    "203, by way of another": ok(answer(203, FEED)),
    "226, what changed": ok(answer(226, FEED)),
    "299, good in a way of its own": ok(answer(299, FEED)),
    "304": Case(answer(304), S.NOT_MODIFIED),
    "304, with a body": Case(bytes_of(b"HTTP/1.1 304 Same\r\n\r\n" + FEED), S.NOT_MODIFIED),
    "304, to a question without condition": Case(answer(304), S.HTTP_ERROR, "not conditional", is_known=False),
    "410": Case(answer(410), S.GONE, "HTTP 410", wait_s=None),
    "410, with a body without end": Case(
        endless(b"HTTP/1.1 410 Gone\r\n\r\n", b"x" * 9_000), S.GONE, "HTTP 410", wait_s=None
    ),
}

PATIENCE = {
    "429": Case(answer(429), S.THROTTLED, "HTTP 429"),
    "429, with a body without end": Case(endless(b"HTTP/1.1 429 Hm\r\n\r\n", b"x" * 9_000), S.THROTTLED, "HTTP 429"),
    "429, in a second": throttled("1"),
    "429, in an hour": throttled("3600", 3_600),
    "429, in a year": throttled("31536000", DAY_S),
    "429, in a number of 5,000 digits": throttled("9" * 5_000, DAY_S),
    "429, at a time": throttled("Sun, 01 Mar 2026 14:00:00 GMT", 7_200),
    "429, at a time long past": throttled("Thu, 01 Jan 1970 00:00:00 GMT"),
    "429, in the year 9999": throttled("Fri, 31 Dec 9999 23:59:59 GMT", DAY_S),
    "429, at no time": throttled("Sun, 99 Mar 2026 99:00:00 GMT"),
    "429, at a time of no zone": throttled("Sun, 01 Mar 2026 14:00:00 +9999", 300),
    "429, in minus one second": throttled("-1"),
    "429, in half a second": throttled("0.5"),
    "429, in 1e9 seconds": throttled("1e9"),
    "429, in superscript": throttled("\xb2\xb2\xb2\xb2"),
    "429, soon": throttled("soon"),
    "429, in nothing": throttled(""),
    "503, in an hour": throttled("3600", 3_600, code=503),
    "503, at no time": throttled("whenever", code=503),
    "200, in an hour": ok(document(FEED, retry_after="3600")),
    "fresh for an hour": ok(document(FEED, cache_control="public, max-age=3600"), wait_s=3_600),
    "fresh for a century": ok(document(FEED, cache_control="max-age=3155760000"), wait_s=3_600),
    "fresh for a number of 5,000 digits": ok(document(FEED, cache_control="max-age=" + "9" * 5_000)),
    "fresh for minus one second": ok(document(FEED, cache_control="max-age=-1")),
    "fresh and forbidden to keep": ok(document(FEED, cache_control="no-store, max-age=3600")),
    "a cookie for every answer": ok(document(FEED, set_cookie="id=1; Path=/; Max-Age=99999999")),
    "an Expires of nonsense": ok(document(FEED, expires="0", age="-5", date="never", vary="*")),
}

CASES = ERRORS | ODD | PATIENCE
