"""Price models to be held against their laws, and how that is done.

Every comparison with theory is of a mean over independent paths, within 4.5 of its own standard errors; the seeds are
fixed, so that a test that passes keeps passing. Where a law has a parameter at which it becomes another, the two are
compared draw for draw.
"""

import math
from typing import Any

import numpy as np
from pydantic import TypeAdapter

from models.prices import (
    BlockBootstrapPrice,
    GarchPrice,
    GbmPrice,
    HestonPrice,
    Price,
    PriceTerms,
    RegimeSwitchingPrice,
    Resampled,
)
from models.prices.gbm import SECONDS_PER_YEAR
from models.prices.regime_switching import Regime
from models.types import FloatArray

ERRORS = 4.5
DAY, YEAR = 86_400.0, float(SECONDS_PER_YEAR)
TERMS: TypeAdapter[Any] = TypeAdapter(PriceTerms)


def paths(price: Price, count: int, steps: int, step_seconds: float, seed: int = 1) -> FloatArray:
    """Independent paths, shape (count, steps)."""
    rng = np.random.default_rng(seed)
    return np.array([price.path(steps, step_seconds, rng.standard_normal(steps), rng) for _ in range(count)])


def assert_mean(sample: FloatArray, expected: float) -> None:
    """The mean of independent draws is within its standard errors of what theory says, and these tell something."""
    error = sample.std(ddof=1) / math.sqrt(len(sample))
    assert abs(sample.mean() - expected) < ERRORS * error
    assert error > 0.0


def assert_moments(logs: FloatArray, mean: float, central: list[float]) -> None:
    """Mean, and second, third … central moments about the theoretical mean."""
    assert_mean(logs, mean)
    for power, moment in enumerate(central, start=2):
        assert_mean((logs - mean) ** power, moment)


def same(one: Price, other: Price, steps: int = 400, step_seconds: float = 3600.0) -> None:
    """Both make the same path of the same draws, to 1e-9."""
    normals = np.random.default_rng(5).standard_normal(steps)
    a = one.path(steps, step_seconds, normals, np.random.default_rng(6))
    b = other.path(steps, step_seconds, normals, np.random.default_rng(7))
    np.testing.assert_allclose(a, b, rtol=1e-9)
    assert a.std() > 0.0


GBM = GbmPrice(start=3.0, drift_per_year=0.4, volatility_per_year=0.9)


def moves_some_output(price: Any, changed: str, value: Any) -> None:
    """The parameter matters: with another value of it the same draws make another path."""
    other = TERMS.validate_python(price.model_dump() | {changed: value})
    a, b = (paths(each, 1, 2000, 3600.0)[0] for each in (price, other))
    assert a[-1] != b[-1]


def garch(**terms: Any) -> GarchPrice:
    """A GARCH(1, 1) with a clock of days."""
    given: dict[str, Any] = {"start": 1.0, "volatility_per_year": 0.01, "alpha": 0.1, "beta": 0.8}
    return GarchPrice(**given | {"recursion_seconds": DAY} | terms)


def heston(**terms: Any) -> HestonPrice:
    given: dict[str, Any] = {"start": 1.0, "volatility_per_year": 0.8, "reversion_per_year": 20.0}
    return HestonPrice(**given | {"volatility_of_variance": 2.0, "correlation": -0.6} | terms)


def regimes(drifts: tuple[float, float], volatilities: tuple[float, float], **terms: Any) -> RegimeSwitchingPrice:
    """Two regimes that last a tenth and a fortieth of a year."""
    away = ([0.0, 10.0], [40.0, 0.0])
    return RegimeSwitchingPrice(
        start=1.0,
        regimes=[
            Regime(drift_per_year=mu, volatility_per_year=sigma, switches_per_year=rates)
            for mu, sigma, rates in zip(drifts, volatilities, away, strict=True)
        ],
        **terms,
    )


def history(prices: list[float], spacing: float = 3600.0, **terms: Any) -> Resampled:
    given: dict[str, Any] = {"file": "eth.csv", "mean_block_seconds": 10 * spacing}
    columns = {"time": spacing * np.arange(len(prices)), "price": np.array(prices)}
    return BlockBootstrapPrice(**given | terms).with_table(columns)


WALK = np.exp(np.cumsum(np.random.default_rng(8).standard_t(3, 300) * 0.01)).tolist()
