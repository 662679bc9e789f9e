"""LLAMMA's rule alone: where a loan is opened, what a liquidation of it takes, and its many owners seen at once."""

from collections.abc import Iterator
from decimal import Decimal
from itertools import pairwise
from math import inf
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from models.liquidation import (
    House,
    InvalidRepayment,
    Llamma,
    Loan,
    NotLiquidatable,
    Position,
    Reward,
)
from models.market import InvalidBands
from models.market.band_curve import BASE, QUOTE
from models.market.band_owners import WORTH, OwnedBands

RULE = Llamma()


def position(base: float, debt: float, health: float) -> Position:
    return Position(health, base, 1700.0, debt, 1.0, base * 1700.0, debt)


def test_the_worked_loan_is_opened_where_the_rule_puts_it() -> None:
    assert RULE.counted(10.0) == pytest.approx(8.657615705688272, rel=1e-14)
    assert RULE.most_debt(10.0, 2000.0) == pytest.approx(17315.2314, abs=5e-5)
    assert RULE.first_band(10.0, 16_000.0, 2000.0, 2000.0, -1) == 7


@given(
    amplification=st.floats(2.0, 1000.0),
    bands=st.integers(1, 50),
    debt=st.floats(100.0, 17_000.0),
    loan_discount=st.floats(0.06, 0.4),
)
@settings(max_examples=60)
def test_the_first_band_is_the_lowest_that_carries_the_debt(
    amplification: float, bands: int, debt: float, loan_discount: float
) -> None:
    """Restated: base in N parts, each at the geometric mean of its band's ends, less the discount."""
    rule = Llamma(amplification=amplification, bands=bands, loan_discount=loan_discount)
    n = rule.first_band(10.0, debt, 2000.0, 2000.0, 0)
    ratio = (Decimal(amplification) - 1) / Decimal(amplification)

    def carried(first: int) -> Decimal:
        ends = [Decimal(2000) * ratio ** (first + k) for k in range(bands + 1)]
        means = sum(((up * down).sqrt() for up, down in pairwise(ends)), Decimal(0))
        return Decimal(10) / bands * means * (1 - Decimal(loan_discount))

    farthest = 1024 - bands
    slack = Decimal("1e-9") * Decimal(debt)
    assert n == 0 or carried(n) >= Decimal(debt) - slack
    assert n == farthest or carried(n + 1) < Decimal(debt) + slack


def test_a_loan_is_opened_neither_above_the_oracle_price_nor_out_of_reach() -> None:
    assert RULE.first_band(10.0, 18_000.0, 2000.0, 2000.0, -1) == 0
    assert RULE.first_band(10.0, 18_000.0, 2000.0, 1900.0, 3) == 6
    assert RULE.first_band(10.0, 1e-3, 2000.0, 2000.0, 5) == 5 + 1024 - 10


@pytest.mark.parametrize(
    ("part", "left"), [(0.1, 0.09745283), (0.25, 0.24469340), (0.5, 0.49292453), (0.9, 0.89745283)]
)
def test_a_part_repaid_takes_a_little_less_of_the_bands(part: float, left: float) -> None:
    assert RULE.withdrawn(part) == pytest.approx(left, abs=5e-9)
    assert RULE.withdrawn(1.0) == 1.0


@given(own=st.floats(0.0, 0.999999), part=st.floats(1e-6, 1.0), discount=st.floats(0.0, 0.5))
def test_a_taker_pays_what_the_quote_that_leaves_does_not(own: float, part: float, discount: float) -> None:
    rule = Llamma(loan_discount=0.5, liquidation_discount=discount)
    loan = Loan(quote=own * 16_000.0, base=3.0, debt=16_000.0, health=0.99)
    paid = loan.debt * part - loan.quote * rule.withdrawn(part)
    whole = loan.debt - loan.quote
    found = rule.part(loan, paid)
    if paid < whole * (1.0 - 1e-9):
        assert loan.debt * found - loan.quote * rule.withdrawn(found) == pytest.approx(paid, rel=1e-9, abs=1e-9)
        assert found <= part * (1.0 + 1e-6)
    taking = rule.take(loan, paid)
    assert taking.repaid == min(paid, whole)
    assert taking.seized == pytest.approx(rule.withdrawn(rule.part(loan, taking.repaid)) * 3.0, rel=1e-12)
    assert rule.take(loan, inf).seized == 3.0


@pytest.mark.parametrize(
    "loan",
    [
        Loan(0.0, 10.0, 16_000.0, 1.0),
        Loan(15_000.0, 0.0, 16_000.0, 0.9),
        Loan(16_000.0, 1.0, 16_000.0, 0.95),
        Loan(16_500.0, 0.0, 16_000.0, 0.97),
    ],
)
def test_no_taker_is_asked_where_there_is_nothing_to_pay_for(loan: Loan) -> None:
    assert RULE.offer(loan) is None
    assert RULE.fit(loan, inf) == 0.0
    with pytest.raises(NotLiquidatable, match="nothing is offered at health"):
        RULE.take(loan, 1.0)


def test_a_senseless_amount_cannot_be_paid() -> None:
    for repay in (0.0, -1.0, float("nan")):
        with pytest.raises(InvalidRepayment, match="give a positive amount"):
            RULE.take(Loan(0.0, 10.0, 16_000.0, 0.9), repay)


def test_a_call_closes_only_what_its_own_quote_repays() -> None:
    opening = RULE.open(position(0.5, 16_000.0, 0.99), 0.0, House(in_bands=16_400.0))
    assert opening is not None
    assert opening.rewards == (Reward("position", debt=400.0, units=0.5),)
    assert RULE.open(position(0.5, 16_000.0, 0.99), 0.0, House(in_bands=15_999.0)) is None
    assert RULE.open(position(0.5, 16_000.0, 1.0), 0.0, House(in_bands=16_400.0)) is None
    assert RULE.open(position(0.5, 0.0, 0.5), 0.0, House(in_bands=16_400.0)) is None


def test_whoever_borrows_to_the_limit_must_be_healthy() -> None:
    with pytest.raises(ValidationError, match=r"loan_discount 0\.03 is below liquidation_discount 0\.06: .* set loan"):
        Llamma(loan_discount=0.03)


@pytest.mark.parametrize(
    "change", [{"amplification": 50.0}, {"bands": 5}, {"loan_discount": 0.1}, {"liquidation_discount": 0.05}]
)
def test_every_parameter_of_the_rule_moves_it(change: dict[str, Any]) -> None:
    other = Llamma(**change)
    loan = Loan(8000.0, 4.0, 16_000.0, 0.99)
    said = [
        (rule.counted(10.0), rule.health(17_000.0, 10.0, 10.0, 16_000.0), rule.part(loan, 1000.0))
        for rule in (RULE, other)
    ]
    assert said[0] != said[1]


# Many owners at once


@given(data=st.data())
@settings(max_examples=60)
def test_the_columns_are_what_every_owner_is_told(data: st.DataObject) -> None:
    """After any deposits, withdrawals, trades and steps of the oracle; nobody is left out whose numbers changed."""
    bands = OwnedBands(2000.0, data.draw(st.sampled_from([20.0, 100.0])), data.draw(st.sampled_from([0.0, 0.006])))
    bands.seat(6, 12)
    bands.set_oracle(2000.0, 0.0)
    now = 0.0
    for _ in range(data.draw(st.integers(1, 12))):
        before = bands.columns.copy()
        what = data.draw(st.sampled_from(["deposit", "deposit", "withdraw", "buy", "sell", "oracle", "oracle"]))
        owner = data.draw(st.integers(0, 5))
        if what == "deposit" and not bands.has(owner):
            n1 = bands.first_free(data.draw(st.integers(-3, 30)))
            bands.deposit(owner, data.draw(st.floats(0.1, 100.0)), n1, n1 + data.draw(st.integers(0, 11)))
        elif what == "withdraw" and bands.has(owner):
            bands.withdraw(owner, data.draw(st.sampled_from([0.3, 1.0])))
        elif what == "oracle":
            now += data.draw(st.sampled_from([12.0, 600.0]))
            bands.set_oracle(data.draw(st.floats(1200.0, 2500.0)), now)
        elif what in ("buy", "sell"):
            bands.settle(bands.quote_in(what, data.draw(st.floats(0.0, 3.0)) * (1.0 if what == "sell" else 2000.0)))
        looked = bands.look()
        for one in range(6):
            if not bands.has(one):
                assert not bands.columns[:, one].any()
                continue
            quote, base = bands.balances(one)
            told = np.array([quote, base, bands.x_down(one)])
            np.testing.assert_allclose(bands.columns[[QUOTE, BASE, WORTH], one], told, rtol=1e-11, atol=1e-12)
            if one not in looked:
                np.testing.assert_array_equal(bands.columns[:, one], before[:, one])
            n1 = bands.span(one)[0]
            upper = bands.base_price * (1.0 - 1.0 / bands.amplification) ** n1
            over = max(bands.oracle_price - upper, 0.0) if n1 > bands.active_band else 0.0
            assert bands.over(one, bands.oracle_price) == pytest.approx(over, abs=1e-9)
            assert bands.worth_at(one, bands.oracle_price) == bands.x_down(one)
    assert bands.look().size == 0


@given(
    deposits=st.lists(st.tuples(st.floats(0.1, 100.0), st.integers(-3, 30), st.integers(0, 11)), max_size=8),
    refused=st.booleans(),
)
@settings(max_examples=60)
def test_deposits_in_one_go_are_those_of_one_after_the_other(
    deposits: list[tuple[float, int, int]], refused: bool
) -> None:
    """Also as far as they go where one is refused; where each goes may depend on those before it."""
    one_by_one, together = OwnedBands(2000.0, 100.0, 0.006), OwnedBands(2000.0, 100.0, 0.006)
    for bands in (one_by_one, together):
        bands.seat(9, 50)
        bands.set_oracle(1990.0, 60.0)
    for owner, (base, n1, more) in enumerate(deposits):
        one_by_one.deposit(owner, base, min(n1, one_by_one.active_band), n1 + more)

    def each() -> Iterator[tuple[int, float, int, int]]:
        for owner, (base, n1, more) in enumerate(deposits):
            yield owner, base, min(n1, together.active_band), n1 + more
        if refused:
            yield 8, 1.0, 5, 4

    if refused:
        with pytest.raises(InvalidBands):
            together.deposit_each(each())
    else:
        together.deposit_each(each())
    np.testing.assert_array_equal(together.look(), one_by_one.look())
    np.testing.assert_array_equal(together.columns, one_by_one.columns)
    found = [
        (bands.bands(), bands.base, bands.active_band, repr((bands.bid, bands.ask))) for bands in (together, one_by_one)
    ]
    assert found[0] == found[1]


def test_owners_whose_bands_nobody_touched_are_not_looked_at() -> None:
    bands = OwnedBands(2000.0, 100.0, 0.006)
    bands.seat(3, 5)
    for owner, n1 in enumerate((1, 20, 40)):
        bands.deposit(owner, 10.0, n1, n1 + 4)
    assert bands.look().tolist() == [0, 1, 2]
    bands.set_oracle(1990.0, 600.0)
    assert bands.look().size == 0
    bands.set_oracle(1950.0, 1200.0)
    assert bands.look().tolist() == [0]
    bands.settle(bands.quote_in("buy", 100.0))
    assert bands.look().tolist() == [0]
    bands.withdraw(1)
    assert bands.look().size == 0
    assert not bands.columns[:, 1].any()
