"""Who depends on whom: a directed graph of exposures, and who is reached when somebody fails.

**Source**: the exposure networks of Eisenberg and Noe, "Systemic risk in financial systems", Management Science 47
(2001), as a data structure; reachability as in networkx.
**Models**: an edge from a to b of kind k and w dollars: a loses up to w dollars when b fails. Depositors depend on
pools, pools on the assets that back their loans and on their insurers, borrowers on their collateral.
**Leaves out**: clearing, partial losses, default cascades: the graph says who could be touched, not by how much.
**Units**: dollars.
**Invariants**: exposures of one kind between the same two add up; no edge carries nothing.
"""

from collections.abc import Iterable
from typing import NamedTuple

import networkx as nx

from models.refusals import Refusal


class InvalidExposure(Refusal):
    """An exposure is negative, infinite or not a number."""


class Exposure(NamedTuple):
    """`source` loses up to `usd` dollars when `target` fails."""

    source: str
    target: str
    kind: str
    usd: float


def exposure_graph(exposures: Iterable[Exposure]) -> nx.MultiDiGraph:
    """Return the graph of exposures: an edge for each pair and kind, with the attribute `usd`.

    Raises `InvalidExposure`.
    """
    graph = nx.MultiDiGraph()
    for source, target, kind, usd in exposures:
        if not 0.0 <= usd < float("inf"):
            raise InvalidExposure(f"{source} {kind} {target} for {usd} dollars; give a finite amount, 0 or more")
        if usd == 0.0:
            continue
        if graph.has_edge(source, target, key=kind):
            graph[source][target][kind]["usd"] += usd
        else:
            graph.add_edge(source, target, key=kind, usd=usd)
    return graph


def reached_by(graph: nx.MultiDiGraph, failed: str) -> dict[str, float]:
    """Return everybody who depends on `failed`, directly or through others, and their direct exposure to those hit.

    Empty where nobody does. Sorted by the exposure, the largest first, then by name.
    """
    if failed not in graph:
        return {}
    hit = nx.ancestors(graph, failed)
    failing = hit | {failed}
    touched = {
        name: sum(usd for _, target, usd in graph.out_edges(name, data="usd") if target in failing) for name in hit
    }
    return dict(sorted(touched.items(), key=lambda item: (-item[1], item[0])))


def concentration(graph: nx.MultiDiGraph, target: str) -> float:
    """Return the Herfindahl index of the exposures to `target`: 1 where one holds all, 1 / n among n equals, 0 if none.

    The index is over sources, whatever the kinds of their exposures.
    """
    if target not in graph:
        return 0.0
    held: dict[str, float] = {}
    for source, _, usd in graph.in_edges(target, data="usd"):
        held[source] = held.get(source, 0.0) + usd
    total = sum(held.values())
    return sum((usd / total) ** 2 for usd in held.values())
