"""Ridge readout of given states."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from neurosim.datasets.load import load_dataset
from neurosim.datasets.sequence_settings import MackeyGlassData
from neurosim.errors import SimulationError
from neurosim.learning.exact.ridge import PENALTY, RidgeReadout, readout_error


def draw(seed, steps=200, units=7, outputs=2):
    random = np.random.default_rng(seed)
    return random.standard_normal((steps, units)), random.standard_normal((steps, outputs))


def direct(states, targets, penalty):
    """Least squares by singular values, with the penalty as further equations: no normal equations."""
    units, outputs = states.shape[1], targets.shape[1]
    rows = np.vstack([states, np.sqrt(penalty) * np.eye(units)])
    return np.linalg.lstsq(rows, np.vstack([targets, np.zeros((units, outputs))]), rcond=None)[0].T


@given(
    seed=st.integers(0, 2**32), penalty=st.sampled_from([PENALTY, 1e-2, 10.0]), units=st.integers(1, 9),
    cuts=st.lists(st.integers(1, 199), max_size=4),
)  # fmt: skip
def test_batch_by_batch_equals_a_direct_solve(seed, penalty, units, cuts):
    states, targets = draw(seed, units=units)
    readout = RidgeReadout(units, 2, penalty)
    for z, y in zip(np.split(states, sorted(cuts)), np.split(targets, sorted(cuts)), strict=True):
        readout.add(z, y)
    assert readout.steps == 200
    assert_allclose(readout.weights(), direct(states, targets, penalty), rtol=1e-9, atol=1e-11)


def test_fewer_steps_than_units_are_no_trouble():
    states, targets = draw(1, steps=5, units=8)
    readout = RidgeReadout(8, 2, 1e-3)
    readout.add(states, targets)
    assert_allclose(readout.weights(), direct(states, targets, 1e-3), rtol=1e-7)


def test_steps_and_rows_of_sequences_are_all_the_same():
    states, targets = draw(2, steps=60)
    flat, shaped = RidgeReadout(7, 2), RidgeReadout(7, 2)
    flat.add(states, targets)
    shaped.add(states.reshape(20, 3, 7), targets.reshape(20, 3, 2))
    assert_allclose(shaped.weights(), flat.weights(), rtol=1e-14)
    assert readout_error(flat.weights(), states.reshape(20, 3, 7), targets.reshape(20, 3, 2)) == pytest.approx(
        np.mean((states @ flat.weights().T - targets) ** 2)
    )


def test_single_precision_is_summed_in_double():
    """In single precision the sum of 1e5 squares would be off by more than 1e-5."""
    states = np.full((100_000, 1), 0.1, np.float32)
    readout = RidgeReadout(1, 1)
    readout.add(states, states)
    assert_allclose(readout.weights(), 1.0, atol=1e-8)


def test_the_readout_is_a_minimum():
    """Of squared errors plus penalty, in every direction."""
    states, targets = draw(3)
    readout = RidgeReadout(7, 2, 5.0)
    readout.add(states, targets)
    best = readout.weights()

    def objective(B):
        return np.sum((states @ B.T - targets) ** 2) + 5.0 * np.sum(B**2)

    for move in np.random.default_rng(4).standard_normal((20, *best.shape)):
        assert objective(best + 1e-3 * move) > objective(best)


@pytest.mark.parametrize(("task", "low", "high"), [("predict", 0.004, 0.03), ("recall", 0.001, 0.013)])
def test_untrained_network_on_mackey_glass(task, low, high):
    """Section 6.3: untrained network of 50 units, 500 steps; seeds range .005 to .026 and .002 to .011."""
    errors = []
    for seed in range(5):
        random = np.random.default_rng(seed)
        A, R = random.normal(0, np.sqrt(2 / 51), (50, 1)), random.normal(0, np.sqrt(1 / 50), (50, 50))
        dataset = load_dataset(MackeyGlassData(set="mackey_glass", task=task, length=500), "float64", seed)
        seen = {}
        for part in ("train", "test"):
            batch, z, states = dataset.batch(part, 0, 1), np.zeros(50), []
            for u in batch.inputs[:, 0]:
                z = np.tanh(A @ u + R @ z)
                states.append(z)
            seen[part] = np.array(states), batch.targets[:, 0]
        readout = RidgeReadout(50, 1)
        readout.add(*seen["train"])
        errors.append(readout_error(readout.weights(), *seen["test"]))
    assert low < np.mean(errors) < high


def test_refusals():
    readout = RidgeReadout(2, 1)
    with pytest.raises(ValueError, match=r"penalty is 0\.0, but must be positive"):
        RidgeReadout(2, 1, 0.0)
    with pytest.raises(ValueError, match=r"states have the shape \(4, 3\), expected \(..., 2\)"):
        readout.add(np.zeros((4, 3)), np.zeros((4, 1)))
    with pytest.raises(ValueError, match="4 steps of states beside 5 of targets"):
        readout.add(np.zeros((4, 2)), np.zeros((5, 1)))
    with pytest.raises(SimulationError, match="targets of a ridge readout are NaN or infinite"):
        readout.add(np.zeros((4, 2)), np.full((4, 1), np.nan))
    with pytest.raises(SimulationError, match="at least one step"):
        readout.weights()
    readout.add(np.full((4, 2), 1e8), np.ones((4, 1)))
    with pytest.raises(SimulationError, match="states of 4 steps are linearly dependent to rounding"):
        readout.weights()
