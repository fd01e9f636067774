"""The Jacobian of the compartment network as one matrix per sample, block by block from conductances and slopes.

With D = f'(v), kappa = 1/(1 + Lambda), unit j of compartment c of layer k as (k, c, j), in activity coordinates:

    J[(k,c,j), (k-1,d,i)] = (D_{k,c,j}/tau) kappa_k W_{k-1}[i, j] p_d
    J[(k,c,j), (k+1,d,i)] = (D_{k,c,j}/tau) kappa_k gain_c B_k[i, j] q_d
    J[(k,c,j), (k,c,j)]   = (D_{k,c,j} kappa_k Lambda_k - 1)/tau

In membrane coordinates D stands at the column, without the leak. Where a live cost gradient nudges the outputs, its
curvature H comes with it: W_{L-1} (1 - gain_c beta S H) in place of W_{L-1} for a gradient at the output current
with slope S, and -gain_c beta H in the block of the compartment itself for a gradient there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from neurosim.physics.layered import layout as at

if TYPE_CHECKING:
    from neurosim.physics.layered.jacobian import LayeredLinearisation

Array = npt.NDArray[Any]


def jacobian_matrices(linear: LayeredLinearisation) -> Array:
    """Return J of every row, shape (rows, n, n); values are ordered as in the state of a single row."""
    system, parameters, p, q = linear.system, linear.parameters, linear.p, linear.q
    planes, widths = len(p), [block.planes * block.units for block in system.blocks]
    ends = np.cumsum([0, *widths]).tolist()
    J = np.zeros((system.rows, ends[-1], ends[-1]), system.dtype)
    slopes = np.concatenate([_lines(D) for D in linear.slopes], axis=1)
    diagonal = np.arange(ends[-1])
    for k in range(1, linear.last + 1):
        here = slice(ends[k - 1], ends[k])
        share = linear.leak[k - 1] / (1 + linear.damping[k - 1])
        at_current = np.full((1, 1), share) if system.membrane else share * slopes[:, here]
        factor = at_current[:, :, None]
        if k > 1:
            coupling = np.kron(np.outer(np.ones(planes, system.dtype), p), parameters[f"W_{k - 1}"].T)[None]
            if k == linear.last and system.gradient_at == at.AT_CURRENT and not system.free:
                coupling = coupling - _pulled_back(linear)
            np.multiply(factor, coupling, out=J[:, here, ends[k - 2] : ends[k - 1]])
        if k < linear.last:
            coupling = np.kron(np.outer(linear.gain, q), parameters[f"B_{k}"].T)[None]
            np.multiply(factor, coupling, out=J[:, here, ends[k] : ends[k + 1]])
        elif system.gradient_at == at.AT_COMPARTMENT and not system.free:
            np.multiply(factor, _pulled_at_compartments(linear), out=J[:, here, here])
        J[:, diagonal[here], diagonal[here]] += linear.damping[k - 1] * at_current
    if system.membrane:
        J *= slopes[:, None, :]
    J[:, diagonal, diagonal] -= np.repeat(linear.leak, widths)
    return J


def _lines(layer: Array) -> Array:
    """Return an array (planes, rows, units) as one line per row, (rows, planes * units)."""
    return layer.transpose(1, 0, 2).reshape(layer.shape[1], -1)


def _pulled_back(linear: LayeredLinearisation) -> Array:
    """Return gain_c beta H S W^T p_d, shape (rows, C n_L, C n_{L-1}): the nudge at the output current."""
    system = linear.system
    H = system.model.output_cost.curvature(linear.prediction) * linear.output_slope[:, None, :]
    curved = H @ linear.parameters[f"W_{linear.last - 1}"].T
    strength = np.outer(system.nudges, linear.gain)
    pulled = np.einsum("rc,rji,d->rcjdi", strength, curved, linear.p)
    return np.asarray(pulled.reshape(system.rows, pulled.shape[1] * pulled.shape[2], -1))


def _pulled_at_compartments(linear: LayeredLinearisation) -> Array:
    """Return -gain_c beta H_c of every compartment c, shape (rows, C n_L, C n_L): the nudge at each of them."""
    system, planes = linear.system, len(linear.p)
    n = system.blocks[-1].units
    pulled = np.zeros((system.rows, planes, n, planes, n), system.dtype)
    for c, (gain, s) in enumerate(zip(linear.gain, linear.activity[-1], strict=True)):
        strength = (gain * system.nudges)[:, None, None]
        pulled[:, c, :, c] = -strength * system.model.output_cost.curvature(s)
    return pulled.reshape(system.rows, planes * n, planes * n)
