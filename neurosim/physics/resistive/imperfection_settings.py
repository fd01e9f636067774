"""Keys of ``circuit.imperfections`` of a netlist: what is not ideal about it. Everything is off unless given.

Each imperfection is drawn from a stream of its own, so that adding one never changes the draw of another.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import Field

from neurosim.physics.imperfection_settings import (
    Devices,
    Imperfection,
    NudgeNoise,
    ReadNoise,
    Spread,
    unknown_blocks,
)
from neurosim.settings import Settings


class NetlistMismatch(Imperfection):
    """Static differences between elements that should be equal, one draw per circuit; ``blocks`` are their names.

    The saturation current of a Shockley diode is Is exp(``saturation_sd`` xi). An amplifier has the gain
    A (1 + ``gain_sd`` xi), the current gain kappa (1 + ``current_gain_sd`` xi), and ``offset_sd`` xi joins the voltage
    at its input.
    """

    saturation_sd: Spread = Field(0.0, description="Scatter of the logarithm of the saturation current of a diode.")
    gain_sd: Spread = Field(0.0, description="Relative scatter of the voltage gain of an amplifier.")
    current_gain_sd: Spread = Field(0.0, description="Relative scatter of the current gain of an amplifier.")
    offset_sd: Spread = Field(0.0, description="Scatter of the input offset of an amplifier, in volt.")


class NetlistImperfections(Settings):
    """What is not ideal about a netlist; everything is off unless given.

    ``devices`` are the trained resistors; their conductances are in S, and a write that misses below zero leaves a
    device open. ``read_noise`` comes to the voltage of every node but ground at which resistors read, in V, and so does
    ``nudge_noise`` to the voltage error of an output.
    """

    mismatch: NetlistMismatch | None = Field(None, description="Static differences between diodes and amplifiers.")
    read_noise: ReadNoise | None = Field(None, description="Noise on the voltages that resistors read, in volt.")
    nudge_noise: NudgeNoise | None = Field(None, description="Noise and gain error of the nudge or clamp.")
    thermal_noise: bool = Field(
        False, description="Johnson-Nyquist noise of all resistors at the temperature; needs a stochastic solver."
    )
    devices: Devices | None = Field(None, description="What a conductance becomes in a device.")

    def unknown_blocks(self, known: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, str]]:
        """Yield (key, sentence) for blocks that a circuit does not have; `known` are those of every imperfection."""
        yield from unknown_blocks(self, known)

    @property
    def noisy_signals(self) -> bool:
        """Whether what resistors read or how outputs are nudged is noisy."""
        return bool((self.read_noise is not None and self.read_noise.sd) or (self.nudge_noise and self.nudge_noise.sd))

    @property
    def noisy(self) -> bool:
        """Whether anything differs from one batch or phase to the next."""
        return self.noisy_signals or self.fluctuating_devices or self.thermal_noise

    @property
    def fluctuating_devices(self) -> bool:
        """Whether devices appear anew in every batch."""
        return self.devices is not None and self.devices.read_sd > 0

    def static(self) -> NetlistImperfections:
        """Return these imperfections without what differs from one batch or phase to the next."""
        changes: dict[str, Any] = {"read_noise": None, "thermal_noise": False}
        if self.nudge_noise is not None:
            changes["nudge_noise"] = self.nudge_noise.model_copy(update={"sd": 0.0})
        if self.devices is not None:
            changes["devices"] = self.devices.model_copy(update={"read_sd": 0.0})
        return self.model_copy(update=changes)

    def of_elements(self) -> NetlistImperfections:
        """Return what is wrong with elements that learning does not change."""
        return NetlistImperfections(mismatch=self.mismatch)
