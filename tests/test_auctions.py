"""Designs that take time, in whole worlds: the worked figures, who gets what, what is frozen, and their limits.

The worked position is 10 ETH against 16 000 dollars; what a liquidation opens in one block can be taken from the next.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from abm import Run
from abm.model import UnderwaterModel
from builders.loans import MAT

Play = Callable[..., Run]


def stated(figure: str) -> Any:
    """A figure, to one in the last digit that it is stated with."""
    return pytest.approx(float(figure), rel=1e-9, abs=1.001 * 10.0 ** -len(figure.partition(".")[2]))


def timed(design: dict[str, Any], prices: list[float], threshold: float = 0.83, **changes: Any) -> dict[str, Any]:
    """The changes of a small world: a design, a path of prices, the threshold, and anything else."""
    return {
        "pools__0__liquidation": design,
        "assets__ETH__price__prices": prices,
        "pools__0__reserves__ETH": {"ltv": min(0.8, threshold), "liquidation_threshold": threshold},
        **changes,
    }


def only(rows: pd.DataFrame) -> pd.Series:
    """The only row of a table."""
    assert len(rows) == 1
    return rows.iloc[0]


def left(run: Run) -> pd.Series:
    """The last block of a run."""
    return run.steps.iloc[-1]


# Compound III

COMET = {"design": "compound_v3"}


@pytest.mark.parametrize(
    ("price", "paid", "credited", "reserves", "gain"),
    [(1780.0, 17355.0, 910.0, 445.0, 445.0), (1700.0, 16575.0, 150.0, 425.0, 425.0)],
)
def test_the_protocol_absorbs_and_its_store_front_sells(
    play: Play, price: float, paid: float, credited: float, reserves: float, gain: float
) -> None:
    """The borrower is credited with what the collateral pays for beyond the debt; the reserves get half the penalty."""
    run = play(**timed(COMET, [2000.0, price], 0.895, time__steps=6))
    row, lot = only(run.liquidations), only(run.tables["auctions"])
    assert (row["step"], lot["opened_step"]) == (2, 1)
    assert row["seized"] == pytest.approx(10.0, rel=1e-12)
    assert lot["raised"] == pytest.approx(paid, rel=1e-9)
    assert row["profit_usd"] == pytest.approx(gain, rel=1e-9)
    assert left(run)["treasury_usd"] == pytest.approx(reserves, rel=1e-9)
    assert left(run)["deposits_usd"] == pytest.approx(1e6 + credited, rel=1e-9)
    assert run.summary["protocol_revenue_usd"] == pytest.approx(reserves, rel=1e-9)
    assert run.summary["borrower_loss_usd"] == pytest.approx(price * 10.0 - 16_000.0 - credited, rel=1e-9)
    assert run.write_offs.empty


@pytest.mark.parametrize(("price", "loss", "gain"), [(1600.0, 400.0, 400.0), (1500.0, 1375.0, 375.0)])
def test_what_the_store_front_does_not_bring_is_bad_debt(play: Play, price: float, loss: float, gain: float) -> None:
    """The loss is known when all is sold, and the treasury bears it first."""
    run = play(
        **timed(COMET, [2000.0, price], 0.895, time__steps=6),
        pools__0__losses={"layers": [{"kind": "reserve"}]},
        pools__0__reserves__DAI__treasury=100.0,
    )
    assert only(run.liquidations)["profit_usd"] == pytest.approx(gain, rel=1e-9)
    assert run.write_offs["amount"].unique() == pytest.approx([loss], rel=1e-9)
    assert run.summary["reserve_paid_usd"] == pytest.approx(100.0)
    assert run.summary["depositor_loss_usd"] == pytest.approx(loss - 100.0, rel=1e-9)


def test_above_the_threshold_nothing_is_absorbed(play: Play) -> None:
    assert play(**timed(COMET, [2000.0, 1790.0], 0.895, time__steps=6)).tables["auctions"].empty


@pytest.mark.parametrize("wrapped", [0.05, 4.0])
@pytest.mark.parametrize("price", [1650.0, 1500.0])
def test_all_collaterals_are_absorbed_in_one_call_and_the_reserves_bear_one_loss(
    play: Play, small_world: Any, price: float, wrapped: float
) -> None:
    """Of 10 ETH and some of another asset, a part of whose threshold is so low that the rest would be healthy.

    The user is credited max(0, 0.95 V - D), and the reserves get 0.975 V for max(D, 0.95 V). A borrower under water
    has lost what the buyers gained.
    """
    run = play(
        **timed(COMET, [2000.0, price], 0.895, time__steps=6),
        assets__WBTC={"price": {"kind": "constant", "price": 1000.0}},
        markets=[*small_world()["markets"], {"base": "WBTC", "quote": "DAI", "sources": [{"kind": "infinite"}]}],
        pools__0__reserves__WBTC={"ltv": 0.4, "liquidation_threshold": 0.4},
        agents__borrowers__0__positions=[{"collateral": {"ETH": 10.0, "WBTC": wrapped}, "debt": {"DAI": 17_500.0}}],
    )
    worth, debt = 10.0 * price + 1000.0 * wrapped, 17_500.0
    borne = max(debt, 0.95 * worth)
    assert sorted(run.tables["auctions"]["units"]) == pytest.approx([wrapped, 10.0], rel=1e-12)
    assert set(run.liquidations["step"]) == {2}
    assert run.liquidations["profit_usd"].sum() == pytest.approx(0.025 * worth, rel=1e-9)
    assert run.summary["bad_debt_usd"] == pytest.approx(max(borne - 0.975 * worth, 0.0), rel=1e-9)
    assert run.summary["borrower_loss_usd"] == pytest.approx(worth - min(borne, 0.975 * worth), rel=1e-9)


def test_nobody_absorbs_for_nothing(play: Play) -> None:
    """Without a discount there is nothing to earn by buying what was absorbed."""
    run = play(**timed(COMET | {"store_front_price_factor": 0.0}, [2000.0, 1700.0], 0.895, time__steps=6))
    assert run.tables["auctions"].empty
    assert left(run)["liquidatable_usd"] == pytest.approx(16_000.0)


def test_what_is_absorbed_is_one_lot_that_is_sold_in_parts(play: Play) -> None:
    """Two positions, a buyer with money for a part of what they bring, at a price that follows the feed."""
    run = play(
        **timed(COMET, [2000.0, 1700.0, 1700.0, 1690.0], 0.895, time__steps=12),
        agents__borrowers__0__positions=[{"collateral": {"ETH": 10.0}, "debt": {"DAI": 16_000.0}}] * 2,
        agents__liquidators__0__capital_usd=5000.0,
    )
    lot = only(run.tables["auctions"])
    assert (lot["units"], lot["open"]) == (20.0, 0)
    assert lot["sold"] == pytest.approx(20.0, rel=1e-12)
    assert len(run.liquidations) > 3
    first, last = run.liquidations.iloc[0], run.liquidations.iloc[-1]
    assert first["repaid"] / first["seized"] == pytest.approx(1657.5, rel=1e-9)
    assert (last["repaid"] + last["protocol_fee"] * 1690.0) / last["seized"] == pytest.approx(1690.0 * 0.975, rel=1e-9)


def test_what_is_not_for_sale_is_not_absorbed(play: Play) -> None:
    """With reserves at their target nothing is sold, so that nobody earns anything by absorbing."""
    run = play(
        **timed(COMET | {"target_reserves_usd": 1e5}, [2000.0, 1600.0], 0.895, time__steps=6),
        pools__0__reserves__DAI__treasury=100_000.0,
    )
    assert run.tables["auctions"].empty


# Maker's Dutch auction

CLIP = {"design": "maker_clip"}


def clip(play: Play, feed: float, market: float, **changes: Any) -> Run:
    """A vault that is caught at a feed from which the market falls on."""
    return play(**timed(CLIP, [2500.0, feed, market], MAT, time__steps=200, time__step_seconds=30.0, **changes))


@pytest.mark.parametrize(
    ("feed", "market", "seconds", "paid", "units", "returned", "net"),
    [
        (2390.0, 2350.0, 2520.0, "18080.0", "7.710308", "2.289692", "1761.92"),
        (1900.0, 1700.0, 3420.0, "16859.098", "10.0", "0.0", "541.018"),
        (1700.0, 1500.0, 3510.0, "14933.612", "10.0", "0.0", "-1384.468"),
        (1600.0, 1400.0, 3600.0, "13914.613", "10.0", "0.0", "-2403.467"),
    ],
)
def test_a_vault_is_sold_at_the_first_step_below_the_market(
    play: Play, feed: float, market: float, seconds: float, paid: str, units: str, returned: str, net: str
) -> None:
    """What the protocol is left with is what was paid, less the debt and what it paid the caller."""
    run = clip(play, feed, market)
    row, lot = only(run.liquidations), only(run.tables["auctions"])
    assert (row["step"] - lot["opened_step"]) * 30.0 == seconds
    assert (lot["due"], lot["tab"]) == (16_000.0, pytest.approx(18_080.0, rel=1e-12))
    assert lot["raised"] == stated(paid)
    assert row["seized"] == stated(units)
    assert lot["returned"] == stated(returned)
    end = left(run)
    assert end["treasury_usd"] - end["deficit_usd"] - run.summary["bad_debt_usd"] == stated(net)
    assert run.summary["bad_debt_usd"] == pytest.approx(max(16_000.0 - float(paid), 0.0), abs=1e-3)
    gains = row["profit_usd"] + 318.08
    assert run.summary["liquidator_profit_usd"] == pytest.approx(gains, rel=1e-9)


def test_what_a_sale_leaves_is_the_borrowers_again(model_of: Callable[..., UnderwaterModel], small_world: Any) -> None:
    """It leaves the pool for the wallet, where nothing else is owed."""
    model = model_of(small_world(**timed(CLIP, [2500.0, 2390.0, 2350.0], MAT, time__steps=100)))
    model.run()
    (lender,) = model.world.lenders
    assert model.world.ledger.balance(lender.first_holder, lender.assets[1]) == stated("2.289692")
    assert not lender.pool.collateral.any()
    assert not lender.pool.scaled_debt.any()


def test_what_a_sale_leaves_stays_where_the_account_owes_more(play: Play) -> None:
    """Debt in another reserve needs what the auction of the pair did not."""
    run = play(
        **timed(CLIP, [2500.0, 2390.0, 2350.0], MAT, time__steps=60),
        assets__USD={"price": {"kind": "constant", "price": 1.0}},
        pools__0__reserves__USD={},
        agents__borrowers__0__positions=[{"collateral": {"ETH": 11.0}, "debt": {"DAI": 16_000.0, "USD": 2000.0}}],
    )
    lot = run.tables["auctions"].iloc[0]
    assert lot["returned"] > 3.0
    assert left(run)["collateral_usd"] == pytest.approx(lot["returned"] * 2350.0, rel=1e-9)
    assert left(run)["debt_usd"] == pytest.approx(2000.0)


def test_the_penalty_pays_the_interest_of_the_auction_first(play: Play) -> None:
    """The debt grows while the lot is for sale: what is raised for it repays all of it, and nothing is written off."""
    run = play(
        **timed(CLIP, [2500.0, 2390.0, 2350.0], MAT, time__steps=100),
        pools__0__reserves__DAI={"rates": {"kind": "fixed", "rate_per_year": 20.0}},
    )
    row, lot = only(run.liquidations), only(run.tables["auctions"])
    assert lot["due"] < row["repaid"] < lot["raised"]
    assert left(run)["debt_usd"] == 0.0
    assert run.write_offs.empty


def test_a_frozen_account_is_neither_opened_again_nor_mended(play: Play) -> None:
    """Its owner would repay at once if it could; while its lot is for sale, it cannot."""
    watching = {
        "positions": [{"collateral": {"ETH": 10.0}, "debt": {"DAI": 16_000.0}}],
        "watching": 1.0,
        "watch_interval_seconds": 60.0,
        "react_below": 0.99,
        "reactions": {"repay": 1.0},
        "wallet_share": 1.0,
        "react_delay_seconds": 300.0,
    }
    run = play(**timed(CLIP, [2500.0, 2390.0, 2350.0], MAT, time__steps=30), agents__borrowers=[watching])
    assert run.summary["mended"] == 0.0
    assert len(run.tables["auctions"]) == 1
    assert left(run)["liquidatable_usd"] == pytest.approx(16_000.0)
    spot = play(
        **timed({"design": "aave_v3"}, [2500.0, 2390.0, 2350.0], MAT, time__steps=30),
        agents__borrowers=[watching],
        agents__liquidators=[],
    )
    assert spot.summary["mended"] > 0.0


def test_the_hole_lets_a_part_through_and_the_rest_when_it_is_sold(play: Play) -> None:
    """Half of the vault fits; the other half is opened, for a new reward, when the first is closed."""
    run = play(**timed(CLIP | {"hole_usd": 9040.0}, [2500.0, 2390.0, 2350.0], MAT, time__steps=120))
    lots = run.tables["auctions"]
    assert lots["due"].tolist() == pytest.approx([8000.0, 8000.0], rel=1e-9)
    assert lots["open"].tolist() == [0, 0]
    assert lots["opened_step"].iloc[1] > lots["step"].iloc[0]
    assert left(run)["debt_usd"] == pytest.approx(0.0, abs=1e-9)


def test_an_auction_that_ran_out_is_started_afresh_for_a_reward(play: Play) -> None:
    """The market has left the auction behind: after the tail somebody starts it from the feed of the moment."""
    run = play(**timed(CLIP | {"tail_seconds": 600.0}, [2500.0, 2390.0, 1700.0], MAT, time__steps=60))
    lot = only(run.tables["auctions"])
    assert lot["resets"] >= 1
    unpaid = play(
        **timed(CLIP | {"tail_seconds": 600.0, "tip_usd": 0.0, "chip": 0.0}, [2500.0, 2390.0, 1700.0], MAT),
        time__steps=60,
        agents__liquidators__0__gas_usd=1.0,
    )
    assert unpaid.tables["auctions"].empty


def test_a_caller_opens_for_the_reward_only_where_it_pays_for_the_gas(play: Play) -> None:
    for gas, opened in ((318.0, 1), (319.0, 0)):
        run = clip(play, 2390.0, 2350.0, agents__liquidators__0__gas_usd=gas)
        assert len(run.tables["auctions"]) == opened


def test_a_reward_becomes_the_money_of_who_opens(model_of: Callable[..., UnderwaterModel], small_world: Any) -> None:
    """318.08 dollars, in a stablecoin that is worth 1.25."""
    opens = [{"capital_usd": 1e4, "capital_asset": "USDC"}]
    changes = timed(CLIP, [2500.0, 2390.0], MAT, time__steps=2, agents__liquidators=opens)
    model = model_of(small_world(**changes, assets__USDC={"price": {"kind": "constant", "price": 1.25}}))
    model.run()
    held = model.world.ledger.balances[model.people.liquidators[0].first_account]
    assert held.tolist() == pytest.approx([0.0, 0.0, 10_318.08 / 1.25], rel=1e-12)


def test_rewards_come_from_the_treasury_and_then_from_the_pools_cash(play: Play) -> None:
    """What the treasury lacks is a deficit until penalties come in."""
    changes = timed(CLIP, [2500.0, 2390.0], MAT, time__steps=2)
    poor = left(play(**changes))
    assert (poor["treasury_usd"], poor["deficit_usd"]) == (0.0, pytest.approx(318.08))
    rich = left(play(**changes, pools__0__reserves__DAI__treasury=500.0))
    assert (rich["treasury_usd"], rich["deficit_usd"]) == (pytest.approx(181.92), 0.0)
    later = left(clip(play, 2390.0, 2350.0))
    assert (later["treasury_usd"], later["deficit_usd"]) == (stated("1761.92"), pytest.approx(0.0, abs=1e-9))


@pytest.mark.parametrize("price", [1900.0, 1750.0, 1690.0, 1600.0])
def test_a_flat_dutch_auction_with_one_taker_is_a_fixed_spread(play: Play, price: float) -> None:
    """The price of the spread from the start, no steps, no penalty, no reward: the same call, a block later."""
    flat = {
        "design": "maker_clip",
        "buffer": 1.0 / 1.05,
        "cut": 1.0,
        "penalty": 0.0,
        "tip_usd": 0.0,
        "chip": 0.0,
        "dust_usd": 0.0,
    }
    spread = {"design": "fixed_spread", "liquidation_bonus": 0.05, "protocol_fee": 0.0, "close_factor": 1.0}
    changes = timed({}, [2000.0, price], 0.83, time__steps=5)
    auctioned, called = (play(**(changes | {"pools__0__liquidation": design})) for design in (flat, spread))
    one, other = only(auctioned.liquidations), only(called.liquidations)
    assert one["step"] == other["step"] + 1
    for name in ("repaid", "seized", "protocol_fee", "profit_usd"):
        assert one[name] == pytest.approx(other[name], rel=1e-9, abs=1e-9), name
    for name in ("bad_debt_usd", "borrower_loss_usd", "liquidator_profit_usd", "depositor_loss_usd"):
        assert auctioned.summary[name] == pytest.approx(called.summary[name], rel=1e-9, abs=1e-9), name


def test_flash_swaps_take_without_money(play: Play) -> None:
    run = clip(play, 1900.0, 1700.0, agents__liquidators=[{"capital_usd": 0.0, "financing": "flash"}])
    assert only(run.liquidations)["seized"] == 10.0


def test_an_attacker_counts_on_nobodys_auction(small_world: Any, model_of: Callable[..., UnderwaterModel]) -> None:
    model = model_of(small_world(**timed(CLIP, [2500.0, 2500.0], MAT)))
    model.step()
    assert model.view.liquidations_if(0, 1, 1500.0, 2500.0, np.inf, 10) == []


# Maker's English auction

FLIP = {"design": "maker_flip", "bid_seconds": 600.0}
KEEPER = {"capital_usd": 1e9}


def flip(play: Play, keepers: list[dict[str, Any]], design: dict[str, Any] = FLIP, **changes: Any) -> Run:
    """A vault of 16,000 and its penalty, caught at 2390 in a market that stays at 2350."""
    changes = {"time__steps": 60, **changes}
    return play(**timed(design, [2500.0, 2390.0, 2350.0], MAT, agents__liquidators=keepers, **changes))


def test_a_single_keeper_bids_a_part_of_its_value_and_has_the_lot_when_its_bid_is_old_enough(play: Play) -> None:
    """0.6 of the 23,500 that it could sell for; the rest of the debt is written off."""
    run = flip(play, [KEEPER | {"first_bid": 0.6}])
    row, lot = only(run.liquidations), only(run.tables["auctions"])
    assert (lot["opened_step"], row["step"], lot["bids"]) == (1, 12, 1)
    assert lot["raised"] == pytest.approx(0.6 * 23_500.0, rel=1e-12)
    assert row["seized"] == pytest.approx(10.0, rel=1e-12)
    assert row["profit_usd"] == pytest.approx(0.4 * 23_500.0, rel=1e-12)
    assert run.summary["bad_debt_usd"] == pytest.approx(16_000.0 - 0.6 * 23_500.0, rel=1e-9)


def test_who_hopes_to_be_alone_and_is_gets_the_lot_for_next_to_nothing(play: Play) -> None:
    """Two that hope for it compete after all, and the protocol is paid in full."""
    alone = flip(play, [KEEPER | {"first_bid": 1e-3}])
    assert only(alone.tables["auctions"])["raised"] == pytest.approx(23.5)
    assert alone.summary["bad_debt_usd"] == pytest.approx(16_000.0 - 23.5, rel=1e-9)
    assert alone.summary["auctions_near_zero_share"] == 1.0
    assert alone.summary["given_away_usd"] == pytest.approx(23_500.0 - 23.5)
    together = flip(play, [KEEPER | {"first_bid": 1e-3}, KEEPER | {"first_bid": 0.9}])
    assert together.summary["auctions_near_zero_share"] == 0.0
    assert only(together.tables["auctions"])["raised"] == pytest.approx(18_080.0)
    assert together.write_offs.empty
    assert left(together)["treasury_usd"] == pytest.approx(2080.0)


def test_rivals_bid_until_the_lot_is_worth_no_more_to_the_one_who_asks_for_less(play: Play) -> None:
    """Values 23,500 / 1.02 and / 1.05: the one with the smaller margin wins, a step below where the other stops."""
    run = flip(play, [KEEPER | {"margin": 0.05}, KEEPER | {"margin": 0.02}])
    row, lot = only(run.liquidations), only(run.tables["auctions"])
    assert row["liquidator"] == "liquidators.1"
    assert lot["returned"] + lot["sold"] == pytest.approx(10.0, rel=1e-12)
    assert 18_080.0 * 1.02 / 2350.0 <= row["seized"] < 18_080.0 * 1.05 / 2350.0 * 1.03
    assert row["profit_usd"] == pytest.approx(row["seized"] * 2350.0 - 18_080.0, rel=1e-9)
    assert row["protocol_fee"] == pytest.approx(2080.0 / 2350.0, rel=1e-9)


@pytest.mark.parametrize("costs", [{"gas_usd": 500.0}, {"minimum_profit_usd": 500.0}, {"margin": 0.02}])
def test_nobody_asks_for_fewer_units_than_pay_for_the_tab_and_its_costs(play: Play, costs: dict[str, float]) -> None:
    """Gas and the least profit are the same for fewer units: who bids its value at once is left with what it asks."""
    opens = KEEPER | {"margin": 0.3}
    run = flip(play, [KEEPER | {"first_bid": 1.0} | costs] * 2 + [opens])
    row = only(run.liquidations)
    assert row["seized"] < 10.0 / 1.03
    asked = costs.get("minimum_profit_usd", 0.0) + costs.get("margin", 0.0) * 18_080.0
    assert row["profit_usd"] == pytest.approx(asked, abs=1e-6)


def test_a_leading_bidders_money_is_locked_and_given_back(
    small_world: Any, model_of: Callable[..., UnderwaterModel]
) -> None:
    """Money for one of two lots: it leads one at a time, owns it all the same, and has it back when outbid."""
    keepers = [
        {"capital_usd": 10_000.0, "first_bid": 0.5, "margin": 0.05},
        {"capital_usd": 1e6, "active_from_seconds": 360.0},
    ]
    design = FLIP | {"lot_units": 5.0}
    world = small_world(**timed(design, [2500.0, 2390.0, 2350.0], MAT, agents__liquidators=keepers, time__steps=30))
    model = model_of(world)
    (lender,) = model.world.lenders
    escrow = lender.auctions.escrow
    first = model.people.liquidators[0].first_account
    money: dict[int, float] = {}
    for step in range(30):
        model.step()
        money[step] = model.world.ledger.balance(first, 0)
        locked = sum(one.lot.bid for one in lender.auctions)
        assert model.world.ledger.balance(escrow, 0) == pytest.approx(locked, abs=1e-9)
        assert sum(units for _, _, units in lender.auctions.locked()) == pytest.approx(locked, abs=1e-9)
        assert model.recorder.blocks()["liquidator_capital_usd"][-1] >= 1_010_000.0 - 1e-6
    assert money[1] == 10_000.0
    # Half its money on one lot, half of the rest on the other; then one whole tab, until it is outbid in units.
    assert money[3] == pytest.approx(10_000.0 - 5000.0 - 2500.0)
    assert money[9] == pytest.approx(10_000.0 - 18_080.0 / 2.0)
    assert money[29] == pytest.approx(10_000.0)
    assert model.recorder.liquidations()["liquidator"].tolist() == ["liquidators.1"] * 2


@pytest.mark.parametrize(("capital", "opened"), [(10_000.0, 1), (1e5, 2)])
def test_nobody_counts_on_money_that_its_bid_of_this_block_has_locked(play: Play, capital: float, opened: int) -> None:
    """With 1,000 of 10,000 left, a tenth of what that buys does not pay the gas of opening another vault."""
    vaults = [{"collateral": {"ETH": 10.0}, "debt": {"DAI": debt}} for debt in (16_000.0, 15_800.0)]
    keepers = [{"capital_usd": capital, "gas_usd": 200.0}]
    run = flip(play, keepers, agents__borrowers=[{"positions": vaults}], time__steps=3)
    lots = run.tables["auctions"]
    assert (lots["opened_step"].tolist(), lots["bids"].tolist()) == ([1, 2][:opened], [1, 0][:opened])


def test_a_lot_that_nobody_bids_on_starts_afresh_until_somebody_comes(play: Play) -> None:
    """Who opened it may not hold as much, and starts it again whenever its five minutes are over."""
    opens = KEEPER | {"selling": "over_time", "holding_limit_usd": 1000.0}
    keepers = [opens, KEEPER | {"active_from_seconds": 1200.0}]
    run = flip(play, keepers, FLIP | {"auction_seconds": 300.0})
    lot, row = only(run.tables["auctions"]), only(run.liquidations)
    assert (lot["opened_step"], lot["resets"], lot["bids"], lot["open"]) == (1, 3, 1, 0)
    assert (row["step"], row["liquidator"]) == (21, "liquidators.1")


def test_every_lot_of_a_vault_is_sold_for_itself_and_what_is_saved_leaves_for_the_wallet(
    small_world: Any, model_of: Callable[..., UnderwaterModel]
) -> None:
    """Four lots of three, the last of one; a shortfall of one is not paid with what another saved."""
    world = small_world(
        **timed(FLIP | {"lot_units": 3.0}, [2500.0, 2390.0, 2350.0], MAT, time__steps=40),
        agents__liquidators=[KEEPER, KEEPER],
    )
    model = model_of(world)
    model.run()
    lots = model.recorder.auctions()
    assert lots["units"].tolist() == pytest.approx([3.0, 3.0, 3.0, 1.0])
    assert lots["tab"].sum() == pytest.approx(18_080.0)
    (lender,) = model.world.lenders
    saved = model.world.ledger.balance(lender.first_holder, lender.assets[1])
    assert saved == pytest.approx(lots["returned"].sum(), rel=1e-9)
    assert saved == pytest.approx(10.0 - lots["sold"].sum(), rel=1e-9)
    assert not lender.pool.scaled_debt.any()


def test_flash_swaps_cannot_bid(play: Play) -> None:
    """The money must stay locked, and nobody who only borrows within a transaction opens an auction either."""
    run = flip(play, [{"capital_usd": 1e9, "financing": "flash"}])
    assert run.tables["auctions"].empty


def test_a_winner_that_holds_sells_over_time(play: Play) -> None:
    run = flip(play, [KEEPER | {"selling": "over_time", "sell_over_seconds": 60.0}])
    row = only(run.liquidations)
    assert row["slippage"] == 0.0
    assert row["profit_usd"] == pytest.approx(23_500.0 - 18_080.0, rel=1e-9)
    assert left(run)["liquidator_capital_usd"] == pytest.approx(1e9 + 23_500.0 - 18_080.0, rel=1e-12)
    assert left(run)["liquidator_capital_in_use_usd"] < 23_500.0


def test_a_winner_bears_the_price_between_its_bid_and_the_end(play: Play) -> None:
    """The market falls by a third while the bid stands: the lot is sold at a loss, the protocol is paid."""
    run = play(
        **timed(FLIP, [2500.0, 2390.0, 2350.0, 2350.0, 1500.0], MAT, time__steps=20), agents__liquidators=[KEEPER]
    )
    row = only(run.liquidations)
    assert row["profit_usd"] == pytest.approx(15_000.0 - 18_080.0, rel=1e-9)
    assert run.write_offs.empty


@pytest.mark.parametrize("later", [2350.0, 2000.0])
def test_winner_of_many_lots_sells_no_lower_than_it_bid_beside_the_market(play: Play, later: float) -> None:
    """Five lots of two for 3616 each, 0.77 of their worth: the pool takes one at 0.88, and all of them at 0.56."""
    pool = {"kind": "constant_product", "base": 30.0, "quote": 75_000.0, "fee": 0.0}
    changes = timed(FLIP | {"lot_units": 2.0}, [2500.0, 2390.0, 2350.0, 2350.0, later], MAT, time__steps=20)
    changes |= {"agents__liquidators": [KEEPER], "markets__0__sources": [pool]}
    run = play(**changes, agents__arbitrageurs=[{"capital_usd": 1e9, "hedge_cost": 0.0}])
    assert run.liquidations["seized"].tolist() == pytest.approx([2.0] * 5)
    assert run.tables["auctions"]["raised"].tolist() == pytest.approx([3616.0] * 5)
    (block,) = set(run.liquidations["step"])
    venue = run.steps["venue_ETH"][block]
    assert venue == pytest.approx(3616.0 / 2.0 / 2350.0 * later, rel=1e-9)


def test_bids_in_money_that_must_be_changed_first(play: Play) -> None:
    """Keepers who hold ETH, and a debt in DAI: refunds come back as ETH."""
    run = flip(play, [{"capital_usd": 1e6, "capital_asset": "ETH"}, {"capital_usd": 1e6, "capital_asset": "ETH"}])
    assert only(run.tables["auctions"])["raised"] == pytest.approx(18_080.0)
    assert run.write_offs.empty
