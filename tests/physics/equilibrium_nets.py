"""Net R of the reference on equilibrium propagation, and the same equations in plain NumPy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from neurosim.physics.layered.compartments import POINT
from neurosim.physics.layered.network import CompartmentNetwork
from neurosim.physics.layered.settings import Init, LayeredCircuit
from neurosim.physics.layered.system import LayeredSystem

Array = np.ndarray
SIZES = (6, 8, 8, 5)


def f(u: Array) -> Array:
    return 1 / (1 + np.exp(2 - 4 * u))


@dataclass
class NetR:
    """Numbers of R(seed, psi): W_k (out, in), B_k (n_k, n_{k+1}), b, one sample x and its target y."""

    W: list[Array]
    B: dict[int, Array]
    b: Array
    x: Array
    y: Array

    @property
    def G(self) -> Array:
        """All recurrent conductances: block (k+1, k) is W_k, block (k, k+1) is B_k."""
        G = np.zeros((21, 21))
        G[8:16, :8], G[16:, 8:16] = self.W[1], self.W[2]
        G[:8, 8:16], G[8:16, 16:] = self.B[1], self.B[2]
        return G

    @property
    def drive(self) -> Array:
        return self.b + np.concatenate([self.W[0] @ self.x, np.zeros(13)])

    def settle(self, beta: complex = 0.0) -> Array:
        """Return the equilibrium u at the nudge `beta`, followed from the free state by Newton's method."""
        u = np.zeros(21, complex)
        out = np.concatenate([np.zeros(16), np.ones(5)])
        for nudge in (0.0, *(beta * np.linspace(0.1, 1.0, 10) if beta else ())):
            for _ in range(100):
                s = f(u)
                rest = self.G @ s + self.drive - u - nudge * out * (s - np.concatenate([np.zeros(16), self.y]))
                slope = 4 * s * (1 - s)
                u = u - np.linalg.solve((self.G - nudge * np.diag(out)) * slope - np.eye(21), rest)
                if np.abs(rest).max() < 1e-15:
                    break
        return u if np.iscomplexobj(beta) else u.real


def net_r(seed: int = 0, psi_deg: float = 0.0) -> NetR:
    r, psi = np.random.default_rng(seed), np.deg2rad(psi_deg)
    W = [r.normal(size=(8, 6)) / np.sqrt(6), 0.6 * r.normal(size=(8, 8)) / np.sqrt(8)]
    W.append(0.6 * r.normal(size=(5, 8)) / np.sqrt(8))
    R = [
        0.6 * r.normal(size=W_k.shape) / np.sqrt(W_k.shape[1]) for W_k in W
    ]  # R_0 is drawn, but the inputs feel nothing
    B = {k: (np.cos(psi) * W[k] + np.sin(psi) * R[k]).T for k in (1, 2)}
    return NetR(W, B, 0.3 + 0.1 * r.normal(size=21), r.normal(size=6), r.uniform(size=5))


def network_of(net: NetR, feedback: str = "independent", **keys: object) -> CompartmentNetwork:
    """Return the compartment network with these numbers."""
    settings = LayeredCircuit(
        neuron="point", layers=SIZES, init=Init(), feedback=feedback,
        **{"coordinates": "membrane", "activation": "shifted_sigmoid", "output_activation": "shifted_sigmoid", **keys},
    )  # fmt: skip
    network = CompartmentNetwork(settings, POINT, "float64", 0)
    for k, W in enumerate(net.W):
        network.parameters[f"W_{k}"][:] = W.T
    for k, B in net.B.items():
        network.parameters[f"B_{k}"][:] = B.T
    for k, (lo, hi) in enumerate(((0, 8), (8, 16), (16, 21)), start=1):
        network.parameters[f"b_{k}"][:] = net.b[lo:hi]
    network.parameters_changed()
    return network


def present(network: CompartmentNetwork, net: NetR) -> LayeredSystem:
    """Return the network with the sample on its terminals."""
    system = network.system(1)
    system.present(net.x[None], net.y[None])
    return system


def gradient_of_G(gradient: dict[str, Array]) -> Array:
    """Return the gradient of all recurrent conductances of a network with independent feedback, as one vector."""
    return np.concatenate([gradient[name].ravel() for name in ("W_1", "W_2", "B_1", "B_2")])
