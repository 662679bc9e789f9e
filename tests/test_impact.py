"""Lasting impact of sales on the reference price."""

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from models.prices import Impact, ImpactState, LinearImpact, NoImpact, SquareRootImpact

few = settings(max_examples=100)

LINEAR = LinearImpact(daily_volume_usd=1e8, half_life_seconds=3600)
SQUARE_ROOT = SquareRootImpact(daily_volume_usd=1e8, half_life_seconds=3600)
both = pytest.mark.parametrize("terms", [LINEAR, SQUARE_ROOT], ids=["linear", "square_root"])

sales = st.lists(
    st.tuples(st.floats(-1e4, 1e4), st.floats(1.0, 4000.0)), min_size=1, max_size=8
)  # (units, price), bought when negative


def after(terms: LinearImpact | SquareRootImpact, *sold: tuple[float, float]) -> ImpactState:
    state = terms.start()
    for units, price in sold:
        state.sell(units, price)
    return state


def impact(state: ImpactState) -> float:
    return -math.log(state.factor)


@pytest.mark.parametrize(
    ("section", "cls"),
    [
        ({"kind": "none"}, NoImpact),
        ({"kind": "linear", "daily_volume_usd": 1e8, "half_life_seconds": 60}, LinearImpact),
        ({"kind": "square_root", "daily_volume_usd": 1e8, "half_life_seconds": 60}, SquareRootImpact),
    ],
)
def test_kind_chooses_the_part(section: dict[str, Any], cls: type) -> None:
    adapter: TypeAdapter[Any] = TypeAdapter(Impact)
    assert type(adapter.validate_python(section)) is cls


@pytest.mark.parametrize("cls", [LinearImpact, SquareRootImpact])
@pytest.mark.parametrize(
    "wrong", [{"daily_volume_usd": 0.0}, {"half_life_seconds": 0.0}, {"daily_volatility": 0.0}, {"coefficient": -1.0}]
)
def test_parameters_out_of_bounds_are_refused(cls: type[LinearImpact], wrong: dict[str, float]) -> None:
    with pytest.raises(ValidationError, match=next(iter(wrong))):
        cls(**({"daily_volume_usd": 1.0, "half_life_seconds": 1.0} | wrong))


def test_without_impact_nothing_that_is_sold_moves_the_price() -> None:
    state = NoImpact().start()
    state.sell(1e9, 2000.0)
    state.decay(60.0)
    state.sell(-3.0, 2000.0)
    assert state.factor == 1.0


@both
def test_before_the_first_sale_the_price_is_as_it_was(terms: LinearImpact | SquareRootImpact) -> None:
    state = terms.start()
    state.decay(1e6)
    assert state.factor == 1.0


@given(sold=sales)
@few
def test_linear_impact_is_kyles(sold: list[tuple[float, float]]) -> None:
    """x = Y sigma N / V, with Y = 1 and sigma = 5 % unless said otherwise."""
    net = math.fsum(units * price for units, price in sold)
    assert after(LINEAR, *sold).factor == pytest.approx(math.exp(-0.05 * net / 1e8), rel=1e-12)


@given(sold=sales)
@few
def test_square_root_impact_is_the_square_root_law(sold: list[tuple[float, float]]) -> None:
    """x = Y sigma sqrt(|N| / V) with the sign of N; rounding of N near zero is under the root."""
    net = math.fsum(units * price for units, price in sold)
    x = math.copysign(0.05 * math.sqrt(abs(net) / 1e8), net)
    assert after(SQUARE_ROOT, *sold).factor == pytest.approx(math.exp(-x), rel=1e-9)


def test_impact_of_a_days_volume_is_a_days_volatility_times_the_coefficient() -> None:
    for cls in (LinearImpact, SquareRootImpact):
        terms = cls(daily_volume_usd=1e8, half_life_seconds=60, daily_volatility=0.04, coefficient=0.7)
        assert impact(after(terms, (5e4, 2000.0))) == pytest.approx(0.7 * 0.04, rel=1e-12)


@both
@given(sold=sales)
@few
def test_buying_moves_the_price_up_as_much_as_selling_moves_it_down(
    terms: LinearImpact | SquareRootImpact, sold: list[tuple[float, float]]
) -> None:
    bought = [(-units, price) for units, price in sold]
    assert after(terms, *sold).factor * after(terms, *bought).factor == pytest.approx(1.0, rel=1e-15)


@both
def test_dollars_sold_and_bought_back_leave_no_trace(terms: LinearImpact | SquareRootImpact) -> None:
    assert after(terms, (10.0, 2000.0), (-20.0, 1000.0)).factor == 1.0


@both
@given(halves=st.integers(1, 30), units=st.sampled_from([-3e4, 1.0, 3e4]))
@few
def test_impact_halves_every_half_life(terms: LinearImpact | SquareRootImpact, halves: int, units: float) -> None:
    state = after(terms, (units, 2000.0))
    before = impact(state)
    for _ in range(halves):
        state.decay(3600)
    assert impact(state) == pytest.approx(before / 2**halves, rel=1e-6, abs=1e-15)


@both
@given(parts=st.lists(st.floats(0.0, 5e4), min_size=1, max_size=10))
@few
def test_decay_in_parts_is_decay_at_once(terms: LinearImpact | SquareRootImpact, parts: list[float]) -> None:
    in_parts, at_once = after(terms, (3e4, 2000.0)), after(terms, (3e4, 2000.0))
    for seconds in parts:
        in_parts.decay(seconds)
    at_once.decay(math.fsum(parts))
    assert in_parts.factor == pytest.approx(at_once.factor, rel=1e-13)


@both
@pytest.mark.parametrize("units", [1e300, -1e300])
def test_factor_stays_a_positive_number_whatever_is_sold(terms: LinearImpact | SquareRootImpact, units: float) -> None:
    state = after(terms, (units, 1.0))
    assert 0.0 < state.factor < math.inf
    assert (state.factor < 1.0) == (units > 0.0)


@pytest.mark.parametrize("changed", ["daily_volume_usd", "half_life_seconds", "daily_volatility", "coefficient"])
@both
def test_every_parameter_moves_the_factor(terms: LinearImpact | SquareRootImpact, changed: str) -> None:
    states = [after(t, (3e4, 2000.0)) for t in (terms, terms.model_copy(update={changed: 2 * getattr(terms, changed)}))]
    for state in states:
        state.decay(600)
    assert states[0].factor != states[1].factor


def test_square_root_is_concave_where_linear_is_not() -> None:
    for terms, ratio in ((LINEAR, 4.0), (SQUARE_ROOT, 2.0)):
        small, large = after(terms, (1e3, 2000.0)), after(terms, (4e3, 2000.0))
        assert impact(large) / impact(small) == pytest.approx(ratio, rel=1e-9)
