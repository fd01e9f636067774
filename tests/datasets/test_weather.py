"""The embedded weather against the figures of the reference: section 5, measured from the original table."""

import csv
import gzip
from importlib.resources import files

import numpy as np
import pytest

from neurosim.datasets.load import load_dataset
from neurosim.datasets.sequence_settings import WeatherData
from neurosim.datasets.weather import UNITS, read_weather
from neurosim.errors import DataError


@pytest.fixture(scope="module")
def weather():
    return read_weather()


def task(dtype="float64", seed=0, **keys):
    return load_dataset(WeatherData(set="weather", **keys), dtype, seed)


def test_rows_gaps_and_missing_values(weather):
    assert weather.measured_hours == 8706
    assert (weather.missing_hours, weather.gaps) == (24, 14)
    assert {name: count for name, count in weather.missing_values.items() if count} == {
        "pressure": 831,
        "wind_dir": 51,
        "wind_speed": 3,
    }
    assert {values.shape for values in weather.columns.values()} == {(8730,)}
    assert set(weather.columns) == set(UNITS)


def test_temperature_in_kelvin(weather):
    kelvin = weather.columns["temperature"]
    assert kelvin.mean() == pytest.approx(285.63, abs=0.005)
    assert kelvin.std() == pytest.approx(9.47, abs=0.005)
    assert np.mean((kelvin[1:] - kelvin[:-1]) ** 2) == pytest.approx(1.007, abs=5e-4)
    assert np.mean((kelvin[24:] - kelvin[:-24]) ** 2) == pytest.approx(12.92, abs=5e-3)
    scaled = (kelvin - kelvin.min()) / np.ptp(kelvin)
    assert scaled.var() == pytest.approx(0.0393, abs=5e-5)
    assert np.mean((scaled[1:] - scaled[:-1]) ** 2) == pytest.approx(0.00044, abs=5e-6)
    assert np.mean((scaled[24:] - scaled[:-24]) ** 2) == pytest.approx(0.00566, abs=5e-6)


def test_the_first_hour_in_si_units(weather):
    """The first line of the file: 39.02 F, 26.06 F, 59.37 %, 260 degrees, 12.65858 mile/h, 1012.6 mbar, 10 mile."""
    first = {name: values[0] for name, values in weather.columns.items()}
    assert first == {
        "temperature": pytest.approx(277.05),  # 3.9 degrees Celsius
        "dew_point": pytest.approx(269.85),
        "humidity": pytest.approx(0.5937),
        "wind_speed": pytest.approx(5.65889, abs=1e-5),
        "wind_sin": pytest.approx(np.sin(260 * np.pi / 180)),
        "wind_cos": pytest.approx(np.cos(260 * np.pi / 180)),
        "pressure": pytest.approx(101260.0),
        "precipitation": 0.0,
        "visibility": pytest.approx(16093.44),
    }


def test_what_was_measured_is_unchanged_and_what_was_not_lies_between_its_neighbours(weather):
    path = files("neurosim.datasets.embedded").joinpath("jfk_2013_hourly.csv.gz")
    with path.open("rb") as packed, gzip.open(packed, "rt") as file:
        rows = list(csv.DictReader(file))
    stamps = np.array([row["time_hour"].rstrip("Z") for row in rows], "datetime64[h]")
    hours = (stamps - stamps[0]).astype(int)
    kelvin = np.array([(float(row["temp"]) - 32) / 1.8 + 273.15 for row in rows])
    np.testing.assert_allclose(weather.columns["temperature"][hours], kelvin, rtol=1e-15)
    pascal = weather.columns["pressure"]
    known = np.array([bool(row["pressure"]) for row in rows])
    measured = np.array([float(row["pressure"] or 0) * 100 for row in rows])
    np.testing.assert_allclose(pascal[hours[known]], measured[known], rtol=1e-15)
    filled = np.setdiff1d(np.arange(8730), hours[known])
    inner = filled[(filled > 0) & (filled < 8729) & ~np.isin(filled - 1, filled) & ~np.isin(filled + 1, filled)]
    assert len(inner) > 100
    np.testing.assert_allclose(pascal[inner], (pascal[inner - 1] + pascal[inner + 1]) / 2, rtol=1e-14)


@pytest.mark.parametrize("ahead", [1, 24])
@pytest.mark.parametrize("scaling", ["standard", "min_max", "none"])
def test_split_by_time_and_target(weather, ahead, scaling):
    """1746 hours for testing, as many before for validation; no target of a part lies in the next."""
    dataset = task(ahead=ahead, scaling=scaling, steps=100, features=("temperature",))
    kelvin = weather.columns["temperature"]
    (scale,) = dataset.target_scale
    offset = dataset.attributes["target_offset_kelvin"]
    for part, start, stop in (("train", 0, 5238), ("validation", 5238, 6984), ("test", 6984, 8730)):
        assert dataset.count(part) == (stop - start - ahead) // 100
        batch = dataset.batch(part, 2, 1)
        expected = kelvin[start + 200 : start + 300]
        np.testing.assert_allclose(batch.inputs[:, 0, 0] * scale + offset, expected, rtol=1e-12)
        expected = kelvin[start + 200 + ahead : start + 300 + ahead]
        np.testing.assert_allclose(batch.targets[:, 0, 0] * scale + offset, expected, rtol=1e-12)


def test_scales_come_from_the_training_part_alone(weather):
    train = weather.columns["temperature"][:5238]
    standard, min_max = task(), task(scaling="min_max")
    assert standard.target_scale == (pytest.approx(train.std()),)
    assert standard.attributes["target_offset_kelvin"] == pytest.approx(train.mean())
    assert min_max.target_scale == (pytest.approx(np.ptp(train)),)
    assert standard.target_unit == "K"


def test_errors_in_square_kelvin_do_not_depend_on_the_scaling():
    errors = []
    for scaling in ("standard", "min_max", "none"):
        dataset = task(scaling=scaling, ahead=24)
        errors.append([value * dataset.target_scale[0] ** 2 for value in dataset.baselines().values()])
    np.testing.assert_allclose(errors, [errors[0]] * 3, rtol=1e-12)


def test_the_attributes_say_what_was_filled():
    told = task().attributes
    assert (told["measured_hours"], told["filled_hours"], told["gaps"]) == (8706, 24, 14)
    assert told["filled_values_pressure"] == 831
    assert told["filled_values_wind_dir"] == 51
    assert told["filled_values_wind_speed"] == 3
    assert "CC0" in task().attribution


def test_all_nine_measurements_can_be_inputs():
    dataset = task(features=tuple(UNITS), dtype="float32")
    assert dataset.inputs == 9
    assert dataset.batch("train", 0, 4).inputs.shape == (168, 4, 9)
    assert dataset.batch("train", 0, 4).inputs.dtype == np.float32


def test_the_seed_changes_nothing():
    assert np.array_equal(task(seed=1).batch("test", 0, 1).inputs, task(seed=2).batch("test", 0, 1).inputs)


def test_windows_longer_than_a_part_are_refused():
    with pytest.raises(DataError, match="weather: part 'validation' has 1746 rows, 1745 with a target 1 rows away"):
        task(steps=1746)
