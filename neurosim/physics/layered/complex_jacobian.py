"""The Jacobian of the network with complex states: multiplication by complex numbers, seen as real pairs.

    activity coordinates   J ds = (1/tau) (-ds + D dv),     membrane coordinates   J du = (1/tau) (-du + dv),  ds = D du
    dv_k = W_{k-1} ds_{k-1} + B_k ds_{k+1},                 dv_L = W_{L-1} ds_{L-1} - beta d2C/ds2 ds_L

with D = f'(v) complex. The transpose of the real matrix that multiplies pairs is the conjugate transpose of J.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from neurosim.physics.linearisation import Linearisation
from neurosim.physics.signal import Signal

if TYPE_CHECKING:
    from neurosim.physics.layered.complex_system import ComplexLayeredSystem

Array = npt.NDArray[Any]


class ComplexLinearisation(Linearisation):
    """J at one state of a `ComplexLayeredSystem`.

    Parameters
    ----------
    system : ComplexLayeredSystem
        The copies with their nudges.
    state : ndarray, shape (size,)
        Where to linearise.
    """

    system: ComplexLayeredSystem

    def __init__(self, system: ComplexLayeredSystem, state: Array) -> None:
        self.system, self.parameters = system, system.model.conductances
        self.last = len(system.blocks)
        self.leak = system.leak_rates
        self.s = system.complex_activities(state)
        self.beta = system.complex_nudges()[:, None]
        self.g = system.cost.gradient(self.s[-1], system.targets)
        currents = system.complex_views(state) if system.membrane else self._currents()
        self.slopes = [*map(system.hidden.slope, currents[:-1]), system.output.slope(currents[-1])]

    def _currents(self) -> list[Array]:
        system, currents = self.system, []
        for k in range(1, self.last + 1):
            if k == 1:
                v = system.drive.astype(self.s[0].dtype)
            else:
                v = self.s[k - 2] @ self.parameters[f"W_{k - 1}"] + self.parameters[f"b_{k}"]
                if system.held:
                    v = v + system.held[k - 2]
            feedback = self.s[k] @ self.parameters[f"B_{k}"] if k < self.last else -self.beta * self.g
            currents.append(v + feedback)
        return currents

    def _pack(self, blocks: list[Array]) -> Array:
        result = np.empty(self.system.size, self.system.dtype)
        for view, z in zip(self.system.views(result), blocks, strict=True):
            view[0], view[1] = z.real, z.imag
        return result

    def _curvature(self, ds: Array) -> Array:
        return self.beta * self.system.cost.curvature_times(self.s[-1], ds)

    def times(self, v: Array) -> Array:
        """Return J v, shape (size,)."""
        d = self.system.complex_views(v)
        membrane = self.system.membrane
        ds = [D * x for D, x in zip(self.slopes, d, strict=True)] if membrane else d
        result = []
        for k in range(1, self.last + 1):
            dv = ds[k - 2] @ self.parameters[f"W_{k - 1}"] if k > 1 else np.zeros_like(d[0])
            dv = dv + ds[k] @ self.parameters[f"B_{k}"] if k < self.last else dv - self._curvature(ds[-1])
            result.append(self.leak[k - 1] * ((dv if membrane else self.slopes[k - 1] * dv) - d[k - 1]))
        return self._pack(result)

    def transposed_times(self, v: Array) -> Array:
        """Return J^T v, shape (size,)."""
        d = [z.conj() for z in self.system.complex_views(v)]
        membrane = self.system.membrane
        dv = [self.leak[k] * (x if membrane else self.slopes[k] * x) for k, x in enumerate(d)]
        result = []
        for k in range(1, self.last + 1):
            into = dv[k] @ self.parameters[f"W_{k}"].T if k < self.last else -self._curvature(dv[-1])
            if k > 1:
                into = into + dv[k - 2] @ self.parameters[f"B_{k - 1}"].T
            into = self.slopes[k - 1] * into if membrane else into
            result.append((into - self.leak[k - 1] * d[k - 1]).conj())
        return self._pack(result)

    def matrices(self) -> Array:
        """Return J of every row, shape (rows, n, n), real and imaginary parts of a layer one after the other."""
        system, membrane = self.system, self.system.membrane
        widths = [block.units for block in system.blocks]
        ends = np.cumsum([0, *widths]).tolist()
        M = np.zeros((system.rows, ends[-1], ends[-1]), self.s[0].dtype)
        for k in range(1, self.last):
            lower, upper = slice(ends[k - 1], ends[k]), slice(ends[k], ends[k + 1])
            M[:, upper, lower], M[:, lower, upper] = self.parameters[f"W_{k}"].T, self.parameters[f"B_{k}"].T
        outputs = slice(ends[-2], ends[-1])
        M[:, outputs, outputs] -= self.beta[:, :, None] * system.cost.curvature(self.s[-1])
        slopes, leak = np.concatenate(self.slopes, axis=1), np.repeat(self.leak, widths)
        M *= slopes[:, None, :] if membrane else slopes[:, :, None]
        diagonal = np.arange(ends[-1])
        M[:, diagonal, diagonal] -= 1.0
        M *= leak[:, None]
        real = np.concatenate([np.arange(n) + 2 * start for n, start in zip(widths, ends, strict=False)])
        imaginary = real + np.repeat(widths, widths)
        J = np.empty((system.rows, 2 * ends[-1], 2 * ends[-1]), system.dtype)
        J[:, real[:, None], real], J[:, imaginary[:, None], imaginary] = M.real, M.real
        J[:, real[:, None], imaginary], J[:, imaginary[:, None], real] = -M.imag, M.imag
        return J

    def nudge_slope(self) -> Array:
        """Return d(rate)/d(Re beta), shape (size,); only the outputs are nudged."""
        result = [np.zeros_like(s) for s in self.s]
        result[-1] = -self.leak[-1] * (self.g if self.system.membrane else self.slopes[-1] * self.g)
        return self._pack(result)

    def read_change(self, v: Array, weights: tuple[float, ...], out: Signal) -> None:
        """Write weights_0 Re ds + weights_1 Im ds of every layer into `out`; ds = f'(u) du in membrane coordinates."""
        for k, d in enumerate(self.system.complex_views(v)):
            ds = self.slopes[k] * d if self.system.membrane else d
            out.block(k)[:] = weights[0] * ds.real + weights[1] * ds.imag

    def pull_back(self, v: Array, out: Signal) -> None:
        """Write how the weighted sum `v` of the rates feels a real current into each unit into `out`."""
        for k, d in enumerate(self.system.complex_views(v)):
            slope = 1.0 if self.system.membrane else self.slopes[k].conj()
            out.block(k)[:] = self.leak[k] * (slope * d).real
