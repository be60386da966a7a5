"""A deployment under a small load, as benchmarks/load.py measures it: what comes out of it is complete."""

import os

import pytest

from benchmarks.load_deployment import BROKER, CHANCERY, Broker, deployed

pytestmark = pytest.mark.integration


@pytest.mark.timeout(180)
async def test_every_first_word_is_waited_for_and_every_article_weighed(embedded: str) -> None:
    """`ran` waits for each message, and raises when one does not come. The broker is not ours to look at here."""
    async with deployed(Broker(embedded, os.getpid(), apache=False), CHANCERY) as deployment:
        run = await deployment.ran(10, 3, least=10)
        weighed = await deployment.weighed()
        assert deployment.peak_mb(BROKER) > 0
    assert run.articles == 30
    assert 5 <= len(run.waited_s) <= 15
    assert all(0 < waited < run.seconds + 60 for waited in run.waited_s)
    assert set(run.cpu_s) == {BROKER, *CHANCERY.processes}
    assert all(run.cpu_s[name] > 0 for name in CHANCERY.processes)
    assert weighed["articles"][0] == deployment.articles == 50
    assert weighed["alerts"][0] >= len(run.waited_s)
    assert weighed["deliveries"][0]
