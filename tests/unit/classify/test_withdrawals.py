"""An edited article takes back what it no longer says, once, and again when it is read again."""

import datetime as dt

from hypothesis import given
from hypothesis import strategies as st

from services.classify.core.correlation.withdrawals import KEPT, Told, ToldRows, after_reading, is_over
from services.contracts.article import Article
from services.contracts.ids import ArticleId
from services.contracts.report import IncidentType, Relation
from tests.unit.classify.reports import PUBLISHED, report

ARTICLE = Article(article_id=report().article_id, source=report().source, published_at=PUBLISHED, fetched_at=PUBLISHED)
EDITED = ARTICLE.model_copy(update={"revision": 2})
ATTACK = report()
OTHER = report(type=IncidentType.VANDALISM_DAMAGE)


def test_what_an_edit_drops_is_withdrawn() -> None:
    known = after_reading(None, ARTICLE, [ATTACK, OTHER], PUBLISHED)
    assert known is not None
    assert known.withdrew == ()
    edited = after_reading(known, EDITED, [OTHER.model_copy(update={"article_revision": 2})], PUBLISHED)
    assert edited is not None
    assert [(each.report_id, each.withdrawn, each.article_revision) for each in edited.withdrew] == [
        (ATTACK.report_id, True, 2)
    ]
    assert edited.withdrew[0].record_id != ATTACK.record_id


def test_a_revision_read_again_takes_back_the_same() -> None:
    known = after_reading(None, ARTICLE, [ATTACK], PUBLISHED)
    edited = after_reading(known, EDITED, [], PUBLISHED)
    assert edited is not None
    assert edited.withdrew
    assert after_reading(edited, EDITED, [], PUBLISHED) == edited


def test_an_older_revision_that_comes_late_changes_nothing() -> None:
    edited = after_reading(after_reading(None, ARTICLE, [ATTACK], PUBLISHED), EDITED, [], PUBLISHED)
    assert after_reading(edited, ARTICLE, [ATTACK], PUBLISHED) == edited


def test_articles_that_tell_nothing_at_a_site_are_not_remembered() -> None:
    assert after_reading(None, ARTICLE, [report(relation=Relation.NONE)], PUBLISHED) is None


def test_what_was_told_too_long_ago_is_not_taken_back() -> None:
    known = after_reading(None, ARTICLE, [ATTACK], PUBLISHED)
    assert known is not None
    for late, taken_back in ((KEPT, True), (KEPT + dt.timedelta(seconds=1), False)):
        edited = EDITED.model_copy(update={"fetched_at": ATTACK.fetched_at + late})
        after = after_reading(known, edited, [], PUBLISHED)
        assert (after is not None and bool(after.withdrew)) == taken_back
        assert is_over(known, edited.fetched_at) != taken_back


@given(st.lists(st.integers(0, 15), min_size=1, max_size=60))
def test_every_row_whose_time_is_over_is_forgotten_and_no_other(days: list[int]) -> None:
    """Articles of any days in any order. A round over n rows takes half as many, and others are seen in the next."""
    rows: dict[bytes, bytes] = {}
    told = ToldRows(rows)
    times = [PUBLISHED + dt.timedelta(days=day) for day in days]
    times += [max(times)] * (2 * len(times) + 4)
    for number, time in enumerate(times):
        said = ATTACK.model_copy(update={"fetched_at": time})
        told.put(ArticleId(str(number)), Told(revision=1, said=(said,)), time)
    assert rows.keys() == {str(number).encode() for number, time in enumerate(times) if times[-1] - time <= KEPT}
