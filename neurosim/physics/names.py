"""Names that circuits use for activations and costs, and the integer codes that kernels switch on."""

from __future__ import annotations

from typing import Literal, get_args

ActivationName = Literal[
    "identity", "relu", "hard_sigmoid", "tanh", "sigmoid", "shifted_sigmoid", "silu", "dsilu", "softplus"
]
CostName = Literal["squared_error", "cross_entropy"]

ACTIVATION_CODE: dict[str, int] = {name: code for code, name in enumerate(get_args(ActivationName))}
# f((v + Lambda s) / (1 + Lambda)) = s wherever f(v) = s: damping leaves the fixed points of these where they are.
CLIPPED_IDENTITIES: tuple[ActivationName, ...] = ("identity", "relu", "hard_sigmoid")
# Those with a value at complex currents that is differentiable there, and single.
HOLOMORPHIC: tuple[ActivationName, ...] = ("identity", "tanh", "sigmoid", "shifted_sigmoid", "silu", "dsilu")

COST_CODE: dict[str, int] = {name: code for code, name in enumerate(get_args(CostName))}
