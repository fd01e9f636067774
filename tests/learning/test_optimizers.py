"""Optimizers against their textbook equations in NumPy, step by step over epochs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from pydantic import TypeAdapter

from neurosim.learning.optimizers import PIECE, Optimizer
from neurosim.learning.settings import OptimizerSettings
from neurosim.workers import Workers

Array = np.ndarray

CHOICES = [
    {"type": "sgd", "rate": 0.1},
    {"type": "sgd", "rate": 0.1, "weight_decay": 0.03},
    {"type": "sgd", "rate": 0.1, "decay": 0.5},
    {"type": "momentum", "rate": 0.05},
    {"type": "momentum", "rate": 0.05, "momentum": 0.0},
    {"type": "momentum", "rate": 0.05, "momentum": 0.7, "weight_decay": 0.03, "decay": 0.8},
    {"type": "adam", "rate": 0.01},
    {"type": "adam", "rate": 0.01, "beta1": 0.0, "beta2": 0.5, "epsilon": 0.1},
    {"type": "adam", "rate": 0.01, "weight_decay": 0.03, "decay": 0.8},
    {"type": "adamw", "rate": 0.01, "weight_decay": 0.3, "decay": 0.8},
]


def settings(**keys: Any) -> Any:
    """Read an `optimizer` section as a scenario would."""
    return TypeAdapter(OptimizerSettings).validate_python(keys)


def textbook(theta: Array, gradients: list[tuple[int, Array]], o: Any) -> Iterator[Array]:
    """Yield the parameters after every (epoch, gradient), in float64."""
    theta = theta.astype(np.float64)
    v = m = np.zeros_like(theta)
    for t, (epoch, g) in enumerate(gradients, start=1):
        eta = o.rate * o.decay**epoch
        g = g.astype(np.float64)
        if o.type != "adamw":
            g = g + o.weight_decay * theta
        if o.type == "sgd":
            theta = theta - eta * g
        elif o.type == "momentum":
            v = o.momentum * v + g
            theta = theta - eta * v
        else:
            m = o.beta1 * m + (1 - o.beta1) * g
            v = o.beta2 * v + (1 - o.beta2) * g**2
            mean, square = m / (1 - o.beta1**t), v / (1 - o.beta2**t)
            pull = eta * o.weight_decay * theta if o.type == "adamw" else 0.0
            theta = theta - eta * mean / (np.sqrt(square) + o.epsilon) - pull
        yield theta


def history(size: int, seed: int = 0) -> list[tuple[int, Array]]:
    """Return 24 gradients in three epochs; some entries are zero, some tiny, some large."""
    draw = np.random.default_rng(seed)
    scales = 10.0 ** draw.integers(-4, 3, size) * (draw.random(size) > 0.1)
    return [(i // 8, scales * draw.standard_normal(size)) for i in range(24)]


@pytest.mark.parametrize(("dtype", "bound"), [("float64", 1e-13), ("float32", 2e-5)])
@pytest.mark.parametrize("choice", CHOICES, ids=lambda c: "-".join(map(str, c.values())))
def test_every_step_is_that_of_the_textbook(choice: dict[str, Any], dtype: str, bound: float, workers: Workers):
    """Weight decay inside the gradient, or beside it for adamw; the rate falls with the epoch, the memory stays."""
    start = np.random.default_rng(9).standard_normal(50)
    gradients = history(50)
    theta = start.astype(dtype)
    optimizer = Optimizer(settings(**choice), theta, workers)
    for (epoch, g), expected in zip(gradients, textbook(start.astype(dtype), gradients, optimizer.chosen), strict=True):
        optimizer.step(g.astype(dtype), epoch)
        np.testing.assert_allclose(theta, expected, rtol=bound, atol=bound * (1 if dtype == "float64" else 10))
    assert theta.dtype == np.dtype(dtype)
    assert optimizer.steps == 24


@pytest.mark.parametrize("choice", [CHOICES[5], CHOICES[9]], ids=["momentum", "adamw"])
def test_threads_do_not_change_a_bit(choice: dict[str, Any]):
    """A vector long enough to be shared: the same numbers with one, two and three threads, and as the textbook's."""
    size = 2 * PIECE + 1000
    start = np.random.default_rng(9).standard_normal(size)
    gradients = history(size)[::6]
    results = []
    for threads in (1, 2, 3):
        with Workers(threads) as several:
            theta = start.copy()
            optimizer = Optimizer(settings(**choice), theta, several)
            for epoch, g in gradients:
                optimizer.step(g, epoch)
            results.append(theta)
    *_, expected = textbook(start, gradients, optimizer.chosen)
    np.testing.assert_allclose(results[0], expected, rtol=1e-12, atol=1e-13)
    for other in results[1:]:
        np.testing.assert_array_equal(other, results[0])


@pytest.mark.parametrize("choice", [CHOICES[3], CHOICES[6]], ids=["momentum", "adam"])
def test_memory_and_count_are_all_there_is_to_resume(choice: dict[str, Any], workers: Workers):
    """Memory, step count and parameters copied into a new optimizer: it goes on as the old one does, bit for bit."""
    gradients = history(40)
    theta = np.ones(40)
    first = Optimizer(settings(**choice), theta, workers)
    for epoch, g in gradients[:10]:
        first.step(g, epoch)
    copied = theta.copy()
    second = Optimizer(settings(**choice), copied, workers)
    second.steps = first.steps
    for name, values in first.memory.items():
        second.memory[name][:] = values
    for epoch, g in gradients[10:]:
        first.step(g, epoch)
        second.step(g, epoch)
    np.testing.assert_array_equal(theta, copied)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("choice", [CHOICES[3], CHOICES[6]], ids=["momentum", "adam"])
def test_memories_do_not_linger_as_subnormals(choice: dict[str, Any], dtype: str, workers: Workers):
    """After one gradient and then silence the memories end at zero; the parameters hardly notice."""
    theta = np.zeros(8, dtype)
    optimizer = Optimizer(settings(**{**choice, "beta2": 0.5} if "adam" in choice["type"] else choice), theta, workers)
    optimizer.step(np.full(8, 1e-3, dtype), 0)
    for _ in range(700):
        optimizer.step(np.zeros(8, dtype), 0)
        for values in optimizer.memory.values():
            assert np.all((values == 0) | (np.abs(values) >= 1e-30))
    assert not any(values.any() for values in optimizer.memory.values())
    assert np.isfinite(theta).all()


def test_adam_has_the_size_of_its_rate(workers: Workers):
    """The first step is rate in every direction, however large or small the gradient: the bias correction at work."""
    theta = np.zeros(5)
    optimizer = Optimizer(settings(type="adam", rate=0.01, epsilon=1e-20), theta, workers)
    optimizer.step(np.array([1e-6, 1.0, 1e6, -1e-3, -1e3]), 0)
    np.testing.assert_allclose(theta, [-0.01, -0.01, -0.01, 0.01, 0.01], rtol=1e-10)


def test_rate_falls_by_its_factor_after_every_epoch(workers: Workers):
    optimizer = Optimizer(settings(type="sgd", rate=0.2, decay=0.5), np.zeros(1), workers)
    assert [optimizer.rate(epoch) for epoch in range(4)] == [0.2, 0.1, 0.05, 0.025]


@pytest.mark.parametrize("choice", [CHOICES[1], CHOICES[5], CHOICES[9]], ids=["sgd", "momentum", "adamw"])
def test_parts_have_learning_rates_of_their_own(choice: dict[str, Any], workers: Workers):
    """Every part moves as by an optimizer of its own with that rate, wherever the pieces of a step are cut."""
    start, gradients = np.random.default_rng(9).standard_normal(30), history(30)
    theta = start.copy()
    own = [(slice(5, 12), 0.3), (slice(20, 30), 0.002)]
    optimizer = Optimizer(settings(**choice), theta, workers, own)
    for epoch, g in gradients:
        follow = optimizer.begin_step(epoch)
        for part in (slice(0, 8), slice(8, 25), slice(25, 30)):
            follow(g, part)
    rates = {part.start: rate for part, rate in own}
    for first, end in ((0, 5), (5, 12), (12, 20), (20, 30)):
        alone = settings(**{**choice, "rate": rates.get(first, choice["rate"])})
        *_, expected = textbook(start[first:end], [(epoch, g[first:end]) for epoch, g in gradients], alone)
        np.testing.assert_allclose(theta[first:end], expected, rtol=1e-12, atol=1e-13)
