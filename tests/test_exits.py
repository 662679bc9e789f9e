"""Exits: rate limits, pauses and gates, and what waits in a queue."""

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from abm.pools.exits import Exits
from models.exits import ExitGate, ExitTerms
from models.lending import LendingPool, ReserveTerms
from models.lending.bad_debt import haircut


@pytest.mark.parametrize(
    ("terms", "message"),
    [
        ({"limit_share": 0.0}, "greater than 0"),
        ({"limit_share": 1.5}, "less than or equal to 1"),
        ({"limit_seconds": 0.0}, "greater than 0"),
        ({"pauses": [[60.0, 60.0]]}, "a pause from 60 to 60 is none"),
        ({"pauses": [[60.0]]}, "at least 2"),
        ({"halt_after_loss_seconds": -1.0}, "greater than or equal to 0"),
    ],
)
def test_exits_that_cannot_be_are_refused(terms, message) -> None:
    with pytest.raises(ValidationError, match=message):
        ExitTerms(**terms)


def test_without_terms_everything_may_leave() -> None:
    gate = ExitGate(ExitTerms(), 1)
    gate.note_losses(0.0, [1.0, 0.0])
    assert gate.is_open(0.0, liquidatable=True)
    assert gate.room(0, 0.0, 100.0) == inf


def test_a_bucket_fills_up_evenly_and_not_beyond_its_share() -> None:
    """A tenth of 1,000 at once, and a tenth a day: 100, then 25 after six hours, then 100 after two days."""
    gate = ExitGate(ExitTerms(limit_share=0.1, limit_seconds=86400.0), 1)
    assert gate.room(0, 0.0, 1000.0) == 100.0
    gate.leave(0, 0.0, 1000.0, 100.0)
    assert gate.room(0, 0.0, 1000.0) == 0.0
    assert gate.room(0, 21600.0, 1000.0) == pytest.approx(25.0)
    assert gate.room(0, 172800.0, 1000.0) == 100.0
    assert gate.room(0, 172800.0, 500.0) == 50.0


@given(st.lists(st.tuples(st.floats(0.0, 1e5), st.floats(0.0, 200.0)), max_size=20), st.floats(0.01, 1.0))
def test_no_more_leaves_than_the_bucket_held_and_got(asks: list[tuple[float, float]], share: float) -> None:
    gate = ExitGate(ExitTerms(limit_share=share, limit_seconds=3600.0), 1)
    now = left = 0.0
    for after, wanted in asks:
        now += after
        paid = min(wanted, gate.room(0, now, 1000.0))
        gate.leave(0, now, 1000.0, paid)
        left += paid
        assert left <= 1000.0 * share * (1.0 + now / 3600.0) * (1.0 + 1e-9)


def test_pauses_and_halts_shut_the_gate_for_their_time() -> None:
    terms = ExitTerms(pauses=[[60.0, 120.0]], halt_after_loss_seconds=300.0, halt_while_liquidatable=True)
    gate = ExitGate(terms, 1)
    assert [gate.is_open(now, False) for now in (0.0, 59.0, 60.0, 119.0, 120.0)] == [True, True, False, False, True]
    assert not gate.is_open(120.0, True)
    gate.note_losses(200.0, [0.0, 0.5])
    gate.note_losses(300.0, [0.0, 0.4])  # what was covered is no loss
    assert [gate.is_open(now, False) for now in (200.0, 499.0, 500.0)] == [False, False, True]


def test_asking_how_much_may_leave_changes_nothing() -> None:
    asked, unasked = (ExitGate(ExitTerms(limit_share=0.1, limit_seconds=100.0), 1) for _ in range(2))
    for gate in (asked, unasked):
        gate.leave(0, 0.0, 1000.0, 100.0)
    for now, claims in ((10.0, 5000.0), (20.0, 10.0), (30.0, 0.0)):
        asked.room(0, now, claims)
    assert asked.room(0, 50.0, 1000.0) == unasked.room(0, 50.0, 1000.0) == 50.0


@given(st.lists(st.floats(0.01, 0.9), min_size=1, max_size=30), st.floats(1e-6, 1e-2))
def test_what_waits_keeps_its_digits_when_nearly_everybody_has_been_paid(parts, little) -> None:
    pool = LendingPool([ReserveTerms()], [lambda _: 0.0], 2)
    exits = Exits(pool, ExitTerms())
    for account, units in enumerate((1e9, little)):
        pool.supply(account, 0, units)
        exits.queue(account, 0)
    for part in parts:
        exits.pay(0, 0, pool.withdraw(0, 0, part * pool.claims(0, 0)))
        assert exits.waiting(0) == pytest.approx(pool.shares.sum(), rel=1e-9)
    exits.leave_queue(0, 0)
    assert exits.waiting(0) == pytest.approx(little, rel=1e-9)


def test_who_waits_and_loses_every_claim_is_not_counted_among_those_who_come_later() -> None:
    pool = LendingPool([ReserveTerms(ltv=0.5, liquidation_threshold=0.5), ReserveTerms()], [lambda _: 0.0] * 2, 2)
    exits = Exits(pool, ExitTerms())
    pool.supply(0, 1, 100.0)
    pool.post(1, 0, 1.0)
    pool.borrow_many([1], 1, [100.0])
    exits.queue(0, 1)
    assert exits.waiting(1) == 100.0
    pool.write_off(1, 1)
    haircut(pool, 1, 100.0)
    pool.supply(1, 1, 40.0)
    assert exits.waiting(1) == 0.0


def test_what_waits_is_worth_what_claims_are_worth_by_then() -> None:
    """Interest makes them more and a haircut makes them less."""
    pool = LendingPool([ReserveTerms()], [lambda _: 1.0], 3)
    exits = Exits(pool, ExitTerms())
    pool.supply_many([0, 1], 0, [100.0, 300.0])
    pool.borrow_many([2], 0, [200.0])
    exits.queue(1, 0)
    pool.accrue(3600.0)
    assert exits.waiting(0) == pool.claims(1, 0) > 300.0
    pool.write_off(2, 0)
    haircut(pool, 0, 200.0)
    assert exits.waiting(0) == pool.claims(1, 0) < 200.0
