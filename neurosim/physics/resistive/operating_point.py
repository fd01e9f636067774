"""The operating point: Newton's method with junction limiting, and what helps where it does not converge.

Every step linearises a junction at its limited voltage w_lim, not at w (the companion model of SPICE), and a row has
converged where neither the voltages nor the junctions move any more, max|dv| < tol and max|w_lim - w| < tol. For w
above w_crit = nVt ln(nVt / (sqrt(2) Is)) and more than 2 nVt away from the last w_lim,

    w_lim = w_old + nVt ln(1 + (w - w_old) / nVt)   for w_old > 0 (w_crit if the bracket is not positive)
    w_lim = nVt ln(w / nVt)                         otherwise

Rows that do not converge are tried again with a conductance from every free node to ground that shrinks to nothing
(gmin stepping), and then with sources that grow from nothing (source stepping). Source: L. Nagel, SPICE2, Memorandum
ERL-M520, Berkeley 1975.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse.linalg import splu

from neurosim.physics.resistive.kirchhoff import Kirchhoff
from neurosim.physics.resistive.laws.table import SHOCKLEY
from neurosim.physics.resistive.linear_part import linear_currents, linear_matrix
from neurosim.physics.resistive.newton_kernel import TRUSTED, newton_rows

Array = npt.NDArray[Any]
Watch = Callable[[int, Array, Array], None]

DENSE_UNTIL = 150  # free nodes
SHUNTS = (*(10.0**-k for k in range(1, 13)), 0.0)  # S, of gmin stepping
SCALES = tuple(k / 20 for k in range(1, 21))  # of source stepping


@dataclass(frozen=True)
class Drives:
    """What drives a netlist, one line per row; all float64.

    Parameters
    ----------
    p : ndarray
        Trained parameters and the numbers of the laws.
    fixed : ndarray (rows, nodes)
        What inputs and sources do to the voltage of every node, in V.
    currents : ndarray (rows, free)
        Currents into the free nodes from outside, in A.
    conductances : ndarray (rows, free)
        Conductances from the free nodes to ground from outside, those of an elastic nudge, in S.
    """

    p: Array
    fixed: Array
    currents: Array
    conductances: Array


@dataclass(frozen=True)
class OperatingPoint:
    """How a search for operating points ended.

    Parameters
    ----------
    converged : ndarray of bool (rows,)
        Whether the last step of a row was below the tolerance.
    corrections : ndarray (rows,)
        RMS of the last step of each row, in V: its distance from the operating point, to first order.
    steps : int
        Newton steps taken, all attempts together.
    """

    converged: npt.NDArray[np.bool_]
    corrections: npt.NDArray[np.float64]
    steps: int


def find_operating_point(
    equations: Kirchhoff, drives: Drives, v: Array, tolerance: float, max_steps: int, watch: Watch | None = None
) -> OperatingPoint:
    """Move free voltages `v` (rows, free; float64) in place to their operating points.

    Parameters
    ----------
    equations : Kirchhoff
        The netlist.
    drives : Drives
        What drives it.
    v : ndarray (rows, free)
        Where to start.
    tolerance : float
        Of voltages, in V; rounding of the largest voltage is allowed for.
    max_steps : int
        Newton steps of every attempt.
    watch : callable, optional
        Called with the number of steps, `v` and the corrections after every step of the first attempt.
    """
    search = _Search(equations, drives, tolerance, max_steps)
    converged, corrections = search.newton(v, np.arange(len(v)), watch=watch)
    for stepping in (search.gmin_stepping, search.source_stepping):
        lost = np.flatnonzero(~converged)
        if not lost.size:
            break
        trial = np.zeros((lost.size, v.shape[1]))
        converged[lost], corrections[lost] = stepping(trial, lost)
        v[lost] = trial
    return OperatingPoint(converged, corrections, search.steps)


class _Search:
    """The equations with a batch, and the numbers of its junctions."""

    def __init__(self, equations: Kirchhoff, drives: Drives, tolerance: float, max_steps: int) -> None:
        # Resistors and current sources do not change from step to step; only the other branches are looked at.
        self.equations, self.branches = equations, equations.nonlinear
        self.drives, self.max_steps = drives, max_steps
        self.dense = equations.netlist.free <= DENSE_UNTIL
        self.conductances = linear_matrix(equations, drives.p, self.dense)
        self.currents = linear_currents(equations, drives.p, drives.fixed) + drives.currents
        reach = max(1.0, float(np.abs(drives.fixed).max(initial=0.0)))
        self.tolerance = max(tolerance, 64 * np.finfo(np.float64).eps * reach)
        self.junctions = np.flatnonzero(self.branches.codes == SHOCKLEY)
        at = self.branches.places[self.junctions]
        saturation, self.volts = drives.p[at], drives.p[at + 1]
        self.critical = self.volts * np.log(self.volts / (np.sqrt(2.0) * saturation))
        self.steps = 0

    def newton(
        self, v: Array, rows: Array, shunt: float = 0.0, scale: float = 1.0, watch: Watch | None = None
    ) -> tuple[npt.NDArray[np.bool_], Array]:
        """Move the given rows, `v` (len(rows), free); return which converged, and the RMS of their last step."""
        fixed_w = np.ascontiguousarray(self.branches.across(self.drives.fixed[rows]) * scale)
        converged, corrections = np.zeros(len(v), bool), np.full(len(v), np.inf)
        if watch is not None:
            watch(0, v, corrections)
        if self.dense:
            self._steps_at_once(v, rows, fixed_w, shunt, scale, converged, corrections, watch)
        else:
            self._sparse_steps(v, rows, fixed_w, shunt, scale, converged, corrections, watch)
        corrections[~np.isfinite(v).all(axis=1)] = np.inf
        return converged, corrections

    def _steps_at_once(
        self, v: Array, rows: Array, fixed_w: Array, shunt: float, scale: float, converged: npt.NDArray[np.bool_],
        corrections: Array, watch: Watch | None,
    ) -> None:  # fmt: skip
        """Take Newton steps in a kernel; one step per call where somebody watches."""
        branches, roots = self.branches, self.equations.netlist.roots
        order, eliminated = self.equations.order
        volts, critical = np.zeros(len(branches.codes)), np.full(len(branches.codes), np.inf)
        volts[self.junctions], critical[self.junctions] = self.volts, self.critical
        diagonal = -(self.drives.conductances[rows] + shunt)
        taken, limited = np.zeros(len(v), np.int64), np.empty(fixed_w.shape)
        here = np.ascontiguousarray(v)
        for step in range(1, self.max_steps + 1):
            newton_rows[np.float64](
                branches.codes, branches.places, branches.first, branches.second, roots, order, np.argsort(order),
                eliminated, branches.gains, branches.weights, self.drives.p, volts, critical, self.conductances,
                scale * self.currents[rows], diagonal, fixed_w, here, limited, converged, corrections, taken,
                self.tolerance, self.max_steps if watch is None else 1,
            )  # fmt: skip
            v[:] = here
            if watch is None or taken.max(initial=0) < step:
                break
            watch(step, v, corrections)
        self.steps += int(taken.max(initial=0))

    def _sparse_steps(
        self, v: Array, rows: Array, fixed_w: Array, shunt: float, scale: float, converged: npt.NDArray[np.bool_],
        corrections: Array, watch: Watch | None,
    ) -> None:  # fmt: skip
        """Take Newton steps with sparse matrices, row by row."""
        w = self.branches.branch_change(v) + fixed_w
        limited, starts = w.copy(), w[:, self.junctions]
        limited[:, self.junctions] = np.where(starts < self.critical + TRUSTED * self.volts, starts, self.critical)
        for step in range(1, self.max_steps + 1):
            going = np.flatnonzero(~converged & np.isfinite(v).all(axis=1))
            if not going.size:
                break
            self.steps += 1
            at = w[going]
            at[:, self.junctions] = self._limit(at[:, self.junctions], limited[going][:, self.junctions])
            limited[going] = at
            dv = self._direction(v[going], w[going], at, rows[going], shunt, scale)
            v[going] += dv
            w[going] = self.branches.branch_change(v[going]) + fixed_w[going]
            corrections[going] = np.sqrt(np.mean(dv**2, axis=1))
            moved = np.abs(dv).max(axis=1)
            apart = np.abs(at - w[going])[:, self.junctions].max(axis=1, initial=0.0)
            converged[going] = (moved < self.tolerance) & (apart < self.tolerance)
            if watch is not None:
                watch(step, v, corrections)

    def gmin_stepping(self, v: Array, rows: Array) -> tuple[npt.NDArray[np.bool_], Array]:
        """Follow the operating point while a conductance to ground shrinks to nothing."""
        converged, corrections = np.zeros(len(v), bool), np.zeros(len(v))
        for shunt in SHUNTS:
            converged, corrections = self.newton(v, rows, shunt=shunt)
            v[~np.isfinite(v).all(axis=1)] = 0.0
        return converged, corrections

    def source_stepping(self, v: Array, rows: Array) -> tuple[npt.NDArray[np.bool_], Array]:
        """Follow the operating point while all sources grow from nothing."""
        converged, corrections = np.zeros(len(v), bool), np.zeros(len(v))
        for scale in SCALES:
            converged, corrections = self.newton(v, rows, scale=scale)
            v[~np.isfinite(v).all(axis=1)] = 0.0
        return converged, corrections

    def _limit(self, w: Array, old: Array) -> Array:
        """Return w_lim of every junction."""
        volts = self.volts
        away = (w > self.critical) & (np.abs(w - old) > 2 * volts)
        bracket = 1.0 + (w - old) / volts
        above = np.where(bracket > 0, old + volts * np.log(np.where(bracket > 0, bracket, 1.0)), self.critical)
        below = volts * np.log(np.where(away, w, volts) / volts)
        return np.where(away, np.where(old > 0, above, below), w)

    def _direction(self, v: Array, w: Array, at: Array, rows: Array, shunt: float, scale: float) -> Array:
        """Return the Newton step of every row; NaN where its Jacobian is singular."""
        currents, slopes = self.branches.laws(at, self.drives.p)
        currents += slopes * (w - at)
        diagonal = -(self.drives.conductances[rows] + shunt)
        F = self.branches.into_free(currents) + scale * self.currents[rows] + v @ self.conductances.T + diagonal * v
        return np.stack(
            [
                _solve_sparse(self.conductances + self.branches.sparse_matrix(g, d), -f)
                for g, d, f in zip(slopes, diagonal, F, strict=True)
            ]
        )


def _solve_sparse(matrix: Any, right: Array) -> Array:
    try:
        return np.asarray(splu(matrix).solve(right))
    except RuntimeError:  # "Factor is exactly singular"
        return np.full_like(right, np.nan)
