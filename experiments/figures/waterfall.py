"""Who paid what: the bad debt as it goes down the loss layers, one after the other."""

from math import fsum

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.figures import palette, style
from experiments.figures.reading import layers_of
from experiments.stored.storage import Results


@style.ours
def draw(results: Results) -> Figure:
    """The waterfall of a run; with several paths the mean over them."""
    paid = paid_by_layer(results)
    total = fsum(paid.values())
    drawn = style.figure(1.6 + 0.55 * (len(paid) + 1) if total > 0.0 else 2.0)
    axes = drawn.subplots()
    style.panel(axes, "", "")
    style.headline(drawn, f"{results.name}: {_sentence(results, paid, total)}", _note(results))
    if total == 0.0:
        axes.axis("off")
        style.remark(axes, "No bad debt: no loss layer had to pay")
        return drawn
    colours = palette.layer_colours(list(paid))
    axes.barh(0, total, color=palette.INK)
    _amount(axes, 0, total, total, f"{style.usd(total)}")
    left = total
    for row, (layer, amount) in enumerate(paid.items(), start=1):
        axes.plot([left, left], [row - 1.4, row + 0.4], color=palette.MUTED, lw=0.8, zorder=0.9)
        axes.barh(row, -amount, left=left, color=colours[layer])
        text = f"{style.usd(amount)}, {style.percent(amount / total)}" if amount > 0.0 else "nothing"
        _amount(axes, row, left, total, text)
        left -= amount
    axes.set_yticks(range(len(paid) + 1), ["bad debt", *map(style.layer_title, paid)])
    axes.invert_yaxis()
    axes.set_xlim(0.0, 1.3 * total)
    axes.grid(visible=False, axis="y")
    axes.set_xlabel("USD still to be paid for, from right to left")
    style.number_axis(axes, "x")
    return drawn


def paid_by_layer(results: Results) -> dict[str, float]:
    """What each loss layer paid in USD, the mean over the finished paths, in the order in which they pay."""
    write_offs = results.table("write_offs", columns=["layer", "paid_usd"])
    paid = write_offs.groupby("layer")["paid_usd"].sum() / results.finished
    return {layer: float(paid.get(layer, 0.0)) for layer in layers_of(results, write_offs["layer"])}


def _amount(axes: Axes, row: int, right: float, total: float, text: str) -> None:
    axes.text(right + 0.012 * total, row, text, va="center", color=palette.INK)


def _sentence(results: Results, paid: dict[str, float], total: float) -> str:
    if total == 0.0:
        return "no bad debt"
    mean = "a mean of " if results.finished > 1 else ""
    most = max(paid, key=lambda layer: paid[layer])
    share = style.percent(paid[most] / total)
    who = f"nobody covered {share}" if most == "uncovered" else f"{style.payer(most)} paid {share}"
    return f"{mean}{style.usd(total)} of bad debt, of which {who}"


def _note(results: Results) -> str:
    how = "From the top: all bad debt, and what each loss layer took of what those before it had left."
    if results.finished == 1:
        return how
    bad_debt = results.paths["bad_debt_usd"].to_numpy(dtype=np.float64)
    some = int(np.count_nonzero(bad_debt > 0.0))
    tail = results.summary.get("bad_debt_usd_p95")
    worst = f"; 95 % of the paths stayed at or below {style.usd(tail)}" if tail is not None else ""
    return f"{how} Mean over {results.finished} paths. {some} of them had bad debt{worst}."
