"""Oracles: what a protocol believes, block by block."""

import math
import statistics
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from builders.oracle_terms import few, prices, reports
from models.oracles import (
    BoundedTerms,
    DelayedTerms,
    EmaTerms,
    FixedTerms,
    MedianTerms,
    OracleTerms,
    PushTerms,
    ReferenceTerms,
    TwapTerms,
    VenueTerms,
)

PUSH = PushTerms(deviation=0.005, heartbeat_seconds=3600, delay_seconds=24)
SELECTING: list[Any] = [
    ReferenceTerms(),
    VenueTerms(),
    PUSH,
    DelayedTerms(hop_seconds=300),
    MedianTerms(of=[VenueTerms(), ReferenceTerms(), DelayedTerms(hop_seconds=300)]),
    BoundedTerms(of=PUSH, floor_usd=600, ceiling_usd=3000, stale_after_seconds=120, fallback=VenueTerms()),
    FixedTerms(),
]
ANY: list[Any] = [
    *SELECTING,
    TwapTerms(window_seconds=150),
    TwapTerms(window_seconds=150, mean="arithmetic"),
    TwapTerms(window_seconds=200, source="reference"),
    EmaTerms(time_seconds=600),
    EmaTerms(half_life_seconds=100, source="reference"),
    MedianTerms(of=[TwapTerms(window_seconds=60), ReferenceTerms()]),
    BoundedTerms(of=ReferenceTerms(), largest_move=0.05),
]
IDS = [f"{terms.kind}{k}" for k, terms in enumerate(ANY)]


@pytest.mark.parametrize(
    ("section", "cls", "reads_venue"),
    [
        ({"kind": "reference"}, ReferenceTerms, False),
        ({"kind": "venue"}, VenueTerms, True),
        ({"kind": "push", "deviation": 0.005, "heartbeat_seconds": 3600}, PushTerms, False),
        ({"kind": "delayed"}, DelayedTerms, False),
        ({"kind": "twap", "window_seconds": 1800}, TwapTerms, True),
        ({"kind": "twap", "window_seconds": 1800, "source": "reference"}, TwapTerms, False),
        ({"kind": "ema", "time_seconds": 600}, EmaTerms, True),
        ({"kind": "ema", "half_life_seconds": 600, "source": "reference"}, EmaTerms, False),
        ({"kind": "median", "of": [{"kind": "reference"}, {"kind": "delayed"}]}, MedianTerms, False),
        ({"kind": "median", "of": [{"kind": "reference"}, {"kind": "venue"}]}, MedianTerms, True),
        ({"kind": "fixed"}, FixedTerms, False),
        ({"kind": "fixed", "price": 1.0}, FixedTerms, False),
        ({"kind": "bounded", "of": {"kind": "reference"}}, BoundedTerms, False),
        ({"kind": "bounded", "of": {"kind": "median", "of": [{"kind": "venue"}]}}, BoundedTerms, True),
        (
            {
                "kind": "bounded",
                "of": {"kind": "delayed"},
                "stale_after_seconds": 9,
                "fallback": {"kind": "bounded", "of": {"kind": "venue"}},
            },
            BoundedTerms,
            True,
        ),
    ],
)
def test_kind_chooses_the_part(section: dict[str, Any], cls: type, reads_venue: bool) -> None:
    adapter: TypeAdapter[Any] = TypeAdapter(OracleTerms)
    terms = adapter.validate_python(section)
    assert type(terms) is cls
    assert terms.reads_venue is reads_venue


@pytest.mark.parametrize(
    "section",
    [
        {"kind": "push", "deviation": -0.1, "heartbeat_seconds": 3600},
        {"kind": "push", "deviation": 1.0, "heartbeat_seconds": 3600},
        {"kind": "push", "deviation": 0.1, "heartbeat_seconds": 0},
        {"kind": "push", "deviation": 0.1, "heartbeat_seconds": 3600, "delay_seconds": -1.0},
        {"kind": "delayed", "hop_seconds": 0.0},
        {"kind": "reference", "hop_seconds": 1.0},
        {"kind": "twap"},
        {"kind": "twap", "window_seconds": 0.5},
        {"kind": "twap", "window_seconds": 60, "mean": "harmonic"},
        {"kind": "twap", "window_seconds": 60, "source": "push"},
        {"kind": "ema"},
        {"kind": "ema", "time_seconds": 600, "half_life_seconds": 600},
        {"kind": "ema", "time_seconds": 0.0},
        {"kind": "ema", "half_life_seconds": -1.0},
        {"kind": "fixed", "price": 0.0},
        {"kind": "median", "of": []},
        {"kind": "median", "of": [{"kind": "push"}]},
        {"kind": "median", "of": [{"kind": "reference", "hop_seconds": 1.0}]},
        {"kind": "bounded"},
        {"kind": "bounded", "of": {"kind": "bounded"}},
        {"kind": "bounded", "of": {"kind": "venue"}, "largest_move": 0.0},
        {"kind": "bounded", "of": {"kind": "venue"}, "largest_move": 1.0},
        {"kind": "bounded", "of": {"kind": "venue"}, "floor_usd": 0.0},
        {"kind": "bounded", "of": {"kind": "venue"}, "ceiling_usd": -1.0},
        {"kind": "bounded", "of": {"kind": "venue"}, "floor_usd": 2.0, "ceiling_usd": 1.0},
        {"kind": "bounded", "of": {"kind": "venue"}, "stale_after_seconds": 60},
        {"kind": "bounded", "of": {"kind": "venue"}, "fallback": {"kind": "reference"}},
    ],
)
def test_parameters_out_of_bounds_are_refused(section: dict[str, Any]) -> None:
    adapter: TypeAdapter[Any] = TypeAdapter(OracleTerms)
    with pytest.raises(ValidationError):
        adapter.validate_python(section)


@pytest.mark.parametrize("terms", SELECTING, ids=IDS[: len(SELECTING)])
@given(path=prices)
@few
def test_report_of_what_does_not_average_is_always_a_price_that_was_there(terms: Any, path: list[float]) -> None:
    seen = {1000.0}
    for price, report in zip(path, reports(terms.start(1000.0), path), strict=True):
        seen |= {price, price + 1.0}
        assert report in seen


@pytest.mark.parametrize("terms", ANY, ids=IDS)
@given(path=prices, missing=st.sets(st.integers(0, 39)), step_seconds=st.sampled_from([0.5, 12.0, 60.0, 700.0]))
@few
def test_report_lies_within_the_prices_that_were_there(
    terms: Any, path: list[float], missing: set[int], step_seconds: float
) -> None:
    """Also where the venue has no price in some blocks."""
    oracle = terms.start(1000.0)
    low, high = min(1000.0, *path), max(1000.0, *path) + 1.0
    for k, price in enumerate(path):
        report = oracle.report(k * step_seconds, price, math.nan if k in missing else price + 1.0)
        assert low * (1 - 1e-12) <= report <= high * (1 + 1e-12)


@pytest.mark.parametrize("terms", ANY, ids=IDS)
@given(price=st.floats(600.0, 3000.0), step_seconds=st.floats(0.01, 1e5))
@few
def test_a_price_that_stands_still_is_believed(terms: Any, price: float, step_seconds: float) -> None:
    oracle = terms.start(price)
    for k in range(30):
        assert oracle.report(k * step_seconds, price, price) == pytest.approx(price, rel=1e-12)


@pytest.mark.parametrize("terms", ANY, ids=IDS)
def test_without_a_price_on_the_venue_the_start_is_believed(terms: Any) -> None:
    oracle = terms.start(1000.0)
    assert [oracle.report(60.0 * k, 1000.0, math.nan) for k in range(9)] == pytest.approx([1000.0] * 9, rel=1e-12)


@pytest.mark.parametrize("terms", ANY, ids=IDS)
def test_only_an_oracle_that_reads_the_venue_depends_on_it(terms: Any) -> None:
    """Down to where the bounded ones freeze and fall back."""
    path = [1000.0 - 10.0 * k for k in range(60)]
    calm, pushed = terms.start(1000.0), terms.start(1000.0)
    differs = any(
        calm.report(60.0 * k, price, price) != pushed.report(60.0 * k, price, 1.5 * price)
        for k, price in enumerate(path)
    )
    assert differs == terms.reads_venue


def test_reference_oracle_reports_the_reference() -> None:
    path = [1000.0, 900.0, 950.0]
    assert reports(ReferenceTerms().start(1000.0), path) == path


def test_venue_oracle_reports_the_venues_last_price() -> None:
    oracle = VenueTerms().start(1000.0)
    venue = [math.nan, 990.0, math.nan, math.inf, 0.0, 980.0]
    assert [oracle.report(60.0 * k, 500.0, v) for k, v in enumerate(venue)] == [1000, 990, 990, 990, 990, 980]


def test_push_waits_for_the_deviation_and_takes_it_at_the_threshold() -> None:
    oracle = PushTerms(deviation=0.005, heartbeat_seconds=3600).start(2000.0)
    assert reports(oracle, [2000.0, 2009.99, 2010.0, 2000.0, 1999.9]) == [2000.0, 2000.0, 2010.0, 2010.0, 1999.9]


def test_push_sends_what_it_has_when_the_heartbeat_is_over() -> None:
    oracle = PushTerms(deviation=0.5, heartbeat_seconds=180).start(2000.0)
    path = [2000.0 + k for k in range(8)]
    assert reports(oracle, path) == [2000, 2000, 2000, 2003, 2003, 2003, 2006, 2006]


def test_push_by_deviation_starts_the_heartbeat_again() -> None:
    oracle = PushTerms(deviation=0.01, heartbeat_seconds=180).start(2000.0)
    path = [2000.0, 2000.0, 2100.0, 2101.0, 2102.0, 2103.0]
    assert reports(oracle, path) == [2000, 2000, 2100, 2100, 2100, 2103]


def test_push_is_believed_after_its_delay_in_the_order_it_was_sent() -> None:
    oracle = PushTerms(deviation=0.01, heartbeat_seconds=3600, delay_seconds=150).start(1000.0)
    path = [1000.0, 900.0, 800.0, 700.0, 700.0, 700.0, 700.0]
    assert reports(oracle, path) == [1000, 1000, 1000, 1000, 900, 800, 700]


@given(path=prices)
@few
def test_push_without_threshold_and_delay_is_the_reference(path: list[float]) -> None:
    oracle = PushTerms(deviation=0.0, heartbeat_seconds=1e9).start(1000.0)
    assert reports(oracle, path) == path


@given(path=prices, steps_late=st.integers(1, 5))
@few
def test_push_without_threshold_is_the_reference_as_late_as_its_delay(path: list[float], steps_late: int) -> None:
    oracle = PushTerms(deviation=0.0, heartbeat_seconds=1e9, delay_seconds=60.0 * steps_late).start(1000.0)
    assert reports(oracle, path) == ([1000.0] * steps_late + path)[: len(path)]


@given(path=prices, deviation=st.floats(0.0, 0.5), heartbeat=st.sampled_from([60.0, 600.0, 1e9]))
@few
def test_push_without_delay_is_never_off_by_the_deviation(
    path: list[float], deviation: float, heartbeat: float
) -> None:
    oracle = PushTerms(deviation=deviation, heartbeat_seconds=heartbeat).start(1000.0)
    for price, report in zip(path, reports(oracle, path), strict=True):
        assert price == report or abs(price - report) < deviation * report


def test_delayed_price_in_force_was_sampled_one_to_two_hops_ago() -> None:
    """Minute k has price 1000 + k, so the report tells when it was sampled."""
    path = [1000.0 + minute for minute in range(300)]
    reported = reports(DelayedTerms().start(1000.0), path)
    assert reported[:120] == [1000.0] * 120
    assert reported[120:180] == [1060.0] * 60
    assert reported[180:240] == [1120.0] * 60
    assert all(60 <= minute - (price - 1000.0) < 120 for minute, price in enumerate(reported) if minute >= 120)


def test_delayed_pokes_at_the_first_block_of_the_hop_and_keeps_to_the_clock() -> None:
    """Blocks every 7 minutes miss the full hour; the next poke is due at the next full hour all the same."""
    path = [float(7 * k + 1) for k in range(30)]
    reported = reports(DelayedTerms().start(1.0), path, step_seconds=420.0)
    changes = [7 * k for k in range(1, 30) if reported[k] != reported[k - 1]]
    assert changes == [126, 182]
    assert (reported[18], reported[26]) == (64.0, 127.0)


def test_delayed_on_blocks_longer_than_a_hop_is_one_block_late() -> None:
    path = [1.0, 2.0, 3.0, 4.0, 5.0]
    assert reports(DelayedTerms(hop_seconds=60).start(1.0), path, step_seconds=600.0) == [1.0, 1.0, 2.0, 3.0, 4.0]


@given(path=prices)
@few
def test_delayed_by_a_hop_of_one_block_is_the_reference_of_the_block_before(path: list[float]) -> None:
    reported = reports(DelayedTerms(hop_seconds=60).start(path[0]), path)
    assert reported == [path[0], *path[:-1]]


# Medians


@given(path=prices, count=st.integers(1, 7))
@few
def test_median_is_the_middle_of_its_oracles_or_the_mean_of_the_middle_two(path: list[float], count: int) -> None:
    parts: list[Any] = [DelayedTerms(hop_seconds=60.0 * (1 + k)) for k in range(count - 1)] + [VenueTerms()]
    each = [reports(terms.start(1000.0), path) for terms in parts]
    for k, report in enumerate(reports(MedianTerms(of=parts).start(1000.0), path)):
        assert report == pytest.approx(float(statistics.median([Fraction(one[k]) for one in each])), rel=1e-15)


@pytest.mark.parametrize("terms", ANY, ids=IDS)
@pytest.mark.parametrize("count", [1, 2, 3])
def test_median_of_one_or_of_the_same_is_it(terms: Any, count: int) -> None:
    path = [1000.0 + 300.0 * math.sin(k) for k in range(60)]
    assert reports(MedianTerms(of=[terms] * count).start(1000.0), path) == reports(terms.start(1000.0), path)


def test_median_of_three_is_not_moved_by_one_that_is_pushed() -> None:
    """The venue is sold down to nothing; the two others hold the report between them."""
    oracle = MedianTerms(of=[VenueTerms(), ReferenceTerms(), DelayedTerms(hop_seconds=60)]).start(1000.0)
    reported = [oracle.report(60.0 * k, 1000.0 - k, 0.001) for k in range(10)]
    assert reported == [1000.0 - k for k in range(10)]


# Bounds


@pytest.mark.parametrize("terms", ANY, ids=IDS)
@given(path=prices)
@few
def test_bounded_without_bounds_or_within_wide_ones_is_its_oracle(terms: Any, path: list[float]) -> None:
    expected = reports(terms.start(1000.0), path)
    assert reports(BoundedTerms(of=terms).start(1000.0), path) == expected
    far = BoundedTerms(of=terms, floor_usd=0.1, ceiling_usd=1e9, stale_after_seconds=1e9, fallback=ReferenceTerms())
    assert reports(far.start(1000.0), path) == expected


def test_the_feed_of_a_coin_that_dies_stands_at_its_floor() -> None:
    """LUNA in May 2022: the last answer above the floor is believed while the coin trades at a tenth of it."""
    luna = [1.0, 0.4, 0.2, 0.107, 0.09, 0.05, 0.01, 0.0001]
    oracle = BoundedTerms(of=ReferenceTerms(), floor_usd=0.1).start(1.0)
    assert reports(oracle, luna) == [1.0, 0.4, 0.2, 0.107, 0.107, 0.107, 0.107, 0.107]
    assert oracle.updated_seconds == 180.0


def test_a_frozen_feed_thaws_when_the_price_is_back_in_range() -> None:
    oracle = BoundedTerms(of=ReferenceTerms(), floor_usd=10, ceiling_usd=20).start(15.0)
    assert reports(oracle, [15, 9.99, 10, 20, 20.01, 25, 12]) == [15, 15, 10, 20, 20, 20, 12]


def test_a_move_is_capped_in_every_block_until_the_rest_of_it_is_made_up() -> None:
    oracle = BoundedTerms(of=ReferenceTerms(), largest_move=0.25).start(1600.0)
    path = [1600.0, 800.0, 800.0, 800.0, 800.0, 2000.0, 950.0]
    assert reports(oracle, path) == [1600.0, 1200.0, 900.0, 800.0, 800.0, 1000.0, 950.0]


@given(path=prices, move=st.floats(0.001, 0.9), floor=st.floats(500.0, 999.0), ceiling=st.floats(1001.0, 4000.0))
@few
def test_bounded_reports_stay_in_range_and_move_no_further_than_they_may(
    path: list[float], move: float, floor: float, ceiling: float
) -> None:
    terms = BoundedTerms(of=ReferenceTerms(), largest_move=move, floor_usd=floor, ceiling_usd=ceiling)
    before = 1000.0
    for price, report in zip(path, reports(terms.start(1000.0), path), strict=True):
        assert floor <= report <= ceiling
        assert abs(report - before) <= move * before * (1 + 1e-12)
        assert report == before or min(before, price) <= report <= max(before, price)
        before = report


def test_what_is_stale_gives_way_to_the_fallback_until_it_is_updated() -> None:
    """Frozen from minute 1 on, stale after two minutes; the value that comes back moves on from where it stood."""
    oracle = BoundedTerms(
        of=ReferenceTerms(), floor_usd=500, largest_move=0.5, stale_after_seconds=120, fallback=VenueTerms()
    ).start(1000.0)
    reference = [1000.0, 400.0, 400.0, 400.0, 400.0, 600.0, 2000.0]
    venue = [999.0, 399.0, 398.0, 397.0, math.nan, 595.0, 1990.0]
    reported = [oracle.report(60.0 * k, *both) for k, both in enumerate(zip(reference, venue, strict=True))]
    assert reported == [1000.0, 1000.0, 1000.0, 397.0, 397.0, 600.0, 900.0]


def test_a_silent_feed_is_stale_and_one_that_repeats_itself_is_not() -> None:
    """The same price throughout, but one is sent anew every ten minutes, the other every hour."""
    for heartbeat, stale in ((600, False), (3600, True)):
        push = PushTerms(deviation=0.01, heartbeat_seconds=heartbeat)
        oracle = BoundedTerms(of=push, stale_after_seconds=900, fallback=VenueTerms()).start(1000.0)
        assert (998.0 in [oracle.report(60.0 * k, 1000.0, 998.0) for k in range(50)]) is stale


@pytest.mark.parametrize(
    ("terms", "updated"),
    [
        (ReferenceTerms(), [0, 60, 120, 180, 240]),
        (VenueTerms(), [0, 60, 60, 60, 240]),
        (PushTerms(deviation=0.5, heartbeat_seconds=120), [0, 0, 120, 120, 240]),
        (PushTerms(deviation=0.5, heartbeat_seconds=120, delay_seconds=60), [0, 0, 0, 180, 180]),
        (DelayedTerms(hop_seconds=120), [0, 0, 120, 120, 240]),
        (TwapTerms(window_seconds=600), [0, 60, 60, 60, 240]),
        (EmaTerms(time_seconds=600), [0, 60, 60, 60, 240]),
        (EmaTerms(time_seconds=600, source="reference"), [0, 60, 120, 180, 240]),
        (MedianTerms(of=[VenueTerms(), ReferenceTerms(), ReferenceTerms()]), [0, 60, 120, 180, 240]),
        (MedianTerms(of=[VenueTerms(), VenueTerms(), ReferenceTerms()]), [0, 60, 60, 60, 240]),
        (BoundedTerms(of=VenueTerms()), [0, 60, 60, 60, 240]),
        (BoundedTerms(of=VenueTerms(), ceiling_usd=1004), [0, 60, 60, 60, 60]),
        (
            BoundedTerms(of=VenueTerms(), stale_after_seconds=90, fallback=DelayedTerms(hop_seconds=120)),
            [0, 60, 60, 120, 240],
        ),
    ],
)
def test_oracles_say_when_they_were_updated(terms: Any, updated: list[float]) -> None:
    """The venue has a price in the blocks 0, 1 and 4 only."""
    oracle, seen = terms.start(1000.0), []
    for k in range(5):
        oracle.report(60.0 * k, 1000.0 + k, math.nan if k in (2, 3) else 1001.0 + k)
        seen.append(oracle.updated_seconds)
    assert seen == updated
