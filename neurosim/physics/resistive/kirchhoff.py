"""Kirchhoff's current law for a batch, with its derivative: what operating points and linearisations are made of.

    w = v B_S + w0          voltage across every branch, (rows, branches)
    F = -i(w) B_P           current into every free node, (rows, free);   J = dF/dv = -B_P^T diag(di/dw) B_S^T

B_S has the gains of the two ends of a branch, B_P their weights; both are sparse. The entries of J that a netlist can
fill are the columns of another sparse matrix: J of all rows is one product with di/dw.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from neurosim.physics.resistive.laws.table import branch_laws
from neurosim.physics.resistive.netlist import Netlist

Array = npt.NDArray[Any]


class Kirchhoff:
    """The equations of a netlist whose nodes follow with given gains and weights.

    Parameters
    ----------
    netlist : Netlist
        Branches and nodes.
    gains, weights : ndarray (nodes,)
        How nodes follow their roots; those of the netlist, or swapped where signals go the other way.
    """

    def __init__(self, netlist: Netlist, gains: Array, weights: Array) -> None:
        self.netlist, self.gains, self.weights = netlist, gains, weights
        self.B_S = self._ends(gains)
        self.B_P = self._ends(weights).T.tocsr()

    def _ends(self, factors: Array) -> Any:
        """Return (free, branches): +factor where a first node follows a free one, -factor where a second does."""
        net = self.netlist
        branch = np.arange(len(net.branches))
        nodes, columns = np.concatenate([net.first, net.second]), np.tile(branch, 2)
        values = np.concatenate([factors[net.first], -factors[net.second]])
        there = net.roots[nodes] >= 0
        entries = (values[there], (net.roots[nodes][there], columns[there]))
        return sparse.csr_matrix(entries, (net.free, len(branch)))

    @cached_property
    def _pattern(self) -> tuple[npt.NDArray[np.int64], Any]:
        """Flat places (row free + column) that J can fill, and the matrix (branches, places) that fills them."""
        n = self.netlist.free
        P, S = self.B_P.tocoo(), self.B_S.T.tocsr()
        rows, columns, values = [], [], []
        for branch, into, weight in zip(P.row.tolist(), P.col.tolist(), P.data.tolist(), strict=True):
            for k in range(S.indptr[branch], S.indptr[branch + 1]):
                rows.append(branch)
                columns.append(into * n + int(S.indices[k]))
                values.append(weight * S.data[k])
        diagonal = np.arange(n) * (n + 1)
        places = np.unique(np.concatenate([diagonal, np.array(columns, np.int64)]))
        at = np.searchsorted(places, columns)
        return places, sparse.csr_matrix((values, (rows, at)), (len(self.netlist.branches), len(places)))

    def node_voltages(self, v: Array, fixed: Array) -> Array:
        """Return V (rows, nodes) for free voltages `v` (rows, free) and what is `fixed` (rows, nodes)."""
        follows = self.netlist.roots >= 0
        V = fixed.copy()
        V[:, follows] += self.gains[follows] * v[:, self.netlist.roots[follows]]
        return V

    def across(self, nodes: Array) -> Array:
        """Return the difference between the two ends of every branch, (rows, branches), of values (rows, nodes)."""
        return np.asarray(nodes[:, self.netlist.first] - nodes[:, self.netlist.second])

    def laws(self, w: Array, p: Array) -> tuple[Array, Array]:
        """Return current and slope of every branch, (rows, branches); `p` are trained parameters and numbers."""
        w = np.ascontiguousarray(w, p.dtype)
        currents, slopes = np.empty_like(w), np.empty_like(w)
        branch_laws[p.dtype](self.netlist.codes, self.netlist.places, p, w, currents, slopes)
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
