from __future__ import annotations

import json
from typing import Any

from tests.support.doors import Doors
from tests.support.routes import description

DESCRIBED = description()


def _operations() -> dict[str, dict[str, Any]]:
    return {f"{method.upper()} {path}": operation for path, methods in DESCRIBED["paths"].items() for method, operation in methods.items()}


def test_operations_have_unique_names() -> None:
    names = [operation["operationId"] for operation in _operations().values()]

    assert len(names) > 50
    assert len(set(names)) == len(names)


def test_every_operation_describes_its_errors() -> None:
    answer = {"$ref": "#/components/schemas/ErrorAnswer"}
    for name, operation in _operations().items():
        for status in ("4XX", "5XX"):
            assert operation["responses"][status]["content"]["application/json"]["schema"] == answer, name


def test_every_operation_describes_its_answer() -> None:
    undescribed = {
        name
        for name, operation in _operations().items()
        for status, response in operation["responses"].items()
        if status in ("200", "201") and response.get("content", {}).get("application/json", {}).get("schema") == {}
    }

    assert undescribed == set()


def test_every_frame_is_described() -> None:
    schemas = DESCRIBED["components"]["schemas"]
    tags = {
        tag
        for schema in schemas.values()
        for tag in schema.get("properties", {}).get("type", {}).get("enum", [])
        if "type" in schema.get("required", [])
    }

    inbound = {"hello", "subscribe", "unsubscribe", "send", "withdraw", "read", "typing", "ping"}
    outbound = {
        *("welcome", "subscribed", "ack", "error", "message", "conversation", "conversation_gone", "read", "typing"),
        *("presence", "availability", "changed", "pong", "bye"),
    }
    assert inbound | outbound <= tags


def test_all_references_lead_somewhere() -> None:
    named = set(DESCRIBED["components"]["schemas"])
    used = {part.split('"')[0] for part in json.dumps(DESCRIBED).split("#/components/schemas/")[1:]}

    assert used <= named


async def test_it_is_served(doors: Doors) -> None:
    served = (await doors.stranger().get("http://qiatan.test/openapi.json")).json()

    assert served == json.loads(json.dumps(DESCRIBED))
