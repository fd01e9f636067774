"""Back-propagation through time: the exact gradient of a recurrent circuit, as a rule."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from neurosim.learning.sequence_rule import SequenceRule
from neurosim.settings import Sections

if TYPE_CHECKING:
    from neurosim.learning.sequences.estimator import Estimator
    from neurosim.physics.recurrent.network import RecurrentNetwork


class BackpropThroughTime(SequenceRule):
    """The reference for sequences: exact gradient descent through all steps of a batch, or through one."""

    type: Literal["bptt"]
    truncated: Literal[1] | None = Field(
        None,
        description="1: the state before a step is taken as constant, and no credit goes further back; null: exact.",
    )

    def check(self, scenario: Sections) -> Iterator[tuple[str, str]]:
        """Yield that there is nothing to go back through."""
        yield from super().check(scenario)
        if self.updates == "step" and self.truncated is None:
            yield "rule.updates", "step leaves nothing to go back through. Use sequence, or truncated: 1."

    def estimator(self, network: RecurrentNetwork, rows: int, seed: int) -> Estimator:
        """Return the adjoint."""
        from neurosim.learning.exact.through_time import ThroughTime  # NumPy is not needed to validate a scenario

        return ThroughTime(network, rows, self.truncated == 1)
