"""Node perturbation through time: a loss, noise, and no backward pass.

A clean copy of the circuit runs beside noisy ones, each of which keeps its own state. With dl, da, do the differences
of loss, currents and outputs, and xi, zeta the noise on currents and outputs, of standard deviation sigma:

    nodes:     G = sum_t c_t xi_t / sigma^2 (presynaptic)^T
    activity:  G = sum_t k c_t da_t (presynaptic)^T,   k = (number of units) / (sum of the squares of da)
    weights:   G = sum_t c_t V / sigma^2, with noise V on the conductances

c_t = dl_t (step): unbiased for the one-step truncated gradient only. c_t = sum of dl_t' over t' >= t (causal), or over
all t' (total): unbiased for the gradient through time; causal has less variance. Activity perturbation needs neither
sigma nor the noise, but the recurrence colours da, and that bias stays however many samples are averaged.

References
----------
Gradient-free training of recurrent neural networks using random perturbations, Front. Neurosci. 18:1439155 (2024),
arXiv 2405.08967. The scales are those of unbiased estimates; published code scales some of them otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from neurosim.learning.sequence_rule import SequenceRule
from neurosim.settings import Sections, Settings

if TYPE_CHECKING:
    from neurosim.learning.sequences.estimator import Estimator
    from neurosim.physics.recurrent.network import RecurrentNetwork


class Decorrelation(Settings):
    """D <- D - rate ((1 - k) offdiag(z z^T) D + k diag(z^2 - 1) D) after every step, z = D h, k the gain control.

    Signals of low rank it decorrelates by shrinking them; the mean of z^2 is logged, and a warning says so.
    """

    rate: float = Field(gt=0.0, description="Rate per step.")
    gain_control: float = Field(0.0, ge=0.0, le=1.0, description="Share k of the pull of every z^2 towards 1.")


class NodePerturbation(SequenceRule):
    """Learning from differences of the loss between noisy copies of a recurrent circuit and a clean one."""

    type: Literal["node_perturbation"]
    perturb: Literal["weights", "nodes", "activity"] = Field(
        "activity",
        description="nodes: a synapse knows the noise of its unit; activity: it reads how the current has changed; "
        "weights: every conductance is noisy.",
    )
    credit: Literal["step", "causal", "total"] = Field(
        "causal",
        description="Which losses the noise of a step is held responsible for: that of the step, all from it on, all.",
    )
    sigma: float = Field(1e-3, gt=0.0, description="Standard deviation of the noise.")
    samples: int = Field(1, ge=1, le=30000, description="Noisy copies K whose estimates are averaged.")
    copies: Literal["clean", "noisy"] = Field(
        "clean", description="Noisy copies are compared with one clean copy, or each with another noisy one."
    )
    norm: Literal["layer", "global"] = Field(
        "global", description="With perturb activity: one norm for units and one for outputs, or one for all."
    )
    decorrelation: Decorrelation | None = Field(None, description="Decorrelation of the states; null: none.")

    def check(self, scenario: Sections) -> Iterator[tuple[str, str]]:
        """Yield combinations that mean nothing."""
        yield from super().check(scenario)
        if self.updates == "step" and self.credit != "step":
            yield "rule.credit", f"found {self.credit}, but with updates: step later losses are not known. Use step."
        if self.perturb != "weights":
            return
        if self.credit == "causal":
            yield "rule.credit", "causal is for nodes and activity; weights have step (noise redrawn) or total (held)."
        if self.copies == "noisy":
            yield "rule.copies", "noisy copies in pairs are for nodes and activity. Use clean."
        if self.decorrelation is not None:
            yield "rule.decorrelation", "is for nodes and activity; with perturb weights leave it out."

    def estimator(self, network: RecurrentNetwork, rows: int, seed: int) -> Estimator:
        """Return the copies, with noisy units or noisy conductances."""
        # NumPy and Numba are not needed to validate a scenario.
        from neurosim.learning.sequences.copies import Perturbation, PerturbedCopies
        from neurosim.learning.sequences.noisy_weights import NoisyWeights

        if self.perturb == "weights":
            return NoisyWeights(network, rows, seed, self.credit == "total", self.sigma, self.samples)
        pull = None if self.decorrelation is None else (self.decorrelation.rate, self.decorrelation.gain_control)
        chosen = Perturbation(
            activity=self.perturb == "activity",
            credit=self.credit,
            sigma=self.sigma,
            samples=self.samples,
            quiet=self.copies == "clean",
            whole_norm=self.norm == "global",
            decorrelation=pull,
        )
        return PerturbedCopies(network, rows, seed, chosen)
