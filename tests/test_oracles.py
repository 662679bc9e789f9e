"""Oracles: what a protocol believes, block by block."""

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from models.oracles import DelayedTerms, Oracle, OracleTerms, PushTerms, ReferenceTerms, VenueTerms

few = settings(max_examples=100, deadline=None)

prices = st.lists(st.floats(500.0, 4000.0), min_size=1, max_size=40)
ANY = [
    ReferenceTerms(),
    VenueTerms(),
    PushTerms(deviation=0.005, heartbeat_seconds=3600, delay_seconds=24),
    DelayedTerms(hop_seconds=300),
]


def reports(oracle: Oracle, path: list[float], step_seconds: float = 60.0) -> list[float]:
    """Reports at every step of a path of reference prices, on a venue that is always one dollar dearer."""
    return [oracle.report(k * step_seconds, price, price + 1.0) for k, price in enumerate(path)]


@pytest.mark.parametrize(
    ("section", "cls", "reads_venue"),
    [
        ({"kind": "reference"}, ReferenceTerms, False),
        ({"kind": "venue"}, VenueTerms, True),
        ({"kind": "push", "deviation": 0.005, "heartbeat_seconds": 3600}, PushTerms, False),
        ({"kind": "delayed"}, DelayedTerms, False),
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
    ],
)
def test_parameters_out_of_bounds_are_refused(section: dict[str, Any]) -> None:
    adapter: TypeAdapter[Any] = TypeAdapter(OracleTerms)
    with pytest.raises(ValidationError):
        adapter.validate_python(section)


@pytest.mark.parametrize("terms", ANY, ids=lambda terms: terms.kind)
@given(path=prices)
@few
def test_report_is_always_a_price_that_was_there(terms: Any, path: list[float]) -> None:
    seen = {1000.0}
    for price, report in zip(path, reports(terms.start(1000.0), path), strict=True):
        seen |= {price, price + 1.0}
        assert report in seen


@pytest.mark.parametrize("terms", ANY, ids=lambda terms: terms.kind)
def test_only_an_oracle_that_reads_the_venue_depends_on_it(terms: Any) -> None:
    path = [1000.0 - 10.0 * k for k in range(30)]
    calm, pushed = terms.start(1000.0), terms.start(1000.0)
    differs = any(
        calm.report(60.0 * k, price, price) != pushed.report(60.0 * k, price, 0.5 * price)
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
