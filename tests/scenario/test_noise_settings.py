"""State noise in scenarios: which solvers, rules and analyses it goes with, and what is said of the others."""

from __future__ import annotations

import pytest

NOISE = ("  activation: tanh\n", "  activation: tanh\n  imperfections: {state_noise: {sd: 0.1}}\n")
POINT = ("activation: tanh\n", "activation: shifted_sigmoid\n  neuron: point\n")
NOISY = ("  solver: sweeps\n", "  solver: euler_maruyama\n  dt: 0.1\n  t_end: 5\n")
DUAL = "type: dual_propagation\n  beta: 0.2"


def averaging(seconds: str) -> tuple[str, str]:
    return ("  solver: sweeps\n", f"  solver: stochastic_heun\n  dt: 0.1\n  t_end: 5\n  average: {seconds}\n")


@pytest.mark.parametrize(
    "solver",
    [
        "sweeps", "newton", "tsit5\n  t_end: 5", "radau\n  t_end: 5",
        *(f"{name}\n  dt: 0.1\n  t_end: 5" for name in ("euler", "exponential_euler", "heun", "rk4")),
    ],
)  # fmt: skip
def test_solvers_that_would_ignore_noise_are_refused(problems, solver):
    name = solver.partition("\n")[0]
    assert problems(NOISE, ("solver: sweeps", f"solver: {solver}")) == [
        f"mine.yaml:13: dynamics.solver: solver '{name}' ignores state_noise; "
        "use euler_maruyama or stochastic_heun."
    ]  # fmt: skip


@pytest.mark.parametrize("solver", ["sweeps", "rk4\n  dt: 0.1\n  t_end: 5"])
def test_noise_of_no_size_is_no_noise(load, solver):
    """A sweep over sd may begin at zero."""
    load(("activation: tanh\n", "activation: tanh\n  imperfections: {state_noise: {sd: 0}}\n"), ("sweeps", solver))


def test_a_stochastic_solver_goes_without_noise(load):
    assert load(NOISY).scenario.dynamics.tolerance is None


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (
            [("  solver: sweeps\n", "  solver: euler_maruyama\n  dt: 0.1\n  t_end: 5\n  tolerance: 1.0e-5\n")],
            "dynamics: found tolerance 1e-05, but a noisy circuit does not settle: every phase lasts until t_end. "
            "Leave tolerance out.",
        ),
        (
            [("  solver: sweeps\n", "  solver: euler_maruyama\n  dt: 6\n  t_end: 5\n")],
            "dynamics.dt: found a step of 6 s, longer than the phase; t_end is 5 s.",
        ),
        (
            [averaging("0.05")],
            "dynamics.average: found 0.05 s, expected something between one step (dt 0.1 s) and the whole phase (t_end "
            "5 s).",
        ),
        (
            [averaging("6")],
            "dynamics.average: found 6 s, expected something between one step (dt 0.1 s) and the whole phase (t_end "
            "5 s).",
        ),
        (
            [averaging("1"), ("optimizer: {type: adam", "plasticity: continuous\n  optimizer: {type: sgd")],
            "dynamics.average: with plasticity continuous the conductances follow every moment, and average over many "
            "by themselves. Leave it out.",
        ),
        (
            [averaging("1"), POINT, (DUAL, "type: oscillating\n  period: 20")],
            "dynamics.average: synapses of rule oscillating integrate over whole periods already. Leave it out.",
        ),
        (
            [NOISY, NOISE, POINT, (DUAL, "type: recurrent_backprop")],
            "rule.type: recurrent_backprop linearises at an equilibrium, and with circuit.imperfections.state_noise "
            "there is none. Use rule equilibrium, or leave the noise out.",
        ),
        (
            [NOISY, NOISE, POINT, (DUAL, "type: equilibrium\n  nudging: vanishing")],
            "rule.nudging: vanishing linearises at an equilibrium, and with circuit.imperfections.state_noise there is "
            "none. Use nudging: one_sided or symmetric.",
        ),
        (
            [NOISY, NOISE, POINT, (DUAL, "type: equilibrium\n  nudging: contour\n  points: 4")],
            "rule.nudging: half of a contour is the mirror image of the other half, which state_noise is not. Use "
            "nudging: one_sided or symmetric.",
        ),
    ],
)  # fmt: skip
def test_misfits(problems, changes, told):
    (line,) = problems(*changes)
    assert line.partition(": ")[2] == told


@pytest.mark.parametrize(
    "rule",
    [
        "type: equilibrium", "type: equilibrium\n  nudging: one_sided",
        "type: equilibrium\n  nudging: contour\n  points: 2",
        "type: oscillating\n  period: 20", "type: oscillating\n  period: 20\n  drive: cosine",
    ],
)  # fmt: skip
def test_rules_that_live_with_noise(load, rule):
    load(NOISY, NOISE, POINT, (DUAL, rule))


@pytest.mark.parametrize("correction", ["asymmetric", "dyadic"])
def test_corrections_live_with_noise(load, correction):
    load(
        NOISY, NOISE, ("activation: tanh\n", "activation: shifted_sigmoid\n  neuron: point\n  feedback: independent\n"),
        (DUAL, f"type: equilibrium\n  correction: {correction}"),
    )  # fmt: skip


@pytest.mark.parametrize("keys", ["sd: -0.1", "sd: 0.1, correlation_time: -1", "sd: 0.1, relative_sd: -1"])
def test_strengths_and_times_are_not_negative(problems, keys):
    (line,) = problems((NOISE[0], f"  activation: tanh\n  imperfections: {{state_noise: {{{keys}}}}}\n"))
    assert "circuit.imperfections.state_noise." in line
    assert "at least 0" in line or "greater than or equal to 0" in line
