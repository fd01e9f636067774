"""The base of rules that learn from sequences, step by step or sequence by sequence."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from neurosim.settings import Sections, Settings

if TYPE_CHECKING:
    from neurosim.learning.sequences.estimator import Estimator
    from neurosim.physics.recurrent.network import RecurrentNetwork


class SequenceRule(Settings):
    """A rule for recurrent circuits. Its fields are its keys in the scenario; those here are keys of every one."""

    sequential: ClassVar[bool] = True

    updates: Literal["sequence", "step"] = Field(
        "sequence",
        description="sequence: the mean gradient of the steps that count, after every batch of sequences; step: the "
        "gradient of every step at once, while the state goes on.",
    )

    def check(self, scenario: Sections) -> Iterator[tuple[str, str]]:
        """Yield what the rule cannot do; nothing for all of them."""
        yield from ()

    @abstractmethod
    def estimator(self, network: RecurrentNetwork, rows: int, seed: int) -> Estimator:
        """Return what forms the updates of this rule for batches of `rows` sequences."""
