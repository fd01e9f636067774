"""Strong and weak orders of the stochastic schemes, on equations with closed forms."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from dynamics_circuits import circuit, solver
from stochastic_toys import SCHEMES, Array, coarsened, end_of, leaking, stochastic

T_END, FINE = 1.0, 1024
RATE, RELATIVE = 0.5, 0.8  # dy = a y dt + b y dW
A, B = -RATE, RELATIVE * np.sqrt(2 * RATE)


def brownian(paths: int, steps: int = FINE) -> Array:
    return np.random.default_rng(5).standard_normal((steps, paths)) * np.sqrt(T_END / steps)


def slopes(steps: list[int], errors: list[float]) -> Array:
    return -np.diff(np.log(errors)) / np.diff(np.log(steps))


def closed_form(name: str, W: Array) -> Array:
    """Geometric Brownian motion at T, by Ito's formula or by the ordinary chain rule."""
    drift = A - B**2 / 2 if name == "euler_maruyama" else A
    return np.exp(drift * T_END + B * W)


@pytest.mark.parametrize(("name", "order"), [("euler_maruyama", 0.5), ("stochastic_heun", 1.0)])
def test_strong_order_with_multiplicative_noise(name: str, order: float):
    """Geometric Brownian motion: RMS error at the end of the same Brownian paths, seen through longer steps."""
    dW = brownian(4000)
    toy = leaking(dW.shape[1], RATE, relative_sd=RELATIVE)
    exact = closed_form(name, dW.sum(axis=0))
    steps = [8, 32, 128]
    errors = [float(np.sqrt(np.mean((end_of(name, toy, coarsened(dW, FINE // n), T_END) - exact) ** 2))) for n in steps]
    np.testing.assert_allclose(slopes(steps, errors), order, atol=0.12)


@pytest.mark.parametrize("name", SCHEMES)
def test_each_scheme_solves_its_own_equation(name: str):
    """Ito and Stratonovich differ by the factor e^{b^2 T / 2}, and no step is small enough to mend that."""
    dW = brownian(500)
    toy = leaking(dW.shape[1], RATE, relative_sd=RELATIVE)
    end = end_of(name, toy, dW, T_END)
    other = SCHEMES[1 - SCHEMES.index(name)]
    assert np.abs(np.log(end / closed_form(name, dW.sum(axis=0)))).max() < 0.1
    np.testing.assert_allclose(np.log(end / closed_form(other, dW.sum(axis=0))).mean() * (1, -1)[name == SCHEMES[0]],
                               B**2 * T_END / 2, atol=0.02)  # fmt: skip


@pytest.mark.parametrize("name", SCHEMES)
def test_strong_order_with_additive_noise(name: str):
    """An Ornstein-Uhlenbeck process: order 1 for both, against its exact integral over the finest steps."""
    dW, lam = brownian(500, 8192), 2.0
    toy = leaking(dW.shape[1], lam, sd=0.7)
    g, h = 0.7 * np.sqrt(2 * lam), T_END / len(dW)
    times = (np.arange(len(dW)) + 0.5) * h
    exact = np.exp(-lam * T_END) + g * np.exp(-lam * (T_END - times)) @ dW
    steps = [16, 64, 256]
    errors = [
        float(np.sqrt(np.mean((end_of(name, toy, coarsened(dW, len(dW) // n), T_END) - exact) ** 2))) for n in steps
    ]
    np.testing.assert_allclose(slopes(steps, errors), 1.0, atol=0.15)


@pytest.mark.parametrize("power", [1, 2])
@pytest.mark.parametrize("name", SCHEMES)
def test_weak_order(name: str, power: int):
    """Moments of geometric Brownian motion, without sampling error: all paths of increments +-sqrt(h), one per unit.

    Ito: E y = e^{aT}, E y^2 = e^{(2a + b^2) T}; Stratonovich: a + b^2/2 in place of a.
    """
    a = A if name == "euler_maruyama" else A + B**2 / 2
    exact = np.exp((power * a + (power - 1) * B**2) * T_END)
    steps, errors = [6, 9, 13], []
    for n in steps:
        signs = np.array(list(itertools.product((-1.0, 1.0), repeat=n))).T
        toy = leaking(signs.shape[1], RATE, relative_sd=RELATIVE)
        end = end_of(name, toy, signs * np.sqrt(T_END / n), T_END)
        errors.append(abs(float((end**power).mean()) - exact))
    np.testing.assert_allclose(slopes(steps, errors), 1.0, atol=0.12)


@pytest.mark.parametrize(("name", "deterministic"), [("euler_maruyama", "euler"), ("stochastic_heun", "heun")])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_without_noise_they_are_euler_and_heun(name: str, deterministic: str, dtype: str):
    system = circuit(beta=0.4, dtype=dtype)
    ends = [
        chosen.relax(system, system.rest())
        for chosen in (
            stochastic(name, 0.1, 5.0), solver(deterministic, dt=0.1, t_end=5.0, tolerance=None),
        )
    ]  # fmt: skip
    np.testing.assert_allclose(ends[0].state, ends[1].state, rtol=0, atol=20 * np.finfo(dtype).eps)
    assert ends[0].steps == ends[1].steps == 50
    assert ends[0].status.key == ends[1].status.key == "finished"
