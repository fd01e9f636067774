"""A whole scenario: what it becomes, that it is the same every time, and that loading it is quick."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

import neurosim
from neurosim.errors import ScenarioError
from neurosim.scenario.identity import run_id, to_yaml
from neurosim.scenario.load import load_circuit, load_scenario
from neurosim.scenario.schema import Scenario
from neurosim.scenario.shipped import SCENARIOS
from neurosim.scenario.source import parse
from neurosim.scenario.trace import fields


def test_a_scenario_has_the_classes_that_its_names_stand_for(load):
    scenario = load().scenario
    assert [type(getattr(scenario, name)).__name__ for name in ("circuit", "data", "rule", "dynamics", "analysis")] == [
        "LayeredCircuit",
        "DigitsData",
        "DualPropagation",
        "SweepsSettings",
        "TrainAnalysis",
    ]
    assert scenario.circuit.layers == (64, 32, 10)
    assert (scenario.name, scenario.seed, scenario.dtype) == ("good", 3, "float32")


def test_a_scenario_is_frozen(load):
    scenario = load().scenario
    with pytest.raises(ValidationError, match="frozen"):
        scenario.seed = 4
    with pytest.raises(ValidationError, match="frozen"):
        scenario.rule.beta = 0.3


def test_resolved_has_every_default_and_survives_json(load):
    resolved = load().resolved
    assert json.loads(json.dumps(resolved)) == resolved
    assert [*resolved, "sweep"] == list(fields(Scenario))
    assert resolved["circuit"]["kind"] == "layered"
    assert resolved["rule"]["alpha"] == 0.5
    assert resolved["analysis"]["optimizer"]["beta1"] == 0.9


def test_later_complaints_have_the_same_form(load):
    loaded = load(overrides=("seed=5",))
    assert loaded.problem("rule.beta", "is odd.") == "mine.yaml:10: rule.beta: is odd."
    assert loaded.problem("rule.alpha", "is odd.") == "mine.yaml:8: rule.alpha: is odd."
    assert loaded.problem("seed", "is odd.") == "--set seed: seed: is odd."
    assert loaded.path == "mine.yaml"


@pytest.mark.parametrize("name", SCENARIOS.names())
def test_resolved_yaml_loads_again_to_the_same_run(name, folder: Path):
    loaded = load_scenario(name)
    (folder / "again.yaml").write_text(loaded.to_yaml())
    again = load_scenario("again.yaml")
    assert again.resolved == loaded.resolved
    # A result knows nothing of the sweep that it may be a point of.
    assert again.scenario == loaded.scenario.model_copy(update={"sweep": None})
    assert again.run_id == loaded.run_id
    assert again.to_yaml() == loaded.to_yaml()


def test_resolved_yaml_is_made_for_reading(load):
    text = load(overrides=("circuit.imperfections.asymmetry.angle_deg=30", "circuit.feedback=independent")).to_yaml()
    assert "use" not in text
    assert "data: {set: digits, batch: 50}\n" in text
    assert "  layers: [64, 32, 10]\n" in text
    assert "  optimizer: {type: adam, rate: 0.001, " in text
    assert "asymmetry: {blocks: null, angle_deg: 30.0, relative_sd: null}\n" in text


PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(categories=("L", "N", "P", "S", "Zs"), include_characters="\n\t"), max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc_1. ", min_size=1, max_size=5), inner),
    max_leaves=8,
)


@given(value=st.dictionaries(st.sampled_from(["a", "b", "type"]), PLAIN))
def test_whatever_is_written_as_yaml_is_read_back(value):
    root, problems = parse(to_yaml(value), "f.yaml", lines=True)
    assert problems == []
    assert root.plain() == value


def test_run_id_is_twelve_hexadecimal_digits(load):
    assert len(load().run_id) == 12
    assert set(load().run_id) <= set("0123456789abcdef")


@pytest.mark.parametrize(
    "change",
    [
        ("name: good", "name: good\ndescription: Other words."),
        ("  layers: [64, 32, 10]\n  activation: tanh", "  activation: tanh\n  layers: [64, 32, 10]"),
        ("activation: tanh", "activation: tanh\n  description: Words."),
        ("beta: 0.2", "beta: 2.0e-1\n  alpha: 0.5  # the default"),
        ("{type: adam, rate: 0.001}", "{rate: 1e-3, type: adam}"),
        ("seed: 3", "seed: 0x3"),
    ],
)
def test_run_id_does_not_depend_on_how_it_is_written(load, change):
    assert load(change).run_id == load().run_id


@pytest.mark.parametrize(
    "override", ["seed=4", "name=other", "rule.beta=0.3", "circuit.layers.1=33", "dtype=float64", "data.batch=49"]
)
def test_run_id_depends_on_what_a_run_depends_on(load, override):
    assert load(overrides=(override,)).run_id != load().run_id


def test_run_id_is_the_same_from_the_command_line_and_from_the_file(load):
    assert load(overrides=("rule.beta=0.3",)).run_id == load(("beta: 0.2", "beta: 0.3")).run_id


def test_run_id_of_a_given_scenario_never_changes():
    resolved = {"schema": 1, "name": "x", "description": "words", "seed": 7, "circuit": {"kind": "k", "tau": 1.0}}
    assert run_id(resolved) == "e0f01e603a7d"
    assert run_id(dict(reversed(resolved.items()))) == "e0f01e603a7d"
    assert run_id({**resolved, "schema": 2}) != "e0f01e603a7d"


def test_problems_of_options_and_of_the_file_come_together(problems):
    assert problems(("seed: 3", "seed: x"), overrides=("beta", "seed.a=1", "rule.beta=0")) == [
        "--set beta: found no '='; write KEY=VALUE, for instance rule.beta=0.1.",
        "--set seed.a=1: 'seed' is the single value 'x'; it has no key 'a'.",
        "mine.yaml:3: seed: found 'x' (text), expected an integer.",
        "--set rule.beta: rule.beta: found 0, must be greater than 0.",
    ]


def test_a_key_that_is_given_twice_does_not_hide_other_errors(problems):
    assert problems(("seed: 3", "seed: x\nseed: 4")) == [
        "mine.yaml:4: seed: this key is given twice; it stands on line 3 already.",
        "mine.yaml:3: seed: found 'x' (text), expected an integer.",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", r"^mine\.yaml: the file is empty.*\n1 error; nothing was run\.$"),
        ("- 1\n", r"^mine\.yaml:1: found a list, expected keys.*\n1 error; nothing was run\.$"),
        (
            "schema: 1\nname: x\n\tseed: 1\n",
            r"^mine\.yaml:3: not valid YAML: found a tab .*\n1 error; nothing was run\.$",
        ),
    ],
)
def test_files_that_hold_no_scenario(load, text, message):
    with pytest.raises(ScenarioError, match=message):
        load(text=text)


def test_errors_are_the_same_every_time(problems):
    changes = (("seed: 3", "seed: x"), ("tanh", "tnah"), ("beta: 0.2", "betta: 0.2"), ("{set: digits}", "{}"))
    assert problems(*changes) == problems(*changes)


def test_a_circuit_file_by_itself(folder: Path):
    loaded = load_circuit("dyad_mlp")
    assert loaded.circuit.neuron == "dyad"
    assert loaded.resolved["layers"] == [64, 128, 10]
    (folder / "again.yaml").write_text(loaded.to_yaml())
    assert load_circuit("again.yaml").circuit == loaded.circuit


def test_a_circuit_file_may_use_another(folder: Path):
    (folder / "net.yaml").write_text("use: dyad_mlp\nlayers: [3, 2]\n")
    assert load_circuit("net.yaml").circuit.layers == (3, 2)


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (
            "layers: [3, x]\ntua: 1\n",
            [
                "net.yaml:1: layers.1: found 'x' (text), expected an integer.",
                "net.yaml:2: tua: unknown key. Did you mean 'tau'? Known keys of layered: ",
            ],
        ),
        ("kind: zzz\n", ["net.yaml:1: kind: unknown circuit kind 'zzz'. Known: "]),
        ("layers: [3, 2]\nlayers: [4, 2]\n", ["net.yaml:2: layers: this key is given twice; it stands on line 1"]),
        ("use: nothing_like_it\n", ["net.yaml:1: use: unknown circuit 'nothing_like_it'. Known: "]),
        ("", ["net.yaml: the file is empty"]),
    ],
)
def test_errors_of_a_circuit_file(folder: Path, text, lines):
    (folder / "net.yaml").write_text(text)
    with pytest.raises(ScenarioError) as caught:
        load_circuit("net.yaml")
    *found, last = str(caught.value).splitlines()
    assert last == f"{len(lines)} error{'s' if len(lines) > 1 else ''}; nothing was run."
    assert all(one.startswith(start) for one, start in zip(found, lines, strict=True))


COMMAND = """
import sys, time
start = time.perf_counter()
from neurosim.scenario.load import load_scenario
from neurosim.scenario.shipped import SCENARIOS, CIRCUITS
load_scenario("dyad_digits", ["rule.beta=0.3"])
seconds = time.perf_counter() - start
SCENARIOS.summaries(), CIRCUITS.summaries()
import neurosim.scenario.json_schema as j
j.scenario_schema()
heavy = {"numpy", "scipy", "numba", "h5py", "matplotlib"} & set(sys.modules)
print(seconds, *heavy)
"""


def test_validation_imports_nothing_heavy(tmp_path: Path):
    """What makes validation quick; the time itself is for benchmarks."""
    root = str(Path(neurosim.__file__).parents[1])
    environment = {**os.environ, "PYTHONPATH": root}
    done = subprocess.run(
        [sys.executable, "-c", COMMAND], cwd=tmp_path, env=environment, capture_output=True, text=True, check=True
    )
    _, *heavy = done.stdout.split()
    assert heavy == []
