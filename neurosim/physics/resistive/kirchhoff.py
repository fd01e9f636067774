"""Kirchhoff's current law for a batch, with its derivative: what operating points and linearisations are made of.

    w = v B_S + w0          voltage across every branch, (rows, branches)
    F = -i(w) B_P           current into every free node, (rows, free);   J = dF/dv = -B_P^T diag(di/dw) B_S^T

B_S has the gains of the two ends of a branch, B_P their weights; both are sparse. The entries of J that a netlist can
fill are the columns of another sparse matrix: J of all rows is one product with di/dw. Resistors and current sources
can be summed apart from the others, once for a whole search (`neurosim.physics.resistive.linear_part`).
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from neurosim.physics.resistive.laws.table import CURRENT_SOURCE, RESISTOR, branch_laws
from neurosim.physics.resistive.netlist import Netlist
from neurosim.physics.resistive.newton_kernel import elimination_order

Array = npt.NDArray[Any]

LINEAR = (RESISTOR, CURRENT_SOURCE)


class Kirchhoff:
    """The equations of a netlist whose nodes follow with given gains and weights.

    Parameters
    ----------
    netlist : Netlist
        Branches and nodes.
    gains, weights : ndarray (nodes,)
        How nodes follow their roots; those of the netlist, or swapped where signals go the other way.
    branches : ndarray of int64, optional
        The branches that are taken into account; default: all. Arrays (rows, branches) are of these.
    """

    def __init__(
        self, netlist: Netlist, gains: Array, weights: Array, branches: npt.NDArray[np.int64] | None = None
    ) -> None:
        self.netlist, self.gains, self.weights = netlist, gains, weights
        taken = np.arange(len(netlist.branches)) if branches is None else branches
        self.codes, self.places = netlist.codes[taken], netlist.places[taken]
        self.first, self.second = netlist.first[taken], netlist.second[taken]
        self.B_S = self._ends(gains)
        self.B_P = self._ends(weights).T.tocsr()

    @cached_property
    def linear(self) -> Kirchhoff:
        """The equations of the resistors and current sources alone."""
        return self._only(np.isin(self.netlist.codes, LINEAR))

    @cached_property
    def nonlinear(self) -> Kirchhoff:
        """The equations of all other branches alone."""
        return self._only(~np.isin(self.netlist.codes, LINEAR))

    @cached_property
    def order(self) -> tuple[npt.NDArray[np.int64], int]:
        """An order of the free nodes that begins with nodes which no branch joins, and how many these are."""
        net = self.netlist
        plain, follows = np.ones(net.free, bool), net.roots >= 0
        plain[net.roots[follows & ((self.gains != 1.0) | (self.weights != 1.0))]] = False
        return elimination_order(net.roots, plain, np.stack([net.first, net.second], axis=1))

    def _only(self, wanted: npt.NDArray[np.bool_]) -> Kirchhoff:
        return Kirchhoff(self.netlist, self.gains, self.weights, np.flatnonzero(wanted))

    def _ends(self, factors: Array) -> Any:
        """Return (free, branches): +factor where a first node follows a free one, -factor where a second does."""
        net = self.netlist
        branch = np.arange(len(self.codes))
        nodes, columns = np.concatenate([self.first, self.second]), np.tile(branch, 2)
        values = np.concatenate([factors[self.first], -factors[self.second]])
        there = net.roots[nodes] >= 0
        entries = (values[there], (net.roots[nodes][there], columns[there]))
        return sparse.csr_matrix(entries, (net.free, len(branch)))

    @cached_property
    def _pattern(self) -> tuple[npt.NDArray[np.int64], Any]:
        """Flat places (row free + column) that J can fill, and the matrix (branches, places) that fills them."""
        n, roots = self.netlist.free, self.netlist.roots
        rows, columns, values = [], [], []
        for into, into_sign in ((self.first, 1.0), (self.second, -1.0)):
            for of, of_sign in ((self.first, 1.0), (self.second, -1.0)):
                there = np.flatnonzero((roots[into] >= 0) & (roots[of] >= 0))
                into_there, of_there = into[there], of[there]
                rows.append(there)
                columns.append(roots[into_there] * n + roots[of_there])
                values.append(into_sign * of_sign * self.weights[into_there] * self.gains[of_there])
        flat = np.concatenate(columns)
        places = np.unique(np.concatenate([np.arange(n) * (n + 1), flat]))
        entries = (np.concatenate(values), (np.concatenate(rows), np.searchsorted(places, flat)))
        return places, sparse.csr_matrix(entries, (len(self.codes), len(places)))

    def node_voltages(self, v: Array, fixed: Array) -> Array:
        """Return V (rows, nodes) for free voltages `v` (rows, free) and what is `fixed` (rows, nodes)."""
        follows = self.netlist.roots >= 0
        V = fixed.copy()
        V[:, follows] += self.gains[follows] * v[:, self.netlist.roots[follows]]
        return V

    def across(self, nodes: Array) -> Array:
        """Return the difference between the two ends of every branch, (rows, branches), of values (rows, nodes)."""
        return np.asarray(nodes[:, self.first] - nodes[:, self.second])

    def laws(self, w: Array, p: Array) -> tuple[Array, Array]:
        """Return current and slope of every branch, (rows, branches); `p` are trained parameters and numbers."""
        w = np.ascontiguousarray(w, p.dtype)
        currents, slopes = np.empty_like(w), np.empty_like(w)
        branch_laws[p.dtype](self.codes, self.places, p, w, currents, slopes)
        return currents, slopes

    def branch_change(self, v: Array) -> Array:
        """Return dw (rows, branches) for a change (rows, free) of the free voltages."""
        return np.asarray(v @ self.B_S)

    def into_free(self, currents: Array) -> Array:
        """Return F (rows, free), the sum of the currents (rows, branches) into every free node."""
        return -np.asarray(currents @ self.B_P)

    def matrices(self, slopes: Array, diagonal: Array) -> Array:
        """Return J + diag of every row, (rows, free, free), for `slopes` (rows, branches), `diagonal` (rows, free)."""
        n, (places, fill) = self.netlist.free, self._pattern
        dense = np.zeros((len(slopes), n * n))
        dense[:, places] = -np.asarray(slopes @ fill)
        dense[:, np.arange(n) * (n + 1)] += diagonal
        return dense.reshape(-1, n, n)

    def sparse_matrix(self, slopes: Array, diagonal: Array) -> Any:
        """Return J + diag of one row as a sparse matrix, for `slopes` (branches,) and `diagonal` (free,)."""
        n, (places, fill) = self.netlist.free, self._pattern
        J = sparse.csc_matrix((-np.asarray(slopes @ fill), (places // n, places % n)), (n, n))
        return J + sparse.diags(diagonal, format="csc")
