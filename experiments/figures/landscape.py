"""The liquidation map: how much debt can be liquidated at which price, and the prices that move through it."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap, LogNorm
from matplotlib.figure import Figure
from matplotlib.patheffects import Normal, Stroke
from matplotlib.ticker import LogLocator, NullLocator

from experiments.figures import palette, style
from experiments.figures.clock import Clock
from experiments.figures.reading import MOST_ASSETS, Story
from experiments.stored.storage import Results
from models.types import FloatArray

ROOM = 0.04
"""How far the map goes beyond the prices that were seen, as a part of them."""

SHADES = 2.5
"""Decades of debt that the shades tell apart; less is the palest shade."""

STRETCHES = 160
"""Into how many stretches of time the dots for liquidations are gathered."""

COLOURS = ListedColormap(colormaps["Purples"](np.linspace(0.10, 0.95, 256)))


@dataclass(frozen=True, slots=True)
class Ground:
    """The debt that an asset backs, by the price at which it can be liquidated, through time.

    Attributes:
        asset: its name.
        seconds: when each sample was, since the start, shape (samples,).
        edges: of the bins, ascending, in dollars; the first is 0, the last infinite, shape (bins + 1,).
        debt: dollars in each bin, shape (samples, bins).
        threshold: of the asset's liquidation; above the price over it, debts are more than their collateral is worth.
    """

    asset: str
    seconds: FloatArray
    edges: FloatArray
    debt: FloatArray
    threshold: float

    @classmethod
    def read(cls, results: Results, path: int) -> "list[Ground]":
        """Every asset that backs debt on a path, by how much it backs; all pools together."""
        if not results.has("landscape"):
            return []
        table = results.table("landscape", path=path)
        every = np.unique(table["time_seconds"])
        grounds = [cls._of(str(name), rows, every, results) for name, rows in table.groupby("asset", sort=False)]
        return sorted(grounds, key=lambda ground: -float(ground.debt[0].sum()))

    @classmethod
    def _of(cls, asset: str, rows: pd.DataFrame, seconds: FloatArray, results: Results) -> "Ground":
        ends = rows[["price_low", "price_high"]].to_numpy(dtype=np.float64)
        edges = np.unique(ends)
        # Bins without debt have no row: where there is a hole between two rows, it is a bin of its own.
        debt = np.zeros((len(seconds), len(edges) - 1))
        place = np.searchsorted(edges, ends[:, 0])
        np.add.at(debt, (np.searchsorted(seconds, rows["time_seconds"]), place), rows["debt_usd"].to_numpy())
        return cls(asset, seconds, edges, debt, _threshold(results, asset))

    def density(self, sample: int | slice) -> FloatArray:
        """Debt per 1 % of price in each bin, 0 in those without an end."""
        with np.errstate(divide="ignore"):
            width = 100.0 * np.log(self.edges[1:] / self.edges[:-1])
        return self.debt[sample] / width

    def between(self, low: float, high: float, sample: int = 0) -> float:
        """Debt with liquidation prices from `low` to `high`, by whole bins."""
        inside = (self.edges[1:] > low) & (self.edges[:-1] < high)
        return float(self.debt[sample, inside].sum())


def _threshold(results: Results, asset: str) -> float:
    """The highest liquidation threshold of an asset in any pool."""
    pools = results.scenario.get("pools", [])
    found = [pool["reserves"][asset]["liquidation_threshold"] for pool in pools if asset in pool.get("reserves", {})]
    return float(max(found, default=1.0)) or 1.0


@style.ours
def draw(results: Results) -> Figure:
    """The map of up to four assets on the only path, or on the one with the median bad debt."""
    story = Story.read(results)
    grounds = [ground for ground in Ground.read(results, story.path) if ground.debt.any()][:MOST_ASSETS]
    if not grounds:
        reason = "Nobody owes anything that a falling price could reach,\nor it was not recorded"
        return style.nothing(f"{results.name}: no debt to map", reason)
    drawn = style.figure(1.5 + 4.4 * len(grounds))
    rows = drawn.subplots(len(grounds), 2, squeeze=False, sharey="row", width_ratios=[4.2, 1.0])
    for (left, right), ground in zip(rows, grounds, strict=True):
        _map(left, story, ground)
        _profile(right, ground)
        story.clock.label(left, story.edges)
    style.legend(rows[0][1], of=list(rows[0]))
    how = (
        "Shades: debt by the price of its collateral at which it can be liquidated; it stays there while prices move. "
        "What lies above the oracle's price can be liquidated; above the dashed line it is more than its collateral is "
        "worth. Dots: liquidations, as large as the debt repaid. Right: the same debt at the start and at the end."
    )
    style.headline(drawn, f"{results.name}{story.which}: {_sentence(story, grounds[0])}", how)
    return drawn


def _map(axes: Axes, story: Story, ground: Ground) -> None:
    """Draw the debt, the three prices, and what became of those whom they passed."""
    clock = story.clock
    style.panel(axes, f"Debt by liquidation price, and the price of {ground.asset}", f"USD for one {ground.asset}")
    style.price_axis(axes)
    low, high = _span(story, ground)
    _shade(axes, clock.read(np.append(ground.seconds, story.edges[-1])), ground)
    edges = clock.read(story.edges)
    for kind, label, width in (("venue", "our venue", 1.0), ("reference", "rest of the market", 0.8)):
        if np.isfinite(price := story.column(f"{kind}_{ground.asset}")).any():
            style.line(axes, edges, price, palette.PRICE[kind], label)
            axes.lines[-1].set_linewidth(width)
    oracle = story.column(f"oracle_{ground.asset}")
    style.line(axes, edges, oracle, palette.PRICE["oracle"], "oracle")
    axes.lines[-1].set(linewidth=1.8, path_effects=[Stroke(linewidth=3.0, foreground="white"), Normal()])
    style.line(axes, edges, oracle / ground.threshold, palette.UNDERWATER, "under water\nabove this line")
    axes.lines[-1].set(linewidth=1.0, linestyle="--")
    _events(axes, story, clock, ground)
    axes.set_ylim(low, high)
    axes.grid(visible=False)


def _shade(axes: Axes, times: FloatArray, ground: Ground) -> None:
    """Draw the debt per 1 % of price as shades."""
    worth = ground.density(slice(None)).T
    most = float(worth.max())
    if most <= 0.0:
        return
    finite = np.where(np.isfinite(ground.edges), ground.edges, 2.0 * ground.edges[-2])
    shades = LogNorm(most / 10.0**SHADES, most, clip=True)
    shown = np.where(worth > 0.0, worth, np.nan)
    drawn = axes.pcolormesh(times, finite, shown, norm=shades, cmap=COLOURS, rasterized=True)
    bar = axes.figure.colorbar(drawn, ax=axes, pad=0.02, aspect=30)
    bar.set_label("USD of debt per 1 % of price")
    bar.ax.yaxis.set_major_locator(LogLocator(subs=(1.0, 3.0)))
    bar.ax.yaxis.set_major_formatter(lambda value, _: style.short(value))
    bar.ax.yaxis.set_minor_locator(NullLocator())
    bar.outline.set_visible(False)


def _events(axes: Axes, story: Story, clock: Clock, ground: Ground) -> None:
    """Liquidations on the oracle's line, a dot for a stretch of time, and what was written off as triangles."""
    oracle = story.column(f"oracle_{ground.asset}")
    done = story.liquidations[story.liquidations["collateral_asset"] == ground.asset]
    most = 0.0
    for events, column, marker, colour, label in (
        (done, "repaid_usd", "o", palette.GENERATION[2], "liquidated"),
        (story.write_offs, "paid_usd", "v", palette.INK, "sank: bad debt"),
    ):
        if events.empty:
            continue
        stretch = np.linspace(story.edges[0], story.edges[-1], STRETCHES + 1)
        usd, _ = np.histogram(story.seconds_of(events), bins=stretch, weights=events[column].to_numpy(dtype=np.float64))
        some = usd > 0.0
        middle = (0.5 * (stretch[1:] + stretch[:-1]))[some]
        price = oracle[np.searchsorted(story.seconds, middle, side="right") - 1]
        most = most or float(usd.max())
        size = np.clip(90.0 * usd[some] / most, 7.0, 90.0)
        axes.scatter(
            clock.read(middle), price, s=size, marker=marker, color=colour, alpha=0.7, lw=0, zorder=3, label=label
        )


def _profile(axes: Axes, ground: Ground) -> None:
    """The map's first and last column side by side."""
    style.panel(axes, "Start and end", "")
    edges = np.where(np.isfinite(ground.edges), ground.edges, 2.0 * ground.edges[-2])
    first, last = ground.density(0), ground.density(-1)
    axes.stairs(
        first, edges, orientation="horizontal", fill=True, color=palette.LIQUIDATABLE, label="debt at the start"
    )
    axes.stairs(last, edges, orientation="horizontal", color=palette.INK, label="debt at the end")
    axes.set_xlabel("USD per 1 % of price")
    style.number_axis(axes, "x")
    axes.locator_params(axis="x", nbins=3)
    axes.tick_params(labelleft=False)


def _span(story: Story, ground: Ground) -> tuple[float, float]:
    """The prices that the map shows: all that were seen, and some room."""
    kinds = [story.column(f"{kind}_{ground.asset}") for kind in ("reference", "venue", "oracle")]
    seen = np.concatenate([price[np.isfinite(price)] for price in kinds])
    low, high = float(seen.min()), float(seen.max())
    room = max(ROOM * high, 0.15 * (high - low))
    return max(low - room, 0.0), high + room


def _sentence(story: Story, ground: Ground) -> str:
    oracle = story.column(f"oracle_{ground.asset}")
    lowest, first = float(oracle.min()), float(oracle[0])
    on_the_way = ground.between(lowest, np.inf)
    done = story.liquidations[story.liquidations["collateral_asset"] == ground.asset]["repaid_usd"].sum()
    sank = float(story.write_offs["paid_usd"].sum())
    if lowest >= first:
        return f"the oracle's price of {ground.asset} never fell, and reached no debt"
    if on_the_way == 0.0:
        return f"no debt lay in the way of {ground.asset}'s fall by {style.percent(1.0 - lowest / first)}"
    lay = f"{style.usd(on_the_way)} of debt lay in the way of {ground.asset}'s fall"
    return f"{lay}; {style.usd(float(done))} was liquidated and {style.usd(sank)} sank"
