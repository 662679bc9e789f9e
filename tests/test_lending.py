"""The books of a lending pool: verbs and their refusals, interest, and who takes over collateral and debt."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from builders.lending_pools import ALICE, BOB, CAROL, DAI, ETH, PRICES, YEAR, lent_pool, pool, state
from models.lending import (
    BorrowLimit,
    ExceedsDeficit,
    InsufficientCash,
    InsufficientCollateral,
    InsufficientDebt,
    InsufficientShares,
    InsufficientTreasury,
    InvalidUnits,
    LendingPool,
    ReserveTerms,
    SheetUnbalanced,
    UnsafeRelease,
)
from models.lending.bad_debt import cover_from_treasury, cover_with_cash, haircut

# Verbs


def test_a_threshold_below_the_ltv_is_refused_with_both_named() -> None:
    with pytest.raises(ValidationError, match=r"liquidation_threshold 0\.7 is below ltv 0\.8"):
        ReserveTerms(ltv=0.8, liquidation_threshold=0.7)


def test_every_reserve_needs_a_rate() -> None:
    with pytest.raises(ValueError, match="2 reserves need as many rate models, got 1"):
        LendingPool([ReserveTerms(), ReserveTerms()], [lambda _: 0.0], 1)


@pytest.mark.parametrize("units", [-1.0, float("nan"), float("inf")])
def test_amounts_that_are_no_amounts_are_refused_by_every_verb(units: float) -> None:
    made = lent_pool()
    before = state(made)
    for attempt in (
        lambda: made.supply(ALICE, DAI, units),
        lambda: made.withdraw(ALICE, DAI, units),
        lambda: made.post(BOB, ETH, units),
        lambda: made.release(BOB, ETH, units, PRICES),
        lambda: made.borrow(BOB, DAI, units, PRICES),
        lambda: made.repay(BOB, DAI, units),
        lambda: made.seize(BOB, ETH, units),
        lambda: made.fund_treasury(DAI, units),
        lambda: made.collect_treasury(DAI, units),
        lambda: made.advance(DAI, units),
        lambda: made.credit(BOB, ALICE, DAI, units),
        lambda: made.restate_collateral(np.array([BOB]), ETH, np.array([units])),
        lambda: made.hand_over(BOB, ETH, DAI, [CAROL], [units], [0.0]),
        lambda: made.hand_over(BOB, ETH, DAI, [CAROL], [0.0], [units]),
        lambda: cover_from_treasury(made, DAI, units),
        lambda: cover_with_cash(made, DAI, units),
        lambda: haircut(made, DAI, units),
        lambda: made.supply_many([BOB, CAROL], DAI, [1.0, units]),
        lambda: made.post_many([BOB, CAROL], ETH, [1.0, units]),
        lambda: made.borrow_many([BOB, CAROL], DAI, [1.0, units]),
        lambda: made.accrue(units),
    ):
        with pytest.raises(InvalidUnits, match="0 or more"):
            attempt()
    assert all(np.array_equal(now, then) for now, then in zip(state(made), before, strict=True))


def test_who_has_posted_nothing_has_nothing_left_to_seize() -> None:
    made = LendingPool([ReserveTerms(), ReserveTerms()], [lambda _: 0.0] * 2, 5)
    made.post_many([1, 3], ETH, [1.0, 1e-9])
    assert made.stripped(np.array([4, 3, 2, 1])).tolist() == [4, 2]
    assert [made.is_stripped(account) for account in range(5)] == [True, False, True, False, True]


def test_verbs_refuse_what_is_not_there_and_change_nothing() -> None:
    made = lent_pool()
    before = state(made)
    with pytest.raises(InsufficientShares, match=r"account 2 claims 0\.0 of DAI, asked for 1\.0"):
        made.withdraw(CAROL, DAI, 1.0)
    with pytest.raises(InsufficientCash, match=r"DAI holds 4000\.0 in cash, asked for 4001\.0"):
        made.withdraw(ALICE, DAI, 4001.0)
    with pytest.raises(InsufficientCash, match=r"DAI holds 4000\.0 in cash"):
        made.borrow(BOB, DAI, 4001.0, PRICES)
    with pytest.raises(InsufficientCash, match=r"sum to 4001\.0"):
        made.borrow_many([BOB, CAROL], DAI, [4000.0, 1.0])
    with pytest.raises(BorrowLimit, match="would owe 16001 against a limit of 16000"):
        made.borrow(BOB, DAI, 1.0, PRICES)
    with pytest.raises(InsufficientCollateral, match=r"account 1 has posted 10\.0 ETH, asked for 11\.0"):
        made.release(BOB, ETH, 11.0, PRICES)
    with pytest.raises(InsufficientCollateral):
        made.seize(BOB, ETH, 11.0)
    with pytest.raises(UnsafeRelease, match=r"account 1 with health 0\.989775"):
        made.release(BOB, ETH, 0.46, PRICES)
    with pytest.raises(ExceedsDeficit, match=r"deficit of 0\.0, asked to cover 1\.0"):
        cover_with_cash(made, DAI, 1.0)
    with pytest.raises(ExceedsDeficit):
        haircut(made, DAI, 1.0)
    assert all(np.array_equal(now, then) for now, then in zip(state(made), before, strict=True))


def test_prices_that_are_no_prices_let_nobody_borrow_or_release() -> None:
    made = lent_pool()
    unknown = np.array([1.0, np.nan])
    with pytest.raises(BorrowLimit):
        made.borrow(BOB, DAI, 0.0, unknown)
    with pytest.raises(UnsafeRelease):
        made.release(BOB, ETH, 0.0, unknown)


def test_the_treasury_covers_no_more_than_its_claim() -> None:
    made = lent_pool(rate=0.10)
    income = made.accrue(YEAR)[DAI]
    made.write_off(BOB, DAI)
    with pytest.raises(InsufficientTreasury, match="cover no more than the claim"):
        cover_from_treasury(made, DAI, income + 1.0)
    cover_from_treasury(made, DAI, income)
    assert made.treasury[DAI] == 0.0
    made.check(1e-15)


def test_borrow_and_repay_supply_and_withdraw_undo_each_other() -> None:
    made = lent_pool()
    assert made.repay(BOB, DAI, 1e9) == 16_000.0
    assert made.release(BOB, ETH, 10.0, PRICES) == 10.0
    assert made.withdraw(ALICE, DAI, 20_000.0) == 20_000.0
    assert not any(column.any() for column in (made.collateral, made.scaled_debt, made.shares))
    assert not made.cash.any()
    assert not made.total_scaled_debt.any()


def test_new_accounts_leave_the_old_ones_as_they_are() -> None:
    made = lent_pool()
    assert made.add_accounts(100) == 3
    assert made.accounts == 103
    made.post(102, ETH, 1.0)
    assert made.collateral[[BOB, 102], ETH].tolist() == [10.0, 1.0]
    assert made.debt(BOB, DAI) == 16_000.0
    assert made.claims(ALICE, DAI) == 20_000.0


def test_a_pool_may_start_with_no_accounts() -> None:
    made = LendingPool([ReserveTerms()], [lambda _: 0.0], 0)
    assert made.health(np.ones(1)).size == 0
    made.supply(made.add_accounts(1), 0, 5.0)
    assert made.claims(0, 0) == 5.0


def test_positions_opened_in_bulk_equal_those_opened_one_by_one() -> None:
    bulk, single = pool(), pool()
    for made in (bulk, single):
        made.supply(ALICE, DAI, 20_000.0)
    bulk.post_many([BOB, CAROL, BOB], ETH, [1.0, 2.0, 3.0])
    bulk.borrow_many([BOB, CAROL], DAI, [100.0, 50.0])
    for account, units in ((BOB, 4.0), (CAROL, 2.0)):
        single.post(account, ETH, units)
        single.borrow(account, DAI, 25.0 * units, PRICES)
    assert all(np.array_equal(one, other) for one, other in zip(state(bulk), state(single), strict=True))


def test_health_is_threshold_value_over_debt_and_infinite_without_debt() -> None:
    made = lent_pool()
    health = made.health(np.array([1.0, 1900.0]))
    assert health[BOB] == pytest.approx(0.985625, rel=1e-15)
    assert health[ALICE] == health[CAROL] == np.inf
    assert made.standing(BOB, np.array([1.0, 1900.0])) == (health[BOB], 19_000.0, 16_000.0)
    assert made.valuation(PRICES, np.array([CAROL, BOB])).collateral_value.tolist() == [0.0, 20_000.0]
    assert made.valuation(PRICES).debt_value.tolist() == [0.0, 16_000.0, 0.0]
    assert made.worth(PRICES.tolist()).debt == 16_000.0
    assert made.worth(PRICES.tolist()).collateral == 20_000.0


# Interest


def test_utilisation_is_debt_over_cash_and_debt() -> None:
    assert lent_pool().utilisation(DAI) == 0.8
    assert lent_pool().utilisation(ETH) == 0.0


def test_the_rate_model_is_asked_with_the_utilisation() -> None:
    asked: list[float] = []

    def rate(utilisation: float) -> float:
        asked.append(utilisation)
        return 0.1

    made = LendingPool([ReserveTerms(), ReserveTerms(ltv=0.8, liquidation_threshold=0.8)], [rate, rate], 2)
    made.supply(0, 0, 100.0)
    made.accrue(1.0)
    assert asked == []
    made.post(1, 1, 1.0)
    made.borrow(1, 0, 25.0, np.array([1.0, 100.0]))
    made.accrue(0.0)
    assert asked == [0.25]


@given(rate=st.floats(0.0, 3.0), seconds=st.floats(0.0, 1e8), factor=st.floats(0.0, 1.0))
@settings(max_examples=100)
def test_interest_is_aaves_third_order_compounding_split_by_the_reserve_factor(
    rate: float, seconds: float, factor: float
) -> None:
    made = lent_pool(rate, factor)
    income = made.accrue(seconds)
    x = Fraction(rate) * Fraction(seconds) / YEAR
    interest = 16_000 * (x + x**2 / 2 + x**3 / 6)
    assert made.debt(BOB, DAI) == pytest.approx(float(16_000 + interest), rel=1e-12)
    assert income[DAI] == pytest.approx(float(Fraction(factor) * interest), rel=1e-12)
    assert made.claims(ALICE, DAI) == pytest.approx(float(20_000 + (1 - Fraction(factor)) * interest), rel=1e-12)
    assert income[ETH] == 0.0
    made.check(1e-14)


def test_without_suppliers_all_interest_is_the_treasurys() -> None:
    made = lent_pool(rate=0.10)
    made.accrue(YEAR)
    made.write_off(BOB, DAI)
    haircut(made, DAI, made.deficit[DAI])
    haircut(made, DAI, made.deficit[DAI])
    assert made.claims(ALICE, DAI) > 0.0
    made.withdraw(ALICE, DAI, made.claims(ALICE, DAI))
    made.post(CAROL, ETH, 1.0)
    assert made.total_claims[DAI] == 0.0
    made.borrow(CAROL, DAI, made.cash[DAI], PRICES)
    owed = made.debt(CAROL, DAI)
    index = made.supply_index[DAI]
    assert made.accrue(YEAR)[DAI] == pytest.approx(made.debt(CAROL, DAI) - owed, rel=1e-12)
    assert made.supply_index[DAI] == index
    made.check(1e-12)


# Handing over


def test_whoever_listens_hears_of_every_changed_position() -> None:
    heard: list[int] = []
    made = lent_pool()
    made.on_change(heard.append, lambda accounts: heard.extend(accounts.tolist()))
    made.supply(ALICE, DAI, 10.0)
    assert heard == []
    made.post(CAROL, ETH, 1.0)
    made.borrow(CAROL, DAI, 10.0, PRICES)
    made.repay(BOB, DAI, 10.0)
    made.release(BOB, ETH, 0.001, PRICES)
    made.seize(BOB, ETH, 1.0)
    made.write_off(CAROL, DAI)
    made.post_many([ALICE, BOB], ETH, 1.0)
    made.borrow_many([ALICE], DAI, 1.0)
    assert heard == [CAROL, CAROL, BOB, BOB, BOB, CAROL, ALICE, BOB, ALICE]


def test_others_take_over_collateral_and_debt() -> None:
    """To the last speck where all is handed over, with no cash moved and every total as it was."""
    made = lent_pool(rate=0.1)
    made.accrue(YEAR)
    debt, before = made.debt(BOB, DAI), made._book.copy()
    made.hand_over(BOB, ETH, DAI, [ALICE, CAROL], [4.0, 6.0], [0.4 * debt, 0.6 * debt])
    assert made.collateral[:, ETH].tolist() == [4.0, 0.0, 6.0]
    assert [made.debt(k, DAI) for k in range(3)] == pytest.approx([0.4 * debt, 0.0, 0.6 * debt], rel=1e-12)
    assert made.debt(BOB, DAI) == 0.0
    np.testing.assert_array_equal(made._book, before)


def test_whoever_follows_positions_hears_of_what_is_handed_over_once() -> None:
    made, heard = lent_pool(), list[object]()
    made.on_change(heard.append, lambda accounts: heard.append(accounts.tolist()))
    made.hand_over(BOB, ETH, DAI, [ALICE, CAROL], [4.0, 6.0], [1.0, 2.0])
    assert heard == [BOB, [ALICE, CAROL]]


def test_an_account_owes_beside_a_reserve_what_it_owes_in_others() -> None:
    made = lent_pool()
    assert [made.owes_beside(BOB, reserve) for reserve in (DAI, ETH)] == [False, True]
    assert not made.owes_beside(ALICE, ETH)


def test_nobody_hands_over_more_than_there_is() -> None:
    made = lent_pool()
    before = state(made)
    with pytest.raises(InsufficientCollateral, match=r"posted 10\.0 ETH, asked for 11\.0"):
        made.hand_over(BOB, ETH, DAI, [ALICE, CAROL], [5.0, 6.0], [1.0, 1.0])
    with pytest.raises(InsufficientDebt, match=r"account 1 owes 16000\.0 DAI, others are to owe 17000\.0 of it"):
        made.hand_over(BOB, ETH, DAI, ALICE, 1.0, 17_000.0)
    with pytest.raises(InvalidUnits):
        made.hand_over(BOB, ETH, DAI, ALICE, 1.0, -1.0)
    with pytest.raises(InvalidUnits):
        made.hand_over(BOB, ETH, DAI, ALICE, -1.0, 1.0)
    assert all(np.array_equal(now, then) for now, then in zip(state(made), before, strict=True))


def test_a_credit_is_a_debt_and_a_claim_without_cash() -> None:
    made = lent_pool(rate=0.1)
    made.accrue(YEAR)
    cash, owed, claimed = made.cash[DAI], made.debt(BOB, DAI), made.claims(CAROL, DAI)
    made.credit(BOB, CAROL, DAI, 150.0)
    assert (made.debt(BOB, DAI), made.claims(CAROL, DAI)) == pytest.approx((owed + 150.0, claimed + 150.0))
    assert made.cash[DAI] == cash
    made.check(1e-12)


def test_what_the_protocol_owes_beyond_its_treasury_is_a_deficit_until_it_is_given_back() -> None:
    made = lent_pool()
    made.advance(DAI, 300.0)
    assert (made.cash[DAI], made.deficit[DAI]) == (3700.0, 300.0)
    cover_with_cash(made, DAI, 300.0)
    assert (made.cash[DAI], made.deficit[DAI]) == (4000.0, 0.0)
    with pytest.raises(InsufficientCash, match=r"DAI holds 4000\.0 in cash, asked for 4001\.0"):
        made.advance(DAI, 4001.0)
    made.check(1e-12)


def test_a_sheet_that_does_not_balance_is_named() -> None:
    made = lent_pool()
    made.cash[DAI] += 1.0
    with pytest.raises(SheetUnbalanced, match=r"DAI: assets 20001\.0 and claims 20000\.0"):
        made.check()
    made.cash[DAI] = np.nan
    with pytest.raises(SheetUnbalanced):
        made.check()
