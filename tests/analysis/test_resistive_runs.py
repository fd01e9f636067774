"""Netlists run as a user does: shipped scenarios, what their results hold, and messages with lines."""

from __future__ import annotations

import numpy as np
import pytest
from analysis_runs import arrays, load, run

from neurosim.cli.inspect import key_figures
from neurosim.errors import ScenarioError
from neurosim.plots.figure import draw_figure
from neurosim.results.reader import open_result
from neurosim.scenario.shipped import SCENARIOS

DIVIDER = """\
schema: 1
name: divider
seed: 1
dtype: float64
circuit:
  kind: resistive
  inputs: [in1, in2]
  outputs: [o1, o2]
  elements:
    R1: {type: resistor, nodes: [in1, h], ohms: 1k, trainable: true}
    R2: {type: resistor, nodes: [in2, h], ohms: 2k, trainable: true}
    D1: {type: diode, nodes: [h, 0], is: 1u, n: 2}
    R3: {type: resistor, nodes: [h, o1], ohms: 1k, trainable: true}
    R4: {type: resistor, nodes: [h, o2], ohms: 1k, trainable: true, bounds: [0.9m, 1.1m]}
    R5: {type: resistor, nodes: [o1, 0], ohms: 1k}
    I1: {type: current_source, nodes: [0, o2], amps: 10u, trainable: true}
    R6: {type: resistor, nodes: [o2, 0], ohms: 1k}
data: {set: xor, batch: 4}
rule: {type: equilibrium, nudging: symmetric, beta: 1.0e-5}
dynamics: {solver: newton, tolerance: 1.0e-12}
analysis: {type: relax, samples: 4}
"""


def test_relax_writes_voltages_and_power(tmp_path):
    """What sources and inputs deliver is what resistors and diodes dissipate."""
    path, outcome = run(tmp_path, text=DIVIDER)
    assert outcome.status.good, outcome.message
    relax = arrays(path)
    assert relax["relax/name_nodes"].astype(str).tolist() == ["h", "o1", "o2"]
    states = relax["relax/state_nodes"][0, :, :, 0]
    h, _, o2 = states[np.isfinite(states).all(axis=(1, 2))][-1].T
    x = relax["relax/inputs"]
    delivered = x[:, 0] * (x[:, 0] - h) / 1e3 + x[:, 1] * (x[:, 1] - h) / 2e3 + 1e-5 * o2
    assert relax["relax/power"][0] == pytest.approx(delivered, rel=1e-9)
    with open_result(path) as file:
        assert file["relax/state_nodes"].attrs["units"] == "V"
        assert file["circuit/parameters/g"].attrs["units"] == "S"
        labels = {text.get_text() for axes in draw_figure(file).axes for text in axes.texts}
        assert {"h", "o1", "o2"} <= labels


def test_the_ladder_of_a_reciprocal_netlist_has_a_nudge_and_nothing_else(tmp_path):
    path, outcome = run(tmp_path, "analysis={type: bias, samples: 4}", text=DIVIDER)
    assert outcome.status.good, outcome.message
    bias = arrays(path)
    terms = dict(zip(bias["bias/term"].astype(str), bias["bias/relative_norm"][:, -1], strict=True))
    assert 1e-6 < terms["nudge"] < 1e-2
    assert max(terms["asymmetry"], terms["settling"], terms["noise"], terms["device"]) < 1e-9
    assert bias["bias/reference_check"] < 1e-6
    assert bias["bias/block"].astype(str).tolist() == ["g", "I", "all"]


@pytest.mark.parametrize("rule", ["{type: coupled, eta: 0.5}", "{type: contrastive}"])
def test_clamped_outputs_are_recorded_where_they_are_held(tmp_path, rule):
    path, outcome = run(tmp_path, f"rule={rule}", text=DIVIDER)
    assert outcome.status.good, outcome.message
    relax = arrays(path)
    eta = relax["relax/clamp"][1]
    assert relax["relax/phase"].astype(str).tolist() == ["free", "clamped"]
    assert relax["relax/clamp"].tolist() == [0.0, 0.5 if "0.5" in rule else 1.0]
    free, clamped = (
        states[np.isfinite(states).all(axis=(1, 2))][-1] for states in relax["relax/state_nodes"][:, :, :, 0]
    )
    assert clamped[:, 1:] == pytest.approx(free[:, 1:] + eta * (relax["relax/targets"] - free[:, 1:]), abs=1e-12)
    with open_result(path) as file:
        assert file["relax/nudge"].attrs["units"] == "S"
        axes = draw_figure(file).axes[0]
        assert axes.get_ylabel() == "voltage $v$\n(V)"
        told = {text.get_text() for text in axes.texts}
        assert told >= {"outputs held, η = 0.5" if eta < 1 else "outputs at their targets"}


def test_dyads_of_a_netlist_are_drawn_with_the_names_of_its_nodes(tmp_path):
    path, outcome = run(tmp_path, "rule.correction=dyadic", text=DIVIDER)
    assert outcome.status.good, outcome.message
    with open_result(path) as file:
        mean, difference, *_ = draw_figure(file).axes
        assert mean.get_ylabel().startswith("mean voltage")
        assert difference.get_ylabel().startswith("error $v^- - v^+$")
        for axes in (mean, difference):
            assert {"h", "o1", "o2"} <= {text.get_text() for text in axes.texts}


def test_the_ladder_of_a_clamp_blames_it_and_not_the_circuit(tmp_path):
    path, outcome = run(tmp_path, "rule={type: coupled}", "analysis={type: bias, samples: 4}", text=DIVIDER)
    assert outcome.status.good, outcome.message
    bias = arrays(path)
    terms = dict(zip(bias["bias/term"].astype(str), bias["bias/relative_norm"][:, -1], strict=True))
    assert terms["nudge"] > 0.1
    assert max(terms["asymmetry"], terms["settling"], terms["noise"], terms["device"]) < 1e-9


def test_the_ladder_tells_devices_and_noise_apart_and_stores_what_was_drawn(tmp_path):
    imperfections = (
        "circuit.imperfections={mismatch: {saturation_sd: 0.3}, read_noise: {sd: 1.0e-5}, "
        "devices: {programming_sd: 0.1, drift_nu: 0.2, age: 10, stuck_fraction: 0.3, range: [0, 2.0e-3]}}"
    )
    path, outcome = run(tmp_path, "analysis={type: bias, samples: 4, noise_repeats: 8}", imperfections, text=DIVIDER)
    assert outcome.status.good, outcome.message
    result = arrays(path)
    terms = dict(zip(result["bias/term"].astype(str), result["bias/relative_norm"][:, 0], strict=True))
    assert terms["device"] > 0.1
    assert terms["noise"] > 1e-3
    assert result["bias/noise_spread"][0] > 1e-3
    assert terms["asymmetry"] < 1e-9
    assert result["bias/reference_check"] < 1e-6
    parts = result["bias/alignment"]
    assert parts[:-1].sum(axis=0) == pytest.approx(parts[-1], rel=1e-9)
    assert {name.rpartition("/")[2] for name in result if "imperfections" in name} == {
        "diode_saturation", "stuck_at_g", "decay_g",
    }  # fmt: skip
    with open_result(path) as file:
        assert file["circuit/imperfections/stuck_at_g"].attrs["units"] == "S"
    acting, wanted = result["circuit/acting/g"], result["circuit/parameters/g"]
    assert acting[~np.isnan(result["circuit/imperfections/stuck_at_g"])].tolist() != []
    assert not np.allclose(acting, wanted, rtol=0.01)


def test_the_best_nudge_is_sought_at_the_scale_of_the_circuit(tmp_path):
    """The same netlist with all conductances a thousandth: so are the nudge, and the currents of its sources."""
    best = []
    scaled = DIVIDER.replace("1k", "1meg").replace("2k", "2meg").replace("amps: 10u", "amps: 10n")
    scaled = scaled.replace("is: 1u", "is: 1n").replace("[0.9m, 1.1m]", "[0.9u, 1.1u]")
    for text, name in ((DIVIDER, "milli"), (scaled, "micro")):
        noise = "circuit.imperfections.read_noise={sd: 1.0e-4}"
        (tmp_path / name).mkdir()
        path, outcome = run(tmp_path / name, "analysis={type: bias, samples: 4, noise_repeats: 8}", noise,
                            "rule.beta=auto", text=text)  # fmt: skip
        assert outcome.status.good, outcome.message
        assert "at the end of what could be tried" not in outcome.message
        with open_result(path) as file:
            best.append(file["bias/best_beta"][()])
            assert file["bias/best_beta"].attrs["units"] == "S"
            assert draw_figure(file, "u_curve").axes[0].get_xlabel().endswith("(S)")
    assert best[0] / best[1] == pytest.approx(1000, rel=0.05)


def test_training_through_devices_lowers_the_cost(tmp_path):
    train = "analysis={type: train, epochs: 20, optimizer: {type: adam, rate: 2.0e-5}}"
    devices = "circuit.imperfections={devices: {programming_sd: 0.01, read_sd: 0.01}, nudge_noise: {sd: 1.0e-4}}"
    path, outcome = run(tmp_path, train, devices, text=DIVIDER)
    assert outcome.status.good, outcome.message
    result = arrays(path)
    assert result["train/loss"][-1] < 0.97 * result["train/loss"][0]
    assert 0.9e-3 <= result["circuit/parameters/g"][3] <= 1.1e-3


@pytest.mark.parametrize("rule", ["equilibrium", "recurrent_backprop"])
def test_training_lowers_the_cost_within_bounds(tmp_path, rule):
    train = "analysis={type: train, epochs: 20, optimizer: {type: adam, rate: 2.0e-5}, log_gradient_alignment: true}"
    path, outcome = run(tmp_path, f"rule={{type: {rule}}}", "rule.beta=1e-5" if rule == "equilibrium" else "seed=1",
                        train, text=DIVIDER)  # fmt: skip
    assert outcome.status.good, outcome.message
    result = arrays(path)
    assert result["train/loss"][-1] < 0.97 * result["train/loss"][0]
    assert 0.9e-3 <= result["circuit/parameters/g"][3] <= 1.1e-3
    assert result["train/gradient_cosine"].min() > 0.999


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("circuit.elements.R1.ohms=-1k", "greater than 0"),
        ("circuit.elements.R1.type=resistr", "did you mean 'resistor'"),
        ("circuit.elements.R1.ohm=3", "unknown key"),
        ("circuit.outputs=[o1, oo]", "unknown node 'oo'"),
        ("circuit.inputs=[in1]", "needs 2"),
        ("dynamics={solver: sweeps}", "no closed-form sweeps"),
        ("rule={type: dual_propagation}", "needs dyads"),
        ("rule={type: backprop}", "feed-forward.*recurrent_backprop"),
        ("rule={type: oscillating, period: 1.0}", "point neurons; a netlist has phases"),
        ("rule.homeostasis={weight: 0.1}", "which a netlist does not have"),
        (
            "analysis={type: robustness, variants: [{name: a}], epochs: 1, optimizer: {type: sgd, rate: 1}, fgsm: [1]}",
            "a resistive circuit does not say",
        ),
        ("rule={type: coupled, eta: 1.5}", "must be at most 1"),
        ("rule={type: coupled, eta: 0}", "greater than 0"),
        ("rule={type: recurrent_backprop, solve: iterative}", "no adjoint circuit"),
        ("circuit.imperfections={mismatch: {gain_sd: 0.1}}", "no amplifier that could be mismatched"),
        ("circuit.imperfections={mismatch: {saturation_sd: 0.1, blocks: [D2]}}", "no block 'D2'"),
        ("circuit.imperfections={devices: {stuck_fraction: 0.1, blocks: [g_1]}}", "no block 'g_1'.*Blocks: g"),
        ("circuit.imperfections={devices: {range: [-1, 1]}}", "conductances are not negative"),
        ("circuit.imperfections={state_noise: {sd: 1}}", "unknown key"),
        ("circuit.imperfections={asymmetry: {angle_deg: 1}}", "unknown key"),
        ("rule.nudging=contour", "no complex states"),
        ("rule.points=4", "points belong to"),
        ("rule={type: equilibrium, correction: dyadic, nudging: one_sided}", "dyads relax once"),
        ("rule.feedback_learning=kolen_pollack", "which a netlist does not have"),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path, change, says):
    with pytest.raises(ScenarioError, match=says):
        load(tmp_path, change, text=DIVIDER)


def test_dyads_of_a_netlist_have_no_jacobian_for_radau(tmp_path):
    with pytest.raises(ScenarioError, match="radau needs a Jacobian"):
        load(tmp_path, "rule.correction=dyadic", "dynamics={solver: radau, t_end: 1.0e-3}", text=DIVIDER)


@pytest.mark.parametrize("rule", ["coupled", "contrastive"])
def test_layered_circuits_have_no_outputs_to_hold(tmp_path, rule):
    layered = "circuit={kind: layered, neuron: point, layers: [2, 4, 2]}"
    with pytest.raises(ScenarioError, match=f"{rule} holds the voltages of output nodes.*kind layered"):
        load(tmp_path, layered, f"rule={{type: {rule}}}", text=DIVIDER)


def test_messages_about_elements_have_their_line(tmp_path):
    floating = DIVIDER.replace("R5: {type: resistor, nodes: [o1, 0]", "R5: {type: resistor, nodes: [p, q]")
    with pytest.raises(ScenarioError) as caught:
        load(tmp_path, text=floating)
    place = next(i for i, row in enumerate(floating.splitlines(), start=1) if "R5" in row)
    assert f":{place}: circuit.elements.R5: node 'p' is floating" in str(caught.value)


def test_a_circuit_without_anything_to_train_is_refused(tmp_path):
    with pytest.raises(ScenarioError, match="no element is trainable"):
        load(tmp_path, text=DIVIDER.replace(", trainable: true", "").replace(", bounds: [0.9m, 1.1m]", ""))


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2, 3, 4, 5])
def test_a_netlist_learns_exclusive_or(tmp_path, seed):
    text = (SCENARIOS.folder() / "resistive_xor.yaml").read_text()
    path, outcome = run(tmp_path, f"seed={seed}", text=text)
    assert outcome.status.good, outcome.message
    assert arrays(path)["train/test_error"][-1] == 0.0
    assert arrays(path)["train/loss"][-1] < 0.02


@pytest.mark.slow
@pytest.mark.parametrize("rule", ["{type: coupled, eta: 0.1}", "{type: contrastive}"])
def test_a_netlist_with_held_outputs_learns_exclusive_or(tmp_path, rule):
    text = (SCENARIOS.folder() / "resistive_xor.yaml").read_text()
    path, outcome = run(tmp_path, f"rule={rule}", text=text)
    assert outcome.status.good, outcome.message
    assert arrays(path)["train/test_error"][-1] == 0.0


def test_relax_writes_the_wiring_with_currents_that_obey_kirchhoff(tmp_path):
    path, outcome = run(tmp_path, text=DIVIDER)
    assert outcome.status.good, outcome.message
    found = arrays(path)
    names = found["circuit/element"].astype(str).tolist()
    assert names == ["R1", "R2", "D1", "R3", "R4", "R5", "I1", "R6"]
    first, second = (found[f"circuit/element_{end}"].astype(str) for end in ("first", "second"))
    current, slope = found["circuit/element_current"], found["circuit/element_conductance"]
    for node in ("h", "o1", "o2"):
        left, scale = current @ ((first == node) * 1.0 - (second == node)), np.abs(current).max()
        assert np.abs(left).max() < 1e-9 * scale
    assert slope[:, names.index("R2")] == pytest.approx(5e-4)
    assert current[:, names.index("I1")] == pytest.approx(1e-5)
    assert found["circuit/input_node"].astype(str).tolist() == ["in1", "in2"]
    assert "relax/dissipated_power" not in found  # Newton's iterates are no states of the circuit
    assert "relax/energy" not in found


def test_elements_without_a_law_have_no_current(tmp_path):
    text = DIVIDER.replace("    R5:", "    A5: {type: amplifier, nodes: [o1, w], gain: 2}\n    R7: {type: resistor, "
                           "nodes: [w, 0], ohms: 1k}\n    R5:")  # fmt: skip
    path, outcome = run(tmp_path, text=text)
    assert outcome.status.good, outcome.message
    found = arrays(path)
    unknown = np.isnan(found["circuit/element_current"])
    assert found["circuit/element"][unknown.all(axis=0)].astype(str).tolist() == ["A5"]
    assert unknown.any(axis=0).sum() == 1


def test_energy_is_the_integral_of_the_power(tmp_path):
    """A capacitor charges through R from a source V: R dissipates C V^2 / 2 in all, and V^2 / R exp(-2 t / RC) at t."""
    text = """\
schema: 1
name: charging
seed: 1
dtype: float64
circuit:
  kind: resistive
  inputs: [in1, in2]
  outputs: [a, b]
  capacitance: 1n
  elements:
    R1: {type: resistor, nodes: [in1, a], ohms: 1k, trainable: true, bounds: [0.5m, 2m]}
    R2: {type: resistor, nodes: [in2, b], ohms: 1k}
data: {set: xor, batch: 4}
dynamics: {solver: rk4, dt: 2.0e-8, t_end: 1.0e-5, tolerance: 1.0e-3}
analysis: {type: relax, samples: 4, save: {every: 2.0e-8}}
"""
    path, outcome = run(tmp_path, text=text)
    assert outcome.status.good, outcome.message
    found = arrays(path)
    squares = (found["relax/inputs"] ** 2).sum(axis=1)
    assert squares.max() > 0
    power = squares * 1e-3 * np.exp(-2 * found["relax/time"][:, None] / 1e-6)
    assert found["relax/dissipated_power"][0] == pytest.approx(power, rel=1e-4, abs=1e-12)
    assert found["relax/energy"][0] == pytest.approx(0.5e-9 * squares, rel=1e-3)
    with open_result(path) as file:
        assert file["relax/energy"].attrs["units"] == "J"
        assert "pJ in all" in draw_figure(file, "power").axes[0].get_title(loc="left")
        told = dict(key_figures(file))["energy per inference"]
        assert told == f"{found['relax/energy'][0].mean():.4g} J, mean of 4 samples over phase free"
        assert file["circuit/parameters/g"].attrs["valid_range"].tolist() == [0.5e-3, 2e-3]
