"""Oracles that average over time: means over a window and exponential averages, against exact arithmetic."""

import math
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from builders.oracle_terms import few, prices, reports
from models.oracles import EmaTerms, TwapTerms, VenueTerms

blocks = st.lists(
    st.tuples(st.integers(1, 2000), st.floats(1e-3, 1e6) | st.just(math.nan)), min_size=1, max_size=40
)  # milliseconds since the block before, and the venue's price


def stretches(path: list[tuple[int, float]], window_ms: int) -> list[tuple[Fraction, float]]:
    """The share of the window and the price of every stretch in it, restated: of the block before to the block itself.

    Before the first price it was that price; the window ends with the path.
    """
    first = next(price for _, price in path if not math.isnan(price))
    ends = [sum(ms for ms, _ in path[: k + 1]) for k in range(len(path))]
    found, last = [], first
    for k, (end, (_, price)) in enumerate(zip(ends, path, strict=True)):
        last = last if math.isnan(price) else price
        begin = ends[k - 1] if k else ends[-1] - window_ms
        seconds = end - max(begin, ends[-1] - window_ms)
        if seconds > 0:
            found.append((Fraction(seconds, window_ms), last))
    assert sum(share for share, _ in found) == 1
    return found


def follow(terms: Any, path: list[tuple[int, float]]) -> float:
    """The last report along a path of milliseconds and venue prices."""
    oracle, now, report = terms.start(7.0), 0, 0.0
    for ms, price in path:
        now += ms
        report = oracle.report(now / 1000, 7.0, price)
    return report


@given(path=blocks, window_ms=st.integers(1000, 30_000))
@example(path=[(177, math.nan), (2000, 149070.0), (1324, 0.5)], window_ms=1324)
@settings(max_examples=200)
def test_arithmetic_twap_is_the_exact_mean_over_the_window(path: list[tuple[int, float]], window_ms: int) -> None:
    report = follow(TwapTerms(window_seconds=window_ms / 1000, mean="arithmetic"), path)
    if all(math.isnan(price) for _, price in path):
        assert report == pytest.approx(7.0, rel=1e-12)
    else:
        exact = sum(share * Fraction(price) for share, price in stretches(path, window_ms))
        # Seconds are floats: where the window begins is known to a unit in their last place, and what was dear before
        # may come into it for as long.
        seconds = sum(ms for ms, _ in path) / 1000
        edge = 2.0 * math.ulp(seconds) / (window_ms / 1000) * max(price for _, price in path if not math.isnan(price))
        assert report == pytest.approx(float(exact), rel=1e-10, abs=edge)


@given(path=blocks, window_ms=st.integers(1000, 30_000))
@settings(max_examples=200)
def test_geometric_twap_is_the_exact_mean_over_the_window(path: list[tuple[int, float]], window_ms: int) -> None:
    report = follow(TwapTerms(window_seconds=window_ms / 1000), path)
    if all(math.isnan(price) for _, price in path):
        assert report == 7.0
        return
    with localcontext() as context:
        context.prec = 40
        mean = sum(
            Decimal(share.numerator) / Decimal(share.denominator) * Decimal(price).ln()
            for share, price in stretches(path, window_ms)
        )
        assert report == pytest.approx(float(Decimal(mean).exp()), rel=1e-10)


@pytest.mark.parametrize(("mean", "expected"), [("arithmetic", 1625.0), ("geometric", 2000**0.25 * 1500**0.75)])
def test_twap_counts_the_part_of_a_block_that_is_in_the_window(mean: Any, expected: float) -> None:
    """Of 240 s, 180 s at 1500 and 60 s of the hundred at 2000 before."""
    oracle = TwapTerms(window_seconds=240, mean=mean).start(9.0)
    for seconds, price in ((0.0, 3000.0), (1000.0, 3000.0), (1100.0, 2000.0), (1180.0, 1500.0)):
        oracle.report(seconds, 9.0, price)
    assert oracle.report(1280.0, 9.0, 1500.0) == pytest.approx(expected, rel=1e-14)


def test_twap_takes_its_first_price_for_the_time_before_and_keeps_its_last() -> None:
    """A venue at 990 from the first block with a price on; two of four minutes at 890 since, one of them unseen."""
    oracle = TwapTerms(window_seconds=240, mean="arithmetic").start(1000.0)
    venue = [math.nan, 990.0, 890.0, math.inf]
    assert [oracle.report(60.0 * k, 1000.0, price) for k, price in enumerate(venue)] == [1000.0, 990.0, 965.0, 940.0]


def test_twap_of_the_reference_is_the_twap_of_a_venue_at_the_reference() -> None:
    path = [1000.0, 900.0, 950.0, 700.0, 800.0]
    one = TwapTerms(window_seconds=150, source="reference").start(1000.0)
    other = TwapTerms(window_seconds=150).start(1000.0)
    for k, price in enumerate(path):
        assert one.report(60.0 * k, price, math.nan) == other.report(60.0 * k, 1.0, price)


@pytest.mark.parametrize("mean", ["geometric", "arithmetic"])
@given(path=prices, share=st.floats(0.02, 1.0))
@few
def test_twap_over_no_more_than_a_block_is_the_venue(mean: Any, path: list[float], share: float) -> None:
    oracle = TwapTerms(window_seconds=60.0 * share, mean=mean).start(1000.0)
    assert reports(oracle, path) == reports(VenueTerms().start(1000.0), path)


@given(path=prices, window=st.floats(1.0, 5000.0))
@few
def test_geometric_twap_is_not_above_the_arithmetic(path: list[float], window: float) -> None:
    lower = reports(TwapTerms(window_seconds=window).start(1000.0), path)
    upper = reports(TwapTerms(window_seconds=window, mean="arithmetic").start(1000.0), path)
    assert all(low <= high * (1 + 1e-12) for low, high in zip(lower, upper, strict=True))


@pytest.mark.parametrize("mean", ["geometric", "arithmetic"])
def test_twap_remembers_nothing_of_a_fall_once_it_has_left_the_window(mean: Any) -> None:
    """A price loses fifteen digits after ten thousand blocks; rounding of the old sums would dwarf the new ones."""
    oracle = TwapTerms(window_seconds=660, mean=mean).start(1e9)
    for k in range(10_000):
        oracle.report(60.0 * k, 1e9, 1e9 + k)
    fallen = [oracle.report(60.0 * k, 1e9, 1e-6) for k in range(10_000, 10_020)]
    assert fallen[0] > 2e-6
    assert fallen[11:] == pytest.approx([1e-6] * 9, rel=1e-12)


@pytest.mark.parametrize(
    ("time_seconds", "after"),
    [(600, {12: 1996.0397, 60: 1980.9675, 600: 1873.5759}), (866, {12: 1997.2478, 60: 1986.6123, 600: 1900.0307})],
)
def test_ema_after_a_step_is_as_the_rule_of_crvusd_has_it(time_seconds: float, after: dict[int, float]) -> None:
    for seconds, expected in after.items():
        oracle = EmaTerms(time_seconds=time_seconds).start(2000.0)
        assert oracle.report(0.0, 1.0, 2000.0) == 2000.0
        assert oracle.report(seconds, 1.0, 1800.0) == pytest.approx(expected, abs=5e-5)


@given(path=blocks, time_ms=st.integers(10, 100_000))
@few
def test_ema_is_the_published_rule_in_exact_arithmetic(path: list[tuple[int, float]], time_ms: int) -> None:
    """p = cur (1 - a) + last a with a = exp(-dt / T), in forty digits."""
    with localcontext() as context:
        context.prec = 40
        average = last = None
        for ms, price in path:
            if not math.isnan(price):
                last = Decimal(price)
                average = last if average is None else average
            if average is not None and last is not None:
                keep = (-Decimal(ms) / Decimal(time_ms)).exp()
                average = last * (1 - keep) + average * keep
    report = follow(EmaTerms(time_seconds=time_ms / 1000), path)
    assert report == pytest.approx(7.0 if average is None else float(average), rel=1e-10)


@given(cuts=st.lists(st.floats(0.0, 3000.0), max_size=20))
@few
def test_ema_forgets_half_of_a_step_in_a_half_life_however_many_blocks_it_takes(cuts: list[float]) -> None:
    oracle = EmaTerms(half_life_seconds=3000, source="reference").start(2000.0)
    oracle.report(0.0, 2000.0, math.nan)
    for seconds in sorted(cuts):
        oracle.report(seconds, 1000.0, math.nan)
    assert oracle.report(3000.0, 1000.0, math.nan) == pytest.approx(1500.0, rel=1e-12)


@given(path=prices)
@few
def test_ema_without_a_memory_is_its_source_and_with_an_endless_one_its_first_price(path: list[float]) -> None:
    assert reports(EmaTerms(time_seconds=1e-9).start(7.0), path) == [price + 1.0 for price in path]
    assert reports(EmaTerms(time_seconds=1e-9, source="reference").start(7.0), path) == path
    endless = reports(EmaTerms(time_seconds=1e18).start(7.0), path)
    assert endless == pytest.approx([path[0] + 1.0] * len(path), rel=1e-12)
