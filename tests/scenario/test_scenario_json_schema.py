"""The JSON schema for editors is what the code produces, and says what validation says."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

from neurosim.scenario.json_schema import scenario_schema, scenario_schema_text
from neurosim.scenario.section import SECTIONS
from neurosim.scenario.shipped import SCENARIOS
from neurosim.scenario.source import read_file
from neurosim.scenario.trace import fields, names_of

HAS_JSONSCHEMA = importlib.util.find_spec("jsonschema") is not None
SCHEMA = scenario_schema()


def shipped(name: str) -> Any:
    return read_file(SCENARIOS.find(name), name)[0].plain()


def definition(reference: dict[str, str]) -> dict[str, Any]:
    return SCHEMA["$defs"][reference["$ref"].rpartition("/")[2]]


def test_the_committed_file_is_up_to_date():
    committed = (SCENARIOS.folder() / "schema.json").read_text(encoding="utf-8")
    assert committed == scenario_schema_text(), "write it again: neurosim schema > scenarios/schema.json"


def test_every_reference_leads_somewhere():
    def references(value: Any) -> set[str]:
        if isinstance(value, dict):
            own = {value["$ref"]} if "$ref" in value else set()
            return own.union(*(references(item) for item in value.values()))
        return set().union(*(references(item) for item in value)) if isinstance(value, list) else set()

    assert references(SCHEMA) == {f"#/$defs/{name}" for name in SCHEMA["$defs"]}


@pytest.mark.parametrize("key", SECTIONS)
def test_every_registered_name_is_an_alternative_with_its_keys(key):
    section = SECTIONS[key]
    alternatives = [definition(each) for each in SCHEMA["properties"][key]["anyOf"] if "$ref" in each]
    for name in section.registry:
        settings = section.registry.settings(name)
        assert name in names_of(settings, section.key)
        known = {*fields(settings), *section.also}
        assert any(set(each["properties"]) == known and not each["additionalProperties"] for each in alternatives)


def test_every_key_says_what_it_means():
    silent = [
        f"{name}.{key}"
        for name, each in SCHEMA["$defs"].items()
        for key, entry in each["properties"].items()
        if "description" not in entry and key not in {section.key for section in SECTIONS.values()}
    ]
    assert silent == []


def test_a_circuit_may_leave_everything_to_the_file_it_uses():
    circuit = SCHEMA["$defs"]["LayeredCircuit"]
    assert circuit["anyOf"] == [{"required": ["use"]}, {"required": ["layers"]}]
    assert "required" not in circuit
    assert circuit["properties"]["use"]["type"] == "string"


def test_the_top_level_names_dialect_title_and_what_is_required():
    assert SCHEMA["$schema"].startswith("https://json-schema.org/")
    assert SCHEMA["title"] == "neurosim scenario"
    assert {"schema", "name", "circuit", "analysis"} <= set(SCHEMA["required"])
    assert "dynamics" not in SCHEMA["required"]  # recurrent circuits have none
    assert not SCHEMA["additionalProperties"]
    assert {"type": "null"} in SCHEMA["properties"]["rule"]["anyOf"]


def test_the_text_is_json_without_titles_of_keys():
    assert json.loads(scenario_schema_text()) == SCHEMA
    assert scenario_schema_text().count('"title"') == 1


@pytest.mark.parametrize("name", SCENARIOS.names())
def test_shipped_scenarios_have_only_keys_of_the_schema(name):
    data = shipped(name)
    assert set(SCHEMA["required"]) <= set(data) <= set(SCHEMA["properties"])


@pytest.mark.skipif(not HAS_JSONSCHEMA, reason="jsonschema is not installed")
@pytest.mark.parametrize("name", SCENARIOS.names())
def test_shipped_scenarios_pass_the_schema(name):
    from jsonschema import Draft202012Validator

    Draft202012Validator.check_schema(SCHEMA)
    validator = Draft202012Validator(SCHEMA)
    assert list(validator.iter_errors(shipped(name))) == []
    assert list(validator.iter_errors({**shipped(name), "rule": {"type": "no_such_rule"}})) != []


def test_schema_does_not_depend_on_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    assert scenario_schema() == SCHEMA
