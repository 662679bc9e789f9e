"""A price that is pulled back to its level: log prices regressed on those before.

**Source**: the exact discretisation of Ornstein and Uhlenbeck's process is an autoregression of order one, whose least
squares are the maximum likelihood given the first price. Whether there is anything to come back to: Dickey and Fuller,
"Distribution of the estimators for autoregressive time series with a unit root", Journal of the American Statistical
Association 74 (1979), with MacKinnon's p-values: a random walk, too, seems to come back to the mean of its path.
**Leaves out**: jumps.
"""

import math

import numpy as np

from experiments.fit.fitted import Fitted, NoFit
from experiments.fit.history import History
from experiments.fit.likelihood import estimates
from models.prices import MeanRevertingPrice
from models.types import FloatArray

MOST_LIKELY_WALK = 0.05
"""The p-value of a random walk above which a history is none of a price that comes back."""


def fit(history: History) -> Fitted:
    """Maximum likelihood in closed form. Raises `NoFit` where the prices may as well be a random walk."""
    from arch.unitroot import ADF  # noqa: PLC0415  an extra, and slow to import

    logs = np.log(history.prices)
    middle, count = float(logs.mean()), len(history.returns)
    walk = float(ADF(logs, lags=0, trend="c").pvalue)
    if not walk < MOST_LIKELY_WALK:
        raise NoFit(f"the prices do not come back to a level more than a random walk does (p = {walk:.2g})")
    before, after = logs[:-1] - middle, logs[1:] - middle
    design = np.column_stack([np.ones(count), before])
    (intercept, slope), *_ = np.linalg.lstsq(design, after)
    if not 0.0 < slope < 1.0:
        raise NoFit("a distance from the level is gone by the next price, so that none tells how long it lasts")
    variance = float(np.mean((after - design @ [intercept, slope]) ** 2))

    def values(parameters: FloatArray) -> FloatArray:
        """The level, the half-life and the volatility."""
        constant, kept, spread = parameters
        decay = -math.log(kept)
        return np.array(
            [
                math.exp(middle + constant / (1.0 - kept)),
                math.log(2.0) * history.spacing_seconds / decay,
                math.sqrt(spread / history.years * 2.0 * decay / (1.0 - kept**2)),
            ]
        )

    at, covariance = np.array([intercept, slope, variance]), np.zeros((3, 3))
    covariance[:2, :2] = variance * np.linalg.inv(design.T @ design)
    covariance[2, 2] = 2.0 * variance**2 / count
    level, half_life_seconds, volatility = values(at).tolist()
    return Fitted(
        model="mean_reverting",
        price=MeanRevertingPrice(
            level=level,
            start=history.last_price,
            half_life_seconds=half_life_seconds,
            volatility_per_year=volatility,
        ),
        estimates=estimates(["level", "half_life_seconds", "volatility_per_year"], values, at, covariance),
        log_likelihood=-0.5 * count * (math.log(2.0 * math.pi * variance) + 1.0),
        count=count,
    )
