"""Series from a user's file."""

import h5py
import numpy as np
import pytest

from neurosim.datasets.load import load_dataset
from neurosim.datasets.sequence_settings import SeriesData
from neurosim.errors import DataError

TIME = np.arange(100.0)
COLUMNS = {"volt": TIME, "amp": TIME**2, "flow": 3.0 * TIME}


@pytest.fixture
def write(tmp_path):
    def write(kind, columns=COLUMNS):
        path = tmp_path / f"plant.{kind}"
        if kind == "csv":
            rows = [
                ",".join(columns),
                *(",".join(map(repr, row)) for row in np.array(list(columns.values())).T.tolist()),
            ]
            path.write_text("\n".join(rows) + "\n")
        elif kind == "npz":
            np.savez(path, **columns)
        else:
            with h5py.File(path, "w") as file:
                for name, values in columns.items():
                    file[name] = values
        return path

    return write


def task(path, dtype="float64", folders=(), **keys):
    keys = {"inputs": ("volt", "amp"), "targets": ("flow",), "steps": 5} | keys
    return load_dataset(SeriesData(set="series", path=str(path), **keys), dtype, 0, folders)


@pytest.mark.parametrize("kind", ["csv", "npz", "h5", "hdf5"])
def test_columns_by_name_split_by_time(write, kind):
    dataset = task(write(kind), ahead=2)
    assert (dataset.inputs, dataset.outputs, dataset.name) == (2, 1, "plant")
    assert [dataset.count(part) for part in ("train", "validation", "test")] == [11, 3, 3]  # (60 - 2, 20 - 2) over 5
    for part, start in (("train", 0), ("validation", 60), ("test", 80)):
        batch = dataset.batch(part, 1, 1)
        time = start + np.arange(5.0, 10.0)
        assert np.array_equal(batch.inputs[:, 0], np.stack([time, time**2], axis=1))
        assert np.array_equal(batch.targets[:, 0, 0], 3 * (time + 2))
    assert dataset.baselines()["persistence"] == pytest.approx(36.0)
    assert "plant" in dataset.attribution


def test_a_column_can_be_input_and_target(write):
    dataset = task(write("csv"), inputs=("volt",), targets=("volt",), ahead=1)
    batch = dataset.batch("train", 0, 1)
    assert np.array_equal(batch.targets, batch.inputs + 1)


def test_scaling_by_the_training_part(write):
    dataset = task(write("npz"), scaling="min_max")
    batch = dataset.batch("test", 0, 1)
    np.testing.assert_allclose(batch.inputs[:, 0, 0], np.arange(80, 85) / 59)
    assert dataset.target_scale == (pytest.approx(3 * 59),)


def test_a_relative_path_is_sought_in_the_data_folder(write):
    path = write("csv")
    assert task("plant.csv", folders=(path.parent,)).inputs == 2


def test_a_byte_order_mark_spaces_and_empty_lines_are_no_trouble(tmp_path):
    path = tmp_path / "plant.csv"
    rows = "\n\n".join(f"{t},{t},{t}" for t in range(30))
    path.write_text("\ufeffvolt, amp , flow\n" + rows, encoding="utf-8")
    assert task(path).count("train") == 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("volt,amp,flow\n1,2,3\n1,nan,3\n", r"plant.csv:3: column 'amp': found 'nan', expected a finite number"),
        ("volt,amp,flow\n1,2,3\n1,2,\n", r"plant.csv:3: column 'flow': found '', expected a finite number"),
        ("volt,amp,flow\n1,2,x3\n", r"plant.csv:2: column 'flow': found 'x3', expected a finite number"),
        ("volt,amp,flow\n1,2\n", r"plant.csv:2: 2 values below a header of 3 columns"),
        ("volts,amp,flow\n1,2,3\n", r"no column 'volt'. Did you mean 'volts'\? Columns present: volts, amp, flow."),
        ("volt,volt,amp,flow\n1,1,2,3\n", "the header has 2 columns 'volt'"),
        ("volt,amp,flow\n", "a header, but no rows"),
        ("", "no column 'volt'. Columns present: none."),
        ("volt,amp,flow\n1,2,3\n", "1 rows, 1 with a target 0 rows away; a sequence needs 5"),
    ],
)
def test_bad_csv_is_refused(tmp_path, text, message):
    path = tmp_path / "plant.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=message):
        task(path)


def test_bytes_that_are_no_text_are_refused(tmp_path):
    path = tmp_path / "plant.csv"
    path.write_bytes(b"volt,amp,flow\n\xff\xfe,2,3\n")
    with pytest.raises(DataError, match="cannot be read as CSV"):
        task(path)


@pytest.mark.parametrize("kind", ["npz", "h5"])
@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"amp": np.where(TIME == 42, np.nan, TIME)}, r"array 'amp': row 42 \(rows count from 0\) is nan"),
        ({"amp": np.where(TIME > 97, np.inf, TIME)}, "row 98 .* is inf, expected a finite number; 2 such rows"),
        ({"amp": TIME[:50]}, "array 'amp': 50 rows beside 100 in array 'volt'"),
        ({"amp": TIME.reshape(50, 2)}, r"array 'amp': found float64 of shape \(50, 2\), expected numbers of shape"),
        ({"amp": TIME.astype("S3")}, r"array 'amp': found \|S3 of shape"),
        ({"amp": TIME[:0]}, r"found float64 of shape \(0,\)"),
    ],
)
def test_bad_arrays_are_refused(write, kind, changes, message):
    with pytest.raises(DataError, match=message):
        task(write(kind, COLUMNS | changes))


def test_an_unknown_array_names_the_nearest(write):
    with pytest.raises(DataError, match=r"no array 'flows'. Did you mean 'flow'\? Arrays present: amp, flow, volt."):
        task(write("npz"), targets=("flows",))


def test_a_constant_column_has_no_scale(write):
    with pytest.raises(
        DataError, match="column 'amp' is constant over the training part, so scaling 'standard' has no"
    ):
        task(write("npz", COLUMNS | {"amp": np.where(TIME < 60, 1.0, TIME)}), scaling="standard")


def test_what_single_precision_cannot_hold_is_refused(write):
    path = write("npz", COLUMNS | {"amp": np.where(TIME == 7, 1e39, TIME)})
    assert task(path).inputs == 2
    with pytest.raises(DataError, match=r"column 'amp', row 7 \(rows count from 0\): 1e\+39 does not fit into float32"):
        task(path, dtype="float32")
