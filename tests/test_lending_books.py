"""The books of a lending pool: bad debt, haircuts, and a sheet that always balances."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from builders.lending_pools import ALICE, BOB, CAROL, DAI, ETH, PRICES, YEAR, lent_pool, pool, state
from models.lending import LendingPool, ReserveTerms
from models.lending.bad_debt import cover_from_treasury, cover_with_cash, haircut
from models.refusals import Refusal
from models.types import FloatArray

# Bad debt


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


# Whatever is asked


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
