"""Prices resampled from a history in blocks, against the moments of that history."""

import math

import numpy as np
import pytest
from scipy import stats

from builders.price_laws import WALK, YEAR, assert_mean, history, paths
from models.prices import BlockBootstrapPrice
from models.prices.block_bootstrap import BlocksTooShort, TooShortHistory
from models.prices.table import UnevenTimes, UnusablePrice


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
