"""What every test may rely on: the logs of the test before it do not reach it."""

from collections.abc import Iterator

import pytest
import structlog


@pytest.fixture(autouse=True)
def fresh_logs() -> Iterator[None]:
    """A command or service under test configures the logs of the whole process."""
    yield
    structlog.reset_defaults()
