"""When a price touches a line: the closed form, the price model against it, and whole worlds against both."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abm import Scenario, simulate
from abm.markets.price_paths import exogenous_prices
from abm.streams import Streams
from models.prices import GbmPrice, touch_probability
from models.prices.first_passage import BGK_BETA, NoDiffusion
from models.prices.gbm import SECONDS_PER_YEAR

DAY = 86_400.0


def test_beta_is_the_one_of_the_zeta_function() -> None:
    """-zeta(1/2) by the alternating series, (1 - 2^(1/2)) zeta(1/2) = 1 - 1/sqrt(2) + 1/sqrt(3) …, twice averaged."""
    sums = np.cumsum([(-1) ** k / math.sqrt(k + 1) for k in range(200_000)])[-3:]
    zeta = (sums[0] + 2 * sums[1] + sums[2]) / 4 / (1 - math.sqrt(2))
    assert pytest.approx(-zeta / math.sqrt(2 * math.pi), rel=1e-9) == BGK_BETA


@pytest.mark.parametrize(("drift", "barrier"), [(0.0, 1500.0), (1.0, 1500.0), (-1.0, 1500.0), (0.5, 2600.0)])
def test_closed_form_is_the_integral_of_the_density_of_the_first_passage(drift: float, barrier: float) -> None:
    """|d| / (sigma sqrt(2 pi t³)) exp(-(d - m t)² / (2 sigma² t)) up to 30 days, by the midpoint rule in log t."""
    sigma, years = 0.9, 30 * DAY / SECONDS_PER_YEAR
    distance, m = math.log(barrier / 2000.0), drift - 0.5 * sigma**2
    edges = np.linspace(math.log(years) - 14.0, math.log(years), 200_001)
    t = np.exp((edges[1:] + edges[:-1]) / 2)
    density = (
        abs(distance) / (sigma * np.sqrt(2 * np.pi * t**3)) * np.exp(-((distance - m * t) ** 2) / (2 * sigma**2 * t))
    )
    expected = float((density * t).sum() * (edges[1] - edges[0]))
    assert touch_probability(2000.0, barrier, drift, sigma, 30 * DAY) == pytest.approx(expected, rel=1e-7)


def test_strong_drift_is_reckoned_with_where_its_factors_are_beyond_all_numbers() -> None:
    """Without noise the price would be at the barrier at the very end: as likely as not, and a little more."""
    sigma, drift = 0.01, -0.5
    barrier = 2000.0 * math.exp(drift - 0.5 * sigma**2)
    chance = touch_probability(2000.0, barrier, drift, sigma, float(SECONDS_PER_YEAR))
    # 1/2 + exp(x²/2) Phi(-x) at x = 2 |drift| / sigma = 100, where the second is 1 / (x sqrt(2 pi)) to a part in x²
    assert chance == pytest.approx(0.5 + 1.0 / (100.01 * math.sqrt(2 * math.pi)), abs=1e-6)


@given(
    nearness=st.floats(0.2, 5.0),
    drift=st.floats(-3.0, 3.0),
    sigma=st.floats(0.05, 3.0),
    days=st.floats(0.01, 1000.0),
    step=st.floats(0.0, 0.01),
)
@settings(max_examples=200)
def test_chance_is_one_at_the_barrier_and_rises_with_nearness_time_and_watching(
    nearness: float, drift: float, sigma: float, days: float, step: float
) -> None:
    seconds, dt = days * DAY, step * days * DAY
    chance = touch_probability(1.0, nearness, drift, sigma, seconds, dt)
    assert 0.0 <= chance <= 1.0
    assert touch_probability(1.0, 1.0, drift, sigma, seconds, dt) == 1.0
    assert touch_probability(1.0, nearness, drift, sigma, seconds) >= chance - 1e-12
    assert touch_probability(1.0, nearness, drift, sigma, 2 * seconds, dt) >= chance - 1e-12
    assert touch_probability(1.0, math.sqrt(nearness), drift, sigma, seconds, dt) >= chance - 1e-12
    mirrored = touch_probability(1.0, 1.0 / nearness, sigma**2 - drift, sigma, seconds, dt)
    assert mirrored == pytest.approx(chance, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("wrong", [(0.0, 1.0, 0.0, 1.0, 1.0), (1.0, 1.0, 0.0, 0.0, 1.0), (1.0, 1.0, 0.0, 1.0, 0.0)])
def test_prices_between_which_nothing_diffuses_are_refused(wrong: tuple[float, float, float, float, float]) -> None:
    with pytest.raises(NoDiffusion, match="give positive numbers"):
        touch_probability(*wrong)
    with pytest.raises(NoDiffusion, match="watched every -1 s"):
        touch_probability(1.0, 2.0, 0.0, 1.0, 1.0, -1.0)


def touched(steps: int, barrier: float, count: int) -> float:
    """The share of paths of the price model that a day finds at or below the barrier, at one of so many steps."""
    price = GbmPrice(start=2000.0, drift_per_year=0.5, volatility_per_year=0.9)
    rng = np.random.default_rng([steps, count])
    lowest = [price.path(steps + 1, DAY / steps, rng.standard_normal(steps + 1), rng).min() for _ in range(count)]
    return float(np.mean(np.array(lowest) <= barrier))


@pytest.mark.parametrize("steps", [24, 96])
@pytest.mark.parametrize("barrier", [1960.0, 1900.0, 1840.0])
def test_price_model_touches_as_often_as_the_corrected_closed_form_says(steps: int, barrier: float) -> None:
    """Within 4 standard errors; without the correction the closed form would be out of them."""
    count = 20_000
    corrected = touch_probability(2000.0, barrier, 0.5, 0.9, DAY, DAY / steps)
    error = math.sqrt(corrected * (1 - corrected) / count)
    share = touched(steps, barrier, count)
    assert abs(share - corrected) < 4 * error
    assert abs(share - touch_probability(2000.0, barrier, 0.5, 0.9, DAY)) > 4 * error


def passive(steps: int) -> Scenario:
    """One borrower who does nothing, without interest and liquidators; its health is 1 at a price of 1900."""
    return Scenario.from_dict(
        {
            "name": "passive",
            "time": {"step_seconds": DAY / steps, "steps": steps + 1},
            "assets": {
                "DAI": {"price": {"kind": "constant", "price": 1.0}},
                "ETH": {"price": {"kind": "gbm", "start": 2000.0, "drift_per_year": 0.5, "volatility_per_year": 0.9}},
            },
            "pools": [
                {
                    "reserves": {"DAI": {}, "ETH": {"ltv": 0.79, "liquidation_threshold": 0.8}},
                    "liquidation": {"design": "fixed_spread"},
                }
            ],
            "agents": {"borrowers": [{"positions": [{"collateral": {"ETH": 10.0}, "debt": {"DAI": 15_200.0}}]}]},
        }
    )


def share_liquidatable(scenario: Scenario, count: int) -> float:
    """The share of whole worlds in which the position could ever have been liquidated."""
    return float(np.mean([simulate(scenario, seed).steps["liquidatable_usd"].max() > 0.0 for seed in range(count)]))


def test_position_of_a_whole_world_is_liquidatable_exactly_where_its_price_touched() -> None:
    scenario = passive(24)
    found = []
    for seed in range(60):
        run = simulate(scenario, seed)
        lowest = exogenous_prices(scenario, Streams(seed))[:, 1].min()
        found.append(bool((run.steps["liquidatable_usd"] > 0.0).any()))
        assert found[-1] == (lowest < 1900.0)
        assert run.liquidations.empty
    corrected = touch_probability(2000.0, 1900.0, 0.5, 0.9, DAY, DAY / 24)
    assert abs(np.mean(found) - corrected) < 4 * math.sqrt(corrected * (1 - corrected) / 60)


@pytest.mark.slow
@pytest.mark.parametrize("steps", [24, 96])
def test_share_of_whole_worlds_in_which_health_touches_one_is_the_corrected_closed_form(steps: int) -> None:
    count = 1000
    corrected = touch_probability(2000.0, 1900.0, 0.5, 0.9, DAY, DAY / steps)
    error = math.sqrt(corrected * (1 - corrected) / count)
    assert abs(share_liquidatable(passive(steps), count) - corrected) < 4 * error
