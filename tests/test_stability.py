"""Liquity's designs in whole worlds: what the pool burns and gets, what the other borrowers take over, and limits.

The worked position is 10 ETH against 16,000 dollars at a minimum ratio of 110 %, beside another borrower.
"""

from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from abm import Run
from abm.model import UnderwaterModel

Play = Callable[..., Run]
POSITION = {"collateral": {"ETH": 10.0}, "debt": {"DAI": 16_000.0}}
SAFE = {"collateral": {"ETH": 200.0}, "debt": {"DAI": 16_000.0}}


def liquity(
    version: int, price: float, pool: float = 1e6, other: dict[str, Any] = SAFE, **terms: Any
) -> dict[str, Any]:
    """The changes of a small world in which the price falls to one at which the position is liquidated."""
    return {
        "pools__0__liquidation": {"design": f"liquity_v{version}", "stability_pool": pool, **terms},
        "pools__0__reserves__ETH": {"ltv": 0.8, "liquidation_threshold": 1.0 / 1.1},
        "assets__ETH__price__prices": [2000.0, price],
        "agents__borrowers": [{"positions": [POSITION, other]}],
    }


def first(rows: pd.DataFrame) -> pd.Series:
    """The liquidation of the worked position."""
    return rows[rows["account"] == 0].iloc[0]


@pytest.mark.parametrize(("price", "gain"), [(1750.0, 1412.5), (1500.0, -1075.0)])
def test_the_pool_takes_the_position_over_for_better_or_worse(play: Play, price: float, gain: float) -> None:
    """9.95 of 10 ETH for 16,000; the caller has a two-hundredth and 200 that were set aside."""
    run = play(**liquity(1, price))
    row = first(run.liquidations)
    assert (row["repaid"], row["seized"]) == (pytest.approx(16_000.0), pytest.approx(10.0))
    assert row["profit_usd"] == pytest.approx(0.05 * price + 200.0, rel=1e-9)
    assert run.summary["stability_pool_profit_usd"] == pytest.approx(gain, rel=1e-9)
    assert run.summary["bad_debt_usd"] == 0.0


@pytest.mark.parametrize("version", [1, 2])
def test_what_is_not_given_is_worth_the_same_dollars_where_debts_are_in_something_else(
    small_world: Any, model_of: Callable[..., UnderwaterModel], version: int
) -> None:
    """A pool that lends what is worth four dollars: ten million dollars in its stability pool, 200 for the caller."""
    changes = liquity(version, 1750.0)
    changes["pools__0__liquidation"] = {"design": f"liquity_v{version}"}
    changes["assets__DAI__price__price"] = 4.0
    lent = [{**held, "debt": {"DAI": 4_000.0}} for held in (POSITION, SAFE)]
    model = model_of(small_world(**changes | {"agents__borrowers": [{"positions": lent}]}))
    (lender,) = model.world.lenders
    assert model.world.ledger.balance(lender.auctions.account, 0) == pytest.approx(2.5e6, rel=1e-12)
    model.run()
    row = first(pd.DataFrame(model.recorder.columns("liquidations")))
    assert row["repaid"] == pytest.approx(4_000.0)
    if version == 1:
        assert row["profit_usd"] == pytest.approx(0.05 * 1750.0 + 200.0, rel=1e-9)


def test_what_the_pool_cannot_take_goes_to_the_other_borrowers(
    small_world: Any, model_of: Callable[..., UnderwaterModel]
) -> None:
    model = model_of(small_world(**liquity(1, 1750.0, pool=6000.0)))
    model.run()
    (lender,) = model.world.lenders
    pool = lender.auctions.account
    assert model.world.ledger.balance(pool, 0) == pytest.approx(0.0, abs=1e-9)
    assert model.world.ledger.balance(pool, 1) == pytest.approx(3.73125, rel=1e-12)
    assert lender.pool.debt(1, 0) == pytest.approx(26_000.0, rel=1e-12)
    assert lender.pool.collateral[1, 1] == pytest.approx(206.21875, rel=1e-12)
    assert not lender.pool.position(0)[0][1]


def test_others_take_over_in_proportion_to_their_collateral(
    small_world: Any, model_of: Callable[..., UnderwaterModel]
) -> None:
    world = small_world(**liquity(1, 1750.0, pool=0.0))
    more = {"collateral": {"ETH": 100.0}, "debt": {"DAI": 1000.0}}
    world["agents"]["borrowers"][0]["positions"].append(more)
    model = model_of(world)
    model.run()
    (lender,) = model.world.lenders
    assert lender.pool.collateral[1:3, 1] == pytest.approx([200.0 + 9.95 * 2 / 3, 100.0 + 9.95 / 3], rel=1e-12)
    assert [lender.pool.debt(k, 0) for k in (1, 2)] == pytest.approx(
        [16_000.0 + 32_000.0 / 3, 1000.0 + 16_000.0 / 3], rel=1e-12
    )


@pytest.mark.parametrize(
    ("price", "pool", "to_pool", "redistributed", "surplus", "gas"),
    [
        (1750.0, 1e6, 9.6, 0.0, 0.35, 0.05),
        (1750.0, 6001.0, 3.6, 6.285714286, 0.095535714, 0.01875),
        (1750.0, 0.0, 0.0, 10.0, 0.0, 0.0),
        (1600.0, 1e6, 9.95, 0.0, 0.0, 0.05),
    ],
)
def test_version_two_leaves_the_borrower_what_the_penalties_do_not_need(
    small_world: Any,
    model_of: Callable[..., UnderwaterModel],
    price: float,
    pool: float,
    to_pool: float,
    redistributed: float,
    surplus: float,
    gas: float,
) -> None:
    model = model_of(small_world(**liquity(2, price, pool=pool)))
    model.run()
    (lender,) = model.world.lenders
    balance = model.world.ledger.balance
    assert balance(lender.auctions.account, 1) == pytest.approx(to_pool, rel=1e-9)
    assert lender.pool.collateral[1, 1] == pytest.approx(200.0 + redistributed, abs=1e-9)
    assert balance(lender.first_holder, 1) == pytest.approx(surplus, abs=1e-9)
    assert model.recorder.liquidations()["profit_usd"].tolist() == pytest.approx([(gas + 0.0375) * price], rel=1e-9)


@pytest.mark.parametrize("gas", [0.1, 0.3, 1.0 / 3.0, 2.0 / 3.0])
def test_the_last_part_of_a_position_is_what_rounding_has_left_of_it(play: Play, gas: float) -> None:
    """Of ten million ETH the pool takes all but a fraction of one, which is the caller's."""
    large = {"collateral": {"ETH": 1e7}, "debt": {"DAI": 1.6e10}}
    run = play(
        **liquity(2, 1600.0, pool=1e11, max_gas_compensation_units=gas, gas_deposit_units=0.0)
        | {"agents__borrowers": [{"positions": [large, SAFE]}], "agents__depositors": [{"deposits": {"DAI": 2e10}}]}
    )
    row = first(run.liquidations)
    assert (row["repaid"], row["seized"]) == pytest.approx((1.6e10, 1e7))
    assert row["profit_usd"] == pytest.approx(gas * 1600.0, rel=1e-8)


def test_the_last_borrower_is_never_liquidated(play: Play) -> None:
    for version in (1, 2):
        run = play(**(liquity(version, 1700.0) | {"agents__borrowers": [{"positions": [POSITION]}]}))
        assert run.liquidations.empty


def test_recovery_mode_redistributes_what_is_under_water_and_spares_the_pool(
    small_world: Any, model_of: Callable[..., UnderwaterModel]
) -> None:
    """At 1,500 all collateral is worth less than half more than all debt, the position less than its debt."""
    other = {"collateral": {"ETH": 100.0}, "debt": {"DAI": 105_000.0}}
    model = model_of(small_world(**liquity(1, 1500.0, other=other)))
    model.run()
    (lender,) = model.world.lenders
    assert model.world.ledger.balance(lender.auctions.account, 0) == 1e6
    assert lender.pool.debt(1, 0) == pytest.approx(121_000.0, rel=1e-12)
    assert lender.pool.collateral[1, 1] == pytest.approx(109.95, rel=1e-12)


def test_recovery_mode_reaches_healthy_positions_and_caps_what_they_lose(
    small_world: Any, model_of: Callable[..., UnderwaterModel]
) -> None:
    """At 2,000 and 125 % of its debt, below the 140 % of all: 8.756 to the pool, .044 to the caller, 1.2 left."""
    other = {"collateral": {"ETH": 100.0}, "debt": {"DAI": 141_142.857142857}}
    model = model_of(small_world(**liquity(1, 2000.0, other=other)))
    model.run()
    (lender,) = model.world.lenders
    balance = model.world.ledger.balance
    assert balance(lender.auctions.account, 1) == pytest.approx(8.756, rel=1e-9)
    assert balance(lender.first_holder, 1) == pytest.approx(1.2, rel=1e-9)
    assert model.recorder.liquidations()["account"].tolist() == [0]


def test_a_redistribution_may_be_what_makes_the_next_one_liquidatable(play: Play) -> None:
    """Debt taken over from one that is under water pulls a weak borrower below the line, in the same fall."""
    weak = {"collateral": {"ETH": 100.0}, "debt": {"DAI": 140_000.0}}
    strong = {"collateral": {"ETH": 1.0}, "debt": {"DAI": 1.0}}
    changes = liquity(1, 1550.0, pool=0.0, critical_collateral_ratio=0.0)
    changes["agents__borrowers"] = [{"positions": [POSITION, weak, strong]}]
    run = play(**changes, time__steps=6)
    assert run.liquidations["account"].tolist() == [0, 1]
    alone = play(**(changes | {"agents__borrowers": [{"positions": [SAFE, weak, strong]}]}), time__steps=6)
    assert alone.liquidations.empty


def test_callers_open_only_what_pays_for_their_gas(play: Play) -> None:
    reward = 0.05 * 1750.0 + 200.0
    for gas, count in ((reward - 0.01, 1), (reward + 0.01, 0)):
        run = play(**liquity(1, 1750.0), agents__liquidators=[{"capital_usd": 0.0, "gas_usd": gas}])
        assert len(run.liquidations) == count
