"""The statistics of a comparison against scipy, closed forms, enumeration, and what intervals promise."""

import itertools
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from experiments.inference.statistics import (
    EXCHANGES,
    MANY_PATHS,
    Statistic,
    difference,
    evaluate,
    exchange_test,
    holm,
    interval,
    on_front,
    probability_of_best,
    quantile_interval,
    resampled,
    share_interval,
)
from experiments.inference.tails import shortfall, weighted_shortfall
from experiments.stored.aggregate import aggregate
from models.types import FloatArray

STATISTICS: tuple[Statistic, ...] = ("mean", "p95", "es95")


def losses(paths: int, seed: int = 1, share: float = 0.5) -> FloatArray:
    """Losses as paths have them: many of nothing, some large."""
    rng = np.random.default_rng(seed)
    return np.where(rng.random(paths) < share, rng.lognormal(10.0, 1.0, paths), 0.0)


def test_statistics_are_those_of_the_summary() -> None:
    values = losses(77)
    told = aggregate(pd.DataFrame({"status": "finished", "bad_debt_usd": values}))
    assert float(evaluate(values, "mean")) == pytest.approx(told["bad_debt_usd"])
    assert float(evaluate(values, "p95")) == pytest.approx(told["bad_debt_usd_p95"])
    assert float(evaluate(values, "es95")) == pytest.approx(told["bad_debt_usd_es95"])


def test_the_interval_of_a_mean_is_scipys_bca_bootstrap() -> None:
    values = losses(60)
    theirs = stats.bootstrap((values,), np.mean, n_resamples=20_000, method="BCa", rng=np.random.default_rng(5))
    ours = interval(values)
    assert ours.method == "BCa bootstrap"
    assert ours.low == pytest.approx(theirs.confidence_interval.low, rel=0.03)
    assert ours.high == pytest.approx(theirs.confidence_interval.high, rel=0.03)


def test_with_many_paths_it_is_students() -> None:
    values = losses(MANY_PATHS)
    low, high = stats.t.interval(0.95, MANY_PATHS - 1, values.mean(), stats.sem(values))
    ours = interval(values)
    assert ours.method == "Student t"
    assert (ours.low, ours.high) == pytest.approx((low, high))
    assert ours.half_width == pytest.approx((high - low) / 2.0)


@pytest.mark.parametrize("statistic", STATISTICS)
def test_intervals_cover_the_truth_about_as_often_as_they_say(statistic: Statistic) -> None:
    """Of a skewed distribution, over 200 samples of 120 paths, of which six are beyond the 95 % quantile."""
    rng = np.random.default_rng(3)
    truth = float(evaluate(rng.lognormal(0.0, 0.75, 400_000), statistic))
    covered = 0
    for _ in range(200):
        found = interval(rng.lognormal(0.0, 0.75, 120), statistic)
        covered += found.low <= truth <= found.high
    assert covered >= {"mean": 180, "p95": 185, "es95": 180}[statistic]


def test_intervals_of_means_of_few_paths_are_not_too_narrow() -> None:
    """Of a normal law, over 1,000 samples of six paths; without the expanded tails 870 of them hold the truth."""
    rng = np.random.default_rng(8)
    found = [interval(rng.normal(1.0, 1.0, 6)) for _ in range(1000)]
    assert {one.method for one in found} == {"BCa bootstrap"}
    assert sum(one.low <= 1.0 <= one.high for one in found) >= 910


def test_the_expected_shortfall_is_that_of_the_worst_paths_however_many_lose_nothing() -> None:
    """Two of a hundred paths lose a million: the worst five lose two million together, not the hundred."""
    values = np.repeat([0.0, 1e6], [98, 2])
    assert float(evaluate(values, "es95")) == 4e5
    assert aggregate(pd.DataFrame({"status": "finished", "bad_debt_usd": values}))["bad_debt_usd_es95"] == 4e5
    assert float(evaluate(np.arange(1.0, 31.0), "es95")) == pytest.approx((30.0 + 0.5 * 29.0) / 1.5)


@given(
    st.lists(st.integers(0, 9), min_size=1, max_size=60),
    st.lists(st.integers(0, 9), min_size=60, max_size=60),
    st.sampled_from([0.5, 0.9, 0.95, 0.99]),
)
@settings(max_examples=80)
def test_the_expected_shortfall_is_the_least_that_rockafellar_and_uryasev_find_and_is_coherent(
    first: list[int], second: list[int], level: float
) -> None:
    """The least of q + E max(x - q, 0) / (1 - level) is at one of the values; of a sum it is at most the sum of two."""
    one = np.array(first, dtype=np.float64)
    other = np.array(second[: one.size], dtype=np.float64)
    if one.size * (1.0 - level) >= 1.0:
        least = min(q + np.maximum(one - q, 0.0).mean() / (1.0 - level) for q in one)
        assert float(shortfall(one, level)) == pytest.approx(least)
    shares = np.full(one.size, 1.0 / one.size)
    assert weighted_shortfall(one, shares, level) == pytest.approx(float(shortfall(one, level)))
    apart = float(shortfall(one, level) + shortfall(other, level))
    assert float(shortfall(one + other, level)) <= apart * (1.0 + 1e-12)


def test_nothing_is_made_up_where_nothing_can_be_said() -> None:
    assert math.isnan(interval(np.array([3.0])).low)
    assert interval(np.array([])).method == "no path"
    assert interval(losses(99), "es95").method == "too few paths"
    assert interval(np.repeat([0.0, 1.0], [4, 196]), "es95").method == "too few different values"
    assert math.isnan(difference(losses(99), losses(99, 2), "es95").interval.low)
    equal = interval(np.full(9, 2.5))
    assert (equal.low, equal.high, equal.method) == (2.5, 2.5, "all paths equal")
    assert math.isnan(share_interval(0, 0).high)
    assert math.isnan(difference(np.array([]), np.array([])).value)


def test_a_quantile_lies_between_order_statistics_of_which_enough_is_known() -> None:
    """Each tail has at most 2.5 %, by the binomial law; with 50 paths nothing bounds the 95 % quantile from above."""
    values = np.arange(1.0, 201.0)
    found = quantile_interval(values, 0.95)
    assert stats.binom.cdf(found.low - 1, 200, 0.95) <= 0.025 < stats.binom.cdf(found.low, 200, 0.95)
    assert stats.binom.sf(found.high - 1, 200, 0.95) <= 0.025 < stats.binom.sf(found.high - 2, 200, 0.95)
    few = quantile_interval(values[:50], 0.95)
    assert math.isnan(few.high)
    assert few.low > 1.0


@given(trials=st.integers(1, 400), share=st.floats(0, 1))
@settings(max_examples=50)
def test_a_share_has_wilsons_interval(trials: int, share: float) -> None:
    successes = round(share * trials)
    z, p = stats.norm.ppf(0.975), successes / trials
    centre = (p + z * z / (2 * trials)) / (1 + z * z / trials)
    reach = z / (1 + z * z / trials) * math.sqrt(p * (1 - p) / trials + z * z / (4 * trials**2))
    found = share_interval(successes, trials)
    assert found.low == pytest.approx(max(centre - reach, 0.0), abs=1e-9)
    assert found.high == pytest.approx(min(centre + reach, 1.0), abs=1e-9)


@pytest.mark.parametrize("statistic", STATISTICS)
def test_few_pairs_are_exchanged_in_every_way(statistic: Statistic) -> None:
    ours, theirs = losses(7, 1), losses(7, 2)
    observed = abs(float(evaluate(ours, statistic) - evaluate(theirs, statistic)))
    extreme = 0
    for swaps in itertools.product([False, True], repeat=7):
        first, second = np.where(swaps, theirs, ours), np.where(swaps, ours, theirs)
        extreme += abs(float(evaluate(first, statistic) - evaluate(second, statistic))) >= observed * (1 - 1e-9)
    assert exchange_test(ours, theirs, statistic) == extreme / 2**7


def test_many_pairs_are_exchanged_at_random_as_scipy_does() -> None:
    ours = losses(40, 1)
    theirs = ours + np.random.default_rng(2).normal(1500.0, 6000.0, 40)
    found = stats.permutation_test(
        (ours - theirs,), np.mean, permutation_type="samples", n_resamples=20_000, rng=np.random.default_rng(4)
    )
    assert exchange_test(ours, theirs) == pytest.approx(found.pvalue, abs=0.025)


def test_the_test_of_no_effect_at_its_ends() -> None:
    values = losses(40)
    assert exchange_test(values, values) == 1.0
    assert exchange_test(values, values + 1.0) == 1.0 / (EXCHANGES + 1)


def test_pairing_takes_out_what_the_seeds_have_in_common() -> None:
    """A small difference shows between designs on the same seeds that would drown between independent samples."""
    base = losses(80)
    better = base - 50.0 - np.random.default_rng(9).random(80)
    found = difference(better, base, test=True)
    assert found.value == pytest.approx(-50.5, abs=0.2)
    assert found.interval.high < -50.0
    assert found.p_value < 0.001
    assert interval(base).half_width > 1000.0


@pytest.mark.parametrize("statistic", STATISTICS)
def test_a_shift_is_found_exactly_whatever_the_statistic(statistic: Statistic) -> None:
    values = losses(150)
    found = difference(values + 10.0, values, statistic)
    assert (found.value, found.interval.low, found.interval.high) == pytest.approx((10.0, 10.0, 10.0))


def test_holm_on_a_worked_example() -> None:
    """0.005 x 4, 0.01 x 3, 0.03 x 2, and 0.04 that may not fall below the one before it."""
    adjusted = holm([0.01, 0.04, math.nan, 0.03, 0.005])
    assert adjusted[:2] + adjusted[3:] == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert math.isnan(adjusted[2])
    assert holm([0.9, 0.8]) == [1.0, 1.0]


def test_the_best_is_best_in_every_resample_and_ties_are_shared() -> None:
    base = losses(30)
    replicates = resampled(np.stack([base + 1.0, base, base], axis=1), "mean")
    assert list(probability_of_best(replicates)) == [0.0, 0.5, 0.5]


@given(st.lists(st.tuples(*[st.integers(0, 4)] * 3), min_size=1, max_size=8))
@settings(max_examples=80)
def test_the_front_is_what_nobody_beats(points: list[tuple[int, ...]]) -> None:
    def beats(a: tuple[int, ...], b: tuple[int, ...]) -> bool:
        return a != b and all(x <= y for x, y in zip(a, b, strict=True))

    expected = [not any(beats(other, point) for other in points) for point in points]
    assert list(on_front(np.array(points, dtype=np.float64))) == expected
    assert any(expected)


def test_the_same_values_give_the_same_figures() -> None:
    values = losses(133)
    first = [interval(values, one) for one in STATISTICS]
    assert [interval(values.copy(), one) for one in STATISTICS] == first
