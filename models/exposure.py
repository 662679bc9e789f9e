"""Who depends on whom: a directed graph of exposures, and who is reached when somebody fails.

**Source**: the exposure networks of Eisenberg and Noe, "Systemic risk in financial systems", Management Science 47
(2001), as a data structure; reachability and strongly connected components as in networkx.
**Models**: an edge from a to b of kind k and w dollars: a loses up to w dollars when b fails. Depositors depend on
pools, pools on the assets that back their loans and on their insurers, borrowers on their collateral. The graph comes
from, and goes to, arrays for the models that say by how much (`clearing`, `debtrank`, `fire_sales`).
**Leaves out**: clearing, partial losses, default cascades: the graph says who could be touched, not by how much.
**Units**: dollars.
**Invariants**: exposures of one kind between the same two add up; no edge carries nothing.
"""

from collections.abc import Collection, Iterable
from math import fsum
from typing import Final, NamedTuple

import networkx as nx
import numpy as np

from models.refusals import Refusal
from models.types import FloatArray

SUPPLIES: Final = "supplies"
LENDS: Final = "lends to"
COLLATERALISES: Final = "collateralises with"
WRAPS: Final = "wraps"
INSURED: Final = "is insured by"
PRICED: Final = "is priced by"

KINDS: Final = {
    SUPPLIES: "a depositor holds claims on a pool",
    LENDS: "a pool is owed by those who borrow from it",
    COLLATERALISES: "a borrower's position rests on an asset",
    WRAPS: "a vault, or a token that it issues, holds claims on another",
    INSURED: "a pool counts on what an insurer would pay",
    PRICED: "a pool acts on the price that an oracle or a market reports",
}
"""The kinds of edges, read from the one who loses to the one who fails."""


class InvalidExposure(Refusal):
    """An exposure is negative, infinite or not a number, or of a kind that nobody reads."""


class Exposure(NamedTuple):
    """`source` loses up to `usd` dollars when `target` fails; `kind` is one of `KINDS`."""

    source: str
    target: str
    kind: str
    usd: float


class Holdings(NamedTuple):
    """Who holds how much of which asset: `usd` has the shape (holders, assets)."""

    holders: list[str]
    assets: list[str]
    usd: FloatArray


def exposure_graph(exposures: Iterable[Exposure]) -> nx.MultiDiGraph:
    """Return the graph of exposures: an edge for each pair and kind, with the attribute `usd`.

    Raises `InvalidExposure`.
    """
    graph = nx.MultiDiGraph()
    for source, target, kind, usd in exposures:
        if kind not in KINDS:
            raise InvalidExposure(f"{source} {kind} {target}: not a kind of exposure; choose from {', '.join(KINDS)}")
        if not 0.0 <= usd < float("inf"):
            raise InvalidExposure(f"{source} {kind} {target} for {usd} dollars; give a finite amount, 0 or more")
        if usd == 0.0:
            continue
        if graph.has_edge(source, target, key=kind):
            graph[source][target][kind]["usd"] += usd
        else:
            graph.add_edge(source, target, key=kind, usd=usd)
    return graph


def exposure_matrix(graph: nx.MultiDiGraph, kinds: Collection[str] = tuple(KINDS)) -> tuple[list[str], FloatArray]:
    """Return the names, in the graph's order, and a matrix: what the row loses, in dollars, when the column fails.

    Only edges of these kinds count; the names are those of the whole graph. The transpose is what the row owes the
    column where the edges are debts, as `models.clearing.clear` wants it.
    """
    names = list(graph)
    row = {name: number for number, name in enumerate(names)}
    usd = np.zeros((len(names), len(names)))
    for source, target, kind, amount in graph.edges(keys=True, data="usd"):
        if kind in kinds:
            usd[row[source], row[target]] += amount
    return names, usd


def holdings(graph: nx.MultiDiGraph) -> Holdings:
    """Return who posts how much of which asset as collateral, as `models.fire_sales` wants it."""
    posted = [(a, b, usd) for a, b, kind, usd in graph.edges(keys=True, data="usd") if kind == COLLATERALISES]
    holders = list(dict.fromkeys(holder for holder, _, _ in posted))
    assets = list(dict.fromkeys(asset for _, asset, _ in posted))
    usd = np.zeros((len(holders), len(assets)))
    for holder, asset, amount in posted:
        usd[holders.index(holder), assets.index(asset)] += amount
    return Holdings(holders, assets, usd)


def wrapping_loops(graph: nx.MultiDiGraph) -> list[set[str]]:
    """Return the groups whose members hold claims on one another, directly or in a circle; the largest first.

    What they count as assets is partly what they have printed themselves.
    """
    wraps = nx.DiGraph((a, b) for a, b, kind in graph.edges(keys=True) if kind == WRAPS)
    groups = nx.strongly_connected_components(wraps)
    loops = [set(group) for group in groups if len(group) > 1 or any(wraps.has_edge(name, name) for name in group)]
    return sorted(loops, key=lambda group: (-len(group), min(group)))


def reached_by(graph: nx.MultiDiGraph, failed: str) -> dict[str, float]:
    """Return everybody who depends on `failed`, directly or through others, and their direct exposure to those hit.

    Empty where nobody does. Sorted by the exposure, the largest first, then by name.
    """
    if failed not in graph:
        return {}
    hit = nx.ancestors(graph, failed)
    failing = hit | {failed}
    touched = {
        name: fsum(usd for _, target, usd in graph.out_edges(name, data="usd") if target in failing) for name in hit
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
    total = fsum(held.values())
    return fsum((usd / total) ** 2 for usd in held.values())
