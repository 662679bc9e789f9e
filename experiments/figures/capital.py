"""What liquidators could still do: their capital in use against the accounts that wait for them, and the gas price."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from experiments.figures import style
from experiments.figures.reading import Story, capital_is_unlimited
from experiments.storage import Results
from models.types import FloatArray


def draw(results: Results) -> Figure:
    """Liquidators' capital on the only path, or on the one with the median bad debt."""
    story = Story.read(results)
    clock = style.Clock.of(float(np.ptp(story.edges)))
    gas_varies = np.ptp(story.column("gas_gwei")) > 0.0
    heights = [2.0, 1.2, 1.6, 1.2] if gas_varies else [2.0, 1.2, 1.6]
    drawn = style.figure(10.0, 1.5 * sum(heights) + 1.0)
    panels = drawn.subplots(len(heights), 1, sharex=True, height_ratios=heights)
    unlimited = capital_is_unlimited(results)
    _in_use(panels[0], story, clock)
    _share(panels[1], story, clock, unlimited)
    _waiting(panels[2], story, clock)
    if gas_varies:
        _gas(panels[3], story, clock)
    clock.label(panels[-1], story.edges)
    style.headline(drawn, f"{results.name}{story.which}: {_sentence(story, clock, unlimited)}")
    return drawn


def _shares(story: Story) -> FloatArray:
    """The share of liquidators' capital in use, by block; nan where they have none."""
    capital = story.column("liquidator_capital_usd")
    used = story.column("liquidator_capital_in_use_usd")
    return np.divide(used, capital, out=np.full_like(used, np.nan), where=capital > 0.0)


def _sentence(story: Story, clock: style.Clock, unlimited: bool) -> str:
    waiting, shares = story.column("waiting"), _shares(story)
    peak = int(waiting.argmax())
    if waiting[peak] == 0.0:
        queue = "no account ever waited for a liquidator"
    else:
        accounts = "account" if waiting[peak] == 1.0 else "accounts"
        queue = f"up to {waiting[peak]:,.0f} {accounts} waited for a liquidator ({clock.at(story.seconds[peak])})"
    if unlimited:
        return f"{queue}; liquidators' capital was unlimited"
    if np.isnan(shares).all():
        return f"{queue}; there was no liquidator with capital"
    most = float(np.nanmax(shares))
    used = f"at most {style.percent(most)}" if most > 0.0 else "none"
    return f"{queue}; {used} of liquidators' capital was in use"


def _in_use(axes: Axes, story: Story, clock: style.Clock) -> None:
    style.panel(axes, "Liquidators' capital", "USD")
    style.number_axis(axes)
    edges = clock.read(story.edges)
    style.area(axes, edges, story.column("liquidator_capital_in_use_usd"), style.CAPITAL, label="in use")
    style.line(axes, edges, story.column("liquidator_capital_usd"), style.INK, "all they have")
    style.from_zero(axes)
    style.legend(axes)


def _share(axes: Axes, story: Story, clock: style.Clock, unlimited: bool) -> None:
    style.panel(axes, "Share of it in use", "% of capital")
    shares = _shares(story)
    if unlimited:
        return style.remark(axes, "Some liquidators' capital is unlimited")
    if np.isnan(shares).all():
        return style.remark(axes, "There is no capital")
    style.line(axes, clock.read(story.edges), shares, style.CAPITAL)
    axes.set_ylim(0.0, 1.05)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, symbol=""))


def _waiting(axes: Axes, story: Story, clock: style.Clock) -> None:
    style.panel(axes, "Accounts that could be liquidated and were not, at the end of each block", "accounts")
    waiting = story.column("waiting")
    if not waiting.any():
        return style.remark(axes, "No account waited")
    style.area(axes, clock.read(story.edges), waiting, style.LIQUIDATABLE)
    style.from_zero(axes)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
    style.number_axis(axes)


def _gas(axes: Axes, story: Story, clock: style.Clock) -> None:
    style.panel(axes, "Gas price", "gwei")
    style.number_axis(axes)
    style.line(axes, clock.read(story.edges), story.column("gas_gwei"), style.INK)
    style.from_zero(axes)
