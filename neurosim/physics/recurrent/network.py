"""A discrete recurrent network: its parameters, how they are drawn, and how its state goes on from step to step."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from neurosim.physics.parameters import ParameterBlock, Parameters
from neurosim.physics.recurrent.settings import RecurrentCircuit
from neurosim.seeds import Purpose, generator

Array = npt.NDArray[Any]

_DIMENSIONS = {
    "A": ("unit", "input"),
    "R": ("unit", "presynaptic_unit"),
    "B": ("output", "unit"),
    "D": ("unit", "presynaptic_unit"),
}


class RecurrentNetwork:
    """An Elman network, a_t = A u_t + R z_{t-1}, z_t = D tanh(a_t), o_t = B z_t.

    A and B are drawn with standard deviation sqrt(2 / (fan_in + fan_out)), R with gain / sqrt(N (1 - sparsity)).

    Parameters
    ----------
    circuit : RecurrentCircuit
        Its keys.
    inputs, outputs : int
        Signals that drive it, and that are read.
    dtype : {"float32", "float64"}
        Type of its numbers.
    seed : int
        Decides the conductances.
    index : int
        Which of several networks of one seed.

    Attributes
    ----------
    parameters : Parameters
        A, shape (N, inputs); R, shape (N, N); B, shape (outputs, N); and D, shape (N, N), which no rule trains by its
        gradient.
    mask : ndarray of bool, shape (N, N), or None
        Where recurrent connections exist; None where all do.
    writes : int
        Always 0: the conductances are not devices.
    """

    writes: int = 0

    def __init__(
        self, circuit: RecurrentCircuit, inputs: int, outputs: int, dtype: npt.DTypeLike, seed: int, index: int = 0
    ) -> None:
        n = circuit.units
        self.inputs, self.units, self.outputs = inputs, n, outputs
        blocks = (
            ParameterBlock("A", (n, inputs), "conductances from the inputs to the units"),
            ParameterBlock("R", (n, n), "recurrent conductances"),
            ParameterBlock("B", (outputs, n), "conductances of the readout"),
            ParameterBlock("D", (n, n), "decorrelation", trained=False),
        )
        self.parameters = Parameters(blocks, np.zeros(sum(block.size for block in blocks), dtype))
        draw = generator(seed, Purpose.PARAMETERS, index)
        scales = {"A": np.sqrt(2.0 / (inputs + n)), "R": circuit.gain / np.sqrt(n * (1.0 - circuit.sparsity))}
        scales["B"] = np.sqrt(2.0 / (n + outputs))
        for name, scale in scales.items():
            values = self.parameters[name]
            values[:] = scale * draw.standard_normal(values.shape)
        self.mask: npt.NDArray[np.bool_] | None = None
        if circuit.sparsity:
            self.mask = draw.random((n, n)) >= circuit.sparsity
            self.parameters["R"][~self.mask] = 0.0
        self.parameters["D"][:] = np.eye(n)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of its numbers."""
        return self.parameters.flat.dtype

    @property
    def conductances(self) -> Parameters:
        """Conductances as they act: the parameters themselves."""
        return self.parameters

    def parameter_dimensions(self, name: str) -> tuple[str, ...]:
        """Return the names of the axes of a parameter array, for result files."""
        return _DIMENSIONS[name]

    def parameter_range(self, name: str) -> None:
        """Return None: learning may give a block any value."""
        return

    def drawn_imperfections(self) -> dict[str, tuple[Array, str, tuple[str, ...]]]:
        """Return nothing: the circuit is ideal."""
        return {}

    def loop_figures(self) -> dict[str, float]:
        """Return nothing: no directed conductances are held against reciprocal ones."""
        return {}

    def parameters_changed(self) -> None:
        """Do nothing: nothing follows from the parameters."""

    def synchronise(self) -> None:
        """Do nothing: nothing follows from the parameters."""
