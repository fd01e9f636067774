"""Imperfections of devices, one function each, drawn from streams of their own."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

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
