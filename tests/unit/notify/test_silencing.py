"""Silences: by what they match and while they last; what they keep back is on record."""

from datetime import timedelta

import pytest

from services.contracts.delivery import DeliveryState
from services.contracts.report import Severity
from services.contracts.silence import Silence
from services.contracts.subscription import Filter
from services.notify.core.matching import deliveries_for
from services.notify.core.silencing import silence_for
from tests.unit.notify import given
from tests.unit.notify.given import NOW

HOUR = timedelta(hours=1)


def silence(matcher: Filter, begins: timedelta = -HOUR, ends: timedelta = HOUR, number: int = 1) -> Silence:
    return Silence.model_validate(
        {
            "silence_id": f"sil_{number}",
            "matcher": matcher,
            "reason": "yearly march",
            "author": "ana",
            "created_at": NOW + begins,
            "expires_at": NOW + ends,
        }
    )


@pytest.mark.parametrize(
    ("each", "covers"),
    [
        (silence(Filter()), True),
        (silence(Filter(host_states=("IQ",))), True),
        (silence(Filter(host_states=("FR",))), False),
        (silence(Filter(min_severity=Severity.EXTREME)), False),
        (silence(Filter(), begins=timedelta(0)), True),
        (silence(Filter(), ends=timedelta(0)), False),
        (silence(Filter(), begins=HOUR, ends=2 * HOUR), False),
    ],
)
def test_what_a_silence_covers(each: Silence, covers: bool) -> None:
    assert (silence_for(given.alert(), [each], NOW) is each) is covers


def test_of_several_the_one_that_lasts_longest_is_named() -> None:
    short, long = silence(Filter(), number=1), silence(Filter(), ends=2 * HOUR, number=2)
    assert silence_for(given.alert(), [long, short], NOW) is long


def test_what_is_kept_back_is_final_and_says_by_what() -> None:
    (kept,) = deliveries_for(given.alert(), [given.subscription()], NOW, silence(Filter()))
    assert (kept.state, kept.reason, kept.alert) == (DeliveryState.SILENCED, "sil_1: yearly march", None)
