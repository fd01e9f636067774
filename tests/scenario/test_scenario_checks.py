"""What does not fit together although every section is valid by itself."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from pydantic import ValidationError

from neurosim.physics.layered.settings import LayeredCircuit
from neurosim.scenario.checks import UnknownSectionError, ValidSections, misfits
from neurosim.scenario.load import load_scenario
from neurosim.scenario.schema import Scenario
from neurosim.scenario.section import SECTIONS
from neurosim.settings import Sections, Settings

PROX = ("beta: 0.2", "output: prox\n  beta: 0.2")


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ([("64, 32", "65, 32")], "5: circuit.layers.0: found 65 inputs, but data set 'digits' needs 64."),
        ([("32, 10]", "32, 9]")], "5: circuit.layers.2: found 9 outputs, but data set 'digits' needs 10."),
        (
            [("rule:\n  type: dual_propagation\n  beta: 0.2\n", "")],
            "1: rule: missing; analysis train needs a learning rule.",
        ),
        (
            [("activation: tanh", "neuron: point")],
            "9: rule.type: dual_propagation needs two compartments per neuron. Use circuit.neuron: dyad.",
        ),
        (
            [("activation: tanh", "neuron: point"), ("dual_propagation\n  beta: 0.2", "backprop")],
            "9: rule.type: backprop needs a feed-forward prediction; point neurons with feedback give none. "
            "Use circuit.neuron: dyad.",
        ),
        (
            [PROX, ("activation: tanh", "cost: cross_entropy")],
            "10: rule.output: prox with cross_entropy has no closed form, which solver sweeps needs. "
            "Use output: linearised, or an ODE solver.",
        ),
        (
            [PROX, ("beta: 0.2", "beta: 2.0")],
            "11: rule.beta: output prox with squared_error needs alpha beta < 1 for variant transposed, found 1. "
            "Use a smaller beta, or output: linearised.",
        ),
        (
            [PROX, ("beta: 0.2", "beta: 1.25\n  alpha: 0.2\n  variant: damped"), ("tanh", "relu")],
            "11: rule.beta: output prox with squared_error needs (1 - alpha) beta < 1 for variant damped, found 1. "
            "Use a smaller beta, or output: linearised.",
        ),
        (
            [("solver: sweeps", "solver: rk4\n  dt: 2\n  t_end: 1.5")],
            "13: dynamics.dt: found a step of 2 s, longer than the phase; t_end is 1.5 s.",
        ),
    ],
)
def test_each_misfit_gives_one_line(problems, changes, line):
    assert problems(*changes) == [f"mine.yaml:{line}"]


@pytest.mark.parametrize("data", ["delay", "copying", "mackey_glass", "weather", "series"])
def test_sequences_need_a_recurrent_circuit(problems, data):
    more = ", path: mine.csv, inputs: [a], targets: [b]" if data == "series" else ""
    line = f"7: data.set: '{data}' has sequences, which need circuit.kind: recurrent; found layered."
    assert problems(("{set: digits}", f"{{set: {data}{more}}}")) == [f"mine.yaml:{line}"]


def test_a_recurrent_circuit_needs_sequences(load):
    scenario = load().scenario
    circuit = SimpleNamespace(kind="recurrent", check=lambda sections: ())
    sections = ValidSections({"circuit": circuit, "data": scenario.data})
    assert list(misfits(sections)) == [
        (
            "data.set",
            "'digits' has single samples, but circuit.kind: recurrent needs sequences: "
            "delay, mackey_glass, copying, weather, series.",
        )
    ]


@pytest.mark.parametrize(
    "changes",
    [
        [PROX, ("beta: 0.2", "beta: 1.9")],
        [PROX, ("beta: 0.2", "beta: 1.2\n  alpha: 0.2\n  variant: original")],
        [PROX, ("beta: 0.2", "beta: 50\n  alpha: 0.0")],
        [PROX, ("solver: sweeps", "solver: newton"), ("activation: tanh", "cost: cross_entropy")],
        [("dual_propagation\n  beta: 0.2", "backprop")],
        [("{set: digits}", "{set: file, path: x.npz}"), ("64, 32", "3, 32")],
        [("solver: sweeps", "solver: rk4\n  dt: 1\n  t_end: 1")],
    ],
)
def test_what_just_fits_is_accepted(load, changes):
    load(*changes)


def test_only_a_relaxation_can_do_without_a_rule(load):
    analysis = "  type: train\n  epochs: 2\n  optimizer: {type: adam, rate: 0.001}\n"
    rule = "rule:\n  type: dual_propagation\n  beta: 0.2\n"
    assert load((analysis, "  type: relax\n"), (rule, "")).scenario.rule is None


def test_misfits_are_shown_beside_errors_of_other_sections(problems):
    assert problems(
        ("solver: sweeps", "solver: rk4\n  dt: 2\n  t_end: 1"),
        ("64, 32", "65, 32"),
        ("epochs: 2", "epochs: 0"),
    ) == [
        "mine.yaml:5: circuit.layers.0: found 65 inputs, but data set 'digits' needs 64.",
        "mine.yaml:13: dynamics.dt: found a step of 2 s, longer than the phase; t_end is 1 s.",
        "mine.yaml:17: analysis.epochs: found 0, must be at least 1.",
    ]


def test_a_check_says_nothing_about_sections_that_are_not_valid(problems):
    assert problems(("64, 32", "65, x"), ("activation: tanh", "neuron: point")) == [
        "mine.yaml:5: circuit.layers.1: found 'x' (text), expected an integer."
    ]


class TalkativeRule(Settings):
    """Complains once before it asks for a section and once after."""

    def check(self, scenario: Sections) -> Iterator[tuple[str, str]]:
        yield "rule.first", "needs no other section."
        yield "rule.second", f"needs {scenario.circuit}."


def test_a_check_goes_as_far_as_the_valid_sections_allow():
    rule = TalkativeRule()
    assert list(misfits(ValidSections({"rule": rule}))) == [("rule.first", "needs no other section.")]
    with pytest.raises(UnknownSectionError, match="circuit"):
        _ = ValidSections({"rule": rule}).circuit


def test_settings_have_nothing_to_complain_about_unless_they_say_so():
    assert list(Settings().check(ValidSections({}))) == []


def test_a_scenario_made_in_python_is_checked_as_well():
    good = load_scenario("dyad_digits").scenario
    sections = {name: getattr(good, name) for name in SECTIONS}
    same = Scenario(schema=1, name="again", **sections)
    assert same.circuit is good.circuit
    with pytest.raises(ValidationError, match="found 5 inputs, but data set 'digits' needs 64"):
        Scenario(schema=1, name="again", **{**sections, "circuit": LayeredCircuit(layers=[5, 10])})
    with pytest.raises(ValidationError, match="expected keys, at least 'set'"):
        Scenario(schema=1, name="again", **{**sections, "data": good.circuit})


ALWAYS_ON = (
    ("type: train", "type: train\n  plasticity: continuous\n  hold: 3.0"),
    ("type: adam, rate: 0.001", "type: sgd, rate: 0.01"),
    ("solver: sweeps", "solver: rk4\n  dt: 0.5\n  t_end: 6\n  tolerance: null"),
)


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        (
            [("continuous", "per_batch")],
            "19: analysis.hold: with plasticity per_batch a batch stays until it has settled, or until dynamics.t_end. "
            "Leave it out, or use plasticity: continuous.",
        ),
        (
            [("type: sgd", "type: momentum")],
            "21: analysis.optimizer: found momentum, but with plasticity continuous a conductance is a state of "
            "the circuit and nothing else is remembered of it. Use sgd, with a rate per second.",
        ),
        (
            [("solver: rk4\n  dt: 0.5\n  t_end: 6\n  tolerance: null", "solver: sweeps")],
            "12: dynamics.solver: sweeps has no time, and with plasticity continuous all samples of a batch change the "
            "same conductances while time goes on. Use an explicit ODE solver.",
        ),
        (
            [("solver: rk4\n  dt: 0.5\n  t_end: 6\n  tolerance: null", "solver: newton")],
            "12: dynamics.solver: newton has no time, and with plasticity continuous all samples of a batch change the "
            "same conductances while time goes on. Use an explicit ODE solver.",
        ),
        (
            [("solver: rk4\n  dt: 0.5", "solver: radau")],
            "12: dynamics.solver: radau takes every sample by itself, and with plasticity continuous all samples of a "
            "batch change the same conductances while time goes on. Use an explicit ODE solver.",
        ),
        (
            [("tolerance: null", "tolerance: 1.0e-5")],
            "15: dynamics.tolerance: found 1e-05, but with plasticity continuous the circuit never rests, and nothing "
            "waits until it does. Use tolerance: null.",
        ),
        (
            [("\n  tolerance: null", "")],
            "11: dynamics.tolerance: found 1e-06, but with plasticity continuous the circuit never rests, and nothing "
            "waits until it does. Use tolerance: null.",
        ),
        (
            [("hold: 3.0", "hold: 0.4")],
            "19: analysis.hold: found 0.4 s, shorter than one step; dynamics.dt is 0.5 s.",
        ),
        (
            [("dual_propagation\n  beta: 0.2", "backprop")],
            "17: analysis.plasticity: continuous needs a rule whose error signal is there at every moment; that of "
            "backprop is not. Use rule dual_propagation, or plasticity: per_batch.",
        ),
        (
            [("dual_propagation", "equilibrium"), ("activation: tanh", "neuron: point")],
            "18: analysis.plasticity: continuous needs a rule whose error signal is there at every moment; that of "
            "equilibrium is not. Use rule dual_propagation, or plasticity: per_batch.",
        ),
        (
            [("beta: 0.2", "cost_gradient: frozen")],
            "10: rule.cost_gradient: frozen holds the gradient at the prediction of a free phase, but plasticity "
            "continuous has no phases. Use live.",
        ),
        (
            [("beta: 0.2", "variant: damped"), ("tanh", "relu")],
            "10: rule.variant: found damped, but damping follows the norm of the conductances, and with plasticity "
            "continuous these change all the time. Use original or transposed.",
        ),
    ],
)
def test_what_continuous_plasticity_cannot_do_with(problems, changes, line):
    assert problems(*ALWAYS_ON, *changes) == [f"mine.yaml:{line}"]


@pytest.mark.parametrize(
    "changes",
    [
        [],
        [("  hold: 3.0\n", "")],
        [("hold: 3.0", "hold: 0.5")],
        [("solver: rk4\n  dt: 0.5", "solver: tsit5")],
        [("solver: rk4", "solver: exponential_euler")],
        [("activation: tanh", "feedback: independent"), ("beta: 0.2", "feedback_learning: kolen_pollack")],
        [("beta: 0.2", "output: prox"), ("activation: tanh", "cost: cross_entropy")],
    ],
)
def test_what_continuous_plasticity_can_do_with(load, changes):
    assert load(*ALWAYS_ON, *changes).scenario.analysis.plasticity == "continuous"


def test_continuous_plasticity_without_a_rule_misses_only_the_rule(problems):
    assert problems(*ALWAYS_ON, ("rule:\n  type: dual_propagation\n  beta: 0.2\n", "")) == [
        "mine.yaml:1: rule: missing; analysis train needs a learning rule."
    ]
