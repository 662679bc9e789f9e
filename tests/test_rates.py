"""Borrow rates and how they compound."""

import math
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from models.rates import SECONDS_PER_YEAR, Fixed, Kinked, Rates, compound

few = settings(max_examples=150)

per_year = st.floats(0.0, 3.0)
kinked = st.builds(
    Kinked,
    base_per_year=per_year,
    slope1_per_year=per_year,
    slope2_per_year=per_year,
    kink=st.floats(0.01, 0.99),
)
utilisations = st.floats(0.0, 1.0)


@pytest.mark.parametrize(
    ("section", "cls"),
    [
        (
            {"kind": "kinked", "base_per_year": 0.0, "slope1_per_year": 0.04, "slope2_per_year": 0.75, "kink": 0.9},
            Kinked,
        ),
        ({"kind": "fixed", "rate_per_year": 0}, Fixed),
    ],
)
def test_kind_chooses_the_part(section: dict[str, Any], cls: type) -> None:
    adapter: TypeAdapter[Any] = TypeAdapter(Rates)
    assert type(adapter.validate_python(section)) is cls


@pytest.mark.parametrize(
    "wrong",
    [
        {"kink": 0.0},
        {"kink": 1.0},
        {"base_per_year": -0.01},
        {"base_per_year": 1e12},
        {"slope1_per_year": -1.0},
        {"slope2_per_year": -1.0},
    ],
)
def test_parameters_out_of_bounds_are_refused(wrong: dict[str, float]) -> None:
    usable = {"base_per_year": 0.0, "slope1_per_year": 0.04, "slope2_per_year": 0.75, "kink": 0.9}
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        Kinked(**(usable | wrong))


@given(kinked, utilisations, st.floats(0.0, 1e9))
@few
def test_a_rule_without_a_memory_is_its_own_state_and_charges_the_rate_of_the_moment(
    rates: Kinked, utilisation: float, seconds: float
) -> None:
    assert rates.start() is rates
    assert rates.elapse(utilisation, seconds) == rates.rate(utilisation)


def test_negative_fixed_rate_is_refused() -> None:
    with pytest.raises(ValidationError, match="rate_per_year"):
        Fixed(rate_per_year=-0.01)


@pytest.mark.parametrize(("utilisation", "rate"), [(0.0, 0.0), (0.5, 0.015), (0.9, 0.027), (0.95, 0.427), (1.0, 0.827)])
def test_kinked_rates_of_a_market_of_aave(utilisation: float, rate: float) -> None:
    """Aave v3 WETH: base 0, slopes 2.7 % and 80 %, kink 90 %."""
    curve = Kinked(base_per_year=0.0, slope1_per_year=0.027, slope2_per_year=0.8, kink=0.9)
    assert curve.rate(utilisation) == pytest.approx(rate, rel=1e-12)


@given(curve=kinked, utilisation=utilisations)
@few
def test_kinked_rate_is_the_published_formula(curve: Kinked, utilisation: float) -> None:
    u, kink = Fraction(utilisation), Fraction(curve.kink)
    exact = Fraction(curve.base_per_year)
    if u <= kink:
        exact += Fraction(curve.slope1_per_year) * u / kink
    else:
        exact += Fraction(curve.slope1_per_year) + Fraction(curve.slope2_per_year) * (u - kink) / (1 - kink)
    assert curve.rate(utilisation) == pytest.approx(float(exact), rel=1e-12)


@given(curve=kinked, first=utilisations, second=utilisations)
@few
def test_kinked_rate_never_falls_as_utilisation_rises(curve: Kinked, first: float, second: float) -> None:
    low, high = sorted((first, second))
    assert curve.rate(low) <= curve.rate(high) * (1 + 1e-15)


@given(curve=kinked)
@few
def test_kinked_rate_is_exact_at_its_corners(curve: Kinked) -> None:
    base, at_kink = curve.base_per_year, curve.base_per_year + curve.slope1_per_year
    assert (curve.rate(0.0), curve.rate(curve.kink), curve.rate(1.0)) == (
        base,
        at_kink,
        at_kink + curve.slope2_per_year,
    )


@given(base=per_year, slope=per_year, utilisation=utilisations)
@few
def test_kinked_without_slopes_is_fixed_and_with_one_slope_is_a_line(
    base: float, slope: float, utilisation: float
) -> None:
    flat = Kinked(base_per_year=base, slope1_per_year=0.0, slope2_per_year=0.0, kink=0.8)
    assert flat.rate(utilisation) == Fixed(rate_per_year=base).rate(utilisation)
    line = Kinked(base_per_year=base, slope1_per_year=slope / 2, slope2_per_year=slope / 2, kink=0.5)
    assert line.rate(utilisation) == pytest.approx(base + slope * utilisation, rel=1e-12)


def test_year_has_365_days() -> None:
    assert SECONDS_PER_YEAR == 365 * 24 * 60 * 60


@given(rate=st.floats(0.0, 10.0), seconds=st.floats(0.0, 2 * SECONDS_PER_YEAR))
@few
def test_compounding_is_the_published_polynomial(rate: float, seconds: float) -> None:
    x = Fraction(rate) * Fraction(seconds) / SECONDS_PER_YEAR
    assert compound(rate, seconds) == pytest.approx(float(1 + x + x**2 / 2 + x**3 / 6), rel=1e-14)


@given(rate=st.floats(0.0, 3.0), seconds=st.floats(0.0, SECONDS_PER_YEAR))
@few
def test_compounding_is_a_little_less_than_the_exponential(rate: float, seconds: float) -> None:
    x = rate * seconds / SECONDS_PER_YEAR
    short_of = math.exp(x) - compound(rate, seconds)
    rounding = 1e-14 * math.exp(x)
    assert -rounding <= short_of <= x**4 / 24 * math.exp(x) + rounding


def test_no_time_and_no_rate_leave_a_debt_as_it_was() -> None:
    assert compound(0.5, 0.0) == compound(0.0, 1e6) == 1.0
