import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.classify.core.reading.text import _BYTE_PAGES, _TABLE, _BytePage, fold, fold_term, split_sentences

NONE: frozenset[str] = frozenset()


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("L’ambassade des États-Unis", "l ambassade des etats unis"),
        ("U.S. Embassy", "u s embassy"),
        ("İSTANBUL ışık", "istanbul isik"),
        ("السَّفارة الأمريكيّة", "السفاره الامريكيه"),
        ("ســفارة", "سفاره"),
        ("سفارت‌خانه", "سفارتخانه"),
        ("آمریکایی", "امريكايي"),
        ("Посольство Йемена ещё", "посольство иемена еще"),
        ("٣ و ۲۰ و 5", "3 و 20 و 5"),
        ("美国大使馆", "美国大使馆"),
    ],
)
def test_spellings_of_a_word_fold_together(text: str, folded: str) -> None:
    assert fold_term(text) == folded


@pytest.mark.parametrize("page", _BYTE_PAGES, ids=lambda page: page.codec)
def test_a_page_of_bytes_folds_as_the_table_does(page: _BytePage) -> None:
    for code in range(256):
        character = bytes([code]).decode(page.codec, errors="ignore")
        assert page.fold(character) in (character.translate(_TABLE), None)
    assert page.fold("中") is None


@given(st.text(max_size=300))
def test_folding_keeps_length_and_the_way_back(text: str) -> None:
    folded = fold(text)
    assert len(folded.norm) == len(folded.clean)
    for start in range(0, len(folded.clean), 7):
        first, last = folded.span(start, min(start + 5, len(folded.clean)))
        assert 0 <= first <= len(text)
        assert last <= len(text)


def test_a_dropped_mark_does_not_shift_the_quote() -> None:
    text = "قال إنّ السَّفارة"
    folded = fold(text)
    start = folded.norm.index("السفاره")
    first, last = folded.span(start, start + len("السفاره"))
    assert text[first:last] == "السَّفارة"


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("The U.S. Embassy was hit. Nobody was hurt.", 2),
        ("Gen. Smith spoke at 3.30 p.m. on Monday.", 1),
        ("Une bombe a explosé. « Personne n’est mort. » a-t-on dit", 2),
        ("大使馆遭袭击。无人受伤。", 2),
        ("هاجم مسلحون السفارة؟ نعم. انتهى", 3),
        ("one line\nanother line", 2),
        ("", 0),
        ("...", 1),
    ],
)
def test_sentences(text: str, count: int) -> None:
    assert len(split_sentences(text, 0, frozenset({"gen", "p", "m"}))) == count


def test_wrapped_agency_copy_is_not_cut_at_line_breaks() -> None:
    text = "\n".join(["THE EMBASSY WAS ATTACKED BY A GROUP OF ARMED MEN WHO CAME FROM", "THE NORTH OF THE CITY"] * 3)
    assert len(split_sentences(text, 0, NONE)) == 1


def test_a_title_is_a_sentence_of_its_own() -> None:
    title = "Rockets hit embassy"
    sentences = split_sentences(f"{title}\nThree rockets fell.", len(title), NONE)
    assert [sentence.title for sentence in sentences] == [True, False]
