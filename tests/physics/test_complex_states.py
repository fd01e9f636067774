"""Networks with complex states: random circuits beside the same equations in NumPy's complex numbers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurosim.analysis.setup import build_solver
from neurosim.dynamics.dense import to_rows
from neurosim.dynamics.settings import NewtonSettings, SweepsSettings
from neurosim.errors import SimulationError
from neurosim.physics.costs import softmax
from neurosim.physics.holomorphic.activations import holomorphic
from neurosim.physics.imperfection_settings import Asymmetry, Imperfections
from neurosim.physics.layered.compartments import POINT
from neurosim.physics.layered.network import CompartmentNetwork
from neurosim.physics.layered.settings import Init, LayeredCircuit
from neurosim.physics.names import HOLOMORPHIC
from neurosim.physics.signal import Signal

PROPERTY = settings(max_examples=60, deadline=None, derandomize=True, database=None)


def point_network(layers=(4, 6, 5, 3), dtype="float64", gain=0.4, **keys):
    circuit = LayeredCircuit(
        neuron="point", layers=layers, tau=0.7, init=Init(gain=gain), feedback="independent",
        imperfections=Imperfections(asymmetry=Asymmetry(angle_deg=50.0)),
        **{"activation": "shifted_sigmoid", "output_activation": "tanh", **keys},
    )  # fmt: skip
    network = CompartmentNetwork(circuit, POINT, dtype, seed=3)
    draw = np.random.default_rng(5)
    for k in range(1, len(layers)):
        network.parameters[f"b_{k}"][:] = 0.2 * draw.normal(size=layers[k])
    return network


def presented(network, samples=3, seed=0):
    draw = np.random.default_rng(seed)
    targets = np.eye(network.outputs)[draw.integers(network.outputs, size=samples)]
    system = network.system(samples)
    system.present(draw.normal(size=(samples, network.layers[0])), targets)
    return system


@st.composite
def complex_cases(draw):
    keys = {
        "coordinates": draw(st.sampled_from(["activity", "membrane"])),
        "activation": draw(st.sampled_from(HOLOMORPHIC)),
        "output_activation": draw(st.sampled_from(HOLOMORPHIC)),
        "cost": draw(st.sampled_from(["squared_error", "cross_entropy"])),
    }
    layers = draw(st.sampled_from([(4, 3), (2, 5, 3), (4, 6, 5, 3)]))
    return point_network(layers, **keys), draw(st.integers(1, 3)), draw(st.integers(0, 1000))


def at_some_state(case):
    network, copies, seed = case
    system = presented(network, seed=seed).complex_copies(copies)
    draw = np.random.default_rng(seed)
    betas = draw.normal(size=copies) + 1j * draw.normal(size=copies)
    system.nudge_copies(betas)
    return system, betas, 0.3 * draw.normal(size=system.size)


def rate_in_numpy(network, inputs, targets, betas, z):
    """d(state)/dt of the equations in the reference, layer by layer, z: complex (rows, units) per layer."""
    keys, p, last = network.settings, network.parameters, len(z)
    names = [keys.activation] * (last - 1) + [keys.output_activation]
    membrane = keys.coordinates == "membrane"
    s = [holomorphic(name).value(x) if membrane else x for name, x in zip(names, z, strict=True)]
    rates = []
    for k in range(1, last + 1):
        v = (inputs if k == 1 else s[k - 2]) @ p[f"W_{k - 1}"] + p[f"b_{k}"]
        if k < last:
            v = v + s[k] @ p[f"B_{k}"]
        else:
            v = v - betas[:, None] * ((softmax(s[-1]) if keys.cost == "cross_entropy" else s[-1]) - targets)
        rates.append(((v if membrane else holomorphic(names[k - 1]).value(v)) - z[k - 1]) / keys.tau)
    return rates


@PROPERTY
@given(complex_cases())
def test_the_rate_is_that_of_the_equations(case):
    system, betas, state = at_some_state(case)
    each = np.repeat(betas, system.real.rows)
    expected = rate_in_numpy(system.model, system.inputs, system.targets, each, system.complex_views(state))
    for found, value in zip(system.complex_views(system.rate(state)), expected, strict=True):
        assert found == pytest.approx(value, abs=1e-12)


@PROPERTY
@given(complex_cases())
def test_products_are_differences_of_the_rate_and_the_transpose_is_theirs(case):
    system, _, state = at_some_state(case)
    draw = np.random.default_rng(1)
    v, w, h = draw.normal(size=state.size), draw.normal(size=state.size), 1e-4
    linear = system.linearise(state)
    near = system.rate(state + h * v) - system.rate(state - h * v)
    far = system.rate(state + 2 * h * v) - system.rate(state - 2 * h * v)
    scale = max(1.0, np.abs(linear.times(v)).max())
    assert linear.times(v) == pytest.approx((8 * near - far) / (12 * h), abs=1e-8 * scale)
    assert w @ linear.times(v) == pytest.approx(v @ linear.transposed_times(w), abs=1e-10)
    matrices, lines = linear.matrices(), to_rows(system, v)
    assert to_rows(system, linear.times(v)) == pytest.approx(np.einsum("rij,rj->ri", matrices, lines), abs=1e-11)
    before, h = system.nudges[0].copy(), 1e-5
    system.nudges[0] = before + h
    up = system.rate(state)
    system.nudges[0] = before - h
    assert linear.nudge_slope() == pytest.approx((up - system.rate(state)) / (2 * h), abs=1e-8 * scale)


@pytest.mark.parametrize("coordinates", ["activity", "membrane"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_with_real_states_and_nudges_it_is_the_real_circuit(dtype, coordinates):
    real = presented(point_network(dtype=dtype, coordinates=coordinates))
    copies = real.complex_copies(2)
    copies.nudge_copies((0.0, 0.4))
    state = (0.3 * np.random.default_rng(2).normal(size=real.size)).astype(dtype)
    rate = copies.rate(copies.lift(state))
    for beta, rows in ((0.0, slice(0, 3)), (0.4, slice(3, 6))):
        real.nudge(beta)
        for mine, its in zip(copies.views(rate), real.views(real.rate(state)), strict=True):
            assert mine[0, rows] == pytest.approx(its[0], abs=20 * float(np.finfo(dtype).eps))
            assert np.all(mine[1] == 0)


def test_opposite_imaginary_nudges_give_mirrored_states():
    copies = presented(point_network()).complex_copies(2)
    copies.nudge_copies((0.1 + 0.2j, 0.1 - 0.2j))
    state = copies.rest()
    build_solver(NewtonSettings(solver="newton", tolerance=1e-13)).relax(copies, state)
    for z in copies.complex_views(state):
        assert z[:3] == pytest.approx(z[3:].conj(), abs=1e-12)
        assert np.abs(z.imag).max() > 1e-4


@pytest.mark.parametrize("keys", [{}, {"output_activation": "identity"}, {"cost": "cross_entropy"}], ids=str)
@pytest.mark.parametrize("order", ["forward", "backward", "both"])
@pytest.mark.parametrize("coordinates", ["activity", "membrane"])
def test_sweeps_lead_to_the_equilibrium(coordinates, order, keys):
    copies = presented(point_network(coordinates=coordinates, **keys)).complex_copies(2)
    copies.nudge_copies((0.3j, 0.2 - 0.1j))
    swept, found = copies.rest(), copies.rest()
    ends = build_solver(SweepsSettings(solver="sweeps", order=order, max_steps=400, tolerance=1e-13)).relax(
        copies, swept
    )
    build_solver(NewtonSettings(solver="newton", tolerance=1e-13)).relax(copies, found)
    assert ends.status.key == "settled"
    assert swept == pytest.approx(found, abs=1e-11)


def test_copies_are_read_with_a_weight_for_each_part():
    copies = presented(point_network(coordinates="membrane")).complex_copies(2)
    state = 0.3 * np.random.default_rng(4).normal(size=copies.size)
    weights = np.array([[1.0, -2.0], [0.5, 3.0]])
    out = Signal.zeros((6, 5, 3), 7, np.float64).window(slice(2, 5))
    for block in out.values.reshape(1, -1):
        block[:] = 1.0
    copies.read_copies(state, weights, out)
    for i, s in enumerate(copies.complex_activities(state)):
        parts = [w_re * z.real + w_im * z.imag for w_re, w_im, z in zip(*weights, (s[:3], s[3:]), strict=True)]
        assert out.block(i) == pytest.approx(1.0 + parts[0] + parts[1], abs=1e-14)
    assert np.count_nonzero(out.values != 1.0) == 3 * 14


def test_rows_taken_out_behave_as_before():
    copies = presented(point_network()).complex_copies(2)
    copies.nudge_copies((0.3j, 0.2 - 0.1j))
    state = 0.3 * np.random.default_rng(4).normal(size=copies.size)
    some = copies.take([4, 0, 4])
    rate = some.rate(copies.take_state(state, [4, 0, 4]))
    assert rate == pytest.approx(copies.take_state(copies.rate(state), [4, 0, 4]), abs=1e-14)


def test_the_same_copies_follow_a_new_batch():
    system = presented(point_network())
    copies = system.complex_copies(2)
    copies.nudge(1j)
    system.present(system.inputs + 1.0, system.targets[::-1])
    again = system.complex_copies(2)
    assert again is copies
    assert again.free
    assert np.array_equal(again.inputs[3:], system.inputs)
    assert np.array_equal(again.targets[:3], system.targets)


@pytest.mark.parametrize("coordinates", ["activity", "membrane"])
def test_the_cost_slope_is_the_derivative_of_the_cost(coordinates):
    """C is holomorphic, so its derivative along the imaginary axis is i times that along the real one."""
    copies = presented(point_network(coordinates=coordinates, cost="squared_error")).complex_copies(1)
    state = 0.3 * np.random.default_rng(4).normal(size=copies.size)

    def cost(x):
        return (np.sum((copies.complex_activities(x)[-1] - copies.targets) ** 2) / 2).real

    v, h = np.random.default_rng(5).normal(size=state.size), 1e-5
    assert copies.cost_slope(state) @ v == pytest.approx(
        (cost(state + h * v) - cost(state - h * v)) / (2 * h), abs=1e-8
    )


def test_refusals():
    system = presented(point_network())
    with pytest.raises(SimulationError, match="a complex nudge needs complex states"):
        system.nudge(0.1j)
    with pytest.raises(SimulationError, match="a complex nudge needs complex states"):
        system.dyads().nudge(0.1j)
    with pytest.raises(SimulationError, match="complex nudges follow the present output"):
        system.complex_copies(1).freeze_cost_gradient(system.rest())
    with pytest.raises(SimulationError, match="'relu' is not holomorphic"):
        presented(point_network(activation="relu")).complex_copies(1)
