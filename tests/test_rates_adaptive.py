"""The adaptive curve: Morpho's published rule, its limits, and what it does to a pool."""

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from abm import Scenario, simulate
from models.rates import SECONDS_PER_YEAR, AdaptiveCurve, Kinked, Rates, compound

few = settings(max_examples=150)

DAY = 86_400.0
utilisations = st.floats(0.0, 1.0)
curves = st.builds(
    AdaptiveCurve,
    target=st.floats(0.05, 0.95),
    steepness=st.floats(1.0, 20.0),
    speed_per_year=st.floats(0.0, 500.0),
    initial_per_year=st.floats(0.001, 2.0),
)


def test_kind_chooses_the_part() -> None:
    adapter: TypeAdapter[Any] = TypeAdapter(Rates)
    assert adapter.validate_python({"kind": "adaptive_curve"}) == AdaptiveCurve()


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"target": 1.0}, "target"),
        ({"steepness": 0.5}, "steepness"),
        ({"speed_per_year": -1.0}, "speed_per_year"),
        ({"least_per_year": 0.0}, "least_per_year"),
        (
            {"initial_per_year": 3.0},
            "initial_per_year = 3.0 is not between .* most_per_year = 2.0; give a rate between",
        ),
        ({"least_per_year": 0.05}, "initial_per_year = 0.04 is not between least_per_year = 0.05"),
    ],
)
def test_parameters_out_of_bounds_are_refused(wrong: dict[str, float], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        AdaptiveCurve(**wrong)


@pytest.mark.parametrize(
    ("utilisation", "at_target", "charged"),
    [
        (0.0, 0.034879, 0.009349),
        (0.5, 0.037637, 0.025873),
        (0.9, 0.04, 0.04),
        (0.95, 0.042836, 0.103514),
        (1.0, 0.045872, 0.171544),
    ],
)
def test_a_day_at_one_utilisation_with_the_constants_of_the_contract(
    utilisation: float, at_target: float, charged: float
) -> None:
    rule = AdaptiveCurve().start()
    assert rule.elapse(utilisation, DAY) == pytest.approx(charged, abs=5e-7)
    assert rule.at_target_per_year == pytest.approx(at_target, abs=5e-7)


@given(curves, utilisations, st.floats(0.0, SECONDS_PER_YEAR))
@few
def test_the_rate_charged_is_the_published_formula(curve: AdaptiveCurve, utilisation: float, seconds: float) -> None:
    rule, first, target = curve.start(), curve.initial_per_year, curve.target
    error = (utilisation - target) / (1.0 - target if utilisation > target else target)
    years = seconds / SECONDS_PER_YEAR
    half, end = (min(max(first * math.exp(curve.speed_per_year * error * t), 0.001), 2.0) for t in (0.5 * years, years))
    steepness = curve.steepness - 1.0 if error >= 0.0 else 1.0 - 1.0 / curve.steepness
    charged = rule.elapse(utilisation, seconds)
    assert charged == pytest.approx((first + 2.0 * half + end) / 4.0 * (1.0 + steepness * error), rel=1e-12)
    assert rule.rate(utilisation) == pytest.approx(end * (1.0 + steepness * error), rel=1e-12)


@given(curves, st.lists(st.tuples(utilisations, st.floats(0.0, 1e12)), max_size=6))
@few
def test_the_curve_stays_within_its_bounds_whatever_happens(
    curve: AdaptiveCurve, times: list[tuple[float, float]]
) -> None:
    rule = curve.start()
    for utilisation, seconds in times:
        charged = rule.elapse(utilisation, seconds)
        assert 0.001 / curve.steepness * (1 - 1e-12) <= charged <= 2.0 * curve.steepness * (1 + 1e-12)
        assert 0.001 <= rule.at_target_per_year <= 2.0
    ends = [rule.at_target_per_year * factor for factor in (1.0 / curve.steepness, 1.0, curve.steepness)]
    assert [rule.rate(u) for u in (0.0, curve.target, 1.0)] == pytest.approx(ends, rel=1e-12)


@given(curves, utilisations, st.lists(st.floats(0.0, 1e6), min_size=1, max_size=5))
@few
def test_where_the_curve_gets_to_does_not_depend_on_how_time_is_cut(
    curve: AdaptiveCurve, utilisation: float, parts: list[float]
) -> None:
    whole, cut = curve.start(), curve.start()
    whole.elapse(utilisation, math.fsum(parts))
    for seconds in parts:
        cut.elapse(utilisation, seconds)
    assert cut.at_target_per_year == pytest.approx(whole.at_target_per_year, rel=1e-9)


@given(curves, utilisations, st.floats(0.0, 1e9))
@few
def test_without_speed_it_is_a_kinked_rate(curve: AdaptiveCurve, utilisation: float, seconds: float) -> None:
    still = curve.model_copy(update={"speed_per_year": 0.0})
    first, steepness = still.initial_per_year, still.steepness
    kinked = Kinked(
        base_per_year=first / steepness,
        slope1_per_year=first - first / steepness,
        slope2_per_year=(steepness - 1.0) * first,
        kink=still.target,
    )
    assert still.start().elapse(utilisation, seconds) == pytest.approx(kinked.rate(utilisation), rel=1e-9)


@given(curves, st.floats(0.0, 1e9))
@few
def test_at_the_target_nothing_moves(curve: AdaptiveCurve, seconds: float) -> None:
    rule = curve.start()
    assert rule.elapse(curve.target, seconds) == pytest.approx(curve.initial_per_year, rel=1e-15)
    assert rule.at_target_per_year == curve.initial_per_year


def test_a_pool_that_is_lent_out_pays_more_by_the_hour(small_world: Any) -> None:
    described = small_world(
        time__steps=25,
        time__step_seconds=3600.0,
        assets__ETH__price__prices=[9000.0],
        agents__depositors=[{"deposits": {"DAI": 1.0}}],
        pools__0__reserves__DAI__rates={"kind": "adaptive_curve"},
    )
    blocks = simulate(Scenario.from_dict(described)).steps
    rule, used = AdaptiveCurve().start(), blocks["utilisation"].tolist()
    for block, grown in enumerate((blocks["debt_usd"] / blocks["debt_usd"].shift())[1:]):
        assert grown == pytest.approx(compound(rule.elapse(used[block], 3600.0), 3600.0), rel=1e-12)
        assert blocks["borrow_rate_per_year"].iloc[block + 1] == pytest.approx(rule.rate(used[block + 1]), rel=1e-12)
    assert rule.at_target_per_year == pytest.approx(0.04587, abs=1e-5)  # after a day, nearly all being lent
