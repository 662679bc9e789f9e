"""Price models against the moments of their laws, and against the models that they contain.

Every comparison with theory is of a mean over independent paths, within 4.5 of its own standard errors; the seeds are
fixed, so that a test that passes keeps passing. Where a law has a parameter at which it becomes another, the two are
compared draw for draw.
"""

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError
from scipy import stats
from scipy.linalg import expm

from models.prices import (
    BlockBootstrapPrice,
    GarchPrice,
    GbmPrice,
    HestonPrice,
    JumpDiffusionPrice,
    Price,
    PriceTerms,
    RegimeSwitchingPrice,
    Resampled,
)
from models.prices.block_bootstrap import BlocksTooShort, TooShortHistory
from models.prices.events import TooManyEvents
from models.prices.garch import RecursionDoesNotFitSteps, StudentInnovations
from models.prices.gbm import SECONDS_PER_YEAR, PriceOutOfRange
from models.prices.heston import StepTooLong
from models.prices.jump_sizes import DoubleExponentialJumps, NormalJumps
from models.prices.regime_switching import Regime
from models.prices.table import UnevenTimes, UnusablePrice
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


# GARCH


def garch(**terms: Any) -> GarchPrice:
    """A GARCH(1, 1) with a clock of days."""
    given: dict[str, Any] = {"start": 1.0, "volatility_per_year": 0.01, "alpha": 0.1, "beta": 0.8}
    return GarchPrice(**given | {"recursion_seconds": DAY} | terms)


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


# Heston


def heston(**terms: Any) -> HestonPrice:
    given: dict[str, Any] = {"start": 1.0, "volatility_per_year": 0.8, "reversion_per_year": 20.0}
    return HestonPrice(**given | {"volatility_of_variance": 2.0, "correlation": -0.6} | terms)


@pytest.mark.parametrize("epsilon", [2.0, 7.0])
def test_variance_has_its_exact_mean_and_variance_at_any_time_and_in_the_long_run(epsilon: float) -> None:
    """With epsilon = 7 it often touches zero: 2 kappa theta is half of epsilon²."""
    theta, kappa, v0, week = 0.64, 20.0, 0.36, 7 * DAY
    price = heston(volatility_of_variance=epsilon, start_volatility_per_year=0.6)
    rng = np.random.default_rng(3)
    variances = np.array([price.variances(53, week, rng.standard_normal(53), rng) for _ in range(6000)])
    assert np.all(variances >= 0.0)
    for step in (1, 4, 52):
        fading = math.exp(-kappa * step * week / YEAR)
        mean = theta + (v0 - theta) * fading
        spread = epsilon**2 / kappa * (1 - fading) * (v0 * fading + 0.5 * theta * (1 - fading))
        assert_mean(variances[:, step], mean)
        assert_mean((variances[:, step] - mean) ** 2, spread)
    assert spread == pytest.approx(epsilon**2 * theta / (2 * kappa), rel=1e-6)


@pytest.mark.parametrize("epsilon", [2.0, 7.0])
def test_variance_after_a_single_long_step_is_as_spread_as_after_many_short_ones(epsilon: float) -> None:
    """Sixty days, in which it forgets where it began; the moments of the long run are then those of one step."""
    price, rng = heston(volatility_of_variance=epsilon, start_volatility_per_year=0.6), np.random.default_rng(3)
    after = np.array([price.variances(2, 60 * DAY, rng.standard_normal(2), rng)[1] for _ in range(12_000)])
    fading = math.exp(-20.0 * 60 * DAY / YEAR)
    mean = 0.64 + (0.36 - 0.64) * fading
    assert_mean(after, mean)
    assert_mean((after - mean) ** 2, epsilon**2 / 20.0 * (1 - fading) * (0.36 * fading + 0.32 * (1 - fading)))


@pytest.mark.parametrize(("epsilon", "rho"), [(2.0, -0.6), (7.0, -0.9), (2.0, 0.6)])
def test_expected_price_of_heston_grows_at_the_drift_even_in_long_steps(epsilon: float, rho: float) -> None:
    price = heston(drift_per_year=0.3, volatility_of_variance=epsilon, correlation=rho)
    assert_mean(paths(price, 8000, 14, 14 * DAY)[:, -1], math.exp(0.3 * 13 * 14 * DAY / YEAR))


def heston_characteristic(price: HestonPrice, u: float, years: float) -> complex:
    """E exp(i u ln S(t) / S(0)): Heston (1993) in the form of Albrecher, Mayer, Schoutens and Tistaert (2007)."""
    theta, kappa, epsilon, rho = 0.64, price.reversion_per_year, price.volatility_of_variance, price.correlation
    v0 = (price.start_volatility_per_year or 0.8) ** 2
    xi = kappa - rho * epsilon * 1j * u
    d = np.sqrt(xi**2 + epsilon**2 * (u**2 + 1j * u))
    g = (xi - d) / (xi + d)
    fading = np.exp(-d * years)
    a = kappa * theta / epsilon**2 * ((xi - d) * years - 2 * np.log((1 - g * fading) / (1 - g)))
    b = v0 / epsilon**2 * (xi - d) * (1 - fading) / (1 - g * fading)
    return complex(np.exp(1j * u * price.drift_per_year * years + a + b))


@pytest.mark.parametrize(("epsilon", "rho"), [(2.0, -0.6), (7.0, -0.9), (7.0, 0.5)])
def test_log_returns_of_heston_have_their_characteristic_function(epsilon: float, rho: float) -> None:
    price = heston(drift_per_year=0.3, volatility_of_variance=epsilon, correlation=rho, start_volatility_per_year=0.6)
    logs = np.log(paths(price, 8000, 51, DAY)[:, -1])
    for u in (1.0, 3.0, 6.0, 12.0):
        expected = heston_characteristic(price, u, 50 * DAY / YEAR)
        assert_mean(np.cos(u * logs), expected.real)
        assert_mean(np.sin(u * logs), expected.imag)


def test_heston_without_shocks_of_variance_is_the_diffusion_of_that_variance() -> None:
    same(HestonPrice(**GBM.model_dump(exclude={"kind"}), reversion_per_year=7.0, volatility_of_variance=0.0), GBM)
    price = heston(volatility_of_variance=0.0, start_volatility_per_year=2.0)
    normals = np.random.default_rng(1).standard_normal(50)
    path = price.path(50, DAY, normals, np.random.default_rng(1))
    log_price = 0.0
    for step in range(1, 50):
        t0, t1 = (step - 1) * DAY / YEAR, step * DAY / YEAR
        variance = 0.64 * (t1 - t0) + (4.0 - 0.64) * (math.exp(-20.0 * t0) - math.exp(-20.0 * t1)) / 20.0
        log_price += -0.5 * variance + math.sqrt(variance) * normals[step]
        assert path[step] == pytest.approx(math.exp(log_price), rel=1e-9)


def test_least_shocks_of_variance_are_near_to_none() -> None:
    least, none = (
        paths(heston(volatility_of_variance=epsilon, start_volatility_per_year=1.5), 1, 500, 3600.0)[0]
        for epsilon in (1e-3, 0.0)
    )
    np.testing.assert_allclose(least, none, rtol=1e-3)


@pytest.mark.parametrize("rho", [-1.0, -0.6, 0.0, 0.6, 1.0])
def test_shock_of_the_price_is_the_draw_given_whatever_the_variance_shares_with_it(rho: float) -> None:
    """So that prices of two assets have the correlation that the scenario asks for, also where rho is -1."""
    price, steps = heston(correlation=rho), 3000
    rng = np.random.default_rng(1)
    normals = rng.standard_normal(steps)
    moves = np.diff(np.log(price.path(steps, 60.0, normals, np.random.default_rng(2))))
    variances = price.variances(steps, 60.0, normals, np.random.default_rng(2))
    shocks = moves / np.sqrt(variances[:-1] * 60.0 / YEAR)
    np.testing.assert_allclose(shocks, normals[1:], atol=0.02)
    of_variance = np.diff(variances) / np.sqrt(variances[:-1])
    assert np.corrcoef(of_variance, normals[1:])[0, 1] == pytest.approx(rho, abs=0.06)


def test_step_over_which_no_expected_price_exists_is_refused() -> None:
    price = heston(volatility_of_variance=30.0, correlation=0.9)
    with pytest.raises(StepTooLong, match=r"after step 0: with correlation = 0\.9 above zero a step of"):
        paths(price, 1, 5, YEAR)


def test_shocks_of_variance_too_small_to_reckon_with_are_refused() -> None:
    with pytest.raises(ValidationError, match=r"give 0, or 0\.001 and more"):
        heston(volatility_of_variance=1e-6)


@pytest.mark.parametrize(
    ("changed", "value"),
    [
        ("start", 2.0),
        ("drift_per_year", 0.1),
        ("volatility_per_year", 0.2),
        ("start_volatility_per_year", 0.2),
        ("reversion_per_year", 3.0),
        ("volatility_of_variance", 1.0),
        ("correlation", 0.1),
    ],
)
def test_every_parameter_of_heston_moves_the_path(changed: str, value: float) -> None:
    moves_some_output(heston(), changed, value)


# Regimes


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


def test_expected_price_of_regimes_is_the_matrix_exponential() -> None:
    price, years = regimes((0.5, -3.0), (0.4, 1.5)), 0.3
    ends = paths(price, 8_000, 4, years * YEAR / 3)[:, -1]
    generator = np.array([[-10.0, 10.0], [40.0, -40.0]])
    expected = np.array([0.8, 0.2]) @ expm((generator + np.diag([0.5, -3.0])) * years) @ np.ones(2)
    assert_mean(ends, float(expected))


def test_log_returns_of_regimes_have_the_moments_of_a_mixed_normal() -> None:
    """Mixed over the time in each regime, whose variance over t is that of a two-state chain."""
    calm, wild, years, rate = 0.16, 2.25, 0.2, 50.0
    price = regimes((calm / 2, wild / 2), (0.4, 1.5))  # so that a log return has no drift in either regime
    logs = np.log(paths(price, 8_000, 4, years * YEAR / 3)[:, -1])
    mean = (0.8 * calm + 0.2 * wild) * years
    correlated = 2 * (years / rate - (1 - math.exp(-rate * years)) / rate**2)
    variance = 0.8 * 0.2 * (wild - calm) ** 2 * correlated
    assert_moments(logs, 0.0, [mean, 0.0, 3 * (mean**2 + variance)])


def test_drift_that_changes_with_the_regime_adds_its_own_variance() -> None:
    """On top of the mean of sigma², the variance of the integral of mu - sigma² / 2."""
    years, rate, rates = 0.2, 50.0, (2.0 - 0.08, -8.0 - 1.125)
    logs = np.log(paths(regimes((2.0, -8.0), (0.4, 1.5)), 8_000, 3, years * YEAR / 2)[:, -1])
    mean = (0.8 * rates[0] + 0.2 * rates[1]) * years
    correlated = 2 * (years / rate - (1 - math.exp(-rate * years)) / rate**2)
    own = 0.8 * 0.2 * (rates[0] - rates[1]) ** 2 * correlated
    assert_moments(logs, mean, [(0.8 * 0.16 + 0.2 * 2.25) * years + own])


def test_chain_spends_its_stationary_shares_and_moves_as_its_generator_says() -> None:
    """Three regimes: shares of time, and Hamilton's transition matrix at a distance of 0.02 years."""
    rates = [[0.0, 10.0, 2.0], [30.0, 0.0, 10.0], [5.0, 20.0, 0.0]]
    price = RegimeSwitchingPrice(
        start=1.0, regimes=[Regime(volatility_per_year=1.0, switches_per_year=row) for row in rates]
    )
    generator, shares = price.generator(), price.stationary()
    np.testing.assert_allclose(shares @ generator, 0.0, atol=1e-12)
    assert shares.sum() == pytest.approx(1.0, rel=1e-12)
    rng, firsts, nexts, within = np.random.default_rng(4), [], [], []
    for _ in range(4000):
        began, which = price.regime_changes(0.3, rng)
        firsts.append(which[0])
        nexts.append(which[np.searchsorted(began, 0.02, side="right") - 1])
        ends = np.append(began[1:], 0.3)
        within.append([(ends - began)[which == k].sum() / 0.3 for k in range(3)])
    first, after, of_time = np.array(firsts), np.array(nexts), np.array(within)
    transition = expm(generator * 0.02)
    for k in range(3):
        assert_mean((first == k).astype(np.float64), shares[k])
        assert_mean(of_time[:, k], shares[k])
        for j in range(3):
            assert_mean((after[first == k] == j).astype(np.float64), transition[k, j])


def test_stays_in_a_regime_are_exponential() -> None:
    began, which = regimes((0.0, 0.0), (0.4, 1.5)).regime_changes(100.0, np.random.default_rng(1))
    lasted = np.diff(began)
    assert set(pairwise(which.tolist())) == {(0, 1), (1, 0)}
    for k, mean in ((0, 0.1), (1, 0.025)):
        assert stats.kstest(lasted[which[:-1] == k], stats.expon(scale=mean).cdf).pvalue > 0.001


def test_regimes_change_at_the_same_times_whatever_the_step() -> None:
    """Without volatility a finer path passes through the coarser one's prices."""
    price = regimes((5.0, -20.0), (0.0, 0.0))
    rng = [np.random.default_rng(2) for _ in range(2)]
    fine, coarse = price.path(3001, 3600.0, np.zeros(3001), rng[0]), price.path(126, DAY, np.zeros(126), rng[1])
    assert fine[::24] == pytest.approx(coarse, rel=1e-9)
    assert len(set(np.round(np.diff(np.log(fine)), 9))) > 2


def test_one_regime_is_the_diffusion_and_so_are_two_alike() -> None:
    one = Regime(drift_per_year=0.4, volatility_per_year=0.9)
    same(RegimeSwitchingPrice(start=3.0, regimes=[one]), GBM)
    two = [one.model_copy(update={"switches_per_year": rates}) for rates in ([0.0, 300.0], [500.0, 0.0])]
    same(RegimeSwitchingPrice(start=3.0, regimes=two), GBM)


def test_path_begins_in_the_first_regime_where_one_is_given() -> None:
    still = [Regime(drift_per_year=1.0, volatility_per_year=0.0, switches_per_year=[0.0, 0.0])]
    wild = [Regime(drift_per_year=-1.0, volatility_per_year=0.0, switches_per_year=[0.0, 0.0])]
    for first, drift in ((0, 1.0), (1, -1.0)):
        price = RegimeSwitchingPrice(start=1.0, regimes=still + wild, first_regime=first)
        assert paths(price, 1, 2, YEAR)[0, -1] == pytest.approx(math.exp(drift), rel=1e-12)


@pytest.mark.parametrize(
    ("rates", "more", "says"),
    [
        ([[0.0], [1.0, 0.0]], {}, r"regimes\.0\.switches_per_year = \[0\.0\] has 1 rates for 2 regimes"),
        ([[], [1.0, 0.0]], {}, "has 0 rates for 2 regimes"),
        ([[0.0, 1.0, 1.0], [1.0, 0.0]], {}, "has 3 rates for 2 regimes"),
        ([[0.0, 1.0], [1.0, 2.0]], {}, r"regimes\.1.*has a rate to itself at place 1; put 0 there"),
        ([[0.0, 1.0], [1.0, 0.0]], {"first_regime": 2}, "first_regime = 2 is none of 2 regimes"),
        ([[0.0, 0.0], [0.0, 0.0]], {}, "give first_regime"),
    ],
)
def test_regimes_that_are_no_chain_are_refused(rates: list[list[float]], more: dict[str, int], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        RegimeSwitchingPrice(
            start=1.0, regimes=[Regime(volatility_per_year=1.0, switches_per_year=row) for row in rates], **more
        )


# Resampled history


def history(prices: list[float], spacing: float = 3600.0, **terms: Any) -> Resampled:
    given: dict[str, Any] = {"file": "eth.csv", "mean_block_seconds": 10 * spacing}
    columns = {"time": spacing * np.arange(len(prices)), "price": np.array(prices)}
    return BlockBootstrapPrice(**given | terms).with_table(columns)


WALK = np.exp(np.cumsum(np.random.default_rng(8).standard_t(3, 300) * 0.01)).tolist()


def test_every_return_of_the_history_is_as_likely_as_any_other() -> None:
    price = history(WALK)
    picks = np.concatenate([price.picks(50, np.random.default_rng(seed))[49:] for seed in range(6000)])
    assert stats.chisquare(np.bincount(picks, minlength=299)).pvalue > 0.001


def test_blocks_last_geometrically_and_begin_anywhere() -> None:
    price = history(WALK)
    picks = price.picks(60_000, np.random.default_rng(1))
    follows = (picks[1:] - picks[:-1]) % 299 == 1
    p = 0.1
    assert_mean(follows.astype(np.float64), 1 - p + p / 299)  # a new block may happen to go on where one has ended
    lengths = np.diff(np.flatnonzero(np.append(True, ~follows)))
    ended = p * (1 - 1 / 299)
    longest = 30
    counts = np.bincount(np.minimum(lengths, longest + 1), minlength=longest + 2)[1:]
    law = np.append(ended * (1 - ended) ** np.arange(longest), (1 - ended) ** longest)
    assert stats.chisquare(counts, law * counts.sum()).pvalue > 0.001
    begins = picks[1:][~follows]
    assert stats.chisquare(np.bincount(begins, minlength=299)).pvalue > 0.001


def test_moments_of_a_return_are_those_of_the_history_and_its_covariances_fade_by_blocks() -> None:
    """Politis and Romano: with the circular covariance of the history, (1 - p)^k of it is left at a distance of k."""
    price = history(WALK)
    returns = np.diff(np.log(WALK))
    mean = returns.mean()
    taken = np.array([returns[price.picks(12, np.random.default_rng(seed))] for seed in range(6000)])
    for power in (2, 3, 4):
        assert_mean((taken[:, 5] - mean) ** power, float(np.mean((returns - mean) ** power)))
    assert_mean(taken[:, 5], float(mean))
    squares = returns**2
    for lag in (1, 4):
        circular = np.mean((squares - squares.mean()) * (np.roll(squares, -lag) - squares.mean()))
        product = (taken[:, 2] ** 2 - squares.mean()) * (taken[:, 2 + lag] ** 2 - squares.mean())
        assert_mean(product, float(0.9**lag * circular))


def test_blocks_of_one_row_are_independent_draws() -> None:
    picks = history(WALK, mean_block_seconds=3600.0).picks(40_000, np.random.default_rng(1))
    assert_mean(((picks[1:] - picks[:-1]) % 299 == 1).astype(np.float64), 1 / 299)


def test_blocks_that_never_end_are_the_history_itself_from_anywhere_around_the_circle() -> None:
    price = history([1.0, 2.0, 1.0, 4.0], mean_block_seconds=1e15)
    path = paths(price, 1, 7, 3600.0)[0]
    ratios = (path[1:] / path[:-1]).tolist()
    assert ratios == pytest.approx(ratios[:3] * 2, rel=1e-12)
    assert sorted(ratios[:3]) == pytest.approx([0.5, 2.0, 4.0], rel=1e-12)
    assert path[0] == 4.0


def test_resampled_price_holds_between_rows_and_a_coarser_step_passes_the_same_prices() -> None:
    price = history(WALK, start=50.0)
    hourly, fine, coarse = (
        price.path(steps, seconds, np.zeros(steps), np.random.default_rng(3))
        for steps, seconds in ((49, 3600.0), (193, 900.0), (9, 6 * 3600.0))
    )
    assert hourly[0] == 50.0
    assert np.array_equal(fine, np.repeat(hourly, 4)[:193])
    assert np.array_equal(coarse, hourly[::6])


def test_drift_moves_every_return_alike_until_the_expected_one_grows_at_it() -> None:
    own, given = history(WALK), history(WALK, drift_per_year=0.5)
    assert np.ptp(given.returns - own.returns) < 1e-15
    assert np.exp(given.returns).mean() == pytest.approx(math.exp(0.5 * 3600.0 / YEAR), rel=1e-12)
    assert np.array_equal(own.returns, np.diff(np.log(WALK)))


def test_history_that_cannot_be_resampled_is_refused_by_name_and_row() -> None:
    with pytest.raises(TooShortHistory, match=r"eth\.csv has 1 row"):
        history([1.0])
    with pytest.raises(UnusablePrice, match=r"eth\.csv has price = -1\.0 in row 2"):
        history([1.0, -1.0, 2.0])
    with pytest.raises(BlocksTooShort, match=r"mean_block_seconds = 60 is shorter than the 3600 s from row to row in"):
        history(WALK, mean_block_seconds=60.0)
    with pytest.raises(UnevenTimes, match=r"eth\.csv is uneven: row 4 is 4 s after row 3, but most rows are 1 s apart"):
        BlockBootstrapPrice(file="eth.csv", mean_block_seconds=5.0).with_table(
            {"time": np.array([0.0, 1.0, 2.0, 6.0, 7.0]), "price": np.ones(5)}
        )


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
