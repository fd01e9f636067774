"""Newton's method on the equilibrium condition dy/dt = 0, every sample with a step of its own.

    J(y) d = -f(y),   y <- y + 2^-m d   with the smallest m that lowers |f|, for each row by itself

J is solved dense for small circuits, and by GMRES with products J v for large ones. After a step with a J of its own
that takes |f| from f_1 to f_2, another step with that J leaves about 2 f_2^2 / f_1: where this is enough, no other J is
made. The method finds equilibria whether they are stable or not: a fixed point at which the ODE would diverge settles
here. A circuit that has a Newton's method of its own is asked for that (`System.operating_point`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.sparse.linalg import LinearOperator, gmres

from neurosim.dynamics.dense import from_rows, to_rows
from neurosim.dynamics.linear import DENSE_UNTIL, DenseFactors
from neurosim.dynamics.rates import rms_rates
from neurosim.dynamics.settings import NewtonSettings
from neurosim.dynamics.solver import DIVERGED_RATE, Recorder, Relaxation, Solver
from neurosim.dynamics.status import Status, judge
from neurosim.errors import SimulationError
from neurosim.physics.dynamical_system import DynamicalSystem

Array = npt.NDArray[Any]

HALVINGS = 30
CHORD_SAFETY = 4.0  # on what a step with the J before is expected to leave


@dataclass(frozen=True)
class NewtonSolver(Solver):
    """Equilibria by Newton's method with step halving.

    Parameters
    ----------
    settings : NewtonSettings
        Tolerance and number of steps.
    """

    settings: NewtonSettings
    name = "newton"
    has_time = False

    def relax(self, system: DynamicalSystem, state: Array, recorder: Recorder | None = None) -> Relaxation:
        """Move every row of `state` to its equilibrium; a recorder gets the state after every iteration."""
        tolerance = self.settings.tolerance
        assert tolerance is not None  # the settings refuse newton without one
        self.refuse_noise(system)
        system.forget()
        own = self._own_method(system, state, tolerance, recorder)
        if own is not None:
            return own
        f = system.rate(state)
        rates = rms_rates(system, f)
        directions, expected = _Directions(system), np.full(system.rows, np.inf)
        stuck = np.zeros(system.rows, bool)
        steps = 0
        if recorder is not None:
            recorder.save(np.zeros(1), state[None, :], rates[None, :])
        while steps < self.settings.max_steps:
            going = (rates > tolerance) & np.isfinite(rates) & ~stuck
            if not going.any():
                break
            steps += 1
            before, again = rates, bool((expected[going] <= tolerance).all())
            f, rates, moved = _step(system, state, f, rates, going, directions.find(state, f, going, again))
            expected = np.full(system.rows, np.inf)
            if not again:
                np.divide(CHORD_SAFETY * rates**2, before, out=expected, where=going & np.isfinite(before))
            stuck |= going & ~moved
            if recorder is not None:
                recorder.save(np.array([float(steps)]), state[None, :], rates[None, :])
        codes = judge(rates, tolerance, DIVERGED_RATE, Status.MAX_STEPS)
        codes[stuck & (codes == Status.MAX_STEPS.code)] = Status.STEP_TOO_SMALL.code
        return Relaxation(state, codes, rates, steps, float(steps))

    def _own_method(
        self, system: DynamicalSystem, state: Array, tolerance: float, recorder: Recorder | None
    ) -> Relaxation | None:
        """Relax by the circuit's own method; rates are then the last corrections, in units of the state."""

        def watch(step: int, here: Array, corrections: Array) -> None:
            if recorder is not None:
                recorder.save(np.array([float(step)]), here[None, :], corrections[None, :])

        found = system.operating_point(state, tolerance, self.settings.max_steps, watch)
        if found is None:
            return None
        codes = judge(found.corrections, tolerance, DIVERGED_RATE, Status.MAX_STEPS)
        codes[~found.converged & (codes == Status.SETTLED.code)] = Status.MAX_STEPS.code
        codes[found.converged] = Status.SETTLED.code
        return Relaxation(state, codes, found.corrections, found.steps, float(found.steps))


def _step(
    system: DynamicalSystem, state: Array, f: Array, rates: Array, going: npt.NDArray[np.bool_], direction: Array
) -> tuple[Array, Array, npt.NDArray[np.bool_]]:
    """Move the rows that are `going` in place; return the new rate, its RMS, and which rows have moved."""
    old, best = to_rows(system, state), rates.copy()
    scale, open_rows, new = np.ones(system.rows), going.copy(), old.copy()
    for _ in range(HALVINGS):
        trial = np.where(open_rows[:, None], old + scale[:, None].astype(old.dtype) * direction, new)
        tried = rms_rates(system, system.rate(from_rows(system, trial)))
        better = open_rows & (tried < rates)
        new[better], best[better] = trial[better], tried[better]
        open_rows &= ~better
        if not open_rows.any():
            break
        scale[open_rows] /= 2
    state[:] = from_rows(system, new)
    return system.rate(state), best, going & ~open_rows


class _Directions:
    """Newton directions of the rows of a system, with the factors of the last Jacobian that was made.

    Parameters
    ----------
    system : DynamicalSystem
        The circuit with its batch and its nudge.
    """

    def __init__(self, system: DynamicalSystem) -> None:
        self.system = system
        self._factors: DenseFactors | None = None
        self._rows = np.zeros(system.rows, bool)  # those whose factors are kept

    def find(self, state: Array, f: Array, going: npt.NDArray[np.bool_], again: bool) -> Array:
        """Return d with J d = -f, one line per row, shape (rows, n); zeros for rows that are not `going`.

        `again` asks for the J of the last call, which was for no fewer rows; where it has no factors J is made anew.
        """
        system = self.system
        right = -to_rows(system, f)
        if right.shape[1] > DENSE_UNTIL and going.all():
            return _krylov_directions(system, state, right)
        directions, rows = np.zeros_like(right), np.flatnonzero(going).tolist()
        if again and self._factors is not None:
            self._factors.keep(going[self._rows])
            directions[rows] = self._factors.solve(right[rows])
            self._rows = going
            return directions
        part, part_state = system, state
        if len(rows) < system.rows:
            part, part_state = system.take(rows), system.take_state(state, rows)
        if right.shape[1] > DENSE_UNTIL:
            directions[rows] = _krylov_directions(part, part_state, right[rows])
            return directions
        linear = part.linearise(part_state)
        try:
            self._factors, self._rows = DenseFactors(linear.matrices()), going
            directions[rows] = self._factors.solve(right[rows])
        except SimulationError:
            # Where a J is exactly singular: the shortest of the best directions.
            self._factors = None
            pairs = zip(linear.matrices(), right[rows], strict=True)
            directions[rows] = [np.linalg.lstsq(J, b, rcond=None)[0] for J, b in pairs]
        return directions


def _krylov_directions(system: DynamicalSystem, state: Array, right: Array) -> Array:
    """Return inexact directions for all rows together: still descent directions, and halving looks after the rest."""
    jacobian = system.linearise(state)
    operator = LinearOperator(
        (state.size,) * 2, matvec=lambda v: jacobian.times(v.astype(state.dtype)), dtype=state.dtype
    )
    d, _ = gmres(operator, from_rows(system, right), rtol=1e-6, restart=50, maxiter=20)
    return to_rows(system, np.asarray(d, state.dtype))
