"""Metrics that add up, as one bar for each point, and beside it shares of the same parties as dots with intervals."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from experiments.asking.answers import Answer
from experiments.figures import palette, style
from experiments.figures.asked import estimates, headline, heights, point_names

_PAYERS = {
    "reserve_paid_usd": palette.ACTOR["reserve"],
    "insurer_paid_usd": palette.ACTOR["insurance"],
    "layers_paid_usd": palette.ACTOR["protocol"],
    "other_suppliers_lost_usd": palette.ACTOR["liquidity_providers"],
    "uncovered_usd": palette.ACTOR["uncovered"],
    "pending_usd": palette.MUTED,
    "recovered_usd": palette.GRID,
}
_COHORTS = ("#F0E3A8", "#DDAA33", "#BB5500", "#7F2704")
"""From the first who leave to the last, light to dark."""

NARROW = 0.07
"""A part with less of the longest bar than this has no room for its number."""


@style.ours
def draw(answer: Answer) -> Figure:
    """The bars and, where the experiment asks for them, the dots."""
    picture = answer.experiment.figure
    assert picture is not None
    at = heights(answer)
    drawn = style.figure(2.5 + 0.44 * (at[-1] + 1.0))
    widths = [2.0, 1.0] if picture.dots else [1.0]
    panels = np.atleast_1d(drawn.subplots(1, len(widths), sharey=True, width_ratios=widths))
    stacked(panels[0], answer, at)
    if picture.dots:
        dots(panels[1], answer, at)
    panels[0].legend(loc="lower left", bbox_to_anchor=(-0.35, 1.0), ncols=4)
    told = "Means over the paths; dots with 95 % intervals" if picture.dots else "Means over the paths"
    headline(drawn, answer, f"{told}; {answer.manifest['paths']:,} paths a point.")
    return drawn


def stacked(axes: Axes, answer: Answer, at: list[float]) -> None:
    """The metrics of the figure, one behind the other, in the order in which they are named."""
    picture = answer.experiment.figure
    assert picture is not None
    shown = answer.named(picture.metrics)
    parts = [estimates(answer, one)[0] for one in shown]
    longest = float(np.nanmax(np.sum(parts, axis=0)))
    colours = part_colours(picture.metrics)
    behind = np.zeros(len(at))
    for one, values in zip(shown, parts, strict=True):
        colour = colours[one.text]
        axes.barh(at, values, 0.72, left=behind, color=colour, edgecolor="white", lw=0.6, label=one.heading)
        for y, value, start in zip(at, values, behind, strict=True):
            if value > NARROW * longest:
                axes.text(
                    start + 0.5 * value, y, one.written(value), ha="center", va="center", fontsize=style.SMALL,
                    color=_legible(colour),
                )  # fmt: skip
        behind += np.nan_to_num(values)
    axes.set_yticks(at, point_names(answer))
    axes.set_ylim(at[-1] + 0.6, -0.6)
    axes.set_xlim(0.0, 1.02 * longest if longest > 0.0 else 1.0)
    axes.set_xlabel(shown[0].unit)
    axes.xaxis.set_major_locator(MaxNLocator(6))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: shown[0].written(value)))
    axes.grid(visible=False, axis="y")


def dots(axes: Axes, answer: Answer, at: list[float]) -> None:
    """The metrics that the figure has as dots; shares of the parties of the bars in their colours."""
    picture = answer.experiment.figure
    assert picture is not None
    colours = part_colours(picture.metrics)
    shown = answer.named(picture.dots)
    for one in shown:
        values, reach = estimates(answer, one)
        colour = colours.get(one.text.replace("_share", "_usd"), palette.MUTED)
        axes.errorbar(
            values, at, xerr=reach, fmt="o", ms=6.5, color=colour, mec=palette.INK, mew=0.5, ecolor=palette.INK
        )
    axes.set_title(shown[0].heading if len(shown) == 1 else "lost, of what each was due")
    axes.set_xlim(left=0.0)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: shown[0].written(value)))
    axes.xaxis.set_major_locator(MaxNLocator(4))


def part_colours(metrics: list[str]) -> dict[str, str]:
    """A colour for each part: payers have their own, cohorts of depositors go from light to dark, others follow."""
    cohorts = [text for text in metrics if text.startswith("depositors_")]
    others = [text for text in metrics if text not in cohorts and text not in _PAYERS]
    found = {text: _PAYERS[text] for text in metrics if text in _PAYERS}
    found |= {text: _COHORTS[min(k, len(_COHORTS) - 1)] for k, text in enumerate(cohorts)}
    return found | dict(zip(others, palette.layer_colours(others).values(), strict=True))


def _legible(colour: str) -> str:
    red, green, blue = (int(colour[k : k + 2], 16) for k in (1, 3, 5))
    return palette.INK if 0.3 * red + 0.59 * green + 0.11 * blue > 130 else "white"
