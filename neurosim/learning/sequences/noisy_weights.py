"""Weight perturbation: copies of the network whose conductances are noisy."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from neurosim.learning.sequences.estimator import Estimator
from neurosim.noise.fill import line_width, lines
from neurosim.physics.recurrent.network import RecurrentNetwork
from neurosim.physics.recurrent.step import Copies, Noise
from neurosim.physics.recurrent.weight_kernel import run_noisy_weights
from neurosim.seeds import Purpose, noise_key

Array = npt.NDArray[Any]


class NoisyWeights(Estimator):
    """Estimates the gradient from the losses of copies with noise on all conductances.

    Parameters
    ----------
    network : RecurrentNetwork
        The circuit.
    rows : int
        Sequences in a batch; all of them see the same noise.
    seed : int
        Seed of the noise.
    held : bool
        Whether the noise is drawn once for a sequence, or anew at every step.
    sigma : float
        Standard deviation.
    samples : int
        Noisy copies.
    """

    def __init__(self, network: RecurrentNetwork, rows: int, seed: int, held: bool, sigma: float, samples: int) -> None:
        super().__init__(network, rows)
        self.held, self.sigma, self.samples = held, sigma, samples
        n, outputs, real = network.units, network.outputs, network.dtype
        theta = network.parameters.trained
        self.all_states = np.zeros((1 + samples, rows * n), real)
        quiet = self.all_states[0].reshape(rows, n)
        self.copies = Copies(
            quiet, np.zeros((rows, n), real), np.zeros((rows, n), real), np.zeros((rows, outputs), real),
            np.zeros((rows, n), real), np.zeros((1, rows), real),
        )  # fmt: skip
        self.noisy_o, self.noisy_theta = np.zeros((rows, outputs), real), np.zeros_like(theta)
        self.normals = np.zeros(line_width(theta.size, real), real)
        self.mask = np.ones_like(theta)
        if network.mask is not None:
            at = network.parameters.offsets["R"]
            self.mask[at : at + n * n] = network.mask.ravel()
        self.key = noise_key(seed, Purpose.NODE_PERTURBATION)

    @property
    def state(self) -> Array:
        """States of the quiet network and then of all copies, shape (1 + samples, rows * N)."""
        return self.all_states

    def begin(self) -> None:
        """Set the counters of the noise of this batch."""
        self.lines = lines(np.array([self.path], np.int64), self.noisy_theta.size, self.network.dtype)
        self.sum_of_losses = np.zeros(self.samples)

    def learn(self, first: int, last: int) -> None:
        """Go through the steps; with held noise, the products are formed when the sequence has ended."""
        self.gradient.flat[:] = 0.0
        network = self.network
        noise = Noise(self.key.key0, self.key.key1, self.lines, network.dtype.type(self.sigma), 1)
        run_noisy_weights[network.dtype](
            network.parameters.trained, self.noisy_theta, self.mask, network.parameters["D"], self.normals,
            self.copies, self.all_states[1:], self.noisy_o, noise, self.inputs, self.targets, self.counted, first,
            last, int(self.held), self.sum_of_losses, self.losses, self.gradient.flat,
            1.0 / (self.rows * self.samples),
        )  # fmt: skip
