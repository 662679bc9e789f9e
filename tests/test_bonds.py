"""Ajna in whole worlds: who kicks, what the bond earns or loses, and how auctions end that takers did not end.

The worked loan is 10 ETH against 16,000 dollars at 5 % a year: a neutral price of 1850.040856 and a bond of 178.885438.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from abm import Run
from abm.model import UnderwaterModel
from abm.record.metrics import summarise

Play = Callable[..., Run]
RATIO = 1.0 + math.sqrt(0.05) / 2.0
NEUTRAL = 1.04 * 1600.0 * RATIO
BOND_FACTOR = (RATIO - 1.0) / 10.0
KICKER = {"capital_usd": 1000.0, "margin": 0.05}
TAKER = {"capital_usd": 1e9}


def ajna(price: float, threshold: float = 0.8, **changes: Any) -> dict[str, Any]:
    """The changes of a small world in which the loan can be kicked from the second block on; a block is a minute."""
    return {
        "pools__0__liquidation": {"design": "ajna", **changes.pop("terms", {})},
        "pools__0__reserves__ETH": {"ltv": threshold, "liquidation_threshold": threshold},
        "pools__0__reserves__DAI": {"rates": {"kind": "fixed", "rate_per_year": 0.05}},
        "assets__ETH__price__prices": [2100.0, price],
        "agents__liquidators": [KICKER, TAKER],
        "time__steps": 500,
        **changes,
    }


def taken(price: float) -> tuple[float, float, float]:
    """The rule restated: units, what is paid, and what the kicker earns, when all the debt is taken at a price."""
    reward = BOND_FACTOR * min(max((NEUTRAL - price) / (NEUTRAL - 1600.0), -1.0), 1.0)
    kept = 1.0 - (5.0 * BOND_FACTOR - reward) / 4.0
    units = min(16_000.0 / (price * kept), 10.0)
    return units, units * price, reward * units * price


def price_after(minutes: float) -> float:
    """The price of an auction at the neutral price, between two and fourteen hours."""
    return 4.0 * NEUTRAL * 2.0 ** (-(minutes - 120.0) / 120.0)


@pytest.mark.parametrize("market", [1900.0, 1700.0, 1650.0])
def test_the_loan_is_taken_at_the_first_price_below_the_market(play: Play, market: float) -> None:
    run = play(**ajna(market))
    lot, row = run.tables["auctions"].iloc[0], run.liquidations.iloc[0]
    minutes = row["step"] - lot["opened_step"]
    neutral = NEUTRAL * (1.0 + 0.05 / 525_600.0)  # a minute's interest until the kick
    price = price_after(minutes) * neutral / NEUTRAL
    assert price <= market < price_after(minutes - 1)
    units, paid, earned = taken(price)
    assert lot["raised"] == pytest.approx(paid, rel=1e-6)
    assert row["seized"] == pytest.approx(units, rel=1e-6)
    assert run.summary["liquidator_profit_usd"] == pytest.approx(row["profit_usd"] + earned, rel=1e-5)
    kicker, taker = run.liquidators["profit_usd"]
    assert (kicker, taker) == (pytest.approx(earned, rel=1e-5), pytest.approx(row["profit_usd"], rel=1e-9))
    assert (earned > 0.0) == (market < NEUTRAL)


def test_the_bond_is_locked_and_comes_back_with_what_it_earned(
    small_world: Any, model_of: Callable[..., UnderwaterModel]
) -> None:
    model = model_of(small_world(**ajna(1700.0)))
    (lender,) = model.world.lenders
    kicker = model.people.liquidators[0].first_account
    balance = model.world.ledger.balance
    for _ in range(10):
        model.step()
    bond = balance(lender.auctions.escrow, 0)
    assert bond == pytest.approx(178.885438, rel=1e-6)
    assert balance(kicker, 0) == pytest.approx(1000.0 - bond, rel=1e-12)
    assert model.recorder.blocks()["liquidator_capital_usd"][-1] == pytest.approx(1000.0 + 1e9, rel=1e-12)
    for _ in range(490):
        model.step()
    row = model.recorder.auctions().iloc[0]
    _, _, earned = taken(row["raised"] / row["sold"])
    assert balance(lender.auctions.escrow, 0) == 0.0
    assert balance(kicker, 0) == pytest.approx(1000.0 + earned, rel=1e-6)
    assert earned > 100.0
    model.world.check()


def test_nobody_kicks_who_cannot_lock_the_bond_or_would_lose_from_it(play: Play) -> None:
    for kicker in ({"capital_usd": 100.0, "margin": 0.05}, {"capital_usd": 1e9, "financing": "flash", "margin": 0.05}):
        assert play(**ajna(1700.0, agents__liquidators=[kicker])).tables["auctions"].empty
    # At 1,900, above the neutral price, a bond loses; who does not count on buying with a margin leaves it.
    assert play(**ajna(1900.0, agents__liquidators=[TAKER])).tables["auctions"].empty
    assert len(play(**ajna(1700.0, agents__liquidators=[TAKER])).tables["auctions"]) == 1


def test_what_collateral_does_not_cover_is_paid_by_the_reserves_up_to_the_cap_and_forgiven(play: Play) -> None:
    """At 1,500 all ten are taken and some 1,168 of the debt are left; the treasury pays a week's interest by two."""
    run = play(**ajna(1500.0), pools__0__reserves__DAI__treasury=100.0)
    lot = run.tables["auctions"].iloc[0]
    price = lot["raised"] / 10.0
    reward = BOND_FACTOR
    left = 16_000.0 - 10.0 * price * (1.0 - (5.0 * BOND_FACTOR - reward) / 4.0)
    parts = run.write_offs.set_index("layer")["paid"]
    assert parts["reserve"] == pytest.approx(16_000.0 * 0.05 / 52.0 / 2.0, rel=1e-4)
    assert parts["reserve"] + parts["depositors"] == pytest.approx(left, rel=1e-3)
    assert run.write_offs["amount"].tolist() == pytest.approx([parts.sum()] * 2, rel=1e-12)
    assert run.summary["bad_debt_usd"] == pytest.approx(parts.sum(), rel=1e-12)


def test_an_auction_that_nobody_takes_is_settled_in_kind_with_the_lenders(
    small_world: Any, model_of: Callable[..., UnderwaterModel]
) -> None:
    """After its time lenders take collateral at the lowest utilised price; the borrower keeps the rest."""
    changes = ajna(1700.0, terms={"settle_seconds": 3600.0}, agents__liquidators=[KICKER], time__steps=80)
    model = model_of(small_world(**changes))
    model.run()
    (lender,) = model.world.lenders
    (row,) = model.recorder.liquidations().to_dict("records")
    assert row["liquidator"] == "depositors"
    lowest = 1.04 * 0.8 * 1700.0
    assert row["repaid"] == pytest.approx(10.0 * lowest, rel=1e-5)  # an hour's interest
    assert row["seized"] == pytest.approx(10.0, rel=1e-12)
    assert row["profit_usd"] == 0.0
    claims = lender.pool.shares[:, 0].nonzero()[0]
    held = model.world.ledger.balances[lender.first_holder + claims, 1]
    assert held.sum() == pytest.approx(10.0, rel=1e-12)
    assert model.recorder.in_kind_loss_usd == pytest.approx(row["repaid"] - 17_000.0, rel=1e-9)
    # What that did not pay is forgiven, and the kicker has its whole bond again.
    assert model.recorder.write_offs()["layer"].tolist() == ["depositors"]
    assert model.world.ledger.balance(model.people.liquidators[0].first_account, 0) == pytest.approx(1000.0, rel=1e-12)


@pytest.mark.parametrize("lent", [0.0, 4000.0, 12_000.0, 1e6])
def test_what_the_treasury_lent_it_takes_in_kind(
    small_world: Any, model_of: Callable[..., UnderwaterModel], lent: float
) -> None:
    """Suppliers take the part of the collateral that is for what they give up; the rest is no gift to anybody."""
    changes = ajna(1700.0, terms={"settle_seconds": 3600.0}, agents__liquidators=[KICKER], time__steps=80)
    changes["pools__0__reserves__DAI"] |= {"treasury": 20_000.0}
    depositors = [{"deposits": {"DAI": lent}}] if lent else []
    model = model_of(small_world(**changes, agents__depositors=depositors))
    model.run()
    rows = model.recorder.liquidations().set_index("liquidator")
    owed, lowest = 10.0 * 1.04 * 0.8 * 1700.0, 1.04 * 0.8 * 1700.0
    given = min(lent, owed)
    assert rows["repaid"].sum() == pytest.approx(owed, rel=1e-5)  # an hour's interest
    np.testing.assert_allclose(rows["seized"] * lowest, rows["repaid"], rtol=1e-5)
    repaid = rows["repaid"].to_dict()
    assert repaid.get("depositors", 0.0) == pytest.approx(given, rel=1e-4)
    assert repaid.get("reserve", 0.0) == pytest.approx(owed - given, rel=1e-4)
    (lender,) = model.world.lenders
    assert model.world.ledger.balance(lender.fees, 1) == pytest.approx(10.0 - given / lowest, rel=1e-4, abs=1e-9)
    assert summarise(model)["bad_debt_usd"] == pytest.approx(16_000.0 - owed, rel=1e-3)
    told = model.recorder.depositors()
    assert told["in_kind"].sum() == pytest.approx(given, rel=1e-4)


def test_a_bond_comes_back_in_the_money_that_it_came_from(
    small_world: Any, model_of: Callable[..., UnderwaterModel]
) -> None:
    kicker = KICKER | {"capital_asset": "USDC"}
    changes = ajna(1700.0, terms={"settle_seconds": 3600.0}, agents__liquidators=[kicker], time__steps=80)
    model = model_of(small_world(**changes, assets__USDC={"price": {"kind": "constant", "price": 1.25}}))
    model.run()
    assert model.recorder.write_offs()["layer"].tolist() == ["depositors"]
    kept = model.world.ledger.balances[model.people.liquidators[0].first_account]
    assert kept.tolist() == pytest.approx([0.0, 0.0, 1000.0 / 1.25], abs=1e-9)


@pytest.mark.parametrize(("market", "kicks"), [(1700.0, True), (1900.0, False)])
def test_what_a_bond_would_earn_is_seen_at_the_price_in_units_of_the_debt(
    play: Play, market: float, kicks: bool
) -> None:
    """A debt in a coin that is worth two dollars, and a kicker that counts on the bond alone."""
    world = ajna(market, agents__liquidators=[{"capital_usd": 2000.0}])
    world |= {"assets__ETH__price__prices": [4200.0, 2.0 * market], "assets__DAI__price__price": 2.0}
    assert play(**world | {"time__steps": 5}).tables["auctions"].empty is not kicks


def test_what_the_treasury_pays_whole_is_a_bad_debt_that_was_absorbed(play: Play) -> None:
    """No cap and no interest, so that the rule leaves nothing for the layers: the steps tell it all the same."""
    changes = ajna(1500.0, terms={"reserves_cap_seconds": 0.0})
    run = play(**changes | {"pools__0__reserves__DAI": {"treasury": 5000.0}})
    assert run.write_offs["layer"].tolist() == ["reserve"]
    end = run.steps.iloc[-1]
    assert end["absorbed_usd"] == pytest.approx(end["bad_debt_usd"], rel=1e-12)
    assert end["bad_debt_usd"] > 1000.0
    assert end["deficit_usd"] == pytest.approx(0.0, abs=1e-9)
