"""How every figure looks: one colour for one thing wherever it appears, and numbers that people can read.

The colours are from Paul Tol's palettes for readers with any colour vision; what is ordered (the generations of a
cascade, debt in trouble and in deep trouble) goes from light to dark, so that it survives a black-and-white printer.
"""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from experiments.numbers import short, three_figures
from models.types import FloatArray

__all__ = ["short"]  # numbers in figures are written as in tables

INK = "#222222"
MUTED = "#6f6f6f"
GRID = "#e4e4e4"

PRICE = {"reference": INK, "venue": "#0099CC", "oracle": "#CC3377"}
GENERATION = ("#c9c9c9", "#fdae6b", "#e6550d", "#7f2704")
LIQUIDATABLE, UNDERWATER = "#c9b6dc", "#5b2a86"
CAPITAL = "#117733"
MOMENT = {"before": MUTED, "worst": "#e6550d", "after": "#0099CC"}

SOLD, BOUGHT = "#e6550d", "#0072B2"

_SOURCE = {
    "constant_product": "#4477AA",
    "order_book": "#CCBB44",
    "concentrated": "#66CCEE",
    "stable_swap": "#228833",
    "bands": "#AA3377",
    "infinite": "#BBBBBB",
}
_MORE_SOURCES = ("#EE6677", "#999933")

_LAYER = {"reserve": "#44AA99", "insurance": "#332288", "depositors": "#DDCC77", "uncovered": "#882255"}
_MORE_LAYERS = ("#88CCEE", "#999933", "#AA4499", "#117733")
_LAYER_TITLE = {"uncovered": "nobody (uncovered)", "pending": "still owed", "recovered": "nobody (it came back)"}

TITLE_LETTERS_PER_INCH = 9.2
DPI = 130
MOST_BARS = 3000


def layer_colours(layers: Sequence[str]) -> dict[str, str]:
    """A colour for each loss layer; the usual ones keep theirs whatever stands beside them."""
    usual = {layer: _LAYER[layer.removesuffix(".0")] for layer in layers if layer.removesuffix(".0") in _LAYER}
    others = [layer for layer in layers if layer not in usual]
    return usual | {layer: _MORE_LAYERS[k % len(_MORE_LAYERS)] for k, layer in enumerate(others)}


def source_colours(sources: Sequence[str]) -> dict[str, str]:
    """A colour for each source of liquidity: that of its kind, paler for the second and later ones of a kind."""
    kinds = list(dict.fromkeys(source.partition(".")[0] for source in sources))
    others = [kind for kind in kinds if kind not in _SOURCE]
    more = {kind: _MORE_SOURCES[k % len(_MORE_SOURCES)] for k, kind in enumerate(others)}
    colours = {}
    for source in sources:
        kind, _, number = source.partition(".")
        strength = 0.65 ** (int(number) - 1 if number else 0)
        red, green, blue = (1.0 - strength * (1.0 - part) for part in to_rgb((_SOURCE | more)[kind]))
        colours[source] = to_hex((red, green, blue))
    return colours


def words(name: str) -> str:
    """A name of the tables as one says it: `constant_product.2` is `constant product 2`."""
    return name.replace("_", " ").replace(".", " ")


def layer_title(layer: str) -> str:
    """A loss layer as the subject of "… paid"; `insurance.1` is the second insurer."""
    kind, _, number = layer.partition(".")
    return f"{words(kind)} {int(number) + 1}" if number else _LAYER_TITLE.get(layer, words(layer))


def figure(width: float, height: float) -> Figure:
    """An empty figure of that size in inches, which no global state knows of."""
    drawn = Figure(figsize=(width, height), dpi=DPI)
    drawn.set_layout_engine("constrained", h_pad=0.08, w_pad=0.08)
    return drawn


def headline(drawn: Figure, title: str, note: str = "") -> None:
    """The sentence above a figure that says what is seen, and a smaller one on how to read it."""
    width = round(TITLE_LETTERS_PER_INCH * drawn.get_figwidth())
    drawn.align_ylabels()
    drawn.suptitle(_wrapped(title, width), x=0.01, ha="left", fontsize=13, fontweight="bold", color=INK)
    if note:
        drawn.supxlabel(_wrapped(note, round(1.4 * width)), x=0.01, ha="left", fontsize=8.5, color=MUTED)


def _wrapped(text: str, width: int) -> str:
    """Text in as few lines as it takes, of nearly the same length: no last line with a single word."""
    fewest = len(textwrap.wrap(text, width))
    narrowest = next(w for w in range(max(map(len, text.split())), width + 1) if len(textwrap.wrap(text, w)) <= fewest)
    return textwrap.fill(text, narrowest)


def panel(axes: Axes, title: str, ylabel: str) -> None:
    """The frame of one panel: what it shows above it to the left, light grid lines behind."""
    axes.set_title(title, loc="left", fontsize=10, color=INK)
    axes.set_ylabel(ylabel, fontsize=9)
    axes.grid(color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=8.5, color=MUTED)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(MUTED)


def legend(axes: Axes, title: str = "") -> None:
    """A legend outside the panel, to its right, where it hides nothing."""
    shown = axes.legend(
        loc="upper left",
        bbox_to_anchor=(1.005, 1.02),
        frameon=False,
        fontsize=8.5,
        handlelength=1.4,
        title=title or None,
    )
    shown.set_alignment("left")
    shown.get_title().set_fontsize(8.5)


def nothing(title: str, reason: str) -> Figure:
    """A figure that says why there is nothing to draw."""
    drawn = figure(8.5, 2.0)
    axes = drawn.subplots()
    axes.axis("off")
    remark(axes, reason)
    headline(drawn, title)
    return drawn


def takes_any_size(axes: Axes, base: str) -> str:
    """Say in a market's panel that it has no depth to draw; the same in words for a title."""
    axes.axis("off")
    remark(axes, "Any size trades at the reference price")
    return f"the {base} market takes any size"


def remark(axes: Axes, text: str) -> None:
    """Say in the middle of a panel why there is nothing to see in it."""
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", fontsize=10, color=MUTED)
    axes.set_yticks([])
    axes.set_ylabel("")
    axes.grid(visible=False)
    axes.spines["left"].set_visible(False)


def line(axes: Axes, edges: FloatArray, values: FloatArray, colour: str, label: str | None = None) -> None:
    """A value that holds from each edge to the next, as a line; nan is a gap. `edges` has one more than `values`."""
    axes.plot(edges, np.append(values, values[-1]), color=colour, label=label, lw=1.3, drawstyle="steps-post")


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


@dataclass(frozen=True, slots=True)
class Clock:
    """Time since the start in the unit that suits a run's length."""

    unit: str
    seconds: float

    @classmethod
    def of(cls, length_seconds: float) -> "Clock":
        """The clock for a run of that length."""
        if length_seconds > 4.0 * 86_400.0:
            return cls("days", 86_400.0)
        if length_seconds > 3.0 * 3_600.0:
            return cls("hours", 3_600.0)
        return cls("minutes", 60.0) if length_seconds > 180.0 else cls("seconds", 1.0)

    def read(self, seconds: FloatArray) -> FloatArray:
        """Seconds since the start in the clock's unit."""
        return seconds / self.seconds

    def at(self, seconds: float) -> str:
        """A moment in words: `hour 14.2`."""
        return f"{self.unit[:-1]} {three_figures(seconds / self.seconds)}"

    def label(self, axes: Axes, edges: FloatArray) -> None:
        """The x axis from the first edge to the last, with round numbers on it."""
        axes.set_xlim(*self.read(edges[[0, -1]]))
        axes.set_xlabel(f"{self.unit} since the start", fontsize=9)
        axes.xaxis.set_major_locator(MaxNLocator(nbins=12, steps=[1, 2, 3, 4, 5, 6, 10]))
