"""Prices from tables: rows that hold, bars with a bridge between their prices, and the data that is shipped."""

import csv
import math
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from builders.price_parts import few, run, table
from models.prices import BarsPrice, Bridged, ConstantPrice, FilePrice, Recorded
from models.prices.bars import BarsDoNotFitSteps, ImpossibleBar, UnevenBars
from models.prices.table import EmptyTable, MissingColumn, RaggedTable, UnusablePrice, UnusableTime
from models.types import FloatArray

DATA = Path(__file__).parents[1] / "experiments" / "scenarios" / "data"
HOUR = 3600.0


def bars_table(rows: list[tuple[float, float, float, float]], bar_seconds: float = HOUR) -> dict[str, FloatArray]:
    open_, high, low, close = (list(column) for column in zip(*rows, strict=True))
    return table(time=[bar_seconds * i for i in range(len(rows))], open=open_, high=high, low=low, close=close)


def alike(bar: list[float], bars: int, bar_seconds: float) -> Bridged:
    """The same bar `[open, high, low, close]`, many times over."""
    return BarsPrice(bars=[bar] * bars, bar_seconds=bar_seconds).with_table({})


# Recorded


def test_recorded_price_holds_until_the_next_row_is_due() -> None:
    price = FilePrice(file="p.csv", time="t", price="close")
    assert price.needs_table
    assert price.columns == ("t", "close")
    recorded = price.with_table(table(t=[1000, 1060, 1090, 1300], close=[10, 11, 12, 13]))
    assert run(recorded, 7).tolist() == [10, 11, 12, 12, 12, 13, 13]


def test_recorded_row_is_not_missed_because_its_time_was_rounded() -> None:
    midnight = 1_583_971_200.0
    times = [midnight + 0.1 * k for k in range(50)]
    prices = [1.0 + k for k in range(50)]
    assert run(Recorded(np.array(times), np.array(prices)), 50, step_seconds=0.1).tolist() == prices


@given(
    gaps=st.lists(st.integers(1, 500), min_size=1, max_size=20),
    step_seconds=st.sampled_from([1.0, 12.0, 60.0]),
    seed=st.integers(0, 9),
)
@few
def test_recorded_price_is_the_last_row_that_is_not_later(gaps: list[int], step_seconds: float, seed: int) -> None:
    times = np.cumsum([1_583_971_200, *gaps]).astype(np.float64)
    prices = np.random.default_rng(seed).uniform(1.0, 2.0, len(times))
    path = run(Recorded(times, prices), 50, step_seconds)
    for step, price in enumerate(path):
        due = [p for t, p in zip(times, prices, strict=True) if t - times[0] <= step * step_seconds]
        assert price == due[-1]


@pytest.mark.parametrize(
    ("columns", "refusal", "says"),
    [
        (table(time=[0, 1]), MissingColumn, "no column 'price'.*'time'"),
        (table(time=[0, 1, 2], price=[1, 2]), RaggedTable, "row 3 has no value"),
        (table(time=[], price=[]), EmptyTable, "no rows"),
        (table(time=[0, np.nan], price=[1, 2]), UnusableTime, "row 2"),
        (table(time=[0, 5, 5], price=[1, 2, 3]), UnusableTime, "row 3 .5 s. is not later than row 2"),
        (table(time=[0, 1, 2], price=[1, np.nan, 2]), UnusablePrice, "price = nan in row 2"),
        (table(time=[0, 1, 2], price=[1, 2, np.inf]), UnusablePrice, "price = inf in row 3"),
        (table(time=[0], price=[0.0]), UnusablePrice, "price = 0.0 in row 1"),
    ],
)
def test_table_that_cannot_be_used_is_refused_by_its_name_and_row(
    columns: dict[str, FloatArray], refusal: type[Exception], says: str
) -> None:
    with pytest.raises(refusal, match=f"eth.csv.*{says}"):
        FilePrice(file="eth.csv").with_table(columns)


# Bars


@st.composite
def bars(draw: st.DrawFn) -> tuple[float, float, float, float]:
    """One bar; its high and low may be at its open or close, or all at one price."""
    open_, close = draw(st.floats(1.0, 2.0)), draw(st.floats(1.0, 2.0))
    up, down = draw(st.sampled_from([0.0, 1e-9, 0.3, 2.0])), draw(st.sampled_from([0.0, 1e-9, 0.3, 0.9]))
    return open_, max(open_, close) * (1 + up), min(open_, close) * (1 - down), close


@given(rows=st.lists(bars(), min_size=1, max_size=6), points=st.integers(4, 60), seed=st.integers(0, 99))
@few
def test_bridge_touches_the_four_prices_of_every_bar_and_stays_between_them(
    rows: list[tuple[float, float, float, float]], points: int, seed: int
) -> None:
    price = BarsPrice(file="b.csv", bar_seconds=HOUR).with_table(bars_table(rows))
    path = run(price, points * len(rows) + 3, HOUR / points, seed)
    for (open_, high, low, close), inside in zip(rows, path[: points * len(rows)].reshape(-1, points), strict=True):
        assert inside[0] == open_
        assert inside.max() == high
        assert inside.min() == low
        assert inside[-1] == close
    assert path[-3:].tolist() == [rows[-1][3]] * 3


def test_extremes_are_met_in_either_order_and_at_every_inner_step() -> None:
    price = alike([10.0, 12.0, 9.0, 10.5], 400, bar_seconds=360.0)
    inside = run(price, 2400).reshape(400, 6)
    highs, lows = inside.argmax(axis=1), inside.argmin(axis=1)
    assert set(highs) == set(lows) == {1, 2, 3, 4}
    assert 0.4 < np.mean(highs < lows) < 0.6


def test_bridge_between_anchors_moves_as_much_as_the_range_says() -> None:
    """With many steps a bar the sum of squared moves tells Parkinson's variance; the anchors weigh little in it."""
    points, hours, log_range = 2000, 40, 0.02
    price = alike([1.0, math.exp(log_range / 2), math.exp(-log_range / 2), 1.0], hours, HOUR)
    moves = np.diff(np.log(run(price, points * hours, HOUR / points)))
    parkinson = log_range**2 / (4 * np.log(2)) / points
    assert np.mean(moves**2) == pytest.approx(parkinson, rel=0.03)


def test_bars_written_out_are_the_bars_of_a_file() -> None:
    rows = [(10.0, 12.0, 9.0, 11.0), (11.0, 11.0, 8.0, 8.5)]
    written = BarsPrice(bars=[list(row) for row in rows], bar_seconds=HOUR)
    filed = BarsPrice(file="b.csv", open="o", time="t")
    assert (written.needs_table, filed.needs_table) == (False, True)
    assert written.columns == ()
    assert filed.columns == ("t", "o", "high", "low", "close")
    columns = bars_table(rows)
    columns["o"], columns["t"] = columns.pop("open"), columns.pop("time")
    assert np.array_equal(run(written.with_table({}), 130), run(filed.with_table(columns), 130))


def test_flat_bars_are_a_constant() -> None:
    price = BarsPrice(bars=[[3.3, 3.3, 3.3, 3.3]] * 2, bar_seconds=HOUR).with_table({})
    assert np.array_equal(run(price, 150), run(ConstantPrice(price=3.3), 150))


@pytest.mark.parametrize("row", [(10.0, 9.9, 9.0, 9.5), (10.0, 12.0, 10.5, 11.0), (10.0, 10.5, 9.0, 11.0)])
def test_bar_whose_extremes_are_inside_it_is_refused_by_its_row(row: tuple[float, float, float, float]) -> None:
    price = BarsPrice(file="b.csv", bar_seconds=HOUR)
    with pytest.raises(ImpossibleBar, match=r"b\.csv.*row 2 \(open 10\.0, high"):
        price.with_table(bars_table([(10.0, 11.0, 9.0, 10.0), row]))


def test_bar_without_a_price_is_refused_by_its_row_and_column() -> None:
    with pytest.raises(UnusablePrice, match=r"b\.csv has low = nan in row 1"):
        BarsPrice(file="b.csv", bar_seconds=HOUR).with_table(bars_table([(10.0, 11.0, np.nan, 10.0)]))


def test_bars_with_a_gap_are_refused_at_the_row_behind_it() -> None:
    columns = bars_table([(1.0, 1.0, 1.0, 1.0)] * 4)
    columns["time"][2:] += HOUR
    with pytest.raises(UnevenBars, match=r"row 3 is 7200 s after row 2, but bars last 3600 s"):
        BarsPrice(file="b.csv").with_table(columns)
    with pytest.raises(UnevenBars, match=r"row 2 is 3600 s after row 1, but bars last 60 s"):
        BarsPrice(file="b.csv", bar_seconds=60.0).with_table(columns)


def test_single_bar_must_say_how_long_it_lasts() -> None:
    one = bars_table([(1.0, 2.0, 0.5, 1.5)])
    with pytest.raises(UnevenBars, match="give bar_seconds"):
        BarsPrice(file="b.csv").with_table(one)
    assert BarsPrice(file="b.csv", bar_seconds=HOUR).with_table(one).points_per_bar(60.0) == 60


@pytest.mark.parametrize("step_seconds", [7.0, 1200.0, 3600.0, 5000.0])
def test_steps_that_do_not_divide_a_bar_into_four_or_more_are_refused(step_seconds: float) -> None:
    price = BarsPrice(bars=[[1.0, 2.0, 0.5, 1.5]], bar_seconds=HOUR).with_table({})
    with pytest.raises(BarsDoNotFitSteps, match=rf"3600 s.*{step_seconds:g} s.*at most 900 s"):
        run(price, 10, step_seconds)


def test_a_bar_of_more_steps_than_a_path_can_have_is_refused() -> None:
    """Each of its points would be drawn, however few are run: a bar of 30,000 years took 50 GB."""
    price = BarsPrice(bars=[[1.0, 2.0, 0.5, 1.5]], bar_seconds=1e12).with_table({})
    with pytest.raises(BarsDoNotFitSteps, match=r"has 20000000000 steps of 50 s: choose shorter bars"):
        run(price, 10, 50.0)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({}, "neither given"),
        ({"file": "b.csv", "bars": [[1.0, 1.0, 1.0, 1.0]], "bar_seconds": 60.0}, "both given"),
        ({"bars": [[1.0, 1.0, 1.0, 1.0]]}, "need `bar_seconds`"),
    ],
)
def test_bars_have_exactly_one_origin(given: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        BarsPrice(**given)


# The data that is shipped


def shipped(name: str) -> dict[str, FloatArray]:
    with (DATA / name).open(newline="") as file:
        rows = list(csv.DictReader(file))
    columns = {key: [row[key] for row in rows] for key in rows[0]}
    times = [datetime.fromisoformat(time).timestamp() for time in columns.pop("time")]
    return table(time=times, **{key: [float(cell) for cell in column] for key, column in columns.items()})


def test_black_thursday_bars_run_by_the_minute_through_both_days() -> None:
    path = run(BarsPrice(file="black_thursday_eth.csv").with_table(shipped("black_thursday_eth.csv")), 48 * 60)
    assert (path[0], path.min(), path.max(), path[-1]) == (194.61, 86.0, 195.55, 134.06)
    assert 26 * 60 <= path.argmin() < 27 * 60


def test_black_thursday_bars_open_where_the_bar_before_closed() -> None:
    columns = shipped("black_thursday_eth.csv")
    assert np.array_equal(columns["open"][1:], columns["close"][:-1])


def test_black_thursday_gas_is_known_for_a_day_and_then_holds() -> None:
    columns = shipped("black_thursday_gas.csv")
    gas = FilePrice(file="black_thursday_gas.csv", price="gas_gwei").with_table(columns)
    path = run(gas, 48, HOUR)
    assert len(columns["time"]) == 24
    assert (path[0], path[15], path[16]) == (10.0, 196.1, 191.2)
    assert set(path[23:]) == {97.1}
