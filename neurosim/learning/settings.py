"""Keys of the optimizer, discriminated on `type`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from neurosim.settings import Settings


class Optimizer(Settings):
    """Keys that every optimizer has."""

    rate: float = Field(gt=0.0, description="Learning rate.")
    rates: dict[str, Annotated[float, Field(gt=0.0)]] | None = Field(
        None, description="Learning rates of parameter blocks that have one of their own, by name: {G_0: 0.002}."
    )
    decay: float = Field(1.0, gt=0.0, le=1.0, description="Factor on all rates after every epoch.")
    weight_decay: float = Field(
        0.0,
        ge=0.0,
        description="Pull of the conductances to zero; added to the gradient, but by adamw applied beside it.",
    )

    def rate_of(self, block: str) -> float:
        """Return the learning rate of a parameter block, before any decay."""
        return (self.rates or {}).get(block, self.rate)


class Sgd(Optimizer):
    """theta <- theta - rate g."""

    type: Literal["sgd"]


class Momentum(Optimizer):
    """v <- momentum v + g, theta <- theta - rate v."""

    type: Literal["momentum"]
    momentum: float = Field(0.9, ge=0.0, lt=1.0, description="Memory of the velocity.")


class Adam(Optimizer):
    """Adam (Kingma, Ba, 2015): bias-corrected running means of the gradient and of its square."""

    type: Literal["adam", "adamw"]
    beta1: float = Field(0.9, ge=0.0, lt=1.0, description="Memory of the mean gradient.")
    beta2: float = Field(0.999, ge=0.0, lt=1.0, description="Memory of the mean squared gradient.")
    epsilon: float = Field(1e-8, gt=0.0, description="Added to the root of the mean square.")


OptimizerSettings = Annotated[Sgd | Momentum | Adam, Field(discriminator="type")]
