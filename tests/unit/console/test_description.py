"""The description of the API holds for what it answers: schemathesis makes requests of every route from it."""

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from services.contracts.token import Role
from tests.unit.console.house import SECRETS
from tests.unit.console.test_pages import house

HOUSE = house()
HOUSE.live.close()  # a stream would not end
schema = schemathesis.openapi.from_asgi("/v1/openapi.json", HOUSE.app)

pytestmark = pytest.mark.timeout(300)


@schema.parametrize()
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_answer_is_as_described(case: "schemathesis.Case[Any]") -> None:
    case.call_and_validate(
        headers={"authorization": f"Bearer {SECRETS[Role.ADMIN]}"},
        checks=[not_a_server_error, content_type_conformance, response_schema_conformance, status_code_conformance],
    )
