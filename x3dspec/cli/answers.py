"""The JSON Schema of what commands answer, from the types that their answers are checked against."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema


class _Plain(GenerateJsonSchema):
    """Without a title for every key, which says no more than the key."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def json_schema(answers: Mapping[str, type]) -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of all answers, told apart by ``x3dspec.scaling.trainer``."""
    adapters: list[tuple[str, Literal["serialization"], TypeAdapter[Any]]] = [
        (command, "serialization", TypeAdapter(answer)) for command, answer in answers.items()
    ]
    places, schema = TypeAdapter.json_schemas(adapters, schema_generator=_Plain)
    return {
        "$schema": GenerateJsonSchema.schema_dialect,
        "title": "x3dspec --json",
        "description": "What the commands of x3dspec answer. A later version may add keys; where one is "
        "removed or changes its meaning, x3dspec.format counts up.",
        "oneOf": [_named(command, places[command, "serialization"]) for command in answers],
        "$defs": schema["$defs"],
    }


def _named(command: str, place: Mapping[str, Any]) -> dict[str, Any]:
    return {**place, "properties": {"x3dspec": {"properties": {"command": {"const": command}}}}}
