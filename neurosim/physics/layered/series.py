"""The equilibrium of point neurons as a power series in the nudge, solved for order by order.

    u = L s + c - beta g,   s = f(u),   L s the currents of the loops, g the cost gradient at the outputs
    u = sum_m u_m beta^m:   u_m = L s_m - g_{m-1},   s_m = f'(u_0) u_m + h_m

h_m and g_{m-1} follow from lower orders, so that every order costs one solution with the Jacobian at rest.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from neurosim.physics.holomorphic.series import ActivationSeries, SoftmaxSeries

if TYPE_CHECKING:
    from neurosim.physics.layered.system import LayeredSystem

Array = npt.NDArray[Any]


def equilibrium_series(system: LayeredSystem, state: Array, solve: Callable[[Array], Array], orders: int) -> Array:
    """Return the coefficients of all activities, shape (orders, rows, units), layer after layer.

    Parameters
    ----------
    system : LayeredSystem
        Point neurons, not nudged, float64.
    state : ndarray, shape (size,)
        Their free equilibrium.
    solve : callable
        x with J x = right for states, J the Jacobian of the rate at `state`.
    orders : int
        How many, at least 2.

    Raises
    ------
    SimulationError
        If an activation is not holomorphic.
    """
    settings = system.model.settings
    ends = np.cumsum([0, *(block.units for block in system.blocks)]).tolist()
    parts = [slice(a, b) for a, b in pairwise(ends)]
    hidden, last = slice(0, ends[-2]), parts[-1]
    currents = np.concatenate([v[0] for v in system.linearise(state).currents()], axis=1)
    v = np.zeros((orders, *currents.shape))
    v[0] = currents
    layers = (
        (hidden, ActivationSeries(settings.activation, v[..., hidden])),
        (last, ActivationSeries(settings.output_activation, v[..., last])),
    )
    s = np.zeros_like(v)
    s[0] = np.concatenate([activity[0] for activity in system.activities(state)], axis=1)
    gradient = _gradient_series(system, s[0][:, last], orders)
    slope = np.concatenate([series.slope for _, series in layers], axis=1)
    leak = np.repeat(system.leak_rates, [block.units for block in system.blocks])
    for m in range(1, orders):
        bend = np.concatenate([series.bend(m) for _, series in layers], axis=1)
        pull = np.zeros_like(bend)
        pull[:, last] = gradient(m - 1, s[m - 1][:, last])
        known = loop_currents(system, bend, parts) - pull if system.membrane else bend - slope * pull
        x = -_solved(system, solve, leak * known, parts)
        s[m] = bend + slope * x if system.membrane else x
        v_m = x if system.membrane else loop_currents(system, x, parts) - pull
        for part, series in layers:
            series.extend(m, v_m[:, part])
    return s


def loop_currents(system: LayeredSystem, s: Array, parts: list[slice]) -> Array:
    """Return the currents that activities `s` (rows, units) send around the loops, without inputs and biases."""
    G, out = system.model.conductances, np.zeros_like(s)
    for k in range(1, len(parts)):
        below, above = parts[k - 1], parts[k]
        out[:, above] += s[:, below] @ G[f"W_{k}"]
        out[:, below] += s[:, above] @ G[f"B_{k}"]
    return out


def _gradient_series(system: LayeredSystem, outputs: Array, orders: int) -> Callable[[int, Array], Array]:
    """Return coefficient m of dC/ds at the outputs for coefficient m of their activities, asked in order from 0."""
    cost = system.model.output_cost
    strength = system.model.acting_nudge(1.0).real
    softmax = SoftmaxSeries(cost.prediction(outputs), orders) if cost.name == "cross_entropy" else None

    def coefficient(m: int, s_m: Array) -> Array:
        if m == 0:
            return strength * cost.gradient(s_m, system.targets)
        e = s_m if cost.R is None else s_m @ cost.R
        if softmax is not None:
            e = softmax.extend(m, e)
        return np.asarray(strength * (e if cost.R is None else e @ cost.R.T))

    return coefficient


def _solved(system: LayeredSystem, solve: Callable[[Array], Array], right: Array, parts: list[slice]) -> Array:
    """Return x with J x = right, both (rows, units).

    Every row has unit length while an iteration looks at all of them: coefficients of rows with other radii are of
    another size.
    """
    sizes = np.linalg.norm(right, axis=1, keepdims=True)
    sizes[sizes == 0] = 1.0
    state = np.empty(system.size)
    for view, part in zip(system.views(state), parts, strict=True):
        view[0] = right[:, part] / sizes
    return np.asarray(sizes * np.concatenate([view[0] for view in system.views(solve(state))], axis=1))
