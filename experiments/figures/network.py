"""Who depends on whom, and how losses went through: the classes of a run as a network, in a layout that never changes.

Everybody of a kind is one node, so that a million borrowers are as easy to see as ten. Grey links are what one has at
stake with another at the start, or what changed hands; orange ones are what was lost, towards whoever bears it.
"""

from collections.abc import Iterator
from math import fsum, sqrt
from typing import NamedTuple

import networkx as nx
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import FancyArrowPatch

from experiments.figures import palette, style
from experiments.figures.reading import Story, layers_of
from experiments.stored.storage import Results
from models.types import FloatArray

_MIDDLE = ("pools", "borrowers", "liquidators")
"""In the columns from 1 on; before them who bears losses, behind them whom liquidators sell to."""

STAKE = "#c8c8c8"
ASPECT = 1.3
"""How many times as high as wide a unit of the plane is drawn, nearly: numbers are put upon arcs by it."""

MOST_WIDTH = 9.0
"""Of the widest link, in points; a tenth of the amount has a third of the width."""


class Link(NamedTuple):
    """Dollars from one class to another; a loss or not."""

    giver: str
    taker: str
    usd: float
    lost: bool


def links(results: Results, story: Story) -> list[Link]:
    """What classes have at stake with one another, what changed hands, and what was lost; without what is nothing."""
    return [link for link in _all_links(results, story) if link.usd > 0.0]


def _all_links(results: Results, story: Story) -> Iterator[Link]:
    first = story.steps.iloc[0]
    done = story.liquidations
    yield Link("depositors", "pools", float(first["deposits_usd"]), False)
    yield Link("pools", "borrowers", float(first["debt_usd"]), False)
    yield Link("liquidators", "pools", float(done["repaid_usd"].sum()), False)
    yield Link("borrowers", "liquidators", float((done["seized_usd"] - done["repaid_usd"]).sum()), True)
    trades = results.table("trades", path=story.path)
    sold = trades[(trades["taker"] == "liquidators") & (trades["side"] == "sell")]
    for maker, usd in sold.groupby("maker")["usd"].sum().items():
        yield Link("liquidators", str(maker), float(usd), False)
    yield Link("borrowers", "pools", float(story.write_offs["paid_usd"].sum()), True)
    paid = story.write_offs.groupby("layer")["paid_usd"].sum()
    for layer in layers_of(results, story.write_offs["layer"]):
        yield Link("pools", layer, float(paid.get(layer, 0.0)), True)


@style.ours
def draw(results: Results) -> Figure:
    """The network of the only path, or of the one with the median bad debt."""
    story = Story.read(results)
    found = links(results, story)
    if not found:
        return style.nothing(f"{results.name}{story.which}: nobody depends on anybody", "Nothing was lent or traded")
    drawn = style.figure(5.0)
    axes = drawn.subplots()
    axes.axis("off")
    places = _places(found)
    scales = {lost: max((link.usd for link in found if link.lost is lost), default=0.0) for lost in (False, True)}
    for link in found:
        _arrow(axes, places, link, scales[link.lost])
    _circles(axes, places)
    _legend(axes, scales)
    how = (
        "Everybody of a kind is one circle. Grey: what was lent at the start, repaid by liquidators, and sold by them. "
        "Orange: what was lost, towards whoever has it now or bears it. Widths go with the root of the dollars; grey "
        "and orange have scales of their own."
    )
    style.headline(drawn, f"{results.name}{story.which}: {_sentence(found)}", how)
    return drawn


def _places(found: list[Link]) -> dict[str, FloatArray]:
    """Where every class stands, column by column, from the top in the order of the links."""
    markets = {link.taker for link in found if link.giver == "liquidators"} - {"pools"}
    columns: dict[int, list[str]] = {}
    for name in dict.fromkeys(name for link in found for name in (link.giver, link.taker)):
        middle = 1 + _MIDDLE.index(name) if name in _MIDDLE else None
        columns.setdefault(middle or (len(_MIDDLE) + 1 if name in markets else 0), []).append(name)
    # Given as lists: the layout would otherwise take the names of a column in the order of a set.
    upwards = {column: names[::-1] for column, names in columns.items()}
    graph = nx.Graph()
    graph.add_nodes_from(name for names in upwards.values() for name in names)
    placed: dict[str, FloatArray] = nx.multipartite_layout(graph, subset_key=upwards, scale=1.0)
    return placed


def _arrow(axes: Axes, places: dict[str, FloatArray], link: Link, most: float) -> None:
    """Draw a link as wide as the root of its dollars, bent so that two between the same circles are apart."""
    width = MOST_WIDTH * sqrt(link.usd / most)
    (x0, y0), (x1, y1) = places[link.giver], places[link.taker]
    bend = 0.45 if (link.giver, link.taker) == ("liquidators", "pools") else 0.2
    if link.giver == "liquidators" and y1 > y0:
        bend = -bend  # from above, as the name stands under the circle
    axes.add_patch(
        FancyArrowPatch(
            (x0, y0),
            (x1, y1),
            connectionstyle=f"arc3,rad={bend}",
            arrowstyle=f"-|>,head_length={4 + 0.7 * width},head_width={2 + 0.55 * width}",
            lw=max(width, 0.8),
            mutation_scale=1.0,
            color=palette.LOSS if link.lost else STAKE,
            shrinkA=24,
            shrinkB=24,
            zorder=2 if link.lost else 1,
        )
    )
    # The arc is bent on the page, where this axes is so many times as wide as high as its limits say.
    middle = (x0 + x1) / 2.0 + bend * (y1 - y0) / ASPECT / 2.0, (y0 + y1) / 2.0 - bend * (x1 - x0) * ASPECT / 2.0
    told = {"facecolor": "white", "edgecolor": "none", "alpha": 0.85, "pad": 0.8}
    axes.text(*middle, style.short(link.usd), ha="center", va="center", fontsize=style.SMALL, zorder=4, bbox=told)


def _circles(axes: Axes, places: dict[str, FloatArray]) -> None:
    for name, (x, y) in places.items():
        kind = name.partition(".")[0]
        own = palette.ACTOR.get(kind) or (palette.MUTED if name == "pools" else palette.source_colours([name])[name])
        axes.scatter(x, y, s=1100, color=own, edgecolor="white", lw=1.5, zorder=3)
        axes.annotate(
            _called(name),
            (x, y),
            xytext=(0, -19),
            textcoords="offset points",
            ha="center",
            va="top",
            fontweight="bold",
            zorder=5,
            bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.7, "pad": 0.4},
        )
    xs, ys = (np.array([place[k] for place in places.values()]) for k in (0, 1))
    axes.set_xlim(xs.min() - 0.22, xs.max() + 0.22)
    reach = max(float(np.abs(ys).max()) + 0.3, 0.75)
    axes.set_ylim(-reach, reach)


def _called(name: str) -> str:
    return {"uncovered": "nobody", "pools": "lending pools"}.get(name, style.words(name))


def _legend(axes: Axes, scales: dict[bool, float]) -> None:
    handles = [
        Line2D(
            [],
            [],
            color=STAKE,
            lw=MOST_WIDTH / 1.6,
            label=f"at stake or traded: {style.usd(scales[False])} at most",
        ),
        Line2D([], [], color=palette.LOSS, lw=MOST_WIDTH / 1.6, label=f"lost: {style.usd(scales[True])} at most"),
    ]
    axes.legend(handles=handles, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, handlelength=2.0)


def _sentence(found: list[Link]) -> str:
    lost = [link for link in found if link.lost]
    if not lost:
        return "nothing was lost on the way from borrowers to depositors"
    through = fsum(link.usd for link in lost if link.giver == "pools")
    kept = fsum(link.usd for link in lost if link.taker == "liquidators")
    ends = sorted((link for link in lost if link.giver == "pools"), key=lambda link: -link.usd)
    said = f"borrowers lost {style.usd(kept)} to liquidations"
    if through > 0.0:
        part = "all" if ends[0].usd == through else "most"
        whom = "nobody" if ends[0].taker == "uncovered" else style.payer(ends[0].taker)
        said += f"; {style.usd(through)} went through the pools, {part} of it to {whom}"
    return said
