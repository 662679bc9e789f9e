"""Mean-reverting prices against the law of Ornstein and Uhlenbeck, and their limits."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from builders.price_laws import YEAR, assert_mean, assert_moments, moves_some_output, paths, same
from builders.price_parts import few, run
from models.prices import GbmPrice, JumpDiffusionPrice, MeanRevertingPrice
from models.prices.jump_sizes import DoubleExponentialJumps, NormalJumps

HOUR = 3600.0


def reverting(**terms: Any) -> MeanRevertingPrice:
    given: dict[str, Any] = {"level": 2.0, "half_life_seconds": HOUR, "volatility_per_year": 0.5}
    return MeanRevertingPrice(**given | terms)


def test_distance_halves_in_every_half_life_without_draws() -> None:
    price = reverting(start=3.0, volatility_per_year=0.0)
    path = run(price, 5, step_seconds=HOUR / 2)
    np.testing.assert_allclose(np.log(path / 2.0), math.log(1.5) * 0.5 ** (np.arange(5) / 2), rtol=1e-12)


def test_level_without_a_start_of_its_own_is_where_it_starts_and_stays() -> None:
    assert run(reverting(volatility_per_year=0.0), 9).tolist() == [2.0] * 9


@pytest.mark.parametrize("steps", [2, 7, 31])
def test_mean_and_variance_are_those_of_the_law_however_long_the_step(steps: int) -> None:
    """After three hours of one, six or thirty steps."""
    seconds, k = 3 * HOUR, math.log(2.0) / HOUR
    ends = paths(reverting(start=2.6), 12_000, steps, seconds / (steps - 1))[:, -1]
    mean = math.log(2.0) + math.log(1.3) * math.exp(-k * seconds)
    variance = 0.5**2 * (1.0 - math.exp(-2.0 * k * seconds)) / (2.0 * k * YEAR)
    assert_moments(np.log(ends), mean, [variance, 0.0, 3.0 * variance**2])


def test_moves_follow_the_recursion_of_the_exact_solution() -> None:
    """ln S(t + dt) = L + (ln S(t) - L) e^(-k dt) + noise, restated by itself for given draws."""
    normals = np.random.default_rng(3).standard_normal(200)
    path = reverting(start=1.7).path(200, 600.0, normals, np.random.default_rng(0))
    k = math.log(2.0) / HOUR * 600.0
    spread = 0.5 * math.sqrt(600.0 / YEAR * (1.0 - math.exp(-2.0 * k)) / (2.0 * k))
    log = math.log(1.7)
    for step in range(1, 200):
        log = math.log(2.0) + (log - math.log(2.0)) * math.exp(-k) + spread * normals[step]
        assert path[step] == pytest.approx(math.exp(log), rel=1e-12)


def test_half_life_beyond_all_times_is_the_diffusion_draw_for_draw() -> None:
    drift = 0.5 * 0.5**2  # takes from the log price what a diffusion's expected price adds
    same(reverting(half_life_seconds=1e18), GbmPrice(start=2.0, volatility_per_year=0.5, drift_per_year=drift))


def test_with_jumps_too() -> None:
    jumps = DoubleExponentialJumps(up_share=0.3, up_mean=0.1, down_mean=0.2)
    reverts = reverting(half_life_seconds=1e18, jumps_per_year=3e3, jumps=jumps)
    drift = 0.5 * 0.5**2 + 3e3 * jumps.growth
    jumping = JumpDiffusionPrice(
        start=2.0, volatility_per_year=0.5, drift_per_year=drift, jumps_per_year=3e3, jumps=jumps
    )
    np.testing.assert_allclose(run(reverts, 400), run(jumping, 400), rtol=1e-9)


def test_jumps_are_forgotten_from_when_they_happen_whatever_the_step() -> None:
    """Where nothing but jumps moves the price, a finer path is the coarser one wherever both are seen."""
    price = reverting(
        volatility_per_year=0.0,
        half_life_seconds=600.0,
        jumps_per_year=2e4,
        jumps=NormalJumps(mean=-0.1, volatility=0.0),
    )
    fine, coarse = run(price, 601, step_seconds=30.0), run(price, 61, step_seconds=300.0)
    np.testing.assert_allclose(fine[::10], coarse, rtol=1e-12)
    assert coarse.min() < 1.9


def test_long_run_of_jumps_has_the_mean_of_shot_noise() -> None:
    """E ln (S / level) = lambda E[J] / k, Campbell's theorem, and the variance lambda E[J^2] / (2 k) beside sigma's."""
    rate, k = 4e3, math.log(2.0) / HOUR * YEAR
    price = reverting(jumps_per_year=rate, jumps=NormalJumps(mean=-0.03, volatility=0.04))
    logs = np.log(paths(price, 6_000, 2, 20 * HOUR)[:, -1] / 2.0)
    mean = rate * -0.03 / k
    assert_mean(logs, mean)
    assert_mean((logs - mean) ** 2, (0.5**2 + rate * (0.03**2 + 0.04**2)) / (2.0 * k))


@given(st.floats(1e-3, 1e15), st.floats(1.0, 1e6), st.integers(0, 99))
@few
def test_any_half_life_and_step_make_a_path(half_life_seconds: float, step_seconds: float, seed: int) -> None:
    path = run(reverting(start=2.2, half_life_seconds=half_life_seconds), 30, step_seconds, seed)
    assert path[0] == 2.2
    assert np.isfinite(path).all()


@pytest.mark.parametrize(
    ("changed", "value"),
    [
        ("level", 2.1),
        ("start", 2.1),
        ("half_life_seconds", 1e6),
        ("volatility_per_year", 0.6),
        ("jumps_per_year", 2e3),
        ("jumps", {"kind": "normal", "mean": -0.2, "volatility": 0.1}),
    ],
)
def test_every_parameter_moves_the_path(changed: str, value: Any) -> None:
    slow = reverting(half_life_seconds=5e5, jumps_per_year=1e3, jumps=NormalJumps(mean=-0.1, volatility=0.1), start=2.0)
    moves_some_output(slow, changed, value)
