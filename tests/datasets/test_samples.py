import numpy as np
import pytest

from neurosim.datasets.dataset import Dataset, Samples, one_hot
from neurosim.errors import DataError


def table(rows: int, columns: int, dtype: str = "float32") -> np.ndarray:
    return np.arange(rows * columns, dtype=dtype).reshape(rows, columns)


def classified(rows: int = 6, columns: int = 3, classes: int = 2, dtype: str = "float32") -> Samples:
    labels = np.arange(rows) % classes
    return Samples(table(rows, columns, dtype), one_hot(labels, classes, dtype), labels)


def test_head_takes_the_first_rows_of_all_three():
    samples = classified()
    assert len(samples) == 6
    first = samples.head(4)
    assert len(first) == 4
    assert np.array_equal(first.inputs, samples.inputs[:4])
    assert np.array_equal(first.targets, samples.targets[:4])
    assert np.array_equal(first.labels, [0, 1, 0, 1])
    assert first.inputs.base is not None  # a view: nothing is copied


@pytest.mark.parametrize("limit", [None, 6, 100])
def test_head_without_effect(limit):
    samples = classified()
    assert samples.head(limit) is samples


def test_head_of_regression_samples_has_no_labels():
    assert Samples(table(4, 2), table(4, 1)).head(2).labels is None


@pytest.mark.parametrize("limit", [0, -3])
def test_head_needs_a_sample(limit):
    with pytest.raises(DataError, match=f"cannot take the first {limit} samples; at least 1 is needed"):
        classified().head(limit)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_one_hot(dtype):
    rows = one_hot(np.array([2, 0, 1]), 4, dtype)
    assert rows.dtype == dtype
    assert rows.tolist() == [[0, 0, 1, 0], [1, 0, 0, 0], [0, 1, 0, 0]]


def test_one_hot_takes_booleans_as_labels_and_not_as_a_mask():
    assert one_hot(np.array([True, False, True]), 2, "float32").tolist() == [[0, 1], [1, 0], [0, 1]]


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (np.array([0, 1, 4, 5]), r"labels: 2 of 4 labels lie outside 0 to 3, the first in row 2 \(.*\): 4"),
        (np.array([0, -1]), r"labels: 1 of 2 labels lie outside 0 to 3, the first in row 1 \(.*\): -1"),
        (np.array([2**63 + 1], dtype=np.uint64), "outside 0 to 3, the first in row 0"),
    ],
)
def test_one_hot_refuses_labels_out_of_range(labels, message):
    with pytest.raises(DataError, match=message):
        one_hot(labels, 4, "float32")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("which", ["inputs", "targets"])
def test_a_value_that_is_not_finite_is_refused_with_its_row(which, value):
    arrays = {"inputs": table(5, 4), "targets": table(5, 2)}
    arrays[which][3, 1] = value
    arrays[which][4, 0] = value
    size = arrays[which].size
    with pytest.raises(DataError, match=f"{which}: 2 of {size} values are NaN or infinite, the first in row 3"):
        Samples(**arrays)


@pytest.mark.parametrize(
    ("inputs", "targets", "labels", "message"),
    [
        (table(3, 2), table(4, 1), None, "targets: 4 rows beside 3 rows of inputs"),
        (table(3, 2), table(3, 2), np.array([0, 1]), "labels: 2 rows beside 3 rows of inputs"),
        (table(0, 2), table(0, 1), None, r"inputs: empty, of shape \(0, 2\)"),
        (table(3, 2), table(3, 0), None, r"targets: empty, of shape \(3, 0\)"),
        (
            np.zeros(3),
            table(3, 1),
            None,
            r"inputs: expected floats of shape \(n, columns\), found float64 of shape \(3,\)",
        ),
        (table(3, 2, "int64"), table(3, 1), None, "inputs: expected floats .* found int64"),
        (table(3, 2), table(3, 1, "complex64"), None, "targets: expected floats .* found complex64"),
        (table(2, 2), table(2, 2), np.array([0, 1], "int32"), r"labels: expected int64 of shape \(n,\), found int32"),
        (table(2, 2), table(2, 2), np.array([0, 2]), "labels: 1 of 2 labels lie outside 0 to 1, the first in row 1"),
    ],
)
def test_arrays_that_are_no_samples_are_refused(inputs, targets, labels, message):
    with pytest.raises(DataError, match=message):
        Samples(inputs, targets, labels)


def test_dataset_knows_its_widths():
    dataset = Dataset("toy", classified(6, 3, 2), classified(4, 3, 2), "nobody")
    assert (dataset.features, dataset.outputs) == (3, 2)


@pytest.mark.parametrize(
    ("test", "message"),
    [
        (classified(columns=4), "toy: inputs have 3 columns in the training part, 4 in the test part"),
        (classified(classes=3), "toy: targets have 2 columns in the training part, 3 in the test part"),
        (classified(dtype="float64"), "toy: inputs are float32 in the training part, float64 in the test part"),
        (Samples(table(6, 3), table(6, 2)), "toy: one part has class labels and the other has none"),
    ],
)
def test_parts_that_do_not_go_together_are_refused(test, message):
    with pytest.raises(DataError, match=message):
        Dataset("toy", classified(), test, "nobody")
