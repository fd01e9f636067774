"""Keys of the `analysis` section."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from neurosim.learning.settings import OptimizerSettings
from neurosim.settings import Sections, Settings

Time = Annotated[float, Field(ge=0.0)]

# Why a solver cannot integrate conductances beside the state.
UNABLE_TO_LEARN = {
    "sweeps": "has no time",
    "newton": "has no time",
    "radau": "takes every sample by itself",
}


class Save(Settings):
    """When a trajectory is saved: every so many seconds, or at a list of times, within each phase."""

    every: float | None = Field(None, gt=0.0, description="Interval in seconds, from the start of each phase.")
    at: tuple[Time, ...] | None = Field(None, min_length=1, description="Times in seconds since the phase began.")

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.every is None) == (self.at is None):
            raise ValueError("give exactly one of every and at")
        if self.at is not None and list(self.at) != sorted(set(self.at)):
            raise ValueError("the times in at must increase")
        return self


class RelaxAnalysis(Settings):
    """Relax a few samples through every phase of the rule and keep the trajectories."""

    type: Literal["relax"]
    samples: int = Field(8, ge=1, description="How many test samples, from the first on.")
    save: Save | None = Field(None, description="When to save; default: 100 equal intervals per phase.")

    def check(self, scenario: Sections) -> Iterator[tuple[str, str]]:
        """Yield what the solver cannot save, or cannot run for a given time."""
        duration = getattr(scenario.rule, "duration", None)
        if duration is not None and getattr(scenario.dynamics, "t_end", None) is None:
            yield (
                "dynamics.solver",
                f"{scenario.dynamics.solver} has no time, but rule {scenario.rule.type} oscillates in time. "
                "Use an explicit ODE solver.",
            )
            return
        if self.save is None:
            return
        t_end = getattr(scenario.dynamics, "t_end", None)
        name = "dynamics.t_end"
        if duration is not None:
            name, t_end = "rule.periods * rule.period", duration
        if t_end is None:
            yield (
                "analysis.save",
                f"solver {scenario.dynamics.solver} has no time; it saves every iteration. Leave it out.",
            )
        elif self.save.at is not None and self.save.at[-1] > t_end:
            yield (
                "analysis.save.at",
                f"found {self.save.at[-1]:g} s, but every phase ends at {name} = {t_end:g} s.",
            )


class BiasAnalysis(Settings):
    """How far the update of the rule is from the exact gradient, and which imperfection is to blame."""

    type: Literal["bias"]
    samples: int = Field(16, ge=1, description="How many test samples, from the first on; gradients are their means.")
    noise_repeats: int = Field(
        32, ge=2, description="How often a noisy circuit is measured, with noise of its own every time."
    )


Nudging = Literal["one_sided", "symmetric"] | int


class NudgesAnalysis(Settings):
    """How the error of the rule at its equilibria grows with the size of the nudge, and what is left without one."""

    type: Literal["nudges"]
    samples: int = Field(16, ge=1, description="How many test samples, from the first on; gradients are their means.")
    betas: tuple[Annotated[float, Field(gt=0.0)], ...] = Field(
        min_length=2, description="Nudging strengths, increasing; each takes the place of rule.beta."
    )
    nudgings: tuple[Nudging, ...] | None = Field(
        None,
        min_length=1,
        description="With rule equilibrium: protocols beside each other, one_sided, symmetric, or the points of a "
        "contour; default: that of the rule.",
    )

    @model_validator(mode="after")
    def _increasing(self) -> Self:
        if list(self.betas) != sorted(set(self.betas)):
            raise ValueError("betas must increase")
        for nudging in self.nudgings or ():
            if isinstance(nudging, int) and nudging < 2:
                raise ValueError(f"a contour in nudgings needs at least 2 points, found {nudging}")
        return self

    def check(self, scenario: Sections) -> Iterator[tuple[str, str]]:
        """Yield what the rule cannot vary."""
        rule = scenario.rule
        if rule is None:
            return
        if not hasattr(rule, "beta"):
            yield "rule.type", f"{rule.type} has no nudge whose size could be varied. Use a rule with beta."
            return
        if self.nudgings is not None and getattr(rule, "correction", "none") == "dyadic":
            yield "analysis.nudgings", "dyads relax once, whatever the protocol. Leave it out."
            return
        for key, variant in self.rules(rule):
            for where, message in variant.check(scenario):
                if (where, message) not in list(rule.check(scenario)):
                    yield f"analysis.{key}", message
        if self.nudgings is not None and rule.type != "equilibrium":
            yield "analysis.nudgings", f"protocols are for rule equilibrium; {rule.type} has one. Leave it out."

    def rules(self, rule: Any) -> Iterator[tuple[str, Any]]:
        """Yield the key behind a variant, and the rule as it says, for every protocol and then every strength."""
        for nudging in self.nudgings or (None,):
            for beta in self.betas:
                changes: dict[str, Any] = {"beta": beta}
                if nudging is not None and rule.type == "equilibrium":
                    contour = isinstance(nudging, int)
                    changes |= {"nudging": "contour" if contour else nudging, "points": nudging if contour else None}
                yield "betas" if nudging is None else "nudgings", rule.model_copy(update=changes)


class TrainingKeys(Settings):
    """Keys of every analysis that trains."""

    epochs: int = Field(ge=1, description="Passes over the training samples.")
    optimizer: OptimizerSettings = Field(description="How conductances follow the update of the rule.")
    plasticity: Literal["per_batch", "fused", "continuous"] = Field(
        "per_batch",
        description="Conductances change after every batch; fused: the same, many small batches in one call, for "
        "circuits that offer it; continuous: all the time, d theta/dt = -rate product beside ds/dt, with "
        "optimizer.rate per second.",
    )
    hold: float | None = Field(
        None,
        gt=0.0,
        description="With continuous plasticity: how long every batch is shown, in seconds; default: dynamics.t_end.",
    )
    checkpoint_every: int = Field(1, ge=1, description="Epochs between checkpoints.")
    train_limit: int | None = Field(None, ge=1, description="Use only the first so many training samples.")
    test_limit: int | None = Field(None, ge=1, description="Use only the first so many test samples.")

    def showing(self, dynamics: Any) -> float | None:
        """Return for how many seconds every batch is shown; None where it stays until it has settled."""
        if self.plasticity != "continuous":
            return None
        return float(self.hold or dynamics.t_end)

    def check_plasticity(self, scenario: Sections, rule: Any) -> Iterator[tuple[str, str]]:
        """Yield what continuous plasticity cannot do with, for a rule, and what only it knows."""
        if scenario.dynamics is None:
            for key, default in (("plasticity", "per_batch"), ("hold", None), ("log_gradient_alignment", False)):
                if getattr(self, key, default) != default:
                    yield (
                        f"analysis.{key}",
                        "is for circuits that relax, and a recurrent circuit does not. Leave it out.",
                    )
            return
        if self.plasticity != "continuous":
            if self.hold is not None:
                yield (
                    "analysis.hold",
                    f"with plasticity {self.plasticity} a batch stays until it has settled, or until dynamics.t_end. "
                    "Leave it out, or use plasticity: continuous.",
                )
            if self.plasticity == "fused":
                yield from self._check_fused(scenario, rule)
            return
        if self.optimizer.type != "sgd":
            yield (
                "analysis.optimizer",
                f"found {self.optimizer.type}, but with plasticity continuous a conductance is a state of the circuit "
                "and nothing else is remembered of it. Use sgd, with a rate per second.",
            )
        if self.optimizer.rates:
            yield (
                "analysis.optimizer.rates",
                "with plasticity continuous all conductances have the same rate per second. Leave it out.",
            )
        yield from self._check_dynamics(scenario)
        yield from self._check_rule(rule)
        yield from self._check_imperfections(scenario.circuit)

    def _check_fused(self, scenario: Sections, rule: Any) -> Iterator[tuple[str, str]]:
        otherwise = "or plasticity: per_batch"
        if scenario.circuit.kind != "deep_resistive":
            yield (
                "analysis.plasticity",
                f"fused is offered by circuit.kind deep_resistive, and this is {scenario.circuit.kind}. Use per_batch.",
            )
            return
        if self.optimizer.type != "sgd" or self.optimizer.weight_decay:
            yield "analysis.optimizer", f"fused is plain gradient descent. Use sgd without weight_decay, {otherwise}."
        if rule is not None and (rule.type, getattr(rule, "nudging", None)) != ("equilibrium", "symmetric"):
            yield (
                "rule.type",
                f"fused compares two opposite nudges. Use equilibrium with symmetric nudging, {otherwise}.",
            )
        dynamics = scenario.dynamics
        if dynamics.solver != "sweeps":
            yield (
                "dynamics.solver",
                f"fused takes a fixed number of sweeps, found {dynamics.solver}. Use sweeps, {otherwise}.",
            )
            return
        for key, needed in (("tolerance", None), ("order", "forward"), ("start", "free")):
            if getattr(dynamics, key) != needed:
                yield (
                    f"dynamics.{key}",
                    f"found {getattr(dynamics, key)}, but fused takes a fixed number of sweeps, from the first layer "
                    f"to the last and on from the free state. Use {key}: {needed or 'null'}, {otherwise}.",
                )

    def _check_imperfections(self, circuit: Any) -> Iterator[tuple[str, str]]:
        for key in ("devices", "mismatch", "read_noise", "nudge_noise"):
            if getattr(getattr(circuit, "imperfections", None), key, None) is not None:
                yield (
                    f"circuit.imperfections.{key}",
                    "with plasticity continuous a conductance is a state of the circuit, which nothing writes or reads "
                    "at a moment of its own. Use plasticity: per_batch, or leave it out.",
                )

    def _check_dynamics(self, scenario: Sections) -> Iterator[tuple[str, str]]:
        dynamics = scenario.dynamics
        if dynamics.solver in UNABLE_TO_LEARN:
            yield (
                "dynamics.solver",
                f"{dynamics.solver} {UNABLE_TO_LEARN[dynamics.solver]}, and with plasticity continuous all samples of "
                "a batch change the same conductances while time goes on. Use an explicit ODE solver.",
            )
            return
        if dynamics.tolerance is not None:
            yield (
                "dynamics.tolerance",
                f"found {dynamics.tolerance:g}, but with plasticity continuous the circuit never rests, and nothing "
                "waits until it does. Use tolerance: null.",
            )
        step = getattr(dynamics, "dt", None)
        if self.hold is not None and step is not None and step > self.hold:
            yield "analysis.hold", f"found {self.hold:g} s, shorter than one step; dynamics.dt is {step:g} s."

    def _check_rule(self, rule: Any) -> Iterator[tuple[str, str]]:
        if rule is None or getattr(rule, "beta", None) == "auto":
            return
        if rule.always_on is None:
            yield (
                "analysis.plasticity",
                f"continuous needs a rule whose error signal is there at every moment; that of {rule.type} is not. "
                "Use rule dual_propagation, or plasticity: per_batch.",
            )
            return
        if getattr(rule, "cost_gradient", "live") == "frozen":
            yield (
                "rule.cost_gradient",
                "frozen holds the gradient at the prediction of a free phase, but plasticity continuous has no phases. "
                "Use live.",
            )
        if rule.compartments().damped:
            yield (
                "rule.variant",
                f"found {rule.variant}, but damping follows the norm of the conductances, and with plasticity "
                "continuous these change all the time. Use original or transposed.",
            )


class TrainAnalysis(TrainingKeys):
    """Train the circuit with its rule and test it after every epoch."""

    type: Literal["train"]
    log_gradient_alignment: bool = Field(
        False,
        description="After every epoch, the cosine between update and exact gradient, per parameter block; with "
        "continuous plasticity, of the update that the circuit would make if its conductances were held.",
    )

    def check(self, scenario: Sections) -> Iterator[tuple[str, str]]:
        """Yield what continuous plasticity cannot do with."""
        yield from self.check_plasticity(scenario, scenario.rule)
