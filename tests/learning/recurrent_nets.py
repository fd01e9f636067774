"""Recurrent networks and signals for tests, and the rules of node perturbation once more in plain NumPy."""

from __future__ import annotations

import numpy as np

from neurosim.learning.exact.through_time import ThroughTime
from neurosim.learning.sequences.copies import Perturbation, PerturbedCopies
from neurosim.noise.fill import fill_normals
from neurosim.physics.recurrent.network import RecurrentNetwork
from neurosim.physics.recurrent.settings import RecurrentCircuit
from neurosim.seeds import Purpose, noise_key


def network(units=50, inputs=1, outputs=1, seed=0, dtype="float64", **keys):
    """Return a recurrent network."""
    return RecurrentNetwork(RecurrentCircuit(kind="recurrent", units=units, **keys), inputs, outputs, dtype, seed)


def signals(steps, rows, inputs=1, outputs=1, seed=0):
    """Return smooth inputs and targets, shapes (steps, rows, inputs) and (steps, rows, outputs)."""
    draw = np.random.default_rng(seed)
    t = np.arange(steps)[:, None, None]

    def waves(columns):
        period, phase = draw.uniform(8, 30, (2, 1, rows, columns))
        return np.sin(2 * np.pi * t / period + phase)

    return waves(inputs), waves(outputs)


def update(estimator, u, y, counted=None, path=0):
    """Return the update of a whole batch by name."""
    counted = np.ones(len(u), bool) if counted is None else counted
    estimator.present(u, y, counted, False, path)
    estimator.learn(0, len(u))
    return {name: values.copy() for name, values in estimator.gradient.items()}


def exact(net, u, y, one_step=False, counted=None):
    """Return the gradient of the summed loss, by name."""
    return update(ThroughTime(net, u.shape[1], one_step), u, y, counted)


def perturbed(net, u, y, rule, samples, seed=0, path=0, counted=None, **keys):
    """Return the update of a rule: np or anp, then its credit."""
    kind, credit = rule.split("-")
    chosen = Perturbation(activity=kind == "anp", credit=credit, samples=samples, **keys)
    return update(PerturbedCopies(net, u.shape[1], seed, chosen), u, y, counted, path)


def together(gradient):
    """Return all blocks as one vector."""
    return np.concatenate([values.ravel() for values in gradient.values()])


def angle(x, y):
    """Return the cosine between two gradients."""
    a, b = together(x), together(y)
    return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))


def length_ratio(x, y):
    """Return |x| / |y|."""
    return float(np.linalg.norm(together(x)) / np.linalg.norm(together(y)))


def drawn_noise(net, steps, rows, planes, seed=0, path=0):
    """Return the normals of every copy, shape (steps, planes, rows, N + outputs), as the generator defines them."""
    key = noise_key(seed, Purpose.NODE_PERTURBATION)
    found = np.zeros((steps, planes, rows, net.units + net.outputs))
    for t in range(steps):
        for p in range(planes):
            fill_normals[np.float64](*key, np.arange(path, path + rows), t, p, found[t, p])
    return found


def rollout(net, u, y, xi=0.0, zeta=0.0):
    """Return currents, states, outputs and losses of one sequence, with noise (steps, N) and (steps, outputs)."""
    A, R, B, D = (net.parameters[name] for name in "ARBD")
    z, found = np.zeros(net.units), []
    for t in range(len(u)):
        a = A @ u[t] + R @ z + (xi[t] if np.ndim(xi) else xi)
        z = D @ np.tanh(a)
        o = B @ z + (zeta[t] if np.ndim(zeta) else zeta)
        found.append((a, z, o, np.mean((o - y[t]) ** 2)))
    return tuple(np.array(values) for values in zip(*found, strict=True))


def reference(net, u, y, rule, samples, sigma, noisy=False, layer=False, seed=0):
    """Return the update of a rule, formed with the whole history of every copy, row by row."""
    kind, credit = rule.split("-")
    steps, rows, _ = u.shape
    n, outputs = net.units, net.outputs
    noise = sigma * drawn_noise(net, steps, rows, (2 * samples) if noisy else (1 + samples), seed)
    G = {name: np.zeros_like(net.parameters[name]) for name in "ARB"}
    for r in range(rows):
        for k in range(samples):
            p, q = (samples + k, k) if noisy else (1 + k, 0)
            beside = noise[:, q, r] if noisy else np.zeros((steps, n + outputs))
            x = noise[:, p, r]
            a0, z0, o0, l0 = rollout(net, u[:, r], y[:, r], beside[:, :n], beside[:, n:])
            a1, _, o1, l1 = rollout(net, u[:, r], y[:, r], x[:, :n], x[:, n:])
            dl, da, do = l1 - l0, a1 - a0, o1 - o0
            c = {"step": dl, "causal": dl[::-1].cumsum()[::-1], "total": np.full(steps, dl.sum())}[credit]
            if kind == "np":
                variance = sigma**2 * (2 if noisy else 1)
                e = c[:, None] * (x - beside)[:, :n] / variance
                eo = (dl if credit == "causal" else c)[:, None] * (x - beside)[:, n:] / variance
            else:
                sa, so = (da**2).sum(1), (do**2).sum(1)
                if credit != "step":
                    sa, so = np.full(steps, sa.mean()), np.full(steps, so.mean())
                ka, ko = (n / sa, outputs / so) if layer else ((n + outputs) / (sa + so),) * 2
                e, eo = (ka * c)[:, None] * da, (ko * c)[:, None] * do
            before = np.vstack([np.zeros(n), z0[:-1]])
            for name, left, right in (("A", e, u[:, r]), ("R", e, before), ("B", eo, z0)):
                G[name] += left.T @ right / (rows * samples)
    return G
