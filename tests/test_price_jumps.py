"""Jump diffusions against the cumulants of their laws, and the range of prices and events there can be."""

import math
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from builders.price_laws import (
    DAY,
    GBM,
    WALK,
    YEAR,
    assert_mean,
    assert_moments,
    garch,
    heston,
    history,
    moves_some_output,
    paths,
    regimes,
)
from models.prices import GbmPrice, JumpDiffusionPrice, Price, RegimeSwitchingPrice
from models.prices.events import TooManyEvents
from models.prices.gbm import PriceOutOfRange
from models.prices.jump_sizes import DoubleExponentialJumps, NormalJumps
from models.prices.regime_switching import Regime

# Jumps


@pytest.mark.parametrize(
    ("jumps", "powers"),
    [
        (
            NormalJumps(mean=-0.1, volatility=0.2),
            [-0.1, 0.1**2 + 0.2**2, -(0.1**3) - 3 * 0.1 * 0.2**2, 0.1**4 + 6 * 0.1**2 * 0.2**2 + 3 * 0.2**4],
        ),
        (
            DoubleExponentialJumps(up_share=0.3, up_mean=0.1, down_mean=0.2),
            [math.factorial(n) * (0.3 * 0.1**n + 0.7 * (-0.2) ** n) for n in range(1, 5)],
        ),
    ],
)
def test_jump_diffusion_has_the_cumulants_of_its_law(jumps: Any, powers: list[float]) -> None:
    """Those of a compound Poisson process, lambda E[J^n] t, beside the diffusion's first two."""
    mu, sigma, rate, years = 0.3, 0.4, 6.0, 0.5
    price = JumpDiffusionPrice(
        start=2.0, drift_per_year=mu, volatility_per_year=sigma, jumps_per_year=rate, jumps=jumps
    )
    ends = paths(price, 12_000, 3, years * YEAR / 2)[:, -1]
    growth = np.exp(powers[0] + 0.5 * 0.2**2) - 1 if jumps.kind == "normal" else 0.3 / 0.9 + 0.7 / 1.2 - 1
    assert jumps.growth == pytest.approx(growth, rel=1e-12)
    k2, k3, k4 = (sigma**2 + rate * powers[1]) * years, rate * powers[2] * years, rate * powers[3] * years
    mean = (mu - rate * growth - 0.5 * sigma**2 + rate * powers[0]) * years
    assert_moments(np.log(ends / 2.0), mean, [k2, k3, k4 + 3 * k2**2])
    assert_mean(ends, 2.0 * math.exp(mu * years))


def test_jumps_are_given_in_two_ways_that_are_one() -> None:
    same_as: dict[str, Any] = {"start": 3.0, "volatility_per_year": 0.9, "jumps_per_year": 500.0}
    short = JumpDiffusionPrice(**same_as, jump_mean=-0.02, jump_volatility=0.05)
    named = JumpDiffusionPrice(**same_as, jumps=NormalJumps(mean=-0.02, volatility=0.05))
    assert np.array_equal(paths(short, 1, 500, 3600.0), paths(named, 1, 500, 3600.0))


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"jumps": NormalJumps(mean=0.0, volatility=0.1), "jump_mean": 0.0}, "not both"),
        ({"jump_mean": 0.0}, "no law"),
        ({}, "no law"),
    ],
)
def test_jumps_have_exactly_one_law(given: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        JumpDiffusionPrice(start=1.0, volatility_per_year=0.5, jumps_per_year=1.0, **given)


def test_upward_jumps_without_an_expected_size_are_refused() -> None:
    with pytest.raises(ValidationError, match="up_mean"):
        DoubleExponentialJumps(up_share=0.5, up_mean=1.0, down_mean=0.1)


def test_double_exponential_jumps_that_never_happen_are_the_diffusion() -> None:
    jumps = DoubleExponentialJumps(up_share=0.5, up_mean=0.1, down_mean=0.1)
    terms = GBM.model_dump(exclude={"kind"})
    assert np.array_equal(
        paths(JumpDiffusionPrice(**terms, jumps_per_year=0.0, jumps=jumps), 1, 100, 60.0), paths(GBM, 1, 100, 60.0)
    )


@pytest.mark.parametrize("changed", [{"up_share": 0.9}, {"up_mean": 0.3}, {"down_mean": 0.3}])
def test_every_parameter_of_double_exponential_jumps_moves_the_path(changed: dict[str, float]) -> None:
    jumps = {"kind": "double_exponential", "up_share": 0.4, "up_mean": 0.1, "down_mean": 0.1}
    price = JumpDiffusionPrice(start=1.0, volatility_per_year=0.5, jumps_per_year=50.0, jumps=jumps)
    moves_some_output(price, "jumps", jumps | changed)


# Extremes


@pytest.mark.parametrize(
    "price",
    [
        garch(volatility_per_year=1e6),
        garch(drift_per_year=1e18),
        heston(volatility_per_year=1e9, reversion_per_year=1e-9),
        heston(drift_per_year=-1e9),
        regimes((1e12, 1e12), (0.0, 0.0)),
        regimes((0.0, 0.0), (1e9, 1e9)),
        history([1.0, 1e9, 1e18], drift_per_year=1e12),
        GbmPrice(start=1e17, drift_per_year=1e4, volatility_per_year=0.0),
    ],
    ids=lambda price: type(price).__name__,
)
def test_path_that_leaves_the_range_of_prices_is_refused_with_its_step(price: Price) -> None:
    with pytest.raises(
        PriceOutOfRange, match=r"at step \d+, started from .* no longer between 1e-18 and 1e\+18: lower"
    ):
        paths(price, 1, 200, DAY)


def test_more_events_than_can_be_drawn_are_refused() -> None:
    often = JumpDiffusionPrice(start=1.0, volatility_per_year=0.1, jumps_per_year=1e6, jump_mean=0, jump_volatility=0)
    fast = [Regime(volatility_per_year=0.1, switches_per_year=rates) for rates in ([0.0, 1e6], [1e6, 0.0])]
    for price, what in ((often, "jumps"), (RegimeSwitchingPrice(start=1.0, regimes=fast), "changes of regime")):
        with pytest.raises(TooManyEvents, match=f"about 2e.07 {what}, more than 1e.07"):
            paths(price, 1, 20, YEAR)
    with pytest.raises(TooManyEvents, match="resampled returns"):
        paths(history(WALK), 1, 10_000, YEAR)
