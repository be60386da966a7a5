"""A notifier that is killed again and again, endpoints of which four in ten are sick: whoever answers gets all."""

import pytest

from benchmarks.correlation_load import host_states
from benchmarks.delivery import alerts, delivering, serving
from benchmarks.delivery_chaos import STATES, crowd, ran

pytestmark = pytest.mark.integration


@pytest.mark.timeout(240)
@pytest.mark.parametrize("kind", ["embedded", pytest.param("apache", marks=pytest.mark.kafka)])
async def test_every_healthy_endpoint_gets_every_alert_that_it_wants(request: pytest.FixtureRequest, kind: str) -> None:
    """`ran` waits for every message, and raises for one that comes under an id of its own."""
    member = "a" if kind == "apache" else ""
    stage = delivering(
        request.getfixturevalue(kind),
        kind == "apache",
        CHANCERY_KAFKA__MEMBER=member,
        CHANCERY_KAFKA__SESSION_TIMEOUT_S="6",
    )
    told = alerts(130, host_states()[:STATES])
    with serving() as port:
        everyone = crowd(port, 26)
        run = await ran(stage, everyone, told, port, killing=True, a_second=15)
    assert run.kills
    assert len(run.waited_s) == 14 * 10, "14 are healthy, and each wants ten"
    assert sum(everyone.healthy) == 14
    assert run.verified
