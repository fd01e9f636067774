"""Linear systems with the Jacobian of a circuit: dense for small circuits, GMRES with products for large ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.linalg import get_lapack_funcs
from scipy.sparse.linalg import LinearOperator, gmres

from neurosim.dynamics.dense import from_rows, to_rows
from neurosim.errors import SimulationError
from neurosim.physics.system import System

Array = npt.NDArray[Any]

DENSE_UNTIL = 600  # state values per sample
# Of the residual to the right-hand side; GMRES is asked for a little less, because it only estimates it.
KRYLOV_TOLERANCE = {np.dtype("float64"): 1e-10, np.dtype("float32"): 1e-5}


class InverseJacobian:
    """J^{-1} and its transpose, J the Jacobian of the rate at one state: one factorisation for any number of solves.

    Parameters
    ----------
    system : System
        The circuit with its batch.
    state : ndarray, shape (size,)
        Where to linearise.

    Attributes
    ----------
    linear : Linearisation
        J itself, good until the system, its conductances or the state change. The inverse of a small circuit stays
        what it was.
    dense : bool
        Whether J was factorised; for larger circuits every solve is an iteration with products.

    Raises
    ------
    SimulationError
        If J cannot be inverted: the equilibrium is at the edge of its existence.
    """

    def __init__(self, system: System, state: Array) -> None:
        self.system = system
        self.linear = system.linearise(state)
        self.dense = state.size // system.rows <= DENSE_UNTIL
        self._factors = DenseFactors(self.linear.matrices()) if self.dense else None

    def times(self, right: Array) -> Array:
        """Return x with J x = `right`; both have shape (size,).

        Raises
        ------
        SimulationError
            If an iteration did not get there.
        """
        return self._solve(right, transposed=False)

    def transposed_times(self, right: Array) -> Array:
        """Return x with J^T x = `right`; both have shape (size,).

        Raises
        ------
        SimulationError
            If an iteration did not get there.
        """
        return self._solve(right, transposed=True)

    def _solve(self, right: Array, transposed: bool) -> Array:
        if self._factors is None:
            return _krylov(self.linear.transposed_times if transposed else self.linear.times, right)
        return from_rows(self.system, self._factors.solve(to_rows(self.system, right), transposed))


class DenseFactors:
    """The LU factors of one matrix per row.

    Parameters
    ----------
    matrices : ndarray, shape (rows, n, n)
        What is factorised; overwritten by the factors.

    Raises
    ------
    SimulationError
        If one of them is singular.
    """

    def __init__(self, matrices: Array) -> None:
        (getrf,) = get_lapack_funcs(("getrf",), (matrices,))
        self._factors = []
        for matrix in matrices:
            # A transpose is in the order that LAPACK wants, and its factors solve for the matrix itself just as well.
            lu, pivots, first_zero = getrf(matrix.T, overwrite_a=True)
            if first_zero:
                raise SimulationError("the Jacobian of a sample is singular; its equilibrium has no response")
            self._factors.append((lu, pivots))

    def solve(self, right: Array, transposed: bool = False) -> Array:
        """Return x with J x = right, or J^T x = right, of every row, shape (rows, n); overwrites `right`."""
        (getrs,) = get_lapack_funcs(("getrs",), (right,))
        for line, (lu, pivots) in zip(right, self._factors, strict=True):
            line[:] = getrs(lu, pivots, line, trans=not transposed)[0]
        return right

    def keep(self, rows: npt.NDArray[np.bool_]) -> None:
        """Drop the factors of the other rows; `rows` is a mask, shape (rows,)."""
        self._factors = [factors for factors, kept in zip(self._factors, rows.tolist(), strict=True) if kept]


def _krylov(product: Callable[[Array], Array], right: Array) -> Array:
    dtype = right.dtype
    operator = LinearOperator((right.size,) * 2, matvec=lambda v: product(v.astype(dtype)), dtype=dtype)
    tolerance = KRYLOV_TOLERANCE[dtype]
    solution, _ = gmres(operator, right, rtol=tolerance / 10, restart=60, maxiter=50)
    solution = np.asarray(solution, dtype)
    left = float(np.linalg.norm(product(solution) - right))
    if not left <= tolerance * float(np.linalg.norm(right)):
        raise SimulationError(f"the linear system with the Jacobian was not solved: a residual of {left:.2g} is left")
    return solution
