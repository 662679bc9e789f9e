"""Laws that no line of the program states: they must come out of the parts together.

Those of market microstructure hold in the mean over seeds; the tolerances are about three standard errors of that mean.
"""

from math import log

import numpy as np
import pytest

from models.liquidation import DESIGNS
from models.market import OrderBook

YEAR = 31_536_000.0


@pytest.mark.parametrize("volatility", [0.5, 1.0])
def test_arbitrage_takes_an_eighth_of_the_variance_from_a_constant_product(model_of, small_world, volatility):
    """Without fees and costs, arbitrage earns σ²/8 a year on the pool's value, and the provider counts the same.

    Milionis, Moallemi, Roughgarden and Zhang, "Automated market making and loss-versus-rebalancing" (2022).
    """
    hour, blocks, rates = 3600.0, 1500, []
    world = small_world(
        checks=False,
        time={"step_seconds": hour, "steps": blocks},
        assets__ETH__price={"kind": "gbm", "start": 2000.0, "volatility_per_year": volatility},
        markets__0__sources=[{"kind": "constant_product", "value": 1.0, "fee": 0.0}],
    )
    world["pools"] = []
    world["agents"] = {
        "arbitrageurs": [{"capital_usd": 1e8, "hedge_cost": 0.0}],
        "liquidity_providers": [{"capital_usd": 1e6}],
    }
    for seed in range(4):
        model = model_of(world, seed=seed)
        (cohort,) = model.people.liquidity_providers
        pool = model.world.exchanges[0].venue.sources[0]
        account, purse, gained, exposed = model.people.arbitrageurs[0].first_account, 1e8, 0.0, 0.0
        for _ in range(blocks):
            model.step()
            before, purse = purse, model.world.ledger.balance(account, 0)
            gained += purse - before
            exposed += (pool.base * model.world.reference[1] + pool.quote) * hour / YEAR
        (row,) = cohort.report(model.view)
        assert row.lvr_usd == pytest.approx(gained, rel=1e-5)
        rates.append(gained / exposed)
    assert np.mean(rates) == pytest.approx(volatility**2 / 8.0, rel=0.05)


@pytest.mark.parametrize("exponent", [1.0, 1.5, 2.0])
def test_impact_is_the_inverse_of_cumulative_depth(exponent):
    """Where A δ^g stands within a distance δ of the mid, an order of Q moves the price by (Q / A)^(1/g).

    Orders are a Poisson process, of one size each, at random distances; a book that thickens linearly (g = 2) has the
    square root of impact without anybody's strategy.
    """
    mid, furthest, orders, size = 100.0, 0.1, 400, 1.0
    amount = orders * size / furthest**exponent
    asked = np.array([0.25, 0.5, 0.75]) * orders * size
    moved = []
    for seed in range(150):
        rng = np.random.default_rng(seed)
        count = rng.poisson(orders)
        distances = furthest * rng.random(count) ** (1.0 / exponent)
        book = OrderBook(1e-6)
        book.requote("everybody", np.stack((mid * (1.0 - distances), np.full(count, size)), axis=1), [])
        moved.append([1.0 - book.quote_in("sell", quantity).price_after / mid for quantity in asked])
    law = (asked / amount) ** (1.0 / exponent)
    np.testing.assert_allclose(np.mean(moved, axis=0), law, rtol=0.02)


@pytest.mark.parametrize("half_life", [600.0, 3600.0])
def test_lasting_impact_decays_and_the_venue_follows_through_arbitrage(play, small_world, half_life):
    """A forced sale lowers the reference by Y sigma Q / V; every half-life halves it, and the venue stays beside it."""
    fee, drops = 0.003, []
    for seed in range(3):
        world = small_world(
            assets__ETH__price__prices=[2000.0, 1700.0],
            assets__ETH__impact={
                "kind": "linear",
                "daily_volume_usd": 1e5,
                "daily_volatility": 0.5,
                "half_life_seconds": half_life,
            },
            markets__0__sources=[{"kind": "constant_product", "value": 4e6, "fee": fee}],
            agents__arbitrageurs=[{"capital_usd": float("inf"), "hedge_cost": 0.0}],
            agents__noise_traders=[{"trades_per_hour": 120.0, "size_usd": 1e4}],
            time__steps=120,
        )
        run = play(world, seed=seed)
        assert run.liquidations["step"].tolist() == [1]
        sold = run.liquidations["seized"].iloc[0] * 1700.0
        reference, venue = (np.log(1700.0 / run.steps[f"{kind}_ETH"].to_numpy()[2:]) for kind in ("reference", "venue"))
        t = 60.0 * np.arange(1, len(reference) + 1)
        np.testing.assert_allclose(reference, 0.5 * sold / 1e5 * 0.5 ** (t / half_life), rtol=1e-9)
        # Within the fee no arbitrage pays, and the mid is anywhere.
        assert np.abs(venue - reference).max() <= -log(1.0 - fee) + 1e-3
        drops.append(venue)
    recovered, whole = np.mean(drops, axis=0), round(half_life / 60.0)
    assert recovered[0] > 20.0 * fee
    assert recovered[whole] == pytest.approx(0.5 * recovered[0], abs=fee)


def _in_dollars_worth(scale, design):
    """A crash of which all prices, and all that is said in dollars, are so many times what they are."""
    prices = [2000.0, 1900.0, 1850.0, 1780.0, 1700.0, 1600.0, 1650.0, 1500.0, 1300.0, 1350.0]
    falls = [scale * price for price in prices for _ in range(6)]
    fields = DESIGNS[design].model_fields
    terms = {name: scale * field.default for name, field in fields.items() if name.endswith("_usd")}
    # What is said in units is given, so that no default turns dollars into it.
    terms |= {name: units for name, units in (("stability_pool", 1e7), ("gas_compensation", 200.0)) if name in fields}
    debts = [12_000.0, 13_500.0, 14_200.0, 15_000.0, 15_400.0, 900.0]
    positions = [
        {"collateral": {"ETH": units}, "debt": {"DAI": units * debt / 10.0}} for debt in debts for units in (10.0, 3.0)
    ]
    member = {"margin": 0.01, "minimum_profit_usd": 5.0 * scale, "gas_usd": 2.0 * scale}
    return {
        "assets__DAI__price__price": scale,
        "assets__ETH": {
            "price": {"kind": "path", "prices": falls},
            "oracle": {"kind": "delayed", "hop_seconds": 120.0},
        },
        "markets__0__sources": [{"kind": "constant_product", "base": 400.0, "quote": 800_000.0, "fee": 0.003}],
        "time__steps": 80,
        "pools__0__liquidation": {"design": design} | terms,
        "pools__0__losses__layers": [{"kind": "insurance_fund", "capital": 500.0}],
        "agents__borrowers": [{"positions": positions}],
        "agents__arbitrageurs": [{"capital_usd": 1e6 * scale}],
        "agents__liquidators": [member | {"capital_usd": 2e4 * scale}, member | {"capital_usd": 1e6 * scale}],
    }


@pytest.mark.parametrize("design", DESIGNS)
def test_what_a_dollar_is_worth_is_nobodys_business(play, design):
    """At half its worth every price doubles, and every sum in dollars; nobody pays or gets a unit more or less."""
    once, twice = (play(**_in_dollars_worth(scale, design)).tables for scale in (1.0, 2.0))
    assert len(once["liquidations"]) + len(once["auctions"]) > 0
    for name in ("liquidations", "auctions", "write_offs", "liquidators"):
        assert len(once[name]) == len(twice[name])
        for column, values in once[name].items():
            if values.dtype.kind in "if":
                factor = 2.0 if column.endswith("_usd") else 1.0
                np.testing.assert_allclose(twice[name][column], factor * values, rtol=1e-12, err_msg=f"{name}.{column}")
            else:
                assert twice[name][column].tolist() == values.tolist()
