"""The small tables that make a compartment network a Hopfield network, a dyadic network, or its transposed variant.

Forward goes the mean sum_c p_c s_c, backward goes sum_c q_c s_c, and compartment c feels the feedback with gain_c:

====================  ==================  =========  =====================
circuit               p                   q          gain
====================  ==================  =========  =====================
point neuron          1                   1          1
dyad, original        alpha, 1 - alpha    1, -1      alpha, -(1 - alpha)
dyad, transposed      alpha, 1 - alpha    1, -1      1 - alpha, -alpha
====================  ==================  =========  =====================

The nudge of the outputs comes with the same gain: compartment c feels -gain_c beta dC/ds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Compartments:
    """How the compartments of a neuron speak to other layers.

    Parameters
    ----------
    forward : tuple of float
        p, one weight per compartment.
    backward : tuple of float
        q, one weight per compartment.
    gain : tuple of float
        Gain of the feedback and of the nudge, one per compartment.
    damped : bool
        Whether each hidden unit excites itself with Lambda_k, v -> (v + Lambda s) / (1 + Lambda). For the identity,
        relu and hard_sigmoid this slows the response and leaves the fixed points where they are.
    gradient_at : {"current", "compartment"}
        Where the live cost gradient is evaluated: at the prediction that the output current implies (linearised), or at
        the activity of each compartment itself (an implicit, proximal nudge).
    """

    forward: tuple[float, ...]
    backward: tuple[float, ...]
    gain: tuple[float, ...]
    damped: bool = False
    gradient_at: Literal["current", "compartment"] = "current"

    @property
    def count(self) -> int:
        """Compartments per neuron."""
        return len(self.forward)

    @property
    def free_state_is_feed_forward(self) -> bool:
        """Whether equal compartments send nothing back, so that the free state is one forward pass."""
        return sum(self.backward) == 0.0


POINT = Compartments(forward=(1.0,), backward=(1.0,), gain=(1.0,), gradient_at="compartment")


def dyad(
    alpha: float,
    transposed: bool,
    damped: bool = False,
    gradient_at: Literal["current", "compartment"] = "current",
) -> Compartments:
    """Return the tables of a dyad; `alpha` in [0, 1] is the weight of the positively nudged compartment in the mean."""
    plus, minus = (1.0 - alpha, alpha) if transposed else (alpha, 1.0 - alpha)
    return Compartments((alpha, 1.0 - alpha), (1.0, -1.0), (plus, -minus), damped, gradient_at)
