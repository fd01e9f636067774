"""Keys of ``circuit.imperfections``: what is not ideal about a circuit. Everything is off unless given.

Each imperfection is drawn from a stream of its own, so that adding one never changes the draw of another.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from neurosim.errors import nearest
from neurosim.settings import Settings

Spread = Annotated[float, Field(ge=0.0)]


class Imperfection(Settings):
    """What all imperfections have in common."""

    blocks: tuple[str, ...] | None = Field(
        None, description="Names of the blocks it is for, for instance [W_1] or [layer_2]; default: all that have it."
    )

    def acts_on(self, block: str) -> bool:
        """Say whether a block has this imperfection."""
        return self.blocks is None or block in self.blocks

    def unknown_blocks(self, known: Sequence[str]) -> Iterator[str]:
        """Yield a sentence for every block that the circuit does not have."""
        for name in self.blocks or ():
            if name not in known:
                yield f"the circuit has no block '{name}' for it.{nearest(name, known)} Blocks: {', '.join(known)}."


class Asymmetry(Imperfection):
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


class Mismatch(Imperfection):
    """Static differences between units that should be equal, one draw per circuit.

    A unit answers f(g I + o) to the current I, with g = 1 + ``gain_sd`` xi and o = ``offset_sd`` xi; the compartments
    of a dyad answer to currents that differ by ``compartment_offset_sd`` xi, half of it up and half of it down.
    """

    gain_sd: Spread = Field(0.0, description="Scatter of the gain from the current of a unit to its activation.")
    offset_sd: Spread = Field(0.0, description="Scatter of a current that flows into every unit, always.")
    compartment_offset_sd: Spread = Field(
        0.0, description="Scatter of the difference between the currents of the two compartments of a dyad."
    )


class StateNoise(Imperfection):
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


class ReadNoise(Imperfection):
    """Noise on the numbers that a synapse reads, fresh at every read and in every compartment."""

    sd: float = Field(ge=0.0, description="Standard deviation, in units of the activity.")


class NudgeNoise(Settings):
    """What is wrong with the nudge: dC/ds + ``sd`` xi at every output, fresh in every phase, times 1 + ``gain_error``.

    The synapses divide by the strength that was asked for. Behind a readout, ``sd`` xi comes to every value of the
    prediction instead.
    """

    sd: Spread = Field(0.0, description="Standard deviation of what is added to the cost gradient of every output.")
    gain_error: float = Field(0.0, gt=-1.0, description="Relative error of the nudging strength, static.")


class Devices(Imperfection):
    """What a conductance becomes when it is written into a device, and how it is read.

    g is the wanted value, clipped to ``range`` and put on one of ``levels``; every write misses it by a factor
    1 + ``programming_sd`` xi; at the age t it is g t^-nu with nu ~ N(``drift_nu``, ``drift_nu_sd``); in every batch it
    appears with a factor 1 + ``read_sd`` xi. A stuck device stays at one of the ends of its range, or at zero where no
    range is given. All devices are written after every update.
    """

    programming_sd: Spread = Field(0.0, description="Relative scatter of every write.")
    read_sd: Spread = Field(0.0, description="Relative fluctuation, one draw per device and batch: slow noise.")
    levels: int | None = Field(None, ge=2, description="Number of values that a device can take; needs a range.")
    range: tuple[float, float] | None = Field(None, description="Smallest and largest conductance.")
    drift_nu: float = Field(0.0, ge=0.0, description="Mean exponent of the decay with age.")
    drift_nu_sd: Spread = Field(0.0, description="Scatter of the exponent between devices.")
    age: float = Field(1.0, ge=1.0, description="Time since the write, over the time at which the write was checked.")
    stuck_fraction: float = Field(0.0, ge=0.0, le=1.0, description="Share of devices that cannot be written.")

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        if self.range is not None and self.range[0] >= self.range[1]:
            raise ValueError(f"range needs its smaller end first, found {list(self.range)}")
        if self.levels is not None and self.range is None:
            raise ValueError("levels are spread over a range; give range: [smallest, largest] as well")
        if (self.drift_nu or self.drift_nu_sd) and self.age == 1.0:
            raise ValueError("drift shows with age; give age > 1 as well")
        return self


class Imperfections(Settings):
    """What is not ideal about the circuit; everything is off unless given."""

    asymmetry: Asymmetry | None = Field(None, description="Feedback conductances that are not the transpose of W.")
    mismatch: Mismatch | None = Field(None, description="Static differences between units and compartments.")
    state_noise: StateNoise | None = Field(None, description="Noise on every state while the circuit relaxes.")
    read_noise: ReadNoise | None = Field(None, description="Noise on what a synapse reads.")
    nudge_noise: NudgeNoise | None = Field(None, description="Noise and gain error of the nudge.")
    devices: Devices | None = Field(None, description="What a conductance becomes in a device.")

    def unknown_blocks(self, known: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, str]]:
        """Yield (key, sentence) for blocks that a circuit does not have.

        Parameters
        ----------
        known : mapping of str to sequence of str
            Blocks that every imperfection may name.
        """
        yield from unknown_blocks(self, known)

    @property
    def noisy(self) -> bool:
        """Whether anything differs from one batch or phase to the next."""
        return bool(
            (self.state_noise is not None and self.state_noise.active)
            or (self.read_noise is not None and self.read_noise.sd)
            or (self.nudge_noise is not None and self.nudge_noise.sd)
            or (self.devices is not None and self.devices.read_sd)
        )

    def of_signals(self) -> Imperfections:
        """Return what is wrong with nudges and reading, and not with conductances."""
        return Imperfections(read_noise=self.read_noise, nudge_noise=self.nudge_noise)

    def static(self) -> Imperfections:
        """Return these imperfections without what differs from one batch or phase to the next."""
        changes: dict[str, Any] = {"read_noise": None, "state_noise": None}
        if self.nudge_noise is not None:
            changes["nudge_noise"] = self.nudge_noise.model_copy(update={"sd": 0.0})
        if self.devices is not None:
            changes["devices"] = self.devices.model_copy(update={"read_sd": 0.0})
        return self.model_copy(update=changes)


def unknown_blocks(imperfections: Settings, known: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, str]]:
    """Yield (key, sentence) for blocks that a circuit does not have; `known` are those of every imperfection."""
    for key in type(imperfections).model_fields:
        value: Any = getattr(imperfections, key)
        if isinstance(value, Imperfection):
            for sentence in value.unknown_blocks(known[key]):
                yield f"{key}.blocks", sentence


def noisy(circuit: Any) -> bool:
    """Say whether the states of a circuit section are noisy."""
    imperfections = getattr(circuit, "imperfections", None)
    noise = getattr(imperfections, "state_noise", None)
    return (noise is not None and noise.active) or getattr(imperfections, "thermal_noise", False)
