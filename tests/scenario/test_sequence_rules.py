"""Recurrent circuits and rules for sequences: what fits together, and what is refused with which words."""

import pytest

from neurosim.errors import ScenarioError
from neurosim.scenario.load import load_scenario

RECURRENT = """\
schema: 1
name: recurrent
circuit: {kind: recurrent, units: 8}
data: {set: delay, steps: 12, sequences: 4, test_sequences: 2}
rule: {type: node_perturbation}
analysis: {type: train, epochs: 1, optimizer: {type: sgd, rate: 0.01}}
"""


@pytest.fixture
def load(tmp_path, monkeypatch):
    """Return a function that loads the scenario above with changes as after --set."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "recurrent.yaml").write_text(RECURRENT)
    return lambda *changes: load_scenario("recurrent.yaml", changes).scenario


def test_a_recurrent_circuit_needs_no_dynamics(load):
    """Its section is absent, and stays so in the resolved scenario."""
    scenario = load()
    assert scenario.dynamics is None
    assert scenario.rule.credit == "causal"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("rule={type: equilibrium}", "equilibrium is for circuits that relax; a recurrent circuit has the rules node_"),
        ("rule={type: backprop}", "a recurrent circuit has the rules node_perturbation, bptt."),
        ("analysis={type: bias}", "bias is not for circuit.kind: recurrent. Use train, perturbation."),
        ("dynamics={solver: sweeps}", "goes with its signal, and nothing relaxes. Leave it out."),
        ("circuit.inputs=3", "circuit.inputs: found 3, but data set 'delay' has 1 inputs."),
        ("circuit.outputs=2", "circuit.outputs: found 2, but data set 'delay' has 1 outputs."),
        ("rule.updates=step", "found causal, but with updates: step later losses are not known. Use step."),
        (
            "rule.perturb=weights",
            "causal is for nodes and activity; weights have step (noise redrawn) or total (held).",
        ),
        ("rule={type: bptt, updates: step}", "step leaves nothing to go back through."),
        ("rule={type: node_perturbation, perturb: weights, credit: total, copies: noisy}", "in pairs are for nodes"),
        (
            "rule={type: node_perturbation, perturb: weights, credit: total, decorrelation: {rate: 0.1}}",
            "is for nodes and activity; with perturb weights leave it out.",
        ),
        ("circuit={layers: [1, 4, 1]}", "node_perturbation learns from sequences, with circuit.kind: recurrent"),
        ("analysis.plasticity=continuous", "analysis.plasticity: is for circuits that relax, and a recurrent circuit"),
        ("analysis.log_gradient_alignment=true", "analysis.log_gradient_alignment: is for circuits that relax"),
        ("analysis={type: perturbation, samples: [10, 1]}", "samples must increase"),
        ("analysis={type: perturbation, rules: [np_step, np_step]}", "rules must differ"),
        ("data={set: digits}", "has single samples, but circuit.kind: recurrent needs sequences"),
    ],
)
def test_what_does_not_fit_is_refused(load, change, message):
    """Both ways: rules of equilibria for recurrent circuits, and rules of sequences for circuits that relax."""
    with pytest.raises(ScenarioError) as error:
        load(change)
    assert message in str(error.value)


def test_analysis_perturbation_wants_node_perturbation(load):
    """Exact rules have no noisy copies to count, and decorrelation changes what is measured."""
    for rule, message in (
        ("{type: bptt}", "bptt perturbs nothing. Use node_perturbation."),
        ("{type: node_perturbation, decorrelation: {rate: 0.1}}", "changes the network that is measured."),
    ):
        with pytest.raises(ScenarioError, match=message):
            load(f"rule={rule}", "analysis={type: perturbation}")


def test_circuits_that_relax_still_need_dynamics(load, tmp_path):
    """The section may be absent for recurrent circuits only."""
    (tmp_path / "relaxing.yaml").write_text(
        "schema: 1\nname: relaxing\ncircuit: {layers: [64, 8, 10]}\ndata: {set: digits}\n"
        "rule: {type: dual_propagation}\nanalysis: {type: train, epochs: 1, optimizer: {type: sgd, rate: 0.01}}\n"
    )
    with pytest.raises(ScenarioError, match="dynamics: missing; this section needs at least 'solver'"):
        load_scenario("relaxing.yaml")
