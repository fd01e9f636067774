"""The exact gradient at an equilibrium, by the implicit function theorem.

    F(y, theta) = 0,   J = dF/dy,   J^T lambda = -dC/dy,   dC/dtheta = lambda^T dF/dtheta

F is the rate of the free circuit, y its settled state. The linear system is solved dense for small circuits, and by
GMRES with products J^T v for large ones. For a feed-forward circuit this is back-propagation, for a recurrent one it is
what recurrent back-propagation converges to. Sources: L. Almeida, ICNN 1987; F. Pineda, Phys. Rev. Lett. 59 (1987)
2229; F. Scarselli et al., IEEE Trans. Neural Networks 20 (2009) 61.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse.linalg import LinearOperator, gmres

from neurosim.dynamics.dense import jacobian_matrix, put_row
from neurosim.errors import SimulationError
from neurosim.physics.model import System
from neurosim.physics.parameters import Parameters
from neurosim.physics.signal import Signal

Array = npt.NDArray[Any]

DENSE_UNTIL = 600  # state values per sample
# Of |J^T lambda + dC/dy| to |dC/dy|; GMRES is asked for a little less, because it only estimates it.
KRYLOV_TOLERANCE = {np.dtype("float64"): 1e-10, np.dtype("float32"): 1e-5}


def adjoint(system: System, state: Array) -> Array:
    """Return lambda with J^T lambda = -dC/dy of every row, shape (size,).

    Parameters
    ----------
    system : System
        The circuit with its batch, not nudged.
    state : ndarray, shape (size,)
        Its settled free state.

    Raises
    ------
    SimulationError
        If the circuit is nudged, or J^T cannot be inverted: the equilibrium is at the edge of its existence.
    """
    if not system.free:
        raise SimulationError("the implicit gradient belongs to the free equilibrium, but the circuit is nudged")
    slope = system.cost_slope(state)
    if state.size // system.rows > DENSE_UNTIL:
        return _krylov(system, state, slope)
    result = np.empty_like(state)
    for row in range(system.rows):
        one = system.take([row])
        matrix = jacobian_matrix(one, system.take_state(state, [row]))
        try:
            solution = np.linalg.solve(matrix.T, -system.take_state(slope, [row]))
        except np.linalg.LinAlgError as error:
            raise SimulationError(f"sample {row}: the Jacobian is singular; there is no gradient here") from error
        put_row(system, result, row, solution)
    return result


def _krylov(system: System, state: Array, slope: Array) -> Array:
    linear, dtype = system.linearise(state), state.dtype
    operator = LinearOperator((state.size,) * 2, matvec=lambda v: linear.transposed_times(v.astype(dtype)), dtype=dtype)
    tolerance = KRYLOV_TOLERANCE[dtype]
    solution, _ = gmres(operator, -slope, rtol=tolerance / 10, restart=60, maxiter=50)
    solution = np.asarray(solution, dtype)
    left = float(np.linalg.norm(linear.transposed_times(solution) + slope))
    if not left <= tolerance * float(np.linalg.norm(slope)):
        raise SimulationError(f"the adjoint system was not solved: a residual of {left:.2g} is left")
    return solution


def implicit_reading(system: System, state: Array, source: Signal, error: Signal) -> None:
    """Write the activities of the settled free `state` into `source`, and dC/d(current) into `error`.

    Raises
    ------
    SimulationError
        As for `adjoint`.
    """
    system.read(state, system.forward_weights, source)
    system.linearise(state).pull_back(adjoint(system, state), error)


def implicit_gradient(system: System, state: Array) -> Parameters:
    """Return dC/dtheta of the mean cost of all rows at their settled free state.

    Raises
    ------
    SimulationError
        As for `adjoint`.
    """
    model, rows = system.model, system.rows
    widths = tuple(block.units for block in system.blocks)
    source, error = (Signal.zeros(widths, rows, system.dtype) for _ in range(2))
    implicit_reading(system, state, source, error)
    error.values[:] /= rows
    gradient = model.parameters.gradient()
    for piece in model.local_products(system.inputs, source, error, gradient):
        piece.form()
    return gradient
