"""Equilibria found again after a small change, with the Jacobian of the one before it."""

from __future__ import annotations

import numpy as np
import pytest
from dynamics_circuits import circuit

from neurosim.dynamics import linear
from neurosim.dynamics.linear import InverseJacobian
from neurosim.dynamics.nearby import NearbyEquilibria
from neurosim.dynamics.polished import EQUILIBRIUM, Ends, NotingSolver, PolishedSolver
from neurosim.dynamics.status import Status
from neurosim.physics.layered.compartments import POINT


def loop():
    system = circuit(compartments=POINT, gain=0.5, rows=3)
    state = system.rest()
    assert EQUILIBRIUM.relax(system, state).status is Status.SETTLED
    return system, state


@pytest.mark.parametrize("dense_until", [0, 600])
@pytest.mark.parametrize("change", [0.0, 1e-5, 1e-2, 0.5])
def test_it_is_the_equilibrium_of_the_changed_circuit(monkeypatch, change, dense_until):
    """Small changes or large ones, with a Jacobian at hand or without."""
    monkeypatch.setattr(linear, "DENSE_UNTIL", dense_until)
    system, state = loop()
    known, before = NearbyEquilibria(system, state, InverseJacobian(system, state)), state.copy()
    draw = np.random.default_rng(0)
    system.model.parameters.trained[:] *= 1 + change * draw.standard_normal(system.model.parameters.trained.size)
    system.model.parameters_changed()
    system.present(system.inputs, system.targets.copy())
    found = known.find()
    assert np.abs(system.rate(found)).max() < 1e-11
    np.testing.assert_array_equal(state, before)
    if change:
        assert np.abs(found - state).max() > 1e-3 * change


def test_polishing_keeps_the_equilibrium_that_the_circuit_chose():
    """Newton goes on from where the relaxation ended; and what diverged stays diverged."""
    from neurosim.analysis.setup import build_solver
    from neurosim.dynamics.settings import FixedStepSettings

    system, _ = loop()
    rough = build_solver(FixedStepSettings(solver="rk4", dt=0.1, t_end=6.0, tolerance=None))
    ended = rough.relax(system, system.rest()).state
    polished = PolishedSolver(rough).relax(system, system.rest())
    assert polished.status is Status.SETTLED
    assert np.abs(system.rate(polished.state)).max() < 1e-11
    assert np.abs(polished.state - ended).max() < 0.1
    wild = circuit(compartments=POINT, gain=9.0, rows=3, activation="relu")
    lost = PolishedSolver(build_solver(FixedStepSettings(solver="rk4", dt=0.1, t_end=60.0, tolerance=None)))
    assert lost.relax(wild, wild.rest()).status is Status.DIVERGED


def test_noted_ends_are_not_found_again():
    """Two blocks of rows, two relaxations each, noted in another order than they are taken up."""
    from neurosim.analysis.setup import build_solver
    from neurosim.dynamics.settings import FixedStepSettings

    rough = build_solver(FixedStepSettings(solver="rk4", dt=0.1, t_end=6.0, tolerance=None))
    whole, _ = loop()
    blocks = [whole.take([0]), whole.take([1])]
    for row, system in enumerate(blocks):
        system.paths = np.array([row])
    ends, calls = Ends(), []
    noting = NotingSolver(rough, ends)
    assert (noting.name, noting.has_time, noting.calculus) == (rough.name, True, None)
    assert noting.lasting(2.0).settings.t_end == 2.0

    def relaxed(solver, beta, system):
        system.nudge(beta)
        return solver.relax(system, system.rest())

    for beta in (0.0, 0.1):
        for system in blocks:
            relaxed(noting, beta, system)

    class Counted(type(rough)):
        def relax(self, system, state, recorder=None):
            calls.append(system)
            return super().relax(system, state, recorder)

    counted = Counted(**vars(rough))
    for system in reversed(blocks):
        for beta in (0.0, 0.1):
            known = relaxed(PolishedSolver(counted, ends), beta, system)
            assert not calls
            anew = relaxed(PolishedSolver(rough), beta, system)
            np.testing.assert_allclose(known.state, anew.state, atol=1e-12)
            assert known.steps == anew.steps
    relaxed(PolishedSolver(counted, ends), 0.2, blocks[0])
    assert len(calls) == 1
