"""Noise of circuits: what its strength means, who carries it along, and who refuses it."""

from __future__ import annotations

import numpy as np
import pytest
from physics_nets import Numbers, circuit

from neurosim.analysis.setup import build_solver
from neurosim.dynamics.polished import PolishedSolver, settling
from neurosim.errors import SimulationError
from neurosim.jit import ModelArrays
from neurosim.learning.protocol import FREE, Phase, run_phases
from neurosim.learning.rules.equilibrium import Equilibrium
from neurosim.physics.imperfection_settings import Imperfections, StateNoise
from neurosim.physics.layered.compartments import POINT, Compartments
from neurosim.physics.state_noise import leak_diffusion
from neurosim.registry import SOLVERS

DETERMINISTIC = ("sweeps", "newton", "euler", "exponential_euler", "heun", "rk4", "tsit5", "radau")


def solver(name, **keys):
    if name not in ("sweeps", "newton"):
        keys = {"t_end": 4.0, **({} if name in ("tsit5", "radau") else {"dt": 0.1}), **keys}
    return build_solver(SOLVERS.settings(name)(solver=name, **keys))


def point_neurons(sd=0.1, rows=3, **noise):
    draw = np.random.default_rng(0)
    numbers = Numbers(
        W=[0.4 * draw.normal(size=(n, m)) for m, n in ((4, 5), (5, 2))],
        b=[draw.normal(size=(n, 1)) for n in (5, 2)],
        x=draw.normal(size=(4, rows)),
        y=draw.random(size=(2, rows)),
        B=[None, 0.4 * draw.normal(size=(5, 2))],
    )
    network = circuit(
        numbers, POINT, dtype="float64", activation="shifted_sigmoid", feedback="independent",
        imperfections=Imperfections(state_noise=StateNoise(sd=sd, **noise)),
    )  # fmt: skip
    system = network.system(rows)
    system.present(numbers.x.T, numbers.y.T)
    return system


@pytest.mark.parametrize("conductance", [0.1, 2.0])
def test_sd_of_a_capacitor_is_that_of_kt_over_c(conductance):
    """Johnson and Nyquist: a current of density 2 kT G on C, dV = -(G/C) V dt + sqrt(2 kT G) / C dW, for every G."""
    kT, C = 4.1e-21, 1e-15
    layout = np.array([1, 1, 0, 1, 3])
    p = np.array([conductance / C, np.sqrt(kT / C), 0.0])
    out, none = np.empty(3), np.empty(0)
    leak_diffusion["float64"](0.0, np.array([0.0, 1.0, -2.0]), ModelArrays(p, layout, none, none), out)
    np.testing.assert_allclose(out, np.sqrt(2 * kT * conductance) / C, rtol=1e-12)


def test_relative_noise_adds_in_squares():
    layout, none, y = np.array([2, 1, 0, 1, 2]), np.empty(0), np.array([0.0, 3.0, -4.0, 1.0, 9.0])
    out = np.empty(5)
    leak_diffusion["float64"](0.0, y, ModelArrays(np.array([0.5, 0.3, 0.1]), layout, none, none), out)
    np.testing.assert_allclose(out[:4], np.sqrt(0.3**2 + (0.1 * y[:4]) ** 2), rtol=1e-14)
    assert out[4] == 0  # behind the blocks


def test_a_circuit_is_silent_unless_asked():
    for sd in (0.0, 0.1):
        assert (point_neurons(sd).noise is None) == (sd == 0)
    assert point_neurons(0.0, relative_sd=0.1).noise is not None


def test_whatever_is_made_of_a_system_has_its_noise():
    """Other rows, complex copies, dyads, transposed loops, oscillating nudges: one key, the paths of their rows."""
    system = point_neurons()
    system.paths = np.array([5, 1, 9])
    state = system.rest()
    made = {
        "rows": (system.take([2, 0]), [9, 5]),
        "copies": (system.complex_copies(2), [5, 1, 9, 5, 1, 9]),
        "copies, taken": (system.complex_copies(2).take([4]), [1]),
        "dyads": (system.dyads(), [5, 1, 9]),
        "dyads, taken": (system.dyads().take([1]), [1]),
        "transposed": (system.transposed_at(state), [5, 1, 9]),
        "rotating": (system.oscillating(True, 10.0), [5, 1, 9]),
        "cosine": (system.oscillating(False, 10.0), [5, 1, 9]),
    }
    for name, (other, paths) in made.items():
        assert other.paths.tolist() == paths, name
        assert other.noise.key == system.noise.key, name
        assert other.noise.arrays.layout is other.layout, name
    system.paths = np.array([2, 3, 4])
    assert system.paths.tolist() == [2, 3, 4]
    for again in (
        system.complex_copies(2),
        system.dyads(),
        system.transposed_at(state),
        system.oscillating(False, 10.0),
    ):
        assert again.paths[:3].tolist() == [2, 3, 4]


def test_silence_is_inherited():
    system = point_neurons()
    system.silence()
    for other in (system.take([0]), system.complex_copies(1), system.dyads(), system.transposed_at(system.rest())):
        assert other.noise is None


@pytest.mark.parametrize("name", DETERMINISTIC)
def test_deterministic_solvers_refuse_noise(name):
    """No solver ignores it silently, and once the system is silent each of them runs."""
    system = point_neurons()
    with pytest.raises(SimulationError, match=f"solver '{name}' ignores state_noise; use euler_maruyama or stochastic"):
        solver(name).relax(system, system.rest())
    system.silence()
    solver(name).relax(system, system.rest())


def test_references_look_for_equilibria_without_noise():
    assert settling(solver("newton")).name == "newton"
    polished = settling(solver("euler_maruyama"))
    assert isinstance(polished, PolishedSolver)
    system = point_neurons()
    system.silence()
    assert polished.relax(system, system.rest()).status.key == "settled"


@pytest.mark.parametrize("T", [0.0, 0.5])
@pytest.mark.parametrize("phases", ["independent", "same"])
def test_phases_see_their_own_noise_or_the_same(phases, T):
    """Two equal phases end in the same state if they see the same draw, and apart if not."""
    system = point_neurons(phases=phases, correlation_time=T)
    both = run_phases(system, solver("euler_maruyama"), (FREE, Phase("again", 0.0)))
    same = np.array_equal(both["free"].state, both["again"].state)
    assert same == (phases == "same")


@pytest.mark.parametrize("nudging", ["one_sided", "symmetric"])
def test_a_rule_sees_the_noise_of_its_phases(nudging):
    """What `read` relaxes is what the phases of the protocol relax, draw by draw."""
    rule = Equilibrium(type="equilibrium", beta=0.2, nudging=nudging)
    system, how = point_neurons(), solver("stochastic_heun", average=1.0)
    ends = run_phases(system, how, rule.phases("free"), keep_free=True)
    nudged = [end.reading for name, end in ends.items() if name != "free"]
    system.nudge(0.0)
    from neurosim.learning.rule import Reading

    reading = Reading(system.signal(), system.signal(), np.empty((3, 2)), np.zeros(3, np.int8), 1.0)
    rule.read(system, how, "free", reading)
    before = ends["free"].reading if nudging == "one_sided" else nudged[1]
    spread = 0.2 if nudging == "one_sided" else 0.4
    expected = system.read_anew((before - nudged[0]) / spread, (1.0,))
    for i in range(2):
        np.testing.assert_allclose(reading.error.block(i), expected.block(i), rtol=0, atol=1e-12)
        np.testing.assert_allclose(reading.source.block(i), system.read_anew(ends["free"].reading, (1.0,)).block(i))


def test_same_noise_in_both_phases_cancels_in_the_difference():
    """The response to a small nudge drowns in independent noise, and stands out of the same."""
    spread = {}
    for phases in ("independent", "same"):
        system = point_neurons(phases=phases)
        system.paths = np.arange(3)
        ends = run_phases(system, solver("euler_maruyama"), (FREE, Phase("nudged", 1e-3)))
        spread[phases] = float(np.abs(ends["nudged"].state - ends["free"].state).max())
    assert spread["same"] < 2e-3 < 0.05 < spread["independent"]


def test_compartments_of_dyads_have_noise_of_their_own():
    assert isinstance(POINT, Compartments)
    dyads = point_neurons().dyads()
    end = solver("euler_maruyama").relax(dyads, dyads.rest())
    plus, minus = dyads.views(end.state)[0]
    assert np.all(plus != minus)
