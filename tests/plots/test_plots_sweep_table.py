"""Which points, keys and numbers of a sweep a picture is about, and what is said to a wrong name."""

from __future__ import annotations

import re

import h5py
import numpy as np
import pytest
from sweep_files import ANGLES, BETAS, DIVERGED, FAILED, GRID, MISSING, UNSETTLED, write_sweep

from neurosim.errors import ScenarioError, SimulationError, UnknownNameError
from neurosim.plots.sweeps.quantity import arrays, default_value, read_cosine, read_quantity
from neurosim.plots.sweeps.selection import fixed_places, mean, roles, select
from neurosim.plots.sweeps.table import read_table
from neurosim.results.reader import open_result

SEEDS = {**GRID, "seed": [1, 2, 3]}
POINTS = {"rule.beta": [0.1, 0.2, 0.4], "rule.variant": ["damped", "original", "damped"]}
ANGLE = "circuit.imperfections.asymmetry.angle_deg"


def test_a_table_has_keys_and_how_points_ended(swept):
    file = swept(codes={(0, 0): UNSETTLED, (0, 1): DIVERGED, (1, 0): FAILED, (2, 2): MISSING})
    table = read_table(file)
    assert [(key.key, key.name, key.numeric, key.own_dimension) for key in table.keys] == [
        ("rule.beta", "beta", True, True), (ANGLE, "angle_deg", True, True),
    ]  # fmt: skip
    assert np.argwhere(table.unsettled).tolist() == [[0, 0], [0, 1]]
    assert np.argwhere(table.failed).tolist() == [[1, 0]]
    assert np.argwhere(table.missing).tolist() == [[2, 2]]


def test_keys_of_points_belong_to_points(swept):
    table = read_table(swept(points=POINTS, grid={"seed": [1, 2]}, number=lambda beta, variant, seed: beta))
    assert [(key.name, key.dimension, key.numeric) for key in table.keys] == [
        ("seed", "seed", True), ("beta", "point", True), ("variant", "point", False),
    ]  # fmt: skip
    assert [key.repeats for key in table.keys] == [True, False, False]


def test_labels_are_the_end_of_the_dotted_key(swept):
    assert [key.label for key in read_table(swept()).keys] == ["rule.beta", "asymmetry.angle_deg"]


def test_a_result_is_no_sweep(train):
    with pytest.raises(SimulationError, match=r"there is no sweep; it comes from `neurosim sweep`\."):
        read_table(train())


@pytest.mark.parametrize("name", ["rule.beta", "beta"])
def test_a_key_goes_by_its_dotted_key_or_its_coordinate(swept, name):
    assert read_table(swept()).key(name).key == "rule.beta"


def test_an_unknown_key_is_named_with_the_nearest(swept):
    said = rf"does not vary 'rule\.bta'\. Did you mean 'rule\.beta'\? It varies: rule\.beta, {re.escape(ANGLE)}\."
    with pytest.raises(UnknownNameError, match=said):
        read_table(swept()).key("rule.bta")


@pytest.mark.parametrize(("asked", "place"), [("0.01", 1), ("1e-2", 1), ("0.01000001", 1), ("1", 3)])
def test_numbers_are_found_as_people_type_them(swept, asked, place):
    assert read_table(swept()).key("beta").place(asked) == place


def test_zero_is_only_zero(swept):
    key = read_table(swept()).key("angle_deg")
    assert key.place("0") == 0
    with pytest.raises(UnknownNameError, match=r"Nearest: 0\. Values: 0, 30, 60\."):
        key.place("0.001")


@pytest.mark.parametrize(
    ("key", "asked", "said"),
    [
        ("beta", "0.02", r"has no rule\.beta = 0\.02\. Nearest: 0\.01\. Values: 0\.001, 0\.01, 0\.1, 1\."),
        ("beta", "small", r"has no rule\.beta = small\. Values: 0\.001,"),
        ("beta", "nan", r"has no rule\.beta = nan\. Values: 0\.001,"),
        ("variant", "dampd", r"has no rule\.variant = dampd\. Did you mean 'damped'\? Values: damped, original\."),
    ],
)
def test_a_value_that_is_not_there_is_told_with_the_nearest(swept, key, asked, said):
    file = swept(points=POINTS, number=lambda beta, variant: beta) if key == "variant" else swept()
    with pytest.raises(UnknownNameError, match=said):
        read_table(file).key(key).place(asked)


def test_many_values_are_told_by_their_ends(swept):
    key = read_table(swept(grid={"rule.beta": np.linspace(0.1, 2.0, 20)}, number=lambda beta: beta)).key("beta")
    with pytest.raises(UnknownNameError, match=r"There are 20 values from 0\.1 to 2\."):
        key.place("7")


@pytest.mark.parametrize(
    ("written", "name", "share"),
    [
        ("relative_norm", "bias/relative_norm[total, all]", 1.0),
        ("bias/relative_norm", "bias/relative_norm[total, all]", 1.0),
        ("bias/relative_norm[nudge, W_0]", "bias/relative_norm[nudge, W_0]", 0.25 * 0.01),
        ("relative_norm[ asymmetry ]", "bias/relative_norm[asymmetry, all]", 0.5),
        ("relative_norm[total,b_1]", "bias/relative_norm[total, b_1]", 0.1),
    ],
)
def test_an_element_is_found_by_its_labels(swept, written, name, share):
    table = read_table(swept())
    quantity = read_quantity(table, written)
    assert quantity.name == name
    np.testing.assert_allclose(quantity.values, share * read_quantity(table, "relative_norm").values)


@pytest.mark.parametrize(
    ("written", "error", "said"),
    [
        (
            "relativ_norm",
            UnknownNameError,
            r"no array 'relativ_norm'\. Did you mean 'relative_norm'\? There are: bias/",
        ),
        ("beta", UnknownNameError, r"no array 'beta'\."),  # a key is no value
        ("status", UnknownNameError, r"no array 'status'\."),
        ("a]b[", UnknownNameError, r"'a\]b\[' is no name of an array; write for instance relative_norm\[total, all\]"),
        ("relative_norm[nuge]", UnknownNameError, r"has no term 'nuge'\. Did you mean 'nudge'\? There are: settling, "),
        ("relative_norm[nudge, W_7]", UnknownNameError, r"has no block 'W_7'\. .*There are: W_0, b_1, all\."),
        (
            "relative_norm[a, b, c]",
            SimulationError,
            r"too much for bias/relative_norm, which has the dimensions term, ",
        ),
        ("wall_seconds[a]", SimulationError, r"which has no dimensions besides those of the sweep\."),
    ],
)
def test_a_wrong_name_of_a_value_is_explained(swept, written, error, said):
    with pytest.raises(error, match=said):
        read_quantity(read_table(swept()), written)


def test_a_name_that_may_mean_two_arrays_is_refused(tmp_path):
    path = write_sweep(tmp_path / "a.h5")
    with h5py.File(path, "a") as file:
        file.copy("bias/relative_norm", file.create_group("other"), "relative_norm")
        for axis, dims in enumerate(file["bias/relative_norm"].dims):
            file["other/relative_norm"].dims[axis].attach_scale(dims[0])
        with pytest.raises(SimulationError, match=r"may be bias/relative_norm or other/relative_norm; write which"):
            read_quantity(read_table(file), "relative_norm")


def test_cosines_are_read_as_angles_and_fractions_as_percent(swept):
    table = read_table(swept(cosine=lambda beta, angle_deg: np.cos(np.radians(angle_deg)) + 0 * beta))
    angle = read_quantity(table, "cosine")
    np.testing.assert_allclose(angle.values, np.broadcast_to(ANGLES, (4, 3)), atol=1e-5)
    assert angle.axis_label == "angle of the update to the exact gradient (degrees)"
    np.testing.assert_allclose(read_cosine(table), np.cos(np.radians(angle.values)), rtol=1e-6)
    error = read_quantity(read_table(swept(analysis="train", number=lambda beta, angle_deg: 0.25)), "final_test_error")
    assert (error.unit, set(error.values.ravel())) == ("%", {25.0})
    assert read_quantity(read_table(swept()), "wall_seconds").axis_label == "wall time of each point (s)"


@pytest.mark.parametrize(("analysis", "name"), [("bias", "bias/relative_norm"), ("train", "train/final_test_error")])
def test_what_says_most_depends_on_what_was_done(swept, analysis, name):
    assert default_value(read_table(swept(analysis=analysis))) == name


def test_points_of_an_unknown_kind_need_a_value(swept):
    table = read_table(swept(analysis="guesswork"))
    with pytest.raises(SimulationError, match=r"says most of 'guesswork' points\. Choose one with --value: wall_seco"):
        default_value(table)
    assert read_cosine(table) is None
    assert list(arrays(table)) == ["wall_seconds"]


def test_a_selection_puts_keys_in_the_order_of_the_picture(swept):
    table = read_table(swept(grid=SEEDS))
    values = np.arange(36.0).reshape(4, 3, 3)
    angle, beta = table.key("angle_deg"), table.key("beta")
    chosen = select(table, [angle, beta], [])
    assert chosen.runs == 3
    np.testing.assert_array_equal(chosen.take(values), values.transpose(1, 0, 2))
    single = select(table, [beta], ["angle_deg=30", "seed=3"])
    np.testing.assert_array_equal(single.take(values), values[:, 1, 2:])
    assert single.told == ["asymmetry.angle_deg = 30, seed = 3"]


def test_cells_say_what_became_of_their_runs(swept):
    codes = {(0, 0, 0): UNSETTLED, (1, 0, 1): FAILED, (3, 2, 0): DIVERGED}
    codes |= {(2, 1, i): FAILED for i in range(3)} | {(3, 1, i): MISSING for i in range(3)}
    codes |= {(3, 0, i): DIVERGED for i in range(3)}
    table = read_table(swept(grid=SEEDS, codes=codes))
    cells = select(table, [table.key("beta"), table.key("angle_deg")], []).cells(
        read_quantity(table, "relative_norm").values
    )
    assert {name: np.argwhere(mask).tolist() for name, mask in vars(cells).items()} == {
        "unsettled": [[0, 0], [3, 2]], "lost": [[3, 0]], "failed": [[2, 1]], "missing": [[3, 1]], "empty": [],
    }  # fmt: skip


def test_a_mean_is_over_the_runs_that_have_a_value():
    values = np.array([[1.0, 3.0], [np.nan, 5.0], [np.nan, np.nan], [np.inf, 2.0]])
    np.testing.assert_array_equal(mean(values), [2.0, 5.0, np.nan, 2.0])


def test_a_key_without_a_place_must_be_fixed(swept):
    table = read_table(swept())
    with pytest.raises(SimulationError, match=r"angle_deg has 3 values and no place in the picture; .* --at circuit\."):
        select(table, [table.key("beta")], [])


def test_keys_of_points_have_no_grid(swept):
    table = read_table(swept(points=POINTS, number=lambda beta, variant: beta))
    with pytest.raises(SimulationError, match=r"rule\.beta and rule\.variant have no grid: .* Draw a scatter\."):
        select(table, [table.key("beta")], [])


@pytest.mark.parametrize(
    ("wanted", "at", "error", "said"),
    [
        (("beta", "rule.beta"), (), SimulationError, r"rule\.beta can have one place in a picture, not two"),
        (("beta", None), ("beta=0.1",), SimulationError, r"rule\.beta stands in --at, so it cannot be on an axis"),
        ((None, None), ("beta",), ScenarioError, r"--at beta: found no '='; write KEY=VALUE, for instance rule\.beta="),
        ((None, None), ("beta=1", "rule.beta=0.1"), ScenarioError, r"--at rule\.beta=0\.1: rule\.beta is given twice"),
        ((None, None), ("bete=1",), UnknownNameError, r"does not vary 'bete'\. Did you mean 'beta'\?"),
    ],
)
def test_a_key_has_one_place(swept, wanted, at, error, said):
    with pytest.raises(error, match=said):
        roles(read_table(swept()), wanted, at)


def test_fixed_keys_know_their_places(swept):
    table = read_table(swept())
    assert fixed_places(table, ["rule.beta=0.1"]) == {"beta": (table.key("beta"), BETAS.index(0.1))}


def test_a_sweep_without_a_result_says_so(tmp_path):
    path = write_sweep(tmp_path / "a.h5", analysis="guesswork", grid={"rule.beta": [1.0]}, codes={(0,): FAILED})
    with open_result(path) as file, pytest.raises(SimulationError, match=r"no point of the sweep has a result\."):
        default_value(read_table(file))


def test_elements_of_numbers_say_what_they_are_of(tmp_path):
    path = write_sweep(tmp_path / "a.h5", analysis="nudges", grid={"circuit.init.gain": [1.0, 2.0]})
    with h5py.File(path, "a") as file:
        group = file.create_group("nudges")
        for name, values in (("nudging", ["one_sided", "4"]), ("beta", [0.02, 0.05])):
            group.create_dataset(name, data=values).make_scale(name)
        error = group.create_dataset("error", data=np.arange(8.0).reshape(2, 2, 2))
        for axis, scale in enumerate((file["gain"], group["nudging"], group["beta"])):
            error.dims[axis].attach_scale(scale)
        table = read_table(file)
        first, other = (read_quantity(table, name) for name in (default_value(table), "error[4, 0.05]"))
        assert first.axis_label == "distance from the exact gradient, relative to it, one_sided, beta 0.02"
        assert (other.name, other.short) == ("nudges/error[4, 0.05]", "error, 4, beta 0.05")
        assert (first.values.tolist(), other.values.tolist()) == ([0.0, 4.0], [3.0, 7.0])
