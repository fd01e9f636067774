"""Arrays of devices: between the conductances that learning wants and those that the circuit has."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from neurosim.physics.imperfection_settings import Devices
from neurosim.physics.imperfections import decay_with_age, fluctuating, stuck_values, within_range, written
from neurosim.seeds import Purpose, generator

Array = npt.NDArray[Any]

STUCK, DRIFT = 0, 1  # streams of what is drawn once, after the index of the array


class DeviceArray:
    """The devices of one array of conductances.

    Parameters
    ----------
    settings : Devices
        What is wrong with them.
    shape : tuple of int
        Shape of the array.
    seed : int
        Seed of the scenario.
    index : int
        Which array of the circuit; every one has streams of its own.

    Attributes
    ----------
    stuck_at : ndarray or None
        Value at which each device is stuck, NaN where it is not; None where none is.
    decay : ndarray or None
        Factor of each device at its age; None where they do not drift.
    """

    def __init__(self, settings: Devices, shape: tuple[int, ...], seed: int, index: int) -> None:
        self.settings = settings
        self.seed, self.index = seed, index
        self.stuck_at: Array | None = None
        self.decay: Array | None = None
        if settings.stuck_fraction:
            self.stuck_at = stuck_values(shape, settings, generator(seed, Purpose.DEVICES, index, STUCK))
        if settings.drift_nu or settings.drift_nu_sd:
            self.decay = decay_with_age(shape, settings, generator(seed, Purpose.DEVICES, index, DRIFT))

    def clip(self, wanted: Array) -> None:
        """Keep what learning wants inside the range, in place: a write beyond it would only be remembered in vain."""
        if self.settings.range is not None:
            np.clip(wanted, *self.settings.range, out=wanted)

    def write(self, wanted: Array, write: int) -> Array:
        """Return the conductances after the write number `write`, at the age at which they are used.

        The same for the same number of the write, whatever has happened before.
        """
        values = within_range(np.asarray(wanted, np.float64), self.settings)
        if self.settings.programming_sd:
            values = written(values, self.settings, generator(self.seed, Purpose.PROGRAMMING, self.index, write))
        if self.decay is not None:
            values = values * self.decay
        if self.stuck_at is not None:
            values = np.where(np.isnan(self.stuck_at), values, self.stuck_at)
        return values

    def read(self, values: Array, batch: int) -> Array:
        """Return how the devices appear in the batch number `batch`."""
        if not self.settings.read_sd:
            return values
        return fluctuating(values, self.settings, generator(self.seed, Purpose.DEVICE_READS, self.index, batch))

    def slope(self) -> Array | float:
        """Return d(conductance)/d(wanted) of every device; levels are passed straight through."""
        slope: Array | float = 1.0 if self.decay is None else self.decay
        return slope if self.stuck_at is None else np.where(np.isnan(self.stuck_at), slope, 0.0)

    def drawn(self) -> dict[str, Array]:
        """Return what was drawn once, by name."""
        values = {"stuck_at": self.stuck_at, "decay": self.decay}
        return {name: value for name, value in values.items() if value is not None}
