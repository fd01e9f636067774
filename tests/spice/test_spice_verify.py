"""neurosim against ngspice: operating points and transients, element by element and on layered nets."""

from __future__ import annotations

import dataclasses
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from spice_nets import bench, layered, model_of, needs_ngspice

from neurosim.spice.bench import Bench, Transient, prepare
from neurosim.spice.export import export
from neurosim.spice.ngspice import run_ngspice
from neurosim.spice.transient import integrate
from neurosim.spice.verify import operating_point, verify_operating_point, verify_transient

CIRCUITS = Path(__file__).resolve().parents[2] / "circuits"
NETLISTS = sorted(path.stem for path in CIRCUITS.glob("*.yaml") if "kind: resistive\n" in path.read_text())


def test_the_integration_machine_has_ngspice():
    """Where CI is set, the comparison is not skipped."""
    assert os.environ.get("CI") != "true" or shutil.which("ngspice")


@needs_ngspice
@pytest.mark.parametrize("diode", ["si", "sharp"])
@pytest.mark.parametrize(
    "sizes", [(64, 32, 10), (256, 64, 10), pytest.param((784, 100, 10), marks=pytest.mark.slow)], ids=str
)
def test_operating_points_of_layered_nets(sizes, diode):
    """Newton's method of ours and of ngspice, with the same junctions, agree to 1e-6 V."""
    model = model_of(layered(sizes, diode))
    found = verify_operating_point(model, bench(model), 300.0)
    assert found.nodes == sizes[1] + sizes[2]
    assert found.difference <= 1e-6
    assert found.good


@needs_ngspice
def test_a_ramp_on_an_rc_net():
    """8-6-3 with 1 to 3 pF, a ramp from 10 ns to 20 ns to inputs of +-5 V, 1 us in steps of 1 ns: 5e-5 V.

    With a mean of 1.5 V, junctions clamp hidden nodes and the steps are long for them: within 1e-4 of the signal range.
    """
    model = model_of(layered((8, 6, 3), "si", farads=True))
    on = bench(model, transient=Transient(1e-9, 1e-6), low=-5.0)
    assert on.transient.ramp == pytest.approx((10e-9, 20e-9))
    found = verify_transient(model, on, 60.0)
    assert found.times >= 1000
    assert found.difference <= 5e-5
    assert verify_transient(model, bench(model, transient=on.transient), 60.0).good


@needs_ngspice
@pytest.mark.parametrize("name", NETLISTS)
def test_shipped_circuits(name, tmp_path):
    """Exported netlists run as they are and print the outputs; operating points and transients agree."""
    model, on = prepare(str(CIRCUITS / f"{name}.yaml"))
    (tmp_path / "a.cir").write_text(export(model, on))
    done = subprocess.run(["ngspice", "-b", "a.cir"], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    _, state = operating_point(model, on)
    place = {node: i for i, node in enumerate(model.netlist.nodes[1:])}
    for node in model.settings.outputs:
        printed = next(line for line in done.stdout.splitlines() if line.startswith(f"v({node.lower()}) ="))
        assert float(printed.split("=")[1]) == pytest.approx(state[place[node]], abs=1e-6)
    assert verify_operating_point(model, on, 60.0).good
    assert verify_transient(model, on, 60.0).good


ELEMENTS = {
    "piecewise_linear": {"D": {"type": "diode", "nodes": ["a", "b"], "model": "piecewise_linear", "ron": 50,
                               "vth": 0.3}},
    "leaking_backwards": {"D": {"type": "diode", "model": "piecewise_linear", "nodes": ["b", "a"], "roff": 2e3}},
    "current_source": {"I": {"type": "current_source", "nodes": ["a", "b"], "amps": 2e-4}},
    "floating_source": {"V": {"type": "voltage_source", "nodes": ["c", "b"], "volts": 0.4},
                        "Rc": {"type": "resistor", "nodes": ["c", "a"], "ohms": 300}},
    "amplifier": {"A": {"type": "amplifier", "nodes": ["a", "c"], "gain": 3, "current_gain": 0.7, "shift": 0.2},
                  "Rc": {"type": "resistor", "nodes": ["c", "b"], "ohms": 700}},
    "amplifier_with_an_offset": {"A": {"type": "amplifier", "nodes": ["a", "c"], "gain": 3, "offset": 0.05},
                                 "Rc": {"type": "resistor", "nodes": ["c", "b"], "ohms": 700}},
    "inverting": {"A": {"type": "amplifier", "nodes": ["b", "c"], "gain": -2, "current_gain": 0},
                  "Rc": {"type": "resistor", "nodes": ["c", "a"], "ohms": 900}},
    "capacitor_on_an_input": {"C2": {"type": "capacitor", "nodes": ["in", "b"], "farads": 3e-12}},
    "capacitor_from_an_input": {"C2": {"type": "capacitor", "nodes": ["a", "in"], "farads": 3e-12}},
}  # fmt: skip


@needs_ngspice
@pytest.mark.parametrize("name", ELEMENTS)
def test_every_element(name):
    """Each kind of element between two RC nodes, nudged: at rest, and while a ramp moves the input."""
    elements = {
        "R1": {"type": "resistor", "nodes": ["in", "a"], "ohms": 1000.0},
        "R2": {"type": "resistor", "nodes": ["a", "b"], "siemens": 2e-4},
        "R3": {"type": "resistor", "nodes": ["b", 0], "ohms": 3000.0},
        "C1": {"type": "capacitor", "nodes": ["a", 0], "farads": 5e-12},
    }
    circuit = {"kind": "resistive", "inputs": ["in"], "outputs": ["b"], "elements": {**elements, **ELEMENTS[name]}}
    model = model_of(circuit)
    on = Bench(np.array([1.7]), np.array([0.5]), 1e-4)
    rest = verify_operating_point(model, on, 60.0)
    assert rest.difference <= 1e-6
    assert verify_transient(model, on, 60.0).good
    # What the element does is seen: without it the node voltages are others, or others on the way.
    plain = model_of({**circuit, "elements": elements})
    moved = Transient(1e-10, 4e-8)
    times = np.linspace(0.0, moved.end, 50)
    way = []
    for each in (model, plain):
        system, start = operating_point(each, Bench(np.zeros(1), on.targets, on.beta))
        way.append(integrate(each, dataclasses.replace(on, transient=moved), system, start, times)[:, :2])
    assert np.abs(way[0] - way[1]).max() > 1e-3


@needs_ngspice
def test_a_netlist_is_written_as_it_was_built():
    """With mismatched junctions and amplifiers, and with what devices make of groups of conductances."""
    elements = {
        "R1": {"type": "resistor", "nodes": ["in", "a"], "trainable": True, "siemens": 1e-3, "group": "second"},
        "R2": {"type": "resistor", "nodes": ["in", "b"], "trainable": True, "siemens": 2e-3, "group": "first"},
        "R3": {"type": "resistor", "nodes": ["c", "b"], "trainable": True, "siemens": 5e-4, "group": "second"},
        "A": {"type": "amplifier", "nodes": ["a", "c"], "gain": 2},
        "D": {"type": "diode", "nodes": ["b", 0], "is": 1e-12},
    }
    plain = {"kind": "resistive", "inputs": ["in"], "outputs": ["b"], "elements": elements}
    wrong = {
        "mismatch": {"saturation_sd": 1.0, "gain_sd": 0.2, "current_gain_sd": 0.2, "offset_sd": 0.1},
        "devices": {"levels": 4, "range": [1e-4, 4e-3]},
    }
    model, meant = model_of({**plain, "imperfections": wrong}), model_of(plain)
    on = Bench(np.array([1.7]), np.array([0.5]), 1e-4)
    assert verify_operating_point(model, on, 60.0).difference <= 1e-6
    assert np.abs(operating_point(model, on)[1] - operating_point(meant, on)[1]).max() > 1e-2


@needs_ngspice
def test_temperature_and_gmin_reach_the_junctions():
    """At 400 K with 1e-5 S across every junction both programs agree, and not with 300 K and no gmin."""
    hot = {**layered((8, 6, 3), "si"), "temperature": 400.0, "gmin": 1e-5}
    model, cold = model_of(hot), model_of(layered((8, 6, 3), "si"))
    on = bench(model)
    assert verify_operating_point(model, on, 60.0).good
    assert np.abs(operating_point(model, on)[1] - operating_point(cold, on)[1]).max() > 1e-3


@needs_ngspice
def test_a_junction_in_weak_reverse():
    """At -5.3 nVt behind 1 MOhm: without the source beside the diode ngspice is a thousand times the bound away."""
    nvt = 0.05 * 1.380649e-23 * 300.15 / 1.602176634e-19
    elements = {
        "R": {"type": "resistor", "nodes": ["in", "o"], "ohms": 1e6},
        "D": {"type": "diode", "nodes": ["o", 0], "is": 1e-6, "n": 0.05},
    }
    model = model_of({"kind": "resistive", "inputs": ["in"], "outputs": ["o"], "elements": elements, "gmin": 0})
    on = Bench(np.array([-5.3 * nvt + 1.0 * np.expm1(-5.3)]), np.zeros(1))
    _, state = operating_point(model, on)
    assert state[0] == pytest.approx(-5.3 * nvt, abs=1e-9)
    assert verify_operating_point(model, on, 60.0).difference <= 1e-6
    text = export(model, on, "ngspice.raw")
    source = next(line for line in text.splitlines() if line.startswith("b_reverse_d "))
    alone = run_ngspice(text.replace(source + "\n", ""), 60.0)
    assert abs(alone.vectors["v(o)"][0] - state[0]) > 1e-3


@needs_ngspice
def test_a_wrong_netlist_is_noticed():
    """A resistor that one program has and the other has not is far above the bound."""
    model = model_of(layered((8, 6, 3), "si"))
    on = bench(model)
    text = export(model, on, "ngspice.raw")
    line = next(line for line in text.splitlines() if line.startswith("rx0_0 "))
    answer = run_ngspice(text.replace(line + "\n", ""), 60.0)
    h0 = model.netlist.nodes[1:].index("h0")
    assert abs(answer.vectors["v(h0)"][0] - operating_point(model, on)[1][h0]) > 1e-5
