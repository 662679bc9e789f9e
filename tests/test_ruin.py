"""Ruin in the model of Cramér and Lundberg, against closed forms, bounds and simulation."""

from math import exp, inf, log, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from models.claims import Claims, Cover, ExponentialClaims, FixedClaims, LomaxClaims
from models.ruin import (
    InvalidRisk,
    adjustment_coefficient,
    aggregate_deviation,
    expected_value_premium,
    finite_time_ruin,
    heavy_tail_ruin,
    lundberg_bound,
    lundberg_capital,
    ruin_bounds,
    ruin_capital,
    ruin_probability,
    simulated_ruins,
    standard_deviation_premium,
)

EXPONENTIAL = ExponentialClaims(mean_usd=2.0)
FIXED = FixedClaims(mean_usd=2.0)
LOMAX = LomaxClaims(scale_usd=4.0, exponent=3.0)
ALL = [EXPONENTIAL, FIXED, LOMAX]


@pytest.mark.parametrize(
    ("section", "cls"),
    [
        ({"kind": "exponential", "mean_usd": 1.0}, ExponentialClaims),
        ({"kind": "fixed", "mean_usd": 1.0}, FixedClaims),
        ({"kind": "lomax", "scale_usd": 1.0, "exponent": 2.0}, LomaxClaims),
    ],
)
def test_kind_chooses_the_claims(section, cls) -> None:
    adapter: TypeAdapter[Claims] = TypeAdapter(Claims)
    assert type(adapter.validate_python(section)) is cls


@pytest.mark.parametrize(
    ("cls", "wrong"),
    [
        (ExponentialClaims, {"mean_usd": 0.0}),
        (FixedClaims, {"mean_usd": -1.0}),
        (LomaxClaims, {"exponent": 1.0, "scale_usd": 1.0}),
        (Cover, {"coinsurance": 1.1}),
        (Cover, {"limit_usd": 0.0}),
    ],
)
def test_parameters_out_of_bounds_are_refused(cls, wrong) -> None:
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        cls(**wrong)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ruin_probability(-1.0, 1.0, 0.3), "capital_usd is -1.0"),
        (lambda: ruin_probability(1.0, 1.0, -2.0), "loading is -2.0"),
        (lambda: ruin_capital(0.0, 1.0, 0.3), "probability is 0.0"),
        (lambda: finite_time_ruin(1.0, 1.0, 1.0, 1.0, 0.0), "needs a loading above 0"),
        (lambda: finite_time_ruin(1.0, -1.0, 1.0, 1.0, 0.3), "for -1.0 years"),
        (lambda: simulated_ruins(1.0, 1.0, 0.0, FIXED, 0.3, 1, np.random.default_rng(0)), "0.0 claims_per_year"),
        (lambda: adjustment_coefficient(EXPONENTIAL, inf), "loading is inf"),
    ],
)
def test_terms_that_cannot_be_are_refused(call, message) -> None:
    with pytest.raises(InvalidRisk, match=message):
        call()


@pytest.mark.parametrize("claims", ALL)
def test_moments_are_those_of_what_is_drawn(claims) -> None:
    drawn = claims.draw(np.random.default_rng(1), 200_000)
    assert claims.mean_usd == 2.0
    assert drawn.mean() == pytest.approx(2.0, abs=5.0 * drawn.std() / sqrt(drawn.size) + 1e-12)
    if claims is not LOMAX:
        assert np.mean(drawn**2) == pytest.approx(claims.second_moment, rel=0.02)
    assert LOMAX.second_moment == pytest.approx(16.0, rel=1e-12)
    assert LomaxClaims(scale_usd=1.0, exponent=2.0).second_moment == inf


def test_layers_of_cover_cost_what_the_closed_forms_say() -> None:
    """Exponential: μ (e^(-d/μ) - e^(-(d+m)/μ)). Lomax: g(d) - g(d + m) with g(y) = s / (a - 1) (1 + y / s)^(1 - a)."""
    cover = Cover(deductible_usd=1.0, limit_usd=3.0, coinsurance=0.2)
    assert cover.expected(EXPONENTIAL) == pytest.approx(0.8 * 2.0 * (exp(-0.5) - exp(-2.0)), rel=1e-12)
    assert cover.expected(LOMAX) == pytest.approx(0.8 * 2.0 * (1.25**-2 - 2.0**-2), rel=1e-12)
    assert cover.expected(FIXED) == pytest.approx(0.8, rel=1e-12)
    assert cover.paid(np.array([0.5, 2.0, 9.0])) == pytest.approx([0.0, 0.8, 2.4], rel=1e-12)


@pytest.mark.parametrize("claims", ALL)
@given(st.floats(0.0, 20.0), st.floats(0.0, 20.0))
def test_adjacent_layers_add_up_to_the_mean(claims, first: float, second: float) -> None:
    parts = claims.layer(0.0, first) + claims.layer(first, second) + claims.layer(first + second)
    assert parts == pytest.approx(claims.mean_usd, rel=1e-9)
    assert Cover(deductible_usd=first).expected(claims) == claims.layer(first)


@pytest.mark.parametrize("claims", [EXPONENTIAL, LOMAX])
def test_a_layer_is_worth_the_mean_of_what_it_pays(claims) -> None:
    cover = Cover(deductible_usd=1.0, limit_usd=5.0, coinsurance=0.1)
    paid = cover.paid(claims.draw(np.random.default_rng(2), 200_000))
    assert cover.expected(claims) == pytest.approx(paid.mean(), abs=4.0 * paid.std() / sqrt(paid.size))


def test_premiums_by_principle() -> None:
    """Ten exponential claims of 2 a year: 20 expected, and a variance of λ E[X²] = 80."""
    deviation = aggregate_deviation(EXPONENTIAL, 10.0)
    assert deviation == pytest.approx(sqrt(80.0), rel=1e-12)
    assert aggregate_deviation(EXPONENTIAL, 10.0, years=4.0) == pytest.approx(2.0 * deviation, rel=1e-12)
    assert expected_value_premium(20.0, 0.3) == pytest.approx(26.0, rel=1e-12)
    assert standard_deviation_premium(20.0, deviation, 0.5) == pytest.approx(20.0 + 0.5 * sqrt(80.0), rel=1e-12)


@pytest.mark.parametrize("loading", [0.01, 0.3, 5.0])
def test_the_adjustment_coefficient_solves_its_equation(loading: float) -> None:
    """Exponential: θ / ((1 + θ) μ). Fixed: e^(Rμ) - 1 = (1 + θ) R μ. Heavy-tailed: none."""
    assert adjustment_coefficient(EXPONENTIAL, loading) == pytest.approx(loading / (1.0 + loading) / 2.0, rel=1e-9)
    r = adjustment_coefficient(FIXED, loading)
    assert r > 0.0
    assert np.expm1(2.0 * r) == pytest.approx((1.0 + loading) * 2.0 * r, rel=1e-9)
    assert adjustment_coefficient(LOMAX, loading) == 0.0


@pytest.mark.parametrize("claims", ALL)
@pytest.mark.parametrize("loading", [-0.5, 0.0])
def test_without_a_loading_ruin_is_certain(claims, loading: float) -> None:
    assert adjustment_coefficient(claims, loading) == 0.0
    assert lundberg_bound(100.0, claims, loading) == 1.0
    assert lundberg_capital(0.1, claims, loading) == inf
    assert ruin_bounds(100.0, claims, loading) == (1.0, 1.0)
    assert ruin_probability(100.0, 2.0, loading) == heavy_tail_ruin(100.0, claims, loading) == 1.0
    assert ruin_capital(0.1, 2.0, loading) == inf


def test_the_known_figure_of_exponential_claims() -> None:
    """With 5 of capital, a loading of 0.3 and a mean of 1: 0.2426."""
    assert ruin_probability(5.0, 1.0, 0.3) == pytest.approx(exp(-1.5 / 1.3) / 1.3, rel=1e-12)
    assert ruin_probability(5.0, 1.0, 0.3) == pytest.approx(0.2426, abs=5e-5)


def test_capital_for_a_probability_is_the_inverse() -> None:
    for probability in (0.5, 0.05, 1e-6):
        capital = ruin_capital(probability, 2.0, 0.3)
        assert ruin_probability(capital, 2.0, 0.3) == pytest.approx(probability, rel=1e-9)
        assert lundberg_capital(probability, EXPONENTIAL, 0.3) == pytest.approx(
            -log(probability) * 2.0 * 1.3 / 0.3, rel=1e-9
        )
        assert lundberg_bound(lundberg_capital(probability, FIXED, 0.3), FIXED, 0.3) == pytest.approx(probability)
    assert ruin_capital(0.9, 2.0, 0.3) == 0.0


@settings(max_examples=30)
@given(st.floats(0.0, 60.0), st.floats(0.02, 3.0))
def test_lattice_bounds_enclose_the_closed_form_and_stay_below_lundberg(capital: float, loading: float) -> None:
    lower, upper = ruin_bounds(capital, EXPONENTIAL, loading, cells=200)
    assert lower - 1e-12 <= ruin_probability(capital, 2.0, loading) <= upper + 1e-12
    assert ruin_probability(capital, 2.0, loading) <= lundberg_bound(capital, EXPONENTIAL, loading)
    assert ruin_bounds(capital, FIXED, loading, cells=200)[0] <= lundberg_bound(capital, FIXED, loading) + 1e-12


def test_lattice_bounds_close_in_on_what_they_enclose() -> None:
    """For claims of one size within their first claim: 1 - (1 - q) e^(q u / μ) with q = 1 / (1 + θ)."""
    q = 1.0 / 1.3
    for cells, width in ((100, 6e-3), (1600, 4e-4)):
        lower, upper = ruin_bounds(1.5, FIXED, 0.3, cells)
        assert lower <= 1.0 - (1.0 - q) * exp(0.75 * q) <= upper
        assert upper - lower < width


def test_heavy_tails_are_ruined_by_one_claim() -> None:
    """The asymptotic formula, far out, against the bounds."""
    lower, upper = ruin_bounds(4000.0, LOMAX, 1.0, cells=4000)
    assert heavy_tail_ruin(4000.0, LOMAX, 1.0) == pytest.approx(0.5 * (lower + upper), rel=0.02)
    assert heavy_tail_ruin(4000.0, LOMAX, 1.0) == pytest.approx(1001.0**-2, rel=1e-9)
    assert heavy_tail_ruin(0.0, LOMAX, 0.3) == 1.0


@pytest.mark.parametrize("years", [1.0, 5.0, 20.0])
def test_ruin_in_finite_time_agrees_with_simulation(years: float) -> None:
    paths = 20_000
    expected = finite_time_ruin(5.0, years, 2.0, 1.0, 0.3)
    claims = ExponentialClaims(mean_usd=1.0)
    ruined = simulated_ruins(5.0, years, 2.0, claims, 0.3, paths, np.random.default_rng(3))
    assert ruined / paths == pytest.approx(expected, abs=3.0 * sqrt(expected * (1.0 - expected) / paths))


@settings(max_examples=40)
@given(st.floats(0.0, 50.0), st.floats(0.01, 100.0), st.floats(0.01, 3.0))
def test_ruin_in_finite_time_grows_to_ruin_at_all(capital: float, years: float, loading: float) -> None:
    sooner, later, ever = (
        *(finite_time_ruin(capital, t, 2.0, 1.0, loading) for t in (years, 2.0 * years)),
        ruin_probability(capital, 1.0, loading),
    )
    assert 0.0 <= sooner <= later + 1e-12
    assert later <= ever + 1e-12
    assert finite_time_ruin(capital, 1e6, 2.0, 1.0, loading) == pytest.approx(ever, rel=1e-6)


def test_simulated_ruin_without_time_or_with_endless_capital_is_none_and_one_seed_one_answer() -> None:
    assert simulated_ruins(0.0, 0.0, 1.0, FIXED, 0.3, 100, np.random.default_rng(0)) == 0
    assert simulated_ruins(1e9, 10.0, 1.0, LOMAX, 0.3, 100, np.random.default_rng(0)) == 0
    once, again = (simulated_ruins(1.0, 10.0, 1.0, LOMAX, 0.3, 500, np.random.default_rng(7)) for _ in range(2))
    assert once == again > 0
