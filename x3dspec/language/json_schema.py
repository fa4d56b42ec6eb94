"""The JSON Schema (draft 7) of a spec file."""

from __future__ import annotations

from typing import Any, cast

from pydantic.json_schema import models_json_schema

from x3dspec.language.schema import NetworkFile, PresetFile


def json_schema() -> dict[str, Any]:
    """The JSON Schema (draft 7) of a spec file: a whole network, or a preset."""
    _, schema = models_json_schema(
        [(NetworkFile, "validation"), (PresetFile, "validation")], ref_template="#/definitions/{model}"
    )
    definitions = schema["$defs"]
    whole, preset = (definitions.pop(model.__name__) for model in (NetworkFile, PresetFile))
    document = {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "x3dspec",
        "description": "A network described in expansion factors, or a preset of one.",
        "if": {"required": ["base"]},
        "then": preset,
        "else": whole,
        "definitions": definitions,
    }
    return cast(dict[str, Any], _draft_7(document))


def _draft_7(part: Any) -> Any:
    """Draft 7 ignores what stands beside a reference, so the reference gets an object of its own."""
    if isinstance(part, list):
        return [_draft_7(item) for item in part]
    if not isinstance(part, dict):
        return part
    cleaned = {key: _draft_7(value) for key, value in part.items()}
    if "$ref" in cleaned and len(cleaned) > 1:
        cleaned["allOf"] = [{"$ref": cleaned.pop("$ref")}]
    return cleaned
