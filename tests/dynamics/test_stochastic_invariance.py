"""The noise of a row is that of its path: whatever the batch, the pieces of a run, and who watches."""

from __future__ import annotations

import numpy as np
import pytest
from dynamics_circuits import Array, Tape, circuit
from dynamics_toys import Toy
from stochastic_toys import SCHEMES, leaking, stochastic

from neurosim.dynamics import stochastic as loop
from neurosim.dynamics.loop import SaveBuffer
from neurosim.dynamics.status import Status, statuses
from neurosim.errors import SimulationError
from neurosim.jit import drift_signature, kernel
from neurosim.noise.fill import fill_normals
from neurosim.physics.layered.compartments import POINT
from neurosim.physics.layered.system import LayeredSystem
from neurosim.physics.state_noise import Noise
from neurosim.seeds import NoiseKey

WHITE, COLOURED = {"sd": 0.2}, {"sd": 0.2, "correlation_time": 0.7}
KINDS = pytest.mark.parametrize("noise", [WHITE, COLOURED, {"relative_sd": 0.3}], ids=["white", "coloured", "relative"])


def noisy(
    rows: int = 5, dtype: str = "float64", layers: tuple[int, ...] = (4, 7, 5, 3), **noise: object
) -> LayeredSystem:
    return circuit(layers, rows, beta=0.4, dtype=dtype, imperfections={"state_noise": noise})


def relaxed(system: LayeredSystem, t_end: float = 3.0, name: str = "euler_maruyama", **keys: object) -> Array:
    return stochastic(name, 0.05, t_end, **keys).relax(system, system.rest()).state


@KINDS
@pytest.mark.parametrize("name", SCHEMES)
def test_rows_keep_their_noise_in_every_batch(noise: dict, name: str):
    """A few rows, in another order, or one alone end where they end in the whole batch, to rounding of the products."""
    system = noisy(**noise)
    system.paths = np.array([7, 1 << 40, 0, 3, 12])
    together = relaxed(system, name=name)
    assert np.ptp(together) > 0.1
    for rows in ([2], [4, 1], [3, 3, 0]):
        part = system.take(rows)
        assert part.paths.tolist() == system.paths[rows].tolist()
        np.testing.assert_allclose(relaxed(part, name=name), system.take_state(together, rows), rtol=0, atol=1e-12)


@KINDS
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_pieces_of_a_run_change_nothing(noise: dict, dtype: str, monkeypatch: pytest.MonkeyPatch):
    """However many steps a call to the kernel takes, and however often it comes back to save: bit for bit the same."""
    system = noisy(dtype=dtype, **noise)
    whole = stochastic("stochastic_heun", 0.05, 3.0, average=1.0).relax(system, system.rest())
    for steps in (1, 7, 8):
        monkeypatch.setattr(loop, "STEPS_PER_CALL", steps)
        pieces = stochastic("stochastic_heun", 0.05, 3.0, average=1.0).relax(system, system.rest())
        np.testing.assert_array_equal(pieces.state, whole.state)
        np.testing.assert_array_equal(pieces.mean, whole.mean)
    tape = Tape(np.arange(61) * 0.05)
    watched = stochastic("stochastic_heun", 0.05, 3.0, average=1.0).relax(system, system.rest(), tape)
    np.testing.assert_array_equal(watched.state, whole.state)
    np.testing.assert_array_equal(tape.states[-1], whole.state)
    mean = tape.states[-20:].astype(np.float64).mean(axis=0)
    np.testing.assert_allclose(watched.mean, mean, rtol=0, atol=2 * np.finfo(dtype).eps)


def test_saves_in_pieces_change_nothing(monkeypatch: pytest.MonkeyPatch):
    """A buffer of one state, fetched after every step."""
    system = noisy(**COLOURED)
    tape, pieces = Tape(np.arange(61) * 0.05), Tape(np.arange(61) * 0.05)
    how = stochastic("euler_maruyama", 0.05, 3.0)
    how.relax(system, system.rest(), tape)
    made = SaveBuffer.__init__

    def narrow(self: SaveBuffer, *arguments: object) -> None:
        made(self, *arguments)
        self.saves = self.saves._replace(states=self.saves.states[:1].copy(), rates=self.saves.rates[:1].copy())

    monkeypatch.setattr(SaveBuffer, "__init__", narrow)
    how.relax(system, system.rest(), pieces)
    assert pieces.pieces == [1] * 61
    np.testing.assert_array_equal(pieces.states, tape.states)


@pytest.mark.parametrize("rows", [1, 3])
def test_each_value_has_the_normal_of_its_unit(rows: int):
    """Units count over blocks, planes and units of a row: the increments of one step are those of `fill_normals`."""
    system = noisy(rows, sd=0.2)
    system.paths, system.noise_stream = np.arange(rows) + 5, 2
    h = 1e-3
    steps = [
        stochastic("euler_maruyama", h, k * h).relax(system, np.zeros(system.size)).state for k in (1, 2)
    ]  # fmt: skip
    units = system.size // rows
    for k, (before, after) in enumerate(zip([np.zeros(system.size), steps[0]], steps, strict=True)):
        z = np.empty((rows, units))
        fill_normals["float64"](*system.noise.key, system.paths, k, 2, z)
        kicks = (after - before - h * system.rate(before)) / (0.2 * np.sqrt(2 * h))
        found = np.concatenate([view.transpose(1, 0, 2).reshape(rows, -1) for view in system.views(kicks)], axis=1)
        np.testing.assert_allclose(found, z, rtol=0, atol=1e-9)


@KINDS
def test_streams_paths_and_keys_are_other_noise(noise: dict):
    system = noisy(**noise)
    first = relaxed(system)
    np.testing.assert_array_equal(relaxed(system), first)
    for change in ("noise_stream", "paths"):
        other = noisy(**noise)
        setattr(other, change, 1 if change == "noise_stream" else other.paths + 100)
        assert np.all(relaxed(other) != first), change


@kernel(drift_signature)
def unit_diffusion(t: float, y: object, model: object, out: object) -> None:
    """Write 1, 2, 3 ... times what `u` says of it."""
    for i in range(y.size):
        out[i] = (i + 1) * model.u[1]


def test_a_model_may_bring_its_own_diffusion():
    """Any kernel of the drift ABI, with arrays of its own: here a g that grows from unit to unit."""
    toy = leaking(4, sd=1.0)
    toy.u = np.array([toy.u[0], 0.5])
    toy.noise = Noise(unit_diffusion, toy.arrays, True, 0.0, NoiseKey(1, 2), False)
    dW = np.random.default_rng(0).standard_normal((1, 4))
    end = stochastic("euler_maruyama", 0.1, 0.1, dW).relax(toy, np.zeros(4))
    np.testing.assert_allclose(end.state, 0.5 * np.arange(1, 5) * dW[0], rtol=1e-15)


def test_what_leaves_the_range_has_diverged():
    """Rows that overflow say so, the others finish; a batch that has diverged as a whole stops early."""
    system = circuit((1, 1, 1), 2, POINT, activation="identity", gain=1.0, imperfections={"state_noise": WHITE})
    system.model.parameters.flat[:] = 0.0
    system.model.parameters_changed()
    system.present(np.zeros((2, 1)), np.zeros((2, 1)))
    state = np.array([np.nan, 0.0, np.nan, 0.0])
    end = stochastic("euler_maruyama", 0.1, 2.0, average=1.0).relax(system, state)
    assert statuses(end.codes) == [Status.DIVERGED, Status.FINISHED]
    end = stochastic("euler_maruyama", 0.1, 2.0, average=1.0).relax(system, np.full(4, np.nan))
    assert statuses(end.codes) == [Status.DIVERGED] * 2
    assert end.steps < 20
    assert end.mean is None


def test_a_spent_budget_is_said():
    system = noisy(sd=0.1)
    end = stochastic("euler_maruyama", 0.1, 2.0, max_steps=7, average=0.3).relax(system, system.rest())
    assert end.status is Status.MAX_STEPS
    assert (end.steps, end.time) == (7, pytest.approx(0.7))
    tape = Tape([0.5, 0.6, 0.7])
    stochastic("euler_maruyama", 0.1, 2.0, max_steps=7).relax(system, system.rest(), tape)
    np.testing.assert_allclose(end.mean, tape.states.mean(axis=0), rtol=1e-12)


def test_a_run_of_given_length_has_a_whole_number_of_steps():
    how = stochastic("euler_maruyama", 0.3, 9.0, average=3.0).lasting(1.0)
    assert how.settings.t_end == 1.0
    assert how.settings.average is None
    end = how.relax(leaking(3, sd=0.1), np.zeros(3))
    assert (end.steps, end.time) == (3, pytest.approx(1.0))


def test_refusals():
    toy = leaking(3, sd=0.1)
    with pytest.raises(SimulationError, match=r"increments to replay have shape \(4, 3\), expected \(10, 3\)"):
        stochastic("euler_maruyama", 0.1, 1.0, np.zeros((4, 3))).relax(toy, np.zeros(3))
    coloured = leaking(3, sd=0.1, correlation_time=1.0)
    with pytest.raises(SimulationError, match="can be replayed of white noise only"):
        stochastic("euler_maruyama", 0.1, 1.0, np.zeros((10, 3))).relax(coloured, np.zeros(3))
    toy.noise_stream = 1 << 14
    with pytest.raises(SimulationError, match="numbers below 16384, found 16384"):
        stochastic("euler_maruyama", 0.1, 1.0).relax(toy, np.zeros(3))
    toy.noise_stream, toy.paths = 0, np.array([-1])
    with pytest.raises(SimulationError, match="from 0 to 2\\^48 - 1, found -1 to -1"):
        stochastic("euler_maruyama", 0.1, 1.0).relax(toy, np.zeros(3))


def test_no_noise_behind_the_blocks():
    """What all rows share has no leak, and no noise: only what its drift does with the noisy states."""
    toy: Toy = leaking(2, sd=0.5)
    state = np.zeros(5)  # two units, and three values that nothing but their own drift moves
    end = stochastic("stochastic_heun", 0.1, 1.0).relax(toy, state)
    assert np.all(end.state[:2] != 0)
    assert np.all(end.state[2:] == 0)
