"""The lenders' side: what is lent out, what it costs, and who waits to leave."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from experiments.figures import palette, style
from experiments.figures.reading import Story
from experiments.stored.storage import Results

RATE = "borrow_rate_per_year"
"""A column of the blocks' table; runs of older versions do not have it."""


@style.ours
def draw(results: Results) -> Figure:
    """Deposits, utilisation, the borrow rate and the exit queue of the only path, or of the median one."""
    story = Story.read(results)
    if not story.column("deposits_usd").any():
        return style.nothing(f"{results.name}: nobody lends", "There are no deposits")
    rated = RATE in story.steps
    heights = [1.2, 1.0, *([1.0] if rated else []), 1.0 if story.column("queued_withdrawals_usd").any() else 0.5]
    drawn = style.figure(1.75 * sum(heights) + 1.2)
    panels = drawn.subplots(len(heights), 1, sharex=True, height_ratios=heights)
    _books(panels[0], story)
    _utilisation(panels[1], story)
    if rated:
        _rate(panels[2], story)
    _queue(panels[-1], story)
    story.clock.label(panels[-1], story.edges)
    how = (
        "Deposits are lenders' claims, at par where losses are deferred. At a utilisation of 100 % nothing is left to "
        "pay out: whoever wants to leave then waits in the queue until borrowers or liquidators repay."
    )
    style.headline(drawn, f"{results.name}{story.which}: {_sentence(story)}", how)
    return drawn


def _books(axes: Axes, story: Story) -> None:
    style.panel(axes, "Deposits and the cash to pay them", "USD")
    style.number_axis(axes)
    edges = story.clock.read(story.edges)
    style.area(axes, edges, story.column("cash_usd"), palette.paler(palette.ACTOR["depositors"], 0.6), label="cash")
    style.line(axes, edges, story.column("deposits_usd"), palette.INK, "deposits")
    style.line(axes, edges, story.column("debt_usd"), palette.ACTOR["borrowers"], "lent out")
    if (hole := story.column("deficit_usd")).any():
        style.line(axes, edges, hole, palette.ACTOR["uncovered"], "hole in the books")
    style.from_zero(axes)
    style.legend(axes)


def _utilisation(axes: Axes, story: Story) -> None:
    style.panel(axes, "Utilisation", "% lent out")
    style.line(axes, story.clock.read(story.edges), story.column("utilisation"), palette.INK)
    axes.set_ylim(0.0, max(1.05, 1.05 * float(story.column("utilisation").max())))
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, symbol=""))


def _rate(axes: Axes, story: Story) -> None:
    style.panel(axes, "Borrow rate, the highest of all reserves", "% a year")
    style.line(axes, story.clock.read(story.edges), story.column(RATE), palette.ACTOR["protocol"])
    style.from_zero(axes)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, symbol=""))


def _queue(axes: Axes, story: Story) -> None:
    style.panel(axes, "Claims that wait to be paid out", "USD")
    style.number_axis(axes)
    waiting = story.column("queued_withdrawals_usd")
    if not waiting.any():
        return style.remark(axes, "Nobody waited to be paid out")
    style.area(axes, story.clock.read(story.edges), waiting, palette.ACTOR["depositors"])
    style.from_zero(axes)


def _sentence(story: Story) -> str:
    used, waiting = story.column("utilisation"), story.column("queued_withdrawals_usd")
    most = f"utilisation reached {style.percent(float(used.max()))}"
    deposits = story.column("deposits_usd")
    left = 1.0 - float(deposits[-1] / deposits.max())
    gone = f", {style.percent(left)} of deposits were gone at the end" if left >= 0.001 else ""
    if not waiting.any():
        return f"{most}{gone}; nobody waited to be paid out"
    peak = int(np.argmax(waiting))
    at = story.clock.at(float(story.seconds[peak]))
    return f"{most}{gone}; at most {style.usd(float(waiting[peak]))} of claims waited ({at})"
