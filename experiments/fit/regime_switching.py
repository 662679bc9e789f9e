"""Two regimes by maximum likelihood.

**Source**: Hamilton (1989), as `statsmodels` fits it: a Markov chain from return to return, in each of whose regimes
returns are normal. Its matrix P of two regimes becomes rates per year by P = exp(Q dt), which has a solution where each
regime is more likely than not to go on.
**Leaves out**: changes of regime within a return, which the simulation has; more than two regimes.
"""

import math
import warnings
from typing import Any

import numpy as np

from experiments.fit.fitted import Fitted, NoFit
from experiments.fit.history import History
from experiments.fit.likelihood import estimates
from models.prices import RegimeSwitchingPrice
from models.prices.regime_switching import Regime
from models.types import FloatArray

NAMES = tuple(
    f"regimes.{k}.{name}" for k in (0, 1) for name in ("drift_per_year", "volatility_per_year", "switches_per_year")
)


def fit(history: History) -> Fitted:
    """Two regimes, the calmer one first. Raises `NoFit`."""
    scale, years = float(history.returns.std()), history.years
    result = _statsmodels(history.returns / scale)
    at = np.asarray(result.params, dtype=np.float64)
    covariance = np.asarray(result.cov_params(), dtype=np.float64)
    calm = int(at[5] < at[4])

    def in_units(parameters: FloatArray) -> FloatArray:
        stays0, leaves1, *means, variance0, variance1 = parameters.tolist()
        leaves = (1.0 - stays0, leaves1)
        # exp(Q t) of two regimes keeps their ratio, and fades as exp(-(q0 + q1) t) = 1 - leaves0 - leaves1.
        rate = -math.log(max(1.0 - math.fsum(leaves), 1e-12)) / (math.fsum(leaves) * years)
        values = [
            (
                (scale * means[k] + 0.5 * scale**2 * variance) / years,
                scale * math.sqrt(variance / years),
                rate * leaves[k],
            )
            for k, variance in enumerate((variance0, variance1))
        ]
        return np.array([*values[calm], *values[1 - calm]])

    if not (np.isfinite(covariance).all() and result.mle_retvals["converged"]):
        raise NoFit("the search for its maximum did not end")
    if at[0] - at[1] <= 0.0:
        raise NoFit("its regimes last less than two returns, too little to be told apart")
    values = in_units(at).tolist()
    rates = ([0.0, values[2]], [values[5], 0.0])
    return Fitted(
        model="regime_switching",
        price=RegimeSwitchingPrice(
            start=history.last_price,
            regimes=[
                Regime(drift_per_year=drift, volatility_per_year=volatility, switches_per_year=to)
                for (drift, volatility), to in zip((values[:2], values[3:5]), rates, strict=True)
            ],
        ),
        estimates=estimates(NAMES, in_units, at, covariance),
        log_likelihood=float(result.llf) - len(history.returns) * math.log(scale),
        count=len(history.returns),
    )


def _statsmodels(returns: FloatArray) -> Any:
    """The library's own result. Raises `NoFit` where it gives up."""
    from statsmodels.tsa.regime_switching.markov_regression import MarkovRegression  # noqa: PLC0415  an extra

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what it warns of is looked at in the result
        try:
            result = MarkovRegression(returns, 2, trend="c", switching_variance=True).fit(disp=False)
            result.cov_params()
        except (np.linalg.LinAlgError, ValueError) as error:
            raise NoFit(f"the search for its maximum failed ({error})") from None
    return result
