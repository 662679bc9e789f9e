"""GARCH(1, 1) by maximum likelihood, with normal and with Student-t innovations; the better one is kept.

**Source**: the package `arch` (Sheppard), quasi-maximum likelihood of a GARCH(1, 1) around a constant mean.
**Leaves out**: that the mean of a log return in the simulation, mu dt - h / 2, moves a little with the variance.
"""

import math
from typing import Any

import numpy as np

from experiments.fit.fitted import Fitted, NoFit
from experiments.fit.history import History
from experiments.fit.likelihood import estimates
from models.prices import GarchPrice
from models.prices.garch import NormalInnovations, StudentInnovations
from models.types import FloatArray

NAMES = ("drift_per_year", "volatility_per_year", "alpha", "beta", "innovations.degrees_of_freedom")
_LEAST_ALPHA, _LARGEST_SUM = 1e-6, 0.9999
"""Of alpha; and of alpha + beta, beyond which the variance has no mean that these returns would tell."""


def fit(history: History) -> Fitted:
    """The better, by its BIC, of normal and Student-t innovations. Raises `NoFit`."""
    fits: list[Fitted] = []
    for innovations in ("normal", "t"):
        try:
            fits.append(_fit(history, innovations))
        except NoFit as error:
            reason = error
    if not fits:
        raise reason
    return min(fits, key=lambda fitted: fitted.bic)


def _fit(history: History, innovations: str) -> Fitted:
    from arch import arch_model  # noqa: PLC0415  an extra, and slow to import

    scale, years = float(history.returns.std()), history.years
    model: Any = arch_model(history.returns / scale, vol="GARCH", dist=innovations, rescale=False)  # type: ignore[arg-type]
    result = model.fit(disp="off", show_warning=False, cov_type="classic")

    def in_units(parameters: FloatArray) -> FloatArray:
        mean, omega, alpha, beta = parameters[:4]
        variance = scale**2 * omega / max(1.0 - alpha - beta, 1.0 - _LARGEST_SUM) / years
        return np.array([scale * mean / years + 0.5 * variance, math.sqrt(variance), alpha, beta, *parameters[4:]])

    at = np.asarray(result.params, dtype=np.float64)
    covariance = np.asarray(result.param_cov, dtype=np.float64)
    if result.convergence_flag != 0 or not np.isfinite(covariance).all():
        raise NoFit("the search for its maximum did not end")
    if at[2] < _LEAST_ALPHA:
        raise NoFit("alpha comes to nothing: the variance does not follow what has happened, as that of gbm does not")
    if np.diag(covariance).min() <= 0.0:
        raise NoFit("its likelihood has no single highest point")
    if at[2] + at[3] > _LARGEST_SUM:
        raise NoFit(
            "alpha + beta comes to 1, so that the variance has no mean; a longer or steadier history may have one"
        )
    drift, volatility, alpha, beta, *more = in_units(at).tolist()
    return Fitted(
        model="garch",
        price=GarchPrice(
            start=history.last_price,
            drift_per_year=drift,
            volatility_per_year=volatility,
            alpha=alpha,
            beta=beta,
            recursion_seconds=history.spacing_seconds,
            innovations=StudentInnovations(degrees_of_freedom=more[0]) if more else NormalInnovations(),
        ),
        estimates=estimates(NAMES[: len(at)], in_units, at, covariance),
        log_likelihood=float(result.loglikelihood) - len(history.returns) * math.log(scale),
        count=len(history.returns),
    )
