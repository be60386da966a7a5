"""HTML to plain text: paragraphs become lines, words never run together, markup and scripts leave."""

import re
from html.parser import HTMLParser

# What may stand inside a word: these tags neither break a line nor part two letters.
_INLINE = frozenset(
    [
        "a",
        "abbr",
        "acronym",
        "b",
        "basefont",
        "bdi",
        "bdo",
        "big",
        "cite",
        "code",
        "data",
        "del",
        "dfn",
        "em",
        "font",
        "i",
        "ins",
        "kbd",
        "label",
        "mark",
        "nobr",
        "q",
        "rb",
        "rp",
        "rt",
        "rtc",
        "ruby",
        "s",
        "samp",
        "small",
        "span",
        "strike",
        "strong",
        "sub",
        "sup",
        "time",
        "tt",
        "u",
        "var",
        "wbr",
    ]
)
_VOID_INLINE = frozenset({"img", "wbr", "input"})
_UNREAD = frozenset(
    [
        "script",
        "style",
        "template",
        "noscript",
        "iframe",
        "object",
        "embed",
        "svg",
        "math",
        "audio",
        "video",
        "canvas",
        "select",
        "textarea",
        "button",
        "map",
        "applet",
        "head",
    ]
)
_SPACES = re.compile(r"[ \t\r\n\f\v]+")
_MARKUP = re.compile(r"<[a-zA-Z/!]|&[#a-zA-Z]")

# A line longer than this was not broken to fit a column, so its break is meant.
_COLUMN_CHARS = 110
_SENTENCE_ENDS = tuple(".!?…:»”\"'。！？؟۔")


class _Reader(HTMLParser):
    """Collects text. `\\n` stands where an element that is no part of a line begins or ends."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self.blocks = False
        self._unread: list[str] = []
        self._preformatted = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _UNREAD:
            self._unread.append(tag)
        self._preformatted += tag == "pre"
        self._break(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._break(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in self._unread:
            del self._unread[self._unread.index(tag) :]
        self._preformatted -= tag == "pre" and self._preformatted > 0
        self._break(tag)

    def handle_data(self, data: str) -> None:
        if not self._unread:
            self.pieces.append(data if self._preformatted else data.replace("\n", "\v"))

    def _break(self, tag: str) -> None:
        if tag in _VOID_INLINE:
            self.pieces.append(" ")
        elif tag not in _INLINE:
            self.pieces.append("\n")
            self.blocks = self.blocks or tag not in _UNREAD


def from_html(markup: str) -> str:
    """The text of an HTML fragment, a line for each paragraph. Without any block element, the line breaks of the
    source are all the structure there is, and are read as in `from_plain`."""
    if not _MARKUP.search(markup):
        return from_plain(markup)
    reader = _Reader()
    reader.feed(markup.replace("\r\n", "\n").replace("\v", " "))
    reader.close()
    text = "".join(reader.pieces)
    return _lines(text) if reader.blocks else from_plain(text.replace("\v", "\n"))


def from_plain(text: str) -> str:
    """Plain text, a line for each paragraph: the line breaks of a column are joined, others kept.

    A break is kept after a blank line, after a line too long for a column, and after the end of a sentence.
    """
    lines = [_SPACES.sub(" ", line).strip() for line in text.splitlines()]
    joined: list[str] = []
    runs_on = False
    for line in lines:
        if line and runs_on:
            joined[-1] += " " + line
        elif line:
            joined.append(line)
        runs_on = bool(line) and len(line) <= _COLUMN_CHARS and not line.endswith(_SENTENCE_ENDS)
    return "\n".join(joined)


def one_line(text: str) -> str:
    """`text` without line breaks."""
    return _SPACES.sub(" ", text).strip()


def _lines(text: str) -> str:
    lines = (_SPACES.sub(" ", line).strip() for line in text.split("\n"))
    return "\n".join(line for line in lines if line)
