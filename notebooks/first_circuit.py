# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # A circuit that learns by relaxing
#
# Each neuron is a *dyad*: two compartments, $s^+$ nudged down the cost and $s^-$ nudged up. Their mean is the
# activity that goes forward, their difference is the error signal that comes back. Both follow one differential
# equation; nothing computes a gradient. This notebook lets such a circuit settle, forms the update of one synapse by
# hand from what lies next to it, and holds it against the exact gradient.

# %%
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr

from neurosim.analysis.run import Options, execute
from neurosim.plots.figure import draw_figure
from neurosim.results.reader import open_result
from neurosim.scenario.load import load_scenario

folder = Path(tempfile.mkdtemp())


def run(name, *changes):
    """Run a shipped scenario with some keys changed; return the path of its result."""
    loaded = load_scenario(name, changes)
    path, outcome = execute(loaded, Options(output=folder / f"{loaded.run_id}.h5"))
    print(outcome.message)
    return path


# %% [markdown]
# ## How a dyad settles
#
# First the free circuit, then the same circuit with its outputs nudged. The means hardly move; the differences spread
# from the outputs downwards.

# %%
relaxation = run("dyad_relaxation")
with open_result(relaxation) as file:
    figure = draw_figure(file)
figure

# %% [markdown]
# ## What a synapse reads
#
# The result opens in xarray with named dimensions and units. The conductance from unit $i$ of layer 1 to unit $j$ of
# layer 2 changes by the product of the mean of the dyad below it and the difference of the dyad above it, over the
# nudge $\beta$.


# %%
def update_of(path):
    """Return what the synapses from layer 1 to layer 2 read: the mean product over the samples, shape (32, 32)."""
    relax = xr.open_dataset(path, group="relax", engine="h5netcdf")
    alpha, beta = float(relax.forward_weight[0]), float(relax.nudge.sel(phase="nudged"))
    settled = relax.isel(time=-1).sel(phase="nudged")
    below, above = settled.state_layer_1, settled.state_layer_2
    mean = alpha * below.isel(compartment=0) + (1 - alpha) * below.isel(compartment=1)
    error = (above.isel(compartment=1) - above.isel(compartment=0)) / beta
    return xr.dot(mean, error, dim="sample").values / relax.sizes["sample"]


# %% [markdown]
# Beside it the exact gradient of the same samples: back-propagation, written out with the conductances of the result.


# %%
def gradient_of(path):
    """Return dC/dW_1 of half the squared error, mean over the samples, shape (32, 32)."""
    relax = xr.open_dataset(path, group="relax", engine="h5netcdf")
    circuit = xr.open_dataset(path, group="circuit/parameters", engine="h5netcdf")
    x, y = relax.inputs.values, relax.targets.values
    W = [circuit[f"W_{k}"].values for k in range(3)]
    s1 = np.tanh(x @ W[0])
    s2 = np.tanh(s1 @ W[1])
    delta = (1 - s2**2) * ((s2 @ W[2] - y) @ W[2].T)
    return s1.T @ delta / len(x)


def distance(path):
    """Return |update - gradient| / |gradient|."""
    exact = gradient_of(path)
    return np.linalg.norm(update_of(path) - exact) / np.linalg.norm(exact)


print(f"relative distance of the update from the gradient: {distance(relaxation):.4f}")

# %% [markdown]
# ## The nudge is what stands between them
#
# Half the nudge brings the update closer to the gradient: four times closer for $\alpha = 1/2$, where both
# compartments are nudged alike, and twice for $\alpha = 0$, where only one of them moves.

# %%
distances = {
    alpha: [distance(run("dyad_relaxation", f"rule.alpha={alpha}", f"rule.beta={beta}")) for beta in (0.2, 0.1)]
    for alpha in (0.5, 0.0)
}
for alpha, (wide, narrow) in distances.items():
    print(f"alpha = {alpha}: {wide:.5f} at beta = 0.2, {narrow:.5f} at beta = 0.1, ratio {wide / narrow:.2f}")
assert 3.8 < distances[0.5][0] / distances[0.5][1] < 4.2
assert 1.9 < distances[0.0][0] / distances[0.0][1] < 2.1

# %% [markdown]
# ## Learning
#
# Training follows these updates after every batch.

# %%
figure, axes = plt.subplots(figsize=(6, 3.5))
for alpha in (0.0, 0.5, 1.0):
    result = run("dyad_digits", f"rule.alpha={alpha}", "analysis.epochs=8")
    train = xr.open_dataset(result, group="train", engine="h5netcdf")
    axes.semilogy(train.epoch, 100 * train.test_error, marker="o", label=rf"$\alpha$ = {alpha}")
axes.set_xlabel("epoch")
axes.set_ylabel("misclassified digits (%)")
axes.legend()
