"""The exact gradient at an equilibrium, by the implicit function theorem, and its mirror image: the linear response.

    F(y, theta) + beta N(y) = 0,   J = dF/dy,   all at beta = 0

    gradient   J^T lambda = -dC/dy,   dC/dtheta = lambda^T dF/dtheta
    response   dy/dbeta = -J^{-1} N

F is the rate of the free circuit, y its settled state, N what a nudge adds to the rate. For a feed-forward circuit the
gradient is back-propagation, for a recurrent one it is what recurrent back-propagation converges to. The response is
what a rule would read if the nudge could vanish; where it differs from the gradient, the conductances are to blame.
Sources: L. Almeida, ICNN 1987; F. Pineda, Phys. Rev. Lett. 59 (1987) 2229.
"""

from __future__ import annotations

from typing import Any

import numpy.typing as npt

from neurosim.dynamics.linear import InverseJacobian
from neurosim.dynamics.solver import Relaxation, Solver
from neurosim.errors import SimulationError
from neurosim.physics.parameters import Parameters
from neurosim.physics.signal import Signal
from neurosim.physics.system import System

Array = npt.NDArray[Any]


def implicit_reading(
    system: System, state: Array, source: Signal, error: Signal, inverse: InverseJacobian | None = None
) -> None:
    """Write the activities of the settled free `state` into `source`, and dC/d(current) into `error`.

    Parameters
    ----------
    system : System
        The circuit with its batch, not nudged.
    state : ndarray, shape (size,)
        Its settled free state.
    source, error : Signal
        Where to; their windows have the rows of the system.
    inverse : InverseJacobian, optional
        Of the Jacobian at `state`, where it is known already.

    Raises
    ------
    SimulationError
        If the circuit is nudged, or its Jacobian cannot be inverted.
    """
    _check_free(system)
    system.read(state, system.forward_weights, source)
    inverse = inverse or InverseJacobian(system, state)
    adjoint = inverse.transposed_times(-system.cost_slope(state))
    inverse.linear.pull_back(adjoint, error)


def relaxed_reading(system: System, state: Array, solver: Solver, source: Signal, error: Signal) -> Relaxation:
    """Do what `implicit_reading` does by relaxing the adjoint circuit, tau dv/dt = tau J^T v + dC/dy, from rest.

    It settles whenever the equilibrium is stable, needs no matrix but the conductances, and leaves an error of the
    order of the tolerance: what pays for large circuits.

    Parameters
    ----------
    system, state, source, error
        As for `implicit_reading`.
    solver : Solver
        How it relaxes.

    Returns
    -------
    Relaxation
        How it ended; of rows that did not settle the error signals are those of the moment.

    Raises
    ------
    SimulationError
        If the circuit is nudged, or has no adjoint circuit.
    """
    _check_free(system)
    system.read(state, system.forward_weights, source)
    adjoint = system.adjoint(state)
    relaxation = solver.relax(adjoint, adjoint.rest())
    adjoint.read_errors(relaxation.state, error)
    return relaxation


def response_reading(
    system: System,
    state: Array,
    weights: tuple[float, ...],
    source: Signal,
    error: Signal,
    inverse: InverseJacobian | None = None,
) -> None:
    """Write the activities of the settled free `state` into `source`, and sum_c weights_c ds_c/dbeta into `error`.

    Parameters
    ----------
    system, state, source, error, inverse
        As for `implicit_reading`.
    weights : tuple of float
        How a rule reads its error signal off the compartments.

    Raises
    ------
    SimulationError
        If the circuit is nudged, or its Jacobian cannot be inverted.
    """
    _check_free(system)
    system.read(state, system.forward_weights, source)
    inverse = inverse or InverseJacobian(system, state)
    response = inverse.times(-inverse.linear.nudge_slope())
    inverse.linear.read_change(response, weights, error)


def implicit_gradient(system: System, state: Array) -> Parameters:
    """Return dC/dtheta of the mean cost of all rows at their settled free state.

    Raises
    ------
    SimulationError
        As for `implicit_reading`.
    """
    source, error = system.signal(), system.signal()
    implicit_reading(system, state, source, error)
    return mean_products(system, source, error)


def response_estimate(system: System, state: Array, weights: tuple[float, ...]) -> Parameters:
    """Return what a rule that reads with `weights` would estimate for dC/dtheta with a vanishing nudge.

    Raises
    ------
    SimulationError
        As for `response_reading`.
    """
    source, error = system.signal(), system.signal()
    response_reading(system, state, weights, source, error)
    return mean_products(system, source, error)


def mean_products(system: System, source: Signal, error: Signal) -> Parameters:
    """Return the mean over all rows of the local products of two signals; `error` is divided by the rows."""
    error.scale(1.0 / system.rows)
    gradient = system.model.parameters.gradient()
    readout_error = system.model.readout_error(source, system.targets)
    for piece in system.model.local_products(system.inputs, source, error, gradient, readout_error, exact=True):
        piece.form()
    return gradient


def _check_free(system: System) -> None:
    if not system.free:
        raise SimulationError("this belongs to the free equilibrium, but the circuit is nudged")
