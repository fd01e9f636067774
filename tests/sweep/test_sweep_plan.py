"""Plans: points of every kind, their run ids, and everything that is refused before anything runs."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sweep_runs import TINY, load, plan

from neurosim.errors import ScenarioError
from neurosim.scenario.load import load_scenario
from neurosim.scenario.sweep_settings import read_values
from neurosim.sweep.plan import Plan
from neurosim.sweep.points import overrides


def values(made: Plan) -> list[dict]:
    return [dict(overrides(made.point(index).changes)) for index in range(len(made))]


def test_a_grid_is_the_product_with_the_last_key_innermost(tmp_path):
    made = plan(tmp_path, "rule.beta=0.1,0.2", "seed=1,2,3")
    assert made.shape == (2, 3)
    assert values(made)[:4] == [
        {"rule.beta": 0.1, "seed": 1},
        {"rule.beta": 0.1, "seed": 2},
        {"rule.beta": 0.1, "seed": 3},
        {"rule.beta": 0.2, "seed": 1},
    ]


@pytest.mark.parametrize(
    "way",
    ["zip: {rule.alpha: [0.0, 0.5], seed: [1, 2]}", "list: [{rule.alpha: 0.0, seed: 1}, {rule.alpha: 0.5, seed: 2}]"],
)
def test_zip_and_list_vary_keys_together(tmp_path, way):
    made = plan(tmp_path, "rule.beta=0.1,0.2", text=f"{TINY}sweep: {{{way}}}\n")
    assert made.shape == (2, 2)
    assert values(made)[2:] == [
        {"rule.beta": 0.2, "rule.alpha": 0.0, "seed": 1},
        {"rule.beta": 0.2, "rule.alpha": 0.5, "seed": 2},
    ]


def sampling(kind: str, points: int = 64) -> str:
    keys = "rule.beta: {low: 0.001, high: 0.1, scale: log}, analysis.samples: {low: 1, high: 4, integer: true}"
    return f"{TINY}sweep: {{{kind}: {{points: {points}, keys: {{{keys}}}}}}}\n"


@pytest.mark.parametrize("kind", ["random", "sobol", "lhs"])
def test_random_points_lie_in_their_box(tmp_path, kind):
    """Half of the points lie below the middle of a logarithmic range, and integers reach both ends."""
    drawn = values(plan(tmp_path, text=sampling(kind)))
    betas = np.array([each["rule.beta"] for each in drawn])
    samples = [each["analysis.samples"] for each in drawn]
    assert betas.min() >= 0.001
    assert betas.max() <= 0.1
    assert set(samples) == {1, 2, 3, 4}
    assert all(isinstance(number, int) for number in samples)
    below = np.count_nonzero(betas < math.sqrt(0.001 * 0.1))
    if kind == "random":
        assert abs(below - 32) < 4 * math.sqrt(64 / 4)
    else:
        assert below == 32  # both are balanced in every coordinate


@pytest.mark.parametrize("kind", ["random", "sobol", "lhs"])
def test_random_points_follow_the_seed(tmp_path, kind):
    first, again = (plan(tmp_path, text=sampling(kind)).ids for _ in range(2))
    other = plan(tmp_path, text=sampling(kind).replace("seed: 5", "seed: 6"))
    assert first == again
    assert values(other)[0]["rule.beta"] != values(plan(tmp_path, text=sampling(kind)))[0]["rule.beta"]


def test_a_point_is_the_scenario_that_a_file_would_be(tmp_path):
    """Run id and resolved scenario of every point equal those of --set with the same keys."""
    grid = (
        "rule.beta=0.1,1",
        "circuit={layers: [2, 3, 2]},{layers: [2, 5, 2], activation: tanh}",
        "circuit.tau=1,2.5",
        "dtype=float32,float64",
    )
    made = plan(tmp_path, *grid)
    for index in range(len(made)):
        changes = sorted(made.point(index).changes, key=lambda each: each.key.count("."))
        written = load_scenario(str(tmp_path / "tiny.yaml"), [str(change) for change in changes])
        mine = made.points.scenario(made.point(index).changes)
        assert written.run_id == made.ids[index] == mine.run_id
        assert written.resolved == mine.resolved
        assert written.scenario == mine.scenario


def test_a_circuit_of_a_point_may_use_a_file(tmp_path):
    made = plan(tmp_path, "circuit={use: dyad_mlp, layers: [2, 3, 2]},{use: dyad_mlp, layers: [2, 4, 2]}")
    assert made.points.scenario(made.point(1).changes).scenario.circuit.layers == (2, 4, 2)
    assert not made.invalid


def test_points_share_the_seed_and_do_not_depend_on_each_other(tmp_path):
    """A value more leaves the run ids of the other points as they are."""
    few, more = plan(tmp_path, "rule.beta=0.1,0.3"), plan(tmp_path, "rule.beta=0.1,0.2,0.3")
    assert few.ids == [more.ids[0], more.ids[2]]
    assert {made.points.scenario(made.point(0).changes).scenario.seed for made in (few, more)} == {5}


def test_the_order_of_keys_changes_neither_runs_nor_sweep(tmp_path):
    first, second = plan(tmp_path, "rule.beta=0.1,0.2", "seed=1,2"), plan(tmp_path, "seed=1,2", "rule.beta=0.1,0.2")
    assert set(first.ids) == set(second.ids)
    assert first.sweep_id == second.sweep_id


def test_a_run_does_not_look_at_the_sweep(tmp_path):
    """Run id and resolved scenario are those of the file without it."""
    bare = load(tmp_path)
    swept = load(tmp_path, "rule.beta=0.1,0.2")
    assert swept.run_id == bare.run_id
    assert swept.resolved == bare.resolved


def test_the_command_line_extends_and_replaces_the_grid_of_the_file(tmp_path):
    text = TINY + "sweep: {grid: {rule.beta: [0.1, 0.2], seed: [1]}}\n"
    made = plan(tmp_path, "seed=7,8", "rule.alpha=lin:0:1:3", text=text)
    assert made.written["grid"] == {"rule.beta": [0.1, 0.2], "seed": [7, 8], "rule.alpha": [0, 0.5, 1]}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("lin:0:1:5", (0.0, 0.25, 0.5, 0.75, 1.0)),
        ("lin:0:90:4", (0, 30, 60, 90)),
        ("lin:0:1:11", tuple(i / 10 for i in range(11))),
        ("log:1e-3:1:4", (0.001, 0.01, 0.1, 1.0)),
        ("log:8:1:4", (8.0, 4.0, 2.0, 1.0)),
    ],
)
def test_ranges_have_both_ends_and_round_values(text, expected):
    assert read_values(text) == expected
    assert all(type(a) is type(b) for a, b in zip(read_values(text), expected, strict=True))


@given(st.floats(1e-9, 1e9), st.floats(1e-9, 1e9), st.integers(2, 40), st.sampled_from(["lin", "log"]))
def test_ranges_are_monotonic_between_their_ends(start, stop, count, kind):
    if abs(start - stop) < 1e-6 * start:
        return
    found = read_values(f"{kind}:{start!r}:{stop!r}:{count}")
    assert (found[0], found[-1], len(found)) == (start, stop, count)
    assert list(found) == sorted(found, reverse=start > stop)


SWEEPS = {
    "{}": "sweep: names no key to vary",
    "{grid: {rule.beta: []}}": r"tiny.yaml:10: sweep.grid.rule.beta: found an empty list",
    "{grid: {rule.beta: 0.1}}": "sweep.grid.rule.beta: found 0.1, expected a list of values, lin:",
    "{grid: {rule.beta: [0.1, high]}}": r"mixes number \(0.1\) and text \('high'\)",
    "{grid: {rule.beta: [0.1, true]}}": r"mixes number \(0.1\) and truth value \(True\)",
    "{grid: {rule.beta: 'lin:0:1'}}": "found 'lin:0:1', expected a list of values or a range",
    "{grid: {rule.beta: 'log:0:1:3'}}": "the ends of a logarithmic range must be positive",
    "{grid: {rule.beta: 'lin:1:1:3'}}": "a range needs two different finite ends",
    "{grid: {rule.beta: 'lin:a:1:3'}}": "which is no range of numbers",
    "{grid: {rule..beta: [1]}}": "the key 'rule..beta' has an empty part",
    "{gird: {rule.beta: [1]}}": r"sweep.gird: unknown key. Did you mean 'grid'\?",
    "{zip: {rule.beta: [1, 2], seed: [1]}}": "must be of equal length: rule.beta has 2, seed has 1 values",
    "{list: []}": "sweep.list: found 0 items, needs at least 1",
    "{list: [{seed: 1}, {rule.beta: 1}]}": "point 0 has seed, point 1 has rule.beta",
    "{zip: {seed: [1]}, list: [{seed: 1}]}": "found zip and list; grid may be combined with one of them only",
    "{grid: {seed: [1]}, zip: {seed: [1]}}": "the key 'seed' stands in grid and in zip",
    "{sobol: {points: 100, keys: {seed: {low: 1, high: 9, integer: true}}}}": "take 64 or 128",
    "{lhs: {points: 4, keys: {seed: {low: 9, high: 1}}}}": "sweep.lhs.keys.seed: low must be below high, found 9 and 1",
    "{lhs: {points: 4, keys: {seed: {low: 0, high: 1, scale: log}}}}": "a logarithmic scale needs a positive low",
    "{lhs: {points: 4, keys: {seed: {low: 0.5, high: 1, integer: true}}}}": "both ends must be integers",
    "{lhs: {points: 0, keys: {seed: {low: 0, high: 1}}}}": "sweep.lhs.points: found 0, must be at least 1",
}


@pytest.mark.parametrize("written", SWEEPS)
def test_what_is_wrong_with_the_section_is_said_by_every_command(tmp_path, written):
    with pytest.raises(ScenarioError, match=SWEEPS[written]):
        load(tmp_path, text=f"{TINY}sweep: {written}\n")


GRIDS = {
    ("rule.betta=1,2",): r"rule.betta: unknown key. Did you mean 'beta'\?(.|\n)*2 of 2 points are invalid.",
    ("rul.beta=1,2",): r"unknown key 'rul'. Did you mean 'rule'\? Known: seed, dtype, circuit",
    ("rule.beta=0.1,-1", "seed=1,2"): r"found -1, must be greater than 0.\n.*first invalid point is point 2 \(",
    ("rule.beta=0.1,0.10",): r"point 0 \(rule.beta=0.1\) and point 1 \(rule.beta=0.1\) are the same run",
    ("seed=1,2.5",): "seed: found 2.5, expected an integer",
    ("name=a,b",): "'name' cannot be swept: it names the whole sweep",
    ("circuit.use=a,b",): "a file is no value. Vary circuit by mappings",
    ("circuit={use: nothing}",): "unknown circuit 'nothing'",
    ("rule.beta.x=1,2",): "'rule.beta' is the single value 0.1; it has no key 'x'",
    ("circuit.layers.7=1,2",): "the list 'circuit.layers' has the items 0 to 2; there is no item '7'",
    ("rule={type: equilibrium}",): "Use circuit.neuron: point",
    ("seed=lin:1:2000:2000", "rule.beta=lin:1:2000:2000"): "2000 x 2000 = 4000000 points; at most 1000000 are allowed",
    (): r"there is nothing to sweep. Give the scenario a section 'sweep'",
    ("rule.beta",): "--grid rule.beta: write KEY=VALUES",
    ("rule.beta=[1",): "--grid rule.beta=.*not valid YAML",
}  # fmt: skip


@pytest.mark.parametrize("grid", GRIDS, ids=lambda grid: " ".join(grid) or "nothing")
def test_what_cannot_be_swept_is_refused_before_anything_runs(tmp_path, grid):
    with pytest.raises(ScenarioError, match=GRIDS[grid]):
        plan(tmp_path, *grid)


def test_a_value_that_is_only_sometimes_invalid_spoils_only_those_points(tmp_path):
    made = plan(tmp_path, "circuit.neuron=dyad,point", "rule={type: dual_propagation},{type: equilibrium}")
    assert made.invalid == [1, 2]
    with pytest.raises(ScenarioError, match=r"Use circuit.neuron: dyad"):
        made.points.scenario(made.point(2).changes)


def test_a_hundred_thousand_points_expand(tmp_path):
    """Few sections are validated, and every point has its own id."""
    made = plan(tmp_path, "rule.beta=log:1e-3:1:320", "circuit.tau=lin:1:2:320")
    assert len(set(made.ids)) == 102_400
    drawn = random.Random(0).sample(range(len(made)), 20)
    for index in drawn:
        assert made.points.scenario(made.point(index).changes).run_id == made.ids[index]


def test_points_that_share_a_circuit_run_one_after_the_other(tmp_path):
    made = plan(tmp_path, "rule.beta=0.1,0.2", "rule.alpha=0,0.5,1", "seed=1,2")
    order = made.neighbours_first(range(len(made)))
    assert sorted(order) == list(range(12))
    seeds = [{c.key: c.text for c in made.point(index).changes}["seed"] for index in order]
    assert seeds == ["1"] * 6 + ["2"] * 6
    assert made.neighbours_first(order[3:]) == order[3:]
    assert made.neighbours_first([]) == []
    assert plan(tmp_path, "seed=1,2").neighbours_first([1, 0]) == [1, 0]
