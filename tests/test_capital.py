"""What liquidators and arbitrageurs own, block by block."""

import numpy as np
import pytest

from abm import simulate
from abm.simulation import begin
from experiments import load_scenario

BLOCKS = 700
HEDGING = {
    "time.steps": str(BLOCKS),
    "agents.borrowers.0.count": "300",
    "agents.arbitrageurs.0.hedge_usd_per_hour": "2e5",
}


@pytest.fixture(scope="module")
def course():
    """A path with trades under way and open inventory, the tables of its middle and of its end beside it."""
    model = begin(load_scenario("black-thursday", HEDGING), 3)
    for _ in range(BLOCKS // 2):
        model.step()
    middle = model.recorder.steps()
    for _ in range(BLOCKS // 2):
        model.step()
    return model, middle, model.recorder.steps()


def test_the_table_in_the_middle_of_a_path_is_the_head_of_the_whole(course):
    _, middle, whole = course
    assert middle.equals(whole.head(BLOCKS // 2))


def test_copies_worked_out_one_by_one_say_what_they_say_together(course, monkeypatch):
    _, _, whole = course
    monkeypatch.setattr("abm.record.capital._MOST_COPIED", 1)
    model = begin(load_scenario("black-thursday", HEDGING), 3)
    for _ in range(BLOCKS):
        model.step()
    assert model.recorder.steps().equals(whole)


@pytest.mark.parametrize("design", ["fixed_spread", "maker_flip", "ajna"])
def test_capital_grows_by_what_liquidators_gain(design):
    """By their profit after all gas, what bonds earn, and what prices and sales make of what they hold."""
    changes = {"agents.borrowers.0.count": "500", "time.steps": "2000"}
    run = simulate(load_scenario("black-thursday", changes | {"pools.0.liquidation": f'{{design="{design}"}}'}), 3)
    own, by_holding = run.steps["liquidator_capital_usd"], run.summary["liquidator_holding_usd"]
    assert run.summary["liquidator_net_usd"] == pytest.approx(own.iloc[-1] - own.iloc[0], rel=1e-9)
    assert run.summary["liquidator_net_usd"] == pytest.approx(run.liquidators["profit_usd"].sum() + by_holding)
    assert by_holding == pytest.approx(run.liquidators["holding_usd"].sum())
    assert abs(by_holding) > 1000.0


def test_capital_is_what_the_ledger_says_at_the_prices_of_the_block(course):
    """Arbitrageurs' with their inventory, less what is under way to them."""
    model, _, whole = course
    world, last = model.world, whole.iloc[-1]
    prices = np.array(world.reference)

    def of(cohort):
        return world.ledger.balances[cohort.first_account : cohort.first_account + cohort.terms.count]

    own = sum(float((of(cohort) @ prices).sum()) for cohort in model.people.liquidators)
    assert last["liquidator_capital_usd"] == pytest.approx(own, rel=1e-12)
    (hedgers,) = model.people.arbitrageurs
    assert any(hedgers.inventory)
    tied = [hedgers.tied_up(member, world.now) for member in range(hedgers.terms.count)]
    assert any(whole["arbitrage_capital_usd"].diff() < 0.0)
    dollars, ether = world.index["DAI"], world.index["ETH"]
    free = of(hedgers)[:, dollars] - tied + np.array(hedgers.inventory) * prices[ether]
    assert last["arbitrage_capital_usd"] == pytest.approx(free.clip(0.0).sum(), rel=1e-12)
    assert last["arbitrage_capital_usd"] < of(hedgers)[:, dollars].sum() + sum(hedgers.inventory) * prices[ether]


def test_capital_without_limit_has_no_sum():
    unlimited = {"time.steps": "3", "agents.borrowers.0.count": "20", "agents.arbitrageurs.0.capital_usd": "inf"}
    model = begin(load_scenario("black-thursday", unlimited), 1)
    model.run()
    assert np.isnan(model.recorder.blocks()["arbitrage_capital_usd"]).all()
