"""Keys of analysis `robustness`: what is trained beside what, and how it is attacked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from neurosim.analysis.settings import TrainingKeys
from neurosim.physics.names import CostName
from neurosim.scenario.section import SECTIONS
from neurosim.settings import Sections, Settings

Size = Annotated[float, Field(gt=0.0)]


class Variant(Settings):
    """One way to train the circuit: all variants start from the same conductances and see the same batches."""

    name: str = Field(min_length=1, max_length=60, description="What it is called in results and plots.")
    rule: Annotated[Any, SECTIONS["rule"]] | None = Field(
        None, description="Its learning rule, whole; default: the rule of the scenario."
    )
    adversarial: float = Field(
        0.0, ge=0.0, description="Size of the FGSM attack on every training batch, in units of the inputs; 0: none."
    )


@dataclass(frozen=True)
class _WithRule:
    """The sections of a scenario, with the rule of a variant in place of its own."""

    sections: Sections
    rule: Any

    def __getattr__(self, name: str) -> Any:
        return getattr(self.sections, name)


class RobustnessAnalysis(TrainingKeys):
    """Train the circuit in one or several ways and attack each of them with small changes of its inputs."""

    type: Literal["robustness"]
    variants: tuple[Variant, ...] = Field(
        (), description="What is compared; default: the rule of the scenario alone, named by its type."
    )
    fgsm: tuple[Size, ...] = Field((), description="Sizes of one-step attacks along the sign of the input gradient.")
    pgd: tuple[Size, ...] = Field((), description="Sizes of attacks by projected ascent on the cost.")
    pgd_steps: int = Field(20, ge=1, description="Steps of each projected attack.")
    pgd_step: float | None = Field(
        None, gt=0.0, description="Length of a step over the size of the attack; default: 2.5 / pgd_steps."
    )
    attack_cost: CostName | None = Field(
        None,
        description="What attacks raise; default: the cost of the circuit. A squared error also grows where the right "
        "class wins by more, so that large attacks on it leave some samples right.",
    )
    input_range: tuple[float, float] | None = Field(
        (0.0, 1.0), description="Lowest and highest input; attacked inputs are clipped to it; null: not clipped."
    )

    @field_validator("variants")
    @classmethod
    def _have_names_of_their_own(cls, variants: tuple[Variant, ...]) -> tuple[Variant, ...]:
        names = [variant.name for variant in variants]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ValueError(f"two variants are called '{twice}'; give each its own name")
        return variants

    @field_validator("fgsm", "pgd")
    @classmethod
    def _increase(cls, sizes: tuple[float, ...]) -> tuple[float, ...]:
        if list(sizes) != sorted(set(sizes)):
            raise ValueError(f"the sizes must increase, found {', '.join(f'{size:g}' for size in sizes)}")
        return sizes

    @field_validator("input_range")
    @classmethod
    def _is_a_range(cls, ends: tuple[float, float] | None) -> tuple[float, float] | None:
        if ends is not None and ends[0] >= ends[1]:
            raise ValueError(f"the highest input must lie above the lowest, found {ends[0]:g} to {ends[1]:g}")
        return ends

    @model_validator(mode="after")
    def _has_an_attack(self) -> Self:
        if not self.fgsm and not self.pgd:
            raise ValueError("there is no attack; give the sizes of attacks in fgsm, in pgd, or in both")
        return self

    def check(self, scenario: Sections) -> Iterator[tuple[str, str]]:
        """Yield what circuit and solver cannot do for the rule of a variant, and what plasticity cannot."""
        yield from self.check_plasticity(scenario, scenario.rule)
        if self.plasticity == "fused":
            yield "analysis.plasticity", "fused is for analysis train. Use per_batch."
        if scenario.circuit.kind in ("resistive", "deep_resistive"):
            yield (
                "analysis.type",
                "robustness follows the cost back to the inputs, which a resistive circuit does not say. Use "
                "circuit.kind: layered, or analysis train.",
            )
        for i, variant in enumerate(self.variants):
            if variant.rule is not None:
                place = f"analysis.variants.{i}."
                for key, message in variant.rule.check(_WithRule(scenario, variant.rule)):
                    yield (place + key if key.partition(".")[0] == "rule" else key), message
                for key, message in self.check_plasticity(scenario, variant.rule):
                    if key.partition(".")[0] == "rule" or key == "analysis.plasticity":
                        yield f"{place}rule", message
