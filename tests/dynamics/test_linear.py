"""Linear systems with the Jacobian and its transpose: solutions, or a clear word that there is none."""

from __future__ import annotations

import numpy as np
import pytest
from dynamics_circuits import circuit, unit_chain

from neurosim.dynamics import linear
from neurosim.dynamics.linear import InverseJacobian
from neurosim.errors import SimulationError
from neurosim.physics.layered.compartments import POINT, dyad


@pytest.fixture(params=[600, 0], ids=["dense", "gmres"])
def dense(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    monkeypatch.setattr(linear, "DENSE_UNTIL", request.param)
    return request.param > 0


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("compartments", [POINT, dyad(0.3, transposed=True)], ids=["point", "dyad"])
def test_solutions_give_back_the_right_side(dense: bool, compartments, dtype: str):
    """J x = b and J^T x = b from one factorisation; J and its transpose judge by their products."""
    system = circuit(compartments=compartments, rows=3, gain=0.5, beta=0.4, dtype=dtype)
    draw = np.random.default_rng(2)
    state = draw.standard_normal(system.size).astype(dtype)
    inverse, J = InverseJacobian(system, state), system.linearise(state)
    assert inverse.dense is dense
    accuracy = 1e-12 if dense and dtype == "float64" else 1e-9 if dtype == "float64" else 3e-5
    for _ in range(2):
        right = draw.standard_normal(system.size).astype(dtype)
        before = right.copy()
        for solution, product in (
            (inverse.times(right), J.times),
            (inverse.transposed_times(right), J.transposed_times),
        ):
            assert solution.dtype == right.dtype
            assert np.linalg.norm(product(solution) - right) < accuracy * np.linalg.norm(right)
        np.testing.assert_array_equal(right, before)


def test_a_factorisation_outlives_the_state_it_was_made_at():
    """Conductances and state may change afterwards; that is what it is kept for."""
    system = circuit(compartments=POINT, rows=2, gain=0.5)
    state, right = system.rest(), np.arange(1.0, system.size + 1)
    inverse = InverseJacobian(system, state)
    before = inverse.times(right)
    state += 1.0
    system.model.parameters.flat[:] *= 2.0
    system.model.parameters_changed()
    np.testing.assert_array_equal(inverse.times(right), before)


def test_an_equilibrium_without_a_response_is_an_error(dense: bool):
    """Identity units with a loop gain of 1: the Jacobian is singular."""
    system = unit_chain(1.0, [1.0, 2.0], "identity")
    told = "singular; its equilibrium has no response" if dense else "was not solved: a residual of"
    with pytest.raises(SimulationError, match=told):
        InverseJacobian(system, system.rest()).times(np.array([1.0, 2.0, 3.0, 4.0]))
