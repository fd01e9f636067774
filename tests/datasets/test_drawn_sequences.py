"""Tasks that are drawn sequence by sequence."""

import numpy as np
import pytest

from neurosim.datasets.load import load_dataset
from neurosim.datasets.sequence_settings import CopyingData, DelayData
from neurosim.errors import DataError


def delay(seed=3, dtype="float64", **keys):
    return load_dataset(DelayData(set="delay", **keys), dtype, seed)


def copying(seed=3, dtype="float64", **keys):
    return load_dataset(CopyingData(set="copying", **keys), dtype, seed)


@pytest.mark.parametrize("make", [delay, copying])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_shapes_names_and_types(make, dtype):
    dataset = make(dtype=dtype)
    sequences = dataset.batch("train", 0, 3)
    assert sequences.inputs.shape == (dataset.steps, 3, dataset.inputs)
    assert sequences.targets.shape == (dataset.steps, 3, dataset.outputs)
    assert sequences.inputs.dtype == sequences.targets.dtype == dtype
    assert len(dataset.input_names) == dataset.inputs
    assert len(dataset.target_names) == len(dataset.target_scale) == dataset.outputs
    assert (dataset.target_unit, sequences.continues) == ("1", False)


def test_delay_is_its_definition():
    sequences = delay(lag=4).batch("train", 7, 5)
    u, y = sequences.inputs, sequences.targets
    assert u.shape == (40, 5, 1)
    for t in range(4, 40):
        assert np.array_equal(y[t], u[t - 4])
    assert sequences.counted.tolist() == [False] * 4 + [True] * 36


def test_without_a_lag_the_target_is_the_input():
    sequences = delay(lag=0).batch("train", 0, 2)
    assert np.array_equal(sequences.inputs, sequences.targets)
    assert sequences.counted.all()


def test_delay_inputs_are_white_and_uniform():
    """40000 values: the standard error of the variance 1/3 is 0.0015, of a correlation 0.005."""
    u = delay(steps=1000).batch("train", 0, 40).inputs[..., 0]
    assert abs(u).max() <= 1.0
    assert u.var() == pytest.approx(1 / 3, abs=0.006)
    assert np.mean(u[1:] * u[:-1]) / u.var() == pytest.approx(0.0, abs=0.02)


def test_the_variance_of_delay_is_a_third():
    """7200 values of the test part: the standard error is 0.0035."""
    assert delay().baselines() == {"variance": pytest.approx(1 / 3, abs=0.014)}


def test_copying_is_a_list_a_pause_with_a_marker_and_the_list_again():
    dataset = copying(length=6, delay=3)
    assert dataset.steps == 15
    sequences = dataset.batch("train", 0, 4)
    shown, wanted = sequences.inputs.argmax(axis=2), sequences.targets.argmax(axis=2)
    for row in range(4):
        symbols = shown[:6, row].tolist()
        assert max(symbols) < 8
        assert shown[6:, row].tolist() == [8, 8, 9] + [8] * 6
        assert wanted[:, row].tolist() == [8] * 9 + symbols
    for values in (sequences.inputs, sequences.targets):
        assert np.array_equal(values.sum(axis=2), np.ones((15, 4)))
        assert set(np.unique(values)) == {0.0, 1.0}
    assert sequences.counted.tolist() == [False] * 9 + [True] * 6


def test_copying_has_the_size_of_the_published_task():
    dataset = copying()
    assert (dataset.inputs, dataset.outputs, dataset.steps) == (10, 10, 210)
    # Eight of ten outputs are one in an eighth of the steps: 0.8 * 1/8 * 7/8.
    assert dataset.baselines()["variance"] == pytest.approx(0.0875, rel=1e-3)


@pytest.mark.parametrize("make", [delay, copying])
@pytest.mark.parametrize("part", ["train", "validation", "test"])
def test_a_batch_depends_on_nothing_but_seed_part_and_number(make, part):
    fresh, used = make(), make()
    for number in (5, 0, 3):
        used.batch("train", number, 4)
        used.batch("test", number, 7)
    assert np.array_equal(fresh.batch(part, 2, 4).inputs, used.batch(part, 2, 4).inputs)
    assert not np.array_equal(fresh.batch(part, 2, 4).inputs, make(seed=4).batch(part, 2, 4).inputs)


@pytest.mark.parametrize("make", [delay, copying])
def test_every_training_sequence_and_every_part_is_another(make):
    dataset = make(sequences=4, test_sequences=4)
    lists = [dataset.batch("train", number, 4).inputs for number in range(5)]
    lists += [dataset.batch(part, 0, 4).inputs for part in ("validation", "test")]
    seen = {values[:, row].tobytes() for values in lists for row in range(4)}
    assert len(seen) == 28


def test_the_test_part_is_the_same_for_every_size_of_batch_and_repeats():
    dataset = delay(test_sequences=6)
    whole = dataset.batch("test", 0, 6).inputs
    halves = np.concatenate([dataset.batch("test", number, 3).inputs for number in range(2)], axis=1)
    assert np.array_equal(whole, halves)
    assert np.array_equal(whole, dataset.batch("test", 1, 6).inputs)
    assert dataset.batches("test", 3) == 2


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (("tests", 0, 1), "delay: no part 'tests'. Did you mean 'test'\\? Known: train, validation, test."),
        (("test", -1, 1), "delay: batch number -1; batches count from 0"),
        (("test", 0, 0), "delay: batches of 0 sequences"),
        (("test", 0, 201), "batches of 201 sequences, but part 'test' has 200 of 40 steps; lower data.batch"),
    ],
)
def test_batches_that_do_not_exist_are_refused(asked, message):
    with pytest.raises(DataError, match=message):
        delay().batch(*asked)
