"""Who gained and who lost: everybody's profit and loss on one scale, and what depositors lost by who left first."""

import math

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from experiments.figures import palette, style
from experiments.figures.reading import Story
from experiments.numbers import three_figures
from experiments.stored.storage import Results

_ROWS = (
    ("borrower_loss_usd", -1.0, "borrowers", "borrowers, by liquidation"),
    ("reserve_paid_usd", -1.0, "reserve", "reserve, paid for bad debt"),
    ("insurer_paid_usd", -1.0, "insurance", "insurers, paid for bad debt"),
    ("depositor_loss_usd", -1.0, "depositors", "depositors, cut"),
    ("uncovered_usd", -1.0, "uncovered", "nobody yet: uncovered"),
    ("unrealised_shortfall_usd", -1.0, "uncovered", "still open: not yet realised"),
    ("provider_lvr_usd", -1.0, "liquidity_providers", "liquidity providers, to arbitrage"),
    ("provider_fees_usd", 1.0, "liquidity_providers", "liquidity providers, fees"),
    ("arbitrage_profit_usd", 1.0, "arbitrageurs", "arbitrageurs"),
    ("attack_profit_usd", 1.0, "attackers", "attackers"),
    ("protocol_revenue_usd", 1.0, "protocol", "protocol, from liquidations"),
    ("liquidator_net_usd", 1.0, "liquidators", "liquidators"),
)
"""A metric of the summary, its sign for whom it is told of, whose colour, and in words."""
_BEFORE = {"liquidator_net_usd": "liquidator_profit_usd"}
"""What versions that did not record a metric said in its place."""


MOST_COHORTS = 8
"""More bars beside one another, and names beside them, than can be told apart."""


@style.ours
def draw(results: Results) -> Figure:
    """Profit and loss of a run; with several paths the mean over them, with its standard error."""
    summary = results.summary
    rows = [
        (label, sign * value, palette.ACTOR[actor], summary.get(f"{metric}_se"))
        for metric, sign, actor, label in _ROWS
        if (value := summary.get(metric, summary.get(_BEFORE.get(metric, "")))) is not None and value != 0.0
    ]
    depositors = _depositors(results)
    if not rows:
        return style.nothing(f"{results.name}: nobody gained or lost", "Nobody was liquidated, and nothing was paid")
    heights = [0.6 + 0.3 * len(rows)] + ([2.6] if depositors is not None else [])
    drawn = style.figure(1.5 + sum(heights))
    panels = drawn.subplots(len(heights), 1, squeeze=False, height_ratios=heights).ravel()
    _bars(panels[0], sorted(rows, key=lambda row: row[1]))
    how = (
        "Losses to the left, gains to the right. Borrowers lose what is seized beyond the debt repaid, at the moment's "
        "prices. Liquidators' gain is after all gas, with what they hold at the end at the prices then. An insurer's "
        "premiums and interest are not counted."
    )
    if results.finished > 1:
        how += f" Means over {results.finished:,} paths with their standard errors."
    if depositors is not None:
        cohorts, all_of_them = _hit_hardest(depositors)
        _exits(panels[1], depositors, cohorts)
        which = "every cohort of depositors" if all_of_them else "the cohorts of depositors that lost most,"
        how += (
            f" Below: {which} in groups by when they first asked for their money, and what each lost of what was due "
            "to it."
        )
    style.headline(drawn, f"{results.name}: {_sentence(results, rows)}", how)
    return drawn


def _bars(axes: Axes, rows: "list[tuple[str, float, str, float | None]]") -> None:
    style.panel(axes, "Profit and loss", "")
    values = np.array([row[1] for row in rows])
    errors = [row[3] or 0.0 for row in rows]
    axes.barh(
        range(len(rows)), values, color=[row[2] for row in rows], height=0.72,
        xerr=errors if any(errors) else None, error_kw={"lw": 0.9, "ecolor": palette.INK, "capsize": 2},
    )  # fmt: skip
    reach = float(np.abs(values).max())
    for row, value in enumerate(values):
        beyond = value + math.copysign(errors[row] + 0.012 * reach, value)
        axes.text(beyond, row, style.short(value), va="center", ha="left" if value > 0.0 else "right")
    axes.axvline(0.0, color=palette.INK, lw=0.8)
    axes.set_yticks(range(len(rows)), [row[0] for row in rows])
    axes.invert_yaxis()
    axes.margins(x=0.16)
    axes.grid(visible=False, axis="y")
    axes.set_xlabel("USD")
    style.number_axis(axes, "x")


def _depositors(results: Results) -> pd.DataFrame | None:
    """What each group of depositors lost, where the run has recorded it and anybody lost."""
    if not results.has("depositors"):
        return None
    table = results.table("depositors", path=Story.read(results).path)
    return table if len(table) and (table["haircut"] > 0.0).any() else None


def _hit_hardest(table: pd.DataFrame) -> tuple[list[tuple[str, str]], bool]:
    """The cohorts to show and their assets, in the order of the table: those that lost most; whether these are all."""
    worst = table.groupby(["cohort", "asset"], sort=False)["haircut"].max()
    if len(worst) <= MOST_COHORTS:
        return worst.index.tolist(), True
    most = worst[worst > 0.0].nlargest(MOST_COHORTS)
    return worst.index[worst.index.isin(most.index)].tolist(), False


def _exits(axes: Axes, table: pd.DataFrame, names: list[tuple[str, str]]) -> None:
    style.panel(axes, "What depositors lost, by who asked first for their money", "% of what was due")
    groups = np.sort(table["group"].unique())
    width = 0.8 / len(names)
    for number, (cohort, asset) in enumerate(names):
        own = table[(table["cohort"] == cohort) & (table["asset"] == asset)].set_index("group")["haircut"]
        where = groups + (number - (len(names) - 1) / 2.0) * width
        colour = palette.paler(palette.ACTOR["depositors"], 0.65**number)
        label = f"{style.words(str(cohort))}, {asset}"
        axes.bar(
            where,
            own.reindex(groups, fill_value=0.0),
            width=0.92 * width,
            color=colour,
            edgecolor=palette.INK,
            lw=0.4,
            label=label,
        )
    axes.set_xticks(groups, ["first"] + [""] * max(len(groups) - 2, 0) + ["last or never"] * (len(groups) > 1))
    axes.set_xlabel("exit order")
    axes.grid(visible=False, axis="x")
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: three_figures(100.0 * value)))
    if len(names) > 1:
        style.legend(axes)


def _sentence(results: Results, rows: "list[tuple[str, float, str, float | None]]") -> str:
    mean = "on average " if results.finished > 1 else ""
    worst, best = min(rows, key=lambda row: row[1]), max(rows, key=lambda row: row[1])
    said = []
    if worst[1] < 0.0:
        said.append(f"{worst[0].partition(',')[0]} lost most ({style.usd(-worst[1])})")
    if best[1] > 0.0:
        said.append(f"{best[0].partition(',')[0]} gained most ({style.usd(best[1])})")
    return mean + "; ".join(said)
