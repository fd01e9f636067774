"""Imperfections of netlists: elements that are not what the file says, devices, noise of reads and nudges."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from resistive_nets import base_numbers, network

from neurosim.dynamics.polished import EQUILIBRIUM
from neurosim.learning.exact.implicit import implicit_gradient
from neurosim.learning.learner import Learner
from neurosim.learning.rules.coupled import Coupled
from neurosim.learning.rules.equilibrium import Equilibrium
from neurosim.physics.resistive.model import ResistiveNetwork
from neurosim.workers import Workers

Array = np.ndarray
G1, G2, X, Y = base_numbers()
MISMATCH = {"saturation_sd": 0.5, "gain_sd": 0.1, "current_gain_sd": 0.2, "offset_sd": 0.05}


def elements(amplify: Any = None, saturate: Any = None) -> dict[str, Any]:
    """Return the 6-8-3 net with buffers behind hidden nodes; optional values of every amplifier and diode."""
    gain, current_gain, offset = (np.ones(8), np.ones(8), np.zeros(8)) if amplify is None else amplify
    saturation = np.full(8, 1e-3) if saturate is None else saturate
    made: dict[str, Any] = {}
    for j in range(8):
        for i in range(6):
            made[f"R{i}_{j}"] = {"type": "resistor", "nodes": [f"x{i}", f"h{j}"], "siemens": G1[i, j]}
            made[f"R{i}_{j}"] |= {"trainable": True, "group": "first"}
        nodes = [0, f"h{j}"] if j < 4 else [f"h{j}", 0]
        made[f"D{j}"] = {"type": "diode", "nodes": nodes, "is": saturation[j], "n": 4}
        made[f"A{j}"] = {"type": "amplifier", "nodes": [f"h{j}", f"w{j}"], "gain": gain[j],
                         "current_gain": current_gain[j], "offset": offset[j]}  # fmt: skip
        for k in range(3):
            made[f"S{j}_{k}"] = {"type": "resistor", "nodes": [f"w{j}", f"o{k}"], "siemens": G2[j, k]}
            made[f"S{j}_{k}"] |= {"trainable": True, "group": "second"}
    return made


def net(parts: dict[str, Any] | None = None, **imperfections: Any) -> ResistiveNetwork:
    keys = {"imperfections": imperfections} if imperfections else {}
    return network(elements() if parts is None else parts, [f"x{i}" for i in range(6)], [f"o{k}" for k in range(3)],
                   **keys)  # fmt: skip


def settled(model: ResistiveNetwork) -> tuple[Any, Array]:
    system = model.system(1)
    system.present(X[None], Y[None])
    state = system.rest()
    assert not EQUILIBRIUM.relax(system, state).codes.any()
    return system, state


def estimate(model: ResistiveNetwork, rule: Any, paths: Array | None = None) -> Array:
    rows = 1 if paths is None else len(paths)
    learner = Learner(model, EQUILIBRIUM, rule, "free", Workers(1))
    lesson = learner.learn(np.repeat(X[None], rows, 0), np.repeat(Y[None], rows, 0), paths)
    return lesson.gradient.flat.copy()


def symmetric(beta: float = 0.01) -> Equilibrium:
    return Equilibrium(type="equilibrium", nudging="symmetric", beta=beta)


def test_an_amplifier_has_an_input_offset():
    parts = {
        "A": {"type": "amplifier", "nodes": ["a", "w"], "gain": 4, "shift": 0.5, "offset": 0.1},
        "R1": {"type": "resistor", "nodes": ["w", "o"], "ohms": 1},
        "R2": {"type": "resistor", "nodes": ["o", 0], "ohms": 1},
    }
    model = network(parts, ["a"])
    system = model.system(1)
    system.present(np.array([[0.3]]), np.zeros((1, 1)))
    state = system.rest()
    EQUILIBRIUM.relax(system, state)
    assert state == pytest.approx([(0.5 + 4 * (0.3 + 0.1 - 0.5)) / 2], rel=1e-12)


def test_a_mismatched_netlist_is_the_one_with_the_values_that_were_drawn():
    model = net(mismatch=MISMATCH)
    drawn = {name: values for name, (values, _, _) in model.drawn_imperfections().items()}
    gain, kappa, offset = (drawn[f"amplifier_{key}"] for key in ("gain", "current_gain", "offset"))
    assert len({*gain, *kappa, *offset}) == 24
    same = net(elements((gain, kappa, offset), 1e-3 * drawn["diode_saturation"]))
    assert settled(model)[1] == pytest.approx(settled(same)[1], rel=1e-10)
    assert implicit_gradient(*settled(model)).flat == pytest.approx(implicit_gradient(*settled(same)).flat, rel=1e-8)
    ideal = model.twin("float64", ideal=True)
    assert settled(ideal)[1] == pytest.approx(settled(same)[1], rel=1e-10)


def test_every_kind_of_mismatch_has_a_stream_of_its_own_and_the_scatter_asked_for():
    many = {"R": {"type": "resistor", "nodes": ["o", 0], "ohms": 1}}
    for k in range(2000):
        many[f"D{k}"] = {"type": "diode", "nodes": ["o", 0]}
        many[f"A{k}"] = {"type": "amplifier", "nodes": ["o", f"w{k}"], "gain": 2}
        many[f"Q{k}"] = {"type": "resistor", "nodes": [f"w{k}", 0], "ohms": 1}
    drawn = network(many, imperfections={"mismatch": MISMATCH}).drawn_imperfections()
    alone = network(many, imperfections={"mismatch": {"current_gain_sd": 0.2}}).drawn_imperfections()
    assert set(alone) == {"amplifier_current_gain"}
    np.testing.assert_array_equal(alone["amplifier_current_gain"][0], drawn["amplifier_current_gain"][0])
    expected = {"diode_saturation": 0.5, "amplifier_gain": 0.1, "amplifier_current_gain": 0.2, "amplifier_offset": 0.05}
    xi = {}
    for name, sd in expected.items():
        values = np.log(drawn[name][0]) if name == "diode_saturation" else drawn[name][0] - (name != "amplifier_offset")
        assert values.std() == pytest.approx(sd, rel=5 / np.sqrt(4000))
        assert abs(values.mean()) < 5 * sd / np.sqrt(2000)
        xi[name] = values / sd
    correlations = np.corrcoef(list(xi.values())) - np.eye(4)
    assert np.abs(correlations).max() < 5 / np.sqrt(2000)


def test_blocks_choose_the_elements():
    drawn = net(mismatch={"gain_sd": 0.1, "blocks": ["A2"]}).drawn_imperfections()["amplifier_gain"][0]
    assert drawn[2] == net(mismatch={"gain_sd": 0.1}).drawn_imperfections()["amplifier_gain"][0][2]
    assert np.delete(drawn, 2).tolist() == [1.0] * 7


def test_devices_stand_between_what_learning_wants_and_what_acts():
    model = net(devices={"programming_sd": 0.1, "blocks": ["g_second"]})
    wanted, acting = model.parameters, model.conductances
    np.testing.assert_array_equal(wanted["g_second"], G2.ravel())
    np.testing.assert_array_equal(acting["g_first"], wanted["g_first"])
    first = acting["g_second"].copy()
    misses = first / wanted["g_second"] - 1
    assert misses.std() == pytest.approx(0.1, rel=0.6)
    same = net({**elements(), **{f"S{j}_{k}": {**elements()[f"S{j}_{k}"], "siemens": first[3 * j + k]}
                                 for j in range(8) for k in range(3)}})  # fmt: skip
    assert settled(model)[1] == pytest.approx(settled(same)[1], rel=1e-12)
    model.parameters_changed()
    assert not np.allclose(model.conductances["g_second"], first)


def test_a_write_that_misses_below_zero_leaves_a_device_open():
    acting = net(devices={"programming_sd": 2.0}).conductances["g_first"]
    assert acting.min() == 0.0
    assert (acting == 0.0).mean() == pytest.approx(0.31, abs=0.25)


def test_levels_and_range_hold_and_stuck_devices_stay():
    devices = {"range": [0.2, 0.8], "levels": 4, "stuck_fraction": 0.2}
    model = net(devices=devices)
    values = np.concatenate([model.conductances[name] for name in ("g_first", "g_second")])
    assert np.abs(values[:, None] - [0.2, 0.4, 0.6, 0.8]).min(axis=1).max() < 1e-12
    stuck = ~np.isnan(model.drawn_imperfections()["stuck_at_g_first"][0])
    before = model.conductances["g_first"][stuck].copy()
    model.parameters["g_first"][:] = 0.6
    model.parameters_changed()
    np.testing.assert_array_equal(model.conductances["g_first"][stuck], before)
    np.testing.assert_allclose(model.conductances["g_first"][~stuck], 0.6)


def test_the_gradient_of_what_learning_wants_is_the_slope_of_the_cost():
    """Central differences of the cost of the circuit as it acts: drift scales a gradient, a stuck device has none."""
    model = net(devices={"drift_nu": 0.1, "drift_nu_sd": 0.05, "age": 10.0, "stuck_fraction": 0.2, "range": [0.0, 1.2]},
                mismatch=MISMATCH)  # fmt: skip
    ideal = model.twin("float64", ideal=True)
    gradient = model.wanted_gradient(implicit_gradient(*settled(ideal)))

    def cost() -> float:
        model.parameters_changed()
        system, state = settled(model)
        return float(model.cost(system.prediction(state), Y[None])[0])

    assert (gradient["g_first"] == 0).any()
    for name in ("g_first", "g_second"):
        for i in range(0, gradient[name].size, 5):
            here, costs = model.parameters[name][i], []
            for step in (1e-5, -1e-5):
                model.parameters[name][i] = here + step
                costs.append(cost())
            model.parameters[name][i] = here
            assert gradient[name][i] == pytest.approx((costs[0] - costs[1]) / 2e-5, rel=1e-5, abs=1e-8)


def test_reads_are_noisy_at_every_node_but_ground_and_anew_every_time():
    model = net(read_noise={"sd": 0.1})
    assert model.noisy
    assert not model.twin("float64").noisy
    system = model.system(2000)
    system.present(np.repeat(X[None], 2000, 0), np.repeat(Y[None], 2000, 0))
    state = system.rest()
    EQUILIBRIUM.relax(system, state)
    V = system.node_voltages(state)
    first, second = (system.read_anew(state, (1.0,)).block(0) - V for _ in range(2))
    assert (first[:, 0] == 0).all()
    for noise in (first, second):
        assert noise[:, 1:].std() == pytest.approx(0.1, rel=5 / np.sqrt(2 * noise[:, 1:].size))
    assert abs(np.corrcoef(first[:, 1:].ravel(), second[:, 1:].ravel())[0, 1]) < 5 / np.sqrt(first.size)


@pytest.mark.parametrize("rule", [symmetric(0.5), Coupled(type="coupled", eta=0.9)])
@pytest.mark.parametrize("noise", ["read_noise", "nudge_noise"])
def test_noise_scatters_an_update_around_the_quiet_one(rule, noise):
    model = net(**{noise: {"sd": 0.02}})
    quiet = estimate(net(), rule)
    repeats = np.array([estimate(model, rule, np.arange(100) + 100 * k) for k in range(12)])
    spread = repeats.std(axis=0, ddof=1) / np.sqrt(12)
    assert (spread > 0).all()
    assert np.abs(repeats.mean(axis=0) - quiet).max() < 0.05 * np.abs(quiet).max() + 6 * spread.max()
    np.testing.assert_array_equal(repeats[3], estimate(model, rule, np.arange(100) + 300))


@pytest.mark.parametrize("correction", ["none", "asymmetric"])
def test_a_gain_error_of_the_nudge_is_one_of_its_strength(correction):
    """The synapses divide by the strength that was asked for."""
    keys = {"type": "equilibrium", "nudging": "symmetric", "correction": correction}
    wrong = estimate(net(nudge_noise={"gain_error": 0.25}), Equilibrium(beta=0.1, **keys))
    assert wrong == pytest.approx(1.25 * estimate(net(), Equilibrium(beta=0.125, **keys)), rel=1e-8, abs=1e-12)


def test_a_gain_error_of_a_clamp_is_one_of_its_fraction():
    wrong = estimate(net(nudge_noise={"gain_error": 0.25}), Coupled(type="coupled", eta=0.4))
    assert wrong == pytest.approx(1.25 * estimate(net(), Coupled(type="coupled", eta=0.5)), rel=1e-9, abs=1e-12)


def test_devices_fluctuate_from_batch_to_batch():
    model = net(devices={"read_sd": 0.1})
    seen = []
    for batch in (0, 1, 0):
        model.begin_batch(batch)
        seen.append(model.conductances["g_first"].copy())
    np.testing.assert_array_equal(seen[0], seen[2])
    assert not np.allclose(seen[0], seen[1])
    np.testing.assert_array_equal(model.twin("float64", ideal=True).conductances["g_first"], G1.T.ravel())
