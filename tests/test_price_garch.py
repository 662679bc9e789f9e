"""GARCH prices against the recursion, its moments, and the diffusion that they contain."""

import math
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError
from scipy import stats

from builders.price_laws import DAY, GBM, YEAR, assert_mean, garch, moves_some_output, paths, same
from models.prices import GarchPrice
from models.prices.garch import RecursionDoesNotFitSteps, StudentInnovations


def test_garch_is_the_recursion_written_out() -> None:
    """Four steps to a return of the recursion: their shocks add up to its innovation, their variances to its own."""
    price = garch(start=2.0, drift_per_year=0.3, volatility_per_year=0.8, start_volatility_per_year=1.5)
    normals = np.random.default_rng(2).standard_normal(42)
    path = price.path(42, DAY / 4, normals, np.random.default_rng(0))
    years = DAY / YEAR
    omega, h, log_price = (1 - 0.1 - 0.8) * 0.8**2 * years, 1.5**2 * years, math.log(2.0)
    for step in range(1, 42):
        log_price += (0.3 * years - h / 2) / 4 + math.sqrt(h / 4) * normals[step]
        assert path[step] == pytest.approx(math.exp(log_price), rel=1e-12)
        if step % 4 == 0:
            e = math.sqrt(h / 4) * normals[step - 3 : step + 1].sum()
            h = omega + 0.1 * e**2 + 0.8 * h


def test_garch_has_the_moments_of_bollerslev() -> None:
    """Variance, kurtosis, and the autocorrelation of squared returns, once the start is forgotten."""
    alpha, beta, burn, lags = 0.1, 0.8, 200, (1, 2, 5)
    s = alpha + beta
    logs = np.diff(np.log(paths(garch(), 600, 1700, DAY)), axis=1)[:, burn:]
    squares = logs**2 / (0.01**2 * DAY / YEAR)
    kurtosis = 3 * (1 - s**2) / (1 - s**2 - 2 * alpha**2)
    assert_mean(squares.mean(axis=1), 1.0)
    assert_mean((squares**2).mean(axis=1), kurtosis)
    first = alpha * (1 - s * beta) / (1 - s**2 + alpha**2)
    for lag in lags:
        covariances = ((squares[:, :-lag] - 1.0) * (squares[:, lag:] - 1.0)).mean(axis=1)
        assert_mean(covariances, (kurtosis - 1.0) * first * s ** (lag - 1))


def test_garch_is_a_martingale_but_for_its_drift_and_its_returns_are_uncorrelated() -> None:
    price = garch(drift_per_year=0.3, volatility_per_year=1.0, start_volatility_per_year=2.0)
    ends = paths(price, 6000, 121, DAY / 2)
    assert_mean(ends[:, -1], math.exp(0.3 * 60 * DAY / YEAR))
    logs = np.diff(np.log(paths(garch(), 4000, 30, DAY)), axis=1) / math.sqrt(0.01**2 * DAY / YEAR)
    assert_mean(logs.sum(axis=1) ** 2, 29.0)
    assert_mean(logs[:, 5] * logs[:, 6], 0.0)


def test_mean_variance_fades_from_its_start_to_the_long_run() -> None:
    price = garch(start_volatility_per_year=0.03)
    squares = np.diff(np.log(paths(price, 8000, 12, DAY)), axis=1) ** 2 / (0.01**2 * DAY / YEAR)
    for k in (0, 3, 10):
        assert_mean(squares[:, k], 1.0 + (9.0 - 1.0) * 0.9**k)


@pytest.mark.parametrize("per_recursion", [1, 4])
def test_student_returns_of_the_recursion_are_student_whatever_the_step(per_recursion: int) -> None:
    price = garch(alpha=0.0, beta=0.0, innovations=StudentInnovations(degrees_of_freedom=4.0))
    path = paths(price, 1, 20_000 * per_recursion + 1, DAY / per_recursion)[0]
    moves = np.diff(np.log(path[::per_recursion])) / math.sqrt(0.01**2 * DAY / YEAR)
    assert stats.kstest(moves * math.sqrt(2.0), stats.t(4.0).cdf).pvalue > 0.001
    assert stats.kstest(moves, stats.norm.cdf).pvalue < 1e-6


def test_garch_without_memory_is_the_diffusion() -> None:
    terms = GBM.model_dump(exclude={"kind"})
    same(GarchPrice(**terms, alpha=0.0, beta=0.0, recursion_seconds=DAY), GBM)
    same(GarchPrice(**terms, alpha=0.0, beta=0.7, recursion_seconds=3600.0), GBM)
    same(GarchPrice(**terms, alpha=0.1, beta=0.7, recursion_seconds=3600.0 * 2.0**60), GBM)  # whose end is never met


def test_student_innovations_of_many_degrees_are_normal_ones() -> None:
    students = garch(volatility_per_year=1.0, innovations=StudentInnovations(degrees_of_freedom=1e18))
    same(students, garch(volatility_per_year=1.0))  # which leaves 1e-9 of each


@pytest.mark.parametrize("step_seconds", [7.0, DAY * 2, DAY / 3.5])
def test_steps_that_do_not_divide_the_recursion_are_refused(step_seconds: float) -> None:
    with pytest.raises(RecursionDoesNotFitSteps, match=rf"86400 does not fit steps of {step_seconds:.15g} s"):
        paths(garch(), 1, 2, step_seconds)


def test_garch_without_a_mean_variance_is_refused() -> None:
    with pytest.raises(ValidationError, match=r"alpha = 0\.2 and beta = 0\.8 add up to 1 or more"):
        garch(alpha=0.2)


@pytest.mark.parametrize(
    ("changed", "value"),
    [
        ("start", 2.0),
        ("drift_per_year", 0.1),
        ("volatility_per_year", 0.2),
        ("start_volatility_per_year", 0.2),
        ("alpha", 0.15),
        ("beta", 0.7),
        ("recursion_seconds", 3600.0),
        ("innovations", {"kind": "student_t", "degrees_of_freedom": 5.0}),
        ("innovations", {"kind": "student_t", "degrees_of_freedom": 6.0}),
    ],
)
def test_every_parameter_of_the_garch_moves_the_path(changed: str, value: Any) -> None:
    moves_some_output(garch(), changed, value)
