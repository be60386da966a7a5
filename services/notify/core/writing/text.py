"""Foreign text made fit to show: one line, nothing invisible, within its budget; links that say where they go."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator
from urllib.parse import quote, urlsplit

ELLIPSIS = "…"
LONGEST_URL = 1_000

MOST_MARKS = 6
"""Marks and joiners on one letter; the most that a script is written with is five. More is a tower over other lines."""

LONGEST_TEXT = 20_000
"""Characters that are looked at: no channel shows more of one text."""

_BLANKS = str.maketrans(dict.fromkeys("\u115f\u1160\u2800\u3164\uffa0", " "))  # letters by category, white to the eye
_NEEDED_FORMATS = frozenset("\u200c\u200d")  # joiners that Persian, Hindi and emoji are spelled with
_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?|[0-9a-f:.]+")
_URL_SAFE = "/?!$&'()*+,;=:%-._~"
_STRAY_PERCENT = re.compile("%(?![0-9A-Fa-f]{2})")
_CALLS_EVERYONE = re.compile(r"@(?=channel|here|everyone)", re.IGNORECASE)
_WORD_JOINER = "\u2060"

_DOT_OF_A_NAME = re.compile(r"(?<=[^\s.])\.(?=[^\W\d_]{2})")
_ADDRESS = re.compile(r"(?<!\d)(?<!\d\.)\d{1,3}(?:\.\d{1,3}){3}(?!\.?\d)")
_SCHEME = re.compile(
    r":(?=//)"
    r"|\b(callto|facetime|file|geo|intent|magnet|mailto|market|sips?|skype|sms(?:to)?|tel|tg|whatsapp|xmpp):(?=\S)",
    re.IGNORECASE,
)


def one_line(text: str) -> str:
    """The text with white space collapsed, without characters of category C: control, format (bidi overrides among
    them), surrogate, private and unassigned; and with no letter under more than MOST_MARKS."""
    if text.isascii() and text.isprintable():  # nothing of all that: most text, and ten times as fast
        return _CALLS_EVERYONE.sub("@" + _WORD_JOINER, " ".join(text[:LONGEST_TEXT].split()))
    return _CALLS_EVERYONE.sub("@" + _WORD_JOINER, " ".join("".join(_shown(text)).translate(_BLANKS).split()))


def unlinked(text: str) -> str:
    """One line in which no program finds an address to make a link of: `evil[.]example`, `https[:]//`, as those write
    who tell each other of bad ones. Invisible characters would not do in all programs, and be copied unseen."""
    text = _DOT_OF_A_NAME.sub("[.]", one_line(text))
    text = _ADDRESS.sub(lambda found: found[0].replace(".", "[.]"), text)
    return _SCHEME.sub(lambda found: f"{found[1] or ''}[:]", text)


def _shown(text: str) -> Iterator[str]:
    marks = 0
    for character in text[:LONGEST_TEXT]:
        category = unicodedata.category(character)[0]
        marks = marks + 1 if category == "M" or character in _NEEDED_FORMATS else 0
        if marks <= MOST_MARKS and (category != "C" or marks or character.isspace()):
            yield character


def direction(text: str) -> str:
    """`rtl` or `ltr`, by the first character that has a direction (Unicode's UAX 9, P2): mail programs do not find it
    for themselves."""
    strong = (unicodedata.bidirectional(character) for character in text)
    return "rtl" if next((each for each in strong if each in ("L", "R", "AL")), "L") != "L" else "ltr"


def clip(text: str, limit: int, cost: Callable[[str], int]) -> str:
    """The text, or as much of its beginning as costs at most `limit` together with an ellipsis.

    `cost` is what one character takes in the output, at most 6; the ellipsis is charged too.
    """
    if len(text) * 6 <= limit:
        return text
    room = limit - cost(ELLIPSIS)
    spent, cut = 0, 0
    for position, character in enumerate(text):
        spent += cost(character)
        if spent <= room:
            cut = position + 1
        if spent > limit:
            return text[:cut].rstrip() + ELLIPSIS
    return text


def whole_lines(lines: Iterable[str], limit: int, cost: Callable[[str], int]) -> list[str]:
    """The lines that fit, each with its line break, which costs 1. One that does not is left out whole: a cut could
    leave half an escape. `cost` is as in `clip`."""
    kept, spent = [], 0
    for line in lines:
        needed = sum(map(cost, line)) + 1
        if spent + needed <= limit:
            kept.append(line)
            spent += needed
    return kept


def link(url: str | None) -> tuple[str, str] | None:
    """A URL safe to put behind a link, and the host it leads to; None for one that cannot be shown honestly.

    Only http and https; no user part and no odd characters in the host, because they are how a link is made to look
    like another. The host is given in its ASCII form. A URL too long is left out: a shortened one would be a wrong one.
    """
    try:
        parts = urlsplit((url or "").strip())
        host = (parts.hostname or "").encode("idna").decode().lower()
        port = f":{parts.port}" if parts.port else ""
        netloc = (f"[{host}]" if ":" in host else host) + port
        path, query, fragment = (_quoted(part) for part in (parts.path, parts.query, parts.fragment))
        safe = parts._replace(netloc=netloc, path=path, query=query, fragment=fragment).geturl()
    except ValueError:
        return None
    honest = parts.scheme in ("http", "https") and "@" not in parts.netloc and _HOST.fullmatch(host)
    return (safe, host) if honest and len(safe) <= LONGEST_URL else None


def _quoted(part: str) -> str:
    """A path, query or fragment with nothing in it that RFC 3986 has no place for: brackets belong to hosts."""
    return quote(_STRAY_PERCENT.sub("%25", part), safe=_URL_SAFE)
