"""The cascade explained: generations, amplification, and a counterfactual that leaves no trace."""

import copy

import numpy as np
import pytest

from abm import Scenario, simulate
from abm.model import UnderwaterModel
from abm.record.survey import unforced_prices
from experiments import load_scenario

# Each position owes 80,000; the exogenous price stops at 1,950. The closing sale of about 43 ETH lowers the price by a
# thousandth for every 10,000 dollars sold: by 0.8 %, each time past the next trigger (D / (C LT)).
TRIGGERS = (1960.0, 1940.0, 1925.0, 1905.0)


def domino(small_world, coefficient, triggers=TRIGGERS):
    return small_world(
        assets__ETH__price={"kind": "path", "prices": [2000.0, 1950.0]},
        assets__ETH__impact={
            "kind": "linear",
            "daily_volume_usd": 1e6,
            "daily_volatility": 0.1,
            "coefficient": coefficient,
            "half_life_seconds": 1e9,
        },
        pools__0__liquidation={"design": "fixed_spread", "liquidation_bonus": 0.05, "close_factor": 1.0},
        agents__borrowers=[
            {"positions": [{"collateral": {"ETH": 80000.0 / 0.83 / p}, "debt": {"DAI": 80000.0}} for p in triggers]}
        ],
        time__steps=8,
    )


def test_each_sale_pushes_the_next_position_below_its_line(play, small_world):
    run = play(domino(small_world, 1.0))
    assert run.liquidations["account"].tolist() == [0, 1, 2, 3]
    assert run.liquidations["step"].tolist() == [1, 2, 3, 4]
    assert run.liquidations["generation"].tolist() == [0, 1, 2, 3]
    assert run.summary["generations"] == 4.0
    assert run.summary["amplification"] > 1.3


def test_without_impact_only_the_price_itself_liquidates(play, small_world):
    run = play(domino(small_world, 0.0))
    assert run.liquidations["account"].tolist() == [0]
    assert run.liquidations["generation"].tolist() == [0]
    assert run.summary["amplification"] == 1.0


def test_what_the_price_alone_catches_is_generation_zero_even_after_sales(play, small_world):
    """Two positions below the exogenous price and one that only the sales of both bring down."""
    run = play(domino(small_world, 1.0, (1990.0, 1960.0, 1945.0)))
    assert dict(zip(run.liquidations["account"], run.liquidations["generation"], strict=True)) == {0: 0, 1: 0, 2: 1}


def test_who_has_to_wait_is_dated_by_the_sales_that_were_needed_not_by_all_there_were(play, small_world):
    """The third position is below its line after the first sale already; its turn comes after the second."""
    world = domino(small_world, 1.0, (1960.0, 1940.0, 1938.0))
    world["agents"]["liquidators"][0]["calls_per_block"] = 1
    run = play(world)
    assert run.liquidations["step"].tolist() == [1, 2, 3]
    assert run.liquidations["generation"].tolist() == [0, 1, 1]


def test_an_exogenous_fall_that_comes_later_is_generation_zero(play, small_world):
    """The price falls on by itself before the cascade gets there: no sale is needed to explain it."""
    world = domino(small_world, 0.05)
    world["assets"]["ETH"]["price"]["prices"] = [2000.0, 1950.0, 1930.0, 1910.0, 1890.0]
    run = play(world)
    assert len(run.liquidations) == 4
    assert not run.liquidations["generation"].any()
    assert run.summary["generations"] == 1.0


def test_cutting_the_loop_leaves_the_price_alone(play, small_world):
    run = play(domino(small_world, 1.0), feedback=False)
    assert run.liquidations["account"].tolist() == [0]
    assert run.steps["reference_ETH"].tolist() == [2000.0, *[1950.0] * 7]
    assert run.summary["amplification"] == 1.0


def test_without_feedback_a_sale_is_still_paid_its_slippage_but_moves_nothing(play, small_world):
    """Forced sales are paid at their quote; the venue is as if they had not been."""
    pool = [{"kind": "constant_product", "value": 1e7, "fee": 0.003}]
    world = small_world(markets__0__sources=pool, feedback=False, time__steps=4)
    run = play(world)
    assert run.liquidations["slippage"].iloc[0] > 0.0
    assert (run.steps["venue_ETH"] == run.steps["venue_ETH"].iloc[0]).all()
    moved = play(world, feedback=True)
    assert (moved.steps["venue_ETH"].iloc[1:] < run.steps["venue_ETH"].iloc[1:]).all()
    assert moved.liquidations["profit_usd"].iloc[0] == run.liquidations["profit_usd"].iloc[0]


def test_without_feedback_who_sells_has_sold_all_the_same(small_world, model_of):
    """The collateral is gone for the same money, be the venue left as it is or not."""
    pool = [{"kind": "constant_product", "value": 1e7, "fee": 0.003}]
    held = []
    for feedback in (True, False):
        model = model_of(small_world(markets__0__sources=pool, feedback=feedback, time__steps=2))
        model.run()
        held.append(model.world.ledger.balances[model.people.liquidators[0].first_account].tolist())
    assert held[0] == held[1] == pytest.approx([held[0][0], 0.0], abs=1e-9)
    assert held[0][0] > 1e9


@pytest.mark.parametrize("name", ["one-position", "thin-market", "black-thursday"])
def test_without_feedback_a_shipped_scenario_follows_its_baseline_to_the_bit(shipped, name):
    run = shipped(name, feedback="false")
    assert run.summary["amplification"] == 1.0
    assert len(run.liquidations) > 0
    assert not run.liquidations["generation"].any()
    oracle = run.steps[[f"oracle_{asset}" for asset in run.scenario.assets]].to_numpy()
    np.testing.assert_array_equal(oracle, UnderwaterModel.baseline(run.scenario, 1))


def test_a_thin_market_feeds_itself(shipped):
    run = shipped("thin-market")
    assert run.summary["amplification"] > 1.3
    assert run.summary["generations"] > 2.0
    assert set(run.liquidations["generation"]) == set(range(int(run.summary["generations"])))
    cut = shipped("thin-market", feedback="false")
    assert run.summary["liquidated_usd"] > 1.5 * cut.summary["liquidated_usd"]
    first = run.liquidations.groupby("generation")["step"].min()
    assert first.is_monotonic_increasing  # no generation before the one that it follows


def test_a_venue_oracle_without_feedback_follows_its_baseline(small_world, play):
    """Where the oracle reads the venue, the baseline keeps the venue's own people."""
    world = small_world(
        markets__0__sources=[
            {"kind": "constant_product", "value": 1e6, "fee": 0.003},
            {"kind": "order_book", "tick": 0.01},
        ],
        assets__ETH__oracle={"kind": "venue"},
        assets__ETH__price={"kind": "gbm", "start": 2000.0, "volatility_per_year": 20.0},
        agents__arbitrageurs=[{"count": 3, "capital_usd": 1e4, "settlement_seconds": 120.0}],
        agents__market_makers=[{"count": 2, "capital_usd": 1e5, "size_usd": 5e3}],
        agents__noise_traders=[{"trades_per_hour": 120.0, "size_usd": 2e3}],
        feedback=False,
        time__steps=200,
    )
    run = play(world, seed=4)
    alone = UnderwaterModel.baseline(run.scenario, 4)
    np.testing.assert_array_equal(run.steps[["oracle_DAI", "oracle_ETH"]].to_numpy(), alone)
    assert len(run.liquidations) > 0


def test_the_counterfactual_leaves_no_trace_whenever_it_is_worked_out(small_world):
    """Asked for before the first block, in the middle or at the end: the same run."""
    scenario = load_scenario("thin-market", {"time.steps": "500", "agents.borrowers.0.count": "200"})
    states = []
    for moment in (0, 250, 500):
        model = UnderwaterModel(scenario, 3)
        for block in range(500):
            if block == moment:
                model.cascade.untouched()
            model.step()
        states.append((model.world.ledger.balances.copy(), model.recorder.liquidations(), model.recorder.steps()))
    assert len(states[0][1]) > 0
    for balances, liquidations, steps in states[1:]:
        np.testing.assert_array_equal(balances, states[0][0])
        assert liquidations.equals(states[0][1])
        assert steps.equals(states[0][2])


def test_the_counterfactual_is_not_worked_out_where_nothing_was_forced(small_world, model_of):
    model = model_of(small_world(assets__ETH__price={"kind": "constant", "price": 2000.0}))
    model.run()
    assert not model.cascade.any_sales
    assert model.cascade._untouched is None


def test_the_counterfactual_is_not_worked_out_where_no_sale_reaches_the_oracle(small_world, model_of):
    """Without lasting impact the prices are those of the baseline, bit for bit, however much was sold."""
    model = model_of(small_world(assets__ETH__impact={"kind": "none"}))
    model.run()
    assert model.cascade.any_sales
    unforced = unforced_prices(model, model.recorder.steps())[["unforced_DAI", "unforced_ETH"]].to_numpy()
    assert model.cascade._untouched is None
    np.testing.assert_array_equal(unforced, UnderwaterModel.baseline(model.world.scenario, model.path_seed))


def test_the_baseline_does_not_change_the_scenario(small_world):
    scenario = Scenario.from_dict(domino(small_world, 1.0))
    before = copy.deepcopy(scenario.to_dict())
    simulate(scenario)
    assert scenario.to_dict() == before
