"""Recurrent back-propagation: the adjoint circuit teaches what the linear system says, or a status says why not."""

from __future__ import annotations

import numpy as np
import pytest
from learning_nets import batch, copied, network, solver

from neurosim.dynamics.status import Status, statuses
from neurosim.learning.learner import Learner
from neurosim.learning.rules.recurrent_backprop import RecurrentBackprop
from neurosim.physics.layered.compartments import POINT
from neurosim.physics.layered.settings import Init

LAYERS = (20, 30, 25, 10)
DIRECT, ITERATIVE = (RecurrentBackprop(type="recurrent_backprop", solve=solve) for solve in ("direct", "iterative"))


def loop(dtype="float64", **keys):
    """A network with feedback of its own, turned a little from reciprocal, in which free states settle."""
    keys = {"init": Init(gain=0.5), "feedback": "independent", **keys}
    made = network(POINT, LAYERS, dtype, neuron="point", **keys)
    draw = np.random.default_rng(4)
    for k in (1, 2):
        B = made.parameters[f"B_{k}"]
        B += 0.05 * draw.standard_normal(B.shape)
    made.parameters_changed()
    return made


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("exponential_euler", {"dt": 0.5, "t_end": 400.0}),
        ("rk4", {"dt": 0.2, "t_end": 400.0}),
        ("tsit5", {"t_end": 400.0, "rtol": 1e-9, "atol": 1e-12}),
        ("radau", {"t_end": 400.0}),
        ("sweeps", {"max_steps": 400}),
        ("sweeps", {"max_steps": 400, "order": "forward"}),
        ("newton", {}),
    ],
)
@pytest.mark.parametrize("coordinates", ["activity", "membrane"])
def test_any_solver_relaxes_to_the_direct_solution(workers, name, keys, coordinates):
    """To a hundred times its tolerance, in steps of its own; and both settle."""
    circuit, how = loop(coordinates=coordinates), solver(name, tolerance=1e-9, **keys)
    inputs, targets = batch(4, LAYERS)
    direct = Learner(circuit, how, DIRECT, "free", workers).learn(inputs, targets)
    expected, steps = copied(direct), direct.steps
    relaxed = Learner(circuit, how, ITERATIVE, "free", workers).learn(inputs, targets)
    assert relaxed.usable
    assert {status.key for status in statuses(relaxed.codes)} == {"settled"}
    assert relaxed.steps > steps
    for parameter, values in relaxed.gradient.items():
        np.testing.assert_allclose(values, expected[parameter], rtol=0, atol=1e-7, err_msg=parameter)


def test_single_precision_agrees_to_single_precision(workers):
    inputs, targets = batch(6, LAYERS, "float32")
    circuit, how = loop("float32"), solver("exponential_euler", dt=0.5, t_end=400.0, tolerance=1e-6)
    direct, relaxed = (
        copied(Learner(circuit, how, rule, "free", workers).learn(inputs, targets)) for rule in (DIRECT, ITERATIVE)
    )
    for parameter in circuit.parameters:
        values = direct[parameter]
        np.testing.assert_allclose(relaxed[parameter], values, rtol=0, atol=1e-5 * np.abs(values).max())


def test_a_sample_whose_errors_did_not_settle_says_so(workers):
    """At rest without inputs; the first sample has no error to speak of, the second has no time for it."""
    circuit = loop()
    circuit.parameters.trained[:] = 0.1
    for k in (1, 2, 3):
        circuit.parameters[f"b_{k}"][:] = 0.0
    targets = np.zeros((2, 10))
    targets[1] = 1.0
    how = solver("rk4", dt=0.1, t_end=1.0, tolerance=1e-6)
    outcome = Learner(circuit, how, ITERATIVE, "free", workers).learn(np.zeros((2, 20)), targets)
    assert statuses(outcome.codes) == [Status.SETTLED, Status.NOT_SETTLED]
    assert np.isfinite(outcome.gradient.flat).all()
    assert (
        statuses(Learner(circuit, how, DIRECT, "free", workers).learn(np.zeros((2, 20)), targets).codes)
        == [Status.SETTLED] * 2
    )


def test_an_unstable_equilibrium_has_a_direct_solution_only(workers):
    """At rest between tanh units that excite each other too much: the adjoint runs away, and no conductance follows."""
    circuit = loop(init=Init(gain=4.0))
    for k in (1, 2, 3):
        circuit.parameters[f"b_{k}"][:] = 0.0
    how = solver("rk4", dt=0.1, t_end=100.0, tolerance=1e-6)
    inputs, targets = np.zeros((2, 20)), np.ones((2, 10))
    assert Learner(circuit, how, DIRECT, "free", workers).learn(inputs, targets).usable
    outcome = Learner(circuit, how, ITERATIVE, "free", workers).learn(inputs, targets)
    assert statuses(outcome.codes) == [Status.DIVERGED] * 2
    assert not outcome.usable
