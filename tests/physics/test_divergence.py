"""Divergence is a status: no exception, no warning, no damage to conductances or to the other samples of a batch."""

import numpy as np
import pytest
from physics_nets import circuit, draw_numbers, present, relax, rule, solver

from neurosim.analysis.run import Options, execute
from neurosim.dynamics.status import Status, statuses
from neurosim.learning.learner import Learner
from neurosim.results.reader import open_result
from neurosim.scenario.load import load_scenario
from neurosim.workers import Workers

SWEEPS = {order: ("sweeps", {"order": order, "max_steps": 300}) for order in ("forward", "backward", "both")}
FIXED = {name: (name, {"dt": 0.1, "t_end": 100.0}) for name in ("euler", "exponential_euler", "heun", "rk4")}
ADAPTIVE = {"tsit5": ("tsit5", {"t_end": 100.0, "max_steps": 4000})}
TIMED = FIXED | ADAPTIVE
EVERY = SWEEPS | TIMED


def how(name, tolerance=1e-6):
    registered, keys = EVERY[name]
    return solver(registered, tolerance=tolerance, **keys)


def heavy(factor, layers=(6, 8, 7, 5), samples=4):
    """Conductances `factor` times as large as those of a net drawn like net D, B = W^T."""
    net = draw_numbers(layers, samples)
    net.W = [factor * W for W in net.W]
    net.B = [None, *(W.T for W in net.W[1:])]
    return net


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("output", ["linearised", "prox"])
@pytest.mark.parametrize("alpha", [0.0, 1.0])
@pytest.mark.parametrize("name", EVERY)
def test_linear_dyads_of_the_original_variant_diverge_under_an_asymmetric_nudge(name, alpha, output, dtype):
    """alpha = 1 is beyond the reach of the theorem on one hidden layer: here there are two."""
    net, chosen = heavy(4.0), rule("original", alpha, 0.5, output=output)
    network = circuit(net, chosen.compartments(), dtype=dtype, activation="identity")
    before = network.p.copy()
    relaxation = relax(present(network, net), chosen, how(name))
    assert statuses(relaxation.codes) == [Status.DIVERGED] * 4
    assert not np.any(relaxation.rates <= 1e8)
    assert np.array_equal(network.p, before)


@pytest.mark.parametrize("name", EVERY)
def test_relu_dyads_diverge_too(name):
    net, chosen = heavy(4.0), rule("original", 0.0, 0.5)
    relaxation = relax(present(circuit(net, chosen.compartments()), net), chosen, how(name))
    assert statuses(relaxation.codes) == [Status.DIVERGED] * 4


@pytest.mark.parametrize(("largest", "ode"), [(2.8, Status.SETTLED), (8.1, Status.NOT_SETTLED)])
@pytest.mark.parametrize("alpha", [0.0, 1.0])
def test_bounded_dyads_cycle_and_sweeps_are_no_judge_of_the_ode(alpha, largest, ode):
    """Section 6 of the reference: ReLU, max |W| = 2.8 and 8.1, beta = 1, Euler with dt = .1 tau; here cross-entropy."""
    net, chosen = draw_numbers((20, 30, 30, 30, 30, 10), samples=8), rule("original", alpha, 1.0)
    top = max(np.linalg.norm(W, 2) for W in net.W[1:])
    net.W[1:] = [W * largest / top for W in net.W[1:]]
    net.B = [None, *(W.T for W in net.W[1:])]
    network = circuit(net, chosen.compartments(), activation="relu", cost="cross_entropy")
    swept = relax(present(network, net), chosen, how("both"))
    assert swept.status is Status.MAX_STEPS
    assert np.mean(swept.codes == Status.MAX_STEPS.code) >= 0.75
    timed = relax(present(network, net), chosen, solver("euler", dt=0.1, t_end=300.0))
    assert timed.status is ode


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("tolerance", [1e-6, None])
@pytest.mark.parametrize("cost", ["squared_error", "cross_entropy"])
@pytest.mark.parametrize("name", EVERY)
def test_a_learner_says_how_many_samples_diverged_and_leaves_the_conductances_alone(name, cost, tolerance, dtype):
    net, chosen = heavy(4.0), rule("original", 0.0, 0.5)
    network = circuit(net, chosen.compartments(), dtype=dtype, activation="identity", cost=cost)
    before = network.p.copy()
    with Workers(1) as workers:
        outcome = Learner(network, how(name, tolerance), chosen, "free", workers).learn(net.x.T, net.y.T)
    assert outcome.diverged == 4 or cost == "cross_entropy"
    assert np.array_equal(network.p, before)


def test_a_learner_does_not_warn_of_overflow():
    net, chosen = heavy(1e3), rule("original", 0.0, 0.5)
    network = circuit(net, chosen.compartments(), dtype="float32", activation="identity")
    with Workers(1) as workers:
        outcome = Learner(network, how("euler"), chosen, "free", workers).learn(net.x.T, net.y.T)
    assert outcome.diverged == 4


SCENARIO = """\
schema: 1
name: run-away
seed: 1
dtype: {dtype}
circuit: {{layers: [2, 8, 8, 2], activation: {activation}, init: {{type: gaussian, gain: {gain}}}}}
data: {{set: xor, batch: 4}}
rule: {{type: dual_propagation, variant: original, alpha: 0.0, beta: 0.5}}
dynamics: {{{dynamics}}}
analysis: {{type: train, epochs: {epochs}, optimizer: {{type: {optimizer}, rate: {rate}}}}}
"""


def train(folder, **keys):
    """Train and return outcome, initial and final conductances."""
    (folder / "scenario.yaml").write_text(SCENARIO.format(**keys))
    loaded = load_scenario(str(folder / "scenario.yaml"), ())
    path, outcome = execute(loaded, Options(output=folder / "result.h5", threads=1))
    with open_result(path) as file:
        assert file.attrs["status"] == outcome.status.key
        groups = [file["circuit/initial"], file["circuit/parameters"]]
        initial, final = ({name: group[name][:] for name in group} for group in groups)
    return outcome, initial, final


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    "dynamics", ["solver: sweeps", "solver: rk4, dt: 0.1, t_end: 100", "solver: tsit5, t_end: 100"]
)
def test_training_stops_before_it_learns_from_a_diverged_batch(dynamics, dtype, tmp_path):
    outcome, initial, final = train(
        tmp_path, dtype=dtype, activation="identity", gain=6.0, dynamics=dynamics, epochs=3, optimizer="sgd", rate=0.1
    )
    assert outcome.status is Status.DIVERGED
    assert "epoch 1, batch 1 of 1: 4 of 4 samples diverged" in outcome.message
    assert {name: values.tolist() for name, values in initial.items()} == {
        name: values.tolist() for name, values in final.items()
    }


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("activation", "end"), [("identity", Status.DIVERGED), ("tanh", None)])
def test_training_that_runs_away_never_writes_a_nan_into_a_conductance(activation, end, dtype, optimizer, tmp_path):
    """A learning rate of 30 drives the conductances up, to 1e10 with tanh, until relaxations diverge or cycle."""
    keys = {"activation": activation, "dtype": dtype, "optimizer": optimizer}
    outcome, initial, final = train(tmp_path, gain=0.5, dynamics="solver: sweeps", epochs=12, rate=30.0, **keys)
    assert all(np.isfinite(values).all() for values in final.values())
    assert max(np.abs(values - initial[name]).max() for name, values in final.items()) > 10
    assert outcome.status in ((Status.DIVERGED, Status.MAX_STEPS) if end is None else (end,))


def batch_with_one_diverging_row(dtype, strong, activation="identity"):
    """Four samples of which the third is nudged so strongly that it diverges; and the other three by themselves."""
    net, chosen = draw_numbers((6, 8, 7, 5), samples=4), rule("original", 0.0, 0.5)
    system = present(circuit(net, chosen.compartments(), dtype=dtype, activation=activation), net)
    state = system.rest()
    system.free_state(state)
    system.nudges[:] = [0.02, 0.03, strong, 0.02]
    others = [0, 1, 3]
    return system, state, system.take(others), system.take_state(state, others), others


def assert_others_do_not_notice(name, dtype, strong, activation="identity"):
    system, state, alone, alone_state, others = batch_with_one_diverging_row(dtype, strong, activation)
    together, apart = how(name, 1e-5).relax(system, state), how(name, 1e-5).relax(alone, alone_state)
    assert apart.status is Status.SETTLED
    assert statuses(together.codes) == [Status.SETTLED, Status.SETTLED, Status.DIVERGED, Status.SETTLED]
    found = system.take_state(state, others)
    assert np.abs(found - alone_state).max() < 2e-5


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("strong", [20.0, 1e4, 1e12])
@pytest.mark.parametrize("activation", ["identity", "relu"])
@pytest.mark.parametrize("name", SWEEPS | FIXED)
def test_one_diverging_sample_changes_no_other(name, activation, strong, dtype):
    assert_others_do_not_notice(name, dtype, strong, activation)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", SWEEPS | FIXED)
def test_one_diverging_sample_changes_not_a_bit_of_the_others(name, dtype):
    """The same number of steps, with the third sample nudged weakly in one run and strongly in the other."""
    found = []
    for strong in (0.02, 1e4):
        system, state, _, _, others = batch_with_one_diverging_row(dtype, strong)
        registered, keys = EVERY[name]
        short = {"max_steps": 40} if registered == "sweeps" else {"t_end": 20.0}
        solver(registered, tolerance=None, **{**keys, **short}).relax(system, state)
        found.append(system.take_state(state, others))
    assert np.array_equal(*found)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("strong", [1e4, 1e12])
def test_one_diverging_sample_does_not_stop_the_adaptive_steps_of_others(strong, dtype):
    assert_others_do_not_notice("tsit5", dtype, strong)


@pytest.mark.parametrize("name", ["rk4", "tsit5", "newton", "radau"])
def test_a_start_that_is_not_finite_has_diverged(name):
    """As when a nudged phase starts from a free phase that diverged."""
    system, state, *_ = batch_with_one_diverging_row("float64", 0.02)
    for view in system.views(state):
        view[:, 2] = np.nan
    keys = {"newton": {}, "radau": {"t_end": 300.0}}.get(name) or TIMED.get(name, ("", {}))[1]
    relaxation = solver(name, tolerance=1e-5, **keys).relax(system, state)
    assert statuses(relaxation.codes)[2] is Status.DIVERGED


def test_radau_says_that_it_diverged():
    net, chosen = heavy(4.0, samples=1), rule("original", 0.0, 0.5)
    system = present(circuit(net, chosen.compartments(), activation="identity"), net)
    relaxation = relax(system, chosen, solver("radau", t_end=300.0, max_steps=2000))
    assert relaxation.status is Status.DIVERGED


def test_newton_does_not_warn_of_a_singular_jacobian():
    net, chosen = heavy(1e3), rule("original", 0.0, 0.5)
    system = present(circuit(net, chosen.compartments(), dtype="float32", activation="identity"), net)
    assert not relax(system, chosen, solver("newton")).status.good
