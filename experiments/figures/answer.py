"""The figure that answers an experiment: a metric along one factor, over two, or against each of many."""

import math
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm, Normalize
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from experiments.asking.answer_text import SIGNIFICANT, axes_of, by_weight, records
from experiments.asking.answers import Answer
from experiments.asking.estimands import Estimand
from experiments.asking.factors import Factor
from experiments.asking.question import Picture
from experiments.asking.screening import Screening
from experiments.figures import bars, frontier, palette, spread, stack, style
from experiments.figures.asked import headline
from experiments.figures.curves import break_even_bonus, fee_of, toxic_frontier
from experiments.figures.saving import save
from experiments.stored.storage import ResultsUnreadableError

NAME = "answer"
MOST_LINES = 8
WIDE = 30.0
"""Values so many times apart, and evenly so, are drawn on a logarithmic scale."""

OTHERS = {"bars": bars.draw, "stack": stack.draw, "frontier": frontier.draw, "spread": spread.draw}
"""Kinds of figures with a module of their own."""

HEAT, FRONT, LIMIT = "YlOrRd", "#0072B2", palette.INK


def save_answer(answer: Answer, directory: Path, form: str = "png") -> list[Path]:
    """Draw the figure into `directory`; the files. Raises `ResultsUnreadableError`."""
    return [save(draw(answer), directory / f"{NAME}.{form}")]


@style.ours
def draw(answer: Answer) -> Figure:
    """The figure that the experiment asks for; of one that does not say, what fits its factors."""
    if answer.table.empty:
        raise ResultsUnreadableError(f"{answer.directory} has nothing to draw: no path finished; --resume tries again")
    experiment = answer.experiment
    if not experiment.factors and not experiment.designs:
        return style.nothing(experiment.question, f"{answer.estimands[0].heading}: nothing is varied")
    if isinstance(experiment.plan, Screening):
        return _sensitivity(answer)
    kind = experiment.figure.kind if experiment.figure is not None else None
    if kind in OTHERS:
        return OTHERS[kind](answer)
    if kind == "map":
        return _map(answer)
    if kind == "lines" or (kind is None and any(factor.numeric for factor in experiment.factors)):
        return _lines(answer)
    return _scatter(answer)


def _lines(answer: Answer) -> Figure:
    """Panels of metrics along a factor, a line with its intervals for every combination of the other factors."""
    experiment = answer.experiment
    picture = experiment.figure or Picture(kind="lines")
    numeric = [factor for factor in experiment.factors if factor.numeric]
    x = next((factor for factor in numeric if factor.name == picture.x), numeric[0])
    others = [factor for factor in experiment.factors if factor is not x]
    shown = answer.named(picture.metrics) or answer.estimands[:1]
    drawn = style.figure(1.9 + 3.1 * len(shown))
    panels = np.atleast_1d(drawn.subplots(len(shown), 1, sharex=True))
    for axes, one in zip(panels, shown, strict=True):
        style.panel(axes, one.heading, one.unit)
        _courses(axes, answer, one, x, others)
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _, one=one: one.written(value)))
        style.from_zero(axes)
        if picture.curve is not None and picture.curve.kind == "toxic_frontier":
            at = toxic_frontier(answer.scenario)
            axes.axvline(at, color=FRONT, lw=1.3, ls="--")
            axes.annotate(
                "toxic frontier\n1 / (1 + bonus)", (at, 0.97), xycoords=("data", "axes fraction"), xytext=(-5, 0),
                textcoords="offset points", ha="right", va="top", fontsize=8.5, color=FRONT,
            )  # fmt: skip
    _value_axis(panels[-1], x, "x")
    if others or experiment.designs:
        title = ", ".join([*(["design"] if experiment.designs else []), *(factor.title for factor in others)])
        panels[0].legend(
            title=title, frameon=False, fontsize=8.5, title_fontsize=8.5, loc="upper left", bbox_to_anchor=(1.0, 1.0)
        )
    found = ""
    if not others and not experiment.designs:
        found, at_last = _flat_from(answer, shown[0], x)
        if at_last is not None:
            for axes in panels:
                axes.axvline(at_last, color=palette.MUTED, lw=1.1, ls="--")
    headline(drawn, answer, f"{found} Bands are 95 % intervals; {answer.manifest['paths']:,} paths a point.".strip())
    return drawn


def _courses(axes: Axes, answer: Answer, one: Estimand, x: Factor, others: list[Factor]) -> None:
    """The lines of one panel; what is ordered goes from light to dark."""
    rows = records(answer, one)
    keys = list(dict.fromkeys(_key(row, others) for row in rows))
    ordered = len(others) == 1 and others[0].numeric and "design" not in answer.points
    for number, key in enumerate(keys[:MOST_LINES]):
        if len(keys) == 1:
            colour: Any = FRONT
        else:
            colour = colormaps["viridis_r"](0.15 + 0.8 * number / (len(keys) - 1)) if ordered else f"C{number}"
        of_line = sorted((row for row in rows if _key(row, others) == key), key=lambda row: float(row[x.name]))
        at = [float(row[x.name]) for row in of_line]
        axes.plot(
            at, [row["value"] for row in of_line], "o-", color=colour, ms=4, lw=1.6, label=", ".join(key), clip_on=False
        )
        low, high = ([row[end] for row in of_line] for end in ("low", "high"))
        axes.fill_between(at, low, high, color=colour, alpha=0.15, lw=0)


def _key(row: dict[str, Any], others: list[Factor]) -> tuple[str, ...]:
    design = [str(row["design"])] if "design" in row else []
    return tuple(design + [factor.written(row[factor.name]) for factor in others])


def _flat_from(answer: Answer, one: Estimand, x: Factor) -> tuple[str, float | None]:
    """From where on nothing tells the points from the baseline at the far end, in words and as a place."""
    baseline = answer.manifest["baseline"]
    rows = sorted(records(answer, one), key=lambda row: float(row[x.name]))
    if baseline is None or rows[-1]["point"] != baseline:
        return "", None
    same = rows[-1]
    for row in reversed(rows[:-1]):
        if math.isnan(row["p_value_holm"]) or row["p_value_holm"] <= SIGNIFICANT:
            break
        same = row
    if same is rows[-1]:
        return f"Even the last step, to {x.written(rows[-1][x.name])}, makes a difference.", None
    if same is rows[0]:  # of no use as a place: so few paths, or so many points, may be unable to tell any two apart
        return f"These paths tell no point from {x.written(rows[-1][x.name])}.", None
    told = f"From {x.written(same[x.name])} on (dashed) nothing tells a point from {x.written(rows[-1][x.name])}."
    return told, float(same[x.name])


def _map(answer: Answer) -> Figure:
    """The main metric over two factors, with the line where it reaches a limit and the one that theory draws."""
    picture = answer.experiment.figure
    assert picture is not None
    main = answer.estimands[0]
    across, down = axes_of(answer)
    found = {(row[across.name], row[down.name]): row["value"] for row in records(answer, main)}
    columns, rows = sorted(across.listed()), sorted(down.listed())
    values = np.array([[found[x, y] for x in columns] for y in rows], dtype=np.float64)
    drawn = style.figure(6.6)
    axes = drawn.subplots()
    at, up = (_places(listed, factor) for listed, factor in ((columns, across), (rows, down)))
    norm = _norm(main, values)
    colours = colormaps[HEAT]
    image = axes.pcolormesh(_edges(at), _edges(up), values, cmap=HEAT, norm=norm)
    for j, y in enumerate(up):
        for i, x in enumerate(at):
            dark = float(norm(values[j, i])) > 0.65
            told = "<0.01" if 0.0 < values[j, i] < 0.5e-4 else main.written(values[j, i]).replace(" %", "")
            ink = "white" if dark else palette.INK
            around = [withStroke(linewidth=2.5, foreground=colours(norm(values[j, i])))]  # where a line passes
            axes.text(x, y, told, ha="center", va="center", fontsize=8.5, color=ink, path_effects=around)
    if picture.limit is not None and np.nanmin(values) < picture.limit < np.nanmax(values):
        wide, high = (
            np.concatenate([edges[:1], one, edges[-1:]]) for one, edges in ((at, _edges(at)), (up, _edges(up)))
        )
        axes.contour(wide, high, np.pad(values, 1, "edge"), levels=[picture.limit], colors=[LIMIT], linewidths=1.8)
        axes.plot([], [], color=LIMIT, lw=1.8, label=f"{main.heading}: {main.written(picture.limit)}")
    if picture.curve is not None:
        _curve(axes, answer, picture, across, down, at, up)
    _place_axis(axes, "x", at, columns, across)
    _place_axis(axes, "y", up, rows, down)
    axes.set_xlim(_edges(at)[0], _edges(at)[-1])
    axes.set_ylim(_edges(up)[0], _edges(up)[-1])
    bar = drawn.colorbar(image, ax=axes, shrink=0.8, pad=0.02)
    bar.ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: main.written(value)))
    bar.ax.yaxis.set_minor_locator(NullLocator())
    bar.set_label(f"{main.heading}{', in ' + main.unit if main.unit else ''}", fontsize=9)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc="upper left", bbox_to_anchor=(0.0, -0.1), frameon=False, fontsize=9, ncols=2)
    for side in axes.spines.values():
        side.set_visible(False)
    headline(drawn, answer, f"Numbers: {main.heading}; {answer.manifest['paths']:,} paths a point.")
    return drawn


def _curve(
    axes: Axes, answer: Answer, picture: Picture, across: Factor, down: Factor, at: np.ndarray[Any, Any], up: Any
) -> None:
    """Theory's line over a map whose axes are the depth of a pool in dollars and the bonus."""
    assert picture.curve is not None
    if picture.curve.kind == "toxic_frontier":
        axes.axvline(
            _place(toxic_frontier(answer.scenario), across), color=FRONT, lw=2.0, ls="--", label="toxic frontier"
        )
        return
    assert picture.curve.size_usd is not None
    places = np.linspace(_edges(at)[0], _edges(at)[-1], 400)
    depth = np.exp(places) if _is_log(across) else places
    bonus = break_even_bonus(depth, picture.curve.size_usd, fee_of(answer.scenario))
    line = np.array([_place(value, down) if value > 0.0 else math.nan for value in bonus])
    label = f"slippage eats the bonus of a sale for {style.short(picture.curve.size_usd)} USD"
    axes.plot(places, line, color=FRONT, lw=2.2, ls="--", label=label)


def _sensitivity(answer: Answer) -> Figure:
    """How much each factor matters to each metric: a bar with its interval."""
    morris = answer.experiment.plan.kind == "morris"
    found = {(row["metric"], row["factor"], row["index"]): row for row in answer.sensitivity.to_dict("records")}
    factors = by_weight(answer, answer.estimands[0])
    drawn = style.figure(1.9 + 0.45 * len(factors))
    panels = np.atleast_1d(drawn.subplots(1, len(answer.estimands), sharey=True))
    bars = (("mu_star", FRONT, "mu*"),) if morris else (("ST", FRONT, "total, ST"), ("S1", "#E69F00", "alone, S1"))
    for axes, one in zip(panels, answer.estimands, strict=True):
        style.panel(axes, one.heading, "")
        for number, (index, colour, label) in enumerate(bars):
            rows = [found[one.text, factor.name, index] for factor in factors]
            height = 0.7 / len(bars)
            places = np.arange(len(rows)) + (number - 0.5 * (len(bars) - 1)) * height
            values = [row["value"] for row in rows]
            reach = [row["high"] - row["value"] for row in rows]
            axes.barh(places, values, height, xerr=reach, color=colour, label=label, error_kw={"lw": 1.0})
        if morris:
            axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _, one=one: one.written(value)))
            axes.xaxis.set_major_locator(MaxNLocator(5))
            axes.set_xlabel(one.unit)
        axes.set_xlim(left=0.0)
    panels[0].set_yticks(range(len(factors)), [factor.title for factor in factors], fontsize=9)
    panels[0].invert_yaxis()
    if not morris:
        panels[-1].legend(frameon=False, fontsize=8.5, loc="lower right")
    told = (
        "mu*: the mean change over the factor's whole range." if morris else "Shares of the variance over the ranges."
    )
    headline(drawn, answer, f"{told} Bars are 95 % intervals; {answer.manifest['paths']:,} paths a point.")
    return drawn


def _scatter(answer: Answer) -> Figure:
    """The main metric of every point against each factor."""
    main, factors = answer.estimands[0], answer.experiment.factors
    rows = records(answer, main)
    designs = list(dict.fromkeys(str(row["design"]) for row in rows)) if "design" in answer.points else [""]
    names: list[Factor | None] = [*factors] or [None]
    columns = min(3, len(names))
    lines = math.ceil(len(names) / columns)
    drawn = style.figure(1.9 + 3.0 * lines)
    panels = drawn.subplots(lines, columns, sharey=True, squeeze=False).ravel()
    for axes, factor in zip(panels, names, strict=False):
        style.panel(axes, "", main.heading if axes in panels[::columns] else "")
        for number, design in enumerate(designs):
            of_design = [row for row in rows if not design or row["design"] == design]
            at = [_across(factor, row, designs) for row in of_design]
            values = [row["value"] for row in of_design]
            axes.plot(at, values, "o", color=f"C{number}", ms=4, alpha=0.7, label=design)
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: main.written(value)))
        if factor is None:
            axes.set_xticks(range(len(designs)), designs, fontsize=8.5)
        elif factor.numeric:
            _value_axis(axes, factor, "x")
        else:
            axes.set_xticks(range(len(factor.listed())), [factor.written(one) for one in factor.listed()], fontsize=8.5)
            axes.set_xlabel(factor.title, fontsize=9)
    for axes in panels[len(names) :]:
        axes.axis("off")
    if len(designs) > 1 and factors:
        panels[0].legend(frameon=False, fontsize=8.5)
    headline(drawn, answer, f"A dot for each point, {answer.manifest['paths']:,} paths each.")
    return drawn


def _across(factor: Factor | None, row: dict[str, Any], designs: list[str]) -> float:
    if factor is None:
        return float(designs.index(str(row["design"])))
    return float(row[factor.name]) if factor.numeric else float(factor.listed().index(row[factor.name]))


def _is_log(factor: Factor) -> bool:
    """Whether an axis is logarithmic: of a range by its scale, of a list where its values are far apart."""
    if factor.is_range:
        return factor.scale == "log"
    listed = [float(value) for value in factor.listed()]
    return min(listed) > 0.0 and max(listed) >= WIDE * min(listed)


def _value_axis(axes: Axes, factor: Factor, which: str) -> None:
    """An axis of a factor's values, with its name and its unit."""
    axis = axes.xaxis if which == "x" else axes.yaxis
    written = FuncFormatter(lambda value, _: factor.written(value))
    if _is_log(factor):
        style.log_axis(axes, which)
        if factor.low is not None and factor.high is not None and factor.high < 10.0 * factor.low:  # no power of ten
            axis.set_minor_formatter(written)
    if not factor.is_range or factor.points is not None:
        listed = sorted(float(value) for value in factor.listed())
        axis.set_major_locator(FixedLocator(listed))
        axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(written)
    axis.set_label_text(_named(factor), fontsize=9)


def _named(factor: Factor) -> str:
    return f"{factor.title}{', in USD' if factor.unit == 'usd' else ''}"


def _place(value: float, factor: Factor) -> float:
    """Where a value is on the axis of a map."""
    return math.log(value) if _is_log(factor) else float(value)


def _places(listed: list[Any], factor: Factor) -> np.ndarray[Any, Any]:
    return np.array([_place(value, factor) for value in listed])


def _edges(places: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The edges of cells around places, halfway between them."""
    middle = 0.5 * (places[1:] + places[:-1])
    return np.concatenate([[2.0 * places[0] - middle[0]], middle, [2.0 * places[-1] - middle[-1]]])


def _place_axis(axes: Axes, which: str, places: np.ndarray[Any, Any], listed: list[Any], factor: Factor) -> None:
    axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_ticks(places, [factor.written(value) for value in listed], fontsize=9)
    axis.set_tick_params(length=0)
    axis.set_label_text(_named(factor), fontsize=9.5)


def _norm(one: Estimand, values: np.ndarray[Any, Any]) -> Normalize:
    """Colours from nothing to the largest value; by their logarithm where values of money are far apart."""
    some = values[np.isfinite(values) & (values > 0.0)]
    if one.kind != "share" and some.size and values.min() > 0.0 and some.max() > 1000.0 * some.min():
        return LogNorm(float(some.min()), float(some.max()))
    return Normalize(0.0, float(some.max()) if some.size else 1.0)
