"""Phase diagrams: an answer over two parameters as shades, and the line along which it crosses a threshold.

A function of a tidy table, for experiments to use: a row a point, with the two parameters and the answer.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap, LogNorm, Normalize
from matplotlib.figure import Figure

from experiments.figures import palette, style
from models.types import FloatArray

COLOURS = ListedColormap(colormaps["YlOrBr"](np.linspace(0.04, 0.88, 256)))
MOST_WORDS = 80
"""Cells have their number written in them where there are no more cells than this."""

DECADES = 2.0
"""An answer that spans more decades than this, and is never 0 or less, has logarithmic shades."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """A column of a table and how it is shown: its label with the unit, and how a value is written."""

    column: str
    label: str
    written: Callable[[float], str] = style.short


@style.ours
def draw(
    table: pd.DataFrame,
    x: Quantity,
    y: Quantity,
    answer: Quantity,
    *,
    title: str,
    caption: str,
    threshold: float | None = None,
) -> Figure:
    """The answer by two parameters; several rows of a point are averaged, a point without a row is left white.

    The values of the parameters stand at equal distances in their order, so that any grid is drawn as it was asked.
    With a `threshold` a line separates the cells below it from those at or above it.
    """
    if table.empty or not table[answer.column].notna().any():
        return style.nothing(title, "No point has an answer yet")
    grid = table.pivot_table(index=y.column, columns=x.column, values=answer.column, aggfunc="mean")
    cells = grid.to_numpy(dtype=np.float64)
    drawn = style.figure(2.2 + min(max(0.42 * cells.shape[0], 1.6), 5.0))
    axes = drawn.subplots()
    shades = _shades(cells)
    image = axes.pcolormesh(np.ma.masked_invalid(cells), norm=shades, cmap=COLOURS, edgecolor="white", lw=0.6)
    _ticks(axes, grid, x, y)
    if cells.size <= MOST_WORDS:
        _write(axes, cells, shades, answer)
    if threshold is not None:
        _boundary(axes, cells, threshold)
    bar = drawn.colorbar(image, ax=axes, pad=0.01, aspect=25)
    bar.set_label(answer.label)
    bar.ax.yaxis.set_major_formatter(lambda value, _: answer.written(value))
    bar.outline.set_visible(False)
    style.headline(drawn, title, caption)
    return drawn


def _shades(cells: FloatArray) -> Normalize:
    low, high = float(np.nanmin(cells)), float(np.nanmax(cells))
    if low > 0.0 and high / low > 10.0**DECADES:
        return LogNorm(low, high)
    return Normalize(low, high if high > low else low + 1.0)


def _ticks(axes: Axes, grid: pd.DataFrame, x: Quantity, y: Quantity) -> None:
    axes.grid(visible=False)
    axes.set_xticks(np.arange(len(grid.columns)) + 0.5, [_value(x, value) for value in grid.columns])
    axes.set_yticks(np.arange(len(grid.index)) + 0.5, [_value(y, value) for value in grid.index])
    axes.tick_params(length=0)
    axes.set_xlabel(x.label)
    axes.set_ylabel(y.label)


def _value(quantity: Quantity, value: object) -> str:
    """A parameter's value; one that is no number, a design for example, by its name."""
    return quantity.written(float(value)) if isinstance(value, int | float | np.number) else style.words(str(value))


def _write(axes: Axes, cells: FloatArray, shades: Normalize, answer: Quantity) -> None:
    for (row, column), value in np.ndenumerate(cells):
        if np.isfinite(value):
            ink = "white" if float(shades(value)) > 0.6 else palette.INK
            text = answer.written(float(value))
            axes.text(column + 0.5, row + 0.5, text, ha="center", va="center", color=ink, fontsize=style.SMALL)


def _boundary(axes: Axes, cells: FloatArray, threshold: float) -> None:
    """A line between neighbours of which one is below the threshold and the other is not; none beside a hole."""
    above = np.where(np.isfinite(cells), (cells >= threshold).astype(np.float64), np.nan)
    for row, column in np.argwhere(np.abs(np.diff(above, axis=1)) == 1.0):
        axes.plot([column + 1, column + 1], [row, row + 1], color=palette.INK, lw=2.2, solid_capstyle="round")
    for row, column in np.argwhere(np.abs(np.diff(above, axis=0)) == 1.0):
        axes.plot([column, column + 1], [row + 1, row + 1], color=palette.INK, lw=2.2, solid_capstyle="round")
