"""What rules for point neurons refuse, with the line, what was found and what is allowed."""

from __future__ import annotations

import pytest

from neurosim.errors import ScenarioError
from neurosim.scenario.load import load_scenario

TEXT = """\
schema: 1
name: loop
circuit:
  use: equilibrium_mlp
  layers: [64, 12, 10]
data: {set: digits}
rule: {type: equilibrium}
dynamics: {solver: rk4, dt: 0.1, t_end: 10.0}
analysis: {type: bias}
"""
CONTOUR = "rule={type: equilibrium, nudging: contour, points: 4}"
OSCILLATING = "rule={type: oscillating, period: 10.0}"
DIRECTED = "circuit.feedback=independent"

REFUSED = [
    ([CONTOUR, "circuit.activation=relu"], "rule.nudging",
     "contour nudging needs complex states, and circuit.activation 'relu' is not holomorphic. Use one of identity, "),
    ([CONTOUR, "circuit.output_activation=softplus"], "rule.nudging", "circuit.output_activation 'softplus' is not"),
    (["rule={type: equilibrium, nudging: contour}"], "rule.points", "a contour needs its number of points"),
    (["rule={type: equilibrium, nudging: contour, points: 1}"], "rule.points",
     "a contour needs at least 2 points, found 1; one point is nudging: one_sided."),
    (["rule={type: equilibrium, points: 4}"], "rule.points", "points belong to nudging: contour."),
    ([CONTOUR, "circuit.output_activation=identity", "rule.beta=1.5"], "rule.beta",
     "contour nudging of identity outputs with squared_error needs beta < 1, found 1.5."),
    (["rule.correction=asymmetric"], "rule.correction", "a reciprocal circuit has no asymmetry to correct."),
    ([CONTOUR, DIRECTED, "rule.correction=dyadic"], "rule.correction", "dyads relax once, under a real nudge"),
    ([DIRECTED, "rule={type: equilibrium, correction: dyadic}", "dynamics={solver: sweeps}"], "dynamics.solver",
     "dyads that carry state and error have no closed-form sweeps. Use newton, or an ODE solver."),
    ([DIRECTED, "rule={type: equilibrium, nudging: vanishing, correction: asymmetric}"], "rule.correction",
     "a corrected circuit answers a vanishing nudge with the exact gradient. Use rule recurrent_backprop."),
    (["circuit.neuron=dyad", "circuit.coordinates=activity"], "rule.type", "dyads have both at once."),
    (["circuit.neuron=dyad", OSCILLATING], "rule.type", "oscillating is for point neurons with feedback."),
    ([OSCILLATING, "circuit.activation=hard_sigmoid"], "rule.drive",
     "a rotating nudge needs complex states, and circuit.activation 'hard_sigmoid' is not holomorphic."),
    (["rule={type: oscillating, period: 10.0, periods: 2, lock_in: 3}"], "rule.lock_in",
     "found 3 periods, but a presentation has rule.periods: 2."),
    (["rule={type: oscillating, period: 10.03}"], "rule.period",
     "found 10.03 s, which is 100.3 steps of dynamics.dt = 0.1 s; it has to be a whole number of them."),
    ([DIRECTED, "rule={type: equilibrium, correction: dyadic, nudging: one_sided}"], "rule.correction",
     "dyads relax once, under a real nudge, and are exact for every beta. Leave nudging and points out."),
    ([DIRECTED, "rule={type: equilibrium, correction: dyadic}",
      "analysis={type: nudges, betas: [0.1, 0.2], nudgings: [symmetric]}"], "analysis.nudgings",
     "dyads relax once, whatever the protocol. Leave it out."),
    (["rule={type: oscillating, period: 10.0, beta: 1.5}", "circuit.output_activation=identity"], "rule.beta",
     "an oscillating nudge of identity outputs with squared_error needs beta < 1, found 1.5. Use a smaller beta."),
    ([OSCILLATING, "dynamics={solver: newton}", "analysis={type: relax}"], "dynamics.solver",
     "newton has no time, but rule oscillating oscillates in time. Use an explicit ODE solver."),
    ([OSCILLATING, "analysis={type: relax, save: {at: [31.0]}}"], "analysis.save.at",
     "found 31 s, but every phase ends at rule.periods * rule.period = 30 s."),
    ([OSCILLATING, "dynamics={solver: radau, t_end: 10.0}"], "dynamics.solver", "radau relaxes to equilibria"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "key", "message"), REFUSED, ids=[f"{k}: {m[:24]}" for _, k, m in REFUSED])
def test_what_a_rule_cannot_do_is_refused(tmp_path, changes, key, message):
    (tmp_path / "a.yaml").write_text(TEXT)
    with pytest.raises(ScenarioError) as refused:
        load_scenario(str(tmp_path / "a.yaml"), changes)
    assert key in str(refused.value)
    assert message in str(refused.value)


@pytest.mark.parametrize(
    "changes",
    [
        [CONTOUR],
        ["rule={type: equilibrium, nudging: contour, points: 2}", "circuit.activation=relu"],
        ["rule={type: oscillating, period: 10.0, drive: cosine}", "circuit.activation=relu"],
        [DIRECTED, "rule={type: equilibrium, correction: dyadic, beta: 3.0}", "circuit.output_activation=identity"],
        [OSCILLATING, "dynamics={solver: newton}"],
    ],
    ids=str,
)
def test_what_it_can_do_is_not(tmp_path, changes):
    """Two opposite points are real nudges; a cosine needs no complex states; dyads take any nudge."""
    (tmp_path / "a.yaml").write_text(TEXT)
    load_scenario(str(tmp_path / "a.yaml"), changes)
