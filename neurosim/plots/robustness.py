"""Plot `robustness`: test error against the size of an attack, one line per variant, and norms of the conductances."""

from __future__ import annotations

from functools import partial
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from neurosim.errors import SimulationError
from neurosim.plots.epochs import write_when
from neurosim.plots.layout import Arrangement, Layout, Panel
from neurosim.plots.style import GUIDE, LINES
from neurosim.results.reader import texts

Array = npt.NDArray[Any]

TITLES = {"fgsm": "FGSM: one step", "pgd": "PGD: projected steps"}
MARKERS = "os^Dv<>"
DASHES = ("-", (0, (4, 1.5)), (0, (1, 1)))


def draw_attack(file: h5py.File, axes: Axes, kind: str) -> None:
    """Draw test error in percent against the size of one kind of attack, from no attack on.

    Parameters
    ----------
    file : h5py.File
        An open result of analysis robustness.
    axes : Axes
        Where to.
    kind : {"fgsm", "pgd"}
        Which attack.

    Raises
    ------
    SimulationError
        If the file holds no attack of this kind.
    """
    sizes, errors = read_attack(file, kind)
    names = texts(file["robustness/variant"])
    for i, values in enumerate(errors):
        axes.plot(sizes, values, label=names[i], **_look(i))
    axes.set_xlim(0.0, 1.03 * sizes[-1])
    axes.set_ylim(0.0, 100.0)
    axes.set_xlabel("largest change of an input")
    axes.set_ylabel("misclassified (%)")
    axes.set_title(TITLES[kind], loc="left", pad=15)
    write_when(axes, "test samples; 0: as they are")


def read_attack(file: h5py.File, kind: str) -> tuple[Array, Array]:
    """Return the sizes of an attack, zero first, and test errors in percent, shape (variants, sizes)."""
    group = robustness_group(file)
    errors = group["attacked_error"][:, texts(group["attack"]).index(kind)]
    asked = np.isfinite(errors).any(axis=0)
    if not asked.any():
        raise SimulationError(f"no circuit was attacked by {kind}.")
    sizes = np.concatenate([[0.0], group["epsilon"][:][asked]])
    return sizes, 100.0 * np.column_stack([group["clean_error"][:], errors[:, asked]])


def draw_norms(file: h5py.File, axes: Axes) -> None:
    """Draw the norm of the product of the conductances of every variant, and the product of their norms.

    The names of the rows are the key to the colours and marks of the other panels.
    """
    group = robustness_group(file)
    names, rows = texts(group["variant"]), np.arange(len(group["variant"]))[::-1]
    for i, row in enumerate(rows):
        axes.axhline(row, color=GUIDE, linewidth=0.4, alpha=0.4, zorder=1)
        for name, filled in (("product_norm", "full"), ("norm_product", "none")):
            axes.plot(group[name][i], row, fillstyle=filled, clip_on=False, **{**_look(i), "markersize": 6})
    axes.set_yticks(rows, names)
    for i, label in enumerate(axes.yaxis.get_ticklabels()):
        label.set_color(_look(i)["color"])
    axes.set_ylim(-0.6, len(names) - 0.4)
    axes.set_xlim(0.0, 1.05 * float(np.nanmax(group["norm_product"][:])))
    axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.set_xlabel("spectral norm")
    axes.set_title("conductances, all layers", loc="left", pad=15)
    write_when(axes, "full: of their product; open: product of norms")


def robustness_group(file: h5py.File) -> Any:
    """Return /robustness.

    Raises
    ------
    SimulationError
        If the file holds no comparison, or no variant of it was finished.
    """
    if "robustness" not in file:
        raise SimulationError("there is no attack; it comes from analysis robustness.")
    if not np.isfinite(file["robustness/clean_error"][:]).any():
        raise SimulationError("the run ended before the first variant was trained and attacked.")
    return file["robustness"]


def _look(i: int) -> dict[str, Any]:
    """Return colour, mark and dash of a variant."""
    dash = DASHES[i // len(LINES) % len(DASHES)]
    return {"color": LINES[i % len(LINES)], "marker": MARKERS[i % len(MARKERS)], "linestyle": dash}


def _arrange(file: h5py.File) -> Arrangement:
    group = robustness_group(file)
    errors = group["attacked_error"][:]
    kinds = [kind for i, kind in enumerate(texts(group["attack"])) if np.isfinite(errors[:, i]).any()]
    row: list[Panel] = [partial(draw_attack, file, kind=kind) for kind in kinds]
    row.append(partial(draw_norms, file))
    count = len(group["variant"])
    ways = f"the same circuit trained in {count} ways" if count > 1 else "a trained circuit"
    return Arrangement([row], f"test error of {ways}, under attacks on its inputs; names and colours at the right")


LAYOUT = Layout(_arrange)
