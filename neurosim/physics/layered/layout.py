"""Where everything sits in the flat arrays of the compartment network.

`p`       leak rate of every layer | p_c, q_c, gain_c | Lambda of every layer | W_0, b_1, W_1, b_2, ... |
          R, c of a readout | B_1, B_2, ... | offsets d_1, d_2, ... among the feedback
`u`       x W_0 + b_1 (rows, n_1) | targets (rows, outputs) | nudge (rows) | frozen cost gradient (rows, n_L) |
          held currents | beta and omega of an oscillating nudge
`work`    mean (rows, n) | difference (rows, n) | forward current (rows, n) | feedback current (rows, n) |
          prediction (rows, outputs) of a readout | activities
`layout`  the block table of `neurosim.physics.system` | the constants below | per layer: offsets of W, B and b in `p`,
          of the held current (rows, n_k) of the layers above the first in `u`, and of d in `p`; -1 where there is none

Where states are complex, nudges and currents have two planes each, real and imaginary part; drives, targets and held
currents stay real.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from neurosim.jit import BLOCK_ENTRIES, HEADER
from neurosim.physics.dynamical_system import StateBlock, block_table
from neurosim.physics.names import ACTIVATION_CODE, COST_CODE
from neurosim.physics.parameters import ParameterBlock

# Positions after the block table; kernels add HEADER + BLOCK_ENTRIES * layers.
COMPARTMENTS, COORDINATES, GRADIENT, COST, ACTIVATION, OUTPUT_ACTIVATION = range(6)
TABLES, DAMPING = 6, 7
DRIVE, TARGETS, NUDGE, FROZEN = 8, 9, 10, 11
MEAN, DIFFERENCE, FORWARD, FEEDBACK, ACTIVITY = 12, 13, 14, 15, 16
TIED = 17  # whether B is W^T
OSCILLATION = 18  # offset in `u` of the strength and the angular frequency of an oscillating nudge
READOUT, READOUT_BIAS = 19, 20  # offsets of R and c in `p`, -1 where there is no readout
OUTPUTS, PREDICTION = 21, 22  # values of a prediction, and the offset of scratch for those of a readout
LAYERS = 23  # first entry of the per-layer table
LAYER_ENTRIES = 5  # offsets of W (from the layer below), B (from the layer above), b, held current, feedback offset
HELD, FEEDBACK_OFFSET = 3, 4  # places of the last two among them

MEMBRANE = 1  # value of COORDINATES
AT_CURRENT, AT_COMPARTMENT, AT_FROZEN = 0, 1, 2  # values of GRADIENT


def parameter_blocks(
    layers: tuple[int, ...], feedback_trained: bool, readout: int | None = None
) -> tuple[ParameterBlock, ...]:
    """Return the parameters of a network with `layers` units: W_k, b_k (trained), then B_k (trained or not).

    Between them stand R and c of a readout with `readout` outputs, where there is one.
    """
    forward = [
        block
        for k, (below, above) in enumerate(pairwise(layers))
        for block in (
            ParameterBlock(f"W_{k}", (below, above), f"forward conductances from layer {k} to {k + 1}"),
            ParameterBlock(f"b_{k + 1}", (above,), f"biases of layer {k + 1}"),
        )
    ]
    feedback = [
        ParameterBlock(
            f"B_{k}",
            (layers[k + 1], layers[k]),
            f"feedback conductances from layer {k + 1} to {k}",
            feedback_trained,
        )
        for k in range(1, len(layers) - 1)
    ]
    static = (
        ()
        if readout is None
        else (
            ParameterBlock("R", (layers[-1], readout), f"weights of the readout of layer {len(layers) - 1}"),
            ParameterBlock("c", (readout,), "biases of the readout"),
        )
    )
    return (*forward, *static, *feedback)


def state_blocks(layers: tuple[int, ...], compartments: int, symbol: str = "s") -> tuple[StateBlock, ...]:
    """Return one state block per layer above the inputs."""
    return tuple(StateBlock(f"layer_{k}", compartments, units, symbol) for k, units in enumerate(layers[1:], start=1))


@dataclass(frozen=True)
class Header:
    """Offsets inside `p` before the parameters.

    Parameters
    ----------
    layers : int
        Number of layers above the inputs, L.
    compartments : int
        Compartments per neuron, C.
    """

    layers: int
    compartments: int

    @property
    def tables(self) -> int:
        """Offset of p_c, q_c, gain_c."""
        return self.layers

    @property
    def damping(self) -> int:
        """Offset of Lambda_k."""
        return self.layers + 3 * self.compartments

    @property
    def size(self) -> int:
        """Offset of the first parameter."""
        return 2 * self.layers + 3 * self.compartments


@dataclass(frozen=True)
class Arena:
    """Offsets and sizes of `u` and `work` for a number of rows, and the whole integer layout."""

    layout: npt.NDArray[np.int64]
    u_size: int
    work_size: int


def arena(
    layers: tuple[int, ...],
    rows: int,
    compartments: int,
    offsets: dict[str, int],
    codes: dict[str, Any],
    *,
    held: bool = False,
    parts: int = 1,
) -> Arena:
    """Lay out the arrays of a system.

    Parameters
    ----------
    layers : tuple of int
        Units per layer, inputs first.
    rows : int
        Samples.
    compartments : int
        Compartments per neuron.
    offsets : dict
        Offset of every named parameter in `p`, and of d_k where there are feedback offsets.
    codes : dict
        ``membrane``, ``tied`` (bool), ``gradient`` (AT_...), ``cost``, ``activation``, ``output_activation`` (names),
        ``outputs``: values of a prediction.
    held : bool
        Whether layers above the first have a held current for every row.
    parts : {1, 2}
        Real numbers per value of the state: 2 for complex states.
    """
    blocks = state_blocks(layers, compartments * parts)
    widest = parts * rows * max(layers[1:])
    outputs, count = rows * layers[-1], len(layers) - 1
    targets_size = rows * codes["outputs"]
    predicted = parts * targets_size if "R" in offsets else 0
    header = Header(count, compartments)
    drive, targets = 0, rows * layers[1]
    nudge, frozen = targets + targets_size, targets + targets_size + parts * rows
    held_from = frozen + outputs
    held_size = rows * sum(layers[2:]) if held else 0
    state = compartments * parts * rows * sum(layers[1:])
    constants = [
        compartments,
        MEMBRANE if codes["membrane"] else 0,
        codes["gradient"],
        COST_CODE[codes["cost"]],
        ACTIVATION_CODE[codes["activation"]],
        ACTIVATION_CODE[codes["output_activation"]],
        header.tables,
        header.damping,
        drive,
        targets,
        nudge,
        frozen,
        *(i * widest for i in range(4)),
        4 * widest + predicted,
        int(codes["tied"]),
        held_from + held_size,
        offsets.get("R", -1),
        offsets.get("c", -1),
        codes["outputs"],
        4 * widest,
    ]
    per_layer = [
        offset
        for k in range(1, count + 1)
        for offset in (
            offsets[f"W_{k - 1}"],
            offsets.get(f"B_{k}", -1),
            offsets[f"b_{k}"],
            held_from + rows * sum(layers[2:k]) if held and k > 1 else -1,
            offsets.get(f"d_{k}", -1),
        )
    ]
    table = block_table(blocks, rows)
    assert len(table) == HEADER + BLOCK_ENTRIES * count
    assert len(constants) == LAYERS
    assert len(per_layer) == LAYER_ENTRIES * count
    return Arena(
        layout=np.array(table + constants + per_layer, dtype=np.int64),
        u_size=held_from + held_size + 2,
        work_size=4 * widest + predicted + (state if codes["membrane"] else 0),
    )
