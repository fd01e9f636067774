"""Nodes of a graph in columns, from the inputs to the outputs, ordered so that few edges cross.

A node stands in the column of its breadth-first distance from the starts; the ends share the last column. Within the
columns barycentre sweeps put every node near the mean place of its neighbours. Source: K. Sugiyama, S. Tagawa, M. Toda,
IEEE Transactions on Systems, Man, and Cybernetics 11 (1981) 109.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

Edge = tuple[str, str]
SWEEPS = 12


def layers_of(
    nodes: Sequence[str], edges: Iterable[Edge], starts: Iterable[str], ends: Iterable[str]
) -> list[list[str]]:
    """Return the columns of a graph, from left to right, each in the order of `nodes`.

    Paths go through an end only where nothing else leads on. A part of the graph that no start reaches begins in the
    first column, at its first node.

    Parameters
    ----------
    nodes : sequence of str
        All nodes.
    edges : iterable of (str, str)
        Pairs of neighbours.
    starts, ends : iterable of str
        Nodes of the first column, and of the last; a node that is both is a start.
    """
    beside: dict[str, set[str]] = {node: set() for node in nodes}
    for a, b in edges:
        beside[a].add(b)
        beside[b].add(a)
    first = list(dict.fromkeys(starts))
    last = [node for node in nodes if node in set(ends) - set(first)]
    depth = dict.fromkeys(first, 0)
    _spread(depth, first, beside, set(last))
    _spread(depth, [node for node in last if node in depth], beside, set())
    for node in nodes:
        if node not in depth:
            depth[node] = 0
            _spread(depth, [node], beside, set())
    inner = [depth[node] for node in nodes if node not in last]
    for node in last:
        depth[node] = max(inner, default=-1) + 1
    used = sorted(set(depth.values()))
    return [[node for node in nodes if depth[node] == level] for level in used]


def _spread(depth: dict[str, int], begun: Sequence[str], beside: Mapping[str, set[str]], walls: set[str]) -> None:
    """Give every node that `begun` leads to its distance; nodes in `walls` get one and lead no further."""
    waiting = list(begun)
    for node in waiting:
        if node in walls:
            continue
        for other in sorted(beside[node] - depth.keys()):
            depth[other] = depth[node] + 1
            waiting.append(other)


def with_few_crossings(layers: Sequence[Sequence[str]], edges: Iterable[Edge]) -> list[list[str]]:
    """Return columns with their nodes in a better order: the best one that barycentre sweeps come across."""
    pairs = list(edges)
    beside: dict[str, list[str]] = {}
    for a, b in pairs:
        beside.setdefault(a, []).append(b)
        beside.setdefault(b, []).append(a)
    column = {node: i for i, layer in enumerate(layers) for node in layer}
    now = best = [list(layer) for layer in layers]
    fewest = crossings(best, pairs)
    for sweep in range(SWEEPS):
        now = [list(layer) for layer in now]
        forth = sweep % 2 == 0
        for i in range(1, len(now)) if forth else range(len(now) - 2, -1, -1):
            place = {node: (k + 0.5) / len(layer) for layer in now for k, node in enumerate(layer)}
            centre = {}
            for node in now[i]:
                behind = [place[o] for o in beside.get(node, ()) if (column[o] < i if forth else column[o] > i)]
                centre[node] = float(np.mean(behind)) if behind else place[node]
            now[i].sort(key=centre.__getitem__)
        count = crossings(now, pairs)
        if count < fewest:
            best, fewest = now, count
    return best


def crossings(layers: Sequence[Sequence[str]], edges: Iterable[Edge]) -> int:
    """Return how many pairs of edges between neighbouring columns cross."""
    column = {node: i for i, layer in enumerate(layers) for node in layer}
    place = {node: k for layer in layers for k, node in enumerate(layer)}
    between: dict[int, list[tuple[int, int]]] = {}
    for a, b in edges:
        a, b = (a, b) if column[a] < column[b] else (b, a)
        if column[b] == column[a] + 1:
            between.setdefault(column[a], []).append((place[a], place[b]))
    total = 0
    for pairs in between.values():
        ends = np.array(pairs)
        order = np.sign(ends[:, None, 0] - ends[None, :, 0]) * np.sign(ends[:, None, 1] - ends[None, :, 1])
        total += int(np.count_nonzero(order < 0)) // 2
    return total
