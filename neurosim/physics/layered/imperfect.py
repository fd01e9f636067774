"""What imperfections make of the parameters of a compartment network: from wanted conductances to those that act.

    W_k, B_k    as devices hold them (`neurosim.physics.devices`); a reciprocal conductance is one device for both ways
    unit j      f(g_j I_j + o_j), I_j the current of its conductances and its bias: g_j scales column j of what leads
                to it, o_j joins its bias
    dyad j      current I_j +- d_j / 2 in its two compartments
    R, c        as they are wanted: a readout is outside the circuit

With gains gain_+ and gain_- = gain_+ - 1 for what comes back, the last is a current d_j among the feedback of the unit,
and (1/2 - gain_+) d_j in its bias: an offset between compartments is an error signal that is always there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from neurosim.physics.devices import DeviceArray
from neurosim.physics.imperfection_settings import Imperfections
from neurosim.physics.imperfections import scattered
from neurosim.physics.parameters import Parameters
from neurosim.seeds import Purpose, generator

Array = npt.NDArray[Any]

READOUT = {"R", "c"}
GAIN, OFFSET, COMPARTMENT_OFFSET = range(3)  # streams of mismatch, after the index of the layer


class LayerImperfections:
    """The static imperfections of a network, and the devices behind its conductances.

    Parameters
    ----------
    settings : Imperfections
        What is not ideal.
    parameters : Parameters
        What learning wants; only its names and shapes are used here.
    layers : tuple of int
        Units per layer, inputs first.
    reciprocal : bool
        Whether B_k is W_k^T.
    seed : int
        Seed of the scenario.

    Attributes
    ----------
    devices : dict of str to DeviceArray
        By parameter; empty where conductances are what is wanted.
    gains, offsets, compartment_offsets : dict of int to ndarray (n_k,)
        g, o and d of every layer that has them.
    """

    def __init__(
        self, settings: Imperfections, parameters: Parameters, layers: tuple[int, ...], reciprocal: bool, seed: int
    ) -> None:
        self.reciprocal = reciprocal
        self.last = len(layers) - 1
        self.devices: dict[str, DeviceArray] = {}
        if settings.devices is not None:
            names = [name for name in parameters if name[0] == "W" or (name[0] == "B" and not reciprocal)]
            self.devices = {
                name: DeviceArray(settings.devices, parameters[name].shape, seed, index)
                for index, name in enumerate(names)
                if settings.devices.acts_on(name)
            }
        self.gains: dict[int, Array] = {}
        self.offsets: dict[int, Array] = {}
        self.compartment_offsets: dict[int, Array] = {}
        mismatch = settings.mismatch
        for k in range(1, self.last + 1):
            if mismatch is None or not mismatch.acts_on(f"layer_{k}"):
                continue
            for table, kind, sd, mean in (
                (self.gains, GAIN, mismatch.gain_sd, 1.0),
                (self.offsets, OFFSET, mismatch.offset_sd, 0.0),
                (self.compartment_offsets, COMPARTMENT_OFFSET, mismatch.compartment_offset_sd, 0.0),
            ):
                if sd:
                    table[k] = mean + scattered(sd, layers[k], generator(seed, Purpose.MISMATCH, k, kind))

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self.devices or self.gains or self.offsets or self.compartment_offsets)

    @property
    def tied(self) -> bool:
        """Whether B_k acts as the transpose of W_k: gains scale the units that a current flows to."""
        return self.reciprocal and not self.gains

    def act(self, wanted: Parameters, acting: Parameters, write: int, batch: int, gain: float) -> None:
        """Write the conductances and biases that act into `acting`.

        Parameters
        ----------
        wanted, acting : Parameters
            What learning holds, kept inside the range of its devices; and what the circuit computes with.
        write, batch : int
            Numbers of the write and of the batch, for what is drawn anew in each.
        gain : float
            gain_+ of the compartments.
        """
        for name, devices in self.devices.items():
            devices.clip(wanted[name])
        for k in range(self.last):
            W = self._held(wanted, f"W_{k}", write, batch)
            acting[f"W_{k}"][:] = W * self._gain(k + 1)
            b = wanted[f"b_{k + 1}"] * self._gain(k + 1) + self.offsets.get(k + 1, 0.0)
            acting[f"b_{k + 1}"][:] = b + (0.5 - gain) * self.compartment_offsets.get(k + 1, np.zeros(1))
            if k > 0:
                B = W.T if self.reciprocal else self._held(wanted, f"B_{k}", write, batch)
                acting[f"B_{k}"][:] = B * self._gain(k)
        for name in READOUT & set(wanted):
            acting[name][:] = wanted[name]

    def chain(self, gradient: Mapping[str, Array]) -> dict[str, Array]:
        """Return dC/d(wanted) for the dC/d(acting) of all conductances and biases that `gradient` has."""
        result = {}
        for name, values in gradient.items():
            if name in READOUT:
                result[name] = values
                continue
            k = int(name[2:])
            if name[0] == "b":
                result[name] = values * self._gain(k)
            elif name[0] == "W":
                result[name] = values * self._gain(k + 1)
                if self.reciprocal and f"B_{k}" in gradient:
                    result[name] = result[name] + (gradient[f"B_{k}"] * self._gain(k)).T
                result[name] = result[name] * self._slope(name)
            elif not self.reciprocal:
                result[name] = values * self._gain(k) * self._slope(name)
        return result

    def drawn(self) -> dict[str, tuple[Array, str]]:
        """Return what was drawn once, and what it is, by name."""
        result = {}
        for name, table, what in (
            ("gain", self.gains, "gain of the units of"),
            ("offset", self.offsets, "current offset of the units of"),
            ("compartment_offset", self.compartment_offsets, "current offset between the compartments of"),
        ):
            for k, values in table.items():
                result[f"{name}_{k}"] = (values, f"{what} layer {k}")
        for parameter, devices in self.devices.items():
            for name, values in devices.drawn().items():
                result[f"{name}_{parameter}"] = (values, f"{name.replace('_', ' ')}, devices of {parameter}")
        return result

    def _held(self, wanted: Parameters, name: str, write: int, batch: int) -> Array:
        if name not in self.devices:
            return wanted[name]
        devices = self.devices[name]
        return devices.read(devices.write(wanted[name], write), batch)

    def _gain(self, k: int) -> Array | float:
        return self.gains.get(k, 1.0)

    def _slope(self, name: str) -> Array | float:
        return self.devices[name].slope() if name in self.devices else 1.0
