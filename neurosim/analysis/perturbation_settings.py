"""Keys of analysis `perturbation`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from neurosim.settings import Sections, Settings

RuleName = Literal[
    "np_step", "np_causal", "np_total", "anp_step", "anp_causal", "anp_total", "wp_step", "wp_total"
]  # perturbed thing and credit
ALL: tuple[RuleName, ...] = ("np_step", "np_causal", "np_total", "anp_step", "anp_causal", "anp_total")


class PerturbationAnalysis(Settings):
    """How well the updates of node perturbation point along the exact gradient, for K noisy copies.

    Every network is drawn anew and sees a sequence of its own; the rule of the scenario gives sigma, copies and norm.
    """

    type: Literal["perturbation"]
    networks: int = Field(10, ge=1, description="Networks, each with one training batch.")
    samples: tuple[Annotated[int, Field(ge=1, le=30000)], ...] = Field(
        (1, 10, 100), min_length=1, description="Numbers K of noisy copies, increasing."
    )
    rules: tuple[RuleName, ...] = Field(
        ALL, min_length=1, description="np: nodes, anp: activity, wp: weights; then the credit."
    )

    @model_validator(mode="after")
    def _increasing(self) -> Self:
        if list(self.samples) != sorted(set(self.samples)):
            raise ValueError("samples must increase")
        if len(set(self.rules)) < len(self.rules):
            raise ValueError("rules must differ")
        return self

    def check(self, scenario: Sections) -> Iterator[tuple[str, str]]:
        """Yield rules that have no noise to vary."""
        if scenario.rule is not None and scenario.rule.type != "node_perturbation":
            yield "rule.type", f"{scenario.rule.type} perturbs nothing. Use node_perturbation."
        elif scenario.rule is not None and scenario.rule.decorrelation is not None:
            yield "rule.decorrelation", "changes the network that is measured. Leave it out."
        if scenario.rule is not None and getattr(scenario.rule, "copies", "clean") == "noisy":
            for name in self.rules:
                if name.startswith("wp"):
                    yield "analysis.rules", f"{name} has one clean copy. Use rule.copies: clean, or leave it out."
