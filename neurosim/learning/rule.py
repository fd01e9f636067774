"""What a learning rule is: it lets a circuit relax and says what each synapse then reads.

Every synapse of W_k multiplies two numbers next to it, the activity of its source and the error signal of its target:

    dC/dW_k = mean over samples of  pre_k x post_{k+1},        dC/db_k = mean over samples of  post_k

A rule fills `pre` and `post`; the products are the same for all rules.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from neurosim.settings import Settings

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from neurosim.dynamics.solver import Solver
    from neurosim.learning.protocol import Phase
    from neurosim.physics.layered.compartments import Compartments
    from neurosim.physics.model import System

Start = Literal["free", "rest"]


@dataclass(frozen=True)
class Signals:
    """What the synapses of a batch read.

    Parameters
    ----------
    pre : list of ndarray (rows, n_k), k = 0..L-1
        Activities of the sources; the first are the inputs.
    post : list of ndarray (rows, n_k), k = 1..L
        Error signals of the targets, estimates of dC/da, times `scale`.
    prediction : ndarray (rows, n_L)
        Prediction that belongs to the relaxation.
    codes : ndarray of int8 (rows,)
        Status of each row.
    scale : float
        Factor on `post`; 1/samples makes the products mean gradients.
    """

    pre: list[npt.NDArray[Any]]
    post: list[npt.NDArray[Any]]
    prediction: npt.NDArray[Any]
    codes: npt.NDArray[np.int8]
    scale: float

    def rows(self, part: slice) -> Signals:
        """Return the same signals of some rows, as views."""
        return Signals(
            [array[part] for array in self.pre],
            [array[part] for array in self.post],
            self.prediction[part],
            self.codes[part],
            self.scale,
        )


class Rule(Settings):
    """A learning rule. Its fields are its keys in the scenario."""

    @abstractmethod
    def compartments(self) -> Compartments:
        """Return how the compartments of a neuron have to speak to other layers."""

    @abstractmethod
    def phases(self, start: Start) -> tuple[Phase, ...]:
        """Return the relaxations that the rule asks for, if nudged phases start from `start`."""

    @abstractmethod
    def read(self, system: System, solver: Solver, start: Start, signals: Signals) -> int:
        """Let the circuit relax and fill `signals` with what its synapses read; return the steps it took."""
