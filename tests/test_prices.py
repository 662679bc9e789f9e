"""Paths of reference prices: what each part promises, refuses and reduces to."""

from collections.abc import Mapping
from decimal import Decimal, localcontext
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from builders.price_parts import few, run, table
from models import rates
from models.prices import (
    BarsPrice,
    BlockBootstrapPrice,
    ConstantPrice,
    FilePrice,
    GarchPrice,
    GbmPrice,
    HestonPrice,
    JumpDiffusionPrice,
    MeanRevertingPrice,
    PathPrice,
    Price,
    PriceTerms,
    RegimeSwitchingPrice,
    correlate,
)
from models.prices.correlation import UnusableCorrelation
from models.prices.garch import StudentInnovations
from models.prices.gbm import SECONDS_PER_YEAR, PriceOutOfRange, WrongDraws
from models.prices.jump_sizes import DoubleExponentialJumps, NormalJumps
from models.prices.regime_switching import Regime

TERMS: TypeAdapter[Any] = TypeAdapter(PriceTerms)
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
    MeanRevertingPrice(
        level=2.0,
        start=2.5,
        half_life_seconds=300.0,
        volatility_per_year=3.0,
        jumps_per_year=2e4,
        jumps=NormalJumps(mean=-0.1, volatility=0.05),
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
        {"kind": "mean_reverting", "level": 1.0, "volatility_per_year": 0.1},
        {"kind": "mean_reverting", "level": 1.0, "half_life_seconds": 0.0, "volatility_per_year": 0.1},
        {"kind": "mean_reverting", "level": 0.0, "half_life_seconds": 60.0, "volatility_per_year": 0.1},
        {
            "kind": "mean_reverting",
            "level": 1.0,
            "half_life_seconds": 9.0,
            "volatility_per_year": 0,
            "jumps_per_year": 1,
        },
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
