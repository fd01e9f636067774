"""Random small circuits for property tests, and their rate of change in plain NumPy, straight from design.md."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from hypothesis import strategies as st
from physics_nets import Numbers, circuit
from scipy.special import expit

from neurosim.physics.layered.compartments import POINT, Compartments, dyad
from neurosim.physics.layered.network import CompartmentNetwork
from neurosim.physics.layered.system import LayeredSystem
from neurosim.physics.names import ACTIVATION_CODE, COST_CODE

Array = np.ndarray
ACTIVATIONS = sorted(ACTIVATION_CODE)
SMOOTH = sorted(set(ACTIVATION_CODE) - {"relu", "hard_sigmoid"})
CLIPPED_IDENTITIES = ("identity", "relu", "hard_sigmoid")

FUNCTION = {
    "identity": lambda v: v,
    "relu": lambda v: np.where(v > 0, v, 0),
    "hard_sigmoid": lambda v: np.minimum(np.maximum(v, 0), 1),
    "tanh": np.tanh,
    "sigmoid": expit,
    "shifted_sigmoid": lambda v: 1 / (1 + np.exp(2 - 4 * v)),
    "silu": lambda v: v / (1 + np.exp(-v)),
    "dsilu": lambda v: v / 2 * expit(v) + (1 - v / 2) * expit(v - 2),
    "softplus": lambda v: np.log(1 + np.exp(v)),
}


@dataclass
class Case:
    """A circuit with samples on its terminals, a nudge of its own for each of them, and a state to look at."""

    network: CompartmentNetwork
    system: LayeredSystem
    state: Array
    frozen: Array | None


@st.composite
def cases(draw: st.DrawFn, activations: list[str], dtypes: tuple[str, ...] = ("float32", "float64")) -> Case:
    """Any circuit: 1 to 4 layers above the inputs, point neurons or dyads of every kind, weights of order one."""
    layers = draw(st.lists(st.integers(1, 5), min_size=2, max_size=5))
    rows = draw(st.integers(1, 3))
    activation, output = draw(st.sampled_from(activations)), draw(st.sampled_from(activations))
    compartments = draw(compartment_tables(damping=activation in CLIPPED_IDENTITIES))
    r = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    numbers = Numbers(
        W=[r.normal(size=(n, m)) for m, n in pairwise(layers)],
        b=[r.normal(size=(n, 1)) for n in layers[1:]],
        x=r.normal(size=(layers[0], rows)),
        y=r.dirichlet(np.ones(layers[-1]), rows).T,
        B=[None, *(r.normal(size=(m, n)) for m, n in pairwise(layers[1:]))],
    )
    network = circuit(
        numbers,
        compartments,
        dtype=draw(st.sampled_from(dtypes)),
        tau=draw(st.sampled_from([0.5, 1.0, 3.0])),
        activation=activation,
        output_activation=output,
        cost=draw(st.sampled_from(sorted(COST_CODE))),
        coordinates=draw(st.sampled_from(["activity", "membrane"])),
        feedback=draw(st.sampled_from(["reciprocal", "independent"])),
    )
    system = network.system(rows)
    system.present(numbers.x.T, numbers.y.T)
    state = r.normal(size=system.size).astype(system.dtype)
    frozen = None
    if draw(st.booleans()):
        system.freeze_cost_gradient(r.normal(size=system.size).astype(system.dtype))
        frozen = system.frozen_gradient.copy()
    system.nudges[:] = r.uniform(0.0, 1.0, rows) * draw(st.sampled_from([0.0, 1.0]))
    return Case(network, system, state, frozen)


@st.composite
def compartment_tables(draw: st.DrawFn, damping: bool) -> Compartments:
    if draw(st.booleans()):
        return POINT
    return dyad(
        alpha=draw(st.sampled_from([0.0, 0.3, 0.5, 1.0])),
        transposed=draw(st.booleans()),
        damped=damping and draw(st.booleans()),
        gradient_at=draw(st.sampled_from(["current", "compartment"])),
    )


def slope_of_cost(name: str, s: Array, y: Array) -> Array:
    if name == "squared_error":
        return s - y
    powers = np.exp(s)
    return powers / powers.sum(axis=-1, keepdims=True) - y


def rate_of_change(case: Case) -> Array:
    """The equation of design.md, layer by layer in double precision; the nudge is a current, inside f."""
    network, system, settings = case.network, case.system, case.network.settings
    tables, parameters, last = network.compartments, network.parameters, len(network.layers) - 1
    names = [settings.activation] * (last - 1) + [settings.output_activation]
    planes, y = [view.astype(float) for view in system.views(case.state)], system.targets.astype(float)
    membrane = settings.coordinates == "membrane"
    s = [FUNCTION[name](u) if membrane else u for name, u in zip(names, planes, strict=True)]
    rates: list[Any] = []
    for k in range(1, last + 1):
        f, W = FUNCTION[names[k - 1]], parameters[f"W_{k - 1}"].astype(float)
        below = system.inputs if k == 1 else sum(p * c for p, c in zip(tables.forward, s[k - 2], strict=True))
        a = below @ W + parameters[f"b_{k}"]
        rate = []
        for c, gain in enumerate(tables.gain):
            if k < last:
                e = sum(q * x for q, x in zip(tables.backward, s[k], strict=True))
                B = parameters[f"W_{k}"].T if settings.feedback == "reciprocal" else parameters[f"B_{k}"]
                v = a + gain * (e @ B.astype(float))
            else:
                at = s[-1][c] if tables.gradient_at == "compartment" else f(a)
                g = slope_of_cost(settings.cost, at, y) if case.frozen is None else case.frozen
                v = a - gain * system.nudges[:, None] * g
            if tables.damped and k < last:
                strength = max(0.0, (np.linalg.norm(parameters[f"W_{k}"], 2) ** 2 - 1) / 2)
                v = (v + strength * s[k - 1][c]) / (1 + strength)
            rate.append(((v if membrane else f(v)) - planes[k - 1][c]) / settings.tau)
        rates.append(np.stack(rate).ravel())
    return np.concatenate(rates)
