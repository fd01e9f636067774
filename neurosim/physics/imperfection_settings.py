"""Keys of ``circuit.imperfections``: what is not ideal about a circuit, whatever its kind."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import Field, model_validator

from neurosim.settings import Settings


class Asymmetry(Settings):
    """How far the feedback conductances start from the transpose of the forward ones.

    Either ``angle_deg`` A: B = cos(A) W^T + sin(A) G with G random and as large as W; or ``relative_sd`` S:
    B = W^T (1 + S xi), one draw xi ~ N(0, 1) per device.
    """

    angle_deg: float | None = Field(None, ge=0.0, le=180.0, description="Mixing angle in degrees; 0 is reciprocal.")
    relative_sd: float | None = Field(None, ge=0.0, description="Relative scatter of each feedback device.")

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if (self.angle_deg is None) == (self.relative_sd is None):
            raise ValueError("give exactly one of angle_deg and relative_sd")
        return self


class StateNoise(Settings):
    """Noise on every state while the circuit relaxes: thermal noise of the capacitors, noise of the neurons.

    ``sd`` is what one would measure on a unit that only leaks, sqrt(kT/C) on a capacitor: ds = f dt + g dW with
    g^2 = (2/tau) (sd^2 + (relative_sd s)^2). With a correlation time T the current behind it is an Ornstein-Uhlenbeck
    process of the variance that leaves ``sd`` as it is. Needs a stochastic solver.
    """

    sd: float = Field(0.0, ge=0.0, description="Standard deviation of a unit that only leaks, in units of the state.")
    relative_sd: float = Field(0.0, ge=0.0, description="Further noise in proportion to the state itself.")
    correlation_time: float = Field(0.0, ge=0.0, description="Of the noise current, in seconds; 0 is white noise.")
    phases: Literal["independent", "same"] = Field(
        "independent", description="Whether every phase of a rule sees noise of its own, or all see the same draw."
    )

    @property
    def active(self) -> bool:
        """Whether there is any noise."""
        return self.sd > 0 or self.relative_sd > 0


class Imperfections(Settings):
    """What is not ideal about the circuit; everything is off unless given."""

    asymmetry: Asymmetry | None = Field(None, description="Feedback conductances that are not the transpose of W.")
    state_noise: StateNoise | None = Field(None, description="Noise on every state while the circuit relaxes.")


def noisy(circuit: Any) -> bool:
    """Say whether the states of a circuit section are noisy."""
    noise = getattr(getattr(circuit, "imperfections", None), "state_noise", None)
    return noise is not None and noise.active
