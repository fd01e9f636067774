"""Sweeps in every order, ODE solvers and Newton's method find the same fixed point, to 1e-10 in double precision.

They share little: sweeps are layer updates of their own, ODE solvers use the drift, Newton the drift and the Jacobian.
"""

import numpy as np
import pytest
from physics_nets import circuit, draw_numbers, present, rule, solver

from neurosim.dynamics.status import Status
from neurosim.errors import SimulationError
from neurosim.physics.layered.compartments import POINT

BETA = 0.2
SWEEPS = {
    order: solver("sweeps", order=order, tolerance=1e-13, max_steps=2000) for order in ("forward", "backward", "both")
}
TIMED = {
    **{name: solver(name, dt=0.5, t_end=500.0, tolerance=1e-13) for name in ("euler", "rk4")},
    "tsit5": solver("tsit5", t_end=500.0, tolerance=1e-12, rtol=1e-13, atol=1e-14),
}
NEWTON = solver("newton", tolerance=1e-13)
RADAU = solver("radau", t_end=500.0, tolerance=1e-11, rtol=1e-10, atol=1e-12)


def small_net(angle=None):
    """5-6-5-4 with two samples, weak enough for every variant to settle."""
    net = draw_numbers((5, 6, 5, 4), samples=2, angle=angle)
    for k in (1, 2):
        net.W[k], net.B[k] = 0.8 * net.W[k], 0.8 * net.B[k]
    return net


def free_state(net, network):
    system = present(network, net)
    state = system.rest()
    assert NEWTON.relax(system, state).status is Status.SETTLED
    return state


def settled_activity(net, network, how, frozen=False, free=None):
    """Relax under the nudge, from the free state or from rest; return the activities of all layers in one vector."""
    system = present(network, net)
    if frozen:
        system.freeze_cost_gradient(free)
    state = system.rest() if free is None else free.copy()
    system.nudge(BETA)
    relaxation = how.relax(system, state)
    assert relaxation.status is Status.SETTLED
    assert np.abs(system.rate(state)).max() < 1e-9
    return np.concatenate([activity.ravel() for activity in system.activities(state)])


def assert_same(found, expected, name=""):
    assert np.abs(found - expected).max() < 1e-10, name


def assert_agreement(net, network, solvers, frozen=False):
    free = free_state(net, network)
    expected = settled_activity(net, network, NEWTON, frozen, free)
    assert expected.std() > 0.1
    for name, how in solvers.items():
        assert_same(settled_activity(net, network, how, frozen, free), expected, name)


@pytest.mark.parametrize("angle", [None, 30], ids=["reciprocal", "independent"])
@pytest.mark.parametrize("cost", ["squared_error", "cross_entropy"])
@pytest.mark.parametrize("coordinates", ["activity", "membrane"])
@pytest.mark.parametrize(
    ("output", "gradient"), [("linearised", "live"), ("linearised", "frozen"), ("prox", "live")], ids=lambda x: x
)
@pytest.mark.parametrize("alpha", [0.0, 0.3, 0.5, 1.0])
@pytest.mark.parametrize("variant", ["original", "transposed", "damped"])
def test_dyads_settle_at_the_same_state_however_they_get_there(
    variant, alpha, output, gradient, coordinates, cost, angle
):
    """Measured 2e-12; 2e-11 with tsit5, which is slow at these tolerances and runs a quarter of the cases."""
    net, chosen = small_net(angle), rule(variant, alpha, BETA, output=output, cost_gradient=gradient)
    network = circuit(
        net,
        chosen.compartments(),
        activation="relu" if variant == "damped" else "tanh",
        cost=cost,
        coordinates=coordinates,
        feedback="reciprocal" if angle is None else "independent",
    )
    closed_form = {} if (output, cost) == ("prox", "cross_entropy") else SWEEPS
    timed = {name: TIMED[name] for name in TIMED if name != "tsit5" or (coordinates, angle) == ("activity", None)}
    assert_agreement(net, network, {**closed_form, **timed}, frozen=gradient == "frozen")


@pytest.mark.parametrize(
    ("coordinates", "output", "cost"),
    [
        ("activity", "linearised", "squared_error"),
        ("activity", "prox", "cross_entropy"),
        ("membrane", "prox", "squared_error"),
        ("membrane", "linearised", "cross_entropy"),
    ],
)
def test_radau_settles_there_too(coordinates, output, cost):
    """3-3-2 with B = W^T; measured 5e-11, Radau stops at a rate of 1e-11."""
    net, chosen = draw_numbers((3, 3, 2), samples=2), rule("original", 0.3, BETA, output=output)
    keys = {"activation": "tanh", "cost": cost, "coordinates": coordinates}
    network = circuit(net, chosen.compartments(), **keys)
    assert_agreement(net, network, {"radau": RADAU})


@pytest.mark.parametrize("how", ["forward", "rk4", "newton"])
@pytest.mark.parametrize("variant", ["original", "transposed"])
def test_the_start_does_not_matter(variant, how):
    net, chosen = small_net(angle=30), rule(variant, 0.3, BETA)
    network = circuit(net, chosen.compartments(), activation="tanh", cost="cross_entropy")
    chosen_solver = {**SWEEPS, **TIMED, "newton": NEWTON}[how]
    from_rest = settled_activity(net, network, chosen_solver)
    assert_same(from_rest, settled_activity(net, network, NEWTON, free=free_state(net, network)))


@pytest.mark.parametrize("variant", ["original", "transposed", "damped"])
@pytest.mark.parametrize("how", ["forward", "rk4"])
def test_membrane_and_activity_coordinates_have_the_same_fixed_points(variant, how):
    net, chosen = small_net(angle=30), rule(variant, 0.3, BETA)
    found = []
    for coordinates in ("activity", "membrane"):
        network = circuit(net, chosen.compartments(), activation="relu", coordinates=coordinates)
        found.append(settled_activity(net, network, {**SWEEPS, **TIMED}[how]))
    assert_same(*found)


@pytest.mark.parametrize("alpha", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("activation", ["identity", "relu", "hard_sigmoid"])
def test_damping_does_not_move_the_fixed_points(activation, alpha):
    net = small_net(angle=30)
    net.W[1] *= 1.7 / np.linalg.norm(net.W[1], 2)
    networks = [
        circuit(net, rule(variant, alpha, BETA).compartments(), activation=activation)
        for variant in ("original", "damped")
    ]
    networks[1].synchronise()
    assert networks[1].p[networks[1].header.damping] > 0.5
    found = [settled_activity(net, network, SWEEPS["forward"]) for network in networks]
    assert_same(*found)


def test_a_frozen_gradient_knows_no_implicit_nudge():
    net, found = small_net(), []
    for output in ("linearised", "prox"):
        network = circuit(net, rule("original", 0.3, BETA, output=output).compartments(), activation="tanh")
        found.append(settled_activity(net, network, SWEEPS["both"], frozen=True, free=free_state(net, network)))
    assert np.array_equal(*found)


@pytest.mark.parametrize("angle", [None, 30], ids=["reciprocal", "independent"])
@pytest.mark.parametrize("coordinates", ["activity", "membrane"])
@pytest.mark.parametrize("cost", ["squared_error", "cross_entropy"])
@pytest.mark.parametrize("activation", ["tanh", "hard_sigmoid", "softplus"])
def test_point_neurons_with_feedback_settle_at_the_same_state(activation, cost, coordinates, angle):
    """From rest, under a nudge; the implicit nudge of cross-entropy has no closed form for sweeps. Measured 9e-12."""
    net = small_net(angle)
    for k in (1, 2):
        net.W[k], net.B[k] = 0.5 * net.W[k], 0.5 * net.B[k]
    network = circuit(
        net,
        POINT,
        activation=activation,
        cost=cost,
        coordinates=coordinates,
        feedback="reciprocal" if angle is None else "independent",
    )
    assert_agreement(net, network, {**SWEEPS, **TIMED})


@pytest.mark.parametrize("keys", [{"cost": "cross_entropy"}, {"output_activation": "tanh"}], ids=["cost", "output"])
def test_sweeps_refuse_an_implicit_nudge_of_dyads_without_closed_form(keys):
    """Point neurons take the nudge at the activity of the sweep before; the compartments of a dyad would differ."""
    net = small_net()
    system = present(circuit(net, rule(output="prox").compartments(), activation="tanh", **keys), net)
    system.nudge(BETA)
    with pytest.raises(SimulationError, match=r"closed form for squared_error and identity outputs only.*ODE solver"):
        SWEEPS["forward"].relax(system, system.rest())


@pytest.mark.parametrize("coordinates", ["activity", "membrane"])
@pytest.mark.parametrize("variant", ["transposed", "damped"])
@pytest.mark.parametrize(("layers", "rows"), [((7, 2100, 5, 3), 3), ((7, 100, 90, 4), 37)])
def test_sweeps_of_layers_that_do_not_fit_into_one_pass(layers, rows, variant, coordinates):
    """Kernels work through a layer in chunks of rows; the drift, which shares nothing with them, finds no rate left."""
    net, chosen = draw_numbers(layers, rows, angle=20), rule(variant, 0.3, BETA)
    system = present(circuit(net, chosen.compartments(), coordinates=coordinates, cost="cross_entropy"), net)
    state = system.rest()
    assert system.free_state(state)
    system.nudge(BETA)
    assert SWEEPS["both"].relax(system, state).status is Status.SETTLED
    assert np.abs(system.rate(state)).max() < 1e-10


@pytest.mark.parametrize(
    ("variant", "coordinates"),
    [
        ("transposed", "activity"),
        ("transposed", "membrane"),
        ("damped", "activity"),
        ("damped", "membrane"),
    ],
)
@pytest.mark.parametrize(("layers", "rows"), [((7, 6, 5, 3), 4), ((7, 2100, 5, 3), 3), ((7, 100, 90, 4), 37)])
def test_the_free_state_in_closed_form_is_at_rest(layers, rows, variant, coordinates):
    net = draw_numbers(layers, rows)
    system = present(circuit(net, rule(variant, 0.3).compartments(), coordinates=coordinates), net)
    state = system.rest()
    assert system.free_state(state)
    assert np.abs(system.rate(state)).max() < 1e-12


def test_the_free_state_has_a_closed_form_whatever_the_nudge():
    net = small_net()
    system = present(circuit(net, rule(output="prox").compartments(), activation="tanh", cost="cross_entropy"), net)
    state = system.rest()
    assert system.free_state(state)
    assert np.abs(system.rate(state)).max() < 1e-14


def test_sweeps_start_from_the_state_they_are_given():
    net, chosen = small_net(), rule("original", 0.3, BETA)
    system = present(circuit(net, chosen.compartments(), activation="tanh"), net)
    system.nudge(BETA)
    state, once = system.rest(), solver("sweeps", order="backward", tolerance=None, max_steps=1)
    once.relax(system, state)
    assert TIMED["rk4"].relax(system, state).status is Status.SETTLED
    settled = state.copy()
    once.relax(system, state)
    assert_same(state, settled)
