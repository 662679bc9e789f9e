"""Heston's prices against their characteristic function, and the variance against its exact moments."""

import math

import numpy as np
import pytest
from pydantic import ValidationError

from builders.price_laws import DAY, GBM, YEAR, assert_mean, heston, moves_some_output, paths, same
from models.prices import HestonPrice
from models.prices.heston import StepTooLong


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
