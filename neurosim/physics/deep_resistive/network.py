"""A deep resistive network as a circuit that learns: every resistor reads the voltages at its two ends.

With v the node voltages, sources included, and e = dC/d(current into a node), zero at sources,

    dC/dG_k[i, j] = -mean over samples of  (v_i - v_j)(e_i - e_j),        dC/db_k[j] = mean of  e_j

Equilibrium propagation reads e off the response of the node voltages to a nudge current beta (y - v) into the outputs:
the difference of (v_i - v_j)^2 / 2 between two phases is this product with v the mean of the two.

References
----------
J. Kendall, R. Pantone, K. Manickavasagam, Y. Bengio, B. Scellier, Training end-to-end analog neural networks with
equilibrium propagation, arXiv 2006.01981.  B. Scellier, A fast algorithm to simulate nonlinear resistive networks,
ICML 2024, arXiv 2402.11674: the layers, the doubled inputs, the ideal diodes, the initial conductances.
"""

from __future__ import annotations

import math
import threading
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from neurosim.physics.costs import cost
from neurosim.physics.deep_resistive.descent import Descent
from neurosim.physics.deep_resistive.settings import DeepResistiveCircuit
from neurosim.physics.deep_resistive.system import DeepResistiveSystem
from neurosim.physics.dynamical_system import StateBlock
from neurosim.physics.model import PhysicalModel, Piece
from neurosim.physics.parameters import ParameterBlock, Parameters
from neurosim.physics.signal import Signal
from neurosim.seeds import Purpose, generator

Array = npt.NDArray[Any]


class DeepResistiveNetwork(PhysicalModel):
    """A deep resistive network with its conductances.

    Parameters
    ----------
    settings : DeepResistiveCircuit
        Layers, input gain, bounds.
    rule : Rule or None
        How it learns; the circuit is the same for all rules.
    dtype : {"float32", "float64"}
        Type of all numbers.
    seed : int
        Seed of the initial conductances.

    Attributes
    ----------
    p : ndarray
        Leak rates of the layers, 1 / s each, the parameters, and the sum of the conductances at every free node.
    changes : int
        How often the parameters have changed.
    """

    compares_squares = True

    def __init__(self, settings: DeepResistiveCircuit, rule: object, dtype: npt.DTypeLike, seed: int) -> None:
        self.settings, self.seed, self.layers = settings, seed, settings.layers
        layers, last = settings.layers, len(settings.layers) - 1
        self.blocks = tuple(StateBlock(f"layer_{k}", 1, layers[k], "v", "V") for k in range(1, last + 1))
        fans_in = (2 * layers[0], *layers[1:-1])
        between, into = "conductances from layer {} to {}", "bias currents of layer {}"
        blocks = (
            *(
                ParameterBlock(f"G_{k}", (fan_in, layers[k + 1]), between.format(k, k + 1), unit="S")
                for k, fan_in in enumerate(fans_in)
            ),
            *(ParameterBlock(f"b_{k}", (layers[k],), into.format(k), unit="A") for k in range(1, last + 1)),
        )
        size = sum(block.size for block in blocks)
        self.p = np.zeros(last + size + sum(layers[1:]), dtype)
        self.p[:last] = 1.0
        self.parameters = Parameters(blocks, self.p[last : last + size])
        ends = last + size + np.cumsum((0, *layers[1:]))
        self.node_conductances = tuple(self.p[a:b] for a, b in pairwise(ends))
        low, _ = settings.bounds
        for k, fan_in in enumerate(fans_in):
            a = settings.scale / np.sqrt(fan_in)
            drawn = generator(seed, Purpose.PARAMETERS, k).uniform(-a, a, (fan_in, layers[k + 1]))
            self.parameters[f"G_{k}"][:] = np.maximum(drawn, low)
        self.keep_in_bounds()
        self.changes, self._summed_at, self._lock = 0, -1, threading.Lock()

    @property
    def conductance_arrays(self) -> tuple[Array, ...]:
        """G_0, G_1, ... in the memory of the parameters; G_0 has a row for every source."""
        return tuple(self.parameters[f"G_{k}"] for k in range(len(self.layers) - 1))

    @property
    def bounds_of_voltages(self) -> tuple[tuple[Array, Array], ...]:
        """Lowest and highest voltage of every node, layer by layer, in V; infinite where no diode is."""
        limits = []
        for k, units in enumerate(self.layers[1:], start=1):
            low, high = np.full((2, units), np.inf, self.p.dtype)
            low *= -1.0
            if k < len(self.layers) - 1:
                half = (units + 1) // 2
                low[:half] = high[half:] = 0.0
            limits.append((low, high))
        return tuple(limits)

    @property
    def parameter_scale(self) -> float:
        """RMS of the conductances, in S."""
        count = sum(G.size for G in self.conductance_arrays)
        return float(np.sqrt(sum(np.vdot(G, G) for G in self.conductance_arrays) / count))

    @property
    def feed_forward(self) -> bool:
        """Resistors carry current both ways."""
        return False

    @property
    def outputs(self) -> int:
        """Number of output nodes."""
        return self.layers[-1]

    def cost(self, prediction: Array, targets: Array) -> Array:
        """Return half the squared distance of each row, shape (rows,), in V^2."""
        return cost("squared_error", prediction, targets)

    def local_products(
        self, inputs: Array, source: Signal, error: Signal, gradient: Parameters, readout_error: Array | None = None,
        exact: bool = False,
    ) -> list[Piece]:  # fmt: skip
        """Return the work of the products of every layer of resistors, and of the sums of the bias currents."""
        pieces = []
        v, e = source.blocks(), error.blocks()
        for name, out in gradient.items():
            k = int(name.partition("_")[2])
            part = slice(gradient.offsets[name], gradient.offsets[name] + out.size)
            if name.startswith("b"):
                form = partial(np.sum, e[k - 1], axis=0, out=out)
            elif k == 0:
                form = partial(_source_products, inputs * inputs.dtype.type(self.settings.input_gain), v[0], e[0], out)
            else:
                form = partial(_products, (v[k - 1], e[k - 1]), (v[k], e[k]), out)
            pieces.append(Piece(part, form))
        return pieces

    def keep_in_bounds(self) -> None:
        """Clip every conductance to its bounds; bias currents have none."""
        low, high = self.settings.bounds
        for G in self.conductance_arrays:
            np.clip(G, low, high, out=G)

    def parameter_range(self, name: str) -> tuple[float, float] | None:
        """Return the bounds of conductances."""
        low, high = self.settings.bounds
        return (low, math.inf if high is None else high) if name[0] == "G" else None

    def parameter_dimensions(self, name: str) -> tuple[str, ...]:
        """Return the axes of G_k or b_k: the sources, or the nodes of a layer."""
        kind, _, index = name.partition("_")
        k = int(index)
        below = "source" if k == 0 else f"unit_{k}"
        return (below, f"unit_{k + 1}") if kind == "G" else (f"unit_{k}",)

    def system(self, rows: int) -> DeepResistiveSystem:
        """Return this network with room for `rows` samples on its terminals."""
        return DeepResistiveSystem(self, rows)

    def descent(self, beta: float, sweeps: int, batch: int, limit: float) -> Descent:
        """Return gradient descent on many batches in one kernel call."""
        return Descent(self, beta, sweeps, batch, limit)

    def twin(self, dtype: npt.DTypeLike, ideal: bool = False) -> DeepResistiveNetwork:
        """Return a network with the same conductances in another precision."""
        other = DeepResistiveNetwork(self.settings, None, dtype, self.seed)
        other.follow(self)
        return other

    def parameters_changed(self) -> None:
        """Note that the sums of the conductances have to follow before they are used next."""
        self.writes += 1
        self.changes += 1

    def synchronise(self) -> None:
        """Sum the conductances at every free node, where they have changed."""
        with self._lock:
            if self._summed_at == self.changes:
                return
            G = self.conductance_arrays
            for k, sums in enumerate(self.node_conductances):
                G[k].sum(axis=0, out=sums)
                if k + 1 < len(G):
                    sums += G[k + 1].sum(axis=1)
            self._summed_at = self.changes


def _source_products(x: Array, v: Array, e: Array, out: Array) -> None:
    """Write sum (v_i - v_j) e_j for the sources +x and -x."""
    half = x.shape[1]
    np.dot(x.T, e, out=out[:half])
    np.negative(out[:half], out=out[half:])
    out -= np.einsum("rj,rj->j", v, e)


def _products(below: tuple[Array, Array], above: tuple[Array, Array], out: Array) -> None:
    """Write -sum (v_i - v_j)(e_i - e_j) for (v, e) of two layers, each (rows, units)."""
    (v, e), (w, f) = below, above
    np.dot(v.T, f, out=out)
    out += e.T @ w
    out -= np.einsum("ri,ri->i", v, e)[:, None]
    out -= np.einsum("rj,rj->j", w, f)
