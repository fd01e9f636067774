"""What a relaxation writes: trajectories of every phase in the layout of the contract."""

from __future__ import annotations

import signal
from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray
from analysis_runs import RELAX, TINY, Silent, arrays, attributes, load, run

from neurosim.datasets.load import load_dataset
from neurosim.dynamics.status import Status
from neurosim.errors import ScenarioError
from neurosim.scenario.load import load_scenario

TSIT5 = "dynamics={solver: tsit5, t_end: 20.0, tolerance: 1.0e-4, rtol: 1.0e-8, atol: 1.0e-11}"
HALVES = "analysis={type: relax, samples: 3, save: {every: 0.5}}"
STRONG = "rule={type: dual_propagation, alpha: 0.5, beta: 0.5}"
DOUBLE = "dtype=float64"
ALWAYS = (
    "phase", "time", "sample", "compartment", "compartment_name", "unit_layer_1", "unit_layer_2",
    "state_layer_1", "state_layer_2", "rms_rate", "nudge", "inputs", "targets",
    "input", "output", "status", "final_rate", "steps", "forward_weight",
)  # fmt: skip


@pytest.fixture(scope="module")
def relaxed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three digits through both phases of dual propagation, tanh dyads in double precision."""
    path, outcome = run(
        tmp_path_factory.mktemp("relaxed"), HALVES, TSIT5, STRONG, DOUBLE, "circuit.activation=tanh", "circuit.tau=1.5"
    )
    assert outcome.status is Status.SETTLED
    return path


def relaxation(path: Path) -> dict[str, np.ndarray]:
    return {name.removeprefix("relax/"): values for name, values in arrays(path).items() if name.startswith("relax/")}


def test_the_layout_of_the_contract(relaxed: Path):
    """state_<block>[phase, time, sample, compartment, unit] in the type of the run, figures in float64."""
    with h5py.File(relaxed) as file:
        relax = file["relax"]
        assert set(relax) == set(ALWAYS)
        assert [name.decode() for name in relax["phase"][:]] == ["free", "nudged"]
        assert relax["nudge"][:].tolist() == [0.0, 0.5]
        assert relax["time"][:].tolist() == [0.5 * i for i in range(41)]
        assert relax["time"].attrs["units"] == "s"
        for layer, units in ((1, 12), (2, 10)):
            state = relax[f"state_layer_{layer}"]
            assert state.shape == (2, 41, 3, 2, units)
            assert state.dtype == np.float64
            assert state.attrs["units"] == "1"
            names = [dim[0].name for dim in state.dims]
            assert names == [f"/relax/{n}" for n in ("phase", "time", "sample", "compartment", f"unit_layer_{layer}")]
        assert relax["rms_rate"].shape == (2, 41)
        assert relax["final_rate"].shape == relax["status"].shape == (2, 3)
        for name in ("rms_rate", "final_rate", "nudge", "forward_weight"):
            assert relax[name].dtype == np.float64, name
        assert relax["forward_weight"][:].tolist() == [0.5, 0.5]
        assert relax["status"].attrs["flag_meanings"].split() == [status.key for status in Status]
        assert relax["status"].attrs["flag_values"].tolist() == [status.code for status in Status]
        assert all(dataset.attrs["long_name"] for dataset in relax.values())
        assert set(file["circuit"]["parameters"]) == {"W_0", "b_1", "W_1", "b_2", "B_1"}


def test_netcdf_readers_open_it(relaxed: Path):
    """Selected by phase and time as an analyst would."""
    with xarray.open_dataset(relaxed, group="relax", engine="h5netcdf") as relax:
        late = relax["state_layer_2"].sel(phase="nudged", time=20.0)
        assert late.dims == ("sample", "compartment", "unit_layer_2")
        assert float(abs(late.sel(compartment=0) - late.sel(compartment=1)).max()) > 1e-3
        assert relax["inputs"].dims == ("sample", "input")
        assert relax["targets"].dims == ("sample", "output")
        assert relax["rms_rate"].dims == ("phase", "time")


def test_the_samples_are_the_first_of_the_test(relaxed: Path):
    relax = relaxation(relaxed)
    scenario = load_scenario(str(relaxed.parent / "tiny.yaml")).scenario
    test = load_dataset(scenario.data, "float64", scenario.seed).test
    np.testing.assert_array_equal(relax["inputs"], test.inputs[:3])
    np.testing.assert_array_equal(relax["targets"], test.targets[:3])


def test_the_phases_join(relaxed: Path):
    """The first starts at zero; the second where the first ended."""
    relax = relaxation(relaxed)
    for layer in ("state_layer_1", "state_layer_2"):
        assert not relax[layer][0, 0].any()
        np.testing.assert_allclose(relax[layer][1, 0], relax[layer][0, -1], rtol=0, atol=1e-14)
        assert np.isfinite(relax[layer]).all()


def test_phases_from_rest_start_at_rest(tmp_path: Path):
    """start: rest needs no free phase; with a frozen cost gradient there is one, and the nudged one starts at zero."""
    rest = TSIT5.replace("solver", "start: rest, solver")
    alone = relaxation(run(tmp_path, HALVES, rest, STRONG, DOUBLE)[0])
    assert [name.decode() for name in alone["phase"]] == ["nudged"]
    assert not alone["state_layer_1"][0, 0].any()
    frozen = STRONG.replace("}", ", cost_gradient: frozen}")
    both = relaxation(run(tmp_path, HALVES, rest, frozen, DOUBLE, name="b.h5")[0])
    assert [name.decode() for name in both["phase"]] == ["free", "nudged"]
    assert not both["state_layer_1"][1, 0].any()


def test_states_and_rates_obey_the_equations(relaxed: Path):
    """The drift in NumPy at every saved state gives the saved rate; the last states are the equilibrium."""
    relax, stored = relaxation(relaxed), arrays(relaxed)
    p = {name.rpartition("/")[2]: values for name, values in stored.items() if name.startswith("circuit/parameters/")}
    for phase, beta in enumerate(relax["nudge"]):
        s1, s2 = relax["state_layer_1"][phase], relax["state_layer_2"][phase]  # (time, sample, compartment, unit)
        gain = np.array([0.5, -0.5])[:, None]
        back = ((s2[:, :, 0] - s2[:, :, 1]) @ p["B_1"])[:, :, None]
        r1 = np.tanh((relax["inputs"] @ p["W_0"] + p["b_1"])[None, :, None] + gain * back) - s1
        a2 = s1.mean(axis=2) @ p["W_1"] + p["b_2"]
        r2 = (a2[:, :, None] - gain * beta * (a2 - relax["targets"])[:, :, None]) - s2
        squares = np.sum(r1**2, axis=(2, 3)) + np.sum(r2**2, axis=(2, 3))
        per_sample = np.sqrt(squares / (2 * (12 + 10)))
        np.testing.assert_allclose(
            relax["rms_rate"][phase], np.sqrt(np.mean(per_sample**2, axis=1)), rtol=1e-8, atol=1e-13
        )
        np.testing.assert_allclose(relax["final_rate"][phase], per_sample[-1], rtol=1e-6, atol=1e-13)


def test_the_default_is_a_hundred_intervals(tmp_path: Path):
    relax = relaxation(run(tmp_path, RELAX, TSIT5)[0])
    np.testing.assert_allclose(relax["time"], np.linspace(0.0, 20.0, 101), atol=1e-13)
    assert relax["state_layer_1"].dtype == np.float32


def test_times_can_be_listed(tmp_path: Path):
    """tsit5 meets them, a fixed-step scheme moves them to its steps and says which."""
    at = "analysis={type: relax, samples: 2, save: {at: [0.0, 0.3, 1.0, 1.05, 4.9]}}"
    met = relaxation(run(tmp_path, at, TSIT5)[0])
    assert met["time"].tolist() == [0.0, 0.3, 1.0, 1.05, 4.9]
    fixed = "dynamics={solver: heun, dt: 0.25, t_end: 5.0, tolerance: null}"
    moved = relaxation(run(tmp_path, at, fixed, name="b.h5")[0])
    assert moved["time"].tolist() == [0.0, 0.25, 1.0, 5.0]
    for relax in (met, moved):
        assert np.isfinite(relax["state_layer_1"]).all()
        assert np.isfinite(relax["rms_rate"]).all()


@pytest.mark.parametrize("solver", ["heun, dt: 0.1", "tsit5", "radau"])
@pytest.mark.parametrize(("every", "t_end"), [(0.1, 0.3), (0.1, 0.7), (0.25, 1.0), (0.3, 1.0)])
def test_the_last_interval_is_not_lost(tmp_path: Path, every: float, t_end: float, solver: str):
    """Every so many seconds up to t_end, whatever the rounding of their product."""
    save = f"analysis={{type: relax, samples: 2, save: {{every: {every}}}}}"
    relax = relaxation(run(tmp_path, save, f"dynamics={{solver: {solver}, t_end: {t_end}, tolerance: null}}")[0])
    np.testing.assert_allclose(relax["time"], np.arange(round(t_end / every - 0.49) + 1) * every, atol=0.051)
    assert np.isfinite(relax["state_layer_1"]).all()


def test_times_beyond_the_end_are_refused(tmp_path: Path):
    """A save at 3 s of a phase of 1 s could only be NaN."""
    save = "analysis={type: relax, samples: 2, save: {at: [0.5, 3.0]}}"
    with pytest.raises(ScenarioError, match=r"analysis\.save\.at: found 3 s, but every phase ends at .* = 1 s"):
        load(tmp_path, save, "dynamics={solver: tsit5, t_end: 1.0, tolerance: null}")


@pytest.mark.parametrize("solver", ["sweeps", "newton"])
def test_save_times_of_a_solver_without_time_are_refused(tmp_path: Path, solver: str):
    with pytest.raises(ScenarioError, match=rf"analysis\.save: solver {solver} has no time"):
        load(tmp_path, HALVES, f"dynamics={{solver: {solver}}}")


def test_sweeps_count_iterations(tmp_path: Path):
    """Time is the number of sweeps, without a unit; phases of different length end in NaN, and nowhere else is any."""
    path, outcome = run(tmp_path, RELAX, STRONG, DOUBLE, "dynamics={solver: sweeps, max_steps: 200, tolerance: 1.0e-8}")
    assert outcome.status is Status.SETTLED
    relax = relaxation(path)
    free, nudged = relax["steps"].tolist()
    assert free == 1, "a forward pass is all that a free dyad needs"
    assert 1 < nudged < 200
    assert relax["time"].tolist() == list(range(nudged + 1))
    with h5py.File(path) as file:
        assert file["relax/time"].attrs["units"] == "1"
    for layer in ("state_layer_1", "state_layer_2"):
        missing = np.isnan(relax[layer]).all(axis=(2, 3, 4))
        assert missing[0].tolist() == [False, False] + [True] * (nudged - 1)
        assert not missing[1].any()
        assert np.isnan(relax[layer]).any(axis=(2, 3, 4)).tolist() == missing.tolist()
    assert np.isnan(relax["rms_rate"][:, 0]).all(), "before the first sweep nothing has changed yet"
    assert np.isfinite(relax["rms_rate"][1, 1:]).all()


def test_newton_counts_iterations(tmp_path: Path):
    """The start and the state after every iteration, filed under its number; a phase that took fewer ends in NaN."""
    relax = relaxation(run(tmp_path, RELAX, STRONG, DOUBLE, "circuit.activation=tanh", "dynamics={solver: newton}")[0])
    steps = relax["steps"].tolist()
    assert max(steps) > 1
    assert relax["time"].tolist() == list(range(max(steps) + 1))
    for phase, count in enumerate(steps):
        saved = np.isfinite(relax["rms_rate"][phase])
        assert saved.tolist() == [True] * (count + 1) + [False] * (max(steps) - count)
        assert np.all(np.diff(relax["rms_rate"][phase][saved]) < 0)


def test_newton_ends_at_the_equilibrium(tmp_path: Path):
    """The last state of each phase is where the ODE goes."""
    changes = (STRONG, DOUBLE, "circuit.activation=tanh")
    ends = []
    for name, solver in (
        ("n.h5", "dynamics={solver: newton, tolerance: 1.0e-11}"),
        ("t.h5", TSIT5.replace("1.0e-4", "1.0e-8").replace("20.0", "60.0")),
    ):
        path, outcome = run(tmp_path, RELAX, *changes, solver, name=name)
        assert outcome.status is Status.SETTLED
        states = relaxation(path)["state_layer_2"]
        ends.append([phase[np.flatnonzero(np.isfinite(phase[:, 0, 0, 0]))[-1]] for phase in states])
    np.testing.assert_allclose(ends[0], ends[1], rtol=0, atol=1e-6)


@pytest.mark.parametrize("solver", [TSIT5, "dynamics={solver: sweeps, max_steps: 300}"])
def test_point_neurons_without_a_rule(tmp_path: Path, solver: str):
    """A Hopfield-like network relaxes freely: one phase, one compartment, no nudge."""
    text = "\n".join(line for line in TINY.splitlines() if not line.startswith("rule:"))
    changes = ("circuit.neuron=point", "circuit.init={gain: 0.4}", "circuit.activation=hard_sigmoid")
    path, outcome = run(tmp_path, RELAX, solver, *changes, text=text)
    assert outcome.status is Status.SETTLED
    relax = relaxation(path)
    assert [name.decode() for name in relax["phase"]] == ["free"]
    assert relax["nudge"].tolist() == [0.0]
    assert relax["state_layer_1"].shape[2:] == (3, 1, 12)
    assert relax["forward_weight"].tolist() == [1.0]


def test_fewer_samples_than_asked_for(tmp_path: Path):
    """360 test digits are all there are."""
    many = "analysis={type: relax, samples: 100000, save: {at: [1.0]}}"
    path, _ = run(tmp_path, many, "dynamics={solver: heun, dt: 0.25, t_end: 1.0, tolerance: null}")
    assert relaxation(path)["state_layer_1"].shape == (2, 1, 360, 2, 12)


def test_relaxations_that_do_not_settle_fail_the_run(tmp_path: Path):
    """The samples by phase and status, the rate reached; forgiven within unsettled_limit."""
    short = "dynamics={solver: tsit5, t_end: 2.0, tolerance: 1.0e-6}"
    path, outcome = run(tmp_path, RELAX, short)
    assert outcome.status is Status.NOT_SETTLED
    assert "free: 3 not_settled; nudged: 3 not_settled" in outcome.message
    assert attributes(path)["status"] == "not_settled"
    assert relaxation(path)["status"].tolist() == [[Status.NOT_SETTLED.code] * 3] * 2
    allowed = short.replace("}", ", unsettled_limit: 1.0}")
    assert run(tmp_path, RELAX, allowed, name="b.h5")[1].status is Status.SETTLED


def test_a_diverging_relaxation_is_a_result(tmp_path: Path):
    """States as far as they went, NaN after, status diverged; every saved number is finite."""
    path, outcome = run(
        tmp_path, RELAX, DOUBLE, "circuit.init={gain: 20.0}", "circuit.activation=identity",
        "rule={type: dual_propagation, variant: original, alpha: 1.0, beta: 20.0}",
        "dynamics={solver: rk4, dt: 0.1, t_end: 1000.0}",
    )  # fmt: skip
    assert outcome.status is Status.DIVERGED
    relax = relaxation(path)
    assert relax["status"].tolist()[1] == [Status.DIVERGED.code] * 3
    saved = np.isfinite(relax["rms_rate"])
    assert saved[0].all()
    assert saved[1, 0]
    assert not saved[1, -1]
    assert np.isfinite(relax["state_layer_1"][saved]).all()
    assert np.isnan(relax["state_layer_1"][~saved]).all()


class Impatient(Silent):
    """Ctrl-C before the first phase."""

    def begin(self, total: int, unit: str, done: int = 0) -> None:
        signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize("solver", [TSIT5, "dynamics={solver: sweeps, max_steps: 300}"])
def test_ctrl_c_interrupts_a_relaxation(tmp_path: Path, solver: str):
    """Obeyed at the next save: status interrupted in the file and of every sample, what was saved is finite."""
    path, outcome = run(tmp_path, RELAX, solver, progress=Impatient())
    assert outcome.status is Status.INTERRUPTED
    assert attributes(path)["status"] == "interrupted"
    relax = relaxation(path)
    assert set(relax) == set(ALWAYS)
    assert np.all(relax["status"] == Status.INTERRUPTED.code)
    saved = np.isfinite(relax["state_layer_1"]).all(axis=(2, 3, 4))
    assert saved[0, 0]
    assert not saved[1].any()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.h5", "tiny.yaml"]


def test_an_interrupted_relaxation_can_be_run_again(tmp_path: Path):
    """The contract: a second run resumes; here it means from the start, without --force."""
    run(tmp_path, RELAX, TSIT5, progress=Impatient())
    assert run(tmp_path, RELAX, TSIT5)[1].status is Status.SETTLED


def test_threads_and_repetition_do_not_change_a_bit(tmp_path: Path):
    first = relaxation(run(tmp_path, RELAX, TSIT5, name="1.h5", threads=1)[0])
    again = relaxation(run(tmp_path, RELAX, TSIT5, name="2.h5", threads=2)[0])
    for name in first:
        np.testing.assert_array_equal(first[name], again[name], err_msg=name)


def test_the_run_id_is_that_of_the_scenario(tmp_path: Path):
    path, _ = run(tmp_path, RELAX, TSIT5)
    assert attributes(path)["run_id"] == load(tmp_path, RELAX, TSIT5).run_id
    assert attributes(path)["analysis"] == "relax"
