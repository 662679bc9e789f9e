"""How every figure looks: one style sheet, a title that says what is seen, a caption, and numbers people can read.

Whatever draws is decorated with `ours`: matplotlib looks sizes and colours up as things are drawn. Colours are in
`palette`, times in `clock`.
"""

import math
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import matplotlib as mpl
import matplotlib.style
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from experiments.figures import palette
from experiments.numbers import short, three_figures
from models.types import FloatArray

__all__ = ["short"]  # numbers in figures are written as in tables

# Read once: sheets that several threads read at a time, as in the dashboard, are mixed up.
with matplotlib.style.context(["default", Path(__file__).with_name("underwater.mplstyle")]):
    SHEET = {key: value for key, value in mpl.rcParams.copy().items() if key != "backend"}


@contextmanager
def _as_ours() -> Iterator[None]:
    with mpl.rc_context({key: value for key, value in SHEET.items() if mpl.rcParams[key] != value}):
        yield


ours = _as_ours()
"""Decorates whatever draws; nothing that a user has set for figures of their own, such as TeX, changes ours."""

WIDTH = 9.0
"""Of every figure, in inches: then letters are of one size wherever figures stand side by side."""

SMALL = 8.6
"""The smallest letters, in points."""

TITLE_LETTERS_PER_INCH = 9.6
CAPTION_LETTERS = 1.6
"""How many letters of a caption go where one of the title does."""

DPI = 140
MOST_BARS = 3000

_LAYER_TITLE = {
    "uncovered": "nobody (uncovered)",
    "pending": "still owed",
    "recovered": "nobody (it came back)",
}


def words(name: str) -> str:
    """A name of the tables as one says it: `constant_product.2` is `constant product 2`."""
    return name.replace("_", " ").replace(".", " ")


def layer_title(layer: str) -> str:
    """What a loss layer is called in a legend; `insurance.1` is the second insurer."""
    kind, _, number = layer.partition(".")
    return f"{words(kind)} {int(number) + 1}" if number else _LAYER_TITLE.get(layer, words(layer))


def payer(layer: str) -> str:
    """A loss layer within a sentence: `the reserve`."""
    return f"the {layer}" if layer in ("reserve", "insurance") else layer_title(layer)


def figure(height: float) -> Figure:
    """An empty figure of that height in inches, which no global state knows of."""
    drawn = Figure(figsize=(WIDTH, height), dpi=DPI)
    drawn.set_layout_engine("constrained", h_pad=0.08, w_pad=0.08)
    return drawn


def headline(drawn: Figure, title: str, caption: str) -> None:
    """The sentence above a figure that says what is seen, and below it, smaller, how to read it."""
    width = round(TITLE_LETTERS_PER_INCH * drawn.get_figwidth())
    drawn.align_ylabels([axes for axes in drawn.axes if axes.get_ylabel()])
    drawn.suptitle(_wrapped(title, width), x=0.01, ha="left", color=palette.INK)
    drawn.supxlabel(_wrapped(caption, round(CAPTION_LETTERS * width)), x=0.01, ha="left", color=palette.MUTED)


def title_of(drawn: Figure) -> str:
    """The sentence above a figure, on one line."""
    return drawn.get_suptitle().replace("\n", " ")


def caption_of(drawn: Figure) -> str:
    """How to read a figure, on one line; empty where there is nothing to see in it."""
    return drawn.get_supxlabel().replace("\n", " ")


def _wrapped(text: str, width: int) -> str:
    """Text in as few lines as it takes, of nearly the same length: no last line with a single word."""
    if not text:
        return ""
    text = text.replace(" %", "\u00a0%")  # a number and its unit stay together
    fewest = len(textwrap.wrap(text, width))
    narrowest = next(
        (w for w in range(max(map(len, text.split())), width + 1) if len(textwrap.wrap(text, w)) <= fewest), width
    )
    return textwrap.fill(text, narrowest).replace("\u00a0", " ")


def panel(axes: Axes, title: str, ylabel: str) -> None:
    """What a panel shows, above it to the left, and the unit of its y axis."""
    axes.set_title(title)
    axes.set_ylabel(ylabel)


def legend(axes: Axes, title: str = "", *, of: Sequence[Axes] | None = None, reverse: bool = False) -> None:
    """A legend outside the panel, to its right, where it hides nothing; `of` all these panels, or of this one."""
    found: dict[str, Artist] = {}
    for one in of if of is not None else (axes,):
        handles, labels = one.get_legend_handles_labels()
        found |= {label: handle for label, handle in zip(labels, handles, strict=True) if label not in found}
    shown = axes.legend(
        list(found.values()),
        list(found),
        loc="upper left",
        bbox_to_anchor=(1.005, 1.0),
        borderaxespad=0.0,
        title=title or None,
        reverse=reverse,
    )
    shown.set_alignment("left")


def nothing(title: str, reason: str) -> Figure:
    """A figure that says why there is nothing to draw."""
    drawn = figure(2.0)
    axes = drawn.subplots()
    axes.axis("off")
    remark(axes, reason)
    headline(drawn, title, "")
    return drawn


def takes_any_size(axes: Axes, base: str) -> str:
    """Say in a market's panel that it has no depth to draw; the same in words for a title."""
    axes.axis("off")
    remark(axes, "Any size trades at the reference price")
    return f"the {base} market takes any size"


def remark(axes: Axes, text: str) -> None:
    """Say in the middle of a panel why there is nothing to see in it."""
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", fontsize=10, color=palette.MUTED)
    axes.set_yticks([])
    axes.set_ylabel("")
    axes.grid(visible=False)
    axes.spines["left"].set_visible(False)


def line(axes: Axes, edges: FloatArray, values: FloatArray, colour: str, label: str | None = None) -> None:
    """A value that holds from each edge to the next, as a line; nan is a gap. `edges` has one more than `values`."""
    axes.plot(edges, np.append(values, values[-1]), color=colour, label=label, drawstyle="steps-post")


def area(
    axes: Axes,
    edges: FloatArray,
    values: FloatArray,
    colour: str,
    *,
    base: FloatArray | None = None,
    label: str | None = None,
) -> None:
    """A value that holds from each edge to the next, filled down to `base` or to zero; no colour where it is nothing.

    Where there are more values than pixels the largest of each group is drawn, so that a short peak is not lost.
    """
    starts = np.arange(0, len(values), -(-len(values) // MOST_BARS))
    floor = np.zeros(len(starts)) if base is None else np.maximum.reduceat(base, starts)
    top = np.maximum.reduceat(values, starts)
    top = np.where(top > floor, top, np.nan)
    drawn = axes.stairs(top, np.append(edges[starts], edges[-1]), baseline=floor, fill=True, color=colour, label=label)
    drawn.set_edgecolor(colour)  # an edge as well, for a peak that is narrower than a pixel


def from_zero(axes: Axes) -> None:
    """Start the y axis at zero, once everything is drawn: sizes are compared from there."""
    axes.set_ylim(0.0, axes.get_ylim()[1])


def number_axis(axes: Axes, which: str = "y") -> None:
    """Tick labels such as 250k, 1.5M and 2bn on the `x` or the `y` axis."""
    axis = axes.yaxis if which == "y" else axes.xaxis
    axis.set_major_formatter(FuncFormatter(lambda value, _: short(value)))


def log_axis(axes: Axes, which: str = "y") -> None:
    """Logarithms on the `x` or the `y` axis, with plain numbers at powers of ten: matplotlib's own are formulas."""
    (axes.set_yscale if which == "y" else axes.set_xscale)("log")
    axis = axes.yaxis if which == "y" else axes.xaxis
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def root_axis(axes: Axes, largest: float) -> None:
    """Square roots on the y axis, from zero to just above the largest value; half way up is a quarter of the top."""
    axes.set_yscale("function", functions=(lambda y: np.sqrt(np.maximum(y, 0.0)), np.square))
    axes.set_ylim(0.0, 1.1 * largest if largest > 0.0 else 1.0)
    if largest > 0.0:
        power = 10.0 ** math.floor(math.log10(largest))
        top = max(step * power for step in (1.0, 2.0, 4.0, 8.0) if step * power <= largest)
        axes.set_yticks([0.0, top / 4.0, top])
    number_axis(axes)


def price_axis(axes: Axes) -> None:
    """Prices in full on the y axis: 1,850 where k would hide what moves."""
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.6g}"))


def units(value: float) -> str:
    """A quantity in three figures, in full up to a million: `1,680`."""
    return short(value) if abs(value) >= 1e6 else f"{float(f'{value:.3g}'):,.10g}"


def usd(value: float) -> str:
    """A sum of money in three figures: `1.23M USD`."""
    return f"{short(value)} USD"


def percent(value: float) -> str:
    """A fraction as a percentage in at most three figures: `43.2 %`; what is too small to show is `under 0.01 %`."""
    if 0.0 < abs(value) < 0.0001:
        return "under 0.01 %"
    return f"{three_figures(100.0 * value)} %"
