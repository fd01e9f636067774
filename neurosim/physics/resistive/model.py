"""A resistive netlist as a circuit that learns: every trained resistor reads the voltages at its two ends.

With V the node voltages and e = dC/d(current into a node), to the order of the rule,

    dC/dg = -mean over samples of  (V_a - V_b)(e_a - e_b),        dC/dI = mean of  e_b - e_a

Equilibrium propagation reads e off the response of the node voltages to a nudge current beta (y - v) into the outputs.
A resistor keeps (V_a - V_b)^2 / 2 of two phases and takes the difference, which is this product with V the mean of the
two. Sources: B. Scellier, Y. Bengio, Frontiers in Computational Neuroscience 11 (2017) 24; J. Kendall, R. Pantone,
K. Manickavasagam, Y. Bengio, B. Scellier, arXiv 2006.01981.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt

from neurosim.physics.costs import cost
from neurosim.physics.dynamical_system import StateBlock
from neurosim.physics.model import PhysicalModel, Piece
from neurosim.physics.parameters import Parameters
from neurosim.physics.resistive.imperfect import ResistorDevices, mismatched
from neurosim.physics.resistive.kirchhoff import Kirchhoff
from neurosim.physics.resistive.laws.table import CURRENT_SOURCE
from neurosim.physics.resistive.netlist import compile_netlist
from neurosim.physics.resistive.settings import ResistiveCircuit
from neurosim.physics.resistive.system import ResistiveSystem
from neurosim.physics.signal import Signal
from neurosim.seeds import Purpose, generator

Array = npt.NDArray[Any]


class ResistiveNetwork(PhysicalModel):
    """A netlist with its conductances.

    Parameters
    ----------
    settings : ResistiveCircuit
        The netlist.
    rule : Rule or None
        How it learns; the netlist is the same for all rules.
    dtype : {"float32", "float64"}
        Type of all numbers.
    seed : int
        Seed of the conductances that are drawn.

    Attributes
    ----------
    settings, built : ResistiveCircuit
        The netlist as it was meant, and with the mismatch of its elements.

    Raises
    ------
    ScenarioError
        If the netlist has no meaning: floating nodes, loops of sources, unknown nodes.
    """

    parameters_at = 1  # in `p`, behind the rate
    compares_squares = True

    def __init__(self, settings: ResistiveCircuit, rule: object, dtype: npt.DTypeLike, seed: int) -> None:
        self.built, self._mismatch = mismatched(settings, seed)
        net = compile_netlist(self.built)
        self.settings, self.netlist, self.seed = settings, net, seed
        self.blocks = (StateBlock("nodes", 1, net.free, "v", "V", net.nodes[1 : 1 + net.free]),)
        blocks = net.parameter_blocks
        size = sum(block.size for block in blocks)
        numbers_end = self.parameters_at + size + net.numbers.size
        self.places = (numbers_end, numbers_end + len(net.nodes), numbers_end + 2 * len(net.nodes))
        self.p = np.zeros(self.places[2] + net.free, dtype)
        self._acting = Parameters(blocks, self.p[self.parameters_at : self.parameters_at + size])
        self.devices = ResistorDevices(settings.imperfections.devices, self._acting, seed)
        self.parameters = Parameters(blocks, np.zeros(size, dtype)) if self.devices else self._acting
        self.batch = 0  # that devices are read in
        self._lock = Lock()
        self._stale = True
        draw = generator(seed, Purpose.PARAMETERS).uniform(size=size)[net.file_order]
        drawn = np.isnan(net.start)
        self.parameters.flat[:] = np.where(drawn, 0.0, net.start)
        low, high = net.bounds
        self.parameters.flat[drawn] = low[drawn] + draw[drawn] * (high[drawn] - low[drawn])
        self.p[self.parameters_at + size : numbers_end] = net.numbers
        self.equations = Kirchhoff(net, net.gains, net.weights)
        self.p[numbers_end:] = np.concatenate([net.gains, net.weights, 1.0 / net.capacitances])
        self.synchronise()
        self.output_states = net.roots[net.outputs]
        at_nodes = self._conductances_at_nodes()
        self.p[0] = at_nodes.sum() / net.capacitances.sum()
        self._nudge_scale = float(at_nodes[self.output_states].mean())
        self.dissipative = net.codes != CURRENT_SOURCE

    def _conductances_at_nodes(self) -> Array:
        """Return the conductance that leads away from every free node at 0 V, as drawn, shape (free,), in S."""
        still = np.zeros((1, len(self.netlist.branches)))
        slopes = self.equations.laws(still, self.p[self.parameters_at :].astype(np.float64))[1]
        J = self.equations.matrices(slopes, np.zeros((1, self.netlist.free)))[0]
        return -np.diagonal(J)

    @property
    def rates(self) -> Array:
        """1/C of every free node, shape (free,)."""
        return self.p[self.places[2] :]

    @property
    def conductances(self) -> Parameters:
        """What acts in the circuit, up to date with what learning wants."""
        self.synchronise()
        return self._acting

    @property
    def noisy(self) -> bool:
        """Whether anything differs from one batch or phase to the next."""
        return self.settings.imperfections.noisy

    @property
    def ideal(self) -> bool:
        """Whether conductances and nudges are what learning wants them to be."""
        nudge = self.settings.imperfections.nudge_noise
        return not self.devices and (nudge is None or not nudge.gain_error)

    @property
    def signal_widths(self) -> tuple[int, ...]:
        """One number per node, ground and held nodes among them: what a resistor can read."""
        return (len(self.netlist.nodes),)

    @property
    def nudge_unit(self) -> str:
        """A nudge is a conductance to the target."""
        return "S"

    @property
    def nudge_scale(self) -> float:
        """The mean conductance at the outputs as drawn, in S: a nudge as strong as the circuit itself."""
        return self._nudge_scale

    @property
    def parameter_scale(self) -> float:
        """RMS of what is trained, mostly conductances in S."""
        return float(np.sqrt(np.mean(self.parameters.flat**2)))

    @property
    def feed_forward(self) -> bool:
        """A netlist settles as a whole."""
        return False

    @property
    def outputs(self) -> int:
        """Number of output nodes."""
        return len(self.netlist.outputs)

    def numbers_with(self, equations: Kirchhoff) -> Array:
        """Return a copy of `p` for nodes that follow each other in another way."""
        self.synchronise()
        p = self.p.copy()
        p[self.places[0] : self.places[2]] = np.concatenate([equations.gains, equations.weights])
        return p

    def spread(self, v: Array, factors: Array) -> Array:
        """Return factor times the value of its root for every node, (rows, nodes), of values (rows, free)."""
        roots = self.netlist.roots
        return np.asarray(np.where(roots >= 0, factors * v[:, roots], 0.0), v.dtype)

    def cost(self, prediction: Array, targets: Array) -> Array:
        """Return half the squared distance of each row, shape (rows,), in V^2."""
        return cost("squared_error", prediction, targets)

    def local_products(
        self, inputs: Array, source: Signal, error: Signal, gradient: Parameters, readout_error: Array | None = None,
        exact: bool = False,
    ) -> list[Piece]:  # fmt: skip
        """Return the work of the products of every trained resistor, and the sums of every trained source."""
        net, pieces = self.netlist, []
        V, e = source.block(0), error.block(0)
        index = {name: i for i, name in enumerate(net.branches)}
        for name, names in net.groups.items():
            rows = [index[branch] for branch in names]
            ends = net.first[rows], net.second[rows]
            at, out = gradient.offsets[name], gradient[name]
            read = V if name[0] == "g" else None
            pieces.append(Piece(slice(at, at + out.size), partial(_products, ends, read, e, out)))
        return pieces

    def keep_in_bounds(self) -> None:
        """Clip every trained conductance to its bounds."""
        low, high = self.netlist.bounds
        np.clip(self.parameters.flat, low, high, out=self.parameters.flat)

    def parameter_range(self, name: str) -> tuple[float, float] | None:
        """Return the outermost bounds of the trained resistors of a block; currents have none."""
        at = self.parameters.offsets[name]
        low, high = self.netlist.bounds[:, at : at + self.parameters[name].size]
        return None if name[0] == "I" else (float(low.min()), float(high.max()))

    def parameter_dimensions(self, name: str) -> tuple[str, ...]:
        """Return the axis of a block: its trained resistors or sources, in the order of the netlist."""
        return (("resistor" if name[0] == "g" else "current_source") + name[1:],)

    def system(self, rows: int) -> ResistiveSystem:
        """Return this netlist with room for `rows` samples on its terminals."""
        return ResistiveSystem(self, rows)

    def twin(self, dtype: npt.DTypeLike, ideal: bool = False) -> ResistiveNetwork:
        """Return a netlist with the same conductances and elements, without what differs between batches or phases."""
        self.synchronise()
        imperfections = self.settings.imperfections
        kept = imperfections.of_elements() if ideal else imperfections.static()
        settings = self.settings.model_copy(update={"imperfections": kept})
        other = ResistiveNetwork(settings, None, dtype, self.seed)
        if not ideal:
            other.follow(self)
            return other
        steady = self.twin(dtype) if imperfections.fluctuating_devices else self
        other.parameters.flat[:] = steady.conductances.flat
        other.parameters_changed()
        return other

    def wanted_gradient(self, gradient: Mapping[str, Array]) -> Mapping[str, Array]:
        """Return dC/d(parameters) for dC/d(what acts), where devices stand between the two."""
        return self.devices.chain(gradient) if self.devices else gradient

    def drawn_imperfections(self) -> dict[str, tuple[Array, str, tuple[str, ...]]]:
        """Return what was drawn for diodes and amplifiers, and for the devices of every block of conductances."""
        return {**self._mismatch, **self.devices.drawn()}

    def imperfection_unit(self, name: str) -> str:
        """Return V for offsets, S for values at which devices are stuck, and 1 for factors."""
        return "V" if name == "amplifier_offset" else "S" if name.startswith("stuck_at") else "1"

    def acting_nudge(self, beta: complex) -> complex:
        """Return the strength of a nudge of which `beta` was asked for."""
        noise = self.settings.imperfections.nudge_noise
        return beta if noise is None else beta * (1.0 + noise.gain_error)

    def begin_batch(self, number: int) -> None:
        """Say which batch comes next: devices that fluctuate appear anew in every one."""
        self.batch = number
        if self.settings.imperfections.fluctuating_devices:
            self._stale = True

    def parameters_changed(self) -> None:
        """Note that devices were written; without any, kernels read the conductances where learning writes them."""
        self.writes += 1
        self._stale = True

    def synchronise(self) -> None:
        """Let devices hold what learning wants."""
        with self._lock:
            if self._stale and self.devices:
                self.devices.act(self.parameters, self._acting, self.writes, self.batch)
            self._stale = False


def _products(ends: tuple[Array, Array], V: Array | None, e: Array, out: Array) -> None:
    """Write -sum (V_a - V_b)(e_a - e_b), or -sum (e_a - e_b) where `V` is None."""
    a, b = ends
    felt = e[:, a] - e[:, b]
    np.sum(-felt if V is None else -felt * (V[:, a] - V[:, b]), axis=0, out=out)
