"""The cascade as it happened: prices, liquidations by generation, debt in trouble, and bad debt by who paid."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.figures import palette, style
from experiments.figures.clock import Clock
from experiments.figures.reading import Story, fall, layers_of, moving_assets
from experiments.stored.storage import Results

MOST_BAND_POINTS = 400
BAND = (0.05, 0.95)


@style.ours
def draw(results: Results) -> Figure:
    """The timeline of the only path, or of the one with the median bad debt."""
    story = Story.read(results)
    clock = story.clock
    assets = moving_assets(story)
    to_see = [not story.liquidations.empty, _in_trouble(story), not story.write_offs.empty]
    heights = [1.0] * len(assets) + [1.0 if something else 0.4 for something in to_see]
    drawn = style.figure(1.75 * sum(heights) + 1.2)
    panels = drawn.subplots(len(heights), 1, sharex=True, height_ratios=heights)
    for axes, asset in zip(panels, assets, strict=False):
        _prices(axes, story, clock, asset)
        if story.of > 1:
            _band(axes, results, clock, asset)
        style.legend(axes)
    _liquidations(panels[-3], story, clock)
    _debt(panels[-2], story, clock)
    _bad_debt(panels[-1], results, story, clock)
    clock.label(panels[-1], story.edges)
    how = (
        "Three prices are kept apart: what the rest of the market pays, what our venue shows, and what the protocol "
        "believes (the oracle). A generation is the liquidations that the sales of the one before set off."
    )
    style.headline(drawn, f"{results.name}{story.which}: {_sentence(story, assets[0])}", how)
    return drawn


def _sentence(story: Story, asset: str) -> str:
    depth = fall(story, asset)
    liquidated = story.liquidations["repaid_usd"].sum()
    bad_debt = story.write_offs["paid_usd"].sum()
    fell = f"{asset} fell {style.percent(depth)}" if depth > 0.0 else f"the oracle's price of {asset} did not fall"
    if liquidated == 0.0:
        return f"{fell} and no position was liquidated"
    left = f"{style.usd(bad_debt)} went bad" if bad_debt > 0.0 else "none went bad"
    return f"{fell}; {style.usd(liquidated)} of debt was liquidated and {left}"


def _prices(axes: Axes, story: Story, clock: Clock, asset: str) -> None:
    style.panel(axes, f"Price of {asset}", "USD")
    style.price_axis(axes)
    for kind, label in (("venue", "our venue"), ("reference", "rest of the market"), ("oracle", "oracle")):
        price = story.column(f"{kind}_{asset}")
        if np.isfinite(price).any():
            style.line(axes, clock.read(story.edges), price, palette.PRICE[kind], label)
            axes.lines[-1].set_linewidth(1.0 if kind == "reference" else 1.6)  # seen upon the venue's, not instead


def _band(axes: Axes, results: Results, clock: Clock, asset: str) -> None:
    """Where the oracle's price lay on most paths, at a few hundred moments."""
    column = f"oracle_{asset}"
    paths = [frame.iloc[_spread(len(frame))] for frame in results.each_path("steps", ["time_seconds", column])]
    low, high = np.quantile(np.stack([frame[column].to_numpy() for frame in paths]), BAND, axis=0)
    time = clock.read(paths[0]["time_seconds"].to_numpy(dtype=np.float64))
    label = f"oracle, {style.percent(BAND[0])} to {style.percent(BAND[1])}\nof all paths"
    axes.fill_between(
        time, low, high, color=palette.PRICE["oracle"], alpha=0.15, lw=0, label=label, zorder=0.5, step="post"
    )


def _spread(rows: int) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
    return np.unique(np.linspace(0, rows - 1, min(rows, MOST_BAND_POINTS)).astype(np.int64))


def _liquidations(axes: Axes, story: Story, clock: Clock) -> None:
    edges, name = story.bins()
    style.panel(axes, "Debt repaid by liquidators, by generation of the cascade", f"USD per {name}")
    style.number_axis(axes)
    if story.liquidations.empty:
        return style.remark(axes, "No position was liquidated")
    when = story.seconds_of(story.liquidations)
    repaid = story.liquidations["repaid_usd"].to_numpy()
    generation = np.minimum(story.liquidations["generation"].to_numpy(), len(palette.GENERATION) - 1)
    base = np.zeros(len(edges) - 1)
    labels = ("0: the price shock alone", "1: set off by the sales of 0", "2: set off by the sales of 1", "3 and later")
    for which in range(generation.max() + 1):
        chosen = generation == which
        height, _ = np.histogram(when[chosen], bins=edges, weights=repaid[chosen])
        axes.bar(
            clock.read(edges[:-1]),
            height,
            bottom=base,
            width=np.diff(clock.read(edges)),
            align="edge",
            color=palette.GENERATION[which],
            label=labels[which],
            edgecolor="white",
            linewidth=0.3,
        )
        base += height
    style.legend(axes, "generation")


def _in_trouble(story: Story) -> bool:
    return bool((story.column("liquidatable_usd") + story.column("underwater_usd")).any())


def _debt(axes: Axes, story: Story, clock: Clock) -> None:
    style.panel(axes, "Debt of open positions in trouble, at the oracle's prices", "USD")
    style.number_axis(axes)
    if not _in_trouble(story):
        return style.remark(axes, "No position was in trouble at the end of any block")
    areas = (
        ("liquidatable_usd", palette.LIQUIDATABLE, "could be liquidated"),
        ("underwater_usd", palette.UNDERWATER, "under water: more than\nits collateral is worth"),
    )
    for column, colour, label in areas:
        if story.column(column).any():
            style.area(axes, clock.read(story.edges), story.column(column), colour, label=label)
    style.from_zero(axes)
    style.legend(axes)


def _bad_debt(axes: Axes, results: Results, story: Story, clock: Clock) -> None:
    style.panel(axes, "Bad debt so far, by who paid for it", "USD")
    style.number_axis(axes)
    if story.write_offs.empty:
        return style.remark(axes, "No bad debt")
    paid = story.write_offs["paid_usd"].to_numpy()
    when = np.searchsorted(story.seconds, story.seconds_of(story.write_offs))
    base = np.zeros(len(story.seconds))
    layers = layers_of(results, story.write_offs["layer"])
    colours = palette.layer_colours(layers)
    for layer in layers:
        chosen = (story.write_offs["layer"] == layer).to_numpy()
        if not paid[chosen].any():
            continue
        top = base + np.cumsum(np.bincount(when[chosen], weights=paid[chosen], minlength=len(base)))
        label = f"{style.layer_title(layer)}: {style.usd(paid[chosen].sum())}"
        style.area(axes, clock.read(story.edges), top, colours[layer], base=base, label=label)
        base = top
    style.from_zero(axes)
    style.legend(axes)
