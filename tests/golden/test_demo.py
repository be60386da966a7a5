"""The demo's articles come out as each says it should: one alert about that site, type and day, or none."""

import pytest

from deploy.demo import newsroom
from deploy.demo.newsroom import Alert, Item, Publication
from services.classify.adapters.data import load_rules
from services.classify.core.reading.article import ArticleText
from services.classify.core.reading.pipeline import Reader

READER = Reader(load_rules())
CASES = [
    pytest.param(publication, item, id=f"{publication.language}-{item.guid}")
    for publication in newsroom.read()
    for item in publication.items
]


@pytest.mark.parametrize(("publication", "item"), CASES)
def test_demo_article(publication: Publication, item: Item) -> None:
    classification = READER.read(
        ArticleText(
            id=item.guid,
            text="\n\n".join(item.paragraphs),
            title=item.title,
            language_hint=publication.language,
            published_at=item.published,
        )
    )
    alertable = [finding for finding in classification.reports if finding.alertable]
    if not isinstance(item.expect, Alert):
        assert alertable == []
        return
    (finding,) = alertable
    assert finding.site is not None
    assert finding.site.site_key == item.expect.site
    assert finding.type in (item.expect.type, item.expect.or_type)
    assert finding.date == item.expect.date
    if item.expect.killed is not None:
        assert finding.killed is not None
        assert finding.killed.low == item.expect.killed
