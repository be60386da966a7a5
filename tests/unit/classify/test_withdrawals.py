"""An edited article takes back what it no longer says, once, and again when it is read again."""

from services.classify.core.correlation.withdrawals import after_reading
from services.contracts.article import Article
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
