"""The figures of a comparison, drawn from its stored results alone: who is best, at what price, who pays, the course.

With tuned designs in the comparison the ranking and the plane show each design twice; losses and courses are those of
the designs as they entered.
"""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from experiments.comparing.comparison import Comparison
from experiments.comparing.comparison_text import amount
from experiments.comparing.objectives import Objective
from experiments.figures import palette, style
from experiments.figures.clock import Clock, start_of
from experiments.figures.names import Named, name_points
from experiments.figures.reading import round_bins
from experiments.figures.saving import save
from experiments.stored.storage import ResultsUnreadableError

_LENDERS = (
    ("reserve_paid_usd", "reserve", "reserve"),
    ("insurer_paid_usd", "insurance", "insurance"),
    ("depositor_loss_usd", "depositors", "depositors"),
    ("uncovered_usd", "uncovered", "nobody (uncovered)"),
)
_BORROWERS = (
    ("liquidator_profit_usd", palette.ACTOR["liquidators"], "liquidators' profit"),
    ("stability_pool_profit_usd", palette.ACTOR["depositors"], "stability pool"),
    ("protocol_revenue_usd", palette.ACTOR["protocol"], "protocol's revenue"),
)


def save_comparison(comparison: Comparison, directory: Path, form: str = "png") -> list[Path]:
    """Draw every figure into `directory` as `<name>.<form>`; the files. Raises `ResultsUnreadableError`."""
    return sorted(save(draw(comparison), directory / f"{name}.{form}") for name, draw in COMPARISON_FIGURES.items())


@style.ours
def ranking(comparison: Comparison) -> Figure:
    """The designs by the main objective, best at the top, with intervals and the chance of being best."""
    entries = _entries(comparison)
    main = _objectives(comparison)[0]
    tuned = _tuned(comparison)
    drawn = style.figure(1.6 + 0.38 * len(entries))
    axes = drawn.subplots()
    style.panel(axes, "", "")
    for row, entry in enumerate(entries):
        _dot(
            axes, row - 0.14 * bool(tuned), entry["objectives"][main.name], palette.AS_IT_IS, row == 0, "as it entered"
        )
        if entry["design"] in tuned:
            _dot(axes, row + 0.14, tuned[entry["design"]]["objectives"][main.name], palette.TUNED, row == 0, "tuned")
        best = entry["probability_best"]
        chance = "" if best is None else f"{100.0 * best:.0f} %"
        axes.text(1.01, row, chance, transform=axes.get_yaxis_transform(), va="center", color=palette.INK)
    axes.text(1.01, -0.9, "best in", transform=axes.get_yaxis_transform(), color=palette.MUTED)
    axes.set_yticks(range(len(entries)), [entry["design"] for entry in entries])
    axes.set_ylim(len(entries) - 0.4, -0.6)
    _axis(axes, main, "x")
    if tuned:
        axes.legend(frameon=False, loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=2)
    first, second = entries[0], entries[1] if len(entries) > 1 else None
    won = f"{first['design']} comes first by {main.heading}"
    if second is not None and second["rank"] == 1:
        won = f"{sum(entry['rank'] == 1 for entry in entries)} designs tie by {main.heading}"
    style.headline(
        drawn,
        f"{comparison.name}: {won}",
        f"{_statistic(main)} and its 95 % interval; {comparison.manifest['paths']:,} paths each, on common seeds. "
        "Percentages: how often a design ranks first when the seeds are resampled.",
    )
    return drawn


@style.ours
def pareto(comparison: Comparison) -> Figure:
    """The plane of the first two objectives; designs on the Pareto front of all objectives in colour."""
    entries, objectives = _entries(comparison), _objectives(comparison)
    title = f"{comparison.name}: what is gained on one side is lost on the other"
    if len(objectives) < 2:
        return style.nothing(title, "A plane needs two objectives: name them with --objectives")
    across, up = objectives[:2]
    drawn = style.figure(6.0)
    axes = drawn.subplots()
    style.panel(axes, "", "")
    tuned = _tuned(comparison)
    named: dict[tuple[float, float], Named] = {}
    for entry in entries:
        point = _cross(axes, entry, across, up, palette.AS_IT_IS if entry["on_front"] else palette.OTHER)
        if all(map(math.isfinite, point)):
            name = f"{named[point].name}, {entry['design']}" if point in named else entry["design"]
            named[point] = Named(name, *point, _ends(entry["objectives"][across.name]))
        better = tuned.get(entry["design"])
        if better is not None:
            end = _cross(axes, better, across, up, palette.TUNED)
            axes.annotate("", end, point, arrowprops={"arrowstyle": "->", "color": palette.TUNED, "lw": 0.8})
    _axis(axes, across, "x")
    _axis(axes, up, "y")
    of_all = "" if len(objectives) == 2 else f" of all {len(objectives)} objectives"
    front = [entry["design"] for entry in entries if entry["on_front"]]
    style.headline(
        drawn,
        f"{comparison.name}: on the Pareto front{of_all}: {', '.join(front)}",
        "Blue: no other design is as good at every objective and better at one; grey: some other design is. Bars are "
        "95 % intervals." + (" Arrows lead to the same design tuned." if tuned else ""),
    )
    name_points(drawn, axes, list(named.values()))
    return drawn


@style.ours
def losses(comparison: Comparison) -> Figure:
    """Who pays: the bad debt by payer and, beside it, where the borrowers' loss went."""
    entries = _entries(comparison)
    means = {
        entry["design"]: {m: _number(found["value"]) for m, found in entry["metrics"].items()} for entry in entries
    }
    height = 0.34 * max(len(entries), 3)
    drawn = style.figure(2.6 + height)
    left, right = drawn.subplots(1, 2, sharey=True)
    names = list(means)
    colours = palette.layer_colours([layer for _, layer, _ in _LENDERS])
    parts = [(label, colours[layer], [means[name][m] for name in names]) for m, layer, label in _LENDERS]
    still = [max(means[name]["total_bad_debt_usd"] - means[name]["bad_debt_usd"], 0.0) for name in names]
    _stack(left, names, [*parts, ("not realised yet", palette.UNDERWATER, still)])
    style.panel(left, "Bad debt, by who paid for it", "")
    gone = [(label, colour, [means[name].get(m, 0.0) for name in names]) for m, colour, label in _BORROWERS]
    lost = [means[name]["borrower_loss_usd"] for name in names]
    rest = [total - math.fsum(part[2][k] for part in gone) for k, total in enumerate(lost)]
    _stack(right, names, [*gone, ("the market and the miners", palette.ACTOR["market"], rest)])
    right.scatter(lost, range(len(names)), marker="|", s=170, color=palette.INK, label="borrowers' loss", zorder=3)
    style.panel(right, "Borrowers' loss to liquidation, by who got it", "")
    left.set_yticks(range(len(names)), names)
    left.set_ylim(len(names) - 0.4, -0.6)
    for axes in (left, right):
        style.number_axis(axes, "x")
        axes.set_xlabel("USD, mean over the paths")
        below = -0.55 / (0.5 + height)  # clear of the label of the axis, however tall the panel
        axes.legend(frameon=False, loc="upper center", bbox_to_anchor=(0.5, below), ncols=2, markerscale=0.6)
    worst = max(names, key=lambda name: means[name]["total_bad_debt_usd"] + means[name]["borrower_loss_usd"])
    style.headline(
        drawn,
        f"{comparison.name}: who pays under each design; most is lost under {worst}",
        "Left: bad debt by the loss layer that took it, and what positions still open at the end lack. Right: value "
        "seized beyond the debt repaid, by who has it now; to the left of zero is what others put in, such as "
        "the protocol's tips, or who bought after prices rose. Means over the paths, best design at the top.",
    )
    return drawn


@style.ours
def timelines(comparison: Comparison) -> Figure:
    """Path 0 under every design: debt repaid by liquidators, debt under water, and bad debt so far."""
    courses = {str(name): course for name, course in comparison.timelines.groupby("design", sort=False)}
    names = [entry["design"] for entry in _entries(comparison) if entry["design"] in courses]
    if not names:
        return style.nothing(f"{comparison.name}: the course of path 0", "Path 0 did not finish under any design")
    block = float(comparison.scenario["time"]["step_seconds"])
    seconds = courses[names[0]]["time_seconds"].to_numpy(dtype=np.float64)
    edges = np.append(seconds, seconds[-1] + block)
    clock = Clock.of(float(np.ptp(edges)), start_of(comparison.scenario))
    drawn = style.figure(2.6 + 1.05 * len(names))
    panels = drawn.subplots(len(names) + 1, 1, sharex=True, height_ratios=[1.3, *[1.0] * len(names)])
    asset = _price(panels[0], courses[names[0]], clock, edges)
    panels[0].set_title(f"Price of {asset} under {names[0]}", loc="left", color=palette.INK)
    bins, stretch = round_bins(edges, block)
    tallest = 0.0
    for axes, name in zip(panels[1:], names, strict=True):
        tallest = max(tallest, _course(axes, name, courses[name], clock, edges, bins))
    for axes in panels[1:]:
        style.root_axis(axes, tallest)
    style.legend(panels[1])
    clock.label(panels[-1], edges)
    style.headline(
        drawn,
        f"{comparison.name}: the same fall of {asset} under each design (seed {comparison.manifest['seed']})",
        f"Bars: debt repaid by liquidators per {stretch}. Areas: debt of open positions that are under water, which "
        "owe more than their collateral is worth. One scale of square roots for all designs, so that little is seen "
        "beside much; prices are those of the rest of the market.",
    )
    return drawn


COMPARISON_FIGURES = {"ranking": ranking, "pareto": pareto, "losses": losses, "timelines": timelines}


def _entries(comparison: Comparison) -> list[dict[str, Any]]:
    if not comparison.ranking:
        raise ResultsUnreadableError(f"{comparison.directory} has nothing to draw yet; finish it with --resume")
    found: list[dict[str, Any]] = comparison.ranking["designs"]
    return found


def _tuned(comparison: Comparison) -> dict[str, dict[str, Any]]:
    """The tuned designs' entries by the name of the design as it entered."""
    field = comparison.ranking.get("tuned") or {"designs": []}
    return {entry["design"].removesuffix(" tuned"): entry for entry in field["designs"]}


def _objectives(comparison: Comparison) -> list[Objective]:
    told = comparison.ranking["objectives"]
    return [Objective(one["metric"], one["statistic"], one["more_is_better"]) for one in told]


def _statistic(objective: Objective) -> str:
    return {"mean": "Mean", "p95": "95 % quantile", "es95": "Mean of the worst 5 %"}[objective.statistic]


def _number(value: float | None) -> float:
    """A stored value, 0 where it is undefined."""
    return 0.0 if value is None else value


def _whiskers(found: dict[str, Any]) -> list[list[float]] | None:
    """How far the ends of an interval are below and above the estimate; nothing on a side where there is no end."""
    value, low, high = found["value"], found["low"], found["high"]
    return [[0.0 if low is None else max(value - low, 0.0)], [0.0 if high is None else max(high - value, 0.0)]]


def _ends(found: dict[str, Any]) -> tuple[float, float]:
    """The ends of an interval, the estimate itself on a side where there is none."""
    low, high = (found["value"] if found[end] is None else found[end] for end in ("low", "high"))
    return low, high


def _dot(axes: Axes, row: float, found: dict[str, Any], colour: str, labelled: bool, label: str) -> None:
    if found["value"] is None:
        return
    axes.errorbar(
        found["value"],
        row,
        xerr=_whiskers(found),
        fmt="o",
        color=colour,
        markersize=5,
        capsize=2.5,
        lw=1.2,
        label=label if labelled else None,
    )


def _cross(axes: Axes, entry: dict[str, Any], across: Objective, up: Objective, colour: str) -> tuple[float, float]:
    """A design in the plane, with its intervals; where it is, nan where it is nowhere."""
    x, y = entry["objectives"][across.name], entry["objectives"][up.name]
    if x["value"] is None or y["value"] is None:
        return math.nan, math.nan
    axes.errorbar(
        x["value"], y["value"], xerr=_whiskers(x), yerr=_whiskers(y), fmt="o", color=colour, markersize=5, lw=0.8,
        zorder=2.0 if colour == palette.OTHER else 3.0,  # who is on the front is not hidden by who is just beside it
    )  # fmt: skip
    return float(x["value"]), float(y["value"])


def _axis(axes: Axes, objective: Objective, which: str) -> None:
    """One axis with the objective's name, its numbers and which way is better."""
    axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_major_formatter(FuncFormatter(lambda value, _: amount(objective.metric, value)))
    better = "more" if objective.more_is_better else "less"
    unit = " in USD" if objective.metric.endswith("_usd") else ""
    axis.set_label_text(f"{objective.heading}{unit} ({better} is better)")


def _stack(axes: Axes, names: list[str], parts: list[tuple[str, str, list[float]]]) -> None:
    """Bars one after the other from zero on, those of less than nothing to its left."""
    reach = np.zeros((2, len(names)))
    for label, colour, values in parts:
        if any(values):
            width = np.array(values)
            side = (width < 0.0).astype(np.int64)
            base = reach[side, range(len(names))]
            axes.barh(range(len(names)), width, left=base, color=colour, label=label, height=0.7)
            reach[side, range(len(names))] += width
    if not reach.any():
        axes.plot([], [], label="nothing")
    low, high = reach[1].min(), reach[0].max()
    axes.set_xlim(low - 0.05 * (high - low) * (low < 0.0), (high + 0.05 * (high - low)) or 1.0)
    if low < 0.0:
        axes.axvline(0.0, color=palette.INK, lw=0.8)


def _price(axes: Axes, course: pd.DataFrame, clock: Clock, edges: np.ndarray[Any, Any]) -> str:
    """The reference price of the asset that fell most; the asset."""
    assets = [name.removeprefix("reference_") for name in course.columns if name.startswith("reference_")]
    prices = {asset: course[f"reference_{asset}"].to_numpy(dtype=np.float64) for asset in assets}
    asset = max(assets, key=lambda name: 1.0 - prices[name].min() / prices[name][0])
    style.panel(axes, "", "USD")
    style.price_axis(axes)
    style.line(axes, clock.read(edges), prices[asset], palette.PRICE["reference"])
    return asset


def _course(
    axes: Axes,
    name: str,
    course: pd.DataFrame,
    clock: Clock,
    edges: np.ndarray[Any, Any],
    bins: np.ndarray[Any, Any],
) -> float:
    """One design's panel; the largest value in it."""
    style.panel(axes, name, "USD")
    at = clock.read(edges)
    water = course["underwater_usd"].to_numpy(dtype=np.float64)
    bad = course["bad_debt_usd"].to_numpy(dtype=np.float64)
    repaid, _ = np.histogram(edges[:-1], bins=bins, weights=course["repaid_usd"].to_numpy(dtype=np.float64))
    read = clock.read(bins)
    axes.bar(read[:-1], repaid, width=np.diff(read), align="edge", color=palette.GENERATION[1], label="repaid")
    style.area(axes, at, water, palette.UNDERWATER, label="under water")
    style.line(axes, at, bad, palette.SOLD, "bad debt so far")
    return float(max(repaid.max(), water.max(), bad.max()))
