"""Arrays of devices: what becomes of a conductance that is written into them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from neurosim.physics.devices import DeviceArray
from neurosim.physics.imperfection_settings import Devices, Imperfections
from neurosim.physics.layered.compartments import POINT
from neurosim.physics.layered.network import CompartmentNetwork
from neurosim.physics.layered.settings import LayeredCircuit

SHAPE = (200, 100)
COUNT = SHAPE[0] * SHAPE[1]
WANTED = np.random.default_rng(2).normal(size=SHAPE)


def array(seed=1, index=0, **keys):
    return DeviceArray(Devices(**keys), SHAPE, seed, index)


def network(devices, dtype="float64", feedback="reciprocal", layers=(3, 4, 2)):
    circuit = LayeredCircuit(
        kind="layered", neuron="point", layers=layers, feedback=feedback, imperfections=Imperfections(devices=devices)
    )
    return CompartmentNetwork(circuit, POINT, dtype, seed=1)


@given(levels=st.integers(2, 300), low=st.floats(-3, 0), width=st.floats(0.1, 4), seed=st.integers(0, 99))
@settings(max_examples=40, deadline=None, derandomize=True, database=None)
def test_values_lie_on_the_nearest_level_of_their_range(levels, low, width, seed):
    wanted = np.random.default_rng(seed).normal(size=SHAPE)
    held = array(levels=levels, range=(low, low + width)).write(wanted, 0)
    grid = np.linspace(low, low + width, levels)
    assert np.abs(held[..., None] - grid).min(axis=-1).max() < 1e-12
    inside = np.clip(wanted, low, low + width)
    assert np.abs(held - inside).max() <= width / (levels - 1) / 2 + 1e-12


def test_a_write_misses_by_the_spread_that_was_asked_for_and_anew_every_time():
    devices = array(programming_sd=0.05)
    first, second = (devices.write(WANTED, write) / WANTED - 1 for write in (1, 2))
    for misses in (first, second):
        assert misses.std() == pytest.approx(0.05, rel=5 / np.sqrt(2 * COUNT))
        assert abs(misses.mean()) < 5 * 0.05 / np.sqrt(COUNT)
    assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 5 / np.sqrt(COUNT)
    np.testing.assert_array_equal(devices.write(WANTED, 1), array(programming_sd=0.05).write(WANTED, 1))


def test_conductances_decay_by_their_power_of_the_age():
    held = array(drift_nu=0.1, age=100.0).write(WANTED, 0)
    np.testing.assert_allclose(held, WANTED * 100.0**-0.1)
    exponents = -np.log(array(drift_nu=0.1, drift_nu_sd=0.02, age=100.0).write(WANTED, 0) / WANTED) / np.log(100.0)
    assert exponents.mean() == pytest.approx(0.1, abs=5 * 0.02 / np.sqrt(COUNT))
    assert exponents.std() == pytest.approx(0.02, rel=5 / np.sqrt(2 * COUNT))


@pytest.mark.parametrize(("ends", "expected"), [(None, (0.0,)), ((-1.0, 2.0), (-1.0, 2.0))])
def test_stuck_devices_stay_at_an_end_of_their_range(ends, expected):
    devices = array(stuck_fraction=0.3, range=ends)
    held = devices.write(WANTED, 0)
    stuck = ~np.isnan(devices.stuck_at)
    assert stuck.mean() == pytest.approx(0.3, abs=5 * np.sqrt(0.21 / COUNT))
    assert sorted(set(held[stuck])) == sorted(expected)
    inside = WANTED if ends is None else np.clip(WANTED, *ends)
    np.testing.assert_allclose(held[~stuck], inside[~stuck])
    np.testing.assert_array_equal(devices.write(-WANTED, 5)[stuck], held[stuck])
    np.testing.assert_array_equal(devices.slope(), np.where(stuck, 0.0, 1.0))


def test_every_array_and_every_kind_has_draws_of_its_own():
    stuck = [array(stuck_fraction=0.3, index=index, seed=seed).stuck_at for index, seed in ((0, 1), (1, 1), (0, 2))]
    patterns = [~np.isnan(values).ravel() for values in stuck]
    for i, j in ((0, 1), (0, 2), (1, 2)):
        assert abs(np.corrcoef(patterns[i], patterns[j])[0, 1]) < 5 / np.sqrt(COUNT)
    with_more = array(stuck_fraction=0.3, drift_nu_sd=0.1, age=10.0, programming_sd=0.1)
    np.testing.assert_array_equal(with_more.stuck_at, stuck[0])
    np.testing.assert_array_equal(with_more.decay, array(drift_nu_sd=0.1, age=10.0).decay)


def test_reads_fluctuate_from_batch_to_batch_around_what_was_written():
    devices = array(read_sd=0.1)
    values = np.stack([devices.read(WANTED, batch) for batch in range(20)])
    assert (values.std(axis=0) / np.abs(WANTED)).mean() == pytest.approx(0.1, rel=0.05)
    assert np.abs(values.mean(axis=0) / WANTED - 1).mean() < 0.1
    np.testing.assert_array_equal(devices.read(WANTED, 3), values[3])


def test_a_reciprocal_conductance_is_one_device_for_both_ways():
    model = network({"programming_sd": 0.2, "stuck_fraction": 0.2})
    np.testing.assert_array_equal(model.conductances["B_1"], model.conductances["W_1"].T)
    assert set(model.imperfect.devices) == {"W_0", "W_1"}
    apart = network({"programming_sd": 0.2}, feedback="independent")
    assert set(apart.imperfect.devices) == {"W_0", "W_1", "B_1"}
    assert not np.allclose(apart.conductances["B_1"], apart.conductances["W_1"].T)
    np.testing.assert_array_equal(apart.parameters["B_1"], apart.parameters["W_1"].T)


def test_a_changed_parameter_is_written_once_more():
    model = network({"programming_sd": 0.2})
    before = model.conductances["W_0"].copy()
    model.synchronise()
    np.testing.assert_array_equal(model.conductances["W_0"], before)
    model.parameters_changed()
    model.synchronise()
    assert not np.allclose(model.conductances["W_0"], before)


def test_what_learning_wants_is_kept_inside_the_range():
    model = network({"range": [-0.1, 0.1]})
    assert np.abs(model.parameters["W_0"]).max() == 0.1
    model.parameters["W_0"][:] += 5.0
    model.parameters_changed()
    model.synchronise()
    np.testing.assert_array_equal(model.parameters["W_0"], 0.1)


def test_a_twin_has_the_conductances_of_the_last_write():
    model = network({"programming_sd": 0.2, "levels": 16, "range": [-1.0, 1.0], "read_sd": 0.3}, dtype="float32")
    model.parameters_changed()
    twin, ideal = model.twin("float64"), model.twin("float64", ideal=True)
    twin.synchronise()
    assert twin.noisy is ideal.noisy is False
    quiet = network({"programming_sd": 0.2, "levels": 16, "range": [-1.0, 1.0]}, dtype="float32")
    quiet.parameters_changed()
    quiet.synchronise()
    for name, values in quiet.conductances.items():
        np.testing.assert_allclose(twin.conductances[name], values, rtol=1e-6)
        np.testing.assert_allclose(ideal.parameters[name], values, rtol=1e-6)
        assert not np.allclose(model.conductances[name], values) or name[0] == "b"
    assert ideal.conductances is ideal.parameters


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"range": [1.0, -1.0]}, "range needs its smaller end first, found"),
        ({"levels": 4}, "levels are spread over a range; give range"),
        ({"drift_nu": 0.1}, "drift shows with age; give age > 1"),
        ({"levels": 1, "range": [0, 1]}, "greater than or equal to 2"),
        ({"stuck_fraction": 1.5}, "less than or equal to 1"),
    ],
)
def test_what_devices_cannot_be(keys, message):
    with pytest.raises(ValueError, match=message):
        Devices(**keys)
