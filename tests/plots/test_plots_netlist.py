"""Plots of netlists: columns of a graph, the circuit, conductances before and after learning, power over time."""

from __future__ import annotations

from itertools import combinations

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.collections import LineCollection
from numpy.testing import assert_allclose
from plots_files import write_relax

from neurosim.errors import SimulationError
from neurosim.plots import circuit, conductances, power
from neurosim.plots.figure import available, draw_figure
from neurosim.plots.graph_layers import crossings, layers_of, with_few_crossings
from neurosim.plots.units import scaled_unit, with_unit

ELEMENTS = (
    ("R1", "resistor", "in", "h", 2e-3, 1e-3),
    ("R2", "resistor", "w", "out", -5e-6, 1e-4),
    ("D1", "diode", "0", "h", 1e-12, 1e-9),
    ("A1", "amplifier", "h", "w", np.nan, np.nan),
)  # name, type, first, second, current, conductance
TIMES = np.linspace(0.0, 4e-6, 41)


def write_netlist(path, elements=ELEMENTS, bounds=(0.0, 2e-3), before=(0.0, 1e-3, 2e-3), after=(2e-3, 1e-3, 2e-3)):
    """Write the wiring of a netlist and a block of parameters, as relax and train do."""
    names, kinds, first, second, currents, slopes = zip(*elements, strict=True)
    write_relax(path, layers=(1,), compartments=1, samples=1)
    with h5py.File(path, "r+") as file:
        made = file.create_group("circuit")
        made.attrs["current_phase"] = "free"
        texts = {"element": names, "element_type": kinds, "element_first": first, "element_second": second,
                 "input_node": ["in"], "output_node": ["out"]}  # fmt: skip
        for name, values in texts.items():
            made[name] = np.array(values, "S")
        made["element_current"], made["element_conductance"] = [currents], [slopes]
        for group, values in (("initial", before), ("parameters", after)):
            made[f"{group}/g"] = np.array(values)
            made[f"{group}/g"].attrs["units"] = "S"
            if bounds is not None:
                made[f"{group}/g"].attrs["valid_range"] = bounds
    return path


def write_power(path, samples=2, units="s"):
    """Write a relaxation whose power decays from P to P / 2 in sample 0, and is three times that in sample 1."""
    write_relax(path, times=TIMES, phases=[("free", 0.0)], samples=samples, units=units, dynamics="{t_end: 4.0e-6}")
    with h5py.File(path, "r+") as file:
        shape = 1e-3 * (1.0 - 0.5 * TIMES / TIMES[-1])
        file["relax/dissipated_power"] = (shape[:, None] * np.array([1.0, 3.0][:samples]))[None]
        file["relax/power"] = 0.5e-3 * np.array([[1.0, 3.0][:samples]])
        file["relax/energy"] = 0.75e-3 * 4e-6 * np.array([[1.0, 3.0][:samples]])
    return path


def test_columns_are_distances_and_outputs_come_last():
    nodes = ["in", "one", "h", "k", "w", "out", "lost"]
    edges = [("in", "h"), ("h", "w"), ("w", "out"), ("one", "out"), ("one", "h"), ("k", "out")]
    columns = layers_of(nodes, edges, ["in", "one"], ["out"])
    assert columns == [["in", "one", "lost"], ["h"], ["k", "w"], ["out"]]  # k lies behind the output


def test_a_tangle_that_can_be_undone_is_undone():
    upper, lower = [f"a{i}" for i in range(6)], [f"b{i}" for i in range(6)]
    edges = [(f"a{i}", f"b{5 - i}") for i in range(6)]
    assert crossings([upper, lower], edges) == 15
    assert crossings(with_few_crossings([upper, lower], edges), edges) == 0


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=20, unique=True))
def test_sweeps_never_make_more_crossings_and_lose_no_node(pairs):
    layers = [[f"a{i}" for i in range(6)], [f"b{i}" for i in range(6)]]
    edges = [(f"a{i}", f"b{j}") for i, j in pairs]
    expected = sum((a - c) * (b - d) < 0 for (a, b), (c, d) in combinations(pairs, 2))
    assert crossings(layers, edges) == expected
    better = with_few_crossings(layers, edges)
    assert crossings(better, edges) <= expected
    assert [sorted(column) for column in better] == layers


def test_the_circuit_shows_nodes_conductances_and_currents(opened, axes):
    circuit.draw(opened(write_netlist), axes)
    assert {text.get_text() for text in axes.texts} == {"in", "h", "w", "out"}  # ground is no node
    (lines,) = (item for item in axes.collections if isinstance(item, LineCollection))
    assert_allclose(lines.get_linewidths(), [circuit.THICK, circuit.THIN, circuit.OTHER, circuit.OTHER])
    colors = lines.get_colors()
    assert_allclose(colors[0], circuit.COLORS(1.0))  # the largest current
    assert_allclose(colors[2], circuit.COLORS(0.0))  # below what has a colour of its own
    key = [text.get_text() for text in axes.get_legend().get_texts()]
    assert key == ["100 µS", "1 mS", "diode", "amplifier"]


def test_triangles_point_from_the_first_node_to_the_second(opened, axes):
    forth, back = (
        [(*element[:2], *nodes, *element[4:]) for element in [ELEMENTS[3]]] for nodes in (("in", "out"), ("out", "in"))
    )
    angles = []
    for elements in (forth, back):
        axes.clear()
        circuit.draw(opened(write_netlist, elements=elements), axes)
        (marker,) = (line.get_marker() for line in axes.lines if isinstance(line.get_marker(), tuple))
        angles.append(marker[2])
    assert_allclose(angles, [-90.0, 90.0])


def test_parallel_elements_are_drawn_beside_each_other(opened, axes):
    elements = [("R1", "resistor", "in", "out", 1e-3, 1e-3), ("R2", "resistor", "out", "in", 1e-3, 1e-3)]
    circuit.draw(opened(write_netlist, elements=elements), axes)
    (lines,) = (item for item in axes.collections if isinstance(item, LineCollection))
    one, other = lines.get_segments()
    assert_allclose(one[[0, -1]], other[[-1, 0]])
    assert np.abs(one[12] - other[12]).max() > 0.05


def test_a_result_without_wiring_says_so(relax, opened):
    with pytest.raises(SimulationError, match="no wiring; it comes from analysis relax of a netlist"):
        draw_figure(relax(), "circuit")
    with pytest.raises(SimulationError, match="no sample 1; this file holds samples 0 to 0"):
        circuit.read_graph(opened(write_netlist), sample=1)
    assert {"circuit", "conductances"} <= set(available(opened(write_netlist)))


def test_histograms_count_every_parameter(opened, axes):
    conductances.draw_block(opened(write_netlist), axes, "g")
    before, after = axes.patches
    assert_allclose([before.get_data().values.sum(), after.get_data().values.sum()], 3)
    assert_allclose([before.get_data().values[0], after.get_data().values[0]], [1, 0])
    assert_allclose([line.get_xdata()[0] for line in axes.lines], [0.0, 2.0])
    assert axes.get_xlabel() == "g (mS)"
    assert axes.get_title(loc="left") == "g: 3 values, 0 and 2 at the bounds"


@pytest.mark.parametrize(
    ("bounds", "after", "title", "lines"),
    [
        (None, (2e-3, 1e-3, 2e-3), "g: 3 values", 0),
        ((0.0, np.inf), (2e-3, np.nan, 0.0), "g: 3 values, 1 and 0 at the bounds, 1 not finite", 1),
        (None, (np.nan,) * 3, "g: 3 values, 3 not finite", 0),
    ],
)
def test_bounds_that_are_not_known_are_not_drawn(opened, axes, bounds, after, title, lines):
    conductances.draw_block(opened(write_netlist, bounds=bounds, after=after), axes, "g")
    axes.figure.draw_without_rendering()
    assert axes.get_title(loc="left") == title
    assert len(axes.lines) == lines


def test_parameters_that_have_not_changed_are_refused(opened, relax):
    file = opened(write_netlist, after=(0.0, 1e-3, 2e-3))
    with pytest.raises(SimulationError, match="no parameter has changed; analysis train learns"):
        draw_figure(file, "conductances")
    with pytest.raises(SimulationError, match="there are no parameters of a circuit"):
        draw_figure(relax(), "conductances")


def test_power_and_energy_are_means_of_the_samples(opened, axes):
    power.draw(opened(write_power), axes)
    mean = axes.lines[2]
    assert axes.get_ylabel() == "dissipated power (mW)"
    assert_allclose(mean.get_ydata()[[0, -1]], [2.0, 1.0])
    assert axes.get_title(loc="left") == "mean of 2 samples (grey: each); phase free: 1 mW at its end, 6 nJ in all"


def test_power_that_was_not_recorded_is_refused(relax):
    with pytest.raises(SimulationError, match="no power over time; it comes from netlists and solvers that follow"):
        draw_figure(relax(), "power")


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [(2e-5, "S", "20 µS"), (1e-3, "W", "1 mW"), (7e-10, "J", "700 pJ"), (0.0, "V", "0 V"), (0.5, "1", "0.5"),
     (-2e-3, "A", "-2 mA"), (3e9, "S", "3e+03 MS"), (np.nan, "W", "nan W")],
)  # fmt: skip
def test_prefixes_of_units(value, unit, expected):
    assert with_unit(value, unit) == expected
    scale, _ = scaled_unit(abs(value), unit)
    assert scale == 1.0 or abs(value) / scale >= 1.0
