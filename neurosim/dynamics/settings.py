"""Keys of the `dynamics` section, one class per family of solvers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Literal, Self

from pydantic import Field, model_validator

from neurosim.settings import Sections, Settings


class Dynamics(Settings):
    """Keys that every solver has."""

    start: Literal["free", "rest"] = Field(
        "free", description="Nudged phases start from the settled free state, or from a state of zeros."
    )
    tolerance: float | None = Field(
        1e-6, gt=0.0, description="A sample has settled when the RMS of tau ds/dt falls below; null: never stop early."
    )
    batch_stop: Literal["all"] = Field("all", description="A batch stops when all of its samples have settled.")
    unsettled_limit: float = Field(
        0.0,
        ge=0.0,
        le=1.0,
        description="Fraction of samples that may end unsettled before the run fails; diverged ones always count.",
    )

    integrates_noise: ClassVar[bool] = False


class SweepsSettings(Dynamics):
    """Closed-form layer sweeps: every layer in turn jumps to the equilibrium that its newest neighbours imply."""

    solver: Literal["sweeps"]
    order: Literal["forward", "backward", "both"] = Field(
        "backward", description="First layer to last, last to first, or down first and then up and down."
    )
    max_steps: int = Field(100, ge=1, description="Sweeps at the most.")


class NewtonSettings(Dynamics):
    """Newton's method on the equilibrium condition, with step halving."""

    solver: Literal["newton"]
    max_steps: int = Field(50, ge=1, description="Newton steps at the most.")

    @model_validator(mode="after")
    def _needs_a_tolerance(self) -> Self:
        if self.tolerance is None:
            raise ValueError("newton needs a tolerance: an equilibrium solver has no end time to stop at")
        return self


class FixedStepSettings(Dynamics):
    """Explicit schemes with a fixed step; a save time is moved to the nearest step."""

    solver: Literal["euler", "exponential_euler", "heun", "rk4"]
    dt: float = Field(gt=0.0, description="Step, in seconds.")
    t_end: float = Field(gt=0.0, description="End of each phase, in seconds.")
    max_steps: int = Field(1_000_000, ge=1, description="Steps at the most, in each phase.")

    def check(self, scenario: Sections) -> Iterator[tuple[str, str]]:
        """Yield a step that is longer than the phase."""
        if self.dt > self.t_end:
            yield "dynamics.dt", f"found a step of {self.dt:g} s, longer than the phase; t_end is {self.t_end:g} s."


class StochasticSettings(Dynamics):
    """Explicit schemes with a fixed step for circuits with state_noise; without it they are Euler's and Heun's.

    A noisy circuit does not settle: every phase lasts until its end. Synapses read the state at that moment, or, with
    ``average``, its mean over the last so many seconds.
    """

    solver: Literal["euler_maruyama", "stochastic_heun"]
    tolerance: float | None = Field(None, description="Always null: a noisy circuit does not settle.")
    dt: float = Field(gt=0.0, description="Step, in seconds.")
    t_end: float = Field(gt=0.0, description="End of each phase, in seconds.")
    average: float | None = Field(
        None, gt=0.0, description="Last part of each phase over whose states synapses average, in seconds."
    )
    max_steps: int = Field(1_000_000, ge=1, le=2**32 - 1, description="Steps at the most, in each phase.")

    integrates_noise: ClassVar[bool] = True

    @model_validator(mode="after")
    def _does_not_settle(self) -> Self:
        if self.tolerance is not None:
            raise ValueError(
                f"found tolerance {self.tolerance:g}, but a noisy circuit does not settle: every phase lasts until "
                "t_end. Leave tolerance out"
            )
        return self

    def check(self, scenario: Sections) -> Iterator[tuple[str, str]]:
        """Yield times that do not fit into each other, and who does not read what is averaged here."""
        if self.dt > self.t_end:
            yield "dynamics.dt", f"found a step of {self.dt:g} s, longer than the phase; t_end is {self.t_end:g} s."
        if self.average is None:
            return
        if not self.dt <= self.average <= self.t_end:
            yield (
                "dynamics.average",
                f"found {self.average:g} s, expected something between one step (dt {self.dt:g} s) and the whole "
                f"phase (t_end {self.t_end:g} s).",
            )
        if getattr(scenario.analysis, "plasticity", "per_batch") == "continuous":
            yield (
                "dynamics.average",
                "with plasticity continuous the conductances follow every moment, and average over many by themselves. "
                "Leave it out.",
            )
        elif getattr(scenario.rule, "duration", None) is not None:
            yield (
                "dynamics.average",
                f"synapses of rule {scenario.rule.type} integrate over whole periods already. Leave it out.",
            )


class AdaptiveSettings(Dynamics):
    """Explicit schemes with an error estimate; the step follows it, save times are met by dense output."""

    solver: Literal["tsit5"]
    t_end: float = Field(gt=0.0, description="End of each phase, in seconds.")
    rtol: float = Field(1e-6, gt=0.0, description="Relative error per step.")
    atol: float = Field(1e-9, gt=0.0, description="Absolute error per step, in units of the state.")
    max_steps: int = Field(1_000_000, ge=1, description="Accepted and rejected steps at the most, in each phase.")


class StiffSettings(Dynamics):
    """Implicit integration through SciPy: for stiff circuits, and as the reference for the other schemes."""

    solver: Literal["radau"]
    t_end: float = Field(gt=0.0, description="End of each phase, in seconds.")
    rtol: float = Field(1e-6, gt=0.0, description="Relative error per step.")
    atol: float = Field(1e-9, gt=0.0, description="Absolute error per step, in units of the state.")
    max_steps: int = Field(100_000, ge=1, description="Evaluations of the drift at the most, per sample and phase.")
