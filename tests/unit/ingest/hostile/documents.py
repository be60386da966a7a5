"""Documents that are no feeds, feeds that are no good, and feeds that are traps."""

import io
import json
import zipfile
from typing import Any

from services.contracts.feed import PollStatus
from tests.unit.ingest.documents import BILLION_LAUGHS, EXTERNAL_ENTITY, WEB_PAGE, item, rss
from tests.unit.ingest.hostile.case import Case, document, ok

S = PollStatus
LARGE = 10_000_000
HEAD, TAIL = b'<rss version="2.0"><channel><title>T</title>', b"</channel></rss>"
NAMES = "<title>N</title>"
LOGIN = b'<!DOCTYPE html><html><body><form method="post"><input></form></body></html>'
STORY = "Взрыв у посольства"


def no_feed(body: bytes, says: str = "no feed", content_type: str = "application/rss+xml") -> Case:
    return Case(document(body, content_type), S.NOT_A_FEED, says)


def ill_formed(body: bytes, says: str) -> Case:
    return Case(document(body), S.ILL_FORMED, says)


def read(body: bytes, says: str = "", published: int = 1, **more: Any) -> Case:
    return ok(document(body), says, published, **more)


def too_slow(body: bytes) -> Case:
    """A parser would come to an end with it, some day."""
    return Case(document(body), S.ILL_FORMED, "not parsed within 1 s", max_bytes=LARGE, parse_s=1.0)


def within(inside: bytes, before: bytes = b"") -> bytes:
    return before + HEAD + b"<item>" + inside + b"</item>" + TAIL


def titled(title: str, label: str | None, codec: str, errors: str = "strict") -> bytes:
    declaration = f'<?xml version="1.0" encoding="{label}"?>' if label else ""
    return f"{declaration}<rss><channel><item><title>{title}</title></item></channel></rss>".encode(codec, errors)


def dated(date: str) -> Case:
    return read(rss(item("1", date=date)))


def json_feed(items: str, **head: object) -> bytes:
    text = json.dumps({"version": "https://jsonfeed.org/version/1.1", "title": "J", **head, "items": "ITEMS"})
    return text.replace('"ITEMS"', items).encode()


def zipped() -> bytes:
    kept = io.BytesIO()
    with zipfile.ZipFile(kept, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("feed.xml", rss(item("1")))
    return kept.getvalue()


NO_FEEDS = {
    "nothing": no_feed(b"", "no XML element"),
    "white space": no_feed(b" \r\n\t" * 100, "no XML element"),
    "a byte order mark alone": no_feed(b"\xef\xbb\xbf", "no XML element"),
    "a UTF-16 mark alone": no_feed(b"\xff\xfe", "no XML element"),
    "NULs": no_feed(bytes(5_000), "no XML element"),
    "words": no_feed(b"Service temporarily down", "no XML element", "text/plain"),
    "a login page": no_feed(LOGIN, "HTML instead of a feed", "text/html"),
    "a login page called a feed": no_feed(LOGIN, "HTML instead of a feed"),
    "a web page": no_feed(WEB_PAGE, "HTML instead of a feed", "text/html"),
    "a page in XML": no_feed(b'<?xml version="1.0"?><html xmlns="x"><body/></html>', "HTML instead of a feed"),
    "a script wall": no_feed(b"<script>location.reload()</script>", "no feed"),
    "JSON of another kind": no_feed(b'{"error": "quota"}', "no JSON Feed", "application/json"),
    "a JSON list": no_feed(b"[1, 2]", "no XML element", "application/json"),
    "a PDF": no_feed(b"%PDF-1.7\n1 0 obj\n<< /Type /Catalog >>\nendobj\n", "no", "application/pdf"),
    "a picture": no_feed(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20, "no", "image/png"),
    "an SVG picture": no_feed(b'<svg xmlns="http://www.w3.org/2000/svg"/>', "root element is <svg>", "image/svg+xml"),
    "a zip": no_feed(zipped(), "no", "application/zip"),
    "a list of feeds": no_feed(b"<opml><body/></opml>", "root element is <opml>"),
    "a site map": no_feed(b"<urlset><url><loc>https://a.example/</loc></url></urlset>", "root element is <urlset>"),
    "an XML error": no_feed(b"<Error><Code>AccessDenied</Code></Error>", "root element is <Error>"),
    "SOAP": no_feed(b'<s:Envelope xmlns:s="x"><s:Body/></s:Envelope>', "root element is <s:Envelope>"),
    "a DOCTYPE and nothing else": no_feed(b"<!DOCTYPE rss [<!ENTITY a 'b'", "no XML element"),
    "a million angle brackets": no_feed(b"<" * 190_000, "no XML element"),
    "an element name without end": no_feed(b"<" + b"r" * 190_000, "no"),
}

TYPES = {
    "a feed called a web page": ok(document(rss(item("1")), "text/html")),
    "a feed called a picture": ok(document(rss(item("1")), "image/png")),
    "a feed of no type": ok(document(rss(item("1")), "")),
    "a feed of a nonsense type": ok(document(rss(item("1")), ";;;charset==;\xff")),
    "a feed behind a comment": read(b"<!-- cached 03:00 -->" + within(NAMES.encode())),
    "a feed behind warnings of a script": read(b"Warning: mysql_connect() in line 3\n" + within(NAMES.encode())),
    "an empty feed": read(rss(), "", 0),
    "an empty feed, ill-formed": read(HEAD + b"<x:y/>" + TAIL, "ill-formed", 0),
}

CHARSETS = {
    "UTF-8 with a mark": read(titled(STORY, None, "utf-8-sig"), title=STORY),
    "UTF-16 with a mark": read(titled(STORY, "utf-16", "utf-16"), title=STORY),
    "UTF-16 without a mark": read(titled(STORY, None, "utf-16-be"), title=STORY),
    "UTF-32 with a mark": read(titled(STORY, "utf-32", "utf-32"), title=STORY),
    "UTF-32 without a mark": read(titled(STORY, None, "utf-32-le"), title=STORY),
    "UTF-8 called UTF-16": read(titled(STORY, "utf-16", "utf-8"), "labelled utf-16, read as utf-8", title=STORY),
    "UTF-8 called ASCII": read(titled(STORY, "us-ascii", "utf-8"), "labelled us-ascii, read as utf-8", title=STORY),
    "UTF-8 called a thing nobody has": read(titled(STORY, "x-klingon", "utf-8"), "read as utf-8", title=STORY),
    "UTF-8 called UTF-7": read(titled("+ADw-b+AD4-", "utf-7", "utf-8"), "labelled utf-7", title="+ADw-b+AD4-"),
    "UTF-8 called a codec that runs code": read(
        titled("a\\x41", "unicode_escape", "utf-8"), "read as utf-8", title="a\\x41"
    ),
    "UTF-8 called an archive": read(titled(STORY, "zlib", "utf-8"), "labelled zlib, read as utf-8", title=STORY),
    "ASCII called an archive": read(titled("a", "zlib", "utf-8"), "labelled zlib, read as utf-8", title="a"),
    "windows-1251 as it says": read(titled(STORY, "windows-1251", "cp1251"), title=STORY),
    "windows-1251 called UTF-8": read(titled(STORY, "utf-8", "cp1251"), "labelled utf-8, read as cp1252"),
    "windows-1252 called ISO 8859-1": read(titled("“x” €", "iso-8859-1", "cp1252"), title="“x” €"),
    "EBCDIC": read(titled("Report", "cp037", "cp037"), title="Report"),
    "UTF-8 cut in a letter": read(titled(STORY * 9, None, "utf-8").replace("в".encode(), b"\xd0", 1)),
    "overlong UTF-8": read(titled("a", None, "utf-8").replace(b">a<", b">a\xc0\xbcb<"), "read as"),
    "halves of surrogate pairs": read(titled("a\ud800b", None, "utf-8", "surrogatepass"), "read as"),
    "NUL in the text": read(titled("a\x00b", None, "utf-8"), title="ab"),
    "controls in the text": read(titled("a\x01\x08\x1bb", None, "utf-8"), title="ab"),
    "references to no characters": read(rss("<title>a&#0;&#xD800;&#99999999;b</title>"), title="a\ufffd\ufffd\ufffdb"),
    "letters that turn the line round": read(titled("a\u202eb", None, "utf-8"), title="a\u202eb"),
    "a label of 10,000 letters": read(titled("a", "u" * 10_000, "utf-8"), "read as utf-8", title="a"),
}

ENTITIES = {
    "a billion laughs": read(BILLION_LAUGHS, "ill-formed"),
    "an external entity and a remote DTD": read(EXTERNAL_ENTITY, "ill-formed"),
    "a DTD to fetch": read(within(NAMES.encode(), b'<!DOCTYPE rss SYSTEM "http://127.0.0.1:1/x.dtd">'), title="N"),
    "a public DTD": read(
        within(NAMES.encode(), b'<!DOCTYPE rss PUBLIC "-//N//DTD RSS 0.91//EN" "http://127.0.0.1:1/rss.dtd">'),
        title="N",
    ),
    "an entity of parameters": read(
        within(NAMES.encode(), b"<!DOCTYPE rss [<!ENTITY % a \"<!ENTITY b SYSTEM 'file:///etc/passwd'>\">%a;]>"),
        title="N",
    ),
    "quadratic entities": read(
        within(b"<title>" + b"&a;" * 30_000 + b"</title>", b'<!DOCTYPE rss [<!ENTITY a "' + b"A" * 30_000 + b'">]>'),
        "ill-formed",
        max_bytes=LARGE,
    ),
    "100,000 entities declared": read(
        within(
            b"<title>&e7;</title>",
            b"<!DOCTYPE r [" + b"".join(b'<!ENTITY e%d "x">' % n for n in range(100_000)) + b"]>",
        ),
        title="x",
        max_bytes=LARGE,
    ),
    "an inclusion": read(
        within(b'<title>N</title><x:include xmlns:x="http://www.w3.org/2001/XInclude" href="file:///etc/passwd"/>'),
        title="N",
    ),
    "a style sheet to fetch": read(
        within(NAMES.encode(), b'<?xml-stylesheet href="http://127.0.0.1:1/a.xsl" type="text/xsl"?>'), title="N"
    ),
    "a reference to itself": read(within(b"<title>&a;</title>", b'<!DOCTYPE rss [<!ENTITY a "&a;">]>'), "ill-formed"),
}

SHAPES = {
    "100,000 levels": read(within(b"<a>" * 50_000 + b"</a>" * 50_000), "1 entries without", 0, max_bytes=LARGE),
    "50,000 levels that never close": read(within(NAMES.encode() + b"<a>" * 50_000), "ill-formed", max_bytes=LARGE),
    "a large attribute": read(within(b'<title a="' + b"x" * 3_000_000 + b'">N</title>'), title="N", max_bytes=LARGE),
    "100,000 attributes": too_slow(
        within(b"<title " + b" ".join(b'a%d="1"' % n for n in range(100_000)) + b">N</title>")
    ),
    "100,000 namespaces": read(
        (HEAD + b"<item><title>N</title></item>" + TAIL).replace(
            b"<rss ", b"<rss " + b" ".join(b'xmlns:n%d="u:%d"' % (n, n) for n in range(100_000)) + b" "
        ),
        title="N",
        max_bytes=LARGE,
    ),
    "a namespace with spaces": read(
        within(b'<title>N</title><x:y xmlns:x="http://a.example/ b c">z</x:y>'), "ill-formed", title="N"
    ),
    "200,000 processing instructions": read(within(NAMES.encode(), b"<?a b?>" * 200_000), title="N", max_bytes=LARGE),
    "200,000 comments": read(within(NAMES.encode(), b"<!--a-->" * 200_000), title="N", max_bytes=LARGE),
    "a comment without end": read(b"<!-- " + within(NAMES.encode()), title="N"),
    "CDATA without end": read(
        within(b"<title>N</title><description><![CDATA[" + b"x" * 100_000), "ill-formed", title="N"
    ),
    "CDATA in CDATA": read(within(b"<title><![CDATA[a<![CDATA[b]]></title>"), title="a<![CDATA[b"),
    "20,000 CDATA sections that never end": read(within(b"<title>N</title>" + b"<![CDATA[" * 20_000), "ill-formed"),
    "tags that cross": read(within(b"<title><b>N</title></b>"), "ill-formed"),
    "an ampersand": read(within(b"<title>Q & A</title>"), "ill-formed", title="Q & A"),
    "a prefix of no namespace": read(within(b"<title>N</title><x:y>z</x:y>"), "ill-formed", title="N"),
    "half the document": read(rss(item("1"), item("2"))[:-60], "ill-formed", 2),
    "two documents": read(rss(item("1")) + rss(item("2")), "ill-formed", 2),
    "a page behind the feed": read(rss(item("1")) + LOGIN, "ill-formed"),
    "half a tag 100,000 times": too_slow(within(b"<description><![CDATA[" + b"<a " * 300_000 + b"]]></description>")),
    "an entry in an entry": read(within(b"<title>a</title><item><title>b</title></item>"), "", 2),
    "nothing but items": read(b"<rss><item><title>N</title></item></rss>", title="N"),
    "tables in tables in a text": read(
        within(b"<title>N</title><description>" + b"&lt;table&gt;&lt;td&gt;" * 20_000 + b"x</description>"),
        title="N",
        max_bytes=LARGE,
    ),
}

ENTRIES = {
    "100,000 entries": read(
        HEAD + b"<item/>" * 100_000 + TAIL, "100000 entries, of which the first 100 are read", 0, max_bytes=LARGE
    ),
    "10,000 entries with titles": read(
        rss(*(item(str(n)) for n in range(10_000))), "of which the first 100 are read", 100, max_bytes=LARGE
    ),
    "more than can be read in time": too_slow(rss(*(item(str(n)) for n in range(60_000)))),
    "entries without anything": read(rss("", "<pubDate>now</pubDate>", item("1")), "2 entries without id, link"),
    "the same entry 90 times": read(rss(*[item("1")] * 90)),
    "one id for all": read(rss(*(item("same", f"title {n}") for n in range(9))), "", 9),
    "one id and one title for all": read(rss(*(item("same", "title", f"text {n}") for n in range(9))), "", 9),
    "an id of one megabyte": read(rss(item("i" * 1_000_000)), max_bytes=LARGE),
    "two ids of one megabyte that differ at their ends": read(
        rss(item("i" * 1_000_000 + "1", "a"), item("i" * 1_000_000 + "2", "b")), "", 2, max_bytes=LARGE
    ),
    "a title of one megabyte": read(rss(item("1", "t" * 1_000_000)), max_bytes=LARGE),
    "a text of three megabytes": read(rss(item("1", "t", "x" * 3_000_000)), max_bytes=LARGE),
    "a text of 300,000 emblems": read(rss(item("1", "t", "\U0001f600" * 300_000)), max_bytes=LARGE),
    "a link that is a script": read(rss("<title>N</title><link>javascript:alert(1)</link>"), title="N"),
    "a link that is a file": read(rss("<title>N</title><link>file:///etc/passwd</link>"), title="N"),
    "a link of a megabyte": read(
        rss(f"<title>N</title><link>http://a.example/{'x' * 1_000_000}</link>"), title="N", max_bytes=LARGE
    ),
    "a link that is nonsense": read(rss("<title>N</title><link>http://[::1</link>"), title="N"),
    "a title that is a script": read(
        rss("<title>&lt;script&gt;x()&lt;/script&gt;N</title>"), title="<script>x()</script>N"
    ),
    "a title of spaces": read(rss("<guid>g</guid><title> \u00a0 \u2003 </title>"), title=""),
    "a ttl of a century": read(rss(item("1"), head="<ttl>999999</ttl>"), wait_s=3_600),
    "a ttl of minus one": read(rss(item("1"), head="<ttl>-1</ttl>")),
    "a ttl of 5,000 digits": read(rss(item("1"), head=f"<ttl>{'9' * 5_000}</ttl>")),
    "a language of a kilobyte": read(rss(item("1"), head=f"<language>{'en-' * 400}</language>")),
}

DATES = {
    f"dated {date:.40}": dated(date)
    for date in (
        "Fri, 31 Dec 9999 23:59:59 GMT",
        "9999-12-31T23:59:59-14:00",
        "Thu, 01 Jan 1970 00:00:00 GMT",
        "0000-00-00T00:00:00Z",
        "-1",
        "0",
        "1e400",
        "Mon, 32 Foo 2026 25:61:61 XYZ",
        "Sun, 01 Mar 2026 12:00:00 +9999",
        "Sun, 08 Mar 2026 12:00:00 GMT",
        "2026-03-01T12:00:00+00:00:00:00",
        "now",
        "9" * 300,
        "0001-01-01T00:00:00+14:00",
        "\u0661\u0662 \u0663",
    )
}

JSON_FEEDS = {
    "JSON cut short": no_feed(json_feed("[]")[:-3], "cannot be read"),
    "JSON of 50,000 levels": no_feed(b'{"a":' * 30_000, "cannot be read"),
    "items of 50,000 levels": no_feed(json_feed("[" * 50_000 + "]" * 50_000), "cannot be read"),
    "items that are no list": read(json_feed('{"id": 1}'), "", 0),
    "items that are no items": read(json_feed('[1, null, "x", [], true]'), "", 0),
    "an item without anything": read(json_feed("[{}]"), "1 entries without", 0),
    "an id of 5,000 digits": no_feed(json_feed('[{"id": ' + "9" * 5_000 + "}]"), "cannot be read"),
    "an id of infinity": read(json_feed('[{"id": 1e999, "content_text": "t"}]')),
    "the same name twice": read(json_feed('[{"id": "1", "id": "2", "title": "a", "title": "b"}]'), title="b"),
    "halves of surrogate pairs in JSON": read(json_feed('[{"id": "\\ud800", "title": "a\\udfffb"}]'), title="ab"),
    "NUL in JSON": read(json_feed('[{"id": "1", "title": "a\\u0000b"}]'), title="ab"),
    "200,000 controls in JSON": read(
        json_feed('[{"id": "1", "content_text": "' + "\\u0001" * 200_000 + 'z"}]'), max_bytes=LARGE
    ),
    "everything of the wrong type": read(
        json_feed('[{"id": [1], "title": {}, "url": 7, "content_text": "t"}]', title=[], language=9)
    ),
    "NaN for a title": read(json_feed('[{"id": 1, "title": NaN, "content_text": "t"}]'), title=""),
    "10,000 items": read(
        json_feed(json.dumps([{"id": n, "content_text": "t"} for n in range(10_000)])),
        "of which the first 100 are read",
        100,
        max_bytes=LARGE,
    ),
}

CASES = NO_FEEDS | TYPES | CHARSETS | ENTITIES | SHAPES | ENTRIES | DATES | JSON_FEEDS
