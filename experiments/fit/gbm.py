"""Geometric Brownian motion: the mean and the variance of the log returns are all there is to it."""

import math

from experiments.fit.fitted import Estimate, Fitted, NoFit
from experiments.fit.history import History
from models.prices import GbmPrice


def fit(history: History) -> Fitted:
    """Maximum likelihood in closed form: the drift is that of the expected price, so half the variance is added."""
    count, years = len(history.returns), history.years
    mean, variance = float(history.returns.mean()), float(history.returns.var())
    if variance == 0.0:
        raise NoFit("the returns do not vary")
    drift, volatility = mean / years + 0.5 * variance / years, math.sqrt(variance / years)
    errors = (
        math.sqrt(volatility**2 / (count * years) + 0.5 * volatility**4 / count),
        volatility / math.sqrt(2.0 * count),
    )
    return Fitted(
        model="gbm",
        price=GbmPrice(start=history.last_price, drift_per_year=drift, volatility_per_year=volatility),
        estimates=[
            Estimate("drift_per_year", drift, errors[0]),
            Estimate("volatility_per_year", volatility, errors[1]),
        ],
        log_likelihood=-0.5 * count * (math.log(2.0 * math.pi * variance) + 1.0),
        count=count,
    )
