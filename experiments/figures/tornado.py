"""Tornado charts: how far an answer moves when one parameter at a time is moved, the one that matters most on top.

A function of a tidy table, for experiments to use: a row a parameter, with the answer at its low and its high end.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from experiments.figures import palette, style

COLUMNS = ("parameter", "low", "high", "at_low", "at_high")
"""The parameter in words, its two values as they are to be written, and the answer at each."""


@style.ours
def draw(
    table: pd.DataFrame,
    base: float,
    label: str,
    *,
    title: str,
    caption: str,
    written: Callable[[float], str] = style.short,
    most: int = 16,
) -> Figure:
    """The answer, called `label` with its unit, when each parameter of the table is at its low and high end.

    The `most` parameters with the longest bars are drawn. Raises `ValueError` for a table without the `COLUMNS`.
    """
    missing = [name for name in COLUMNS if name not in table]
    if missing:
        raise ValueError(f"a tornado chart needs the column {missing[0]}; its columns are {', '.join(COLUMNS)}")
    reach = (table[["at_low", "at_high"]].max(axis=1).clip(lower=base)) - table[["at_low", "at_high"]].min(axis=1).clip(
        upper=base
    )
    rows = table.assign(reach=reach).dropna(subset=["reach"]).nlargest(most, "reach")
    if rows.empty or not (rows["reach"] > 0.0).any():
        return style.nothing(title, "No parameter moves the answer")
    drawn = style.figure(1.9 + 0.36 * len(rows))
    axes = drawn.subplots()
    _bars(axes, rows, base)
    axes.axvline(base, color=palette.INK, lw=1.0)
    axes.set_xlabel(f"{label}; the line is at {written(base)}, with all parameters as they are")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: written(value)))
    style.headline(drawn, title, caption)
    return drawn


def _bars(axes: Axes, rows: pd.DataFrame, base: float) -> None:
    length = float(rows["reach"].max())
    places = np.arange(len(rows))
    for end, colour, words in (("low", palette.BOUGHT, "at its low end"), ("high", palette.SOLD, "at its high end")):
        answers = rows[f"at_{end}"].to_numpy(dtype=np.float64)
        axes.barh(places, answers - base, left=base, height=0.7, color=colour, alpha=0.85, label=words)
        for place, (answer, value) in enumerate(zip(answers, rows[end], strict=True)):
            side = 1.0 if answer > base or (answer == base and end == "high") else -1.0
            align = "left" if side > 0.0 else "right"
            text = value if isinstance(value, str) else style.short(float(value))
            axes.text(answer + 0.01 * side * length, place, text, va="center", ha=align, fontsize=style.SMALL)
    axes.set_yticks(places, [str(name) for name in rows["parameter"]])
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    axes.margins(x=0.12)
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, title=None)
