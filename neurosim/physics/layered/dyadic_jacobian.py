"""The Jacobian of point neurons made into dyads (see `neurosim.physics.layered.dyadic`).

With mean m and difference e:  d(rate of m) = J_m dm,   d(rate of e) = K dm + L de,   all over tau:

    membrane coordinates   J_m = G D - 1,   L = D G^T - 1,   K = diag(f'' chi) - beta D H D
    activity coordinates   J_m = D G - 1,   L = D G^T - 1,   K = f'' chi G - beta D H

H is the curvature of the cost, at the outputs only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from neurosim.physics.activations import ACTIVATIONS
from neurosim.physics.linearisation import Linearisation
from neurosim.physics.signal import Signal

if TYPE_CHECKING:
    from neurosim.physics.layered.dyadic_system import DyadicSystem

Array = npt.NDArray[Any]


class DyadicLinearisation(Linearisation):
    """J at one state of a `DyadicSystem`.

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
        self.parameters, self.cost = system.model.conductances, system.model.output_cost
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

    def matrices(self) -> Array:
        """Return J of every row, shape (rows, n, n), the compartments of a layer one after the other."""
        widths = [block.units for block in self.system.blocks]
        ends = np.cumsum([0, *widths]).tolist()
        outputs, unit = slice(ends[-2], ends[-1]), np.eye(ends[-1], dtype=self.system.dtype)
        G = np.zeros_like(unit)
        for k in range(1, len(widths)):
            lower, upper = slice(ends[k - 1], ends[k]), slice(ends[k], ends[k + 1])
            G[upper, lower], G[lower, upper] = self.parameters[f"W_{k}"].T, self.parameters[f"B_{k}"].T
        D, bend = np.concatenate(self.slopes, axis=1)[:, :, None], np.concatenate(self.bend, axis=1)[:, :, None]
        across = D.swapaxes(1, 2) if self.membrane else np.ones_like(D).swapaxes(1, 2)
        mean = (G * across if self.membrane else D * G) - unit
        mixed = bend * unit if self.membrane else bend * G
        H = self.beta[:, :, None] * self.cost.curvature(self.s[-1])
        mixed[:, outputs, outputs] -= D[:, outputs] * H * across[:, :, outputs]
        difference = D * G.T - unit
        J = np.empty((self.system.rows, 2 * ends[-1], 2 * ends[-1]), self.system.dtype)
        plus = np.concatenate([np.arange(n) + 2 * start for n, start in zip(widths, ends, strict=False)])
        minus = plus + np.repeat(widths, widths)
        leak = np.repeat(self.leak, widths)[:, None]
        for sign, rows in ((1, plus), (-1, minus)):
            for other, columns in ((1, plus), (-1, minus)):
                part = mean / 2 + sign * mixed / 4 + sign * other * difference / 2
                J[:, rows[:, None], columns] = leak * part
        return J

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
