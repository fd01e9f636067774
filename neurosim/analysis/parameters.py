"""The conductances of a circuit in a result file: as they are now, and as they were at the start."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from neurosim.physics.model import PhysicalModel
from neurosim.results.sink import ResultSink


def write_parameters(writer: ResultSink, model: PhysicalModel, initial: Mapping[str, npt.NDArray[Any]]) -> None:
    """Write /circuit/parameters and /circuit/initial, and where it is not ideal, what was drawn and what acts.

    The attribute valid_range of a block holds the values between which learning keeps it, where there are any.

    Parameters
    ----------
    writer : ResultSink
        Where to.
    model : PhysicalModel
        The circuit as it is now.
    initial : mapping of str to ndarray
        Its parameters before learning.
    """
    model.synchronise()
    made: set[str] = set()

    def declare(names: tuple[str, ...], shape: tuple[int, ...]) -> None:
        for name, size in zip(names, shape, strict=True):
            if name not in made:
                writer.dimension("circuit", name, np.arange(size), _in_words(name))
                made.add(name)

    for group, values in (("circuit/parameters", model.parameters), ("circuit/initial", initial)):
        for block in model.parameters.blocks:
            names = model.parameter_dimensions(block.name)
            declare(names, block.shape)
            span = model.parameter_range(block.name)
            bounds = None if span is None else {"valid_range": np.array(span)}
            writer.variable(group, block.name, names, values[block.name], block.long_name, block.unit, bounds)
    for name, (array, what, names) in model.drawn_imperfections().items():
        declare(names, array.shape)
        writer.variable("circuit/imperfections", name, names, array, what, model.imperfection_unit(name))
    if model.conductances is not model.parameters:
        for block in model.conductances.blocks:
            names, what = model.parameter_dimensions(block.name), f"{block.long_name}, as they act"
            writer.variable("circuit/acting", block.name, names, model.conductances[block.name], what, block.unit)


def _in_words(dimension: str) -> str:
    """Return what a dimension counts: "unit of layer 1" for ``unit_1``."""
    return dimension.replace("_", " of layer " if dimension.startswith("unit_") else " ")


def snapshot(model: PhysicalModel) -> dict[str, npt.NDArray[Any]]:
    """Return copies of all parameters by name."""
    model.synchronise()
    return {name: values.copy() for name, values in model.parameters.items()}
