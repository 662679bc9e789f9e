"""Several venues and those who trade between them: forced sales over all of them, hedges, rivals, triangles, drift."""

from math import inf, sqrt
from typing import Any

import numpy as np
import pytest

from abm.markets.trading import funded_swap

POOL = {"kind": "constant_product", "value": 4e6, "fee": 0.003}  # 1,000 ETH against 2,000,000 DAI at 2,000
FREE = {"kind": "constant_product", "value": 4e6, "fee": 0.0}
ROW = {"positions": [{"collateral": {"ETH": 100.0}, "debt": {"DAI": 1.6e5}}]}


def market(base: str, quote: str, *sources: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"base": base, "quote": quote, "sources": list(sources), **more}


def constant(price: float) -> dict[str, Any]:
    return {"price": {"kind": "constant", "price": price}}


def of_members(model: Any, kind: str) -> np.ndarray:
    """What the members of the first cohort of a kind hold, shape (members, assets)."""
    cohort = getattr(model.people, kind)[0]
    first = cohort.first_account
    return model.world.ledger.balances[first : first + cohort.terms.count]


# Forced sales over several venues


def test_two_venues_of_a_pair_are_worth_one_venue_with_both_pools(play):
    """Same sizes, same profits: where a pool stands makes no difference to who sells."""
    deep = POOL | {"fee": 0.0005, "value": 2e6}
    one = play(agents__borrowers=[ROW], markets=[market("ETH", "DAI", POOL, deep)])
    two = play(agents__borrowers=[ROW], markets=[market("ETH", "DAI", POOL), market("ETH", "DAI", deep, name="other")])
    for column in ("repaid", "seized", "profit_usd", "slippage"):
        assert two.liquidations[column].to_numpy() == pytest.approx(one.liquidations[column].to_numpy(), rel=1e-9)
    assert set(two.trades["market"]) == {"ETH/DAI", "other"}
    # The first market speaks for the asset.
    first = play(agents__borrowers=[ROW], markets=[market("ETH", "DAI", POOL)])
    assert two.steps["venue_ETH"].iloc[-1] > first.steps["venue_ETH"].iloc[-1]


def test_the_venue_price_of_an_asset_is_that_of_its_first_market(play):
    dear = market("ETH", "DAI", {"kind": "constant_product", "base": 1000.0, "quote": 2.2e6, "fee": 0.0})
    world = {"assets__USDC": constant(1.0), "agents__borrowers": [], "agents__liquidators": []}
    for markets, price in (
        ([dear, market("ETH", "USDC", FREE)], 2200.0),
        ([market("ETH", "USDC", FREE), dear], 2000.0),
    ):
        assert play(**world, markets=markets).steps["venue_ETH"].iloc[0] == pytest.approx(price, rel=1e-12)


def test_a_sale_brings_the_asset_of_the_debt_where_a_route_leads_to_it(play, small_world, model_of):
    """ETH trades for USDC only, the debt is DAI: the collateral is sold over both venues and nothing outside."""
    markets = [
        market("ETH", "USDC", POOL),
        market("DAI", "USDC", {"kind": "stable_swap", "value": 1e6, "amplification": 100.0}),
    ]
    world = {
        "assets__USDC": constant(1.0),
        "agents__borrowers": [ROW],
        "agents__liquidators": [{"capital_usd": inf, "capital_asset": "DAI"}],
    }
    run = play(**world, markets=markets)
    trades = run.trades[run.trades["taker"] == "liquidators"].set_index("market")
    assert set(trades.index) == {"ETH/USDC", "DAI/USDC"}
    assert trades.loc["DAI/USDC", "side"] == "buy"
    assert trades.loc["DAI/USDC", "quote_units"] == pytest.approx(trades.loc["ETH/USDC", "quote_units"], rel=1e-9)
    profit = trades.loc["DAI/USDC", "base_units"] - run.liquidations["repaid"].sum()
    assert run.liquidations["profit_usd"].sum() == pytest.approx(profit, rel=1e-9)
    # Without the second venue the proceeds are changed outside, at the reference price.
    alone = play(**world, markets=markets[:1])
    assert set(alone.trades["market"]) == {"ETH/USDC"}
    model = model_of(small_world(**world, markets=markets))
    assert model.world.sold_for(1, 0) == 0
    assert model.world.sold_for(1, 1) == model.world.index["USDC"]


def test_an_asset_that_is_only_a_quote_is_sold_on_the_rest_of_the_market(small_world, model_of):
    """DAI against a debt of ETH: what the pair's venue takes is its base."""
    model = model_of(small_world(markets=[market("ETH", "DAI", POOL)]))
    dai, eth = model.world.index["DAI"], model.world.index["ETH"]
    assert model.world.sold_for(dai, eth) is None
    assert model.world.bid_usd(dai, eth) == 1.0


def test_without_feedback_a_sale_over_two_venues_moves_neither(play):
    """It is paid at its quote, and both stay where they were."""
    markets = [market("ETH", "DAI", POOL), market("ETH", "DAI", POOL | {"value": 1e6}, name="other")]
    with_it, without = (play(agents__borrowers=[ROW], markets=markets, feedback=choice) for choice in (True, False))
    assert with_it.liquidations["profit_usd"].iloc[0] == pytest.approx(without.liquidations["profit_usd"].iloc[0])
    assert (without.steps["venue_ETH"] == without.steps["venue_ETH"].iloc[0]).all()
    assert with_it.steps["venue_ETH"].iloc[-1] < without.steps["venue_ETH"].iloc[-1]


# Hedges and inventory


def falling(*prices: float, **terms: Any) -> dict[str, Any]:
    """A pool without a fee that arbitrageurs pull along, hedging 36,000 dollars a block, and nobody else."""
    hedge = {"capital_usd": 1e6, "hedge_cost": 0.01, "hedge_usd_per_hour": 60 * 36_000.0, **terms}
    return {
        "markets": [market("ETH", "DAI", FREE)],
        "assets__ETH__price__prices": list(prices),
        "agents": {"arbitrageurs": [hedge]},
        "time__steps": len(prices),
    }


def test_what_is_not_hedged_at_once_is_held_and_hedged_at_the_price_of_then(small_world, model_of):
    """By hand: a dear pool is sold short, the price rises, a part is covered, and the pool closes the rest."""
    model = model_of(small_world(**falling(2000.0, 1900.0, 2100.0, hedge_usd_per_hour=60 * 18_000.0)))
    arbitrageur = model.people.arbitrageurs[0]
    model.step()
    assert arbitrageur.inventory == [0.0]
    model.step()
    base = sqrt(2e9 / (1900.0 * 1.01))  # the pool has been sold to until it was within the cost of the reference
    sold, hedged = base - 1000.0, 18_000.0 / 1900.0
    money = 1e6 + (2e6 - 2e9 / base) - hedged * 1900.0 * 1.01
    assert 0.0 < hedged < sold
    assert arbitrageur.inventory[0] == pytest.approx(hedged - sold, rel=1e-9)
    assert of_members(model, "arbitrageurs")[0] == pytest.approx([money, 0.0], rel=1e-12, abs=1e-9)
    assert model.recorder.blocks()["arbitrage_capital_usd"][-1] == pytest.approx(
        money + (hedged - sold) * 1900.0, rel=1e-12
    )
    assert model.arbitrage_profit_usd() == pytest.approx(money + (hedged - sold) * 1900.0 - 1e6, rel=1e-9)
    model.step()
    covered, left = 18_000.0 / 2100.0, sqrt(2e9 / (2100.0 * 0.99))
    money -= covered * 2100.0 * 1.01 + (2e9 / left - 2e9 / base)
    held = hedged - sold + covered + base - left
    assert held > 0.0  # the purchase has closed the short; nothing of it could be hedged any more
    assert arbitrageur.inventory[0] == pytest.approx(held, rel=1e-9)
    assert of_members(model, "arbitrageurs")[0] == pytest.approx([money, held], rel=1e-9)
    assert model.arbitrage_profit_usd() == pytest.approx(money + held * 2100.0 - 1e6, rel=1e-9)
    model.world.check()


@pytest.mark.parametrize("prices", [(2000.0, 2200.0, 2150.0, 2000.0), (2000.0, 1700.0, 1750.0, 1900.0)])
def test_profit_is_what_members_own_more_than_at_first(small_world, model_of, prices):
    """Long or short, hedged or not: balances plus inventory, nothing appears or vanishes."""
    model = model_of(small_world(**falling(*prices, count=3, capital_usd=2e4, settlement_seconds=120.0)))
    for reference in prices:
        model.step()
        cohort = model.people.arbitrageurs[0]
        balances = of_members(model, "arbitrageurs")
        short = np.minimum(cohort.inventory, 0.0).sum()
        own = balances[:, 0].sum() + (balances[:, 1].sum() + short) * reference
        assert model.arbitrage_profit_usd() == pytest.approx(own - 6e4, rel=1e-9, abs=1e-6)
        for member, held in enumerate(cohort.inventory):
            assert balances[member, 1] == pytest.approx(max(held, 0.0), abs=1e-9)
    model.world.check()


def test_a_hedge_without_limit_is_the_limit_of_large_ones(play, small_world, digest):
    world = falling(2000.0, 1900.0, 1950.0, 1700.0, settlement_seconds=60.0, capital_usd=5e4)
    large, endless = (
        play(small_world(**world, agents__arbitrageurs__0__hedge_usd_per_hour=limit)) for limit in (1e18, inf)
    )
    assert digest(large) == digest(endless)


def test_inventory_exhausts_capital_and_leaves_the_venue_adrift(small_world, model_of):
    """Somebody sells into a falling market: who cannot hedge is soon full, loses with the price, and stops."""
    prices = [2000.0 * 0.98**k for k in range(15)]
    drifts, capitals, profits = [], [], []
    for limit in (1e4, inf):
        model = model_of(small_world(**falling(*prices, capital_usd=3e4, hedge_usd_per_hour=limit, count=2)))
        seller, exchange = model.world.ledger.open("seller"), model.world.exchanges[0]
        for _ in prices:
            funded_swap(model.world, exchange, seller, exchange.venue.quote_in("sell", 20.0))
            model.step()
        steps = model.recorder.steps()
        drifts.append(np.abs(steps["venue_ETH"] / steps["reference_ETH"] - 1.0).max())
        capitals.append(steps["arbitrage_capital_usd"])
        profits.append(model.arbitrage_profit_usd())
    assert drifts[1] == pytest.approx(0.01, rel=1e-9)
    assert drifts[0] > 0.15
    assert capitals[0].iloc[-1] < 0.9 * 6e4 < 6e4 < capitals[1].iloc[-1]
    assert profits[0] < 0.0 < profits[1]


def test_a_short_is_no_larger_than_the_capital_behind_it(small_world, model_of):
    """Nothing can be hedged to speak of: what is sold short is worth what the member owns, and no more."""
    model = model_of(small_world(**falling(2000.0, 1000.0, capital_usd=1e4, hedge_usd_per_hour=1e-6, hedge_cost=0.0)))
    model.step()
    model.step()
    short = -model.people.arbitrageurs[0].inventory[0]
    assert short * 1000.0 == pytest.approx(1e4, rel=1e-6)


# Rivals


def test_rivals_of_two_cohorts_act_as_two_members_of_one(play, small_world, digest):
    """One random order over everybody: how they are listed makes no difference."""
    terms = {"capital_usd": 1e4, "settlement_seconds": 120.0, "hedge_cost": 0.001}
    world = falling(*[2000.0 * 0.99**k for k in range(12)])
    together = play(small_world(**world, agents__arbitrageurs=[terms | {"count": 4}]))
    apart = play(small_world(**world, agents__arbitrageurs=[terms, terms | {"count": 3}]))
    assert digest(together) == digest(apart)


def test_the_quicker_to_settle_and_the_cheaper_to_hedge_earn_more(small_world, model_of):
    """Two cohorts on one market share the gaps by chance; the lower cost goes on where the higher one stops."""
    world = falling(*[2000.0 * 0.99**k for k in range(60)])
    terms = {"capital_usd": 1e6, "hedge_cost": 0.0005}
    model = model_of(small_world(**world, agents__arbitrageurs=[terms, terms | {"hedge_cost": 0.005}]))
    model.run()
    cheap, dear = (cohort.earned_usd for cohort in model.people.arbitrageurs)
    assert cheap > dear > 0.0


# Triangles

SIDES = [market("ETH", "DAI", FREE), market("ETH", "USDC", FREE), market("USDC", "DAI", FREE)]


def triangle(**terms: Any) -> dict[str, Any]:
    """Three pools, the one for ETH and USDC 5 % dear from the beginning."""
    markets = [*SIDES]
    markets[1] = market("ETH", "USDC", {"kind": "constant_product", "base": 1000.0, "quote": 2.1e6, "fee": 0.0})
    return {
        "markets": markets,
        "assets__ETH": constant(2000.0),
        "assets__USDC": constant(1.0),
        "agents": {"triangle_arbitrageurs": [{"assets": ["DAI", "ETH", "USDC"], "capital_usd": 1e6, **terms}]},
        "time__steps": 2,
    }


@pytest.mark.parametrize("capital", [1e6, inf])
@pytest.mark.parametrize("names", [("DAI", "ETH", "USDC"), ("USDC", "DAI", "ETH"), ("ETH", "USDC", "DAI")])
def test_a_triangle_is_closed_whichever_way_it_pays(small_world, model_of, capital, names):
    """The gap is traded down to the cost; what is earned is in the account of the first asset."""
    model = model_of(small_world(**triangle(assets=list(names), capital_usd=capital if names[0] != "ETH" else inf)))
    model.step()
    ways = [tuple(model.world.index[name] for name in order) for order in (names, names[::-1])]
    assert max(model.view.round_rate(way) for way in ways) == pytest.approx(1.0, rel=1e-9)
    cohort = model.people.triangle_arbitrageurs[0]
    first = model.world.index[names[0]]
    start = 0.0 if cohort.unlimited else 1e6
    balance = of_members(model, "triangle_arbitrageurs")[0, first]
    if not cohort.unlimited:
        assert balance - start == pytest.approx(cohort.earned_usd, rel=1e-6)
    assert model.arbitrage_profit_usd() == cohort.earned_usd > 300.0
    if names[0] == "DAI":  # x -> 1.05 x / (1 + k x) earns (√1.05 - 1)² / k
        k = 1.0 / 2e6 + 1.0 / 2000.0 / 1000.0 + 1.05 / 2e6
        assert cohort.earned_usd == pytest.approx((sqrt(1.05) - 1.0) ** 2 / k, rel=1e-9)
    earned = cohort.earned_usd
    model.step()
    assert cohort.earned_usd == pytest.approx(earned, rel=1e-6)
    model.world.check()


def test_a_triangle_is_traded_within_capital_and_cost(small_world, model_of):
    """Two members with 1,000 each narrow the gap; a cost above the gap keeps them away."""
    model = model_of(small_world(**triangle(capital_usd=1e3, count=2)))
    model.step()
    gained = of_members(model, "triangle_arbitrageurs")[:, 0] - 1e3
    assert (gained > 40.0).all()
    assert gained.max() < 50.0
    assert gained.sum() == pytest.approx(model.arbitrage_profit_usd(), rel=1e-9)
    assert model.recorder.blocks()["arbitrage_capital_usd"][-1] == pytest.approx(2e3 + gained.sum(), rel=1e-12)
    idle = model_of(small_world(**triangle(cost=0.06)))
    idle.run()
    assert idle.arbitrage_profit_usd() == 0.0


@pytest.mark.parametrize(("cost", "first"), [(0.0, "ETH"), (0.025, "USDC")])
def test_of_two_ways_that_pay_the_one_that_pays_more_after_its_cost_is_taken(small_world, model_of, cost, first):
    """A gap of 3 % on a deep venue, and one of 10 % the other way on a shallow one: what does a unit cost?"""
    deep, thin = (
        {"kind": "constant_product", "base": base, "quote": base * price, "fee": 0.0}
        for base, price in ((10_000.0, 2060.0), (150.0, 1800.0))
    )
    changed = triangle(cost=cost, capital_usd=inf)
    wide = FREE | {"value": 4e9}
    changed["markets"] = [
        market("ETH", "DAI", wide),
        market("ETH", "USDC", deep),
        market("ETH", "USDC", thin) | {"name": "thin"},
        market("USDC", "DAI", wide),
    ]
    model = model_of(small_world(**changed))
    view, (cohort,) = model.view, model.people.triangle_arbitrageurs
    index = model.world.index
    ways = {name: (index["DAI"], index[name], index[other]) for name, other in (("ETH", "USDC"), ("USDC", "ETH"))}
    trips = {name: view.quote_round(way, cost, inf) for name, way in ways.items()}
    assert min(trip.amount_out - (1.0 + cost) * trip.amount_in for trip in trips.values()) > 0.0
    around = cohort.decide(view, 0)
    assert (around.trip.amount_in, around.trip.amount_out) == (trips[first].amount_in, trips[first].amount_out)


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["DAI", "ETH", "BTC"], "assets.2 = 'BTC' is no asset with a price"),
        (["DAI", "ETH", "ETH"], "needs a market of ETH and ETH"),
        (["DAI", "ETH"], "give 3 or more entries"),
    ],
)
def test_a_triangle_without_a_side_is_refused(play, small_world, names, words):
    with pytest.raises(ValueError, match=words):
        play(small_world(**triangle(assets=names)))


# Drift


def test_drift_is_the_distance_of_the_venue_from_the_reference(play):
    """Nobody trades while the reference falls to 1,800 and on to 1,600: 11 % and 25 % adrift."""
    world: dict[str, Any] = {
        "markets": [market("ETH", "DAI", FREE)],
        "assets__ETH__price__prices": [2000.0, 1800.0, 1600.0],
        "agents": {},
    }
    run = play(**world)
    assert run.summary["largest_drift"] == pytest.approx(0.25, rel=1e-12)
    assert run.summary["mean_drift"] == pytest.approx((0.0 + 1.0 / 9.0 + 0.25) / 3.0, rel=1e-12)
    assert (run.steps["arbitrage_capital_usd"] == 0.0).all()
    assert run.summary["arbitrage_profit_usd"] == 0.0
    endless = play(**world | {"agents": {"arbitrageurs": [{"capital_usd": inf}]}})
    assert endless.steps["arbitrage_capital_usd"].isna().all()
    assert endless.summary["arbitrage_profit_usd"] > 0.0
    bare = play(**world | {"markets": []})
    assert bare.summary["largest_drift"] == bare.summary["mean_drift"] == 0.0


@pytest.mark.parametrize("rises", [True, False])
@pytest.mark.parametrize("wait", [60.0, 180.0, 1e9])
def test_capital_that_is_used_up_leaves_the_venue_adrift_by_what_it_could_not_buy(play, rises, wait):
    """By the pool's own formula: C dollars move its price to p (1 + C/y)², and come back with their gain after a while.

    Two tenths of a price move need more than the capital; the rest is the drift in the run's table, block after block.
    """
    reference, capital, base, quote = 2000.0 * 1.44 ** (1 if rises else -1), 1e5, 1000.0, 2e6
    run = play(
        markets=[market("ETH", "DAI", FREE)],
        assets__ETH__price__prices=[2000.0, reference],
        agents={"arbitrageurs": [{"capital_usd": capital, "hedge_cost": 0.0, "settlement_seconds": wait}]},
        time__steps=16,
    )
    drifts: list[float] = [0.0]
    back: dict[int, float] = {}
    free = capital
    for block in range(1, 16):
        free += back.pop(block, 0.0)
        if rises:
            needed = sqrt(base * quote * reference) - quote
            spent = min(free, needed)
            earned = base * spent / (quote + spent) * reference
            base, quote = base * quote / (quote + spent), quote + spent
        else:
            needed = (sqrt(base * quote / reference) - base) * reference
            spent = min(free, needed)
            earned = quote * spent / (base * reference + spent)
            base, quote = base + spent / reference, base * quote / (base + spent / reference)
        free -= spent
        due = block + round(wait / 60.0)
        back[due] = back.get(due, 0.0) + earned
        drifts.append(quote / base / reference - 1.0)
    seen = run.steps["venue_ETH"] / run.steps["reference_ETH"] - 1.0
    np.testing.assert_allclose(seen[1:], drifts[1:], rtol=1e-9, atol=1e-12)
    first = 1.05**2 / 1.44 - 1.0 if rises else 1.44 / (1.0 + 0.05 * 1.44) ** 2 - 1.0
    assert drifts[1] == pytest.approx(first, rel=1e-12)
    assert run.summary["largest_drift"] == pytest.approx(abs(first), rel=1e-9)
    assert run.summary["mean_drift"] == pytest.approx(np.abs(drifts).mean(), rel=1e-9)
    assert (abs(drifts[-1]) < 1e-12) == (wait < 1e9)
