"""What imperfections make of a netlist: elements that are not what the file says, and devices behind conductances."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from neurosim.physics.devices import DeviceArray
from neurosim.physics.imperfection_settings import Devices
from neurosim.physics.imperfections import scattered
from neurosim.physics.parameters import Parameters
from neurosim.physics.resistive.element_settings import Amplifier, Diode
from neurosim.physics.resistive.settings import ResistiveCircuit
from neurosim.seeds import Purpose, generator

Array = npt.NDArray[Any]
Drawn = dict[str, tuple[Array, str, tuple[str, ...]]]

SATURATION, GAIN, CURRENT_GAIN, OFFSET = range(4)  # streams of mismatch, after an index 0


def mismatched(settings: ResistiveCircuit, seed: int) -> tuple[ResistiveCircuit, Drawn]:
    """Return the netlist as it was built, and what was drawn: a factor or an offset per element, by name.

    Parameters
    ----------
    settings : ResistiveCircuit
        The netlist as it was meant.
    seed : int
        Seed of the scenario.
    """
    mismatch = settings.imperfections.mismatch
    if mismatch is None:
        return settings, {}
    elements: dict[str, Any] = dict(settings.elements)
    drawn: Drawn = {}

    def scatter(
        names: list[str], kind: int, sd: float, name: str, what: str, to_value: Callable[[Array], Array]
    ) -> Array:
        chosen = np.array([mismatch.acts_on(element) for element in names], bool)
        xi = np.where(chosen, scattered(sd, len(names), generator(seed, Purpose.MISMATCH, 0, kind)), 0.0)
        values = to_value(xi)
        if sd and names:
            drawn[name] = (values, f"{what} {', '.join(names)}", (name.partition("_")[0],))
        return values

    diodes = shockley_diodes(settings)
    factors = scatter(
        diodes, SATURATION, mismatch.saturation_sd, "diode_saturation", "factor on the saturation current of", np.exp
    )
    for name, factor in zip(diodes, factors.tolist(), strict=True):
        diode = elements[name]
        elements[name] = diode.model_copy(update={"saturation": diode.saturation * factor})
    amplifiers = [name for name, element in settings.elements.items() if isinstance(element, Amplifier)]
    tables = [
        scatter(amplifiers, kind, sd, f"amplifier_{name}", f"{what} of", to_value)
        for kind, sd, name, what, to_value in (
            (GAIN, mismatch.gain_sd, "gain", "factor on the gain", _one_plus),
            (CURRENT_GAIN, mismatch.current_gain_sd, "current_gain", "factor on the current gain", _one_plus),
            (OFFSET, mismatch.offset_sd, "offset", "input offset", np.asarray),
        )
    ]
    for name, gain, current_gain, offset in zip(amplifiers, *(table.tolist() for table in tables), strict=True):
        amplifier = elements[name]
        elements[name] = amplifier.model_copy(
            update={
                "gain": amplifier.gain * gain,
                "current_gain": amplifier.kappa * current_gain,
                "offset": amplifier.offset + offset,
            }
        )
    return settings.with_elements(elements), drawn


def shockley_diodes(settings: ResistiveCircuit) -> list[str]:
    """Return the names of the diodes that have a saturation current."""
    return [n for n, element in settings.elements.items() if isinstance(element, Diode) and element.model == "shockley"]


def _one_plus(xi: Array) -> Array:
    return np.asarray(1.0 + xi)


class ResistorDevices:
    """The devices behind the trained conductances of a netlist: from what learning wants to what acts.

    Parameters
    ----------
    settings : Devices or None
        What is wrong with them.
    parameters : Parameters
        What learning wants; only its names and shapes are used here.
    seed : int
        Seed of the scenario.
    """

    def __init__(self, settings: Devices | None, parameters: Parameters, seed: int) -> None:
        names = [name for name in parameters if name[0] == "g"]
        self.arrays = {
            name: DeviceArray(settings, parameters[name].shape, seed, index)
            for index, name in enumerate(names)
            if settings is not None and settings.acts_on(name)
        }

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self.arrays)

    def act(self, wanted: Parameters, acting: Parameters, write: int, batch: int) -> None:
        """Write what acts into `acting`; `wanted` is kept inside the range. See `DeviceArray` for the numbers."""
        for name, values in wanted.items():
            if name not in self.arrays:
                acting[name][:] = values
                continue
            devices = self.arrays[name]
            devices.clip(values)
            acting[name][:] = np.maximum(devices.read(devices.write(values, write), batch), 0.0)

    def chain(self, gradient: Mapping[str, Array]) -> dict[str, Array]:
        """Return dC/d(wanted) for the dC/d(acting) of all blocks that `gradient` has."""
        arrays = self.arrays
        return {name: values * arrays[name].slope() if name in arrays else values for name, values in gradient.items()}

    def drawn(self) -> Drawn:
        """Return what was drawn once, with what it is and its axis, by name."""
        return {
            f"{kind}_{name}": (values, f"{kind.replace('_', ' ')}, devices of {name}", ("resistor" + name[1:],))
            for name, devices in self.arrays.items()
            for kind, values in devices.drawn().items()
        }
