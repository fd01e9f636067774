"""Imperfections of circuits, one function each, drawn from streams of their own.

What they do to a circuit is said in `neurosim.physics.imperfection_settings`, where their keys are.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from neurosim.physics.imperfection_settings import Devices

Array = npt.NDArray[Any]


def asymmetric(
    transpose: Array, draw: np.random.Generator, *, angle_deg: float | None = None, relative_sd: float | None = None
) -> Array:
    """Return feedback conductances that are not quite the transpose of the forward ones.

    Parameters
    ----------
    transpose : ndarray
        W^T.
    draw : Generator
        Where the random part comes from.
    angle_deg : float, optional
        B = cos(A) W^T + sin(A) G, with G Gaussian and scaled to the Frobenius norm of W.
    relative_sd : float, optional
        B = W^T (1 + S xi), one standard normal xi per device.
    """
    xi = draw.standard_normal(transpose.shape)
    if angle_deg is not None:
        angle = np.deg2rad(angle_deg)
        scale = np.linalg.norm(transpose) / np.linalg.norm(xi)
        return np.asarray(np.cos(angle) * transpose + np.sin(angle) * scale * xi)
    return np.asarray(transpose * (1.0 + (relative_sd or 0.0) * xi))


def within_range(wanted: Array, settings: Devices) -> Array:
    """Return the nearest values that devices can take: inside their range, on one of their levels."""
    if settings.range is None:
        return wanted
    smallest, largest = settings.range
    values = np.clip(wanted, smallest, largest)
    if settings.levels is None:
        return values
    step = (largest - smallest) / (settings.levels - 1)
    return np.asarray(smallest + step * np.rint((values - smallest) / step))


def written(values: Array, settings: Devices, draw: np.random.Generator) -> Array:
    """Return what a write leaves in devices: `values` times 1 + programming_sd xi."""
    return np.asarray(values * (1.0 + settings.programming_sd * draw.standard_normal(values.shape)))


def decay_with_age(shape: tuple[int, ...], settings: Devices, draw: np.random.Generator) -> Array:
    """Return the factor t^-nu on every device, with nu ~ N(drift_nu, drift_nu_sd) and the age t."""
    nu = settings.drift_nu + settings.drift_nu_sd * draw.standard_normal(shape)
    return np.asarray(settings.age**-nu)


def stuck_values(shape: tuple[int, ...], settings: Devices, draw: np.random.Generator) -> Array:
    """Return the value at which every device is stuck, NaN where it is not.

    A stuck device sits at one of the ends of its range, each as likely; at zero where it has no range.
    """
    stuck = draw.random(shape) < settings.stuck_fraction
    upper = draw.random(shape) < 0.5
    smallest, largest = settings.range or (0.0, 0.0)
    return np.where(stuck, np.where(upper, largest, smallest), np.nan)


def fluctuating(values: Array, settings: Devices, draw: np.random.Generator) -> Array:
    """Return how devices appear in one batch: `values` times 1 + read_sd xi."""
    return np.asarray(values * (1.0 + settings.read_sd * draw.standard_normal(values.shape)))


def scattered(sd: float, units: int, draw: np.random.Generator) -> Array:
    """Return sd xi for every unit."""
    return np.asarray(sd * draw.standard_normal(units))
