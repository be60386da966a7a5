"""The bytes of a document to text an XML parser can be given: right charset, no DOCTYPE, no forbidden characters.

The order of trust differs from RFC 7303 on purpose: bytes that read as multi-byte UTF-8 are UTF-8 whatever the
labels say, and the document's own label counts before the server's, because the server's is mostly its default.
"""

import codecs
import html.entities
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

_BOMS = (
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
)
# XML 1.0, appendix F.1: the first character of a document without a byte order mark is "<".
_FIRST_LETTERS = (
    (b"\x00\x00\x00<", "utf-32-be"),
    (b"<\x00\x00\x00", "utf-32-le"),
    (b"\x00<", "utf-16-be"),
    (b"<\x00", "utf-16-le"),
    (b"\x4c\x6f\xa7\x94", "cp037"),
)
_XML_LABEL = re.compile(rb"""^\s*<\?xml[^>]{0,200}?encoding\s*=\s*["']\s*([A-Za-z0-9._:-]{1,40})""")
# HTML has it in the first 1,024 bytes, by the standard; pages that are older than it have it further down.
_META_LABEL = re.compile(rb"""<meta[^>]{1,200}?charset\s*=\s*["']?\s*([A-Za-z0-9._:-]{1,40})""", re.IGNORECASE)
_META_WITHIN = 4_096
_HTTP_LABEL = re.compile(r"""charset\s*=\s*["']?\s*([A-Za-z0-9._:-]{1,40})""", re.IGNORECASE)
_SUPERSETS = {"gb2312": "gb18030", "gbk": "gb18030", "iso8859-1": "cp1252", "ascii": "cp1252", "shift_jis": "cp932"}
_NOT_TEXT = frozenset({"punycode", "idna", "unicode-escape", "raw-unicode-escape", "undefined", "utf-7"})
_NEEDS_NULS = ("utf-16", "utf-32")

_NOT_ASCII = re.compile("[^\x00-\x7f]")
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_BEFORE_ROOT = re.compile(r"(?:\s|<\?.*?\?>|<!--.*?-->)*", re.DOTALL)
_ELEMENT = re.compile(r"<([^\W\d][^\s/>]{0,60})")
_HTML_DOCTYPE = re.compile(r"<!DOCTYPE\s+html\b", re.IGNORECASE)
_HTML_ROOTS = frozenset({"html", "head", "body"})
_FEED_ROOTS = frozenset({"rss", "feed", "rdf:rdf", "rdf", "channel"})
_DOCTYPE = re.compile(r"<!DOCTYPE[^\[>]*(?:\[.*?\]\s*)?>", re.DOTALL | re.IGNORECASE)
_PLAIN_ENTITY = re.compile(r"""<!ENTITY\s+(\w{1,64})\s+(?:"([^"&%<]{0,200})"|'([^'&%<]{0,200})')\s*>""")
_REFERENCE = re.compile(r"&(?:#(\d{1,20}|[xX][0-9A-Fa-f]{1,16})|([A-Za-z]\w{0,63}));")
# Behind the end of the root some publishers tell how long the page took to make.
_AT_THE_END_CHARS = 500
_OF_XML = frozenset({"amp", "lt", "gt", "quot", "apos"})


def decode(body: bytes, content_type: str = "") -> tuple[str, str]:
    """The text of `body`, and what was wrong with its labels, in words ("" for nothing).

    Never raises: what no label can read is read as windows-1252, with replacements.
    """
    for mark, charset in (*_BOMS, *_FIRST_LETTERS):
        if body.startswith(mark):
            return body.decode(charset, "replace").removeprefix("\ufeff"), ""
    own, http = _XML_LABEL.search(body) or _META_LABEL.search(body, 0, _META_WITHIN), _HTTP_LABEL.search(content_type)
    labels = [label[1] if isinstance(label[1], str) else label[1].decode() for label in (own, http) if label]
    text = body.decode("utf-8", "replace")
    # A publisher that cuts a summary at a byte leaves broken characters in what is UTF-8 all the same.
    if len(_NOT_ASCII.findall(text)) > 10 * text.count("\ufffd"):
        return text, _mislabelled(labels, "utf-8")
    for charset in filter(None, map(_charset, [*labels, "utf-8"])):
        with suppress(UnicodeError):
            return body.decode(charset), _mislabelled(labels, charset)
    return body.decode("cp1252", "replace"), _mislabelled(labels or ["utf-8"], "cp1252")


def _mislabelled(labels: Sequence[str], charset: str) -> str:
    """A complaint where the label that should have counted (the document's, else the server's) did not."""
    if not labels or _charset(labels[0]) == charset:
        return ""
    return f"labelled {labels[0]}, read as {charset}"


def _charset(label: str) -> str | None:
    """The codec for a label; None where there is none, or where it cannot be what the bytes are."""
    try:
        name = codecs.lookup(label).name
        b" ".decode(name)  # zlib and rot13 are codecs too
    except (LookupError, UnicodeError):
        return None
    # "utf-16" over one-byte text is a frequent slip of one vendor's library, so it counts only with a BOM or NULs.
    if name in _NOT_TEXT or name.startswith(_NEEDS_NULS):
        return None
    return _SUPERSETS.get(name, name)


@dataclass(frozen=True, slots=True)
class Markup:
    """A document from its root element on, as a strict parser will take it; `text` is empty without any element.

    The DOCTYPE is gone, and with it every way to expand or fetch anything. References to HTML's named entities, and to
    entities the document declared as plain text, have become their characters, references to characters that XML
    forbids U+FFFD; all others stand as they were. `is_whole` says that its root
    element ends, so nothing was cut off.
    """

    text: str
    root: str
    is_html: bool
    is_whole: bool


def without_forbidden(text: str) -> str:
    """`text` without the characters that XML forbids and no text needs: most controls, halves of a surrogate pair."""
    return _FORBIDDEN.sub("", text)


def for_xml(text: str) -> Markup:
    """What stands in `text`, and whether it is a web page."""
    text = without_forbidden(text)
    start = _prolog_end(text, 0)
    doctype = _DOCTYPE.match(text, start)
    if doctype:
        start = _prolog_end(text, doctype.end())
    root = _ELEMENT.search(text, start)
    if root is None:
        return Markup("", "", False, False)
    says_html = doctype is not None and _HTML_DOCTYPE.match(doctype[0]) is not None
    is_html = root[1].lower() in _HTML_ROOTS or (says_html and root[1].lower() not in _FEED_ROOTS)
    declared = {m[1]: m[2] if m[2] is not None else m[3] for m in _PLAIN_ENTITY.finditer(doctype[0] if doctype else "")}

    def character(reference: re.Match[str]) -> str:
        number, name = reference.groups()
        if number:
            return reference[0] if _is_allowed(number) else "\ufffd"
        if name in _OF_XML:
            return reference[0]
        value = declared.get(name) or html.entities.html5.get(name + ";")
        return value.replace("&", "&amp;").replace("<", "&lt;") if value else reference[0]

    is_whole = f"</{root[1]}" in text[-_AT_THE_END_CHARS:]
    return Markup(_REFERENCE.sub(character, text[root.start() :]), root[1], is_html, is_whole)


def _is_allowed(number: str) -> bool:
    code = int(number[1:], 16) if number[0] in "xX" else int(number)
    return code < 0x110000 and not _FORBIDDEN.match(chr(code))


def _prolog_end(text: str, start: int) -> int:
    match = _BEFORE_ROOT.match(text, start)
    return match.end() if match else start
