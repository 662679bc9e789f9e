"""The landscape of debt by liquidation price is what looking at everybody would say, sampled through a run."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from abm import Scenario, simulate
from abm.record.survey import RATIOS
from models.lending import HealthWatch, Landscape, LendingPool, ReserveTerms
from models.types import FloatArray


def pool_of(accounts: int, thresholds: list[float]) -> LendingPool:
    """Reserves full of cash and empty accounts; account 0 is the supplier."""
    terms = [ReserveTerms(liquidation_threshold=t, reserve_factor=0.1) for t in thresholds]
    pool = LendingPool(terms, [lambda _: 0.05] * len(terms), accounts)
    for reserve in range(len(terms)):
        pool.supply(0, reserve, 1e9)
    return pool


def brute_force(pool: LendingPool, prices: FloatArray, edges: FloatArray) -> FloatArray:
    """Looks at everybody: the debt by the largest collateral and its price over the position's health."""
    debt = np.zeros((pool.reserves, edges.shape[1] + 1))
    valued = pool.valuation(prices)
    backing = pool.collateral * prices * pool.thresholds
    for account in np.flatnonzero((valued.debt_value > 0.0) & (backing.sum(axis=1) > 0.0)):
        largest = int(backing[account].argmax())
        price = prices[largest] / valued.health[account]
        debt[largest, np.searchsorted(edges[largest], price, side="right")] += valued.debt_value[account]
    return debt


def edges_of(pool: LendingPool) -> FloatArray:
    return np.tile(np.exp(np.linspace(-3.0, 1.0, 41)), (pool.reserves, 1)) * 1.0001


def test_a_position_lies_at_the_price_at_which_its_health_is_one() -> None:
    pool = pool_of(2, [0.0, 0.8])
    pool.post(1, 1, 10.0)
    pool.borrow_many([1], 0, [4.0])  # 10 * 0.8 * p = 4 at p = 0.5
    landscape = Landscape(pool, HealthWatch(pool, 1.0), np.array([[0.4, 0.49, 0.51], [0.4, 0.49, 0.51]]))
    np.testing.assert_array_equal(landscape.debt(np.ones(2)), [[0, 0, 0, 0], [0, 0, 4.0, 0]])
    np.testing.assert_allclose(landscape.debt(np.array([2.0, 1.0])), [[0, 0, 0, 0], [0, 0, 0, 8.0]], rtol=1e-12)


def test_a_position_stays_in_its_bin_while_the_price_moves_and_leaves_it_when_repaid() -> None:
    pool = pool_of(3, [0.0, 0.8])
    pool.post_many([1, 2], 1, [10.0, 10.0])
    pool.borrow_many([1, 2], 0, [4.0, 5.0])
    landscape = Landscape(pool, HealthWatch(pool, 1.0), np.tile([0.4, 0.49, 0.51, 0.7], (2, 1)))
    for price in (1.0, 0.3, 5.0):
        np.testing.assert_allclose(landscape.debt(np.array([1.0, price]))[1], [0, 0, 4.0, 5.0, 0], rtol=1e-12)
    pool.repay(2, 0, 5.0)
    np.testing.assert_array_equal(landscape.debt(np.ones(2))[1], [0, 0, 4.0, 0, 0])


def test_what_nothing_backs_has_no_price() -> None:
    pool = pool_of(3, [0.0, 0.8])
    pool.borrow_many([1], 0, [4.0])
    pool.post(2, 0, 5.0)  # of a reserve that backs nothing
    pool.borrow_many([2], 1, [1.0])
    assert not Landscape(pool, HealthWatch(pool, 1.0), edges_of(pool)).debt(np.ones(2)).any()
    empty = pool_of(1, [0.0, 0.8])
    assert not Landscape(empty, HealthWatch(empty, 1.0), edges_of(empty)).debt(np.ones(2)).any()


@settings(max_examples=60)
@given(seed=st.integers(0, 10_000), mixed=st.booleans())
def test_the_landscape_is_what_looking_at_everybody_would_say(seed: int, mixed: bool) -> None:
    rng = np.random.default_rng(seed)
    pool = pool_of(300, [0.8, 0.6, 0.0, 0.0])
    everybody = np.arange(1, 300)
    for reserve in (0, 1):
        some = everybody if mixed else everybody[everybody % 2 == reserve]
        pool.post_many(some, reserve, rng.lognormal(0.0, 1.0, len(some)) * rng.integers(0, 2, len(some)))
    for reserve in (2, 3):
        some = everybody if mixed else everybody[everybody % 4 // 2 == reserve - 2]
        pool.borrow_many(some, reserve, rng.lognormal(-1.0, 0.5, len(some)) * rng.integers(0, 2, len(some)))
    watch, prices = HealthWatch(pool, 1.0), np.ones(4)
    landscape = Landscape(pool, watch, edges_of(pool))
    for _ in range(12):
        prices *= np.exp(rng.normal(0.0, 0.1, 4))
        pool.accrue(86_400.0)
        for account in rng.integers(1, 300, rng.integers(0, 8)):
            pool.repay(int(account), 2 + int(rng.integers(0, 2)), float(rng.uniform(0.01, 1.0)))
            pool.post(int(account), int(rng.integers(0, 2)), 0.1)
        if rng.random() < 0.2:
            watch._anchored = False  # as after many looks in vain
        watch.below(prices)
        found = landscape.debt(prices)
        np.testing.assert_allclose(found, brute_force(pool, prices, edges_of(pool)), rtol=1e-9, atol=1e-9)
        assert ((found == 0.0) | (found > 1e-6)).all(), "a bin is empty or holds a position, no residue of sums"


DEBTS = tuple(12_000.0 + 400.0 * k for k in range(10))


def cascade(debts: tuple[float, ...] = DEBTS, **changes: object) -> Scenario:
    """Positions of ten ETH over one falling price, with a market that forced sales press."""
    return Scenario.from_dict(
        {
            "name": "ladder-of-positions",
            "time": {"steps": 60},
            "assets": {
                "DAI": {"price": {"kind": "constant", "price": 1.0}},
                "ETH": {
                    "price": {"kind": "path", "prices": np.linspace(2000.0, 1500.0, 60).tolist()},
                    "impact": {
                        "kind": "linear",
                        "daily_volume_usd": 1e6,
                        "daily_volatility": 0.1,
                        "half_life_seconds": 1e9,
                    },
                },
            },
            "markets": [{"base": "ETH", "quote": "DAI", "sources": [{"kind": "infinite"}]}],
            "pools": [
                {
                    "name": "core",
                    "reserves": {"DAI": {}, "ETH": {"ltv": 0.8, "liquidation_threshold": 0.83}},
                    "liquidation": {"design": "fixed_spread", "liquidation_bonus": 0.05, "close_factor": 1.0},
                    "losses": {"layers": []},
                }
            ],
            "agents": {
                "borrowers": [{"positions": [{"collateral": {"ETH": 10.0}, "debt": {"DAI": debt}} for debt in debts]}],
                "liquidators": [{"capital_usd": 1e9}],
                "depositors": [{"deposits": {"DAI": 1e6}}],
            },
            **changes,
        }
    )


def test_where_positions_are_valued_one_by_one_there_are_fewer_samples(monkeypatch: pytest.MonkeyPatch) -> None:
    alike = simulate(cascade(), seed=1).landscape
    assert alike["step"].nunique() == 60
    agents = cascade().to_dict()["agents"]
    for position in agents["borrowers"][0]["positions"]:
        position["collateral"]["DAI"] = 1.0
    reserves = {"DAI": {"ltv": 0.5, "liquidation_threshold": 0.5}, "ETH": {"ltv": 0.8, "liquidation_threshold": 0.83}}
    pools = cascade().to_dict()["pools"]
    pools[0]["reserves"] = reserves
    monkeypatch.setattr("abm.record.survey.LOOKS", 60)
    mixed = simulate(cascade(agents=agents, pools=pools), seed=1)
    # 96 samples of ten positions are sixteen times as many looks as are granted.
    assert mixed.landscape["step"].unique().tolist() == [0, 16, 32, 48, 59]
    np.testing.assert_allclose(
        mixed.landscape.groupby("step")["debt_usd"].sum(), mixed.steps["debt_usd"][[0, 16, 32, 48, 59]], rtol=1e-9
    )


def test_every_sample_holds_the_debt_of_all_open_positions() -> None:
    run = simulate(cascade(), seed=1)
    assert len(run.liquidations) > 2
    by_step = run.landscape.groupby("step")["debt_usd"].sum()
    owed = run.steps.set_index("step")["debt_usd"]
    np.testing.assert_allclose(by_step, owed[by_step.index], rtol=1e-9)
    assert set(run.landscape["asset"]) == {"ETH"}


def test_the_table_says_between_which_prices_a_position_is_liquidated() -> None:
    run = simulate(cascade(), seed=1)
    first = run.landscape[run.landscape["step"] == 0]
    at = np.array([(12_000.0 + 400.0 * k) / 8.3 for k in range(10)])
    for price, debt in zip(at, 8.3 * at, strict=True):
        row = first[(first["price_low"] <= price) & (price < first["price_high"])]
        assert row["debt_usd"].item() == pytest.approx(debt, rel=1e-9)
    widths = np.log(run.landscape["price_high"] / run.landscape["price_low"])
    np.testing.assert_allclose(widths, 0.01, rtol=1e-6)
    assert RATIOS[0] == pytest.approx(0.05)


def test_the_lowest_bin_begins_at_nothing() -> None:
    landscape = simulate(cascade((10.0, 12_000.0), time={"steps": 1}), seed=1).landscape
    assert landscape["price_low"].iloc[0] == 0.0
    assert landscape["debt_usd"].tolist() == pytest.approx([10.0, 12_000.0])


def test_a_sample_in_which_nobody_owes_is_seen() -> None:
    """Else a map would show debt that is gone until somebody borrows again."""
    run = simulate(cascade((16_500.0,)), seed=1)
    assert run.steps["debt_usd"].iloc[-1] == 0.0
    last = run.landscape[run.landscape["step"] == 59]
    assert last["debt_usd"].tolist() == [0.0]
    assert run.landscape["step"].nunique() == 60


def test_prices_without_forced_sales_are_the_oracles_until_somebody_sells() -> None:
    run = simulate(cascade(), seed=1)
    oracle, unforced = run.steps["oracle_ETH"], run.steps["unforced_ETH"]
    first = int(run.liquidations["step"].min())
    np.testing.assert_array_equal(oracle[: first + 1], unforced[: first + 1])
    assert (oracle[first + 1 :] < unforced[first + 1 :]).all()
    fall, alone = 1.0 - oracle.min() / oracle[0], 1.0 - unforced.min() / unforced[0]
    assert run.summary["amplification"] == pytest.approx(fall / alone, rel=1e-12)


def test_without_feedback_prices_are_those_without_forced_sales() -> None:
    steps = simulate(cascade(feedback=False), seed=1).steps
    np.testing.assert_array_equal(steps["oracle_ETH"], steps["unforced_ETH"])
    np.testing.assert_array_equal(steps["oracle_DAI"], steps["unforced_DAI"])
