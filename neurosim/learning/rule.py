"""What a learning rule is: it lets a circuit relax and says what each synapse then reads.

Every synapse multiplies two numbers next to it: what it reads where it comes from, and the error signal where it goes
to. In a compartment network, for the conductance from unit i of layer k to unit j of layer k + 1,

    dC/dW_k[i, j] = mean over samples of  source_k[i] error_{k+1}[j],        dC/db_k[j] = mean of  error_k[j]

A rule fills `source` and `error`; how they are multiplied is the circuit's (`PhysicalModel.local_products`).
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from neurosim.physics.names import HOLOMORPHIC
from neurosim.settings import Sections, Settings

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from neurosim.dynamics.solver import Relaxation, Solver
    from neurosim.learning.protocol import Phase
    from neurosim.physics.layered.compartments import Compartments
    from neurosim.physics.signal import Signal
    from neurosim.physics.system import System

Start = Literal["free", "rest"]


def not_holomorphic(circuit: Any, need: str, instead: str) -> Iterator[str]:
    """Yield a sentence for every activation of a circuit that has no value at complex currents.

    Parameters
    ----------
    circuit : Settings
        A layered circuit.
    need : str
        Who needs complex states, as the beginning of the sentence.
    instead : str
        What to use otherwise, as its end.
    """
    for key in ("activation", "output_activation"):
        name = getattr(circuit, key)
        if name not in HOLOMORPHIC:
            yield (
                f"{need} needs complex states, and circuit.{key} '{name}' is not holomorphic. "
                f"Use one of {', '.join(HOLOMORPHIC)}, or {instead}."
            )


@dataclass(frozen=True)
class AlwaysOn:
    """What a rule asks of a circuit that learns all the time: a nudge that stays, and what its synapses read under it.

    Parameters
    ----------
    nudge : float
        Nudging strength beta.
    source, error : tuple of float
        Weights of the compartments of a unit in the two numbers that a synapse multiplies.
    """

    nudge: float
    source: tuple[float, ...]
    error: tuple[float, ...]


Beta = Annotated[float, Field(gt=0.0)] | Literal["auto"]


def pushed_too_far(circuit: Any, beta: Beta, who: str, instead: str) -> Iterator[str]:
    """Yield a sentence if a nudge of -beta leaves linear outputs without an equilibrium.

    Pushed up a parabola of curvature one, a linear output has an equilibrium only while its leak is stronger. Behind a
    readout the curvature is that of R R^T, which training changes.
    """
    if beta == "auto":  # every strength that is tried is checked by itself
        return
    linear = circuit.output_activation == "identity" and circuit.readout is None
    if linear and circuit.cost == "squared_error" and beta >= 1.0:
        yield (
            f"{who} of identity outputs with squared_error needs beta < 1, found {beta:g}. Use a smaller beta{instead}."
        )


@dataclass(frozen=True)
class Reading:
    """What the synapses read in some rows of a batch.

    Parameters
    ----------
    source : Signal
        Activities.
    error : Signal
        Estimates of dC/d(current), times `scale`.
    prediction : ndarray (rows, outputs)
        Prediction that belongs to the relaxation.
    codes : ndarray of int8 (rows,)
        Status of each row.
    scale : float
        Factor on `error`; 1/samples makes the products mean gradients.
    """

    source: Signal
    error: Signal
    prediction: npt.NDArray[Any]
    codes: npt.NDArray[np.int8]
    scale: float

    def take_statuses(self, relaxations: Iterable[Relaxation]) -> None:
        """Note the worst status of every row."""
        self.codes[:] = 0
        for relaxation in relaxations:
            self.codes[:] = relaxation.codes.clip(min=self.codes)

    def window(self, part: slice) -> Reading:
        """Return the same reading of some rows, in the same memory."""
        return Reading(
            self.source.window(part), self.error.window(part), self.prediction[part], self.codes[part], self.scale
        )


class Homeostasis(Settings):
    """A pull of directed conductances in loops towards reciprocal ones, beside what the rule learns."""

    weight: float = Field(gt=0.0, description="Strength of the pull, relative to the cost.")
    draws: int = Field(5, ge=1, description="Patterns of noise from which it is estimated after every batch.")


FeedbackLearning = Literal["none", "kolen_pollack"]


class Rule(Settings):
    """A learning rule. Its fields are its keys in the scenario; those here are keys of every rule."""

    sequential: ClassVar[bool] = False

    feedback_learning: FeedbackLearning = Field(
        "none",
        description="kolen_pollack: independent feedback conductances follow the updates of the forward ones; "
        "none: they learn by their own products in a loop, and stay as they are between dyads.",
    )

    homeostasis: Homeostasis | None = Field(
        None, description="Pull of directed conductances in loops towards reciprocal ones."
    )

    def check(self, scenario: Sections) -> Iterator[tuple[str, str]]:
        """Yield what the circuit cannot do for the keys that every rule has."""
        circuit = scenario.circuit
        if circuit.kind == "resistive":
            for key, chosen in (
                ("homeostasis", self.homeostasis is not None),
                ("feedback_learning", self.feedback_learning == "kolen_pollack"),
            ):
                if chosen:
                    yield (
                        f"rule.{key}",
                        "it is for feedback conductances of their own, which a netlist does not have. Leave it out.",
                    )
            return
        loop = getattr(circuit, "neuron", None) == "point" and len(getattr(circuit, "layers", ())) > 2
        if self.homeostasis is not None and not (loop and circuit.feedback == "independent"):
            yield (
                "rule.homeostasis",
                "homeostasis is for directed conductances in loops. Use circuit.neuron: point with a hidden layer and "
                "circuit.feedback: independent, or leave it out.",
            )
        if (
            self.feedback_learning == "kolen_pollack"
            and getattr(scenario.circuit, "feedback", "reciprocal") == "reciprocal"
        ):
            yield (
                "rule.feedback_learning",
                "kolen_pollack is for feedback conductances of their own; those of a reciprocal circuit follow anyway. "
                "Use circuit.feedback: independent, or leave it out.",
            )

    @abstractmethod
    def compartments(self) -> Compartments:
        """Return how the compartments of a neuron have to speak to other layers."""

    @abstractmethod
    def phases(self, start: Start) -> tuple[Phase, ...]:
        """Return the relaxations that the rule asks for, if nudged phases start from `start`."""

    def relaxing(self, system: System) -> System:
        """Return what relaxes through the phases: the system itself, or a continuation of it."""
        return system

    @property
    def response_weights(self) -> tuple[float, ...] | None:
        """Weights w_c with which the error signal is read off the response of the compartments, sum_c w_c ds_c/dbeta.

        They say what the rule estimates while the nudge vanishes. None for rules that read the exact error signal.
        """
        return None

    @property
    def duration(self) -> float | None:
        """How long one run lasts, in seconds, where the rule says so; nothing ends it before."""
        return None

    @property
    def complex_nudge(self) -> float | None:
        """Size of the complex nudges that the rule uses, which has to lie inside the radius of convergence."""
        return None

    @property
    def transposes(self) -> bool:
        """Whether nudged phases send their signals the other way around the loops."""
        return False

    @property
    def always_on(self) -> AlwaysOn | None:
        """How the rule learns without phases; None if it compares phases, or its errors come from elsewhere."""
        return None

    @abstractmethod
    def read(self, system: System, solver: Solver, start: Start, reading: Reading) -> int:
        """Let the circuit relax and fill `reading` with what its synapses read; return the steps it took."""


class NudgedRule(Rule):
    """A rule that nudges the outputs with a strength of its own."""

    beta: Beta = Field(
        0.1,
        description="Nudging strength, relative to the curvature of the cost; auto: the one with the smallest error, "
        "found by analysis bias.",
    )

    @property
    def strength(self) -> float:
        """The nudging strength, which has to be known by now."""
        if self.beta == "auto":
            raise ValueError("rule.beta is auto and has not been chosen yet")
        return self.beta

    def check(self, scenario: Sections) -> Iterator[tuple[str, str]]:
        """Yield where nothing could choose the strength."""
        yield from super().check(scenario)
        if self.beta == "auto" and scenario.analysis.type != "bias":
            yield (
                "rule.beta",
                f"auto is chosen by analysis bias, and this is {scenario.analysis.type}. Give a number, for instance "
                "the one that `neurosim run` finds with analysis.type: bias.",
            )
