"""Liquidity providers: what they earn and lose, when they pull out, and when they are back."""

from math import log, sqrt

import numpy as np
import pytest

from abm import Scenario, ScenarioError
from experiments.run import run_scenario
from models.market import Venue

POOL = {"kind": "constant_product", "value": 1e6, "fee": 0.0}
SOURCES = {
    "constant_product": POOL,
    "stable_swap": {"kind": "stable_swap", "value": 1e6, "amplification": 5.0, "fee": 0.0},
    "concentrated": {"kind": "concentrated", "ranges": [{"lower": 0.2, "upper": 5.0, "value": 1e6}], "fee": 0.0},
}
ARBITRAGE = [{"capital_usd": float("inf"), "hedge_cost": 0.0}]
NOISE = [{"trades_per_hour": 600.0, "size_usd": 1000.0}]
YEAR = 31_536_000.0
every_source = pytest.mark.parametrize("kind", SOURCES)


@pytest.fixture
def market(small_world):
    """A market of one pool with perfect arbitrage and one provider of 100,000; no lending in it."""

    def build(provider=None, prices=(2000.0,), source=POOL, arbitrage=ARBITRAGE, steps=20, noise=(), **changes):
        world = small_world(
            assets__ETH__price__prices=list(prices),
            markets__0__sources=[source],
            time__steps=steps,
            volatility_half_life_seconds=60.0,
            **changes,
        )
        world["pools"], world["agents"] = [], {"arbitrageurs": arbitrage, "noise_traders": list(noise)}
        world["agents"]["liquidity_providers"] = [{"capital_usd": 1e5} | (provider or {})]
        return world

    return build


def presence(model, blocks):
    """Run some blocks; how many members are in the pool after each."""
    cohort = model.people.liquidity_providers[0]
    here = []
    for _ in range(blocks):
        model.step()
        here.append(int(cohort.present.sum()))
    return here


# What they earn and lose


@every_source
def test_capital_is_provided_at_the_start_and_a_quiet_price_costs_nothing(play, market, kind):
    row = play(market(source=SOURCES[kind])).providers.iloc[0]
    assert (row["cohort"], row["market"], row["source"], row["member"]) == ("liquidity_providers.0", "ETH/DAI", kind, 0)
    for column in ("provided_usd", "value_usd", "hold_value_usd"):
        assert row[column] == pytest.approx(1e5, rel=1e-9)
    assert row[["fees_usd", "lvr_usd", "away_seconds"]].tolist() == pytest.approx([0.0, 0.0, 0.0], abs=1e-6)


@pytest.mark.parametrize("after", [500.0, 1800.0, 2200.0, 8000.0])
def test_a_move_costs_the_impermanent_loss_of_a_constant_product(play, market, after):
    """Against holding, 1 - 2√r/(1 + r) for a price that becomes r times what it was; for one move, that is the LVR."""
    row = play(market(prices=[2000.0, after])).providers.iloc[0]
    r = after / 2000.0
    held = 1e5 * (1.0 + r) / 2.0
    assert row["hold_value_usd"] == pytest.approx(held, rel=1e-9)
    assert row["value_usd"] == pytest.approx(held * 2.0 * sqrt(r) / (1.0 + r), rel=1e-9)
    assert row["lvr_usd"] == pytest.approx(row["hold_value_usd"] - row["value_usd"], rel=1e-6)


def test_a_price_that_returns_leaves_no_impermanent_loss_but_two_losses_to_arbitrage(play, market):
    """The value depends on the price alone; what was lost to rebalancing is lost each time."""
    row = play(market(prices=[2000.0, 1800.0, 2000.0])).providers.iloc[0]
    assert row["value_usd"] == pytest.approx(1e5, rel=1e-9)
    down = 5e4 * (1.0 + 0.9) - 1e5 * sqrt(0.9)
    up = 5e4 * sqrt(0.9) * (1.0 / 0.9 + 1.0) - 1e5
    assert row["lvr_usd"] == pytest.approx(down + up, rel=1e-6)


@every_source
def test_the_loss_to_arbitrage_is_what_the_arbitrageur_gains(model_of, market, kind):
    """Without fees and costs nobody else is there to lose or gain: with a deep purse the books are plain."""
    prices = [2000.0, 1900.0, 1950.0, 2100.0, 2000.0]
    purse = [{"capital_usd": 1e8, "hedge_cost": 0.0}]
    model = model_of(market({"capital_usd": 1e6, "lower": 0.2, "upper": 5.0}, prices, SOURCES[kind], purse, steps=6))
    for _ in range(6):
        model.step()
    account = model.people.arbitrageurs[0].first_account
    gained = model.world.ledger.balance(account, 0) + model.world.ledger.balance(account, 1) * 2000.0 - 1e8
    (cohort,) = model.people.liquidity_providers
    # The provider is half of the pool.
    assert sum(row.lvr_usd for row in cohort.report(model.view)) == pytest.approx(0.5 * gained, rel=1e-6)


@every_source
def test_fees_are_counted_apart_and_owned(play, market, kind):
    """Noise at a steady price: what a provider has is what it had, its fees, and what traders left on the way."""
    free = play(market(source=SOURCES[kind], noise=NOISE)).providers.iloc[0]
    assert free["fees_usd"] == 0.0
    paid = play(market(source=SOURCES[kind] | {"fee": 0.002}, noise=NOISE)).providers.iloc[0]
    assert paid["fees_usd"] > 0.0
    assert paid["value_usd"] == pytest.approx(1e5 + paid["fees_usd"] - paid["lvr_usd"], rel=1e-9)


def test_fees_are_the_part_of_what_traders_paid(model_of, market, monkeypatch):
    """A tenth more in the pool: an eleventh of every fee."""
    model = model_of(market(source=POOL | {"fee": 0.01}, arbitrage=[], noise=NOISE))
    paid: list[float] = []
    settle = Venue.settle

    def overheard(venue, fill):
        paid.append(fill.fee * (2000.0 if fill.side == "sell" else 1.0))
        return settle(venue, fill)

    monkeypatch.setattr(Venue, "settle", overheard)
    for _ in range(10):
        model.step()
    (row,) = model.people.liquidity_providers[0].report(model.view)
    assert len(paid) > 50
    assert row.fees_usd == pytest.approx(sum(paid) / 11.0, rel=1e-9)


# When they leave and return


def variance_after(jump: float, blocks: int) -> float:
    """Volatility per year, so many blocks after a jump, of an average that halves with every block of a minute."""
    return sqrt(0.5 ** (blocks + 1) * log(jump) ** 2 / 60.0 * YEAR)


@every_source
def test_a_member_leaves_after_its_reaction_and_returns_after_the_calm(model_of, market, kind):
    terms = {
        "leave_volatility_per_year": 20.0,
        "return_volatility_per_year": 5.0,
        "reaction_seconds": 120.0,
        "return_after_seconds": 300.0,
    }
    prices = [2000.0, 2000.0, 2000.0, 1800.0]
    model = model_of(market(terms, prices, SOURCES[kind], steps=30))
    here = presence(model, 30)
    calm = next(n for n in range(30) if variance_after(0.9, n) < 5.0)
    # The jump is in block 3, two blocks later it leaves; five blocks of calm and it is back.
    away = [k for k, members in enumerate(here) if members == 0]
    assert away == list(range(5, 3 + calm + 5))
    (cohort,) = model.people.liquidity_providers
    (row,) = cohort.report(model.view)
    assert row.away_seconds == 60.0 * len(away)


@every_source
def test_the_depth_falls_to_the_pools_own_and_comes_back(model_of, market, kind):
    """What is nobody's stays; with everybody away the venue is as deep as it would be without them."""
    terms = {"count": 5, "leave_volatility_per_year": 20.0, "return_after_seconds": 120.0}
    prices = [2000.0, 2000.0, 2100.0, 2000.0]
    model = model_of(market(terms, prices, SOURCES[kind], steps=30))
    venue, depth = model.world.exchanges[0].venue, []
    for _ in range(30):
        model.step()
        depth.append(venue.depth("sell", 0.01))
    world = market(source=SOURCES[kind])
    del world["agents"]["liquidity_providers"]
    alone = model_of(world).world.exchanges[0].venue.depth("sell", 0.01)
    # In block 2 the price is another; from block 3 on it is that of the start.
    assert min(depth[3:]) == pytest.approx(alone, rel=1e-6)
    assert depth[0] > 1.4 * alone
    assert depth[-1] == pytest.approx(depth[0], rel=1e-2)


def test_members_with_lines_of_their_own_leave_one_after_the_other(model_of, market):
    terms = {
        "count": 200,
        "leave_volatility_per_year": {"kind": "uniform", "low": 2.0, "high": 40.0},
        "return_after_seconds": 1e9,
    }
    prices = [2000.0, 2000.0, 1990.0, 1960.0, 1900.0, 1750.0]
    here = presence(model_of(market(terms, prices)), 7)
    assert here[:2] == [200, 200]
    assert here == sorted(here, reverse=True)
    assert len(set(here)) > 4
    assert 0 < here[4] < 200


def test_who_has_lost_too_much_against_holding_leaves(model_of, market):
    """A fall of a fifth is a loss of 0.6 % against holding: above one line and below the other."""
    loss = 1.0 - 2.0 * sqrt(0.8) / 1.8
    for line, stays in ((0.99 * loss, 0), (1.01 * loss, 1)):
        here = presence(model_of(market({"leave_loss": line, "return_after_seconds": 1e9}, [2000.0, 1600.0])), 4)
        # Arbitrage takes its part in block 1; a member sees it in the next.
        assert here == [1, 1, stays, stays]


@every_source
def test_fees_are_set_against_the_loss(model_of, market, kind):
    """One line that the loss alone passes, and the loss less the fees does not."""
    source = SOURCES[kind] | {"fee": 0.01}
    dear = {"trades_per_hour": 3000.0, "size_usd": 2e4}
    prices = [2000.0] * 10 + [1700.0]
    terms = {"leave_loss": 1e-4, "lower": 0.5, "upper": 2.0}
    assert presence(model_of(market(terms, prices, source, noise=[dear])), 15)[-1] == 1
    assert presence(model_of(market(terms, prices, source)), 15)[-1] == 0


def test_loss_is_counted_from_the_last_time_it_came_in(model_of, market):
    """After its return, the same line needs another loss of the same size."""
    terms = {"leave_loss": 0.005, "return_after_seconds": 60.0}
    model = model_of(market(terms, [2000.0, 1600.0], steps=20))
    assert presence(model, 20) == [1, 1, 0, 0] + [1] * 16


def test_those_who_stay_never_leave(model_of, market):
    terms = {"leave_volatility_per_year": 0.1, "leave_loss": 1e-6, "stays": True}
    assert presence(model_of(market(terms, [2000.0, 1000.0, 2000.0])), 10) == [1] * 10


def test_who_returns_brings_all_it_owns_at_the_pools_ratio(model_of, market):
    """Both sides of the wallet are empty again, and the exchange on the rest of the market has its cost."""
    for cost in (0.0, 0.01):
        terms = {
            "leave_volatility_per_year": 20.0,
            "return_after_seconds": 600.0,
            "conversion_cost": cost,
        }
        prices = [2000.0, 2000.0, 1800.0, 1790.0, 1780.0, 1770.0, 1760.0]
        model = model_of(market(terms, prices, steps=40))
        (cohort,) = model.people.liquidity_providers
        held = None
        for _ in range(40):
            left = not cohort.present[0]
            if left:
                held = model.world.ledger.balances[cohort.first_account].copy()
            model.step()
            if left and cohort.present[0]:
                break
        assert held is not None
        np.testing.assert_allclose(model.world.ledger.balances[cohort.first_account], 0.0, atol=1e-6)
        price = model.world.reference[1]
        pool = model.world.exchanges[0].venue.sources[0]
        quote_value = held[0] + held[1] * price
        base, quote = model.world.stakes[0].amounts()[:, 0]
        put_in = quote + base * price
        moved = abs(held[1] * price - quote_value / 2.0)
        assert quote_value - put_in == pytest.approx(cost * moved, rel=0.01, abs=1e-3)
        assert quote / base == pytest.approx(pool.quote / pool.base, rel=1e-12)


@every_source
def test_nobody_returns_to_a_pool_that_is_off_the_reference(model_of, market, kind):
    """Without arbitrage it stays at 2000: they are back once the reference, which returns calmly, is near enough."""
    terms = {"leave_volatility_per_year": 20.0, "return_volatility_per_year": 15.0, "return_after_seconds": 60.0}
    prices = [2000.0, 2000.0, *[1700.0] * 7, *[1700.0 * 1.019**k for k in range(9)]]
    for within in (0.02, 0.1, float("inf")):
        model = model_of(market(terms | {"return_within": within}, prices, SOURCES[kind], arbitrage=[], steps=18))
        here = presence(model, 18)
        near = next(block for block in range(8, 18) if prices[block] * (1.0 + within) >= 2000.0)
        assert here == [1, 1, *[0] * (near - 2), *[1] * (18 - near)]


def test_a_position_is_centred_anew_when_it_returns(model_of, market):
    terms = {"lower": 0.95, "upper": 1.05, "leave_volatility_per_year": 20.0, "return_after_seconds": 60.0}
    model = model_of(market(terms, [2000.0, 2000.0, 1600.0], SOURCES["concentrated"], steps=30))
    assert presence(model, 30)[-1] == 1
    lower, upper, liquidity = model.world.exchanges[0].venue.sources[0].positions[-1]
    assert liquidity > 0.0
    assert (lower, upper) == pytest.approx((0.95 * 1600.0, 1.05 * 1600.0), rel=1e-6)


def test_providers_leave_the_draws_of_everybody_else_alone(play, market):
    """Common random numbers: the reference is the same path, however many providers there are, whatever they draw."""
    drawn = {"kind": "lognormal", "median": 1e4, "sigma": 1.0}
    changes = {"assets__ETH__price": {"kind": "gbm", "start": 2000.0, "volatility_per_year": 2.0}}
    worlds = []
    for provider in ({}, {"count": 7, "capital_usd": drawn, "leave_volatility_per_year": drawn}):
        world = market(provider, noise=NOISE)
        world["assets"]["ETH"]["price"] = changes["assets__ETH__price"]
        worlds.append(play(world, seed=5))
    np.testing.assert_array_equal(worlds[0].steps["reference_ETH"], worlds[1].steps["reference_ETH"])
    assert not np.array_equal(worlds[0].steps["venue_ETH"], worlds[1].steps["venue_ETH"])


# What is reported, and what is refused


def test_the_summary_adds_up_the_table(play, market):
    run = play(market({"count": 3}, [2000.0, 1900.0], POOL | {"fee": 0.001}, noise=NOISE))
    assert len(run.providers) == 3
    assert run.summary["provider_fees_usd"] == pytest.approx(run.providers["fees_usd"].sum(), rel=1e-12)
    assert run.summary["provider_lvr_usd"] == pytest.approx(run.providers["lvr_usd"].sum(), rel=1e-12)


def test_the_table_is_stored_path_by_path(market, tmp_path):
    results = run_scenario(Scenario.from_dict(market({"count": 2})), paths=2, out=tmp_path / "run")
    assert results.providers[["path", "member"]].values.tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]
    assert results.providers["source"].unique().tolist() == ["constant_product"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"source": 2}, r"agents\.liquidity_providers\.0\.source = 2 is beyond the sources of ETH/DAI.*from 0 to 1"),
        ({"source": 1}, r"agents\.liquidity_providers\.0 cannot provide to the order_book of ETH/DAI; .*stable_swap"),
        ({"market": "BTC/DAI"}, r"agents\.liquidity_providers\.0\.market"),
        ({"capital_usd": 0.0}, r"agents\.liquidity_providers\.0\.capital_usd"),
        ({"lower": 1.0}, r"agents\.liquidity_providers\.0\.lower"),
        ({"upper": 1.0}, r"agents\.liquidity_providers\.0\.upper"),
        ({"leave_loss": -0.1}, r"agents\.liquidity_providers\.0\.leave_loss"),
        (
            {"leave_volatility_per_year": 1.0, "return_volatility_per_year": 2.0},
            "return_volatility_per_year = 2.0 is above leave_volatility_per_year = 1.0",
        ),
        ({"leave_at": 1.0}, r"agents\.liquidity_providers\.0\.leave_at"),
    ],
)
def test_what_cannot_be_used_is_refused_in_a_sentence(market, change, words):
    world = market(change)
    world["markets"][0]["sources"].append({"kind": "order_book", "tick": 0.01})
    with pytest.raises(ScenarioError, match=words):
        Scenario.from_dict(world)


def test_a_market_without_a_pool_takes_no_providers(market):
    with pytest.raises(ScenarioError, match="cannot provide to ETH/DAI; it takes a source of kind constant_product"):
        Scenario.from_dict(market(source={"kind": "infinite"}))


def test_the_first_source_that_takes_them_is_the_default(play, market):
    world = market()
    world["markets"][0]["sources"] = [{"kind": "order_book", "tick": 0.01}, POOL, SOURCES["concentrated"]]
    assert play(world).providers["source"].tolist() == ["constant_product"]
    world["agents"]["liquidity_providers"][0]["source"] = 2
    assert play(world).providers["source"].tolist() == ["concentrated"]
