"""The whole chain under faults for two minutes: nothing is lost, nothing is told twice.

benchmarks/chaos.py does the same for longer.
"""

from pathlib import Path

import pytest

from benchmarks.chaos import Fault, Plan, ran

pytestmark = [pytest.mark.integration, pytest.mark.kafka, pytest.mark.timeout(600)]


@pytest.mark.usefixtures(
    "apache"
)  # which skips where there is no Apache Kafka; the run has a broker of its own to kill
async def test_what_was_served_ends_in_an_alert_or_a_judgement_whatever_fails(tmp_path: Path) -> None:
    run = await ran(Plan(seconds=120, rate=1, seed=9, pause_s=(1, 4)), tmp_path)
    assert (run.account.lost, run.account.strange) == ((), ())
    assert run.attacks
    assert len(run.seen.alerts) == run.attacks
    assert run.account.messages >= 2 * run.attacks, "one endpoint wants all, and one of three each host state"
    assert run.faults.total() >= 4
    assert run.faults[Fault.KILL] + run.faults[Fault.FREEZE] > 0
