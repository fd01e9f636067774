"""Nudging protocols: which relaxations a rule asks for, one after the other, and where each of them starts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from neurosim.dynamics.solver import Recorder, Relaxation, Solver
    from neurosim.physics.system import System


@dataclass(frozen=True)
class Phase:
    """One relaxation of a protocol.

    Parameters
    ----------
    name : str
        Its name in result files and plots.
    nudge : complex
        Nudging strength beta during the phase; 0 is the free circuit.
    start : {"rest", "free"}
        From zeros, or from where the phase called ``free`` ended.
    cost_gradient : {"live", "frozen"}
        Whether the nudge follows the present output or is held at the prediction of the free phase.
    transposed : bool
        Whether the signals go the other way around the loops (see `System.transposed_at`), held at the free state.
    clamp : float
        How far the outputs are held on the way from their free values to the targets, 0 to 1; 0: they are free.
    """

    name: str
    nudge: complex
    start: Literal["rest", "free"] = "rest"
    cost_gradient: Literal["live", "frozen"] = "live"
    transposed: bool = False
    clamp: float = 0.0

    @property
    def from_free(self) -> bool:
        """Whether it needs the free state before it can begin."""
        return self.start == "free" or self.transposed or self.clamp > 0


FREE = Phase("free", nudge=0.0)


def run_phases(
    system: System,
    solver: Solver,
    phases: Sequence[Phase],
    recorders: Sequence[Recorder] | None = None,
    own_states: bool = True,
    keep_free: bool = False,
) -> dict[str, Relaxation]:
    """Relax a system through the phases of a protocol; a phase that starts free goes on from the last moment of it.

    Parameters
    ----------
    system : System
        The circuit with a batch on its terminals.
    solver : Solver
        How it relaxes.
    phases : sequence of Phase
        In order; phases that start free, are nudged by a frozen gradient, transposed or clamped come after ``free``.
    recorders : sequence of Recorder, optional
        One per phase.
    own_states : bool
        Whether the results own their states. If not, phases that start from rest share one array of the system, which
        the next call overwrites: what training wants, batch after batch.
    keep_free : bool
        Whether the free state is still wanted after another phase has started from it. It is kept in any case where
        several phases start from it.

    Returns
    -------
    dict of str to Relaxation
        How each phase ended. A free state that was not kept has been overwritten by the phase that started from it.
    """
    results: dict[str, Relaxation] = {}
    keep_free = keep_free or sum(phase.from_free for phase in phases) > 1
    for i, phase in enumerate(phases):
        if phase.cost_gradient == "frozen":
            system.freeze_cost_gradient(results["free"].reading)
        relaxing = system.transposed_at(results["free"].reading) if phase.transposed else system
        if phase.clamp:
            relaxing = system.clamped_at(results["free"].reading, phase.clamp)
        relaxing.nudge(phase.nudge)
        relaxing.enter_phase(i)
        if phase.start == "free":
            free = results["free"].state
            state = relaxing.place(free.copy() if keep_free else free)
        else:
            state = relaxing.rest() if own_states else relaxing.shared_rest()
        results[phase.name] = solver.relax(relaxing, state, None if recorders is None else recorders[i])
    return results
