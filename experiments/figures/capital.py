"""What liquidators could still do: capital in use, accounts that wait for them, calls that failed, the gas price."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, PercentFormatter

from experiments.figures import palette, style
from experiments.figures.clock import Clock
from experiments.figures.reading import Story, capital_is_unlimited
from experiments.stored.storage import Results
from models.types import FloatArray


@style.ours
def draw(results: Results) -> Figure:
    """Liquidators' capital on the only path, or on the one with the median bad debt."""
    story = Story.read(results)
    clock = story.clock
    gas_varies = np.ptp(story.column("gas_gwei")) > 0.0
    heights = [1.6, 1.0, 1.2, 1.2, *([1.0] if gas_varies else [])]
    drawn = style.figure(1.45 * sum(heights) + 1.2)
    panels = drawn.subplots(len(heights), 1, sharex=True, height_ratios=heights)
    unlimited = capital_is_unlimited(results)
    _in_use(panels[0], story, clock)
    _share(panels[1], story, clock, unlimited)
    _waiting(panels[2], story, clock)
    _calls(panels[3], story, clock)
    if gas_varies:
        _gas(panels[4], story, clock)
    clock.label(panels[-1], story.edges)
    how = (
        "In use is what liquidators repaid in the block, the collateral that they still hold, and what is locked in "
        "bids. Accounts wait where a sale and its gas would cost more than the reward, where all capital is in use or "
        "the block is full, or for an auction to end. A call fails where another came first, or where it no longer "
        "pays in the state it finds."
    )
    style.headline(drawn, f"{results.name}{story.which}: {_sentence(story, clock, unlimited)}", how)
    return drawn


def _shares(story: Story) -> FloatArray:
    """The share of liquidators' capital in use, by block; nan where they have none."""
    capital = story.column("liquidator_capital_usd")
    used = story.column("liquidator_capital_in_use_usd")
    return np.divide(used, capital, out=np.full_like(used, np.nan), where=capital > 0.0)


def _sentence(story: Story, clock: Clock, unlimited: bool) -> str:
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


def _in_use(axes: Axes, story: Story, clock: Clock) -> None:
    style.panel(axes, "Liquidators' capital", "USD")
    style.number_axis(axes)
    edges = clock.read(story.edges)
    style.area(axes, edges, story.column("liquidator_capital_in_use_usd"), palette.ACTOR["liquidators"], label="in use")
    style.line(axes, edges, story.column("liquidator_capital_usd"), palette.INK, "all they have")
    style.from_zero(axes)
    style.legend(axes)


def _share(axes: Axes, story: Story, clock: Clock, unlimited: bool) -> None:
    style.panel(axes, "Share of it in use", "% of capital")
    shares = _shares(story)
    if unlimited:
        return style.remark(axes, "Some liquidators' capital is unlimited")
    if np.isnan(shares).all():
        return style.remark(axes, "There is no capital")
    style.line(axes, clock.read(story.edges), shares, palette.ACTOR["liquidators"])
    axes.set_ylim(0.0, 1.05)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, symbol=""))


def _waiting(axes: Axes, story: Story, clock: Clock) -> None:
    style.panel(axes, "Accounts that could be liquidated and were not, at the end of each block", "accounts")
    waiting = story.column("waiting")
    if not waiting.any():
        return style.remark(axes, "No account waited")
    style.area(axes, clock.read(story.edges), waiting, palette.LIQUIDATABLE)
    style.from_zero(axes)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
    style.number_axis(axes)


def _calls(axes: Axes, story: Story, clock: Clock) -> None:
    """How many calls went through, and below zero how many failed: someone was first, or it no longer paid."""
    edges, name = story.bins()
    style.panel(axes, "Liquidators' calls: those that went through, and those that failed", f"calls per {name}")
    calls = {kind: story.column(kind) for kind in ("liquidations", "refused")}
    if not any(count.any() for count in calls.values()):
        return style.remark(axes, "Nobody called")
    at, width = clock.read(edges[:-1]), np.diff(clock.read(edges))
    kinds = (
        ("liquidations", 1.0, palette.ACTOR["liquidators"], "went through"),
        ("refused", -1.0, palette.LOSS, "failed"),
    )
    for kind, sign, colour, label in kinds:
        height, _ = np.histogram(story.seconds, bins=edges, weights=calls[kind])
        told = f"{label}: {calls[kind].sum():,.0f}"
        axes.bar(at, sign * height, width=width, align="edge", color=colour, label=told)
    axes.axhline(0.0, color=palette.INK, lw=0.8)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=5, integer=True))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: style.short(abs(value))))
    style.legend(axes)


def _gas(axes: Axes, story: Story, clock: Clock) -> None:
    style.panel(axes, "Gas price", "gwei")
    style.number_axis(axes)
    style.line(axes, clock.read(story.edges), story.column("gas_gwei"), palette.INK)
    style.from_zero(axes)
