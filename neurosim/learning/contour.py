"""Nudges on a circle around zero: the derivative of the equilibrium by Cauchy's formula.

    s(beta) = sum_m c_m beta^m,   beta_k = beta e^(2 pi i k / N)
    dhat = -(1/N) sum_k Re[s(beta_k) / beta_k] = -(c_1 + c_{N+1} beta^N + ...)
    mean = (1/N) sum_k s(beta_k)               =   c_0 + c_N beta^N + ...

The error of dhat is of order N as long as the circle lies inside the radius of convergence. N = 2 are two opposite real
nudges. Since s(conj beta) = conj s(beta), the points of the upper half are enough; those off the real axis relax as
copies in one batch.

The mean tells from the free state c_0 when that fails: where it lies farther from it than the response itself, the
states no longer belong to one power series, and the row is off the branch. With two real points nothing is tested: the
states of a circuit with kinks belong to none.

References
----------
A. Laborieux, F. Zenke, Holomorphic equilibrium propagation computes exact gradients through finite size oscillations,
NeurIPS 2022, arXiv 2209.00530.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from neurosim.dynamics.status import Status

if TYPE_CHECKING:
    from neurosim.dynamics.solver import Solver
    from neurosim.physics.signal import Signal
    from neurosim.physics.system import System

Array = npt.NDArray[Any]

# Differences between equilibria count only if they are that many times larger than what was left to relax.
ABOVE_RESIDUAL = 100.0


def contour_points(beta: float, points: int) -> tuple[complex, ...]:
    """Return the nudges of the upper half of the contour: beta first, then counter-clockwise; real ones are exact."""
    upper = [beta * np.exp(2j * np.pi * k / points) for k in range(points // 2 + 1)]
    upper[0] = beta
    if points % 2 == 0:
        upper[-1] = -beta
    return tuple(upper)


@dataclass(frozen=True)
class Contour:
    """N nudges on a circle.

    Parameters
    ----------
    beta : float
        Its radius.
    points : int
        N, at least 2.
    """

    beta: float
    points: int

    def relax(
        self, system: System, solver: Solver, free: Array, start: str, source: Signal, error: Signal
    ) -> tuple[npt.NDArray[np.int8], int]:
        """Relax at all points; write the estimate dhat into `error`.

        Parameters
        ----------
        system : System
            What is nudged; free, with a batch on its terminals.
        solver : Solver
            How it relaxes.
        free : ndarray, shape (size,)
            Its free equilibrium.
        start : {"free", "rest"}
            Where every point starts.
        source : Signal
            The activities of the free equilibrium, in the rows of the system; of synapses that compare squares it
            becomes the mean of the points.
        error : Signal
            Overwritten.

        Returns
        -------
        codes : ndarray of int8, shape (rows,)
            Worst status of every row; off_branch where the states do not belong to one power series.
        steps : int
            Steps of all points together, those of copies once.
        """
        real = [beta for beta in contour_points(self.beta, self.points) if not complex(beta).imag]
        complex_ones = [beta for beta in contour_points(self.beta, self.points) if complex(beta).imag]
        error.clear()
        mean = system.signal()
        ends: list[tuple[npt.NDArray[np.int8], Array, int]] = []
        for phase, beta in enumerate(real, start=1):
            system.nudge(beta)
            system.enter_phase(phase)
            relaxation = solver.relax(system, free.copy() if start == "free" else system.rest())
            s = system.read_anew(relaxation.reading, system.forward_weights)
            mean.add(s, 1.0 / self.points)
            error.add(s, -1.0 / (self.points * complex(beta).real))
            ends.append((relaxation.codes, relaxation.rates, relaxation.steps))
        system.nudge(0.0)
        if system.model.compares_squares:
            source.clear()
            source.add(mean)
        if complex_ones:
            ends.append(self._relax_copies(system, solver, free, start, complex_ones, mean, error))
        codes = np.max([end[0] for end in ends], axis=0)
        # Two real nudges may pass a kink, where there is no power series to belong to; noise scatters all points.
        if not complex_ones or system.model.noisy:
            return codes, sum(end[2] for end in ends)
        mean.add(source, -1.0)
        residual = np.max([end[1] for end in ends], axis=0) * np.sqrt(sum(error.widths))
        drift, response = mean.row_norms(), self.beta * error.row_norms()
        lost = (drift > response) & (drift > ABOVE_RESIDUAL * residual)
        codes[lost] = codes[lost].clip(min=Status.OFF_BRANCH.code)
        return codes, sum(end[2] for end in ends)

    def _relax_copies(
        self, system: System, solver: Solver, free: Array, start: str, betas: Sequence[complex], mean: Signal,
        error: Signal,
    ) -> tuple[npt.NDArray[np.int8], Array, int]:  # fmt: skip
        """Relax all complex points as copies, each of which stands for its mirror image as well."""
        copies = system.complex_copies(len(betas))
        copies.nudge_copies(betas)
        copies.enter_phase(self.points)
        relaxation = solver.relax(copies, copies.lift(free) if start == "free" else copies.rest())
        share = 2.0 / self.points
        copies.read_copies_exactly(relaxation.reading, np.array([[share] * len(betas), [0.0] * len(betas)]), mean)
        inverse = 1.0 / np.array(betas)
        copies.read_copies(relaxation.reading, -share * np.stack([inverse.real, -inverse.imag]), error)
        codes, rates = (values.reshape(len(betas), -1).max(axis=0) for values in (relaxation.codes, relaxation.rates))
        return codes, rates, relaxation.steps
