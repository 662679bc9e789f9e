"""Depth through time: a map of what could be traded around the price, and how the price moved through it."""

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap, LogNorm
from matplotlib.figure import Figure
from matplotlib.patheffects import Normal, Stroke
from matplotlib.ticker import LogLocator, NullLocator

from experiments.figures import palette, style
from experiments.figures.clock import Clock
from experiments.figures.markets import ASK, BID, FAR, Depth
from experiments.figures.reading import MOST_ASSETS, Story
from experiments.stored.storage import Results
from models.types import FloatArray

ROWS = 400
"""Rows of the map: as many as there are pixels, nearly."""

SHALLOW = 0.02
"""The palest colour is for the depth that this part of the cells lies below, and for all that is shallower."""

COLOURS = ListedColormap(colormaps["YlOrBr"](np.linspace(0.12, 0.88, 256)))


@style.ours
def draw(results: Results) -> Figure:
    """The map of up to four markets on the only path, or on the one with the median bad debt."""
    story = Story.read(results)
    markets = Depth.read(results, story.path)[:MOST_ASSETS]
    if not markets:
        return style.nothing(f"{results.name}: no depth to map", "This scenario has no market whose depth was sampled")
    if all(depth.endless for depth in markets):
        return style.nothing(f"{results.name}: the market takes any size", "Any size trades at the reference price")
    drawn = style.figure(1.4 + 3.3 * len(markets))
    panels = drawn.subplots(len(markets), 1, sharex=True, squeeze=False).ravel()
    clock = story.clock
    sentences = [_market(axes, story, depth, clock) for axes, depth in zip(panels, markets, strict=True)]
    clock.label(panels[-1], story.edges)
    how = (
        f"What could be sold (below our venue's price) and bought (above it), sampled up to {style.percent(FAR)} away; "
        "the darker, the deeper. A gap between the two lines is what arbitrageurs have not closed."
    )
    style.headline(drawn, f"{results.name}{story.which}: {sentences[0]}", how)
    return drawn


def _market(axes: Axes, story: Story, depth: Depth, clock: Clock) -> str:
    """Draw one market; how long its bids were thin, in words."""
    style.panel(axes, depth.title, f"{depth.quote} for one {depth.base}")
    style.price_axis(axes)
    if depth.endless:
        return style.takes_any_size(axes, depth.base)
    edges = np.append(depth.seconds, story.edges[-1])
    reference = story.column(f"reference_{depth.base}") / story.column(f"reference_{depth.quote}")
    prices = _prices(np.concatenate([depth.mids, reference]))
    worth = _worth(depth, 0.5 * (prices[1:] + prices[:-1]))
    if np.isfinite(worth).any():
        _shade(axes, clock.read(edges), prices, worth, depth.quote)
    # The reference lies thin upon our venue's price, so that both are seen where they are one.
    when, venue = _venue(story, depth, edges)
    style.line(axes, clock.read(when), venue, palette.PRICE["venue"], "our venue")
    axes.lines[-1].set(linewidth=2.4, path_effects=[Stroke(linewidth=3.6, foreground="white"), Normal()])
    style.line(axes, clock.read(story.edges), reference, palette.PRICE["reference"], "rest of the market")
    axes.lines[-1].set_linewidth(0.8)
    axes.set_ylim(prices[0], prices[-1])
    axes.legend(loc="upper right", frameon=True, edgecolor="none", framealpha=0.9, ncols=2)
    return _sentence(depth, edges, clock)


def _venue(story: Story, depth: Depth, edges: FloatArray) -> tuple[FloatArray, FloatArray]:
    """The venue's price and when it held: of every block where this is the venue that the table of blocks shows."""
    price = story.column(f"venue_{depth.base}") / story.column(f"reference_{depth.quote}")
    sampled = price[np.searchsorted(story.seconds, depth.seconds)]
    shown = np.allclose(sampled, depth.mids, rtol=1e-9, equal_nan=True)
    return (story.edges, price) if shown else (edges, depth.mids)


def _shade(axes: Axes, times: FloatArray, prices: FloatArray, worth: FloatArray, quote: str) -> None:
    """Draw the map by the logarithm of the depth, over a decade at least, and the bar that says what a colour means."""
    deepest = float(np.nanmax(worth))
    shades = LogNorm(min(float(np.nanquantile(worth, SHALLOW)), 0.1 * deepest), deepest)
    drawn = axes.pcolormesh(times, prices, worth, norm=shades, cmap=COLOURS, rasterized=True)
    bar = axes.figure.colorbar(drawn, ax=axes, pad=0.01, aspect=25)
    bar.set_label(f"{quote} per 1 % of price")
    bar.ax.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    bar.ax.yaxis.set_major_formatter(lambda value, _: style.short(value))
    bar.ax.yaxis.set_minor_locator(NullLocator())
    bar.outline.set_visible(False)


def _prices(seen: FloatArray) -> FloatArray:
    """The edges of the map's rows: around every price that was seen, with room for half of the depth sampled."""
    return np.linspace(np.nanmin(seen) * (1.0 - FAR / 2.0), np.nanmax(seen) * (1.0 + FAR / 2.0), ROWS + 1)


def _worth(depth: Depth, prices: FloatArray) -> FloatArray:
    """Quote per 1 % of price at each price and sample, shape (prices, samples); nan where there is nothing to see."""
    edges, density = depth.edges, depth.density.sum(axis=2)
    away = prices[:, None] / depth.mids - 1.0
    side = np.where(away > 0.0, ASK, BID)
    place = np.searchsorted(edges[1:], np.abs(away))
    beyond = place == len(edges) - 1  # where nobody quotes as well: a nan is sorted beyond everything
    cell = density[side, np.arange(len(depth.seconds)), np.where(beyond, 0, place)]
    return np.where(beyond | (cell <= 0.0), np.nan, cell * prices[:, None])


def _sentence(depth: Depth, edges: FloatArray, clock: Clock) -> str:
    """How far the bids near the mid fell, and for how long there were few."""
    bids = depth.total[BID, :, depth.near]
    if not depth.thinned:
        return depth.unthinned
    few = clock.length(float(np.diff(edges)[bids < 0.5 * bids[0]].sum()))
    for_how_long = f", below half for {style.short(few)} {clock.unit}" if few > 0.0 else ""
    fell = f"fell from {style.units(float(bids[0]))} to {style.units(float(bids.min()))} {depth.base}"
    return f"bids within {depth.near_words} of the mid {fell}{for_how_long}"
