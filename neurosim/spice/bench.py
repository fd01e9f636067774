"""A circuit on its test bench: what lies on its terminals, and for how long it is looked at."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from neurosim.errors import ScenarioError
from neurosim.physics.resistive.model import ResistiveNetwork
from neurosim.physics.resistive.quantity import parse_quantity
from neurosim.scenario.load import load_circuit

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Transient:
    """A ramp of all inputs from 0 V to their values, and how long to look at what it does.

    Parameters
    ----------
    step : float
        Longest step of ngspice, in s.
    end : float
        Length, in s.
    """

    step: float
    end: float

    @property
    def ramp(self) -> tuple[float, float]:
        """Begin and end of the ramp, in s: a hundredth and a fiftieth of the whole."""
        return self.end / 100, self.end / 50


@dataclass(frozen=True)
class Bench:
    """What lies on the terminals of a circuit.

    Parameters
    ----------
    inputs : ndarray (inputs,)
        In V.
    targets : ndarray (outputs,)
        Where a nudge pulls the outputs, in V.
    beta : float
        Conductance of the nudge in S; 0: none.
    transient : Transient or None
        None: the operating point.
    """

    inputs: Array
    targets: Array
    beta: float = 0.0
    transient: Transient | None = None


def prepare(
    circuit: str, changes: Sequence[str] = (), inputs: str | None = None, targets: str | None = None,
    beta: float = 0.0, seed: int = 0, transient: str | None = None,
) -> tuple[ResistiveNetwork, Bench]:  # fmt: skip
    """Return a circuit and its test bench from what stands on a command line.

    Parameters
    ----------
    circuit : str
        Name of a shipped circuit, or a path.
    changes : sequence of str
        ``KEY=VALUE`` with keys of the circuit file.
    inputs, targets : str, optional
        Voltages with commas between them; default: 1, -1, 1, ... V and 0 V.
    beta : float
        Conductance of a nudge at every output, in S.
    seed : int
        Of conductances that are drawn.
    transient : str, optional
        ``STEP,END`` in s.

    Raises
    ------
    ScenarioError
        If the circuit is not valid or no netlist, or a number does not fit.
    """
    settings: Any = load_circuit(circuit, changes).circuit
    if settings.kind != "resistive":
        raise ScenarioError(f"circuit.kind: found {settings.kind}; only a circuit of kind resistive is a netlist.")
    if not math.isfinite(beta):
        raise ScenarioError(f"--beta: found {beta}, expected a finite number.")
    model = ResistiveNetwork(settings, None, "float64", seed)
    here = [1.0 - 2.0 * (i % 2) for i in range(len(settings.inputs))]
    if inputs is not None:
        here = _numbers("--inputs", inputs, len(settings.inputs))
    there = [0.0] * model.outputs if targets is None else _numbers("--targets", targets, model.outputs)
    times = None
    if transient is not None:
        step, end = _numbers("--transient", transient, 2)
        if not 0 < step <= end / 100 * (1 + 1e-9):
            raise ScenarioError(
                f"--transient: found a step of {step:g} s and an end of {end:g} s; the step is above 0 and at most a "
                "hundredth of the end, which is the length of the ramp."
            )
        times = Transient(step, end)
    return model, Bench(np.array(here), np.array(there), beta, times)


def _numbers(option: str, text: str, count: int) -> list[float]:
    """Return the numbers of an option; they may have suffixes."""
    try:
        values = [float(parse_quantity(part)) for part in text.split(",")] if text else []
    except ValueError as error:
        raise ScenarioError(f"{option}: {error}") from error
    if len(values) != count or not all(map(math.isfinite, values)):
        raise ScenarioError(f"{option}: found {len(values)} values in '{text}', expected {count} finite ones.")
    return values
