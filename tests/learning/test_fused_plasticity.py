"""Fused plasticity of deep resistive networks: the numbers of the general path, batch for batch, in one call."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from learning_nets import Array, network, rule, solver

from neurosim.dynamics.status import Status
from neurosim.errors import SimulationError
from neurosim.learning.fused import Fused
from neurosim.learning.learner import Learner
from neurosim.learning.optimizers import Optimizer
from neurosim.learning.plasticity import PerBatch
from neurosim.learning.rules.equilibrium import Equilibrium
from neurosim.learning.settings import Sgd
from neurosim.physics.deep_resistive.network import DeepResistiveNetwork
from neurosim.physics.deep_resistive.settings import DeepResistiveCircuit
from neurosim.workers import Workers

BOUNDS = (0.01, 0.4)


def deep(layers: Any, seed: int = 0, dtype: str = "float64", **keys: Any) -> DeepResistiveNetwork:
    keys = {"bounds": BOUNDS, **keys}
    return DeepResistiveNetwork(
        DeepResistiveCircuit(kind="deep_resistive", layers=tuple(layers), **keys), None, dtype, seed
    )


def samples(layers: Any, rows: int, seed: int = 0, dtype: str = "float64") -> tuple[Array, Array]:
    """Return inputs, half of them zero, and one-hot targets."""
    draw = np.random.default_rng(seed)
    inputs = draw.uniform(-1, 1, (rows, layers[0])) * (draw.random((rows, layers[0])) > 0.5)
    return inputs.astype(dtype), np.eye(layers[-1], dtype=dtype)[draw.integers(0, layers[-1], rows)]


def general(model: DeepResistiveNetwork, beta: float, sweeps: int, chosen: Sgd, workers: Workers) -> PerBatch:
    how = solver("sweeps", order="forward", max_steps=sweeps, tolerance=None)
    learner = Learner(model, how, Equilibrium(type="equilibrium", beta=beta), "free", workers)
    rates = model.parameters.spans(chosen.rates or {})
    return PerBatch(learner, Optimizer(chosen, model.parameters.trained, workers, rates))


def both(
    models: Any, beta: float, sweeps: int, chosen: Sgd, batch: int, shown: tuple[Array, Array], epoch: int = 0
) -> tuple[Any, list[Any]]:
    """Let two equal networks learn, the first one in one call; return its outcome and those of the other's batches."""
    inputs, targets = shown
    outcomes = []
    with Workers(1) as workers:
        fused = Fused(models[0], beta, sweeps, chosen, batch)
        at_once = fused.adapt(inputs, targets, epoch)
        one_by_one = general(models[1], beta, sweeps, chosen, workers)
        for i in range(0, len(inputs), batch):
            outcome = one_by_one.adapt(inputs[i : i + batch], targets[i : i + batch], epoch)
            outcomes.append((outcome.usable, outcome.prediction.copy(), outcome.losses, outcome.codes.copy()))
            if not outcome.usable:
                break
        assert fused.steps == one_by_one.steps
    return at_once, outcomes


@settings(max_examples=40, deadline=None)
@given(
    layers=st.lists(st.integers(1, 9), min_size=2, max_size=4),
    seed=st.integers(0, 1000),
    batch=st.integers(1, 5),
    rows=st.integers(1, 17),
    gain=st.floats(0.1, 30.0),
    sweeps=st.integers(1, 5),
    epoch=st.integers(0, 3),
)
def test_the_numbers_are_those_of_the_general_path(layers, seed, batch, rows, gain, sweeps, epoch):
    """Conductances, bias currents, predictions and costs after any number of batches, the last of them smaller."""
    chosen = Sgd(type="sgd", rate=0.03, decay=0.7, rates={"G_0": 0.01, "b_1": 0.05})
    models = [deep(layers, seed, input_gain=gain) for _ in range(2)]
    at_once, outcomes = both(models, 0.005, sweeps, chosen, batch, samples(layers, rows, seed), epoch)
    assert at_once.usable
    assert all(usable for usable, *_ in outcomes)
    scale = gain**2
    theta = [model.parameters.flat for model in models]
    np.testing.assert_allclose(theta[0], theta[1], rtol=1e-9, atol=1e-9 * scale)
    np.testing.assert_allclose(at_once.prediction, np.vstack([o[1] for o in outcomes]), rtol=0, atol=1e-9 * scale)
    np.testing.assert_allclose(at_once.losses, np.hstack([o[2] for o in outcomes]), rtol=0, atol=1e-8 * scale)
    np.testing.assert_array_equal(at_once.codes, Status.FINISHED.code)
    for name in ("G_0", "G_1"):
        if name in models[0].parameters:
            G = models[0].parameters[name]
            assert BOUNDS[0] <= G.min() <= G.max() <= BOUNDS[1]
    assert models[0].writes == models[1].writes


def test_both_ends_of_the_bounds_are_met():
    """Large steps: conductances at either end, and the same ones as on the general path."""
    layers = (8, 6, 3)
    models = [deep(layers, input_gain=3.0, bounds=(0.05, 0.2)) for _ in range(2)]
    both(models, 0.02, 4, Sgd(type="sgd", rate=1.0), 4, samples(layers, 40))
    ends = [model.parameters["G_0"] for model in models]
    for bound in (0.05, 0.2):
        assert np.count_nonzero(ends[0] == bound) > 5
        np.testing.assert_array_equal(ends[0] == bound, ends[1] == bound)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_how_batches_are_cut_into_calls_does_not_change_a_bit(dtype):
    """What a run that is interrupted and resumed relies on."""
    layers = (12, 10, 5)
    inputs, targets = samples(layers, 50, dtype=dtype)
    ends = []
    for cuts in ((0, 50), (0, 4, 20, 24, 50)):
        model = deep(layers, dtype=dtype, input_gain=5.0)
        fused = Fused(model, 0.05, 3, Sgd(type="sgd", rate=0.02), 4)
        for first, end in pairwise(cuts):
            assert fused.adapt(inputs[first:end], targets[first:end], 0).usable
        assert fused.steps == 13
        ends.append(model.parameters.flat.copy())
    np.testing.assert_array_equal(ends[0], ends[1])
    assert np.any(ends[0] != deep(layers, dtype=dtype).parameters.flat)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_it_stops_before_the_batch_that_diverges(dtype):
    """A sample of a teravolt in the third batch: its status, and the conductances after two, as on the general path."""
    layers = (6, 8, 3)
    models = [deep(layers, dtype=dtype) for _ in range(2)]
    inputs, targets = samples(layers, 20, dtype=dtype)
    inputs[9] = 1e12
    at_once, outcomes = both(models, 0.02, 2, Sgd(type="sgd", rate=0.05), 4, (inputs, targets))
    assert not at_once.usable
    assert [usable for usable, *_ in outcomes] == [True, True, False]
    np.testing.assert_array_equal(at_once.codes, outcomes[-1][3])
    assert at_once.diverged == 1
    np.testing.assert_allclose(models[0].parameters.flat, models[1].parameters.flat, rtol=0, atol=1e-5)
    assert np.any(models[0].parameters.flat != deep(layers, dtype=dtype).parameters.flat)


def test_outputs_pushed_harder_than_their_resistors_hold_them_diverge():
    layers = (6, 8, 3)
    models = [deep(layers, bounds=(0.0, None)) for _ in range(2)]
    beta = 1.01 * float(models[0].parameters["G_1"].sum(axis=0).min())
    at_once, outcomes = both(models, beta, 4, Sgd(type="sgd", rate=0.05), 4, samples(layers, 8))
    assert at_once.diverged == 4
    np.testing.assert_array_equal(at_once.codes, outcomes[0][3])
    np.testing.assert_array_equal(models[0].parameters.flat, deep(layers, bounds=(0.0, None)).parameters.flat)


def test_inputs_too_large_to_square_are_not_followed():
    layers = (4, 5, 2)
    inputs, targets = samples(layers, 8, dtype="float32")
    inputs[4:] *= np.float32(1e18)
    models = [deep(layers, dtype="float32") for _ in range(2)]
    at_once, outcomes = both(models, 0.01, 4, Sgd(type="sgd", rate=0.01), 4, (inputs, targets))
    assert not at_once.usable
    assert [usable for usable, *_ in outcomes] == [True, False]
    assert np.isfinite(models[0].parameters.flat).all()


def test_single_precision_follows_double():
    layers = (20, 16, 5)
    models = [deep(layers, dtype=dtype, input_gain=3.0) for dtype in ("float32", "float64")]
    inputs, targets = samples(layers, 100)
    for model in models:
        assert Fused(model, 0.1, 4, Sgd(type="sgd", rate=0.01), 4).adapt(inputs, targets, 0).usable
    np.testing.assert_allclose(models[0].parameters.flat, models[1].parameters.flat, rtol=0, atol=1e-4)


def test_circuits_that_learn_batch_by_batch_say_so():
    with pytest.raises(SimulationError, match=r"^CompartmentNetwork learns batch by batch; use plasticity per_batch$"):
        Fused(network(rule().compartments()), 0.1, 4, Sgd(type="sgd", rate=0.01), 4)
