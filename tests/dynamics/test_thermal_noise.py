"""Johnson-Nyquist noise of netlists: kT/C whatever the conductances."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from dynamics_circuits import solver
from scipy.linalg import solve_continuous_lyapunov

from neurosim.errors import SimulationError
from neurosim.physics.resistive.model import ResistiveNetwork
from neurosim.physics.resistive.settings import ResistiveCircuit
from neurosim.physics.resistive.thermal_noise import branch_matrix, lower_factor

ROWS = 20_000
KT = 1.380649e-23 * 300.15
THREE = {
    "R1": {"type": "resistor", "nodes": ["a", 0], "siemens": 1e-6},
    "R2": {"type": "resistor", "nodes": ["a", "b"], "siemens": 3e-6, "trainable": True},
    "R3": {"type": "resistor", "nodes": ["b", "o"], "siemens": 2e-6},
    "R4": {"type": "resistor", "nodes": ["o", 0], "siemens": 0.5e-6},
    "C1": {"type": "capacitor", "nodes": ["a", 0], "farads": 1e-12},
    "C2": {"type": "capacitor", "nodes": ["o", 0], "farads": 2e-12},
}
THREE_C = {"a": 2e-12, "b": 1e-12, "o": 3e-12}
ONE = {"R": {"type": "resistor", "nodes": ["o", 0], "siemens": 1e-6}}


def network(elements: dict[str, Any], noise: bool = True, dtype: str = "float64", **keys: Any) -> ResistiveNetwork:
    circuit = ResistiveCircuit(
        kind="resistive", elements=elements, outputs=["o"], imperfections={"thermal_noise": noise}, **keys
    )
    return ResistiveNetwork(circuit, None, dtype, 3)


def relaxed(net: ResistiveNetwork, dt: float, t_end: float, rows: Any = ROWS, name: str = "euler_maruyama") -> Any:
    system = net.system(rows if isinstance(rows, int) else len(rows))
    if not isinstance(rows, int):
        system.paths = rows
    end = solver(name, dt=dt, t_end=t_end).relax(system, system.rest())
    return end.state.reshape(system.rows, -1)


def capacitances(net: ResistiveNetwork) -> Any:
    return np.array([THREE_C[name] for name in net.netlist.nodes[1:4]])


def test_euler_maruyama_has_its_own_variance_on_one_node():
    """(kT/C) / (1 - dt / 2 tau) is 1.010 of kT/C at dt = tau/50; 1 pF has 64.4 uV."""
    tau = 1e-6
    v = relaxed(network(ONE), tau / 50, 8 * tau, 2 * ROWS)
    assert np.sqrt(KT / 1e-12) == pytest.approx(64.38e-6, rel=1e-3)
    assert abs(v.var() / (KT / 1e-12) - 1 / (1 - 1 / 100)) < 3 * np.sqrt(2 / len(v))


@pytest.mark.parametrize("scale", [0.5, 2.0])
def test_covariance_is_kT_over_C_whatever_the_conductances(scale: float):
    """No covariance between nodes, and the variance of each is that of its capacitor."""
    net = network(THREE)
    net.parameters.flat[:] *= scale
    net.parameters_changed()
    v = relaxed(net, 2e-8, 24e-6, name="stochastic_heun")
    expected = KT / capacitances(net)
    covariance = np.cov(v.T) / np.sqrt(np.outer(expected, expected))
    error = np.sqrt((1 + np.eye(3)) / ROWS)
    assert (np.abs(covariance - np.eye(3)) < 0.01 + 3 * error).all()
    assert (np.abs(v.mean(0)) < 4 * np.sqrt(expected / ROWS)).all()


@pytest.mark.parametrize("scale", [1.0, 7.0])
def test_lyapunov_solution_is_kT_over_C(scale: float):
    """J S + S J^T = -M M^T has the solution k T C^-1, also after conductances were written."""
    system = network(THREE).system(1)
    system.model.parameters.flat[:] *= scale
    system.model.parameters_changed()
    M = branch_matrix(system)
    J = np.stack([system.rate(e) - system.rate(np.zeros(3)) for e in np.eye(3)], axis=1)
    S = solve_continuous_lyapunov(J, -M @ M.T)
    expected = np.diag(KT / capacitances(system.model))
    assert np.abs(S - expected).max() < 1e-9 * expected.max()
    L = system.noise.mixing()
    np.testing.assert_allclose(L @ L.T, M @ M.T, rtol=1e-12, atol=1e-12 * np.abs(M @ M.T).max())


def test_an_amplifier_feels_noise_by_its_current_gain():
    """A resistor behind an amplifier drives the node before it with the weight of the amplifier: hand-made M."""
    elements = {
        "R": {"type": "resistor", "nodes": ["a", 0], "siemens": 1e-6},
        "A": {"type": "amplifier", "nodes": ["a", "w"], "gain": 4, "current_gain": 0.25},
        "Q": {"type": "resistor", "nodes": ["w", "o"], "siemens": 4e-6},
    }
    M = branch_matrix(network(elements).system(1)) * 1e-12
    r, q = np.sqrt(2 * KT * 1e-6), np.sqrt(2 * KT * 4e-6)
    D = np.array([[r**2 + (0.25 * q) ** 2, -0.25 * q**2], [-0.25 * q**2, q**2]])
    np.testing.assert_allclose(M @ M.T, D, rtol=1e-12)


@pytest.mark.parametrize("shape", [(3, 1), (3, 3), (3, 6)])
def test_lower_factor_is_triangular_also_of_singular_covariances(shape: tuple[int, int]):
    M = np.random.default_rng(0).standard_normal(shape)
    L = lower_factor(M)
    assert (np.triu(L, 1) == 0).all()
    assert (np.diagonal(L) >= 0).all()
    np.testing.assert_allclose(L @ L.T, M @ M.T, atol=1e-12)


def test_sources_only_shift_the_mean():
    """The same paths with and without a current source differ by the noiseless course."""
    driven = {**THREE, "I": {"type": "current_source", "nodes": [0, "b"], "amps": 1e-9}}
    rows = np.arange(5)
    with_noise, quiet = (relaxed(network(driven, noise), 1e-8, 1e-6, rows) for noise in (True, False))
    alone = relaxed(network(THREE), 1e-8, 1e-6, rows)
    np.testing.assert_allclose(with_noise - quiet, alone, atol=1e-15)
    assert alone.std() > 1e-5


def test_a_path_sees_the_same_noise_in_any_batch():
    net = network(THREE)
    whole = relaxed(net, 1e-8, 1e-6, np.arange(7))
    part = relaxed(net, 1e-8, 1e-6, np.array([5, 2]))
    np.testing.assert_array_equal(part, whole[[5, 2]])
    assert len(np.unique(whole)) == whole.size


def test_a_deterministic_solver_refuses_it():
    system = network(THREE).system(1)
    with pytest.raises(SimulationError, match="ignores state_noise; use euler_maruyama or stochastic_heun"):
        solver("euler", dt=1e-8, t_end=1e-6).relax(system, system.rest())
    system.silence()
    solver("euler", dt=1e-8, t_end=1e-6).relax(system, system.rest())


def test_systems_made_from_it_are_as_noisy_as_it_is():
    """Held outputs have no noise; a silent netlist makes silent ones; dyads refuse."""
    system = network(THREE).system(2)
    L = system.clamped_at(system.rest(), 1.0).noise.mixing()
    assert (L[system.model.output_states] == 0).all()
    assert (np.abs(np.delete(L, system.model.output_states, 0)).sum(1) > 0).all()
    with pytest.raises(SimulationError, match="dyads have two"):
        system.dyads()
    system.silence()
    for other in (system.take([0]), system.transposed_at(system.rest()), system.clamped_at(system.rest(), 1.0)):
        assert other.noise is None
