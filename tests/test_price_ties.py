"""How prices of several assets hang together: a copula of their shocks, and draws that they have in common."""

import math
from typing import Any

import numpy as np
import pytest
from scipy import stats

from abm import Scenario, ScenarioError
from abm.markets.price_paths import exogenous_prices
from abm.streams import Streams
from models.prices import StudentCopula, correlate
from models.types import FloatArray

STEPS = 120_000


def draws(rho: float, count: int = STEPS) -> FloatArray:
    return correlate(np.random.default_rng(1).standard_normal((count, 2)), np.array([[1.0, rho], [rho, 1.0]]))


def tied(nu: float, rho: float, count: int = STEPS) -> FloatArray:
    return StudentCopula(degrees_of_freedom=nu).tie(draws(rho, count), np.random.default_rng(2))


# The copula


@pytest.mark.parametrize("nu", [1.0, 4.0, 30.0])
def test_every_asset_by_itself_keeps_standard_normal_draws(nu: float) -> None:
    """And draws of one step say nothing of the next: their products are those of independent normals."""
    products = np.abs(draws(0.0).prod(axis=1))
    for asset in tied(nu, 0.5).T:
        assert np.all(np.isfinite(asset))
        assert stats.kstest(asset, stats.norm.cdf).pvalue > 0.001
        assert stats.kstest(np.abs(asset[1:] * asset[:-1]), products).pvalue > 0.001


@pytest.mark.parametrize(("nu", "rho"), [(3.0, 0.0), (3.0, 0.6), (8.0, -0.4)])
def test_copula_is_the_one_of_student(nu: float, rho: float) -> None:
    """How often both are in a corner, from one in ten to one in 500, against the bivariate Student-t distribution."""
    both = tied(nu, rho)
    for q in (0.1, 0.01, 0.002):
        x = stats.t(nu).ppf(q)
        corner = stats.multivariate_t([0.0, 0.0], [[1.0, rho], [rho, 1.0]], df=nu)
        expected = float(corner.cdf([x, x], random_state=np.random.default_rng(1), maxpts=200_000))
        error = math.sqrt(expected * (1 - expected) / STEPS)
        bound = stats.norm.ppf(q)
        for inside in ((both < bound).all(axis=1), (both > -bound).all(axis=1)):
            assert abs(inside.mean() - expected) < 4.5 * error + 1e-5


def test_extremes_coincide_as_the_tail_coefficient_says_and_more_than_under_correlation_alone() -> None:
    nu, rho, q = 3.0, 0.5, 0.002
    limit = 2 * stats.t(nu + 1).cdf(-math.sqrt((nu + 1) * (1 - rho) / (1 + rho)))
    shares = [
        float((both < stats.norm.ppf(q)).all(axis=1).mean() / q)
        for both in (tied(nu, rho, 500_000), draws(rho, 500_000))
    ]
    assert shares[0] == pytest.approx(limit, abs=0.06)
    assert shares[1] < 0.5 * limit


def test_rank_correlation_stays_that_of_the_normal_copula() -> None:
    few = tied(4.0, 0.6, 20_000)
    assert stats.kendalltau(*few.T).statistic == pytest.approx(2 * math.asin(0.6) / math.pi, abs=0.015)


def test_many_degrees_of_freedom_are_nearly_a_normal_copula() -> None:
    np.testing.assert_allclose(tied(1000.0, 0.5, 1000), draws(0.5, 1000), atol=0.25)
    assert np.abs(tied(1000.0, 0.5) - draws(0.5)).mean() < 0.02


def test_longer_tied_array_begins_with_the_shorter_one() -> None:
    assert np.array_equal(
        tied(4.0, 0.3, 1000)[:300],
        StudentCopula(degrees_of_freedom=4.0).tie(draws(0.3, 1000)[:300], np.random.default_rng(2)),
    )


# In a scenario


def jumping(mean: float, per_year: float = 5e4) -> dict[str, Any]:
    return {
        "kind": "jump_diffusion",
        "start": 100.0,
        "volatility_per_year": 0.0,
        "jumps_per_year": per_year,
        "jumps": {"kind": "normal", "mean": mean, "volatility": 0.02},
    }


def world(assets: dict[str, dict[str, Any]], **more: Any) -> Scenario:
    return Scenario.from_dict(
        {
            "name": "ties",
            "time": {"step_seconds": 60.0, "steps": 400},
            "assets": {name: {"price": price} for name, price in assets.items()},
            **more,
        }
    )


def moves(scenario: Scenario, seed: int = 1) -> dict[str, FloatArray]:
    logs = np.diff(np.log(exogenous_prices(scenario, Streams(seed))), axis=0)
    return dict(zip(scenario.assets, logs.T, strict=True))


def test_assets_with_common_draws_jump_at_the_same_moments_and_others_at_their_own() -> None:
    prices = {"ETH": jumping(-0.02), "ALT": jumping(-0.05), "BTC": jumping(-0.02)}
    together = moves(world(prices, common_draws=[{"assets": ["ETH", "ALT"]}]))
    jumped = {name: np.abs(move - np.median(move)) > 1e-9 for name, move in together.items()}
    assert 20 < jumped["ETH"].sum() < 60
    assert np.array_equal(jumped["ETH"], jumped["ALT"])
    assert not np.array_equal(jumped["ETH"], jumped["BTC"])
    eth, alt = ((together[name] - np.median(together[name]))[jumped["ETH"]] for name in ("ETH", "ALT"))
    jumps = (alt - eth) / -0.03  # the same draws around another mean, so that what is left counts the jumps
    np.testing.assert_allclose(jumps, np.round(jumps), atol=1e-9)
    assert jumps.min() == pytest.approx(1.0, abs=1e-9)


def test_first_of_a_group_draws_as_if_alone_and_assets_outside_are_untouched() -> None:
    prices = {"ALT": jumping(-0.05), "ETH": jumping(-0.02), "BTC": jumping(-0.02)}
    alone, together = moves(world(prices)), moves(world(prices, common_draws=[{"assets": ["ETH", "ALT"]}]))
    assert np.array_equal(alone["ETH"], together["ETH"])
    assert np.array_equal(alone["BTC"], together["BTC"])
    assert not np.array_equal(alone["ALT"], together["ALT"])


def test_regimes_variances_and_histories_are_met_together(tmp_path: Any) -> None:
    """What two assets have alike, they have alike step by step, whatever their diffusions do."""
    rates = ([0.0, 9e3], [9e3, 0.0])
    hidden = {
        "kind": "regime_switching",
        "start": 1.0,
        "regimes": [
            {"drift_per_year": mu, "volatility_per_year": 0.0, "switches_per_year": to}
            for mu, to in zip((5.0, -5.0), rates, strict=True)
        ],
    }
    rows = np.exp(np.cumsum(np.random.default_rng(1).normal(0.0, 0.01, 50)))
    for k in (1, 2):
        lines = [f"{60 * i},{price**k}" for i, price in enumerate(rows)]
        (tmp_path / f"{k}.csv").write_text("\n".join(["time,price", *lines]))
    recorded = [
        {"kind": "block_bootstrap", "file": str(tmp_path / f"{k}.csv"), "mean_block_seconds": 600.0} for k in (1, 2)
    ]
    for one, other, ratio in ((hidden, hidden, 1.0), (recorded[0], recorded[1], 2.0)):
        both = moves(world({"A": one, "B": other}, common_draws=[{"assets": ["A", "B"]}]))
        np.testing.assert_allclose(both["B"], ratio * both["A"], rtol=1e-6, atol=1e-12)
        assert both["A"].std() > 0.0
        apart = moves(world({"A": one, "B": other}))
        assert not np.allclose(apart["B"], ratio * apart["A"], rtol=1e-3, atol=1e-7)


def test_copula_changes_how_assets_fall_together_and_no_law_of_one() -> None:
    gbm = {"kind": "gbm", "start": 1.0, "volatility_per_year": 1.0}
    pair = [{"assets": ["A", "B"], "rho": 0.5}]
    long = {"time": {"step_seconds": 60.0, "steps": 60_000}, "correlations": pair}
    plain, together = (
        moves(world({"A": gbm, "B": gbm}, **long, **more))
        for more in ({}, {"copula": {"kind": "student_t", "degrees_of_freedom": 2.0}})
    )
    bound = {name: np.quantile(both["A"], 0.005) for name, both in (("plain", plain), ("tied", together))}
    assert bound["tied"] == pytest.approx(bound["plain"], rel=0.03)
    crashes = [
        float(((both["A"] < bound[name]) & (both["B"] < bound[name])).mean())
        for name, both in (("plain", plain), ("tied", together))
    ]
    assert crashes[1] > 2.5 * crashes[0] > 0.0


def test_scenario_comes_back_from_what_it_is_stored_as() -> None:
    prices = {"ETH": jumping(-0.02), "ALT": jumping(-0.05)}
    for more in ({}, {"copula": {"degrees_of_freedom": 3.0}, "common_draws": [{"assets": ["ETH", "ALT"]}]}):
        scenario = world(prices, **more)
        assert Scenario.from_dict(scenario.to_dict()) == scenario
        assert ("copula" in scenario.to_dict()) == bool(more)


def test_clock_of_a_recursion_that_does_not_fit_the_steps_is_refused_when_the_scenario_is_loaded() -> None:
    garch = {"kind": "garch", "start": 1.0, "volatility_per_year": 1.0, "alpha": 0.1, "beta": 0.8}
    with pytest.raises(ScenarioError, match=r"^assets\.ETH\.price: recursion_seconds = 100 does not fit steps of 60 s"):
        world({"ETH": garch | {"recursion_seconds": 100.0}})
