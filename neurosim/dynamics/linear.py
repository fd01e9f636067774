"""Linear systems with the Jacobian of a circuit: dense for small circuits, GMRES with products for large ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse.linalg import LinearOperator, gmres

from neurosim.dynamics.dense import from_rows, jacobian_matrices, to_rows
from neurosim.errors import SimulationError
from neurosim.physics.model import System

Array = npt.NDArray[Any]

DENSE_UNTIL = 600  # state values per sample
# Of the residual to the right-hand side; GMRES is asked for a little less, because it only estimates it.
KRYLOV_TOLERANCE = {np.dtype("float64"): 1e-10, np.dtype("float32"): 1e-5}


def solve_jacobian(system: System, state: Array, right: Array, transposed: bool = False) -> Array:
    """Return x with J x = `right`, or J^T x = `right`, J the Jacobian of the rate at `state`; all shapes are (size,).

    Raises
    ------
    SimulationError
        If J cannot be inverted: the equilibrium is at the edge of its existence.
    """
    if state.size // system.rows > DENSE_UNTIL:
        return _krylov(system, state, right, transposed)
    matrices = jacobian_matrices(system, state)
    if transposed:
        matrices = matrices.swapaxes(1, 2)
    try:
        lines = np.linalg.solve(matrices, to_rows(system, right)[..., None])[..., 0]
    except np.linalg.LinAlgError as error:
        raise SimulationError("the Jacobian of a sample is singular; its equilibrium has no response") from error
    return from_rows(system, lines)


def _krylov(system: System, state: Array, right: Array, transposed: bool) -> Array:
    linear, dtype = system.linearise(state), state.dtype
    product = linear.transposed_times if transposed else linear.times
    operator = LinearOperator((state.size,) * 2, matvec=lambda v: product(v.astype(dtype)), dtype=dtype)
    tolerance = KRYLOV_TOLERANCE[dtype]
    solution, _ = gmres(operator, right, rtol=tolerance / 10, restart=60, maxiter=50)
    solution = np.asarray(solution, dtype)
    left = float(np.linalg.norm(product(solution) - right))
    if not left <= tolerance * float(np.linalg.norm(right)):
        raise SimulationError(f"the linear system with the Jacobian was not solved: a residual of {left:.2g} is left")
    return solution
