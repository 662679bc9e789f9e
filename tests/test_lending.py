"""The books of a lending pool: verbs and their refusals, interest, bad debt, and a sheet that always balances."""

from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

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
from models.refusals import Refusal
from models.types import FloatArray

DAI, ETH = 0, 1
YEAR = 31_536_000
PRICES: FloatArray = np.array([1.0, 2000.0])
ALICE, BOB, CAROL = range(3)


def pool(rate: float = 0.0, reserve_factor: float = 0.1) -> LendingPool:
    """DAI to borrow at a constant rate, ETH as collateral; three empty accounts."""
    terms = [ReserveTerms(reserve_factor=reserve_factor), ReserveTerms(ltv=0.80, liquidation_threshold=0.83)]
    return LendingPool(terms, [lambda _: rate, lambda _: 0.0], 3, names=["DAI", "ETH"])


def lent_pool(rate: float = 0.0, reserve_factor: float = 0.1) -> LendingPool:
    """Alice has supplied 20 000 DAI, Bob borrowed 16 000 of it against 10 ETH."""
    made = pool(rate, reserve_factor)
    made.supply(ALICE, DAI, 20_000.0)
    made.post(BOB, ETH, 10.0)
    made.borrow(BOB, DAI, 16_000.0, PRICES)
    return made


def state(of: LendingPool) -> list[FloatArray]:
    """Everything a verb may change."""
    return [of._book.copy(), of.collateral.copy(), of.scaled_debt.copy(), of.shares.copy()]


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
        lambda: cover_from_treasury(made, DAI, units),
        lambda: cover_with_cash(made, DAI, units),
        lambda: haircut(made, DAI, units),
        lambda: made.post_many([BOB, CAROL], ETH, [1.0, units]),
        lambda: made.borrow_many([BOB, CAROL], DAI, [1.0, units]),
        lambda: made.accrue(units),
    ):
        with pytest.raises(InvalidUnits, match="0 or more"):
            attempt()
    assert all(np.array_equal(now, then) for now, then in zip(state(made), before, strict=True))


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


def test_a_debt_written_off_becomes_a_deficit_and_stops_earning() -> None:
    made = lent_pool(rate=0.10)
    assert made.write_off(BOB, DAI) == 16_000.0
    made.accrue(YEAR)
    assert made.deficit[DAI] == 16_000.0
    assert made.claims(ALICE, DAI) == 20_000.0
    assert made.utilisation(DAI) == 0.0
    assert made.write_off(BOB, DAI) == 0.0


def test_a_deficit_dilutes_the_supply_rate_as_aave_v3_3_states_it() -> None:
    made = lent_pool(rate=0.10, reserve_factor=0.1)
    made.post(CAROL, ETH, 10.0)
    made.borrow(CAROL, DAI, 4000.0, PRICES)
    made.write_off(BOB, DAI)
    before = made.balance_sheet(DAI)
    made.accrue(1.0)
    earned = made.supply_index[DAI] - 1.0
    rate = 0.10 / YEAR * before.debt / (before.cash + before.debt + before.deficit) * 0.9
    assert earned == pytest.approx(rate, rel=1e-6)


def test_each_way_to_cover_a_deficit_moves_its_own_side_of_the_sheet() -> None:
    made = lent_pool(rate=0.10)
    made.accrue(YEAR)
    treasury, claims = made.treasury[DAI], made.claims(ALICE, DAI)
    lost = made.write_off(BOB, DAI)
    cover_from_treasury(made, DAI, treasury)
    assert made.cash[DAI] == 4000.0
    cover_with_cash(made, DAI, 1000.0)
    assert made.cash[DAI] == 5000.0
    assert made.claims(ALICE, DAI) == claims
    rest = lost - treasury - 1000.0
    assert haircut(made, DAI, rest) == rest
    assert made.deficit[DAI] == 0.0
    assert made.claims(ALICE, DAI) == pytest.approx(5000.0, rel=1e-12)
    made.check(1e-14)


def test_a_haircut_falls_on_suppliers_in_proportion() -> None:
    made = pool()
    made.supply(ALICE, DAI, 3000.0)
    made.supply(CAROL, DAI, 1000.0)
    made.post(BOB, ETH, 10.0)
    made.borrow(BOB, DAI, 1000.0, PRICES)
    haircut(made, DAI, made.write_off(BOB, DAI))
    assert made.claims(ALICE, DAI) == pytest.approx(2250.0, rel=1e-14)
    assert made.claims(CAROL, DAI) == pytest.approx(750.0, rel=1e-14)


def test_a_haircut_of_everything_ends_the_shares_and_new_suppliers_start_afresh() -> None:
    made = pool()
    made.supply(ALICE, DAI, 1000.0)
    made.post(BOB, ETH, 10.0)
    made.borrow(BOB, DAI, 1000.0, PRICES)
    assert haircut(made, DAI, made.write_off(BOB, DAI)) == 1000.0
    assert made.claims(ALICE, DAI) == 0.0
    made.supply(CAROL, DAI, 500.0)
    assert made.claims(CAROL, DAI) == 500.0
    made.check(1e-15)


def test_a_run_at_par_leaves_the_haircut_to_those_who_stay() -> None:
    made = pool()
    made.supply(ALICE, DAI, 70.0)
    made.supply(CAROL, DAI, 30.0)
    made.post(BOB, ETH, 1.0)
    made.borrow(BOB, DAI, 10.0, PRICES)
    lost = made.write_off(BOB, DAI)
    made.withdraw(CAROL, DAI, 30.0)
    haircut(made, DAI, lost)
    assert made.claims(ALICE, DAI) == pytest.approx(70.0 * (1.0 - 10.0 / (100.0 * 0.7)), rel=1e-12)


def test_repaying_all_but_rounding_leaves_no_debt() -> None:
    made = lent_pool(rate=0.07)
    made.accrue(12_345.0)
    made.repay(BOB, DAI, made.debt(BOB, DAI) * (1.0 - 1e-15))
    assert made.scaled_debt[BOB, DAI] == 0.0
    assert made.total_scaled_debt[DAI] == 0.0


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


def others(account: int) -> list[int]:
    """The other two accounts."""
    return [k for k in range(3) if k != account]


# Each verb with an account, a reserve and a part in 0..1 of what could sensibly be asked, sometimes a little more.
VERBS: dict[str, Callable[[LendingPool, int, int, float], object]] = {
    "supply": lambda on, account, r, part: on.supply(account, r, part * 1e4 / ANY_PRICES[r]),
    "withdraw": lambda on, account, r, part: on.withdraw(account, r, 1.1 * part * on.claims(account, r)),
    "post": lambda on, account, r, part: on.post(account, r, part * 1e4 / ANY_PRICES[r]),
    "release": lambda on, account, r, part: on.release(account, r, 1.1 * part * on.collateral[account, r], ANY_PRICES),
    "borrow": lambda on, account, r, part: on.borrow(account, r, part * 1e4 / ANY_PRICES[r], ANY_PRICES),
    "repay": lambda on, account, r, part: on.repay(account, r, 1.5 * part * on.debt(account, r)),
    "seize": lambda on, account, r, part: on.seize(account, r, part * on.collateral[account, r]),
    "write_off": lambda on, account, r, _: on.write_off(account, r),
    "cover_from_treasury": lambda on, _, r, part: cover_from_treasury(on, r, part * on.treasury[r]),
    "cover_with_cash": lambda on, _, r, part: cover_with_cash(on, r, part * on.deficit[r]),
    "haircut": lambda on, _, r, part: haircut(on, r, part * on.deficit[r]),
    "fund_treasury": lambda on, _, r, part: on.fund_treasury(r, part * 100.0),
    "collect_treasury": lambda on, _, r, part: on.collect_treasury(r, 1.1 * part * on.treasury[r]),
    "accrue": lambda on, _account, _r, part: on.accrue(part * 1e7),
    "advance": lambda on, _account, r, part: on.advance(r, 1.1 * part * on.cash[r]),
    "credit": lambda on, account, r, part: on.credit(account, (account + 1) % 3, r, part * 1e3),
    "hand_over": lambda on, account, r, part: on.hand_over(
        account,
        r,
        1 - r,
        others(account),
        np.array([0.7, 0.4]) * part * on.collateral[account, r],
        np.array([0.4, 0.7]) * part * on.debt(account, 1 - r),
    ),
}
ANY_PRICES: FloatArray = np.array([1.0, 20.0])

intents = st.lists(
    st.tuples(st.sampled_from(sorted(VERBS)), st.integers(0, 2), st.integers(0, 1), st.floats(0.0, 1.0)), max_size=80
)


@given(intents=intents, rate=st.floats(0.0, 2.0), factor=st.floats(0.0, 1.0))
@settings(max_examples=150)
def test_whatever_is_asked_the_sheet_balances_and_totals_are_sums(
    intents: list[tuple[str, int, int, float]], rate: float, factor: float
) -> None:
    terms = [ReserveTerms(ltv=0.7, liquidation_threshold=0.8, reserve_factor=factor)] * 2
    made = LendingPool(terms, [lambda u: rate * u, lambda _: rate], 3)
    for verb, account, reserve, part in intents:
        before = state(made)
        try:
            VERBS[verb](made, account, reserve, part)
            if verb == "borrow":
                assert made.standing(account, ANY_PRICES).health >= 0.8 / 0.7 * (1.0 - 1e-9)
        except Refusal:
            assert all(np.array_equal(now, then) for now, then in zip(state(made), before, strict=True))
        made.check(1e-11)
        assert (made._book >= 0.0).all()
    scale = np.array(made._largest_sheet) + made.collateral.sum(axis=0) + 1e4
    for total, column in (
        (made.total_scaled_debt, made.scaled_debt),
        (made.total_shares, made.shares),
        (made.total_collateral, made.collateral),
    ):
        assert (np.abs(total - column.sum(axis=0)) <= 1e-11 * scale).all()
    assert all(made.standing(a, ANY_PRICES).health == made.health(ANY_PRICES)[a] for a in range(3))


def test_many_supply_as_each_would() -> None:
    one, many = pool(), pool()
    for account, units in ((ALICE, 100.0), (BOB, 50.0)):
        one.supply(account, DAI, units)
    many.supply_many([ALICE, BOB], DAI, [100.0, 50.0])
    assert all(np.array_equal(a, b) for a, b in zip(state(one), state(many), strict=True))


def test_cuts_are_told_apart_by_who_held_claims_when() -> None:
    """Alice with 20,000 and Carol with 20,000 lose 8,000 each; Carol leaves; Alice loses the next 1,000 alone."""
    made = lent_pool()
    made.supply(CAROL, DAI, 20_000.0)
    made.write_off(BOB, DAI)
    haircut(made, DAI, 16_000.0)
    made.withdraw(CAROL, DAI, 12_000.0)
    made.advance(DAI, 1_000.0)
    haircut(made, DAI, 1_000.0)
    assert made.cuts.of(slice(0, 3), DAI, made.shares[:, DAI]) == pytest.approx([9_000.0, 0.0, 8_000.0], rel=1e-12)


verbs = st.sampled_from(["supply", "withdraw", "cut", "credit"])


@given(st.lists(st.tuples(verbs, st.integers(0, 2), st.floats(0, 1))))
@settings(max_examples=60)
def test_the_cuts_of_all_accounts_sum_to_what_was_cut(events: list[tuple[str, int, float]]) -> None:
    """Whoever comes and goes between haircuts, and also when one leaves nothing."""
    made = pool()
    made.supply(ALICE, DAI, 1_000.0)
    cut = 0.0
    for verb, account, part in events:
        if verb == "supply":
            made.supply(account, DAI, 500.0 * part)
        elif verb == "withdraw":
            made.withdraw(account, DAI, part * min(made.claims(account, DAI), float(made.cash[DAI])))
        elif verb == "credit":
            made.credit(BOB, account, DAI, 100.0 * part)
        else:
            made.advance(DAI, part * float(made.cash[DAI]))
            cut += haircut(made, DAI, float(made.deficit[DAI]))
    booked = made.cuts.of(slice(0, 3), DAI, made.shares[:, DAI]).sum()
    assert booked == pytest.approx(cut, rel=1e-9, abs=1e-6)


@given(st.lists(st.floats(1e-4, 0.5), min_size=1, max_size=40), st.floats(1e-6, 1e-2))
def test_totals_keep_their_digits_when_nearly_everybody_leaves(parts: list[float], little: float) -> None:
    """Alice takes out most of a billion bit by bit, Carol stays with a little: the totals are what is left of it."""
    made = pool()
    made.supply(ALICE, DAI, 1e9)
    made.supply(CAROL, DAI, little)
    made.post(BOB, ETH, 1e6)
    made.borrow_many([BOB, CAROL], DAI, [5e8, little])
    made.repay(BOB, DAI, 1e9)
    for part in parts:
        made.withdraw(ALICE, DAI, part * made.claims(ALICE, DAI))
    made.withdraw(ALICE, DAI, made.claims(ALICE, DAI))
    assert made.total_shares[DAI] == made.shares[CAROL, DAI]
    assert made.total_scaled_debt[DAI] == made.scaled_debt[CAROL, DAI]
    made.check()


def test_what_was_lent_from_the_treasury_alone_is_a_size_to_measure_rounding_by() -> None:
    made = pool(rate=0.05)
    made.fund_treasury(DAI, 80.0)
    made.post(BOB, ETH, 10.0)
    made.borrow(BOB, DAI, 80.0, PRICES)
    for _ in range(7):
        made.accrue(12.0)
    made.repay(BOB, DAI, made.debt(BOB, DAI) - 0.002)
    made.collect_treasury(DAI, float(made.cash[DAI]))
    made.repay(BOB, DAI, 0.001999999999)
    made.collect_treasury(DAI, float(made.cash[DAI]))
    made.check()
