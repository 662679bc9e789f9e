"""The cascade by generations: the fall with and without forced sales, and how sales set off the next liquidations."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from experiments.figures import palette, style
from experiments.figures.reading import Story, fall, moving_assets
from experiments.stored.storage import Results
from models.types import FloatArray

COLUMNS = 240
"""Into how many stretches of time the stream is cut."""


@style.ours
def draw(results: Results) -> Figure:
    """The generations of the only path, or of the one with the median bad debt."""
    story = Story.read(results)
    asset = moving_assets(story)[0]
    if story.liquidations.empty:
        return style.nothing(f"{results.name}{story.which}: no cascade", "No position was liquidated")
    if f"unforced_{asset}" not in story.steps:
        reason = "This run is of a version that did not record prices without forced sales; run it again"
        return style.nothing(f"{results.name}{story.which}: no counterfactual", reason)
    drawn = style.figure(6.2)
    panels = drawn.subplots(2, 2, sharex="col", sharey="row", width_ratios=[4.4, 1.0], height_ratios=[1.0, 1.25])
    panels[0][1].axis("off")
    _prices(panels[0][0], story, asset)
    panels[0][1].legend(*panels[0][0].get_legend_handles_labels(), loc="upper left", borderaxespad=0.0)
    panels[0][0].tick_params(labelbottom=False)
    _stream(panels[1][0], story)
    _sums(panels[1][1], story)
    story.clock.label(panels[1][0], _window(story))
    how = (
        "Above: the oracle's price as it went, and as it would have gone had nobody been forced to sell; the shaded "
        "gap is what the liquidations added. Below: each spot is the debt that one generation repaid in a stretch of "
        "time, the larger the more; generation n + 1 are those whom the sales of generation n made liquidatable."
    )
    style.headline(drawn, f"{results.name}{story.which}: {_sentence(story, asset)}", how)
    return drawn


def _window(story: Story) -> FloatArray:
    """From when to when the figure shows: the cascade, a little before it and some time after."""
    when = story.seconds_of(story.liquidations)
    length = max(float(np.ptp(when)), 0.02 * float(np.ptp(story.edges)))
    window: FloatArray = np.clip([when.min() - 0.3 * length, when.max() + 0.7 * length], *story.edges[[0, -1]])
    return window


def _prices(axes: Axes, story: Story, asset: str) -> None:
    style.panel(axes, f"Price of {asset} at the oracle", "USD")
    style.price_axis(axes)
    edges = story.clock.read(story.edges)
    actual, alone = story.column(f"oracle_{asset}"), story.column(f"unforced_{asset}")
    if not np.array_equal(actual, alone, equal_nan=True):
        axes.fill_between(
            edges,
            np.append(actual, actual[-1]),
            np.append(alone, alone[-1]),
            step="post",
            color=palette.GENERATION[1],
            alpha=0.4,
            lw=0,
            label="the work of\nforced sales",
        )
    style.line(axes, edges, alone, palette.PRICE["unforced"], "had nobody been\nforced to sell")
    axes.lines[-1].set_linestyle("--")
    style.line(axes, edges, actual, palette.PRICE["oracle"], "as it went")


def _stream(axes: Axes, story: Story) -> None:
    """Spots of the debt repaid by time and generation, each colour that of its generation."""
    style.panel(axes, "Debt repaid by liquidators, by generation", "generation")
    generation = story.liquidations["generation"].to_numpy()
    start, end = _window(story)
    width = float(end - start) / COLUMNS
    column = ((story.seconds_of(story.liquidations) - start) / width).astype(np.int64)
    repaid = np.zeros((COLUMNS, generation.max() + 1))
    np.add.at(repaid, (np.minimum(column, COLUMNS - 1), generation), story.liquidations["repaid_usd"].to_numpy())
    when, which = np.nonzero(repaid)
    colours = [_colour(number) for number in which.tolist()]
    size = 160.0 * repaid[when, which] / repaid.max()
    middle = story.clock.read(start + (when + 0.5) * width)
    axes.scatter(
        middle, which, s=np.maximum(size, 3.0), c=colours, edgecolor=palette.INK, lw=0.3, zorder=3, clip_on=False
    )
    axes.set_ylim(generation.max() + 0.8, -0.8)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=8, integer=True, min_n_ticks=1))


def _sums(axes: Axes, story: Story) -> None:
    """Debt repaid by each generation, beside the stream."""
    repaid = _by_generation(story)
    colours = [_colour(number) for number in range(len(repaid))]
    axes.set_title("In all")
    axes.barh(range(len(repaid)), repaid, color=colours, edgecolor=palette.INK, lw=0.3, height=0.8)
    axes.set_xlabel("USD")
    style.number_axis(axes, "x")
    axes.locator_params(axis="x", nbins=3)


def _colour(generation: int) -> str:
    return palette.GENERATION[min(generation, len(palette.GENERATION) - 1)]


def _by_generation(story: Story) -> FloatArray:
    """Dollars repaid by each generation from 0 on."""
    done = story.liquidations
    weights = done["repaid_usd"].to_numpy(dtype=np.float64)
    return np.bincount(done["generation"].to_numpy(), weights=weights).astype(np.float64)


def _sentence(story: Story, asset: str) -> str:
    repaid = _by_generation(story)
    alone = story.column(f"unforced_{asset}")
    ours, theirs = fall(story, asset), float(1.0 - alone.min() / alone[0])
    if len(repaid) == 1:
        return "every liquidation would have come without the others: one generation, and no cascade"
    later = style.percent(float(repaid[1:].sum() / repaid.sum()))
    fell = f"{asset} fell {style.percent(ours)}"
    if theirs > 0.0 and ours > theirs:
        fell += f" instead of {style.percent(theirs)}, {ours / theirs:.2f} times as far"
    return f"{fell}; {later} of what was liquidated was set off by earlier sales, in {len(repaid)} generations"
