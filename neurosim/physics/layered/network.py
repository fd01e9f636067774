"""The compartment network as a circuit: its parameters, how they are drawn, and what it offers to solvers."""

from __future__ import annotations

from collections.abc import Mapping
from threading import Lock
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from neurosim.errors import SimulationError
from neurosim.physics.imperfection_settings import Imperfections
from neurosim.physics.layered import homeostasis
from neurosim.physics.layered.compartments import Compartments
from neurosim.physics.layered.drawing import draw_conductances, spectral_damping
from neurosim.physics.layered.imperfect import LayerImperfections
from neurosim.physics.layered.layout import Header, parameter_blocks, state_blocks
from neurosim.physics.layered.plastic import PlasticLayeredSystem
from neurosim.physics.layered.products import layer_products
from neurosim.physics.layered.settings import LayeredCircuit
from neurosim.physics.layered.system import LayeredSystem
from neurosim.physics.layered.transposed import transpose_loops
from neurosim.physics.model import PhysicalModel, Piece
from neurosim.physics.names import CLIPPED_IDENTITIES
from neurosim.physics.output_cost import OutputCost
from neurosim.physics.parameters import Parameters
from neurosim.physics.signal import Signal
from neurosim.seeds import NoiseKey, Purpose, noise_key

Array = npt.NDArray[Any]


class CompartmentNetwork(PhysicalModel):
    """Layers of point neurons or dyads; see `neurosim.physics.layered.drift` for the equation.

    Parameters
    ----------
    settings : LayeredCircuit
        Sizes, activations, cost, initialisation, feedback.
    compartments : Compartments
        How the compartments of a neuron speak to other layers; set by the learning rule.
    dtype : {"float32", "float64"}
        Type of all numbers.
    seed : int
        Seed of the initial conductances and of the imperfections.
    feedback_learning : {"none", "kolen_pollack"}
        How independent feedback conductances learn: each by its own product where there is a loop (none), or by the
        transposed product of the forward conductance beside it.

    Raises
    ------
    SimulationError
        If the number of compartments does not fit the neuron, or damping would move the fixed points.
    """

    def __init__(
        self,
        settings: LayeredCircuit,
        compartments: Compartments,
        dtype: npt.DTypeLike,
        seed: int,
        feedback_learning: Literal["none", "kolen_pollack"] = "none",
    ) -> None:
        wanted = 2 if settings.neuron == "dyad" else 1
        if compartments.count != wanted:
            raise SimulationError(
                f"circuit.neuron is '{settings.neuron}', with {wanted} compartments; "
                f"the rule wants {compartments.count}"
            )
        if compartments.damped and settings.activation not in CLIPPED_IDENTITIES:
            raise SimulationError(
                f"damping would move the fixed points of '{settings.activation}' units; it needs circuit.activation "
                "identity, relu or hard_sigmoid"
            )
        self.settings = settings
        self.seed = seed
        self.noise_key: NoiseKey = noise_key(seed, Purpose.STATE_NOISE)
        self.compartments = compartments
        self.layers = settings.layers
        symbol = "u" if settings.coordinates == "membrane" else "s"
        self.blocks = state_blocks(self.layers, compartments.count, symbol)
        self.header = Header(len(self.layers) - 1, compartments.count)
        self.follows_forward = feedback_learning == "kolen_pollack"
        # What comes back through a loop has a share in the prediction, and so in its gradient.
        trained = not self.reciprocal and (self.follows_forward or not self.feed_forward)
        readout = None if settings.readout is None else settings.readout.outputs
        blocks = parameter_blocks(self.layers, trained, readout)
        size = sum(block.size for block in blocks)
        self.p = np.zeros(self.header.size + size + sum(self.layers[1:]), dtype)
        self._acting = Parameters(blocks, self.p[self.header.size : self.header.size + size])
        self._output_cost = OutputCost(settings.cost, self._acting.get("R"), self._acting.get("c"))
        self.imperfect = LayerImperfections(settings.imperfections, self._acting, self.layers, self.reciprocal, seed)
        self.parameters = Parameters(blocks, np.zeros(size, dtype)) if self.imperfect else self._acting
        self.batch = 0  # that devices are read in
        self._lock = Lock()
        self._changes = 0  # how often the parameters have changed, and which change `transposed` has seen
        self._transposed: CompartmentNetwork | None = None
        self._mirrored_at = -1
        self._stale = True
        self._write_header()
        draw_conductances(self.parameters, settings, self.outputs, seed)
        self.synchronise()

    @property
    def conductances(self) -> Parameters:
        """What acts in the circuit, up to date with what learning wants."""
        self.synchronise()
        return self._acting

    @property
    def output_cost(self) -> OutputCost:
        """The cost as a function of the outputs that relax, with the readout up to date."""
        self.synchronise()
        return self._output_cost

    @property
    def reciprocal(self) -> bool:
        """Whether the feedback conductances are the transpose of the forward ones, always."""
        return self.settings.feedback == "reciprocal"

    @property
    def noisy(self) -> bool:
        """Whether anything differs from one batch or phase to the next."""
        return self.settings.imperfections.noisy

    @property
    def noisy_signals(self) -> bool:
        """Whether what synapses read or how outputs are nudged is noisy."""
        return self.settings.imperfections.of_signals().noisy

    @property
    def ideal(self) -> bool:
        """Whether conductances, compartments and nudges are what learning wants them to be."""
        nudge = self.settings.imperfections.nudge_noise
        return not self.imperfect and (nudge is None or not nudge.gain_error)

    @property
    def feed_forward(self) -> bool:
        """Whether the free state follows from the inputs layer by layer, without a loop."""
        return self.compartments.free_state_is_feed_forward

    @property
    def outputs(self) -> int:
        """Values of a prediction: those of the readout, or units of the last layer."""
        return self.layers[-1] if self.settings.readout is None else self.settings.readout.outputs

    def cost(self, prediction: Array, targets: Array) -> Array:
        """Return the cost of each row, shape (rows,)."""
        return self._output_cost.value(prediction, targets)

    def prediction_of(self, outputs: Array) -> Array:
        """Return s R + c for activities `outputs` of the last layer, or these themselves without a readout."""
        return self.output_cost.prediction(outputs)

    def readout_error(self, source: Signal, targets: Array) -> Array | None:
        """Return e / samples with e = dC/d(prediction) at the outputs in `source`; None without a readout."""
        if self.settings.readout is None:
            return None
        return np.asarray(self.output_cost.error(source.block(len(self.blocks) - 1), targets) / len(targets))

    def local_products(
        self, inputs: Array, source: Signal, error: Signal, gradient: Parameters, readout_error: Array | None = None,
        exact: bool = False,
    ) -> list[Piece]:  # fmt: skip
        """Return the work of the sums over samples, as `neurosim.physics.layered.products` says."""
        last = len(self.blocks)
        return layer_products(
            [inputs, *(source.block(i) for i in range(last))],
            [error.block(i) for i in range(last)],
            gradient,
            readout_error,
            both_ways=self.reciprocal and not self.feed_forward,
            follows=self.follows_forward and not exact,
        )

    def input_gradient(self, error: Signal) -> Array:
        """Return W_0 error_1: the inputs enter through the current of the first layer alone."""
        return np.asarray(error.block(0) @ self.conductances["W_0"].T)

    def add_homeostasis(self, weight: float, draws: int, draw: np.random.Generator, gradient: Parameters) -> None:
        """Add the pull of `neurosim.physics.layered.homeostasis` to `gradient`."""
        if self.reciprocal or self.feed_forward:
            raise SimulationError("homeostasis needs point neurons with independent feedback conductances")
        e = homeostasis.noise(self.layers, draws, draw, self.p.dtype)
        homeostasis.add_update(self.conductances, e, weight, gradient)

    def loop_figures(self) -> dict[str, float]:
        """Return the loss of homeostasis and |A|/|S| of G - 1 where point neurons have feedback of their own."""
        last = len(self.layers) - 1
        if self.reciprocal or self.feed_forward or last < 2:
            return {}
        return {
            "homeostasis_loss": homeostasis.antisymmetry_loss(self.conductances, last),
            "asymmetry": homeostasis.asymmetry(self.conductances, self.layers),
        }

    def feedback_offset(self, k: int) -> int:
        """Return where `p` has the currents that are always among the feedback of layer `k`; -1 if there are none."""
        if k not in self.imperfect.compartment_offsets:
            return -1
        return self.p.size - sum(self.layers[k:])

    def parameter_dimensions(self, name: str) -> tuple[str, ...]:
        """Return the axes of W_k, B_k or b_k: units of the layers it joins; of R and c: last layer and prediction."""
        if name in ("R", "c"):
            return (f"unit_{len(self.layers) - 1}", "output") if name == "R" else ("output",)
        kind, _, index = name.partition("_")
        k = int(index)
        return {"W": (f"unit_{k}", f"unit_{k + 1}"), "B": (f"unit_{k + 1}", f"unit_{k}"), "b": (f"unit_{k}",)}[kind]

    def system(self, rows: int) -> LayeredSystem:
        """Return this circuit with room for `rows` samples on its terminals."""
        return LayeredSystem(self, rows)

    def transposed(self) -> CompartmentNetwork:
        """Return a circuit whose loops run the other way: W_k is B_k^T here, and B_k is W_k^T; its inputs are the same.

        Always the same one, brought up to date at every call; of use for point neurons only.
        """
        self.synchronise()
        with self._lock:
            if self._transposed is None:
                settings = self.settings.model_copy(
                    update={"feedback": "independent", "imperfections": self.settings.imperfections.of_signals()}
                )
                self._transposed = CompartmentNetwork(settings, self.compartments, self.p.dtype, seed=0)
            if self._mirrored_at != self._changes:
                transpose_loops(self._acting, self._transposed.conductances, len(self.layers) - 1)
                self._mirrored_at = self._changes
        return self._transposed

    def twin(self, dtype: npt.DTypeLike, ideal: bool = False) -> CompartmentNetwork:
        """Return a circuit with the same conductances, without what differs from one batch or phase to the next."""
        self.synchronise()
        changes: dict[str, Any] = {"imperfections": self.settings.imperfections.static()}
        learning: Literal["none", "kolen_pollack"] = "kolen_pollack" if self.follows_forward else "none"
        if ideal:
            reciprocal = self.imperfect.tied
            changes = {"imperfections": Imperfections(), "feedback": "reciprocal" if reciprocal else "independent"}
            learning = "none" if self.reciprocal else learning
        settings = self.settings.model_copy(update=changes)
        other = CompartmentNetwork(settings, self.compartments, dtype, self.seed, learning)
        if not ideal:
            other.follow(self)
            return other
        steady = self.twin(dtype) if self._devices_fluctuate else self
        steady.synchronise()
        for name, values in steady.conductances.items():
            other.parameters[name][:] = values
        other.parameters_changed()
        return other

    @property
    def _devices_fluctuate(self) -> bool:
        return any(devices.settings.read_sd > 0 for devices in self.imperfect.devices.values())

    def wanted_gradient(self, gradient: Mapping[str, Array]) -> Mapping[str, Array]:
        """Return dC/d(parameters) for dC/d(what acts), where imperfections stand between the two."""
        return self.imperfect.chain(gradient) if self.imperfect else gradient

    def plastic_system(self, rows: int, source: tuple[float, ...], error: tuple[float, ...]) -> PlasticLayeredSystem:
        """Return this circuit with conductances that change while it relaxes."""
        return PlasticLayeredSystem(self, rows, source, error)

    def parameters_changed(self) -> None:
        """Note that feedback and damping have to follow the forward conductances before they are used next."""
        self._stale = True
        self._changes += 1
        self.writes += 1

    def drawn_imperfections(self) -> dict[str, tuple[Array, str, tuple[str, ...]]]:
        """Return gains, offsets, and what was drawn for the devices of every array of conductances."""
        drawn = {}
        for name, (values, what) in self.imperfect.drawn().items():
            kind, index = name.rsplit("_", 2)[-2:]
            axes = (f"unit_{index}",) if values.ndim == 1 else self.parameter_dimensions(f"{kind}_{index}")
            drawn[name] = (values, what, axes)
        return drawn

    def acting_nudge(self, beta: complex) -> complex:
        """Return the strength of a nudge of which `beta` was asked for."""
        noise = self.settings.imperfections.nudge_noise
        return beta if noise is None else beta * (1.0 + noise.gain_error)

    def begin_batch(self, number: int) -> None:
        """Say which batch comes next: devices that fluctuate appear anew in every one."""
        self.batch = number
        if self._devices_fluctuate:
            self._stale = True
            self._changes += 1

    def synchronise(self) -> None:
        """Make feedback follow forward conductances where it is reciprocal, and damping where there is any."""
        with self._lock:
            if not self._stale:
                return
            for k in range(1, len(self.layers) - 1):
                if self.reciprocal:
                    self.parameters[f"B_{k}"][:] = self.parameters[f"W_{k}"].T
            if self.imperfect:
                gain = self.compartments.gain[0]
                self.imperfect.act(self.parameters, self._acting, self.writes, self.batch, gain)
            if self.compartments.damped:
                for k in range(1, len(self.layers) - 1):
                    self.p[self.header.damping + k - 1] = spectral_damping(self._acting[f"W_{k}"])
            self._stale = False

    def _write_header(self) -> None:
        tables = (*self.compartments.forward, *self.compartments.backward, *self.compartments.gain)
        self.p[: self.header.layers] = 1.0 / self.settings.tau
        self.p[self.header.tables : self.header.tables + len(tables)] = tables
        for k, offsets in self.imperfect.compartment_offsets.items():
            at = self.feedback_offset(k)
            self.p[at : at + len(offsets)] = offsets
