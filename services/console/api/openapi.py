"""The OpenAPI description: what FastAPI finds, with who may what and what an error looks like."""

from typing import Any

from fastapi import FastAPI

from services.console.api.problems import MEDIA_TYPE, Problem
from services.console.core.access import LEAST_ROLE, SIGNED

_REF = "#/components/schemas/{model}"


def described(app: FastAPI) -> None:
    """Have the application describe itself so, worked out once."""
    found = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _completed(found())
        return app.openapi_schema

    # FastAPI's own way to change it: https://fastapi.tiangolo.com/how-to/extending-openapi/
    app.openapi = openapi  # type: ignore[method-assign]


def _completed(schema: dict[str, Any]) -> dict[str, Any]:
    components = schema.setdefault("components", {})
    components["securitySchemes"] = {
        "token": {"type": "http", "scheme": "bearer"},
        "password": {"type": "http", "scheme": "basic", "description": "the token as the password of any user"},
    }
    schemas = components.setdefault("schemas", {})
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    problem = Problem.model_json_schema(ref_template=_REF, mode="serialization")
    schemas |= problem.pop("$defs", {}) | {"Problem": problem}
    refused = {
        "description": "A problem document (RFC 9457)",
        "content": {MEDIA_TYPE: {"schema": {"$ref": _REF.format(model="Problem")}}},
    }
    for path, operations in schema["paths"].items():
        for method, operation in operations.items():
            operation["responses"].pop("422", None)
            operation["responses"]["default"] = refused
            if sender := SIGNED.get((method.upper(), path)):
                operation |= {"security": [], "x-signed-by": sender}
            else:
                ways = ["token", "password"] if method == "get" else ["token"]
                operation |= {"security": [{way: []} for way in ways], "x-least-role": LEAST_ROLE[method.upper(), path]}
    return schema
