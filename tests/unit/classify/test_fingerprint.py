from hypothesis import given
from hypothesis import strategies as st

from services.classify.core.correlation.fingerprint import distance, fingerprint

STORY = (
    "At least eight rockets were fired at the embassy compound on Sunday night, security officials said. One soldier "
    "was wounded and several cars were damaged. The defence system destroyed one of the rockets in the air. No group "
    "has claimed the attack, the third on the compound since the truce of October, and the government condemned it."
)


def test_copies_are_near_and_other_stories_far() -> None:
    copy = STORY.replace("At least eight", "Eight").replace("Sunday night", "Sunday evening")
    other = (
        "The central bank raised its rate by half a point on Thursday, more than expected, and said that prices would "
        "go on rising through the winter. Traders had bet on a smaller step; the currency gained two per cent at once."
    )
    assert distance(fingerprint(STORY), fingerprint(copy)) <= 16
    assert distance(fingerprint(STORY), fingerprint(other)) >= 20


def test_case_accents_and_spacing_do_not_count() -> None:
    assert fingerprint("L'ambassade a été visée.") == fingerprint("L’AMBASSADE  A ETE\nVISEE")


@given(st.text(max_size=200))
def test_it_is_sixteen_hex_digits_of_anything(text: str) -> None:
    value = fingerprint(text)
    assert len(value) == 16
    assert distance(value, value) == 0
