"""Noise on signals: on what synapses read, and on the nudge of the outputs; fresh at every read and in every phase."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from neurosim.noise.fill import fill_normals
from neurosim.physics.imperfection_settings import NudgeNoise, ReadNoise
from neurosim.physics.signal import Signal
from neurosim.seeds import Purpose, noise_key

Array = npt.NDArray[Any]
Paths = npt.NDArray[np.int64]


class SignalImperfections(Protocol):
    """The imperfections of any circuit that has some of signals."""

    @property
    def read_noise(self) -> ReadNoise | None:
        """Noise on what synapses read."""

    @property
    def nudge_noise(self) -> NudgeNoise | None:
        """Noise of the nudge."""


class SignalNoise:
    """The noise of a system and of all that continue it: one count of reads and one of nudges for them together.

    Parameters
    ----------
    settings : SignalImperfections
        How large it is.
    seed : int
        Seed of the scenario.
    blocks : tuple of str
        Names of the state blocks.
    """

    def __init__(self, settings: SignalImperfections, seed: int, blocks: tuple[str, ...]) -> None:
        read, nudge = settings.read_noise, settings.nudge_noise
        self._read_sd = 0.0 if read is None else read.sd
        self._blocks = [i for i, name in enumerate(blocks) if read is not None and read.acts_on(name)]
        self._nudge_sd = 0.0 if nudge is None else nudge.sd
        self._keys = noise_key(seed, Purpose.READ_NOISE), noise_key(seed, Purpose.NUDGE_NOISE)
        self._reads = self._nudges = 0

    def begin(self) -> None:
        """Start anew, because a batch has been presented: the path of every row tells batches apart."""
        self._reads = self._nudges = 0

    def read(self, paths: Paths, size: float, out: Signal) -> None:
        """Add ``sd`` * `size` * xi to every unit that has noise on what is read of it.

        Parameters
        ----------
        paths : ndarray of int64, shape (rows,)
            Paths of the rows in the window of `out`.
        size : float
            Norm of the weights with which states were read: each is read with noise of its own.
        out : Signal
            What was read.
        """
        if not self._read_sd or not size:
            return
        noise = np.empty((len(paths), sum(out.widths)), out.values.dtype)
        fill_normals[noise.dtype](*self._keys[0], paths, self._reads, 0, noise)
        self._reads += 1
        ends = np.cumsum([0, *out.widths])
        for i in self._blocks:
            block = out.block(i)
            block += noise.dtype.type(self._read_sd * size) * noise[:, ends[i] : ends[i + 1]]

    def nudge(self, paths: Paths, targets: Array, copy: int = 0) -> Array:
        """Return targets that make the cost gradient p - y wrong by ``sd`` xi, for one nudge, shape (rows, outputs).

        Parameters
        ----------
        paths : ndarray of int64, shape (rows,)
            Paths of the rows.
        targets : ndarray, shape (rows, outputs)
            What the targets really are.
        copy : int
            Which of several rows of the same path that are nudged together.
        """
        if not self._nudge_sd:
            return targets
        noise = np.empty(targets.shape, targets.dtype)
        fill_normals[noise.dtype](*self._keys[1], paths, self._nudges, copy, noise)
        self._nudges += copy == 0
        return np.asarray(targets - noise.dtype.type(self._nudge_sd) * noise)
