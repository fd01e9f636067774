"""What is said where a netlist cannot be written, or ngspice is missing, late or unhappy."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from spice_nets import bench, layered, model_of, needs_ngspice

from neurosim.errors import NgspiceError, NgspiceMissingError, ScenarioError
from neurosim.physics.resistive.element_settings import Resistor
from neurosim.spice import elements
from neurosim.spice.bench import Bench, prepare
from neurosim.spice.elements import ElementWriter
from neurosim.spice.export import export
from neurosim.spice.names import Names
from neurosim.spice.ngspice import read_raw, run_ngspice


def test_names_that_ngspice_would_confuse():
    """Case, signs and the words for ground; the first letter of an element is its kind."""
    names = Names()
    assert [names.node(n) for n in ("0", "a", "A", "a-b", "a b", "GND", "a")] == [
        "0", "a", "a_2", "a_b", "a_b_2", "gnd_2", "a",
    ]  # fmt: skip
    assert [names.element("r", n) for n in ("R1", "r1", "load")] == ["r1", "r1_2", "r_load"]


@needs_ngspice
def test_names_survive_ngspice():
    """Nodes that differ by case are two nodes."""
    elements = {
        "R1": {"type": "resistor", "nodes": ["in", "N"], "ohms": 1},
        "r1": {"type": "resistor", "nodes": ["N", "n"], "ohms": 1},
        "R-2": {"type": "resistor", "nodes": ["n", 0], "ohms": 2},
    }
    model = model_of({"kind": "resistive", "inputs": ["in"], "outputs": ["n"], "elements": elements})
    answer = run_ngspice(export(model, Bench(np.array([4.0]), np.zeros(1)), "ngspice.raw"), 60.0)
    assert [answer.vectors[v][0] for v in ("v(n)", "v(n_2)")] == pytest.approx([3.0, 2.0])


def test_numbers_lose_no_digit():
    """What is read back from the netlist is the conductance, to rounding of one division."""
    model = model_of(layered((3, 2, 1), "si"))
    lines = export(model, bench(model)).splitlines()
    for name, element in model.settings.elements.items():
        if isinstance(element, Resistor):
            ohms = float(next(line for line in lines if line.startswith(name.lower() + " ")).split()[3])
            assert 1.0 / ohms == pytest.approx(element.siemens, rel=3e-16)


def test_resistors_that_learning_has_opened_are_left_out():
    elements = {
        "R1": {"type": "resistor", "nodes": ["in", "o"], "ohms": 1},
        "R2": {"type": "resistor", "nodes": ["o", 0], "siemens": 0.5, "trainable": True},
    }
    model = model_of({"kind": "resistive", "inputs": ["in"], "outputs": ["o"], "elements": elements})
    on = Bench(np.ones(1), np.zeros(1))
    assert "\nr2 o 0 2.0\n" in export(model, on)
    model.parameters.flat[:] = 0.0
    assert "\nr2 " not in export(model, on)


def test_what_is_not_known_is_refused_by_name():
    """Kinds of elements, and keys of known ones that would be lost."""
    writer = ElementWriter(Names(), {}, 300.0)
    with pytest.raises(ScenarioError, match=r"circuit\.elements\.M1: found a memristor, .* Known: resistor, "):
        writer.lines("M1", SimpleNamespace(type="memristor", nodes=("a", "b")))

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(elements._KINDS, Resistor, (elements._KINDS[Resistor][0], {"type", "nodes"}))
        with pytest.raises(ScenarioError, match=r"circuit\.elements\.R1\.ohms: cannot be written"):
            writer.lines("R1", Resistor(type="resistor", nodes=("a", "b"), ohms=3.0))


def test_without_ngspice(monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(NgspiceMissingError, match=r"not on the PATH\. Install it .*spice export"):
        run_ngspice("* nothing\n.end\n", 1.0)


@needs_ngspice
def test_what_ngspice_says_is_shown():
    with pytest.raises(NgspiceError, match=r"(?s)ngspice failed .*unknown_model"):
        run_ngspice("* bad\nv1 a 0 1\nd1 a 0 unknown_model\n.control\nop\nwrite ngspice.raw\nquit\n.endc\n.end\n", 60.0)


@needs_ngspice
def test_a_time_out():
    text = "* long\nv1 a 0 sin(0 1 1meg)\nr1 a 0 1\n.control\ntran 1n 1 0 1n\nquit\n.endc\n.end\n"
    with pytest.raises(NgspiceError, match=r"did not end within 0\.5 s.*--timeout"):
        run_ngspice(text, 0.5)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"Flags: complex\nNo. Variables: 1\nNo. Points: 1\nVariables:\n\t0\tv(a)\tvoltage\nBinary:\n", "real"),
        (b"Title: x\nFlags: real\nNo. Variables: 1\nNo. Points: 2\nVariables:\n\t0\tv(a)\tvoltage\nBinary:\n12345678",
         "ends too early"),
        (b"Title: x\nValues:\n", "not binary"),
    ],
)  # fmt: skip
def test_raw_files_that_cannot_be_used(content, told):
    with pytest.raises(NgspiceError, match=told):
        read_raw(content)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"inputs": "1"}, r"--inputs: found 1 values in '1', expected 2 finite ones"),
        ({"inputs": "1,x"}, r"--inputs: found 'x', expected a number"),
        ({"targets": "1,2,3"}, r"--targets: found 3 values"),
        ({"beta": float("nan")}, r"--beta: found nan"),
        ({"transient": "1n,10n"}, r"--transient: found a step of 1e-09 s .* at most a hundredth"),
        ({"changes": ["elements.R1.ohm=3"]}, r"elements\.R1\.ohm"),
    ],
)
def test_options_that_do_not_fit(options, told):
    clamp = Path(__file__).resolve().parents[2] / "circuits" / "diode_clamp.yaml"
    with pytest.raises(ScenarioError, match=told):
        prepare(str(clamp), **options)


def test_only_netlists():
    layered_circuit = Path(__file__).resolve().parents[2] / "circuits" / "dyad_mlp.yaml"
    with pytest.raises(ScenarioError, match="found layered; only a circuit of kind resistive"):
        prepare(str(layered_circuit))
