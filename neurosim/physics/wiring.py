"""The elements of a circuit between its nodes, with what flows through them: what a picture of a netlist needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy.typing as npt


@dataclass(frozen=True)
class Wiring:
    """Elements in the order of the file, and their currents in one state.

    Parameters
    ----------
    names, kinds : tuple of str
        Name and type of every element, such as ``R1`` and ``resistor``.
    first, second : tuple of str
        Their nodes; 0 is ground. A current counts from the first to the second.
    inputs, outputs : tuple of str
        Nodes that are held at the inputs, and those that are read.
    currents : ndarray (rows, elements)
        In A; NaN where no law of the element says it: sources of voltage, amplifiers, capacitors.
    slopes : ndarray (rows, elements)
        Conductance di/dw of every element in this state, in S; NaN in the same places.
    """

    names: tuple[str, ...]
    kinds: tuple[str, ...]
    first: tuple[str, ...]
    second: tuple[str, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    currents: npt.NDArray[Any]
    slopes: npt.NDArray[Any]
