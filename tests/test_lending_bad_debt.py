"""Verbs of a pool for its loss layers: who bears a deficit, and what every one of them leaves balanced."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.lending import ExceedsDeficit, InsufficientDebt, InsufficientShares, InvalidUnits, LendingPool, ReserveTerms
from models.lending.bad_debt import assume, cover_from_treasury, cut, exchange, haircut, restore, surrender

DAI, ETH = 0, 1
ANN, BOB, CAROL, DAVE = range(4)


def made(interest: float = 0.0) -> LendingPool:
    """Ann and Carol supply 600 and 400 DAI; Bob, who owes 200 of them, has nothing left; Dave owes 100."""
    terms = [ReserveTerms(), ReserveTerms(ltv=0.8, liquidation_threshold=0.8)]
    pool = LendingPool(terms, [lambda _: interest, lambda _: 0.0], 4, ["DAI", "ETH"])
    pool.supply(ANN, DAI, 600.0)
    pool.supply(CAROL, DAI, 400.0)
    pool.post(DAVE, ETH, 1.0)
    pool.borrow_many([BOB, DAVE], DAI, [200.0, 100.0])
    pool.accrue(31_536_000.0)
    pool.write_off(BOB, DAI)
    return pool


@pytest.mark.parametrize(
    ("verb", "refusal"),
    [
        (lambda pool: cut(pool, DAI, [ANN], [601.0]), InsufficientShares),
        (lambda pool: cut(pool, DAI, [ANN], [201.0]), ExceedsDeficit),
        (lambda pool: cut(pool, DAI, [ANN], [-1.0]), InvalidUnits),
        (lambda pool: assume(pool, DAI, [DAVE], [201.0]), ExceedsDeficit),
        (lambda pool: assume(pool, DAI, [DAVE], [np.inf]), InvalidUnits),
        (lambda pool: surrender(pool, DAI, CAROL, 401.0), InsufficientShares),
        (lambda pool: surrender(pool, DAI, CAROL, np.nan), InvalidUnits),
        (lambda pool: restore(pool, DAI, -1.0), InvalidUnits),
        (lambda pool: exchange(pool, DAI, DAVE, [ANN, CAROL], [10.0, 401.0]), InsufficientShares),
        (lambda pool: exchange(pool, DAI, DAVE, [ANN], [101.0]), InsufficientDebt),
        (lambda pool: exchange(pool, DAI, DAVE, [ANN], [-1.0]), InvalidUnits),
    ],
)
def test_what_cannot_be_done_is_refused_and_changes_nothing(verb, refusal):
    pool, untouched = made(), made()
    with pytest.raises(refusal):
        verb(pool)
    for name in ("shares", "scaled_debt", "cash", "deficit", "treasury", "total_shares", "total_scaled_debt"):
        np.testing.assert_array_equal(getattr(pool, name), getattr(untouched, name))


def test_a_cut_takes_from_those_named_and_from_nobody_else():
    pool = made()
    assert cut(pool, DAI, [ANN, CAROL], [150.0, 0.0]) == 150.0
    assert [pool.claims(ANN, DAI), pool.claims(CAROL, DAI), pool.deficit[DAI]] == [450.0, 400.0, 50.0]
    assert cut(pool, DAI, [CAROL], [50.0]) == 50.0
    assert [pool.claims(CAROL, DAI), pool.deficit[DAI]] == [350.0, 0.0]


def test_a_cut_of_one_claim_is_booked_between_what_haircuts_cut_from_all():
    pool = made()
    haircut(pool, DAI, 30.0)
    pool.supply(CAROL, DAI, 0.0)  # what she had lost by then is booked apart
    haircut(pool, DAI, 70.0)  # in all 60 from Ann's 600, 40 from Carol's 400
    cut(pool, DAI, [CAROL], [40.0])
    haircut(pool, DAI, 60.0)  # in proportion to the 540 and 320 that are left
    taken = pool.cuts.of(slice(0, 4), DAI, pool.shares[:, DAI])
    expected = [60.0 + 60.0 * 540.0 / 860.0, 0.0, 40.0 + 40.0 + 60.0 * 320.0 / 860.0, 0.0]
    np.testing.assert_allclose(taken, expected, rtol=1e-12)
    np.testing.assert_allclose(
        taken + pool.shares[:, DAI] * pool.supply_index[DAI], [600.0, 0.0, 400.0, 0.0], rtol=1e-12
    )


def test_who_assumes_a_deficit_owes_it_and_is_looked_at_again():
    pool, seen = made(), []
    pool.on_change(seen.append, lambda accounts: seen.extend(accounts.tolist()))
    assume(pool, DAI, [DAVE], [120.0])
    assert (pool.debt(DAVE, DAI), pool.deficit[DAI], seen) == (220.0, 80.0, [DAVE])


def test_a_claim_surrendered_is_the_treasurys_and_covers_the_deficit_without_cash():
    pool = made()
    assert surrender(pool, DAI, CAROL, 400.0) == 400.0
    cover_from_treasury(pool, DAI, 200.0)
    sheet = pool.balance_sheet(DAI)
    assert (sheet.cash, sheet.deficit, sheet.claims, sheet.treasury) == (700.0, 0.0, 600.0, 200.0)


def test_what_is_restored_after_a_haircut_goes_to_those_who_are_still_there():
    pool = made()
    haircut(pool, DAI, 200.0)
    assert restore(pool, DAI, 100.0) == 100.0
    assert pool.claims(ANN, DAI) == pytest.approx(600.0 * 0.9, rel=1e-12)
    empty = LendingPool([ReserveTerms()], [lambda _: 0.0], 1)
    assert restore(empty, 0, 10.0) == 0.0


def test_an_exchange_ends_claims_and_a_debt_and_is_nobodys_loss():
    """After a haircut of a fifth: Ann gives up 60 and Carol 20 for 80 that Dave owes; no cash, no cut, no deficit."""
    pool = made()
    haircut(pool, DAI, 200.0)
    touched: list[int] = []
    pool.on_change(touched.append, lambda ids: touched.extend(ids.tolist()))
    assert exchange(pool, DAI, DAVE, [ANN, CAROL], [60.0, 20.0]) == pytest.approx(80.0)
    assert touched == [DAVE]
    assert [pool.claims(ANN, DAI), pool.claims(CAROL, DAI)] == pytest.approx([420.0, 300.0])
    assert (pool.debt(DAVE, DAI), pool.cash[DAI], pool.deficit[DAI]) == pytest.approx((20.0, 700.0, 0.0))
    lost = pool.cuts.of(slice(None), DAI, pool.shares[:, DAI])
    assert lost.tolist() == pytest.approx([120.0, 0.0, 80.0, 0.0])
    pool.check(1e-12)


@given(
    steps=st.lists(
        st.tuples(
            st.sampled_from(["cut", "assume", "surrender", "restore", "haircut", "exchange"]), st.floats(0.0, 1.0)
        ),
        max_size=12,
    )
)
@settings(max_examples=60)
def test_sheets_balance_and_totals_are_sums_whatever_is_done(steps):
    pool = made(interest=0.1)
    for what, part in steps:
        units = part * min(float(pool.deficit[DAI]), pool.claims(ANN, DAI))
        if what == "cut":
            cut(pool, DAI, [ANN], [units])
        elif what == "assume":
            assume(pool, DAI, [BOB, DAVE], [0.25 * units, 0.75 * units])
        elif what == "surrender":
            surrender(pool, DAI, CAROL, part * pool.claims(CAROL, DAI))
        elif what == "restore":
            restore(pool, DAI, 10.0 * part)
        elif what == "exchange":
            exchange(pool, DAI, DAVE, [ANN], [part * min(pool.claims(ANN, DAI), pool.debt(DAVE, DAI))])
        else:
            haircut(pool, DAI, units)
        pool.check(1e-12)
        assert pool.shares[:, DAI].sum() == pytest.approx(pool.total_shares[DAI], rel=1e-12)
        assert pool.scaled_debt[:, DAI].sum() == pytest.approx(pool.total_scaled_debt[DAI], rel=1e-12)
        assert (pool.shares >= 0.0).all()


def test_a_deficit_of_what_the_treasury_lent_is_covered_to_its_rounding():
    """No supplier has noted the size of the reserve: what is asked for may exceed the hole by its last digit."""
    pool = LendingPool([ReserveTerms(), ReserveTerms(ltv=0.8, liquidation_threshold=0.83)], [lambda _: 0.0] * 2, 2)
    pool.fund_treasury(0, 5.0)
    pool.borrow_many([0], 0, [5.0])
    assert pool.write_off(0, 0) == 5.0
    assume(pool, 0, [1], [5.000000000000001])
    assert pool.deficit[0] == 0.0
