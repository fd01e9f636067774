import subprocess
import sys

import pytest
from pydantic import TypeAdapter, ValidationError

from neurosim.datasets.settings import Data, DataSettings, DigitsData, FileData, GaussianData
from neurosim.registry import DATASETS

SECTION = TypeAdapter(DataSettings)

MINIMAL = {
    "digits": {},
    "mnist": {},
    "fashion_mnist": {},
    "file": {"path": "mine.npz"},
    "xor": {},
    "gaussian": {},
    "delay": {},
    "mackey_glass": {},
    "copying": {},
    "weather": {},
    "series": {"path": "mine.csv", "inputs": ["a", "b"], "targets": ["c"]},
}


def section(name: str, **keys: object) -> Data:
    return SECTION.validate_python({"set": name, **MINIMAL[name], **keys})


def test_importing_the_settings_imports_nothing_heavy():
    code = (
        "import sys, neurosim.datasets.settings\n"
        "print(sorted({'numpy', 'h5py', 'numba', 'matplotlib', 'scipy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_registered_set_is_a_section_and_the_other_way_round():
    assert set(DATASETS) == set(MINIMAL)
    for name in DATASETS:
        assert type(section(name)) is DATASETS.settings(name)
        assert callable(DATASETS.load(name))
        assert DATASETS[name].summary


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("digits", (64, 10)),
        ("mnist", (784, 10)),
        ("fashion_mnist", (784, 10)),
        ("file", (None, None)),
        ("xor", (2, 2)),
        ("gaussian", (16, 4)),
        ("delay", (1, 1)),
        ("mackey_glass", (1, 1)),
        ("copying", (10, 10)),
        ("weather", (8, 1)),
        ("series", (2, 1)),
    ],
)
def test_shape_tells_the_widths_that_are_known(name, shape):
    assert section(name).shape() == shape


def test_shape_follows_the_keys():
    assert section("file", classes=7).shape() == (None, 7)
    assert section("gaussian", features=3, classes=5).shape() == (3, 5)


def test_defaults():
    assert section("digits").batch == 50
    assert section("xor").batch == 4
    mine = section("file")
    assert isinstance(mine, FileData)
    assert (mine.inputs, mine.targets, mine.test_fraction, mine.classes) == ("inputs", "targets", 0.2, None)
    clouds = section("gaussian")
    assert isinstance(clouds, GaussianData)
    assert (clouds.samples, clouds.test_samples, clouds.separation) == (800, 200, 3.0)


@pytest.mark.parametrize("name", MINIMAL)
def test_a_section_survives_the_way_through_its_own_dump(name):
    mine = section(name)
    assert SECTION.validate_python(mine.model_dump()) == mine


@pytest.mark.parametrize("name", MINIMAL)
def test_every_key_is_described_for_editors(name):
    properties = DATASETS.settings(name).model_json_schema()["properties"]
    assert {"set", "batch"} <= set(properties)
    assert [key for key, value in properties.items() if not value.get("description")] == []


@pytest.mark.parametrize(
    ("name", "keys", "message"),
    [
        ("digits", {"batch": 0}, "greater than or equal to 1"),
        ("digits", {"path": "here"}, "Extra inputs are not permitted"),
        ("file", {"path": "mine.csv"}, r"found the ending '\.csv', allowed are \.npz, \.h5, \.hdf5"),
        ("file", {"test_inputs": "x"}, "give both test_inputs and test_targets, or neither"),
        ("file", {"test_targets": "y"}, "give both test_inputs and test_targets, or neither"),
        ("file", {"test_fraction": 0.0}, "greater than 0"),
        ("file", {"test_fraction": 1.0}, "less than 1"),
        ("file", {"classes": 1}, "greater than or equal to 2"),
        ("mnist", {"path": ""}, "at least 1 character"),
        ("gaussian", {"classes": 1}, "greater than or equal to 2"),
        ("gaussian", {"separation": -1.0}, "greater than or equal to 0"),
        ("gaussian", {"separation": float("nan")}, "finite number"),
        ("delay", {"steps": 4, "lag": 4}, "lag is 4, but must be below steps, which is 4: no step would count"),
        ("copying", {"symbols": 1}, "greater than or equal to 2"),
        ("mackey_glass", {"test_length": 100}, "with test_length other than length, give steps"),
        ("mackey_glass", {"length": 90, "steps": 100}, "steps is 100, but the shortest series has 90 samples"),
        ("mackey_glass", {"task": "guess"}, "'predict' or 'recall'"),
        ("weather", {"features": ["humidity", "humidity"]}, "'humidity' is named twice"),
        ("weather", {"features": ["snow"]}, "'temperature', 'dew_point'"),
        ("weather", {"ahead": 0}, "greater than or equal to 1"),
        ("series", {"path": "mine.txt"}, r"found the ending '\.txt', allowed are \.csv, \.npz, \.h5, \.hdf5"),
        ("series", {"targets": ["c", "c"]}, "'c' is named twice"),
        ("series", {"test_fraction": 0.5}, "less than 0.5"),
    ],
)
def test_values_out_of_bounds_are_refused(name, keys, message):
    with pytest.raises(ValidationError, match=message):
        section(name, **keys)


def test_a_file_needs_a_path():
    with pytest.raises(ValidationError, match="Field required"):
        SECTION.validate_python({"set": "file"})


def test_an_unknown_set_is_refused():
    with pytest.raises(ValidationError, match="'digitz' found using 'set' does not match"):
        SECTION.validate_python({"set": "digitz"})


def test_capital_endings_are_known():
    assert section("file", path="MINE.HDF5").path == "MINE.HDF5"


def test_sections_are_frozen():
    with pytest.raises(ValidationError, match="frozen"):
        DigitsData(set="digits").batch = 3
