from pathlib import Path

import h5py
import numpy as np
import pytest

from neurosim.datasets.containers import read_arrays
from neurosim.datasets.dataset import Dataset
from neurosim.datasets.load import load_dataset
from neurosim.datasets.settings import FileData
from neurosim.errors import DataError

ENDINGS = [".npz", ".h5", ".hdf5"]


def save(path: Path, **arrays: object) -> Path:
    if path.suffix == ".npz":
        np.savez(path, **arrays)
    else:
        with h5py.File(path, "w") as file:
            for name, values in arrays.items():
                file[name] = values
    return path


def load(path: Path, dtype: str = "float64", seed: int = 3, **keys: object) -> Dataset:
    return load_dataset(FileData(set="file", path=str(path), **keys), dtype, seed)


def numbered(rows: int) -> dict[str, np.ndarray]:
    """Inputs that carry their row number, labels that are its remainder by three."""
    return {"inputs": np.arange(rows * 2.0).reshape(rows, 2), "targets": np.arange(rows) % 3}


@pytest.mark.parametrize("ending", ENDINGS)
def test_named_test_arrays_are_kept_in_order(tmp_path, ending):
    path = save(tmp_path / f"mine{ending}", x=np.eye(3), y=np.array([0, 1, 2]), u=np.ones((2, 3)), v=np.array([2, 0]))
    dataset = load(path, inputs="x", targets="y", test_inputs="u", test_targets="v")
    assert dataset.name == "mine"
    assert np.array_equal(dataset.train.inputs, np.eye(3))
    assert np.array_equal(dataset.train.targets, np.eye(3))
    assert np.array_equal(dataset.test.labels, [2, 0])
    assert "x, y, u, v" in dataset.attribution


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_split_loses_no_sample_and_keeps_rows_together(tmp_path, ending):
    dataset = load(save(tmp_path / f"mine{ending}", **numbered(50)))
    assert (len(dataset.train), len(dataset.test)) == (40, 10)
    rows = np.concatenate([dataset.train.inputs[:, 0], dataset.test.inputs[:, 0]]) / 2
    assert sorted(rows) == list(range(50))
    assert not np.array_equal(rows, np.arange(50))
    for part in (dataset.train, dataset.test):
        assert np.array_equal(part.inputs[:, 0] // 2 % 3, part.labels)
        assert np.array_equal(part.targets.argmax(axis=1), part.labels)


def test_the_split_follows_the_seed(tmp_path):
    path = save(tmp_path / "mine.npz", **numbered(50))
    first, again, other = load(path, seed=3), load(path, seed=3), load(path, seed=4)
    assert np.array_equal(first.test.inputs, again.test.inputs)
    assert not np.array_equal(first.test.inputs, other.test.inputs)


@pytest.mark.parametrize(("fraction", "tests"), [(0.5, 5), (0.01, 1), (0.99, 9)])
def test_both_parts_of_a_split_have_samples(tmp_path, fraction, tests):
    dataset = load(save(tmp_path / "mine.npz", **numbered(10)), test_fraction=fraction)
    assert (len(dataset.train), len(dataset.test)) == (10 - tests, tests)


def test_one_sample_cannot_be_split(tmp_path):
    path = save(tmp_path / "mine.npz", inputs=np.ones((1, 2)), targets=np.array([0]))
    with pytest.raises(DataError, match=r"mine\.npz: cannot set test samples aside from 1 sample; name test_inputs"):
        load(path)


@pytest.mark.parametrize("dtype", ["uint8", "int16", "uint64", "bool"])
def test_integer_targets_are_labels(tmp_path, dtype):
    dataset = load(save(tmp_path / "mine.npz", inputs=np.ones((4, 2)), targets=np.array([0, 1, 1, 0], dtype)))
    assert dataset.outputs == 2
    assert dataset.train.labels.dtype == np.int64


def test_labels_may_stand_in_a_column(tmp_path):
    dataset = load(save(tmp_path / "mine.npz", inputs=np.ones((6, 2)), targets=np.arange(6).reshape(6, 1) % 3))
    assert dataset.outputs == 3


def test_classes_are_inferred_over_both_parts(tmp_path):
    path = save(
        tmp_path / "m.npz", inputs=np.ones((4, 1)), targets=np.array([0, 1, 0, 1]), u=np.ones((1, 1)), v=np.array([4])
    )
    assert load(path, test_inputs="u", test_targets="v").outputs == 5


def test_stated_classes_are_used(tmp_path):
    assert load(save(tmp_path / "mine.npz", **numbered(9)), classes=7).outputs == 7


@pytest.mark.parametrize("shape", [(6,), (6, 1), (6, 4)])
def test_float_targets_are_for_regression(tmp_path, shape):
    targets = np.linspace(0, 1, int(np.prod(shape))).reshape(shape)
    dataset = load(save(tmp_path / "mine.npz", inputs=np.ones((6, 2)), targets=targets), "float32")
    assert dataset.train.labels is None
    assert dataset.outputs == (1 if len(shape) == 1 else shape[1])
    assert dataset.train.targets.dtype == np.float32
    assert np.sort(np.concatenate([dataset.train.targets, dataset.test.targets]), axis=0) == pytest.approx(
        targets.reshape(6, -1), abs=1e-7
    )


def test_images_are_flattened_row_by_row(tmp_path):
    images = np.arange(4 * 2 * 3, dtype=np.uint8).reshape(4, 2, 3)
    path = save(tmp_path / "m.npz", inputs=images, targets=np.array([0, 1, 0, 1]), u=images[:1], v=np.array([1]))
    dataset = load(path, test_inputs="u", test_targets="v")
    assert dataset.train.inputs[1].tolist() == [6, 7, 8, 9, 10, 11]  # not scaled


@pytest.mark.parametrize(
    "values", [np.asfortranarray(np.arange(12.0).reshape(4, 3)), np.arange(12.0).reshape(4, 3).astype(">f4")]
)
def test_arrays_arrive_contiguous_and_in_native_order(tmp_path, values):
    path = save(tmp_path / "m.npz", inputs=values, targets=np.ones(4), u=values, v=np.ones(4))
    inputs = load(path, test_inputs="u", test_targets="v").train.inputs
    assert inputs.flags.c_contiguous
    assert inputs.dtype == np.dtype("=f8")
    assert np.array_equal(inputs, np.arange(12).reshape(4, 3))


def test_one_input_per_sample_may_be_a_plain_list(tmp_path):
    assert load(save(tmp_path / "mine.npz", inputs=np.arange(5.0), targets=np.arange(5.0))).features == 1


def test_hdf5_names_may_lead_into_groups(tmp_path):
    path = save(tmp_path / "mine.h5", **{"train/x": np.ones((4, 2)), "train/y": np.array([0, 1, 0, 1])})
    assert load(path, inputs="train/x", targets="/train/y").features == 2


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_missing_array_is_named_with_the_nearest(tmp_path, ending):
    path = save(tmp_path / f"mine{ending}", input=np.ones((4, 2)), targets=np.ones(4))
    with pytest.raises(
        DataError, match=rf"mine\{ending}: no array 'inputs'. Did you mean 'input'\? Arrays present: input, targets\."
    ):
        load(path)


def test_a_group_is_no_array(tmp_path):
    path = save(tmp_path / "mine.h5", **{"inputs/a": np.ones((4, 2)), "targets": np.ones(4)})
    with pytest.raises(DataError, match=r"no array 'inputs'\..* Arrays present: inputs/a, targets"):
        load(path)


def test_a_file_without_arrays(tmp_path):
    with pytest.raises(DataError, match="Arrays present: none"):
        load(save(tmp_path / "mine.h5"))


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("name", ["inputs", "targets"])
def test_nan_is_refused_with_file_array_and_row(tmp_path, ending, name):
    arrays = {"inputs": np.ones((9, 2)), "targets": np.ones((9, 1))}
    arrays[name][7, 0] = np.nan
    path = save(tmp_path / f"mine{ending}", **arrays)
    with pytest.raises(
        DataError, match=rf"mine\{ending}: array '{name}': 1 of \d+ values are NaN or infinite, the first in row 7"
    ):
        load(path)


def test_values_too_large_for_the_type_of_the_run_are_refused(tmp_path):
    path = save(tmp_path / "mine.npz", inputs=np.array([[1.0], [1e300], [2.0]]), targets=np.ones(3))
    with pytest.raises(
        DataError, match="array 'inputs', as float32: 1 of 3 values are NaN or infinite, the first in row 1"
    ):
        load(path, "float32")
    assert load(path, "float64").features == 1


@pytest.mark.parametrize(
    ("arrays", "keys", "message"),
    [
        ({"targets": np.arange(4)}, {}, "array 'targets': 4 rows beside 5 rows of inputs"),
        ({"targets": np.array(3)}, {}, r"array 'targets': found the shape \(\), expected one sample per row"),
        ({"inputs": np.ones((5, 0))}, {}, r"array 'inputs': found the shape \(5, 0\)"),
        ({"inputs": np.ones((0, 2))}, {}, r"array 'inputs': found the shape \(0, 2\)"),
        ({"inputs": np.ones((5, 2), complex)}, {}, "array 'inputs': found values of type complex128, allowed are"),
        ({"targets": np.array([b"a"] * 5)}, {}, "array 'targets': found values of type .S1, allowed are"),
        (
            {"targets": np.ones((5, 2), int)},
            {},
            r"found int64 of shape \(5, 2\), allowed are integer labels of shape \(n,\)",
        ),
        ({"targets": np.ones((5, 2, 2))}, {}, r"found float64 of shape \(5, 2, 2\), allowed are"),
        (
            {"targets": np.array([0, 1, 2, -1, 0])},
            {},
            "array 'targets': 1 of 5 labels lie outside 0 to 2, the first in row 3",
        ),
        ({}, {"classes": 3}, "array 'targets': 1 of 5 labels lie outside 0 to 2, the first in row 4"),
        ({"targets": np.ones(5)}, {"classes": 3}, "data.classes is 3, which needs integer labels; found float64"),
        ({"targets": np.arange(5) * 10**9}, {}, "labels up to 4000000000 in 5 rows; state data.classes"),
    ],
)
def test_arrays_that_are_no_samples_are_refused(tmp_path, arrays, keys, message):
    given = {"inputs": np.ones((5, 2)), "targets": np.array([0, 1, 2, 0, 3]), **arrays}
    with pytest.raises(DataError, match=rf"mine\.npz: .*{message}"):
        load(save(tmp_path / "mine.npz", **given), **keys)


@pytest.mark.parametrize(
    ("u", "v", "message"),
    [
        (np.ones((2, 3)), np.array([0, 1]), "mine: inputs have 2 columns in the training part, 3 in the test part"),
        (np.ones((2, 2)), np.array([0.5, 1]), "array 'v': float64 beside int64 targets"),
        (np.ones((2, 2)), np.array([1]), "array 'v': 1 rows beside 2 rows of inputs"),
    ],
)
def test_test_arrays_must_go_with_the_training_arrays(tmp_path, u, v, message):
    path = save(tmp_path / "mine.npz", **numbered(6), u=u, v=v)
    with pytest.raises(DataError, match=message):
        load(path, test_inputs="u", test_targets="v")


def test_python_objects_are_never_unpickled(tmp_path):
    path = save(tmp_path / "mine.npz", inputs=np.array([{}, {}], dtype=object), targets=np.ones(2))
    with pytest.raises(DataError, match=r"mine\.npz: cannot be read as NPZ \(Object arrays cannot be loaded"):
        load(path)


@pytest.mark.parametrize("content", [b"", b"no archive at all", b"PK\x03\x04 and then nothing"])
def test_what_is_no_npz_file_is_refused(tmp_path, content):
    path = tmp_path / "mine.npz"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"mine\.npz: not an NPZ file, or a truncated one"):
        load(path)


def test_a_damaged_npz_file_is_refused(tmp_path):
    path = save(tmp_path / "mine.npz", **numbered(400))
    content = bytearray(path.read_bytes())
    content[2000] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"mine\.npz: cannot be read as NPZ \(Bad CRC-32"):
        load(path)


@pytest.mark.parametrize("length", [0, 100, 3000])
def test_a_truncated_hdf5_file_is_refused(tmp_path, length):
    path = save(tmp_path / "mine.h5", **numbered(400))
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(DataError, match=r"mine\.h5: cannot be read as HDF5"):
        load(path)


def test_the_reader_refuses_other_endings(tmp_path):
    with pytest.raises(DataError, match=r"found the ending '\.mat', allowed are \.npz, \.h5, \.hdf5"):
        read_arrays(tmp_path / "mine.mat", ["inputs"])


def test_a_relative_path_is_sought_in_data_folders(tmp_path, monkeypatch):
    save(tmp_path / "mine.npz", **numbered(10))
    settings = FileData(set="file", path="mine.npz")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert len(load_dataset(settings, "float32", 0, (tmp_path,)).train) == 8
    monkeypatch.setenv("NEUROSIM_DATA", str(tmp_path))
    assert len(load_dataset(settings, "float32", 0).train) == 8
    save(tmp_path / "elsewhere" / "mine.npz", **numbered(20))  # the working folder comes first
    assert len(load_dataset(settings, "float32", 0, (tmp_path,)).train) == 16


def test_a_missing_file_is_reported_with_every_place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NEUROSIM_DATA", str(tmp_path / "variable"))
    with pytest.raises(DataError, match=r"data\.path: there is no file 'mine\.npz'\. Looked at:") as caught:
        load_dataset(FileData(set="file", path="mine.npz"), "float32", 0, (tmp_path / "option",))
    assert str(caught.value).splitlines()[1:] == [
        f"  {tmp_path}/mine.npz (data.path)",
        f"  {tmp_path}/option/mine.npz (--data-dir)",
        f"  {tmp_path}/variable/mine.npz ($NEUROSIM_DATA)",
    ]


def test_an_absolute_path_is_sought_nowhere_else(tmp_path):
    with pytest.raises(DataError, match="Looked at:") as caught:
        load_dataset(FileData(set="file", path=str(tmp_path / "mine.npz")), "float32", 0, (tmp_path,))
    assert len(str(caught.value).splitlines()) == 2
