"""Prices that switch regimes against the matrix exponential, mixed normals and their own chain."""

import math
from itertools import pairwise

import numpy as np
import pytest
from pydantic import ValidationError
from scipy import stats
from scipy.linalg import expm

from builders.price_laws import DAY, GBM, YEAR, assert_mean, assert_moments, paths, regimes, same
from models.prices import RegimeSwitchingPrice
from models.prices.regime_switching import Regime


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
