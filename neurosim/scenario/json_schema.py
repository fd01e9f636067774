"""JSON schema of a scenario, for editors: completion, the meaning of every key, and errors while typing."""

from __future__ import annotations

import json
from typing import Any

from pydantic.json_schema import models_json_schema

from neurosim.scenario.schema import Scenario
from neurosim.scenario.section import PLACEHOLDER, SECTIONS, Section
from neurosim.settings import Settings

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_USE = {
    "description": "A shipped circuit by name, or the path of a circuit file; the keys beside it override its own.",
    "type": "string",
}


def scenario_schema() -> dict[str, Any]:
    """Return the JSON schema of a scenario file, built from every settings class in the registries."""
    chosen = {key: _classes(section) for key, section in SECTIONS.items()}
    models: list[type[Settings]] = [Scenario, *(settings for classes in chosen.values() for settings in classes)]
    places, shared = models_json_schema([(model, "validation") for model in models], by_alias=True)
    definitions = {name: _without_titles(definition) for name, definition in shared["$defs"].items()}
    scenario = definitions.pop("Scenario")
    scenario["description"] = scenario["description"].partition("\n\n")[0]
    for key, classes in chosen.items():
        section, entry = SECTIONS[key], scenario["properties"][key]
        references = [places[settings, "validation"] for settings in classes]
        for reference in references:
            _finish(definitions[reference["$ref"].rpartition("/")[2]], section)
        if "anyOf" in entry:
            references.append({"type": "null"})
        scenario["properties"][key] = {"description": entry["description"], "anyOf": references}
        definitions = {name: _filled(definition, key, references) for name, definition in definitions.items()}
    return {"$schema": _DIALECT, "title": "neurosim scenario", **scenario, "$defs": definitions}


def scenario_schema_text() -> str:
    """Return the JSON schema as the text of ``scenarios/schema.json``."""
    return json.dumps(scenario_schema(), indent=2) + "\n"


def _classes(section: Section) -> list[type[Settings]]:
    """Return the settings classes of a section, once each: several solvers share one."""
    return list(dict.fromkeys(section.registry.settings(name) for name in section.registry))


def _finish(definition: dict[str, Any], section: Section) -> None:
    """Add what a section asks of a file beyond the declarations of its class."""
    required = list(definition.pop("required", ()))
    allowed = definition["properties"][section.key]
    names = allowed.get("enum", [allowed.get("const")])
    if section.key not in required and section.default not in names:
        required.insert(0, section.key)
    if "use" in section.also:
        # The circuit file that is used can hold whatever is missing here.
        definition["properties"]["use"] = _USE
        definition["anyOf"] = [{"required": ["use"]}, {"required": required}]
    else:
        definition["required"] = required


def _filled(schema: Any, key: str, references: list[dict[str, Any]]) -> Any:
    """Write the alternatives of a section wherever a class has one among its own keys."""
    if isinstance(schema, list):
        return [_filled(item, key, references) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get(PLACEHOLDER) == SECTIONS[key].registry.kind:
        return {"anyOf": [reference for reference in references if "$ref" in reference]}
    return {name: _filled(value, key, references) for name, value in schema.items()}


def _without_titles(schema: Any, *, names: bool = False) -> Any:
    """Drop the titles, which repeat the keys; `names`: the keys of this mapping are names, which may be "title"."""
    if isinstance(schema, list):
        return [_without_titles(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {key: value for key, value in schema.items() if names or key != "title"}
    return {key: _without_titles(value, names=key == "properties" and not names) for key, value in kept.items()}
