"""A batch of sequences refuses what no circuit could run through."""

import numpy as np
import pytest

from neurosim.datasets.sequences import Sequences, target_variance
from neurosim.errors import DataError


def batch(steps=5, rows=2, **changes):
    parts = {
        "inputs": np.zeros((steps, rows, 3)),
        "targets": np.zeros((steps, rows, 1)),
        "counted": np.ones(steps, bool),
        "continues": False,
    }
    return Sequences(**(parts | changes))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"inputs": np.zeros((5, 3))}, r"inputs of shape \(5, 3\) and targets of shape \(5, 2, 1\)"),
        ({"targets": np.zeros((4, 2, 1))}, "with the same steps and rows"),
        ({"targets": np.zeros((5, 3, 1))}, "with the same steps and rows"),
        ({"counted": np.ones(4, bool)}, r"counted is bool of shape \(4,\), expected bool of shape \(5,\)"),
        ({"counted": np.ones(5)}, "counted is float64"),
        ({"counted": np.zeros(5, bool)}, "no step counts in the loss"),
        ({"inputs": np.full((5, 2, 3), np.nan)}, "inputs of sequences: 30 of 30 values are NaN or infinite"),
        ({"targets": np.full((5, 2, 1), np.inf)}, "targets of sequences: 10 of 10 values are NaN or infinite"),
    ],
)
def test_what_cannot_be_run_through_is_refused(changes, message):
    with pytest.raises(DataError, match=message):
        batch(**changes)


def test_the_variance_is_about_the_mean_of_every_output():
    """Outputs that differ in their means alone have no variance, however far apart they are."""
    targets = np.broadcast_to([1.0, 100.0], (7, 3, 2))
    assert target_variance(targets) == 0.0
    targets = np.array([[[0.0, 5.0]], [[2.0, 5.0]]])
    assert target_variance(targets) == 0.5
