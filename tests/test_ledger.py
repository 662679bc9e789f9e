"""The ledger: nothing appears or vanishes, and an overdraft is refused with nothing moved."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.ledger import (
    BURN,
    MINT,
    OUTSIDE,
    AccountNameTaken,
    InvalidAmount,
    Ledger,
    NotConserved,
    Overdraft,
    UnknownAsset,
)
from models.types import FloatArray


def ledger_with(*holdings: float) -> tuple[Ledger, list[int]]:
    """One asset, and an account for each holding."""
    ledger = Ledger(["DAI"])
    accounts = [ledger.open(f"account {k}") for k in range(len(holdings))]
    for account, units in zip(accounts, holdings, strict=True):
        ledger.mint(account, 0, units)
    return ledger, accounts


def test_an_overdraft_names_account_asset_balance_and_amount_and_moves_nothing() -> None:
    ledger, (alice, bob) = ledger_with(5.0, 1.0)
    with pytest.raises(Overdraft, match=r"account 0 holds 5\.0 DAI, asked for 5\.5"):
        ledger.transfer(alice, bob, 0, 5.5)
    assert [ledger.balance(alice, 0), ledger.balance(bob, 0)] == [5.0, 1.0]


@pytest.mark.parametrize("amount", [-1.0, float("nan"), float("inf"), -float("inf")])
def test_an_amount_that_is_no_amount_is_refused_even_from_outside(amount: float) -> None:
    ledger, (alice,) = ledger_with(5.0)
    for source in (alice, OUTSIDE, MINT):
        with pytest.raises(InvalidAmount, match="finite amount, 0 or more"):
            ledger.transfer(source, alice, 0, amount)
    with pytest.raises(InvalidAmount, match="transfer 1 of 2"):
        ledger.transfer_many([OUTSIDE, OUTSIDE], alice, 0, [1.0, amount])
    assert ledger.balance(alice, 0) == 5.0


def test_names_of_groups_are_unique_and_groups_are_not_empty() -> None:
    ledger = Ledger(["DAI"])
    ledger.open("pool")
    with pytest.raises(AccountNameTaken, match="'pool'"):
        ledger.open("pool")
    with pytest.raises(InvalidAmount, match="at least one"):
        ledger.open("nobody", 0)


def test_an_unknown_asset_is_refused_with_those_that_are_known() -> None:
    with pytest.raises(UnknownAsset, match="DAI, ETH"):
        Ledger(["DAI", "ETH"]).asset("BTC")


def test_accounts_are_numbered_in_a_row_and_named_by_their_group() -> None:
    ledger = Ledger(["DAI", "ETH"])
    pool = ledger.open("pool")
    first = ledger.open("borrowers.0", 1_000)
    last = ledger.open("insurer")
    assert (pool, first, last) == (3, 4, 1_004)
    assert ledger.accounts == 1_005 == len(ledger.balances)
    assert [ledger.name(a) for a in (MINT, BURN, OUTSIDE)] == ["mint", "burn", "outside"]
    assert [ledger.name(a) for a in (pool, first + 17, last)] == ["pool", "borrowers.0[17]", "insurer"]
    assert ledger.asset("ETH") == 1


def test_opening_accounts_keeps_the_balances() -> None:
    ledger, (alice,) = ledger_with(5.0)
    ledger.open("crowd", 10_000)
    assert ledger.balance(alice, 0) == 5.0
    assert ledger.balances[alice, 0] == 5.0


def test_balances_can_be_read_but_not_written() -> None:
    ledger, (alice,) = ledger_with(5.0)
    with pytest.raises(ValueError, match="read-only"):
        ledger.balances[alice, 0] = 6.0


def test_mint_and_burn_leave_their_trace_in_the_named_accounts() -> None:
    ledger, (alice,) = ledger_with(5.0)
    assert ledger.burn(alice, 0, 2.0) == 2.0
    assert ledger.transfer(alice, OUTSIDE, 0, 1.0) == 1.0
    assert ledger.balances[:, 0].tolist() == [-5.0, 2.0, 1.0, 2.0]


def test_a_transfer_to_oneself_changes_nothing() -> None:
    ledger, (alice,) = ledger_with(5.0)
    ledger.transfer(alice, alice, 0, 3.0)
    assert ledger.balance(alice, 0) == 5.0


def test_an_overdraft_by_rounding_moves_the_balance() -> None:
    ledger, (alice, bob) = ledger_with(0.3, 0.0)
    assert 0.1 + 0.2 > 0.3
    assert ledger.transfer(alice, bob, 0, 0.1 + 0.2) == 0.3
    assert ledger.balance(alice, 0) == 0.0


def test_rounding_is_judged_by_what_has_flowed_not_by_what_is_left() -> None:
    ledger, (pool, bob) = ledger_with(1e9, 0.0)
    ledger.transfer(pool, bob, 0, 1e9)
    assert ledger.transfer(pool, bob, 0, 1e-7) == 0.0
    with pytest.raises(Overdraft):
        ledger.transfer(pool, bob, 0, 1.0)


def traders(*, dollars: float, ether: float) -> tuple[Ledger, int, int]:
    """One who holds dollars and one who holds ether."""
    ledger = Ledger(["DAI", "ETH"])
    buyer, seller = ledger.open("buyer"), ledger.open("seller")
    ledger.mint(buyer, 0, dollars)
    ledger.mint(seller, 1, ether)
    return ledger, buyer, seller


@pytest.mark.parametrize(
    ("paid", "got", "who"), [(5.5, 1.0, "buyer holds 5.0 DAI"), (5.0, 2.5, "seller holds 2.0 ETH")]
)
def test_an_exchange_is_both_transfers_or_neither(paid: float, got: float, who: str) -> None:
    ledger, buyer, seller = traders(dollars=5.0, ether=2.0)
    before = ledger.balances.copy()
    with pytest.raises(Overdraft, match=who):
        ledger.exchange(buyer, seller, 0, paid, 1, got)
    assert np.array_equal(ledger.balances, before)


@pytest.mark.parametrize(
    ("paid", "got", "who"), [(-1.0, 1.0, "-1.0 DAI .* buyer"), (1.0, float("nan"), "nan ETH .* seller")]
)
def test_an_exchange_of_what_is_no_amount_is_refused(paid: float, got: float, who: str) -> None:
    ledger, buyer, seller = traders(dollars=5.0, ether=2.0)
    with pytest.raises(InvalidAmount, match=who):
        ledger.exchange(buyer, seller, 0, paid, 1, got)


def test_many_transfers_see_one_another_in_order() -> None:
    ledger, (alice, bob, carol) = ledger_with(5.0, 0.0, 0.0)
    moved = ledger.transfer_many([alice, bob, bob], [bob, carol, bob], 0, [5.0, 4.0, 1.0])
    assert moved.tolist() == [5.0, 4.0, 1.0]
    assert [ledger.balance(a, 0) for a in (alice, bob, carol)] == [0.0, 1.0, 4.0]


@pytest.mark.parametrize("ids", [(-1, 3, 0), (3, -1, 0), (3, 4, -1)])
def test_what_is_nowhere_neither_gives_nor_gets(ids: tuple[int, int, int]) -> None:
    """A number of -1 is that of no account and of no asset, not that of the last."""
    ledger, _ = ledger_with(5.0, 7.0)
    before = ledger.balances.copy()
    source, target, asset = ids
    with pytest.raises(IndexError, match="has the number -1; numbers are 0 or more"):
        ledger.transfer(source, target, asset, 1.0)
    with pytest.raises(IndexError, match="has the number -1; numbers are 0 or more"):
        ledger.exchange(source, target, asset, 1.0, 0, 1.0)
    with pytest.raises(IndexError, match="outside"):
        ledger.transfer_many([-1], [3], 0, 1.0)
    assert np.array_equal(ledger.balances, before)


def test_many_transfers_are_all_or_none() -> None:
    ledger, (alice, bob) = ledger_with(0.1, 0.7)
    before = ledger.balances.copy()
    with pytest.raises(Overdraft, match=r"account 0 .* transfer 2 of 3"):
        ledger.transfer_many([alice, bob, alice], [bob, alice, bob], 0, [0.1, 0.3, 0.5])
    assert np.array_equal(ledger.balances, before)


def test_many_transfers_broadcast_one_source_and_one_amount() -> None:
    ledger = Ledger(["DAI"])
    first = ledger.open("crowd", 100)
    ledger.transfer_many(OUTSIDE, np.arange(first, first + 100), 0, 2.0)
    assert ledger.balance(OUTSIDE, 0) == -200.0
    assert ledger.transfer_many([], [], 0, []).size == 0
    assert ledger.transfer_many(np.array([first]), OUTSIDE, 0, np.array([2.0])).tolist() == [2.0]
    with pytest.raises(IndexError, match="outside"):
        ledger.transfer_many(OUTSIDE, first + 100, 0, 1.0)


def test_a_balance_without_counter_entry_is_found_and_named() -> None:
    ledger = Ledger(["DAI", "ETH"])
    alice = ledger.open("alice")
    ledger.mint(alice, 0, 100.0)
    ledger.mint(alice, 1, 100.0)
    ledger.check()
    ledger._table[alice, 1] += 1e-5
    with pytest.raises(NotConserved, match="ETH"):
        ledger.check()
    assert ledger.imbalance() == pytest.approx([0.0, 1e-7])


def test_an_asset_that_was_never_used_is_in_balance_unless_it_was_written() -> None:
    ledger = Ledger(["DAI"])
    assert ledger.imbalance().tolist() == [0.0]
    ledger._table[OUTSIDE, 0] = 1e-300
    with pytest.raises(NotConserved):
        ledger.check()
    ledger._table[OUTSIDE, 0] = np.nan
    with pytest.raises(NotConserved):
        ledger.check()


entries = st.lists(
    st.tuples(st.integers(0, 6), st.integers(0, 6), st.floats(0.0, 1e9, allow_subnormal=False)), min_size=1, max_size=60
)


@given(entries=entries)
@settings(max_examples=60)
def test_any_entries_conserve_the_asset_and_agree_with_exact_arithmetic(entries: list[tuple[int, int, float]]) -> None:
    ledger = Ledger(["DAI"])
    ledger.open("crowd", 4)
    exact = [Fraction(0)] * 7
    for source, target, amount in entries:
        try:
            moved = Fraction(ledger.transfer(source, target, 0, amount))
        except Overdraft:
            continue
        exact[source] -= moved
        exact[target] += moved
    assert sum(exact) == 0
    ledger.check(1e-12)
    assert ledger.balances[:, 0] == pytest.approx([float(x) for x in exact], rel=1e-12, abs=1e-4)
    assert (ledger.balances[OUTSIDE + 1 :, 0] >= 0.0).all()


@given(entries=entries)
@settings(max_examples=40)
def test_many_transfers_are_the_same_as_one_after_the_other(entries: list[tuple[int, int, float]]) -> None:
    one, many = (Ledger(["DAI"]) for _ in range(2))
    for ledger in (one, many):
        ledger.open("crowd", 4)
        ledger.transfer_many(OUTSIDE, np.arange(3, 7), 0, 1e8)
    sources, targets, amounts = zip(*entries, strict=True)
    refused = False
    try:
        for source, target, amount in entries:
            one.transfer(source, target, 0, amount)
    except Overdraft:
        refused = True
    before: FloatArray = many.balances.copy()
    if refused:
        with pytest.raises(Overdraft):
            many.transfer_many(sources, targets, 0, amounts)
        assert np.array_equal(many.balances, before)
    else:
        many.transfer_many(sources, targets, 0, amounts)
        assert np.array_equal(many.balances, one.balances)


@given(
    st.lists(
        st.tuples(st.integers(0, 6), st.integers(0, 6), st.booleans(), st.floats(0.0, 2e8), st.floats(0.0, 2e8)),
        max_size=20,
    )
)
@settings(max_examples=60)
def test_an_exchange_is_the_same_as_two_transfers(trades: list[tuple[int, int, bool, float, float]]) -> None:
    together, apart = (Ledger(["DAI", "ETH"]) for _ in range(2))
    for ledger in (together, apart):
        ledger.open("crowd", 4)
        for asset in range(2):
            ledger.transfer_many(OUTSIDE, np.arange(3, 7), asset, 1e8)
    for one, other, buys, amount, counter in trades:
        given, taken = (0, 1) if buys else (1, 0)
        try:
            together.exchange(one, other, given, amount, taken, counter)
        except Overdraft:
            continue
        apart.transfer(one, other, given, amount)
        apart.transfer(other, one, taken, counter)
    assert np.array_equal(together.balances, apart.balances)
    assert np.array_equal(together.scale(), apart.scale())
