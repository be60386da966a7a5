"""What every test may rely on: the logs of the test before it do not reach it; and which come first."""

from collections.abc import Iterator

import pytest
import structlog

LONGEST = "test_chaos.py"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Those that need no broker first; of the others the longest first, so that nobody waits for it at the end."""
    items.sort(key=lambda each: (each.get_closest_marker("integration") is not None, each.path.name != LONGEST))


@pytest.fixture(autouse=True)
def fresh_logs() -> Iterator[None]:
    """A command or service under test configures the logs of the whole process."""
    yield
    structlog.reset_defaults()
