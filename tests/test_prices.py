"""Paths of reference prices: what each part promises, refuses and reduces to."""

import csv
import math
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal, localcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from models import rates
from models.prices import (
    BarsPrice,
    BlockBootstrapPrice,
    Bridged,
    ConstantPrice,
    FilePrice,
    GarchPrice,
    GbmPrice,
    HestonPrice,
    JumpDiffusionPrice,
    PathPrice,
    Price,
    PriceTerms,
    Recorded,
    RegimeSwitchingPrice,
    correlate,
)
from models.prices.bars import BarsDoNotFitSteps, ImpossibleBar, UnevenBars
from models.prices.correlation import UnusableCorrelation
from models.prices.garch import StudentInnovations
from models.prices.gbm import SECONDS_PER_YEAR, PriceOutOfRange, WrongDraws
from models.prices.jump_sizes import DoubleExponentialJumps
from models.prices.regime_switching import Regime
from models.prices.table import EmptyTable, MissingColumn, RaggedTable, UnusablePrice, UnusableTime
from models.types import FloatArray

DATA = Path(__file__).parents[1] / "experiments" / "scenarios" / "data"
HOUR = 3600.0
TERMS: TypeAdapter[Any] = TypeAdapter(PriceTerms)

few = settings(max_examples=60)


def run(price: Price, steps: int, step_seconds: float = 60.0, seed: int = 1) -> FloatArray:
    """A path of `price` with all its draws made from `seed`."""
    normals = np.random.default_rng([seed, 0]).standard_normal(steps)
    return price.path(steps, step_seconds, normals, np.random.default_rng([seed, 1]))


def table(**columns: list[float]) -> dict[str, FloatArray]:
    return {name: np.array(column, dtype=np.float64) for name, column in columns.items()}


def bars_table(rows: list[tuple[float, float, float, float]], bar_seconds: float = HOUR) -> dict[str, FloatArray]:
    open_, high, low, close = (list(column) for column in zip(*rows, strict=True))
    return table(time=[bar_seconds * i for i in range(len(rows))], open=open_, high=high, low=low, close=close)


def alike(bar: list[float], bars: int, bar_seconds: float) -> Bridged:
    """The same bar `[open, high, low, close]`, many times over."""
    return BarsPrice(bars=[bar] * bars, bar_seconds=bar_seconds).with_table({})


ALL_PARTS = [
    ConstantPrice(price=2.0),
    PathPrice(prices=[2.0, 3.0, 1.5]),
    FilePrice(file="p.csv").with_table(table(time=[0, 90, 600], price=[2.0, 2.5, 1.0])),
    BarsPrice(bars=[[2.0, 2.2, 1.9, 2.1], [2.1, 2.4, 2.1, 2.4], [2.4, 2.5, 1.0, 1.2]], bar_seconds=600).with_table({}),
    GbmPrice(start=2.0, drift_per_year=0.1, volatility_per_year=0.8),
    JumpDiffusionPrice(start=2.0, volatility_per_year=0.8, jumps_per_year=2e4, jump_mean=-0.05, jump_volatility=0.02),
    JumpDiffusionPrice(
        start=2.0,
        volatility_per_year=0.8,
        jumps_per_year=2e4,
        jumps=DoubleExponentialJumps(up_share=0.3, up_mean=0.02, down_mean=0.05),
    ),
    GarchPrice(
        start=2.0,
        volatility_per_year=0.8,
        alpha=0.1,
        beta=0.8,
        recursion_seconds=240.0,
        innovations=StudentInnovations(degrees_of_freedom=4.0),
    ),
    HestonPrice(
        start=2.0, volatility_per_year=0.8, reversion_per_year=9.0, volatility_of_variance=4.0, correlation=-0.6
    ),
    RegimeSwitchingPrice(
        start=2.0,
        regimes=[
            Regime(volatility_per_year=0.5, switches_per_year=[0.0, 9e4]),
            Regime(volatility_per_year=2.0, switches_per_year=[2e5, 0.0]),
        ],
    ),
    BlockBootstrapPrice(file="p.csv", mean_block_seconds=180.0).with_table(
        table(time=[0, 90, 180, 270], price=[2.0, 2.5, 1.0, 3.0])
    ),
]
each_part = pytest.mark.parametrize("price", ALL_PARTS, ids=lambda price: type(price).__name__)


# What every part promises


@each_part
@few
@given(steps=st.integers(1, 40), more=st.integers(0, 40), seed=st.integers(0, 9))
def test_path_is_positive_starts_at_its_start_and_a_longer_one_begins_with_it(
    price: Price, steps: int, more: int, seed: int
) -> None:
    draws = np.random.default_rng(seed).standard_normal(steps + more)
    short = price.path(steps, 60.0, draws[:steps], np.random.default_rng(seed))
    long = price.path(steps + more, 60.0, draws, np.random.default_rng(seed))
    assert short.shape == (steps,)
    assert short.dtype == np.float64
    assert np.all(np.isfinite(short) & (short > 0))
    assert short[0] == price.start_price
    assert np.array_equal(short, long[:steps])


@each_part
def test_path_neither_changes_the_draws_it_is_given_nor_shares_its_array(price: Price) -> None:
    draws = np.random.default_rng(1).standard_normal(30)
    before = draws.copy()
    first = price.path(30, 60.0, draws, np.random.default_rng(1))
    kept = first.copy()
    first[:] = -1.0
    assert np.array_equal(draws, before)
    assert np.array_equal(price.path(30, 60.0, draws, np.random.default_rng(1)), kept)


@pytest.mark.parametrize(
    ("section", "cls"),
    [
        ({"kind": "constant", "price": 1}, ConstantPrice),
        ({"kind": "path", "prices": [2000, 1900.0]}, PathPrice),
        ({"kind": "file", "file": "eth.csv", "time": "t", "price": "close"}, FilePrice),
        ({"kind": "bars", "file": "eth.csv", "bar_seconds": 3600}, BarsPrice),
        ({"kind": "gbm", "start": 2000.0, "drift_per_year": 0.0, "volatility_per_year": 0.8}, GbmPrice),
        (
            {
                "kind": "jump_diffusion",
                "start": 2000.0,
                "drift_per_year": 0.0,
                "volatility_per_year": 0.8,
                "jumps_per_year": 10.0,
                "jump_mean": -0.1,
                "jump_volatility": 0.1,
            },
            JumpDiffusionPrice,
        ),
    ],
)
def test_kind_chooses_the_part(section: Mapping[str, Any], cls: type) -> None:
    assert type(TERMS.validate_python(section)) is cls


@pytest.mark.parametrize(
    "section",
    [
        {"kind": "constant", "price": 0.0},
        {"kind": "constant", "price": float("nan")},
        {"kind": "path", "prices": []},
        {"kind": "path", "prices": [1.0, -1.0]},
        {"kind": "file", "file": ""},
        {"kind": "bars", "file": "eth.csv", "bar_seconds": 0.0},
        {"kind": "bars", "bars": [[1.0, 1.0, 1.0]], "bar_seconds": 3600},
        {"kind": "gbm", "start": 0.0, "volatility_per_year": 0.8},
        {"kind": "gbm", "start": 1.0, "volatility_per_year": -0.1},
        {"kind": "gbm", "start": 1.0, "volatility_per_year": 0.1, "vol": 0.1},
        {"kind": "walk", "start": 1.0},
    ],
)
def test_parameters_out_of_bounds_are_refused_where_they_are_made(section: Mapping[str, Any]) -> None:
    with pytest.raises(ValidationError):
        TERMS.validate_python(section)


# Written out


def test_constant_price_does_not_move() -> None:
    assert run(ConstantPrice(price=1.25), 3).tolist() == [1.25] * 3


def test_path_price_is_one_per_step_and_its_last_one_holds() -> None:
    price = PathPrice(prices=[2000.0, 1900.0])
    assert run(price, 4).tolist() == [2000.0, 1900.0, 1900.0, 1900.0]
    assert run(price, 1).tolist() == [2000.0]


def test_parts_without_a_table_are_themselves_what_can_be_run() -> None:
    for price in ALL_PARTS[:2] + ALL_PARTS[4:-1]:
        assert not price.needs_table  # type: ignore[attr-defined]
        assert price.with_table({}) is price  # type: ignore[attr-defined]


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


# Diffusions


def test_gbm_is_the_exact_solution_at_every_step() -> None:
    """S(k) = start · exp((mu - sigma²/2) t + sigma W(t)), restated with 50 digits."""
    price = GbmPrice(start=2000.0, drift_per_year=0.3, volatility_per_year=0.8)
    normals = np.random.default_rng(3).standard_normal(50)
    path = price.path(50, 60.0, normals, np.random.default_rng(0))
    with localcontext() as context:
        context.prec = 50
        years = Decimal(60) / 31_536_000
        sigma = Decimal("0.8")
        walk = Decimal(0)
        for step in range(50):
            walk += Decimal(normals[step]) * years.sqrt() if step else 0
            exact = 2000 * ((Decimal("0.3") - sigma**2 / 2) * years * step + sigma * walk).exp()
            assert path[step] == pytest.approx(float(exact), rel=1e-13)


def test_gbm_without_drift_and_volatility_is_a_constant() -> None:
    price = GbmPrice(start=3.3, drift_per_year=0.0, volatility_per_year=0.0)
    assert np.array_equal(run(price, 20), run(ConstantPrice(price=3.3), 20))


def test_gbm_does_not_touch_the_other_generator() -> None:
    rng = np.random.default_rng(1)
    GbmPrice(start=1.0, volatility_per_year=0.8).path(5, 60.0, np.zeros(5), rng)
    assert rng.random() == np.random.default_rng(1).random()


def test_jump_diffusion_without_jumps_is_the_diffusion_draw_for_draw() -> None:
    same = {"start": 2000.0, "drift_per_year": 0.2, "volatility_per_year": 0.8}
    none = JumpDiffusionPrice(**same, jumps_per_year=0.0, jump_mean=-0.2, jump_volatility=0.1)
    nothing = JumpDiffusionPrice(**same, jumps_per_year=1e5, jump_mean=0.0, jump_volatility=0.0)
    diffusion = run(GbmPrice(**same), 500)
    assert np.array_equal(run(none, 500), diffusion)
    assert np.array_equal(run(nothing, 500), diffusion)


def test_jumps_are_the_same_whatever_the_step() -> None:
    """Without diffusion and compensator a finer path differs only in showing when the jumps happened."""
    fixed_jump = -0.1
    per_year = 2e4
    price = JumpDiffusionPrice(
        start=1.0,
        drift_per_year=per_year * float(np.expm1(fixed_jump)),  # takes the compensator back
        volatility_per_year=0.0,
        jumps_per_year=per_year,
        jump_mean=fixed_jump,
        jump_volatility=0.0,
    )
    fine, coarse = run(price, 601, step_seconds=30.0), run(price, 61, step_seconds=300.0)
    assert fine[::10] == pytest.approx(coarse, rel=1e-12)
    jumps = np.log(coarse[-1]) / fixed_jump
    assert jumps == pytest.approx(round(jumps), abs=1e-9)
    assert round(jumps) > 3


@pytest.mark.parametrize("jumps_per_year", [0.0, 3.0])
def test_expected_price_grows_at_the_drift_jumps_included(jumps_per_year: float) -> None:
    price = JumpDiffusionPrice(
        start=1.0,
        drift_per_year=0.3,
        volatility_per_year=0.2,
        jumps_per_year=jumps_per_year,
        jump_mean=-0.1,
        jump_volatility=0.4,
    )
    ends = np.array([run(price, 2, SECONDS_PER_YEAR, seed)[-1] for seed in range(5000)])
    assert abs(ends.mean() - np.exp(0.3)) < 4 * ends.std() / np.sqrt(len(ends))
    variance = 0.2**2 + jumps_per_year * (0.1**2 + 0.4**2)  # of the log price, per year
    assert np.log(ends).var() == pytest.approx(variance, rel=0.1)


@pytest.mark.parametrize(
    "changed", ["start", "drift_per_year", "volatility_per_year", "jumps_per_year", "jump_mean", "jump_volatility"]
)
def test_every_parameter_of_the_jump_diffusion_moves_the_path(changed: str) -> None:
    price = JumpDiffusionPrice(
        start=1.0,
        drift_per_year=0.1,
        volatility_per_year=0.5,
        jumps_per_year=2e4,
        jump_mean=-0.1,
        jump_volatility=0.1,
    )
    other = price.model_copy(update={changed: 1.5 * getattr(price, changed)})
    assert run(price, 300)[-1] != run(other, 300)[-1]


def test_draws_that_are_not_one_per_step_are_refused() -> None:
    with pytest.raises(WrongDraws, match=r"5 steps.*\(4,\)"):
        GbmPrice(start=1.0, volatility_per_year=0.5).path(5, 60.0, np.zeros(4), np.random.default_rng(1))


@pytest.mark.parametrize("drift_per_year", [1e9, -1e9])
def test_path_that_leaves_the_numbers_is_refused_with_its_step(drift_per_year: float) -> None:
    with pytest.raises(PriceOutOfRange, match="at step 1"):
        run(GbmPrice(start=1.0, drift_per_year=drift_per_year, volatility_per_year=0.0), 3, step_seconds=86_400.0)


@pytest.mark.parametrize("jumps_per_year", [0.0, 1.0])
def test_jumps_beyond_all_numbers_are_refused(jumps_per_year: float) -> None:
    price = JumpDiffusionPrice(
        start=1.0, volatility_per_year=0.5, jumps_per_year=jumps_per_year, jump_mean=1e6, jump_volatility=0.0
    )
    with pytest.raises(PriceOutOfRange, match="at step 1"):
        run(price, 3)


def test_year_is_the_same_for_prices_and_rates() -> None:
    assert SECONDS_PER_YEAR == rates.SECONDS_PER_YEAR


# Correlation


def test_two_assets_are_correlated_by_the_closed_form() -> None:
    independent = np.random.default_rng(1).standard_normal((1000, 2))
    correlated = correlate(independent, np.array([[1.0, 0.6], [0.6, 1.0]]))
    assert np.array_equal(correlated[:, 0], independent[:, 0])
    assert correlated[:, 1] == pytest.approx(0.6 * independent[:, 0] + 0.8 * independent[:, 1], rel=1e-12, abs=1e-15)


@given(n=st.integers(1, 6), seed=st.integers(0, 999))
@few
def test_correlated_draws_have_the_correlation_asked_for(n: int, seed: int) -> None:
    """Fed with the unit draws, the outer product of what comes out is the matrix itself."""
    loadings = np.random.default_rng(seed).standard_normal((n, n + 3))
    loadings /= np.linalg.norm(loadings, axis=1, keepdims=True)
    correlation = loadings @ loadings.T
    correlation = (correlation + correlation.T) / 2
    np.fill_diagonal(correlation, 1.0)
    factor = correlate(np.eye(n), correlation)
    assert factor.T @ factor == pytest.approx(correlation, abs=1e-12)


def test_uncorrelated_draws_come_out_as_they_went_in() -> None:
    independent = np.random.default_rng(1).standard_normal((10, 3))
    assert np.array_equal(correlate(independent, np.eye(3)), independent)


def test_later_asset_does_not_change_the_draws_of_those_before() -> None:
    independent = np.random.default_rng(1).standard_normal((10, 3))
    three = np.array([[1.0, 0.5, 0.2], [0.5, 1.0, -0.3], [0.2, -0.3, 1.0]])
    assert np.array_equal(correlate(independent, three)[:, :2], correlate(independent[:, :2], three[:2, :2]))


@pytest.mark.parametrize(
    ("correlation", "says"),
    [
        ([[1.0]], "2 x 2"),
        ([[1.0, 0.5], [0.4, 1.0]], "not symmetric"),
        ([[1.0, np.nan], [np.nan, 1.0]], "not symmetric"),
        ([[2.0, 0.5], [0.5, 1.0]], "with itself is 1"),
        ([[1.0, 1.0], [1.0, 1.0]], "not positive definite"),
        ([[1.0, -1.2], [-1.2, 1.0]], "not positive definite"),
    ],
)
def test_matrix_that_is_no_correlation_is_refused(correlation: list[list[float]], says: str) -> None:
    with pytest.raises(UnusableCorrelation, match=says):
        correlate(np.zeros((3, 2)), np.array(correlation))


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
