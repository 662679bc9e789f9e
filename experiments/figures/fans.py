"""Many paths at once: what prices, debt in trouble and bad debt did on most of them, as fans of quantiles."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.figures import palette, style
from experiments.figures.reading import Story, moving_assets
from experiments.stored.storage import Results
from models.types import FloatArray

BANDS = ((0.05, 0.95, 0.3), (0.25, 0.75, 0.5))
"""Quantiles from and to, and how dark the band between them is."""

MOST_MOMENTS = 400
_BELOW = (
    ("underwater_usd", "Debt under water", palette.UNDERWATER),
    ("bad_debt_usd", "Bad debt so far", palette.ACTOR["uncovered"]),
    ("utilisation", "Utilisation", palette.ACTOR["depositors"]),
)


@style.ours
def draw(results: Results) -> Figure:
    """Fans over all finished paths, and the one with the median bad debt as a line."""
    story = Story.read(results)
    if results.finished < 2:
        return style.nothing(f"{results.name}: one path has no spread", "Run several paths to see a fan: --paths 50")
    asset = moving_assets(story)[0]
    kinds = [(f"oracle_{asset}", f"Price of {asset} at the oracle", palette.PRICE["oracle"]), *_BELOW]
    moments = np.unique(np.linspace(0, len(story.seconds) - 1, min(len(story.seconds), MOST_MOMENTS)).astype(np.int64))
    values = _values(results, [kind[0] for kind in kinds], moments)
    drawn = style.figure(1.7 * len(kinds) + 1.2)
    panels = drawn.subplots(len(kinds), 1, sharex=True)
    edges = np.append(story.seconds[moments], story.edges[-1])
    for axes, (column, title, colour) in zip(panels, kinds, strict=True):
        style.panel(axes, title, "% lent out" if column == "utilisation" else "USD")
        scale = 100.0 if column == "utilisation" else 1.0
        _fan(axes, story.clock.read(edges), scale * values[column], scale * story.column(column)[moments], colour)
        if column == f"oracle_{asset}":
            style.price_axis(axes)
        else:
            style.number_axis(axes)
            style.from_zero(axes)
    style.legend(panels[0])
    story.clock.label(panels[-1], story.edges)
    how = (
        f"Each moment by itself, over {results.finished:,} paths: half of them lie in the dark band, nine of ten in "
        f"both. The line is one path, number {story.path}, with the median bad debt."
    )
    style.headline(drawn, f"{results.name}: {_sentence(results, values, asset)}", how)
    return drawn


def _values(
    results: Results, columns: list[str], moments: "np.ndarray[tuple[int], np.dtype[np.int64]]"
) -> dict[str, FloatArray]:
    """The columns of every path at the moments, each (paths, moments)."""
    paths = [frame.iloc[moments] for frame in results.each_path("steps", columns)]
    return {name: np.stack([frame[name].to_numpy(dtype=np.float64) for frame in paths]) for name in columns}


def _fan(axes: Axes, edges: FloatArray, values: FloatArray, one: FloatArray, colour: str) -> None:
    for low, high, strength in BANDS:
        bottom, top = (np.append(end, end[-1]) for end in np.nanquantile(values, (low, high), axis=0))
        label = f"{style.percent(low)} to {style.percent(high)} of paths"
        axes.fill_between(edges, bottom, top, step="post", color=palette.paler(colour, strength), lw=0, label=label)
    style.line(axes, edges, np.nanmedian(values, axis=0), colour, "median of all")
    style.line(axes, edges, one, palette.INK, "one path")
    axes.lines[-1].set_linewidth(0.8)


def _sentence(results: Results, values: dict[str, FloatArray], asset: str) -> str:
    prices = values[f"oracle_{asset}"]
    falls = 1.0 - prices.min(axis=1) / prices[:, 0]
    some = int(np.count_nonzero(results.paths["bad_debt_usd"].to_numpy(dtype=np.float64) > 0.0))
    low, middle, high = (style.percent(float(found)) for found in np.quantile(falls, (0.05, 0.5, 0.95)))
    spread = f"{middle} on most paths" if low == high else f"{middle} on the median path, {low} to {high} on most"
    return f"{asset} fell {spread}; {some:,} of {len(prices):,} had bad debt"
