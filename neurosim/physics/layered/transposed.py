"""Point neurons whose loops run the other way around, held at a free equilibrium: the asymmetry-cancelling nudge.

    G s  ->  G s_0 + G^T (s - s_0)

G has W_k from layer k to k + 1 and B_k back; s_0 is the free equilibrium. The circuit rests there as before, but its
Jacobian is J^T, so that the response to a nudge is the gradient whatever the asymmetry of G: the difference to G s is
-2 A (s - s_0) with A = (G - G^T) / 2.

Source: A. E. Scurria, D. Vanden Abeele, B. M. Mognetti, S. Massar, Equilibrium propagation for non-conservative
systems, 2026, arXiv 2602.03670.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy.typing as npt

from neurosim.physics.parameters import Parameters

if TYPE_CHECKING:
    from neurosim.physics.layered.system import LayeredSystem

Array = npt.NDArray[Any]


def transpose_loops(parameters: Parameters, out: Parameters, last: int) -> None:
    """Write the parameters of the transposed circuit into `out`; inputs, biases and readout stay."""
    out["W_0"][:] = parameters["W_0"]
    for k in range(1, last):
        out[f"W_{k}"][:] = parameters[f"B_{k}"].T
        out[f"B_{k}"][:] = parameters[f"W_{k}"].T
    for k in range(1, last + 1):
        out[f"b_{k}"][:] = parameters[f"b_{k}"]
    for name in {"R", "c"} & set(parameters):
        out[name][:] = parameters[name]


def hold(system: LayeredSystem, state: Array, transposed: LayeredSystem) -> None:
    """Put the batch of `system` on the terminals of `transposed`, and the currents that keep it at rest in `state`.

    Parameters
    ----------
    system : LayeredSystem
        Point neurons with a batch.
    state : ndarray, shape (size,)
        Their free equilibrium.
    transposed : LayeredSystem
        The circuit with transposed loops, with held currents and as many rows.
    """
    s = [activity[0] for activity in system.activities(state)]
    before, after, last = system.model.conductances, transposed.model.conductances, len(s)
    transposed.present(system.inputs, system.targets)
    transposed.drive[:] = system.drive
    for k in range(1, last + 1):
        held = transposed.drive if k == 1 else transposed.held[k - 2]
        if k > 1:
            W, W_t = before[f"W_{k - 1}"], after[f"W_{k - 1}"]
            held[:] = s[k - 2] @ W - s[k - 2] @ W_t
            if system.held:
                held += system.held[k - 2]
        if k < last:
            B, B_t = before[f"B_{k}"], after[f"B_{k}"]
            held += s[k] @ B
            held -= s[k] @ B_t
    transposed.forget()
