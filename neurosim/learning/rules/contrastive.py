"""Contrastive learning: resistors compare the free circuit with one whose outputs are held at their targets.

    dg ~ -(S_c - S_f),   S = (V_a - V_b)^2 / 2 with the outputs free, and held at y

Coupled learning with eta = 1, and the limit beta -> infinity of beta times equilibrium propagation with an elastic
nudge. In a reciprocal netlist it descends exactly J_c - J_f, the difference of the co-contents, which is zero where the
free outputs are the targets.

References
----------
J. Movellan, Contrastive Hebbian learning in the continuous Hopfield model, 1991.  P. Baldi, F. Pineda, Contrastive
learning and neural oscillations, Neural Computation 3 (1991) 526.
"""

from __future__ import annotations

from typing import Literal

from neurosim.learning.rules.coupled import ClampedRule


class Contrastive(ClampedRule):
    """Contrastive learning: the outputs are held at their targets."""

    type: Literal["contrastive"]

    @property
    def fraction(self) -> float:
        """All the way."""
        return 1.0
