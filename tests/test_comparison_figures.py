"""The figures of a comparison add up, and are drawn as well for one design as for many."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.comparing.comparison import Comparison
from experiments.figures import palette
from experiments.figures.comparison import losses, pareto, ranking
from experiments.figures.network import Link, _places

PAID = ("reserve_paid_usd", "insurer_paid_usd", "depositor_loss_usd", "uncovered_usd")


def compared(designs: Mapping[str, Mapping[str, float]]) -> Comparison:
    """A comparison with these means, in the order of the ranking."""
    entries = []
    for number, (name, means) in enumerate(designs.items()):
        metrics = dict.fromkeys((*PAID, "protocol_revenue_usd", "liquidator_profit_usd"), 0.0) | dict(means)
        metrics |= {"total_bad_debt_usd": sum(metrics[m] for m in PAID), "bad_debt_usd": sum(metrics[m] for m in PAID)}
        told = {m: {"value": v, "low": 0.9 * v, "high": 1.1 * v} for m, v in metrics.items()}
        entries.append(
            {
                "design": name,
                "rank": number + 1,
                "probability_best": 0.5,
                "on_front": number == 0,
                "metrics": told,
                "objectives": told,
            }
        )
    objectives = [
        {"metric": m, "statistic": "mean", "more_is_better": False} for m in ("total_bad_debt_usd", "borrower_loss_usd")
    ]
    ranked = {"designs": entries, "objectives": objectives}
    return Comparison(
        Path("none"), {"name": "small"}, {"scenario": "small", "paths": 9, "seed": 1}, ranked, pd.DataFrame()
    )


def bars(axes: Axes) -> list[tuple[float, float]]:
    """From where to where the bars of each row reach in all, from the top row on."""
    ends = [(patch.get_y(), *sorted((patch.get_x(), patch.get_x() + patch.get_width()))) for patch in axes.patches]  # type: ignore[attr-defined]
    rows = sorted({y for y, _, _ in ends})
    return [(min(left for y, left, _ in ends if y == row), max(r for y, _, r in ends if y == row)) for row in rows]


def test_the_bars_of_where_the_borrowers_loss_went_add_up_to_it_also_where_others_put_something_in() -> None:
    """Under an auction liquidators may gain more than borrowers lose: the price rose before they sold."""
    plain = {"borrower_loss_usd": 100.0, "liquidator_profit_usd": 60.0, "protocol_revenue_usd": 10.0}
    auction = {"borrower_loss_usd": 1000.0, "liquidator_profit_usd": 980.0, "protocol_revenue_usd": 120.0}
    pool = {"borrower_loss_usd": 90.0, "liquidator_profit_usd": 5.0, "stability_pool_profit_usd": 85.0}
    loss_making = {"borrower_loss_usd": 50.0, "liquidator_profit_usd": -20.0, "protocol_revenue_usd": 10.0}
    right = losses(compared({"plain": plain, "auction": auction, "pool": pool, "loss_making": loss_making})).axes[1]
    assert bars(right) == [(0.0, 100.0), (-100.0, 1100.0), (0.0, 90.0), (-20.0, 70.0)]
    parts = {str(one.get_label()): [bar.get_width() for bar in one] for one in right.containers}  # type: ignore[attr-defined]
    assert parts["stability pool"] == [0.0, 0.0, 85.0, 0.0]
    assert parts["the market and the miners"] == [30.0, -100.0, 0.0, 60.0]
    low, high = right.get_xlim()
    assert low < -100.0, "a bar that reaches the frame looks cut off"
    assert high > 1100.0
    (marks,) = right.collections
    assert np.asarray(marks.get_offsets())[:, 0].tolist() == [100.0, 1000.0, 90.0, 50.0]


@pytest.mark.parametrize("count", [1, 2, 20])
@pytest.mark.parametrize("draw", [ranking, pareto, losses])
def test_one_design_or_twenty_can_be_read(
    draw: Callable[[Comparison], Figure], count: int, faults: Callable[[Figure], list[str]]
) -> None:
    means = {f"design_{k}": {"borrower_loss_usd": 100.0 + k % 7, "uncovered_usd": 10.0 + k} for k in range(count)}
    assert faults(draw(compared(means))) == []


def test_who_is_on_the_front_is_not_hidden_by_who_is_just_beside_it() -> None:
    """Drawn first, as the ranking has them, the front lay under the others."""
    lost = {"on_the_front": 19e3, "beside_it": 23e3, "far_off": 4e6}
    axes = pareto(compared({name: {"borrower_loss_usd": usd} for name, usd in lost.items()})).axes[0]
    heights = {cross.lines[0].get_color(): cross.lines[0].get_zorder() for cross in axes.containers}
    assert heights[palette.AS_IT_IS] > heights[palette.OTHER]


def test_the_network_stands_in_the_order_of_its_links_whatever_the_process() -> None:
    """Not in that of a set of names, which is another in each process."""
    layers = ("insurance.0", "insurance.1", "reserve", "backstop", "uncovered")
    found = [Link("depositors", "pools", 9.0, False), Link("pools", "borrowers", 9.0, False)]
    places = _places(found + [Link("pools", layer, 1.0, True) for layer in layers])
    heights = [places[name][1] for name in ("depositors", *layers)]
    assert heights == sorted(heights, reverse=True)
    assert places["depositors"][0] < places["pools"][0] < places["borrowers"][0]
    assert max(np.abs(place).max() for place in places.values()) == 1.0
