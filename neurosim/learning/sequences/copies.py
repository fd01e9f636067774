"""Node and activity perturbation: noisy copies of the units beside quiet ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from neurosim.learning.sequences.estimator import Estimator
from neurosim.noise.fill import line_width, lines
from neurosim.physics.recurrent.copies_kernel import CAUSAL, STEP, TOTAL, Choice, Products, Sums, run_copies
from neurosim.physics.recurrent.network import RecurrentNetwork
from neurosim.physics.recurrent.step import Copies, Noise, Weights
from neurosim.seeds import Purpose, noise_key

Array = npt.NDArray[Any]

CREDIT = {"step": STEP, "causal": CAUSAL, "total": TOTAL}


@dataclass(frozen=True)
class Perturbation:
    """How copies are perturbed and compared.

    Parameters
    ----------
    activity : bool
        Whether synapses read differences of currents, or the noise itself.
    credit : {"step", "causal", "total"}
        Which differences of the loss belong to the noise of a step.
    sigma : float
        Standard deviation of the noise.
    samples : int
        Noisy copies; 0 for a network that only answers.
    quiet : bool
        Whether there is one clean copy beside them, or every one has another noisy one to be compared with.
    whole_norm : bool
        Whether the squares of units and outputs go into one norm.
    decorrelation : tuple of float, optional
        Rate and gain control.
    """

    activity: bool = False
    credit: str = "step"
    sigma: float = 1e-3
    samples: int = 0
    quiet: bool = True
    whole_norm: bool = True
    decorrelation: tuple[float, float] | None = None


class PerturbedCopies(Estimator):
    """Estimates the gradient from the differences between copies, or, without samples, only runs the network.

    Parameters
    ----------
    network : RecurrentNetwork
        The circuit; its D is adapted if the perturbation says so.
    rows : int
        Sequences in a batch.
    seed : int
        Seed of the noise.
    chosen : Perturbation
        How.
    """

    def __init__(self, network: RecurrentNetwork, rows: int, seed: int, chosen: Perturbation) -> None:
        super().__init__(network, rows)
        self.chosen = chosen
        pairs = chosen.samples
        references = 1 if chosen.quiet else pairs
        planes, real = references + pairs, network.dtype
        n, outputs = network.units, network.outputs

        def room(*shape: int) -> Array:
            return np.zeros(shape, real)

        width = line_width(n + outputs, real)
        z, currents, h = (room(planes * rows, n) for _ in range(3))
        self.copies = Copies(z, currents, h, room(planes * rows, outputs), room(rows, n), room(planes, rows * width))
        loss, squares, output_squares, passed = (np.zeros((pairs, rows)) for _ in range(4))
        self.sums = Sums(loss, squares, output_squares, passed, np.zeros(rows))
        a, r, b = (self.gradient[name] for name in ("A", "R", "B"))
        self.products = Products(
            a, r, b, room(*a.shape), room(n, n), room(*b.shape), room(references * rows, n),
            room(references * rows, outputs), room(references * rows, n), room(rows, n), room(rows, n),
        )  # fmt: skip
        self.key = noise_key(seed, Purpose.NODE_PERTURBATION)
        self.width = width

    @property
    def state(self) -> Array:
        """States of all copies, shape (planes * rows, N)."""
        states: Array = self.copies.z
        return states

    def begin(self) -> None:
        """Set the counters of the noise of this batch."""
        paths = np.arange(self.path, self.path + self.rows, dtype=np.int64)
        self.lines = lines(paths, self.network.units + self.network.outputs, self.network.dtype)

    def learn(self, first: int, last: int) -> None:
        """Run once where the credit of a step is known at that step, and otherwise twice with the same noise."""
        self.gradient.flat[:] = 0.0
        for values in self.sums:
            values[:] = 0.0
        if self.chosen.credit != "step" and self.chosen.samples:
            before, matrix = self.state.copy(), self.network.parameters["D"].copy()
            self._run(first, last, form=False)
            self.state[:] = before
            self.network.parameters["D"][:] = matrix
            self.sums.mean_loss[:] = 0.0
        self._run(first, last, form=True)
        self.losses += self.sums.mean_loss
        self.masked()

    def _run(self, first: int, last: int, form: bool) -> None:
        chosen, network = self.chosen, self.network
        real = network.dtype.type
        weights = Weights(*(network.parameters[name] for name in ("A", "R", "B", "D")))
        noise = Noise(self.key.key0, self.key.key1, self.lines, real(chosen.sigma), 1 if chosen.quiet else 0)
        rate, control = chosen.decorrelation or (0.0, 0.0)
        decorrelated = chosen.decorrelation is not None
        choice = Choice(
            int(chosen.activity), CREDIT[chosen.credit], int(chosen.whole_norm), int(form), int(decorrelated)
        )
        scale = 1.0 / (self.rows * max(1, chosen.samples))
        run_copies[network.dtype](
            weights, self.copies, noise, choice, self.inputs, self.targets, self.counted, first, last, self.sums,
            self.products, scale, real(rate), real(control),
        )  # fmt: skip


def answering(network: RecurrentNetwork, rows: int, decorrelated: bool = False) -> PerturbedCopies:
    """Return the network without noisy copies, for tests of what it has learned; its D acts, and stays."""
    return PerturbedCopies(network, rows, 0, Perturbation(decorrelation=(0.0, 0.0) if decorrelated else None))
