"""Gas that somebody has no money for: rows, tallies, the summary and the ledger say what was really paid."""

import numpy as np
import pytest

from builders.loans import MAT

POORER = {"gas_usd": 400.0}


def fallen(design, count, **changes):
    """Vaults caught at 2390 in a market that stays at 2350."""
    return {
        "pools__0__liquidation": design,
        "assets__ETH__price__prices": [2500.0, 2390.0, 2350.0],
        "pools__0__reserves__ETH": {"ltv": MAT, "liquidation_threshold": MAT},
        "agents__borrowers": [{"positions": [{"collateral": {"ETH": 10.0}, "debt": {"DAI": 16_000.0}}] * count}],
        **changes,
    }


def money(model):
    """What all liquidators have in money and what they have locked in bids, a member each."""
    cohort = model.people.liquidators[0]
    accounts = range(cohort.first_account, cohort.first_account + cohort.terms.count)
    locked = [model.view.locked_usd(0, account) for account in accounts]
    return np.array([model.world.ledger.balance(account, 0) for account in accounts]) + np.array(locked)


def assert_said_alike(model, before):
    """Members' tallies are what their money has changed by, and the gas in them is all that was burnt."""
    tallies = model.people.liquidators[0].tallies
    earned = np.array([one.profit_usd for one in tallies])
    assert money(model) - before == pytest.approx(earned, rel=1e-9, abs=1e-9)
    assert sum(one.gas_usd for one in tallies) == pytest.approx(model.recorder.gas_burnt_usd, rel=1e-12)


def test_an_opening_costs_what_its_caller_has_left(small_world, model_of):
    """It counts on buying later and opens three for 400 each; the third costs the 200 that it still has."""
    design = {"design": "maker_clip", "tip_usd": 0.0, "chip": 0.0}
    keeper = {"capital_usd": 1000.0, "margin": 0.9, **POORER}
    model = model_of(small_world(**fallen(design, 3, agents__liquidators=[keeper], time__steps=3)))
    before = money(model)
    model.run()
    assert money(model).tolist() == [0.0]
    assert model.recorder.gas_burnt_usd == 1000.0
    assert sum(model.recorder.opening_profits_usd.values()) == -1000.0
    assert_said_alike(model, before)


def test_the_gas_of_a_bid_with_all_ones_money_is_what_is_left_of_it(small_world, model_of):
    """It opens for 400, locks the 11,600 that are left, and has nothing for the gas of that; its row says so."""
    design = {"design": "maker_flip", "bid_seconds": 300.0}
    keeper = {"capital_usd": 12_000.0, "first_bid": 1.0, "margin": 0.1, **POORER}
    model = model_of(small_world(**fallen(design, 1, agents__liquidators=[keeper], time__steps=20)))
    before = money(model)
    model.run()
    rows = model.recorder.liquidations()
    assert (rows["repaid"].tolist(), rows["gas_usd"].tolist()) == ([11_600.0], [0.0])
    assert rows["profit_usd"].tolist() == [23_500.0 - 11_600.0]
    assert model.recorder.gas_burnt_usd == 400.0
    assert_said_alike(model, before)
