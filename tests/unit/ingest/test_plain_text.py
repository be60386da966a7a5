"""HTML to text: lines for paragraphs, no merged words, nothing invented."""

import html

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ingest.core.plain_text import from_html, from_plain, one_line

LONG = (
    "This line is longer than any column that an agency would break its copy to, so the break at its end was meant by"
)


@pytest.mark.parametrize(
    ("markup", "text"),
    [
        ("", ""),
        ("plain", "plain"),
        ("<p>One</p><p>Two</p>", "One\nTwo"),
        ("One<br>Two<br/>Three", "One\nTwo\nThree"),
        ("<div>One<p>Two</p>Three</div>", "One\nTwo\nThree"),
        ("<ul><li>a</li><li>b</li></ul>", "a\nb"),
        ("<tr><td>a</td><td>b</td></tr>", "a\nb"),
        ("em<b>bass</b>y", "embassy"),
        ("the <i>US</i> embassy", "the US embassy"),
        ("before<img src=x>after", "before after"),
        ("a<unknown-tag>b</unknown-tag>c", "a\nb\nc"),
        ("<p>wrapped\n   in the\tsource</p>", "wrapped in the source"),
        ("<p>a</p>\n\n<p></p>\n<p> </p><p>b</p>", "a\nb"),
        ("<script>var a = '<p>x</p>'</script>text<style>p{}</style>", "text"),
        ("<p>a<noscript><img src=x>no script</noscript></p>", "a"),
        ("<iframe src=x>frame</iframe>text", "text"),
        ("&lt;b&gt; &amp; &eacute; &#233; &#x4e2d;", "<b> & é é 中"),
        ("a&nbsp;b", "a\u00a0b"),
        ("AT&T <3 5 < 6", "AT&T <3 5 < 6"),
        ("<p>unclosed <b>tags", "unclosed tags"),
        ("</p>stray</div>", "stray"),
        ("<!-- comment -->text", "text"),
        ("<pre>line one\nline two</pre>", "line one\nline two"),
        ("می‌رود", "می‌رود"),
        ("First.\n\nSecond.", "First.\nSecond."),
        (f"{LONG}\nSecond.", f"{LONG}\nSecond."),
        ("<a href=x>A column</a>\nof copy", "A column of copy"),
    ],
)
def test_html(markup: str, text: str) -> None:
    assert from_html(markup) == text


@pytest.mark.parametrize(
    ("given", "text"),
    [
        ("a\nb", "a b"),
        ("a.\nb", "a.\nb"),
        ("a\r\n\r\nb", "a\nb"),
        ("  a  \n  b  ", "a b"),
        (f"{LONG}\n{LONG}", f"{LONG}\n{LONG}"),
        ("حدث انفجار؟\nنعم", "حدث انفجار؟\nنعم"),
        ("<p>kept as it is</p>", "<p>kept as it is</p>"),
    ],
)
def test_plain(given: str, text: str) -> None:
    assert from_plain(given) == text


WORDS = st.lists(st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=8), min_size=1, max_size=12)
BLOCKS = st.sampled_from(["p", "div", "li", "td", "h2", "section", "blockquote", "unheard-of"])


@given(st.lists(st.tuples(BLOCKS, WORDS), min_size=1, max_size=6))
def test_every_block_is_a_line_of_its_words(blocks: list[tuple[str, list[str]]]) -> None:
    markup = "".join(f"<{tag}>{html.escape(' '.join(words))}</{tag}>" for tag, words in blocks)
    assert from_html(markup).split("\n") == [" ".join(words) for _, words in blocks]


@given(WORDS, st.data())
def test_inline_markup_changes_no_word(words: list[str], data: st.DataObject) -> None:
    inline = st.sampled_from(["b", "i", "em", "span", "a", "font", "sup"])
    tags = data.draw(st.lists(inline, min_size=len(words), max_size=len(words)))
    markup = " ".join(f"{w[:1]}<{tag}>{w[1:]}</{tag}>" for w, tag in zip(words, tags, strict=True))
    assert from_html(f"<p>{markup}</p>") == " ".join(words)


@given(st.text())
def test_no_markup_raises_and_the_result_is_settled(markup: str) -> None:
    text = from_plain(from_html(markup))
    assert from_plain(text) == text
    assert "\n" not in one_line(markup)
