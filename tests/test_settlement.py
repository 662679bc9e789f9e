"""Settlement: sizes that pay best, guards, gas, room in a block, flash swaps, who pays for a bad debt."""

from math import sqrt
from typing import Any

import numpy as np
import pytest

POOL = {"kind": "constant_product", "value": 4e6, "fee": 0.003}  # 1,000 ETH against 2,000,000 DAI at 2,000


def row_of(run: Any) -> dict[str, Any]:
    (row,) = run.liquidations.to_dict("records")
    return row


# Best size


def profit_in_pool(repaid: np.ndarray, base: float, quote: float, price: float, bonus: float, fee: float) -> np.ndarray:
    """Restated: what `repaid` buys at the bonus is sold into x y = k, the fee staying in the pool."""
    sold = repaid * (1.0 + bonus) / price
    return quote * sold * (1.0 - fee) / (base + sold * (1.0 - fee)) - repaid


@pytest.mark.parametrize("bonus", [0.05, 0.1, 0.15])
@pytest.mark.parametrize("value", [2e5, 4e6, 1e8])
def test_the_size_chosen_maximises_profit(play, small_world, bonus, value):
    """Against a grid of repayments in the same pool: none pays more, and the report of the profit is right."""
    world = small_world(
        markets__0__sources=[{"kind": "constant_product", "value": value, "fee": 0.003}],
        pools__0__liquidation={"design": "fixed_spread", "liquidation_bonus": bonus, "close_factor": 1.0},
        agents__borrowers=[{"positions": [{"collateral": {"ETH": 1000.0}, "debt": {"DAI": 1.6e6}}]}],
        assets__ETH__price__prices=[2000.0, 1920.0],
        assets__ETH__oracle={"kind": "reference"},
        agents__arbitrageurs=[{"capital_usd": float("inf"), "hedge_cost": 0.0}],
        time__steps=2,
    )
    row = row_of(play(world))
    # The arbitrageur has left the pool with its marginal ask at the reference price, fee paid: x y = k before.
    base = quote = value / 2.0
    base /= 2000.0
    invariant = base * quote
    price_in_pool = 1920.0 / (1.0 - 0.003)  # the bid after the fee stands at the reference
    if price_in_pool < 2000.0:
        sold = (np.sqrt(invariant / price_in_pool) - base) / (1.0 - 0.003)
        base += sold
        quote = invariant / (base - 0.003 * sold)
    grid = np.linspace(1.0, 1.6e6, 200_001)
    profits = profit_in_pool(grid, base, quote, 1920.0, bonus, 0.003)
    best = profits.max()
    assert row["profit_usd"] == pytest.approx(
        float(profit_in_pool(np.array(row["repaid"]), base, quote, 1920.0, bonus, 0.003)), rel=1e-6
    )
    assert row["profit_usd"] >= best * (1.0 - 1e-9)
    assert row["profit_usd"] <= best * (1.0 + 1e-4)


def test_a_margin_stops_the_sale_where_the_last_dollar_earns_just_that(play, small_world):
    """The marginal proceeds of a dollar repaid are 1 + margin at the end."""
    world = small_world(
        markets__0__sources=[POOL | {"fee": 0.0}],
        pools__0__liquidation={"design": "fixed_spread", "liquidation_bonus": 0.1, "close_factor": 1.0},
        agents__borrowers=[{"positions": [{"collateral": {"ETH": 1000.0}, "debt": {"DAI": 1.65e6}}]}],
        assets__ETH__price={"kind": "constant", "price": 2000.0},
        pools__0__reserves__ETH={"ltv": 0.5, "liquidation_threshold": 0.8},
        agents__liquidators=[{"capital_usd": 1e9, "margin": 0.02}],
        time__steps=1,
    )
    row = row_of(play(world))
    sold = row["seized"]
    marginal = 2000.0 * (1000.0 / (1000.0 + sold)) ** 2 * 1.1 / 2000.0
    assert marginal == pytest.approx(1.02, rel=1e-9)


# Limits


def test_in_a_market_without_end_and_without_gas_the_profit_is_the_bonus(play):
    row = row_of(play())
    assert row["profit_usd"] == pytest.approx(0.05 * row["repaid"], rel=1e-12)
    assert row["slippage"] == 0.0


def test_the_liquidator_has_earned_what_the_table_says(small_world, model_of):
    """Its wealth grows by the sum of its profits less the gas of refused calls, whatever the market."""
    world = small_world(
        markets__0__sources=[POOL, {"kind": "order_book", "tick": 0.01}],
        agents__market_makers=[{"capital_usd": 2e5, "size_usd": 1e4}],
        agents__borrowers=[
            {"positions": [{"collateral": {"ETH": 10.0 + 0.1 * k}, "debt": {"DAI": 16000.0}} for k in range(20)]}
        ],
        agents__liquidators=[{"capital_usd": 3e4, "count": 2, "gas_usd": 7.0}],
        assets__ETH__price__prices=[2000.0, 1900.0, 1800.0, 1650.0, 1500.0, 1400.0],
        time__steps=8,
    )
    model = model_of(world)
    model.run()
    rows = model.recorder.liquidations()
    assert len(rows) > 10
    first = model.people.liquidators[0].first_account
    gained = model.world.ledger.balances[first : first + 2].sum(axis=0) @ model.world.reference - 6e4
    refused = model.recorder.gas_burnt_usd - rows["gas_usd"].sum()
    assert gained == pytest.approx(rows["profit_usd"].sum() - refused, rel=1e-9)


def test_capital_bounds_what_is_repaid_and_more_changes_nothing(play):
    tiny = row_of(play(agents__liquidators=[{"capital_usd": 100.0}], time__steps=2))
    assert tiny["repaid"] == pytest.approx(100.0, rel=1e-12)
    ample = row_of(play(agents__liquidators=[{"capital_usd": 8000.0}], time__steps=2))
    endless = row_of(play(agents__liquidators=[{"capital_usd": float("inf")}], time__steps=2))
    assert ample == endless


def test_without_liquidators_nobody_is_liquidated(play):
    run = play(agents__liquidators=[], assets__ETH__price__prices=[2000.0, 100.0])
    assert run.liquidations.empty
    assert run.summary["liquidator_profit_usd"] == 0.0


def test_a_margin_above_the_bonus_keeps_everybody_away(play):
    assert play(agents__liquidators=[{"capital_usd": 1e9, "margin": 0.0501}]).liquidations.empty
    assert not play(agents__liquidators=[{"capital_usd": 1e9, "margin": 0.0499}]).liquidations.empty


@pytest.mark.parametrize("capital", [3000.0, 5000.0, 8010.0])
def test_who_holds_what_it_gets_keeps_back_what_its_gas_costs(small_world, model_of, capital):
    """It repays with all its money but that: what it says that it has earned is what it has come by."""
    holders = [{"capital_usd": capital, "selling": "over_time", "gas_usd": 20.0}]
    model = model_of(small_world(agents__liquidators=holders, time__steps=3))
    model.run()
    run = model.recorder
    capital_usd = run.blocks()["liquidator_capital_usd"]
    earned = sum(one.profit_usd for cohort in model.people.liquidators for one in cohort.tallies)
    assert earned > 0.0
    assert run.gas_burnt_usd == 20.0 * len(run.liquidations()["gas_usd"])
    assert capital_usd[-1] - capital_usd[0] == pytest.approx(earned, rel=1e-9)


def test_gas_above_the_profit_keeps_everybody_away(play):
    """8,000 repaid at 5 % earn 400."""
    assert play(agents__liquidators=[{"capital_usd": 1e9, "gas_usd": 400.01}]).liquidations.empty
    row = row_of(play(agents__liquidators=[{"capital_usd": 1e9, "gas_usd": 399.0}]))
    assert row["profit_usd"] == pytest.approx(1.0)
    assert row["gas_usd"] == 399.0


# Room in a block

GAS = {"gas_price_gwei": {"kind": "constant", "price": 30.0}, "asset": "ETH"}
CROWD = [{"positions": [{"collateral": {"ETH": 10.0}, "debt": {"DAI": 16000.0 + k}} for k in range(6)]}]


def test_a_gas_limit_below_the_bid_gets_nobody_through(play):
    """The going price is 30, the bid 33."""
    kept_out = play(blockspace=GAS, agents__liquidators=[{"capital_usd": 1e9, "max_gas_gwei": 32.9}])
    let_in = play(blockspace=GAS, agents__liquidators=[{"capital_usd": 1e9, "max_gas_gwei": 33.1}])
    assert kept_out.liquidations.empty
    assert len(let_in.liquidations) == 1


def test_gas_costs_units_times_bid(play):
    """500,000 units at 33 gwei and 1,900 dollars an ether: 31.35 dollars."""
    row = row_of(play(blockspace=GAS))
    assert row["gas_usd"] == pytest.approx(500_000 * 33e-9 * 1900.0, rel=1e-12)
    assert row["profit_usd"] == pytest.approx(400.0 - row["gas_usd"], rel=1e-12)


def test_a_block_with_room_for_one_call_holds_one_liquidation(play):
    run = play(blockspace=GAS | {"capacity_gas": 500_000.0}, agents__borrowers=CROWD, time__steps=9)
    assert run.liquidations["step"].tolist() == [1, 2, 3, 4, 5, 6]
    wide = play(blockspace=GAS | {"capacity_gas": 1_499_999.0}, agents__borrowers=CROWD, time__steps=5)
    assert wide.liquidations["step"].tolist() == [1, 1, 2, 2, 3, 3]
    narrow = play(blockspace=GAS | {"capacity_gas": 499_999.0}, agents__borrowers=CROWD)
    assert narrow.liquidations.empty


def test_the_higher_bid_goes_first(play):
    run = play(
        blockspace=GAS | {"capacity_gas": 500_000.0},
        agents__borrowers=CROWD,
        agents__liquidators=[
            {"capital_usd": 1e9, "gas_premium": 0.1, "calls_per_block": 1},
            {"capital_usd": 1e9, "gas_premium": 0.2, "calls_per_block": 1},
        ],
    )
    assert set(run.liquidations["liquidator"]) == {"liquidators.1"}


def test_a_guard_that_no_longer_holds_is_refused_and_costs_gas(play):
    """Calls on a thin market where nobody sees what others sell: the first sales leave the rest less than their gas."""
    run = play(
        blockspace=GAS | {"bidding": {"kind": "open"}},
        markets__0__sources=[{"kind": "constant_product", "value": 2e5, "fee": 0.0}],
        assets__ETH__price={"kind": "constant", "price": 2000.0},
        pools__0__reserves__ETH={"ltv": 0.5, "liquidation_threshold": 0.75},
        agents__borrowers=CROWD,
        time__steps=1,
    )
    assert run.summary["refused"] > 0
    accepted = len(run.liquidations)
    assert run.summary["gas_burnt_usd"] == pytest.approx(500_000 * 33e-9 * 2000.0 * (accepted + run.summary["refused"]))
    assert run.steps["refused"].iloc[0] == run.summary["refused"]


# Flash swaps


def test_a_flash_swap_needs_no_capital_and_pays_its_fee(play):
    row = row_of(play(agents__liquidators=[{"capital_usd": 0.0, "financing": "flash", "flash_fee": 0.001}]))
    assert row["repaid"] == pytest.approx(8000.0)
    assert row["profit_usd"] == pytest.approx(400.0 - 8.0, rel=1e-12)


def test_who_pays_with_its_own_money_pays_no_fee_of_a_flash_swap(play):
    """Nor counts with it: neither the profit nor what pays at all is less for what others would be charged."""
    rows = [row_of(play(agents__liquidators=[{"capital_usd": 1e9, "flash_fee": fee}])) for fee in (0.0, 0.01, 0.2)]
    assert rows[0]["profit_usd"] == 400.0
    assert rows[1] == rows[2] == rows[0]


def test_a_flash_swap_is_as_large_as_its_last_dollar_pays_the_fee_and_the_margin(play):
    """Of a pool of 50 ETH at 2,000, sold until one more brings (1 + 0.01 + 0.02) · 1,900 / 1.05."""
    row = row_of(
        play(
            markets__0__sources=[{"kind": "constant_product", "value": 2e5, "fee": 0.0}],
            pools__0__liquidation={"design": "fixed_spread", "liquidation_bonus": 0.05},
            agents__liquidators=[{"capital_usd": 0.0, "financing": "flash", "flash_fee": 0.01, "margin": 0.02}],
            time__steps=2,
        )
    )
    assert row["seized"] == pytest.approx(sqrt(50.0 * 1e5 / (1.03 * 1900.0 / 1.05)) - 50.0, rel=1e-9)


def test_a_flash_swap_whose_proceeds_do_not_repay_it_does_not_happen(play):
    """The market pays 6 % less than the reference, the bonus is 5 %."""
    run = play(
        markets__0__sources=[{"kind": "infinite", "spread": 0.06}],
        agents__liquidators=[{"capital_usd": 1e9, "financing": "flash"}],
    )
    assert run.liquidations.empty
    keeper = play(
        markets__0__sources=[{"kind": "infinite", "spread": 0.06}],
        agents__liquidators=[{"capital_usd": 1e9, "selling": "over_time"}],
    )
    assert len(keeper.liquidations) == 1  # who keeps the collateral does not ask what the market pays today


def test_flash_and_own_funds_choose_the_same_size_without_a_fee(play):
    thin = {"markets__0__sources": [{"kind": "constant_product", "value": 1e5, "fee": 0.003}], "time__steps": 2}
    thin["assets__ETH__price__prices"] = [2000.0, 1999.0]
    thin["pools__0__reserves__ETH"] = {"ltv": 0.5, "liquidation_threshold": 0.7999}
    own = row_of(play(agents__liquidators=[{"capital_usd": 1e9}], **thin))
    flash = row_of(play(agents__liquidators=[{"capital_usd": 0.0, "financing": "flash"}], **thin))
    assert flash == own
    assert own["repaid"] < 8000.0


# Bad debt

UNDER = {
    "assets__ETH__price__prices": [2000.0, 1500.0],  # 14,285.71 repaid, 1,714.29 lost
    "time__steps": 2,
}
LOSS = 16000.0 - 100000.0 / 7.0


def paid_by(run: Any) -> dict[str, float]:
    return dict(zip(run.write_offs["layer"], run.write_offs["paid"], strict=True))


def test_bad_debt_goes_down_the_layers_in_order(play, assert_losses_add_up):
    """A treasury of 300, insurance of 500, the rest cut from the claims of a million."""
    run = play(
        **UNDER,
        pools__0__reserves__DAI={"treasury": 300.0},
        pools__0__losses__layers=[{"kind": "reserve"}, {"kind": "insurance"}],
        agents__insurers=[{"capital": {"DAI": 500.0}}],
    )
    assert paid_by(run) == pytest.approx({"reserve": 300.0, "insurance": 500.0, "depositors": LOSS - 800.0}, rel=1e-12)
    assert_losses_add_up(run)


def test_deferred_recognition_leaves_the_hole_and_the_claims_at_par(small_world, model_of):
    for recognition, claims, deficit in (("immediate", 1e6 - LOSS, 0.0), ("deferred", 1e6, LOSS)):
        model = model_of(small_world(**UNDER, pools__0__losses__recognition=recognition))
        model.run()
        pool = model.world.lenders[0].pool
        assert pool.total_claims[0] == pytest.approx(claims, rel=1e-12)
        assert pool.deficit[0] == pytest.approx(deficit, rel=1e-12, abs=1e-6)
        layers = set(model.recorder.write_offs()["layer"])
        assert layers == {"depositors" if recognition == "immediate" else "uncovered"}


@pytest.mark.parametrize(
    ("terms", "paid"),
    [
        ({}, LOSS),
        ({"deductible_usd": 500.0}, LOSS - 500.0),
        ({"limit_usd": 600.0}, 600.0),
        ({"deductible_usd": 500.0, "limit_usd": 600.0}, 600.0),
        ({"deductible_usd": 5000.0}, 0.0),
        ({"limit_usd": 0.0}, 0.0),
    ],
)
def test_the_insurer_pays_between_its_deductible_and_its_limit(play, terms, paid):
    run = play(
        **UNDER,
        pools__0__losses__layers=[{"kind": "insurance"}],
        agents__insurers=[{"capital": {"DAI": 1e6}, **terms}],
    )
    assert run.summary["insurer_paid_usd"] == pytest.approx(paid, rel=1e-12, abs=0.0)
    assert run.summary["depositor_loss_usd"] == pytest.approx(LOSS - paid, rel=1e-12, abs=1e-9)
    assert run.steps["insurer_capital_usd"].iloc[-1] == pytest.approx(1e6 - paid, rel=1e-12)


def test_deductible_and_limit_run_over_all_losses_together(play):
    """Four positions lose LOSS each; 2,000 are deducted once, 3,000 is the most that is ever paid."""
    four = [{"positions": [{"collateral": {"ETH": 10.0}, "debt": {"DAI": 16000.0}}] * 4}]
    insured = {"pools__0__losses__layers": [{"kind": "insurance"}], "agents__borrowers": four}
    one = play(**UNDER, **insured, agents__insurers=[{"capital": {"DAI": 1e6}, "deductible_usd": 2000.0}])
    assert one.summary["insurer_paid_usd"] == pytest.approx(4 * LOSS - 2000.0, rel=1e-12)
    two = play(
        **UNDER, **insured, agents__insurers=[{"capital": {"DAI": 1e6}, "deductible_usd": 2000.0, "limit_usd": 3000.0}]
    )
    assert two.summary["insurer_paid_usd"] == pytest.approx(3000.0, rel=1e-12)


@pytest.mark.parametrize("kind", ["reserve", "insurance"])
def test_a_layer_named_twice_pays_no_more_than_there_is(play, kind):
    """First a share of the loss, then, behind it, the rest: the second turn has only what the first has left."""
    run = play(
        **UNDER,
        pools__0__reserves__DAI={"treasury": 1000.0},
        pools__0__losses__layers=[{"kind": kind, "share": 0.5}, {"kind": kind}],
        agents__insurers=[{"capital": {"DAI": 1000.0}}],
    )
    total = run.summary["reserve_paid_usd"] + run.summary["insurer_paid_usd"]
    assert total == pytest.approx(1000.0, rel=1e-9)
    assert run.summary["depositor_loss_usd"] == pytest.approx(LOSS - 1000.0, rel=1e-9)


def test_a_position_without_collateral_is_bad_debt_from_the_first_block(play):
    run = play(agents__borrowers=[{"positions": [{"debt": {"DAI": 1000.0}}]}])
    assert run.write_offs["step"].tolist() == [0]
    assert run.summary["bad_debt_usd"] == 1000.0
    assert run.summary["depositor_loss_usd"] == 1000.0


# Borrowers who mend their positions

WATCHER = {
    "watching": 1.0,
    "watch_interval_seconds": 60.0,
    "react_below": 1.0,
    "target_health": 1.5,
    "wallet_share": 1.0,
    "positions": [{"collateral": {"ETH": 10.0}, "debt": {"DAI": 16000.0}}],
}


@pytest.mark.parametrize("how", ["top_up", "repay", "sell"])
def test_a_mended_position_has_the_health_aimed_at(small_world, model_of, how):
    """In a market without end each way reaches the target exactly."""
    model = model_of(
        small_world(agents__liquidators=[], agents__borrowers=[WATCHER | {"reactions": {how: 1.0}}], time__steps=4)
    )
    model.run()
    lender = model.world.lenders[0]
    assert lender.pool.health(lender.prices)[0] == pytest.approx(1.5, rel=1e-9)
    assert model.recorder.mendings == 1


@pytest.mark.parametrize(("discount", "least"), [(1.0, 1600.0), (0.1, 0.9 * 1910.0)])
def test_nobody_sells_where_a_sale_harms_the_position_or_costs_too_much(small_world, model_of, discount, least):
    """Ten ETH that owe 16,000 and a pool of ten: a unit sold brings its part of the debt, and what is asked for it."""
    pool = {"kind": "constant_product", "base": 10.0, "quote": 20_000.0, "fee": 0.0}
    selling = WATCHER | {"reactions": {"sell": 1.0}, "max_discount": discount}
    model = model_of(
        small_world(
            agents__liquidators=[],
            agents__borrowers=[selling],
            markets__0__sources=[pool],
            assets__ETH__price__prices=[1910.0],
            time__steps=3,
        )
    )
    lender, venue = model.world.lenders[0], model.world.exchanges[0].venue
    before = lender.pool.health(lender.prices)[0]
    model.run()
    assert model.recorder.mendings >= 1
    assert lender.pool.health(lender.prices)[0] > before
    assert venue.bid == pytest.approx(least, rel=1e-9)


@pytest.mark.parametrize("how", ["repay", "top_up", "sell"])
@pytest.mark.parametrize(("price", "mended"), [(1601.0, 1), (1599.0, 0)])
def test_who_owes_more_than_it_has_lets_it_go(small_world, model_of, how, price, mended):
    """Ten ETH and a debt of 16,000: below 1,600 dollars what is put in is the lenders' first."""
    watcher = WATCHER | {"reactions": {how: 1.0}, "wallet_share": 2.0}
    changes = {"assets__ETH__price__prices": [2000.0, price], "time__steps": 3}
    model = model_of(small_world(agents__liquidators=[], agents__borrowers=[watcher], **changes))
    model.run()
    assert model.recorder.mendings == mended


def test_a_small_wallet_gives_what_it_has(small_world, model_of):
    repaying = WATCHER | {"reactions": {"repay": 1.0}, "wallet_share": 0.01}
    model = model_of(small_world(agents__liquidators=[], agents__borrowers=[repaying], time__steps=2))
    model.run()
    assert model.world.lenders[0].pool.debt(0, 0) == pytest.approx(16000.0 * 0.99, rel=1e-12)


def test_collateral_and_debt_in_one_asset_can_be_sold_to_repay(small_world, model_of, assert_books_agree):
    """Selling ETH to repay ETH: the proceeds count from before the collateral came into the wallet."""
    model = model_of(
        small_world(
            agents__borrowers=[
                WATCHER
                | {"reactions": {"sell": 1.0}, "positions": [{"collateral": {"ETH": 10.0}, "debt": {"ETH": 8.5}}]}
            ],
            agents__liquidators=[],
            time__steps=3,
        )
    )
    model.run()
    assert_books_agree(model)
    lender = model.world.lenders[0]
    assert lender.pool.health(lender.prices)[0] == pytest.approx(1.5, rel=1e-9)


def test_collateral_that_backs_nothing_is_passed_over(small_world, model_of, assert_books_agree):
    """The largest collateral has a threshold of zero: it is the other, which backs the debt, that is topped up."""
    topping = WATCHER | {
        "reactions": {"top_up": 1.0},
        "positions": [{"collateral": {"DAI": 30000.0, "ETH": 10.0}, "debt": {"DAI": 16000.0}}],
    }
    model = model_of(small_world(agents__borrowers=[topping], agents__liquidators=[], time__steps=3))
    model.run()
    assert_books_agree(model)
    pool = model.world.lenders[0].pool
    assert pool.collateral[0, 0] == 30000.0
    assert pool.collateral[0, 1] > 10.0
    assert model.recorder.mendings == 1


def test_where_nothing_backs_the_debt_nothing_can_be_topped_up(small_world, model_of, assert_books_agree):
    """A position whose only collateral has a threshold of zero cannot be mended, and does not end the run."""
    topping = WATCHER | {
        "reactions": {"top_up": 1.0},
        "positions": [{"collateral": {"DAI": 30000.0}, "debt": {"DAI": 16000.0}}],
    }
    model = model_of(small_world(agents__borrowers=[topping], agents__liquidators=[], time__steps=3))
    model.run()
    assert_books_agree(model)


@pytest.mark.parametrize(("gas_usd", "calls"), [(60.0, 1), (120.0, 0)])
def test_the_margin_is_what_is_left_after_slippage_and_gas(play, gas_usd, calls):
    """At the best bid both gas prices leave 3 % of 8,000; for what is worth 8,400 the pool pays 8,326.4."""
    run = play(
        markets__0__sources=[{"kind": "constant_product", "base": 500.0, "quote": 950_000.0, "fee": 0.0}],
        agents__liquidators=[{"capital_usd": 1e6, "margin": 0.03, "gas_usd": gas_usd}],
        time__steps=2,
    )
    assert (len(run.liquidations), run.steps["refused"].sum()) == (calls, 1 - calls)
    sold = 8000.0 * 1.05 / 1900.0
    left = 950_000.0 * sold / (500.0 + sold) - 8000.0
    assert run.liquidations["profit_usd"].tolist() == pytest.approx([left - gas_usd] * calls, rel=1e-9)


@pytest.mark.parametrize(("lower", "calls"), [(1500.0, 1), (1890.0, 0)])
def test_what_must_be_taken_whole_is_left_where_the_market_takes_but_a_part(play, lower, calls):
    """Gearbox sells an account in one call; the second range of prices ends before all of its 10 ETH are sold."""
    positions = [[lower, 2000.0, 10_000.0]]
    run = play(
        markets__0__sources=[{"kind": "concentrated", "price": 1900.0, "positions": positions, "fee": 0.0}],
        pools__0__liquidation={"design": "gearbox"},
        agents__liquidators=[{"capital_usd": 1e6}],
        time__steps=2,
    )
    assert (len(run.liquidations), run.steps["refused"].sum()) == (calls, 1 - calls)
