"""Point neurons made into dyads, with a batch on their terminals, and their Jacobian."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from neurosim.errors import SimulationError
from neurosim.jit import BLOCK_ENTRIES, HEADER
from neurosim.physics.activations import ACTIVATIONS
from neurosim.physics.layered import layout as at
from neurosim.physics.layered.dyadic import dyadic_drift
from neurosim.physics.linearisation import Linearisation
from neurosim.physics.signal import Signal
from neurosim.physics.system import System

if TYPE_CHECKING:
    from neurosim.physics.layered.network import CompartmentNetwork
    from neurosim.physics.layered.system import LayeredSystem

Array = npt.NDArray[Any]


class DyadicSystem(System):
    """A `LayeredSystem` of point neurons whose units have two compartments (see `neurosim.physics.layered.dyadic`).

    Parameters
    ----------
    points : LayeredSystem
        Point neurons with a batch on their terminals; what lies there is taken over now, and again by `follow`.
    """

    drift = dyadic_drift
    model: CompartmentNetwork

    def __init__(self, points: LayeredSystem) -> None:
        model = points.model
        self.points, self.model, self.rows = points, model, points.rows
        self.p = points.p
        arena = at.arena(model.layers, self.rows, 2, points.parameter_offsets, points.codes)
        self.blocks = at.state_blocks(model.layers, 2, points.blocks[0].symbol)
        self.layout = arena.layout
        constants = HEADER + BLOCK_ENTRIES * len(self.blocks)
        room = int(self.layout[constants + at.ACTIVITY]) + 2 * self.rows * sum(model.layers[1:])
        self.u, self.work = np.zeros(arena.u_size, self.dtype), np.zeros(room, self.dtype)

        def terminal(which: int, width: int) -> Array:
            offset = int(self.layout[constants + which])
            return self.u[offset : offset + self.rows * width].reshape(self.rows, width)

        self.drive, self.targets = terminal(at.DRIVE, model.layers[1]), terminal(at.TARGETS, model.outputs)
        self.nudges = terminal(at.NUDGE, 1).reshape(self.rows)
        self.follow()

    def follow(self) -> None:
        """Take over what lies on the terminals of the point neurons, without their nudge."""
        self.inputs = self.points.inputs
        self.drive[:], self.targets[:], self.nudges[:] = self.points.drive, self.points.targets, 0.0

    @property
    def forward_weights(self) -> tuple[float, ...]:
        """The mean of the compartments is sent on."""
        return (0.5, 0.5)

    def present(self, inputs: Array, targets: Array) -> None:
        """Put a batch on the terminals."""
        self.points.present(inputs, targets)
        self.follow()

    def nudge(self, beta: complex) -> None:
        """Set the strength with which the outputs of all rows are nudged."""
        strength = complex(beta)
        if strength.imag:
            raise SimulationError("a complex nudge needs complex states")
        self.nudges[:] = strength.real

    @property
    def free(self) -> bool:
        """Whether no row is nudged."""
        return not self.nudges.any()

    def take(self, rows: Sequence[int]) -> DyadicSystem:
        """Return a system of its own with the given rows and what lies on their terminals."""
        other = DyadicSystem(self.points.take(rows))
        other.nudges[:] = self.nudges[rows]
        return other

    def freeze_cost_gradient(self, state: Array) -> None:
        """There is nothing to hold: the difference feels the cost gradient at the free mean in any case.

        Raises
        ------
        SimulationError
            Always.
        """
        raise SimulationError("the nudge of these dyads takes the cost gradient at their mean; it cannot be held")

    def parts(self, state: Array) -> tuple[list[Array], list[Array]]:
        """Return mean and difference of the compartments of every layer, each (rows, units)."""
        views = self.views(state)
        return [(plus + minus) / 2 for plus, minus in views], [plus - minus for plus, minus in views]

    def activities(self, means: list[Array]) -> list[Array]:
        """Return the activity of every layer above the inputs for the means of its states."""
        settings = self.model.settings
        if settings.coordinates != "membrane":
            return means
        names = [settings.activation] * (len(means) - 1) + [settings.output_activation]
        return [ACTIVATIONS[name].value(m) for name, m in zip(names, means, strict=True)]

    def read(self, state: Array, weights: tuple[float, ...], out: Signal) -> None:
        """Write sum_c weights_c s_c into `out`, with the activities s_c = f(m) +- e/2 of the compartments."""
        means, differences = self.parts(state)
        common, opposite = weights[0] + weights[1], (weights[0] - weights[1]) / 2
        for i, (s, e) in enumerate(zip(self.activities(means), differences, strict=True)):
            out.block(i)[:] = common * s + opposite * e

    def prediction(self, state: Array) -> Array:
        """Return what the mean activity of the outputs says, shape (rows, outputs)."""
        return np.ascontiguousarray(self.model.prediction_of(self.activities(self.parts(state)[0])[-1]))

    def cost_slope(self, state: Array) -> Array:
        """Return dC/d(state) of every row, shape (size,); each compartment has half a share in the mean."""
        settings, (means, _) = self.model.settings, self.parts(state)
        g = self.model.output_cost.gradient(self.activities(means)[-1], self.targets)
        if settings.coordinates == "membrane":
            g = g * ACTIVATIONS[settings.output_activation].slope(means[-1])
        slope = np.zeros_like(state)
        self.views(slope)[-1][:] = g / 2
        return slope

    def linearise(self, state: Array) -> DyadicLinearisation:
        """Return J = d(rate)/d(state) at `state`, as products."""
        self.model.synchronise()
        return DyadicLinearisation(self, state)


class DyadicLinearisation(Linearisation):
    """J at one state of a `DyadicSystem`.

    With mean m and difference e: d(rate of m) = J_m dm and d(rate of e) = K dm + (1/tau) (f' G^T - 1) de, K from the
    curvature of activation and cost.

    Parameters
    ----------
    system : DyadicSystem
        The dyads with their batch and nudge.
    state : ndarray, shape (size,)
        Where to linearise.
    """

    system: DyadicSystem

    def __init__(self, system: DyadicSystem, state: Array) -> None:
        settings = system.model.settings
        self.system, self.membrane = system, settings.coordinates == "membrane"
        self.leak = [float(rate) for rate in system.leak_rates]
        self.parameters, self.cost = system.model.parameters, system.model.output_cost
        means, differences = system.parts(state)
        self.s, self.beta = system.activities(means), system.nudges[:, None]
        self.g = self.cost.gradient(self.s[-1], system.targets)
        chi = self._loops_transposed(differences)
        chi[-1] = chi[-1] - self.beta * self.g
        at_which = means if self.membrane else self._currents()
        kinds = [ACTIVATIONS[settings.activation]] * (len(means) - 1) + [ACTIVATIONS[settings.output_activation]]
        self.slopes = [kind.slope(x) for kind, x in zip(kinds, at_which, strict=True)]
        self.bend = [kind.curvature(x) * c for kind, x, c in zip(kinds, at_which, chi, strict=True)]

    def _currents(self) -> list[Array]:
        currents = self._loops(self.s)
        currents[0] = currents[0] + self.system.drive
        return [v + (self.parameters[f"b_{k}"] if k > 1 else 0) for k, v in enumerate(currents, start=1)]

    def _loops(self, x: list[Array]) -> list[Array]:
        """Return G x."""
        last, result = len(x), [np.zeros_like(part) for part in x]
        for k in range(1, last):
            result[k] += x[k - 1] @ self.parameters[f"W_{k}"]
            result[k - 1] += x[k] @ self.parameters[f"B_{k}"]
        return result

    def _loops_transposed(self, x: list[Array]) -> list[Array]:
        """Return G^T x."""
        last, result = len(x), [np.zeros_like(part) for part in x]
        for k in range(1, last):
            result[k] += x[k - 1] @ self.parameters[f"B_{k}"].T
            result[k - 1] += x[k] @ self.parameters[f"W_{k}"].T
        return result

    def _curved(self, x: Array) -> Array:
        """Return beta d2C/ds2 x at the outputs."""
        return np.asarray(self.beta * self.cost.curvature_times(self.s[-1], x))

    def times(self, v: Array) -> Array:
        """Return J v, shape (size,)."""
        m, e = self.system.parts(v)
        ds = [D * x for D, x in zip(self.slopes, m, strict=True)] if self.membrane else m
        dv = self._loops(ds)
        chi = self._loops_transposed(e)
        chi[-1] = chi[-1] - self._curved(ds[-1])
        result = np.empty_like(v)
        for k, view in enumerate(self.system.views(result)):
            mean = (dv[k] if self.membrane else self.slopes[k] * dv[k]) - m[k]
            bent = self.bend[k] * (m[k] if self.membrane else dv[k])
            difference = (bent + self.slopes[k] * chi[k] - e[k]) / 2
            view[0], view[1] = self.leak[k] * (mean + difference), self.leak[k] * (mean - difference)
        return result

    def transposed_times(self, v: Array) -> Array:
        """Return J^T v, shape (size,)."""
        pairs = [(rate * (plus + minus), rate * (plus - minus) / 2) for rate, (plus, minus) in
                 zip(self.leak, self.system.views(v), strict=True)]  # fmt: skip
        a, b = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
        into_chi = [D * x for D, x in zip(self.slopes, b, strict=True)]
        into_e = [x - y for x, y in zip(self._loops(into_chi), b, strict=True)]
        bent = [q * x for q, x in zip(self.bend, b, strict=True)]
        into_v = a if self.membrane else [D * x + y for D, x, y in zip(self.slopes, a, bent, strict=True)]
        into_s = self._loops_transposed(into_v)
        into_s[-1] = into_s[-1] - self._curved(into_chi[-1])
        result = np.empty_like(v)
        for k, view in enumerate(self.system.views(result)):
            mean = (self.slopes[k] * into_s[k] + bent[k] if self.membrane else into_s[k]) - a[k]
            view[0], view[1] = mean / 2 + into_e[k], mean / 2 - into_e[k]
        return result

    def nudge_slope(self) -> Array:
        """Return d(rate)/d(beta), shape (size,); only the difference of the outputs is nudged."""
        result = np.zeros(self.system.size, self.system.dtype)
        half = -self.leak[-1] * self.slopes[-1] * self.g / 2
        outputs = self.system.views(result)[-1]
        outputs[0], outputs[1] = half, -half
        return result

    def read_change(self, v: Array, weights: tuple[float, ...], out: Signal) -> None:
        """Write sum_c weights_c ds_c of every layer into `out`, with s_c = f(m) +- e/2."""
        m, e = self.system.parts(v)
        common, opposite = weights[0] + weights[1], (weights[0] - weights[1]) / 2
        for k, (dm, de) in enumerate(zip(m, e, strict=True)):
            out.block(k)[:] = common * (self.slopes[k] * dm if self.membrane else dm) + opposite * de

    def pull_back(self, v: Array, out: Signal) -> None:
        """Write how the weighted sum `v` of the rates feels the current of each unit into `out`."""
        for k, (plus, minus) in enumerate(self.system.views(v)):
            a, b = self.leak[k] * (plus + minus), self.leak[k] * (plus - minus) / 2
            out.block(k)[:] = a if self.membrane else self.slopes[k] * a + self.bend[k] * b
