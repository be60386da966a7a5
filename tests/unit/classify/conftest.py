"""The built-in rules, loaded once."""

import pytest

from services.classify.adapters.data import load_rules
from services.classify.core.reading.pipeline import Reader
from services.classify.core.reading.rules import Rules


@pytest.fixture(scope="session")
def rules() -> Rules:
    return load_rules()


@pytest.fixture(scope="session")
def reader(rules: Rules) -> Reader:
    return Reader(rules)
