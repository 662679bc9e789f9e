"""The watch says who is below their line: always what looking at everybody would say."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import models.lending.health as health_module
from models.lending import Below, HealthWatch, LendingPool, ReserveTerms, TooManyReserves
from models.types import FloatArray


def pool_of(accounts: int, thresholds: list[float], rate: float = 0.05) -> LendingPool:
    """Reserves full of cash and empty accounts; account 0 is the supplier."""
    terms = [ReserveTerms(liquidation_threshold=t, reserve_factor=0.1) for t in thresholds]
    pool = LendingPool(terms, [lambda _: rate] * len(terms), accounts)
    for reserve in range(len(terms)):
        pool.supply(0, reserve, 1e9)
    return pool


def brute_force(pool: LendingPool, line: FloatArray | float, prices: FloatArray) -> Below:
    """Looks at everybody."""
    everybody = pool.valuation(prices)
    (accounts,) = np.nonzero(everybody.health < line)
    return Below(
        accounts,
        everybody.health[accounts],
        everybody.debt_value[accounts],
        everybody.collateral_value[accounts],
    )


def assert_same(found: Below, expected: Below) -> None:
    for one, other in zip(found, expected, strict=True):
        assert np.array_equal(one, other)


def test_more_reserves_than_bits_are_refused() -> None:
    with pytest.raises(TooManyReserves, match="64 reserves, a watch keeps 63 apart"):
        HealthWatch(pool_of(1, [0.5] * 64), 1.0)


def test_as_many_reserves_as_there_are_bits_are_kept_apart() -> None:
    """An account against each of them; each in turn falls alone."""
    pool = pool_of(64, [0.5] * 63)
    for reserve in range(63):
        pool.post(reserve + 1, reserve, 2.1)
        pool.borrow_many([reserve + 1], (reserve + 31) % 63, 1.0)
    watch = HealthWatch(pool, 1.0)
    for reserve in range(63):
        prices = np.ones(63)
        prices[reserve] = 0.9
        found = watch.below(prices)
        assert found.accounts.tolist() == [reserve + 1]
        assert_same(found, brute_force(pool, 1.0, prices))


def test_nobody_is_below_in_an_empty_pool() -> None:
    watch = HealthWatch(pool_of(1, [0.0, 0.8]), 1.0)
    found = watch.below(np.ones(2))
    assert [len(column) for column in found] == [0, 0, 0, 0]


def test_the_values_of_those_below() -> None:
    pool = pool_of(3, [0.0, 0.8])
    pool.post_many([1, 2], 1, [10.0, 10.0])
    pool.borrow_many([1, 2], 0, [9.0, 12.0])
    found = HealthWatch(pool, 1.0).below(np.ones(2))
    assert found.accounts.tolist() == [1, 2]
    assert (found.debt_value.tolist(), found.collateral_value.tolist()) == ([9.0, 12.0], [10.0, 10.0])


def test_an_account_exactly_on_its_line_is_not_below() -> None:
    pool = pool_of(2, [0.0, 0.5])
    pool.post(1, 1, 2.0)
    pool.borrow_many([1], 0, [1.0])
    watch = HealthWatch(pool, 1.0)
    assert len(watch.below(np.array([1.0, 1.0])).accounts) == 0
    assert len(watch.below(np.array([1.0, np.nextafter(1.0, 0.0)])).accounts) == 1


def test_interest_alone_brings_an_account_below() -> None:
    pool = pool_of(2, [0.0, 0.5])
    pool.post(1, 1, 2.0)
    pool.borrow_many([1], 0, [1.0])
    watch = HealthWatch(pool, 1.0)
    assert len(watch.below(np.ones(2)).accounts) == 0
    pool.accrue(12.0)
    assert watch.below(np.ones(2)).accounts.tolist() == [1]


def test_line_zero_is_nobodys_concern() -> None:
    pool = pool_of(3, [0.0, 0.5])
    pool.post_many([1, 2], 1, 1.0)
    pool.borrow_many([1, 2], 0, 1.0)
    watch = HealthWatch(pool, np.array([0.0, 0.4, 0.6]))
    assert watch.below(np.ones(2)).accounts.tolist() == [2]
    assert watch.below(np.array([1.0, 0.5])).accounts.tolist() == [1, 2]


def test_new_accounts_take_the_common_line() -> None:
    pool = pool_of(2, [0.0, 0.5])
    common, own = HealthWatch(pool, 1.0), HealthWatch(pool, np.ones(2))
    prices = np.ones(2)
    common.below(prices)
    first = pool.add_accounts(70)
    pool.borrow_many(np.arange(first, first + 70), 0, 1.0)
    assert common.below(prices).accounts.tolist() == list(range(first, first + 70))
    assert own.below(prices).accounts.tolist() == []


def test_a_price_of_nothing_hides_nobody_before_or_after() -> None:
    pool = pool_of(4, [0.5, 0.5, 0.0])
    pool.post_many([1, 2, 2], 0, [10.0, 10.0, 0.0])
    pool.post(2, 1, 10.0)
    pool.borrow_many([1, 2], 2, 4.0)
    pool.borrow_many([3], 1, 1.0)
    walk = [[1, 1, 1], [0, 1, 1], [0, 0, 1], [1, 0, 0], [1, 1, 0], [1, 1, 1]]
    for start in range(len(walk)):
        watch = HealthWatch(pool, 1.0)
        for step in walk[start:] + walk[:start]:
            prices = np.array(step, np.float64)
            assert_same(watch.below(prices), brute_force(pool, 1.0, prices))


def test_with_one_collateral_and_one_debt_nobody_is_looked_at_in_vain() -> None:
    rng = np.random.default_rng(3)
    pool = pool_of(1_001, [0.0, 0.8])
    accounts = np.arange(1, 1_001)
    pool.post_many(accounts, 1, rng.uniform(1.0, 2.0, 1_000))
    pool.borrow_many(accounts, 0, 0.8)
    watch = HealthWatch(pool, 1.0)
    for price in np.linspace(1.0, 0.6, 50):
        prices = np.array([1.0, price])
        pool.accrue(3600.0)
        assert_same(watch.below(prices), brute_force(pool, 1.0, prices))
    assert watch._looks_in_vain == 0.0


def test_a_new_anchor_is_made_once_looks_in_vain_have_paid_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health_module, "_LOOKS_PER_ANCHOR", 0)
    pool = pool_of(11, [0.8, 0.8, 0.0])
    accounts = np.arange(1, 11)
    pool.post_many(accounts, 0, 1.0)
    pool.post_many(accounts, 1, 1.0)
    pool.borrow_many(accounts, 2, 1.5)
    watch = HealthWatch(pool, 1.0)
    watch.below(np.array([1.0, 1.0, 1.0]))
    shifted = np.array([1.5, 0.6, 1.0])
    in_vain = []
    for _ in range(20):
        assert len(watch.below(shifted).accounts) == 0
        in_vain.append(watch._looks_in_vain)
    assert in_vain[:16] == [10.0 * k for k in range(1, 17)]
    assert in_vain[16:] == [0.0] * 4


def test_closed_accounts_are_forgotten_and_remembered_when_they_borrow_again() -> None:
    pool = pool_of(3, [0.0, 0.5])
    pool.post_many([1, 2], 1, 4.0)
    pool.borrow_many([1, 2], 0, 1.0)
    watch = HealthWatch(pool, 1.0)
    prices = np.array([1.0, 0.4])
    assert watch.below(prices).accounts.tolist() == [1, 2]
    pool.repay(1, 0, 1.0)
    assert watch.below(prices).accounts.tolist() == [2]
    assert watch._touched_count == 0
    pool.borrow_many([1], 0, 3.0)
    assert watch.below(prices).accounts.tolist() == [1, 2]


@given(
    seed=st.integers(0, 2**32 - 1),
    thresholds=st.lists(st.sampled_from([0.0, 0.5, 0.8, 1.0]), min_size=1, max_size=4),
    accounts=st.integers(1, 60),
    patience=st.sampled_from([0, 1, 16]),
    volatility=st.sampled_from([1e-4, 0.02, 0.3]),
    common_line=st.booleans(),
)
@settings(max_examples=150)
def test_the_watch_agrees_with_looking_at_everybody(
    seed: int, thresholds: list[float], accounts: int, patience: int, volatility: float, common_line: bool
) -> None:
    rng = np.random.default_rng(seed)
    reserves = len(thresholds)
    pool = pool_of(accounts, thresholds)
    used = rng.random((2, accounts, reserves)) < rng.uniform(0.2, 0.9)
    for reserve in range(reserves):
        pool.post_many(np.arange(accounts), reserve, used[0, :, reserve] * rng.lognormal(0.5, 1.0, accounts))
        pool.borrow_many(np.arange(accounts), reserve, used[1, :, reserve] * rng.lognormal(-0.5, 1.0, accounts))
    line = 1.0 if common_line else rng.choice([0.0, 0.8, 1.0, 1.5], accounts)
    watch = HealthWatch(pool, line)
    prices = rng.lognormal(0.0, 1.0, reserves)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(health_module, "_LOOKS_PER_ANCHOR", 0)
        patch.setattr(health_module, "_LOOKS_PER_ANCHORED", patience)
        for _ in range(25):
            prices = prices * np.exp(rng.normal(0.0, volatility, reserves))
            pool.accrue(float(rng.exponential(1e5)))
            for _ in range(rng.poisson(1.5)):
                account, reserve = int(rng.integers(accounts)), int(rng.integers(reserves))
                match rng.integers(5):
                    case 0:
                        pool.post(account, reserve, rng.exponential())
                    case 1:
                        pool.borrow_many([account], reserve, rng.exponential())
                    case 2:
                        pool.repay(account, reserve, rng.exponential(2.0))
                    case 3:
                        pool.seize(account, reserve, rng.random() * pool.collateral[account, reserve])
                    case 4:
                        pool.write_off(account, reserve)
            found = watch.below(prices)
            assert_same(found, brute_force(pool, line, prices))
            for account in found.accounts[:2].tolist():
                for reserve in range(reserves):
                    pool.repay(account, reserve, 0.5 * pool.debt(account, reserve))
