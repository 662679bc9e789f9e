"""Whether a fitted model moves as the data did: its returns, their extremes, and how long wild times last."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.figures import palette, style
from experiments.fit.fitted import Fitted
from experiments.fit.history import History
from models.prices import Price
from models.types import FloatArray

DATA, MODEL = palette.INK, "#0099CC"
_MOST_LAGS = 40
_MOST_RETURNS = 5_000_000
"""Simulated in all, so that a long history takes fewer paths and not more memory."""
_BAND = (0.05, 0.95)
_MOST_OUTSIDE = 0.25
"""Of the points, outside of a band of 90 %: neighbours stray together, so that more than a tenth is no surprise."""


def simulate(price: Price, history: History, paths: int, seed: int) -> FloatArray:
    """Returns of so many paths of a model, each as long as the history, shape (paths, returns)."""
    rng = np.random.default_rng(seed)
    steps = len(history.prices)
    made = [price.path(steps, history.spacing_seconds, rng.standard_normal(steps), rng) for _ in range(paths)]
    return np.diff(np.log(np.array(made)), axis=1)


@style.ours
def draw(history: History, fitted: Fitted, seed: int = 1) -> Figure:
    """Three panels, the data in black and what the model makes of as many returns in blue."""
    paths = int(np.clip(_MOST_RETURNS // len(history.returns), 20, 100))
    price: Price = fitted.price  # type: ignore[assignment]  # every fitted part is one that can be run
    simulated = simulate(price, history, paths, seed)
    scale = float(history.returns.std())
    drawn = style.figure(4.4)
    panels = drawn.subplots(1, 3)
    _returns(panels[0], history.returns / scale, simulated / scale)
    outside = _quantiles(panels[1], history.returns / scale, simulated / scale)
    missed = _memory(panels[2], history.returns, simulated)
    title = f"{style.words(fitted.model)} on {history.source.rpartition('/')[2]}: {_verdict(outside, missed)}"
    note = (
        f"Black: {len(history.returns):,} log returns of the data. Blue: {paths} paths of the fitted model, as long;"
        " bands hold 90 % of them at each point. Returns are in units of the data's standard deviation."
    )
    style.headline(drawn, title, note)
    return drawn


def _verdict(outside: float, missed: float) -> str:
    """What the bands say, in words: about one point in ten is outside of a band by chance."""
    as_large, as_long = outside <= _MOST_OUTSIDE, missed <= _MOST_OUTSIDE
    if as_large and as_long:
        return "returns as large and wild times as long as in the data"
    if as_large:
        return "returns as large as in the data, but wild times of another length"
    if as_long:
        return "wild times as long as in the data, but returns of other sizes"
    return "neither returns as large nor wild times as long as in the data"


def _returns(axes: Axes, data: FloatArray, simulated: FloatArray) -> None:
    """Densities on a logarithmic axis, on which a normal is a parabola and tails can be seen."""
    style.panel(axes, "Returns", "density")
    reach = float(np.abs(data).max()) * 1.1
    edges = np.linspace(-reach, reach, 61)
    of_model, of_data = (np.histogram(each, edges, density=True)[0] for each in (simulated, data))
    axes.stairs(np.where(of_model > 0.0, of_model, np.nan), edges, color=MODEL, label="model", lw=1.4)
    seen = of_data > 0.0
    axes.plot((0.5 * (edges[1:] + edges[:-1]))[seen], of_data[seen], "o", color=DATA, label="data", ms=3.0)
    style.log_axis(axes)
    axes.set_xlabel("log return, standard deviations", fontsize=9)
    axes.legend(frameon=False, fontsize=8.5)


def _quantiles(axes: Axes, data: FloatArray, simulated: FloatArray) -> float:
    """Sorted returns of the data against the model's medians of the same rank; the share outside of the band."""
    style.panel(axes, "Quantiles", "data")
    ordered = np.sort(simulated, axis=1)
    middle = np.median(ordered, axis=0)
    low, high = np.quantile(ordered, _BAND, axis=0)
    shown = np.sort(data)
    axes.fill_between(middle, low, high, color=MODEL, alpha=0.25, lw=0.0)
    axes.plot(middle, middle, color=MODEL, lw=1.2)
    axes.plot(middle, shown, ".", color=DATA, ms=3.0)
    axes.set_xlabel("model", fontsize=9)
    return float(np.mean((shown < low) | (shown > high)))


def _memory(axes: Axes, data: FloatArray, simulated: FloatArray) -> float:
    """Autocorrelation of squared returns; the share of lags at which the data's is outside of the band."""
    style.panel(axes, "Memory of volatility", "autocorrelation of squared returns")
    lags = np.arange(1, min(_MOST_LAGS, len(data) // 4) + 1)
    of_paths = np.array([autocorrelation(path**2, len(lags)) for path in simulated])
    low, high = np.quantile(of_paths, _BAND, axis=0)
    of_data = autocorrelation(data**2, len(lags))
    axes.fill_between(lags, low, high, color=MODEL, alpha=0.25, lw=0.0)
    axes.plot(lags, np.median(of_paths, axis=0), color=MODEL, lw=1.2)
    axes.plot(lags, of_data, "o-", color=DATA, ms=3.0, lw=0.8)
    axes.set_xlabel("returns apart", fontsize=9)
    return float(np.mean((of_data < low) | (of_data > high)))


def autocorrelation(values: FloatArray, lags: int) -> FloatArray:
    """Correlation of a series with itself 1 … `lags` places on, shape (lags,)."""
    off = values - values.mean()
    total = float(off @ off)
    return np.array([float(off[:-lag] @ off[lag:]) / total for lag in range(1, lags + 1)])
