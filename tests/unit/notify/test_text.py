"""Foreign text: cleaned, cut, linked honestly."""

import unicodedata

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from services.notify.core.writing.text import ELLIPSIS, LONGEST_URL, clip, direction, link, one_line, unlinked


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("  two\n\tlines\r\n", "two lines"),
        ("a\u2028b\u0085c", "a b c"),
        ("harmless\u202egpj.exe", "harmlessgpj.exe"),
        ("zero\u200bwidth\ufeff", "zerowidth"),
        ("bell\x07 and \x1b[31mred", "bell and [31mred"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("👩\u200d🚒", "👩\u200d🚒"),
        ("@channel @Here @everyone, @desk", "@\u2060channel @\u2060Here @\u2060everyone, @desk"),
        ("@ch\u200bannel", "@\u2060channel"),
        ("Z" + "\u0301" * 400 + "algo", "Z" + "\u0301" * 6 + "algo"),
        ("a" + "\u0301\u200d" * 400 + "b", "a" + "\u0301\u200d" * 3 + "b"),
        ("a" + "\u200d" * 400, "a" + "\u200d" * 6),
        ("far\u3164\u115f\u2800\uffa0\u1160away", "far away"),
        ("שָׁלוֹם နှုတ်ခွန်း བསྒྲུབས", "שָׁלוֹם နှုတ်ခွန်း བསྒྲུབས"),
        ("", ""),
    ],
)
def test_one_line(text: str, shown: str) -> None:
    assert one_line(text) == shown


@for_all(st.text())
def test_one_line_is_one_line_and_shows_everything_it_has(text: str) -> None:
    shown = one_line(text)
    assert shown == " ".join(shown.split())
    assert not [c for c in shown if unicodedata.category(c)[0] == "C" and c not in "\u200c\u200d\u2060"]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("go to evil.example/path", "go to evil[.]example/path"),
        ("www.evil.example", "www[.]evil[.]example"),
        ("ask a.b@evil.example.", "ask a.b@evil[.]example."),
        ("HTTPS://evil.example:8080/a.html", "HTTPS[:]//evil[.]example:8080/a[.]html"),
        ("http://localhost/ http://[::1]/", "http[:]//localhost/ http[:]//[::1]/"),
        ("1.2.3.4 and http://10.0.0.1/x", "1[.]2[.]3[.]4 and http[:]//10[.]0[.]0[.]1/x"),
        ("mailto:desk@example Tel:+3212345", "mailto[:]desk@example Tel[:]+3212345"),
        ("ev\u200bil.\u2060exa\ufeffmple", "evil[.]example"),
        ("x.com t.co/a i❤.ws зло.рф xn--80a.xn--p1ai", "x[.]com t[.]co/a i❤[.]ws зло[.]рф xn--80a[.]xn--p1ai"),
        ("U.S. troops, e.g. 3.5 km, 12.05.2024, 10.30 p.m. ... and Tel: 12", None),
        ("使馆附近发生爆炸。警方正在调查", None),
        ("section 1.2.3.4.5, version 1.22", None),
    ],
)
def test_no_address_is_left_that_a_program_makes_a_link_of(text: str, shown: str | None) -> None:
    assert unlinked(text) == (shown or text)


@for_all(st.text(), st.integers(1, 60), st.integers(1, 6))
def test_a_cut_text_costs_no_more_than_its_budget(text: str, limit: int, price: int) -> None:
    def cost(character: str) -> int:
        return 1 if character in ELLIPSIS else price

    cut = clip(text, limit, cost)
    assert sum(map(cost, cut)) <= limit
    if sum(map(cost, text)) <= limit:
        assert cut == text
    else:
        assert cut.endswith(ELLIPSIS)
        assert text.startswith(cut.removesuffix(ELLIPSIS))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("Trois roquettes", "ltr"),
        ("سقطت ثلاثة صواريخ قرب السفارة", "rtl"),
        ("שלוש רקטות", "rtl"),
        ("(3) «ثلاثة» rockets", "rtl"),
        ("3 rockets, «ثلاثة»", "ltr"),
        ("123 …", "ltr"),
        ("", "ltr"),
    ],
)
def test_the_first_letter_gives_the_direction(text: str, told: str) -> None:
    assert direction(text) == told


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://news.example/a?b=c&d=e#f", ("https://news.example/a?b=c&d=e#f", "news.example")),
        ("http://news.example:8080/", ("http://news.example:8080/", "news.example")),
        (" https://NEWS.example/É ", ("https://news.example/%C3%89", "news.example")),
        ("https://bücher.example/", ("https://xn--bcher-kva.example/", "xn--bcher-kva.example")),
        ("https://b\u0430nk.example/", ("https://xn--bnk-6cd.example/", "xn--bnk-6cd.example")),
        ("https://[2001:4860::1]/x", ("https://[2001:4860::1]/x", "2001:4860::1")),
        ('https://news.example/a|b<c>d"e`f', ("https://news.example/a%7Cb%3Cc%3Ed%22e%60f", "news.example")),
        ("https://news.example/[1]?a[]=1#b#c", ("https://news.example/%5B1%5D?a%5B%5D=1#b%23c", "news.example")),
        ("https://news.example/100%/%C3%89%zz", ("https://news.example/100%25/%C3%89%25zz", "news.example")),
        ("https://news.example/@channel", ("https://news.example/%40channel", "news.example")),
        ("https://bank.example@evil.example/", None),
        ("https://evil.example\\@bank.example/", None),
        ("https://evil.example\\.bank.example/", None),
        ("https://evil.example|bank.example/", None),
        ("https://evil.example>bank.example/", None),
        ("https:///nowhere", None),
        ("https://", None),
        ("https://[::1", None),
        ("https://news.example:99999/", None),
        ("javascript:alert(1)", None),
        ("data:text/html,x", None),
        ("//news.example/", None),
        ("news.example", None),
        ("https://news.example/" + "x" * LONGEST_URL, None),
        ("", None),
        (None, None),
    ],
)
def test_a_link_shows_the_host_it_leads_to_or_is_none(url: str | None, shown: tuple[str, str] | None) -> None:
    assert link(url) == shown
