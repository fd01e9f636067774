"""`use:` in a circuit: what overrides what, and where an error that comes from another file is located."""

from __future__ import annotations

from pathlib import Path

import pytest

from neurosim.physics.layered.settings import LayeredCircuit

CIRCUIT = """\
# A circuit
kind: layered
neuron: dyad
layers: [64, 20, 10]
feedback: independent
init: {type: xavier, gain: 2.0}
imperfections:
  asymmetry:
    angle_deg: 20
"""


@pytest.fixture
def use(folder: Path, load):
    """Load the good scenario on a circuit file, with more keys beside `use`."""
    (folder / "parts").mkdir()
    (folder / "parts" / "net.yaml").write_text(CIRCUIT)

    def use(*lines: str, loader=load, circuit: str = CIRCUIT, name: str = "parts/net.yaml", **options):
        (folder / "parts" / "net.yaml").write_text(circuit)
        beside = "".join(f"\n  {line}" for line in lines)
        return loader(("layers: [64, 32, 10]\n  activation: tanh", f"use: {name}{beside}"), **options)

    return use


def test_the_keys_of_the_file_are_taken_over(use):
    circuit = use().scenario.circuit
    assert circuit.layers == (64, 20, 10)
    assert circuit.init.gain == 2.0


def test_keys_beside_use_override_the_file_and_mappings_are_joined(use):
    circuit = use("layers: [64, 10]", "init: {gain: 3.0}").scenario.circuit
    assert circuit.layers == (64, 10)
    assert (circuit.init.type, circuit.init.gain) == ("xavier", 3.0)


def test_null_takes_back_what_the_file_sets(use):
    circuit = use("imperfections: {asymmetry: {angle_deg: null, relative_sd: 0.1}}").scenario.circuit
    assert (circuit.imperfections.asymmetry.angle_deg, circuit.imperfections.asymmetry.relative_sd) == (None, 0.1)


def test_places_are_in_the_file_that_wrote_the_value(use):
    loaded = use("init: {gain: 3.0}")
    assert loaded.problem("circuit.imperfections.asymmetry.angle_deg", "x").startswith("parts/net.yaml:9: circuit.imp")
    assert loaded.problem("circuit.init.type", "x").startswith("parts/net.yaml:6: ")
    assert loaded.problem("circuit.init.gain", "x").startswith("mine.yaml:6: ")
    assert loaded.problem("circuit.layers.2", "x").startswith("parts/net.yaml:4: ")
    assert loaded.problem("circuit.tau", "x").startswith("mine.yaml:4: ")


def test_errors_of_the_circuit_file_have_its_lines_and_come_after_those_of_the_scenario(use, problems):
    lines = use("tau: -1", loader=problems, circuit=CIRCUIT.replace("20, 10]", "many, 10]\nlayerss: 1"))
    assert lines == [
        "mine.yaml:6: circuit.tau: found -1, must be greater than 0.",
        "parts/net.yaml:4: circuit.layers.1: found 'many' (text), expected an integer.",
        "parts/net.yaml:5: circuit.layerss: unknown key. Did you mean 'layers'? "
        f"Known keys of layered: {', '.join(sorted({*LayeredCircuit.model_fields, 'use'} - {'kind'}))}.",
    ]


def test_overrides_come_after_use(use):
    loaded = use("layers: [64, 11, 10]", overrides=("circuit.init.gain=5", "circuit.layers.1=12"))
    assert loaded.scenario.circuit.init.gain == 5.0
    assert loaded.scenario.circuit.layers == (64, 12, 10)
    assert loaded.problem("circuit.init.gain", "x") == "--set circuit.init.gain: circuit.init.gain: x"


def test_another_circuit_can_be_chosen_on_the_command_line(use, folder):
    (folder / "other.yaml").write_text("layers: [64, 7, 10]\n")
    assert use(overrides=("circuit.use=other.yaml",)).scenario.circuit.layers == (64, 7, 10)
    whole = use("tau: 3.0", overrides=("circuit={use: other.yaml, cost: cross_entropy}",)).scenario.circuit
    assert (whole.layers, whole.cost, whole.tau) == ((64, 7, 10), "cross_entropy", 1.0)


def test_a_circuit_file_may_use_another_one(use, folder):
    (folder / "parts" / "base.yaml").write_text(CIRCUIT.replace("20, 10]", "21, 10]"))
    loaded = use(circuit="use: base.yaml\ntau: 2.0\n")
    assert loaded.scenario.circuit.layers == (64, 21, 10)
    assert loaded.problem("circuit.tau", "x").startswith("parts/net.yaml:2: ")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("dyad_mpl", "mine.yaml:5: circuit.use: unknown circuit 'dyad_mpl'. Did you mean 'dyad_mlp'? Known: "),
        ("parts/nte.yaml", "mine.yaml:5: circuit.use: there is no file 'parts/nte.yaml'. Did you mean 'net.yaml'?"),
        ("3", "mine.yaml:5: circuit.use: found 3, expected the name of a circuit or the path of a file."),
        ("mine.yaml", "mine.yaml:5: circuit.use: 'mine.yaml' uses itself."),
    ],
)
def test_what_cannot_be_used(use, problems, name, message):
    (line,) = use(loader=problems, name=name)
    assert line.startswith(message)


def test_circuit_files_that_use_each_other(use, problems, folder):
    (folder / "parts" / "base.yaml").write_text("use: net.yaml\n")
    assert use(loader=problems, circuit="use: base.yaml\n") == ["parts/base.yaml:1: use: 'parts/net.yaml' uses itself."]


def test_a_circuit_file_that_is_not_yaml(use, problems):
    assert use(loader=problems, circuit="a: 1\nb: [1,\n 2") == [
        "parts/net.yaml:2: not valid YAML: a bracket or brace that is opened here is never closed."
    ]


def test_a_key_that_the_circuit_file_gives_twice(use, problems):
    lines = use(loader=problems, circuit=CIRCUIT + "neuron: point\n")
    assert lines == ["parts/net.yaml:10: neuron: this key is given twice; it stands on line 3 already."]


def test_with_a_broken_circuit_file_the_rest_is_still_checked_and_nothing_is_guessed(use, problems):
    lines = use(
        "activatoin: tanh",
        loader=problems,
        name="dyad_mpl",
        overrides=("rule.beta=0", "circuit.layers.1=5"),
    )
    assert [line.partition(". ")[0] for line in lines] == [
        "mine.yaml:5: circuit.use: unknown circuit 'dyad_mpl'",
        "mine.yaml:6: circuit.activatoin: unknown key",
        "--set rule.beta: rule.beta: found 0, must be greater than 0.",
    ]
