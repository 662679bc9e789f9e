"""Every parameter of every agent moves some output, and what agents decide follows from what they are given."""

import copy
from typing import Any

import numpy as np
import pytest

from abm.scenario import Agents, Scenario
from abm.view import View

# A crash in a market that is thin enough for everybody to matter: two of everything that a cohort can name.
RESERVES = {
    "DAI": {
        "rates": {"kind": "fixed", "rate_per_year": 30.0},
        "reserve_factor": 0.2,
        "ltv": 0.7,
        "liquidation_threshold": 0.8,
    },
    "ETH": {"ltv": 0.7, "liquidation_threshold": 0.8},
    "BTC": {"ltv": 0.7, "liquidation_threshold": 0.8},
}
POOL = {
    "reserves": RESERVES,
    "liquidation": {"design": "fixed_spread", "liquidation_bonus": 0.1, "close_factor": 1.0},
    "losses": {"layers": [{"kind": "insurance"}, {"kind": "reserve"}]},
}
FALL = {"kind": "gbm", "start": 1000.0, "drift_per_year": -1500.0, "volatility_per_year": 4.0}
SOURCES = [
    {"kind": "constant_product", "value": 4e5, "fee": 0.003},
    {"kind": "order_book", "tick": 0.01},
    {"kind": "concentrated", "ranges": [{"lower": 0.5, "upper": 1.5, "value": 1e4}]},
]
BORROWERS = {
    "pool": "core",
    "count": 60,
    "collateral": "ETH",
    "debt": "DAI",
    "debt_usd": {"kind": "lognormal", "median": 3000.0, "sigma": 1.0},
    "health": {"kind": "lognormal", "median": 0.05, "sigma": 1.0, "shift": 1.0},
    "watching": 0.5,
    "watch_interval_seconds": 300.0,
    "react_below": 1.05,
    "reactions": {"top_up": 1.0, "repay": 1.0, "sell": 1.0},
}
BASE: dict[str, Any] = {
    "name": "everybody",
    "time": {"step_seconds": 60.0, "steps": 90},
    "assets": {"DAI": {"price": {"kind": "constant", "price": 1.0}}, "ETH": {"price": FALL}, "BTC": {"price": FALL}},
    "markets": [{"base": base, "quote": "DAI", "sources": SOURCES} for base in ("ETH", "BTC")],
    "pools": [POOL | {"name": "core"}, POOL | {"name": "side"}],
    "blockspace": {"gas_price_gwei": {"kind": "constant", "price": 30.0}, "asset": "ETH", "capacity_gas": 3e6},
    "volatility_half_life_seconds": 300.0,
    "agents": {
        # The last of the borrowers owes and has nothing: a bad debt for certain, above all layers.
        "borrowers": [
            BORROWERS,
            BORROWERS | {"pool": "side", "count": 10},
            {"pool": "core", "positions": [{"debt": {"DAI": 5000.0}}]},
        ],
        "liquidators": [
            {"pool": "core", "count": 2, "capital_usd": 3e4},
            {"pool": "core", "count": 2, "capital_usd": 3e4, "selling": "over_time", "margin": 0.01},
        ],
        "depositors": [
            {"pool": "core", "count": 5, "deposits": {"DAI": 5e4}, "leave_at_utilisation": 0.6, "delay_seconds": 120.0}
        ],
        "insurers": [{"pool": "core", "capital": {"DAI": 3000.0}, "premium_share": 0.2}],
        "arbitrageurs": [{"market": "ETH/DAI", "count": 2, "capital_usd": 1e4}],
        "market_makers": [
            {
                "market": "ETH/DAI",
                "count": 2,
                "capital_usd": 1e5,
                "size_usd": 5e3,
                "withdraw_volatility_per_year": 4.5,
                "return_volatility_per_year": 4.4,
            }
        ],
        "liquidity_providers": [
            {
                "market": "ETH/DAI",
                "count": 3,
                "capital_usd": 1e5,
                "leave_volatility_per_year": 4.5,
                "return_after_seconds": 60.0,
            }
        ],
        "noise_traders": [{"market": "ETH/DAI", "trades_per_hour": 60.0, "size_usd": 1e3}],
    },
}

ATTACKER = {"market": "ETH/DAI", "pool": "core", "capital_usd": 1e6}

Change = dict[str, Any]
LIMITED: Change = {"limit_used": 1.0, "debt_usd": None, "health": None}
LOOPED: Change = {"equity_usd": 1000.0, "debt_usd": None, "health": None}
# For each parameter: the change, and what must be so in both runs for it to matter.
CASES: dict[tuple[str, str], tuple[Change, Change]] = {
    ("borrowers", "pool"): ({"pool": "side"}, {}),
    ("borrowers", "count"): ({"count": 61}, {}),
    ("borrowers", "collateral"): ({"collateral": "BTC"}, {}),
    ("borrowers", "debt"): ({"debt": "BTC"}, {}),
    ("borrowers", "debt_usd"): ({"debt_usd": 4000.0}, {}),
    ("borrowers", "total_debt_usd"): ({"total_debt_usd": 1e5}, {}),
    ("borrowers", "health"): ({"health": 1.02}, {}),
    ("borrowers", "collateral_usd"): ({"collateral_usd": 9e3}, {"collateral_usd": 6e3} | LIMITED),
    ("borrowers", "limit_used"): ({"limit_used": 0.95}, {"collateral_usd": 6e3} | LIMITED),
    ("borrowers", "equity_usd"): ({"equity_usd": 900.0}, LOOPED),
    ("borrowers", "loops"): ({"loops": 3}, LOOPED),
    ("borrowers", "loop_ltv"): ({"loop_ltv": 0.6}, LOOPED),
    ("borrowers", "rank_correlation"): ({"rank_correlation": -0.9}, {}),
    ("borrowers", "lowest_health"): ({"lowest_health": 1.03}, {}),
    ("borrowers", "watching"): ({"watching": 1.0}, {}),
    ("borrowers", "watch_interval_seconds"): ({"watch_interval_seconds": 900.0}, {}),
    ("borrowers", "react_below"): ({"react_below": 1.02}, {}),
    ("borrowers", "react_delay_seconds"): ({"react_delay_seconds": 600.0}, {}),
    ("borrowers", "target_health"): ({"target_health": 1.3}, {}),
    ("borrowers", "reactions"): ({"reactions": {"sell": 1.0}}, {}),
    ("borrowers", "max_discount"): ({"max_discount": 0.001}, {"reactions": {"sell": 1.0}}),
    ("borrowers", "wallet_share"): ({"wallet_share": 0.05}, {}),
    ("borrowers", "gas_units"): ({"gas_units": 2.9e6}, {}),
    ("borrowers", "gas_premium"): ({"gas_premium": 0.5}, {"max_gas_gwei": 40.0}),
    ("borrowers", "max_gas_gwei"): ({"max_gas_gwei": 32.0}, {}),
    ("borrowers", "max_rate_per_year"): ({"max_rate_per_year": 1.0}, {}),
    ("liquidators", "pool"): ({"pool": "side"}, {}),
    ("liquidators", "count"): ({"count": 1}, {}),
    ("liquidators", "capital_usd"): ({"capital_usd": 1e3}, {}),
    ("liquidators", "capital_asset"): ({"capital_asset": "BTC"}, {}),
    ("liquidators", "financing"): ({"financing": "flash"}, {}),
    ("liquidators", "flash_fee"): ({"flash_fee": 0.01}, {"financing": "flash"}),
    ("liquidators", "margin"): ({"margin": 0.08}, {}),
    ("liquidators", "minimum_profit_usd"): ({"minimum_profit_usd": 300.0}, {}),
    ("liquidators", "delay_seconds"): ({"delay_seconds": 120.0}, {}),
    ("liquidators", "active_from_seconds"): ({"active_from_seconds": 2400.0}, {}),
    ("liquidators", "first_bid"): ({"first_bid": 0.1}, {"auctioned": True}),
    ("liquidators", "calls_per_block"): ({"calls_per_block": 1}, {}),
    ("liquidators", "attention"): ({"attention": 1}, {}),
    ("liquidators", "prefers"): ({"prefers": "oldest"}, {"calls_per_block": 1, "capital_usd": 1e3}),
    ("liquidators", "gas_usd"): ({"gas_usd": 5.0}, {"blockspace": None}),
    ("liquidators", "gas_units"): ({"gas_units": 1e6}, {}),
    ("liquidators", "gas_premium"): ({"gas_premium": 0.5}, {}),
    ("liquidators", "max_gas_gwei"): ({"max_gas_gwei": 32.0}, {}),
    ("liquidators", "reaction_seconds"): ({"reaction_seconds": 1.0}, {"contested": True}),
    ("liquidators", "looks_back_blocks"): ({"looks_back_blocks": 1}, {}),
    ("liquidators", "understands"): ({"understands": ["maker_clip"]}, {}),
    ("liquidators", "risk_aversion"): ({"risk_aversion": 1e3}, {"selling": "over_time"}),
    ("liquidators", "holding_limit_usd"): ({"holding_limit_usd": 1e3}, {"selling": "over_time"}),
    ("liquidators", "entry"): ({"entry": {"active": 1}}, {}),
    ("liquidators", "selling"): ({"selling": "over_time"}, {}),
    ("liquidators", "sell_over_seconds"): ({"sell_over_seconds": 7200.0}, {"selling": "over_time"}),
    ("liquidators", "sell_every_seconds"): ({"sell_every_seconds": 300.0}, {"selling": "over_time"}),
    ("liquidators", "sale_gas_units"): ({"sale_gas_units": 1e6}, {"selling": "over_time"}),
    ("liquidators", "max_discount"): ({"max_discount": 0.0}, {"selling": "over_time"}),
    ("depositors", "count"): ({"count": 4}, {}),
    ("depositors", "pool"): ({"pool": "side"}, {}),
    ("depositors", "deposits"): ({"deposits": {"DAI": 4e4}}, {}),
    ("depositors", "leave_at_utilisation"): ({"leave_at_utilisation": 9.0}, {}),
    ("depositors", "leave_at_hole"): ({"leave_at_hole": 1e-9}, {"leave_at_utilisation": 9.0, "deferred": True}),
    ("depositors", "leave_at_haircut"): ({"leave_at_haircut": 1e-9}, {"leave_at_utilisation": 9.0}),
    ("depositors", "delay_seconds"): ({"delay_seconds": 600.0}, {"leave_at_utilisation": 0.1}),
    ("depositors", "judges"): ({"judges": {"patience_seconds": 60.0}}, {"leave_at_utilisation": 9.0, "deferred": True}),
    ("depositors", "returns"): (
        {"returns": {"trust_half_life_seconds": 60.0}},
        {"leave_at_utilisation": None, "judges": {"patience_seconds": 60.0}},
    ),
    ("depositors", "locked"): ({"locked": True, "leave_at_utilisation": None}, {}),
    ("depositors", "loan"): ({"loan": {"collateral": {"ETH": 9.0}, "debt": {"BTC": 1.0}}}, {}),
    ("depositors", "gas_units"): ({"gas_units": 3.1e6}, {"leave_at_utilisation": 0.1}),
    ("depositors", "gas_premium"): ({"gas_premium": 0.5}, {"leave_at_utilisation": 0.1, "gas_units": 2.9e6}),
    ("insurers", "pool"): ({"pool": "side"}, {}),
    ("insurers", "capital"): ({"capital": {"DAI": 10.0}}, {}),
    ("insurers", "premium_share"): ({"premium_share": 0.5}, {}),
    ("insurers", "deductible_usd"): ({"deductible_usd": 50.0}, {"capital": {"DAI": 6000.0}}),
    ("insurers", "limit_usd"): ({"limit_usd": 50.0}, {}),
    ("insurers", "pool_claims"): ({"pool_claims": {"DAI": 100.0}}, {}),
    ("insurers", "tokens"): ({"tokens": {"ETH": 1.0}}, {}),
    ("insurers", "pricing"): ({"pricing": {"shocks_per_year": 100.0}}, {}),
    ("insurers", "event_limit_usd"): ({"event_limit_usd": 50.0}, {}),
    ("insurers", "event_seconds"): ({"event_seconds": 0.0}, {"event_limit_usd": 50.0, "twice": True}),
    ("insurers", "payout_delay_seconds"): ({"payout_delay_seconds": 600.0}, {}),
    ("insurers", "renewal_seconds"): ({"renewal_seconds": 60.0}, {"min_capital_ratio": 10.0}),
    ("insurers", "min_capital_ratio"): ({"min_capital_ratio": 10.0}, {"renewal_seconds": 60.0}),
    ("insurers", "recapitalisation_usd"): ({"recapitalisation_usd": 1e3}, {"min_capital_ratio": 10.0}),
    ("insurers", "recapitalisation_delay_seconds"): (
        {"recapitalisation_delay_seconds": 600.0},
        {"min_capital_ratio": 10.0, "recapitalisation_usd": 1e3},
    ),
    ("insurers", "cooldown_seconds"): (
        {"cooldown_seconds": 600.0},
        {"staked": True, "deferred": True, "limit_usd": 1e3},
    ),
    ("insurers", "window_seconds"): (
        {"window_seconds": 10.0},
        {"staked": True, "deferred": True, "limit_usd": 1e3, "cooldown_seconds": 30.0},
    ),
    ("stakers", "pool"): ({"pool": "side"}, {}),
    ("stakers", "layer"): ({"layer": "backstop_vault"}, {}),
    ("stakers", "count"): ({"count": 3}, {}),
    ("stakers", "capital"): ({"capital": 400.0}, {}),
    ("stakers", "enter_at_yield_per_year"): ({"enter_at_yield_per_year": 0.1}, {}),
    ("stakers", "leave_at_yield_per_year"): ({"leave_at_yield_per_year": 0.5}, {}),
    ("stakers", "leave_at_hole"): ({"leave_at_hole": 1e-9}, {}),
    ("stakers", "leave_at_fall"): ({"leave_at_fall": 0.01}, {"layer": "backstop_vault"}),
    ("stakers", "reaction_seconds"): ({"reaction_seconds": 300.0}, {"leave_at_hole": 1e-9}),
    ("arbitrageurs", "count"): ({"count": 1}, {"capital_usd": 1e3}),
    ("arbitrageurs", "market"): ({"market": "BTC/DAI"}, {}),
    ("arbitrageurs", "capital_usd"): ({"capital_usd": 1e3}, {}),
    ("arbitrageurs", "hedge_cost"): ({"hedge_cost": 0.002}, {}),
    ("arbitrageurs", "settlement_seconds"): ({"settlement_seconds": 600.0}, {"capital_usd": 1e3}),
    ("arbitrageurs", "hedge_usd_per_hour"): ({"hedge_usd_per_hour": 1e4}, {}),
    ("triangle_arbitrageurs", "count"): ({"count": 1}, {}),
    ("triangle_arbitrageurs", "assets"): ({"assets": ["ETH", "DAI", "BTC"]}, {}),
    ("triangle_arbitrageurs", "capital_usd"): ({"capital_usd": 1e4}, {}),
    ("triangle_arbitrageurs", "cost"): ({"cost": 0.01}, {}),
    ("market_makers", "count"): ({"count": 1}, {}),
    ("market_makers", "market"): ({"market": "BTC/DAI"}, {}),
    ("market_makers", "capital_usd"): ({"capital_usd": 1e4}, {}),
    ("market_makers", "levels"): ({"levels": 2}, {}),
    ("market_makers", "half_spread"): ({"half_spread": 0.01}, {}),
    ("market_makers", "level_step"): ({"level_step": 0.003}, {}),
    ("market_makers", "size_usd"): ({"size_usd": 100.0}, {}),
    ("market_makers", "skew"): ({"skew": 0.01}, {}),
    ("market_makers", "volatility_multiple"): ({"volatility_multiple": 3.0}, {}),
    ("market_makers", "withdraw_volatility_per_year"): ({"withdraw_volatility_per_year": 50.0}, {}),
    ("market_makers", "return_volatility_per_year"): (
        {"return_volatility_per_year": 0.1},
        {"return_volatility_per_year": None},
    ),
    ("market_makers", "size_volatility_multiple"): ({"size_volatility_multiple": 5.0}, {}),
    ("market_makers", "inventory_limit"): ({"inventory_limit": 0.5}, {}),
    ("market_makers", "recovery_half_life_seconds"): ({"recovery_half_life_seconds": 600.0}, {}),
    ("market_makers", "stays"): ({"stays": True}, {}),
    ("liquidity_providers", "count"): ({"count": 4}, {}),
    ("liquidity_providers", "market"): ({"market": "BTC/DAI"}, {}),
    ("liquidity_providers", "source"): ({"source": 2}, {}),
    ("liquidity_providers", "capital_usd"): ({"capital_usd": 2e4}, {}),
    ("liquidity_providers", "lower"): ({"lower": 0.9}, {"source": 2}),
    ("liquidity_providers", "upper"): ({"upper": 1.1}, {"source": 2}),
    ("liquidity_providers", "leave_volatility_per_year"): ({"leave_volatility_per_year": 3.0}, {}),
    ("liquidity_providers", "leave_loss"): ({"leave_loss": 1e-5}, {}),
    ("liquidity_providers", "reaction_seconds"): ({"reaction_seconds": 600.0}, {}),
    ("liquidity_providers", "return_volatility_per_year"): ({"return_volatility_per_year": 3.0}, {}),
    ("liquidity_providers", "return_after_seconds"): ({"return_after_seconds": 600.0}, {}),
    ("liquidity_providers", "return_within"): ({"return_within": 1e-9}, {}),
    ("liquidity_providers", "conversion_cost"): ({"conversion_cost": 0.01}, {}),
    ("liquidity_providers", "stays"): ({"stays": True}, {}),
    ("noise_traders", "market"): ({"market": "BTC/DAI"}, {}),
    ("noise_traders", "trades_per_hour"): ({"trades_per_hour": 30.0}, {}),
    ("noise_traders", "size_usd"): ({"size_usd": 3e3}, {}),
    ("attackers", "market"): ({"market": "BTC/DAI"}, {}),
    ("attackers", "pool"): ({"pool": "side"}, {}),
    ("attackers", "capital_usd"): ({"capital_usd": 2e6}, {}),
    ("attackers", "strategy"): ({"strategy": "trigger_liquidations"}, {}),
    ("attackers", "hold_blocks"): (
        {"hold_blocks": 5},
        {"average": True, "strategy": "trigger_liquidations", "capital_usd": 2e5},
    ),
    ("attackers", "margin"): ({"margin": 50.0}, {}),
    ("attackers", "from_seconds"): ({"from_seconds": 1200.0}, {}),
    ("attackers", "evaluate_every_seconds"): ({"evaluate_every_seconds": 60.0}, {"margin": 50.0}),
    ("attackers", "gas_usd"): ({"gas_usd": 10.0}, {}),
}
STAKES = [
    {"kind": "backstop_vault", "asset": "ETH", "capital": 0.1, "cooldown_seconds": 60.0},
    {
        "kind": "staked_same_asset",
        "limit_usd": 300.0,
        "capital": 100.0,
        "cooldown_seconds": 60.0,
        "target_liquidity": 1e3,
        "max_emission_per_year": 400.0,
    },
]
LISTED = {("borrowers", name) for name in ("positions", "file", "resample", "jitter")}


def world_with(kind: str, *changes: Change) -> dict[str, Any]:
    """The base with the first cohort of a kind changed; what is no parameter of a cohort changes the world."""
    world = copy.deepcopy(BASE)
    if kind == "attackers":
        # Only where somebody believes the venue is there anything to attack.
        world["agents"]["attackers"] = [copy.deepcopy(ATTACKER)]
        for asset in ("ETH", "BTC"):
            world["assets"][asset]["oracle"] = {"kind": "venue"}
    if kind == "triangle_arbitrageurs":
        # A third market closes the triangle.
        world["markets"].append({"base": "ETH", "quote": "BTC", "sources": SOURCES[:1]})
        world["agents"][kind] = [{"assets": ["DAI", "ETH", "BTC"], "capital_usd": 1e3, "count": 2}]
    if kind == "stakers":
        for pool in world["pools"]:
            pool["losses"] = {"recognition": "deferred", "layers": STAKES}
        world["agents"][kind] = [{"pool": "core", "layer": "staked_same_asset", "count": 2, "capital": 500.0}]
    cohort = world["agents"][kind][0]
    for change in changes:
        for key, value in change.items():
            if key == "blockspace":
                del world["blockspace"]
            elif key == "contested":
                world["blockspace"]["bidding"] = {"kind": "open"}
            elif key == "twice":
                world["agents"]["borrowers"][2]["positions"] *= 2
            elif key == "staked":
                staker = {"pool": "core", "layer": "insurance", "capital": 500.0, "leave_at_hole": 1e-9}
                world["agents"]["stakers"] = [staker]
            elif key == "auctioned":
                world["pools"][0]["liquidation"] = {"design": "maker_flip", "bid_seconds": 300.0}
            elif key == "average":
                world["assets"]["ETH"]["oracle"] = {"kind": "twap", "window_seconds": 300.0}
            elif key == "deferred":
                world["pools"][0]["losses"]["recognition"] = "deferred"
            elif value is None:
                cohort.pop(key, None)
            else:
                cohort[key] = value
    if kind == "noise_traders":
        # The trades of one flow are drawn at the start, one after the other: only its own parameter changes them.
        world["agents"]["market_makers"] = []
    return world


def test_every_parameter_of_every_agent_has_a_case():
    """A parameter that is added must be added here too."""
    known = {
        (kind, name)
        for kind, field in Agents.model_fields.items()
        for name in field.annotation.__args__[0].model_fields  # type: ignore[union-attr]
    }
    assert set(CASES) | LISTED == known, "a new parameter is added to CASES, with a change that moves some output"


@pytest.fixture(scope="module")
def seen(play, digest):
    """The digest of a world, worked out once."""
    done: dict[str, str] = {}

    def of(world: dict[str, Any]) -> str:
        key = repr(world)
        if key not in done:
            done[key] = digest(play(world, seed=11))
        return done[key]

    return of


@pytest.mark.parametrize(("kind", "name"), CASES, ids=str)
def test_every_parameter_of_every_agent_moves_some_output(seen, kind, name):
    change, setting = CASES[kind, name]
    assert seen(world_with(kind, setting)) != seen(world_with(kind, setting, change))


def test_the_base_has_everybody_in_action(play):
    """Where nobody is liquidated, insured or frightened, parameters would move nothing for lack of an occasion."""
    run = play(BASE, seed=11)
    assert run.summary["liquidations"] > 10
    assert run.summary["mended"] > 10
    assert run.summary["insurer_paid_usd"] > 100.0
    assert run.summary["depositor_loss_usd"] > 0.0
    assert {"liquidators.0[0]", "liquidators.0[1]"} <= set(run.liquidations["liquidator"])


def test_listed_positions_and_a_file_of_them_are_the_same(play, small_world, digest, tmp_path):
    rows = [(10.0, 16000.0), (5.0, 8100.0), (7.0, 100.0)]
    table = tmp_path / "positions.csv"
    table.write_text("collateral_ETH,debt_DAI\n" + "".join(f"{held},{owed}\n" for held, owed in rows))
    listed = [{"collateral": {"ETH": held}, "debt": {"DAI": owed}} for held, owed in rows]
    one = play(small_world(agents__borrowers=[{"positions": listed}]))
    two = play(small_world(agents__borrowers=[{"file": str(table)}]))
    assert digest(one) == digest(two)
    assert len(one.liquidations) == 2
    assert digest(play(small_world(agents__borrowers=[{"positions": listed[:2]}]))) != digest(one)


# What agents decide


def test_drawn_positions_have_the_sizes_and_healths_asked_for(small_world, model_of):
    cohort = {
        "count": 4000,
        "collateral": "ETH",
        "debt": "DAI",
        "debt_usd": {"kind": "pareto", "minimum": 100.0, "shape": 1.5},
        "total_debt_usd": 1e6,
        "health": {"kind": "lognormal", "median": 0.4, "sigma": 0.5, "shift": 1.0},
    }
    lender = model_of(small_world(agents__borrowers=[cohort])).world.lenders[0]
    health, _, debt = lender.pool.valuation(lender.prices, np.arange(4000))
    assert debt.sum() == pytest.approx(1e6, rel=1e-12)
    assert np.median(health) == pytest.approx(1.4, abs=0.02)
    assert health.min() >= 1.01


def test_the_sale_of_a_holding_shrinks_it_as_said(small_world, model_of):
    """A sixth every ten minutes of an hour: five sixths to the power of the sales so far."""
    model = model_of(
        small_world(
            agents__liquidators=[{"capital_usd": 1e6, "selling": "over_time"}], time__steps=45, time__step_seconds=120.0
        )
    )
    account = 0
    held: list[float] = []
    for _ in range(45):
        model.step()
        account = model.people.liquidators[0].first_account
        held.append(model.world.ledger.balance(account, 1))
    seized = model.recorder.liquidations()["seized"].sum()
    sizes = sorted({round(units / seized, 9) for units in held if units > 0.0}, reverse=True)
    assert sizes == pytest.approx([(5 / 6) ** k for k in range(len(sizes))])
    assert len(sizes) == 9


def test_an_arbitrageur_without_capital_back_cannot_go_on(play):
    """All means are under way for ten blocks after the first round trip."""
    world: dict[str, Any] = {
        "markets__0__sources": [{"kind": "constant_product", "value": 1e7, "fee": 0.0}],
        "assets__ETH__price__prices": [2000.0, 1800.0],
        "agents__liquidators": [],
        "time__steps": 14,
    }
    tied = play(**world, agents__arbitrageurs=[{"capital_usd": 1e4, "hedge_cost": 0.0, "settlement_seconds": 600.0}])
    moves = np.flatnonzero(np.diff(tied.steps["venue_ETH"])) + 1
    assert moves.tolist() == [1, 11]
    free = play(**world, agents__arbitrageurs=[{"capital_usd": 1e4, "hedge_cost": 0.0}])
    assert np.flatnonzero(np.diff(free.steps["venue_ETH"])).tolist() == list(range(13))


def makers(**terms: Any) -> list[dict[str, Any]]:
    return [{"capital_usd": 1e6, "size_usd": 1e4, "levels": 3, "volatility_multiple": 0.0, **terms}]


def test_a_maker_quotes_its_ladder_around_the_reference(small_world, model_of):
    """Half of the capital in each asset, so no skew: 0.1 %, 0.3 % and 0.5 % on either side of 2,000."""
    model = model_of(
        small_world(
            markets__0__sources=[{"kind": "order_book", "tick": 0.01}],
            agents__market_makers=makers(half_spread=0.001, level_step=0.002),
        )
    )
    model.step()
    book = model.world.exchanges[0].book
    np.testing.assert_allclose(book.levels("buy"), [(1998.0, 5.0), (1994.0, 5.0), (1990.0, 5.0)])
    np.testing.assert_allclose(book.levels("sell"), [(2002.0, 5.0), (2006.0, 5.0), (2010.0, 5.0)])


def test_a_maker_steps_back_from_danger_and_returns(play):
    """A jump of a tenth in a minute, forgotten within two half-lives of a minute each at a time."""
    run = play(
        markets__0__sources=[{"kind": "order_book", "tick": 0.01}],
        agents__market_makers=makers(withdraw_volatility_per_year=10.0, return_volatility_per_year=5.0),
        agents__liquidators=[],
        assets__ETH__price__prices=[2000.0, 2000.0, 1800.0],
        volatility_half_life_seconds=60.0,
        time__steps=20,
    )
    quoting = run.steps["venue_ETH"].notna()
    assert quoting[:2].all()
    assert not quoting[2]
    back = int(np.flatnonzero(quoting[2:].to_numpy())[0])
    # After n blocks the variance is that of the jump halved n + 1 times.
    jump = np.log(2000.0 / 1800.0) ** 2 / 60.0 * 31_536_000
    assert np.sqrt(jump * 0.5 ** (back + 1)) <= 5.0 < np.sqrt(jump * 0.5**back)


def test_agents_see_and_do_not_write(small_world, model_of):
    """Nothing that the view offers changes a balance, a quote or a position."""
    model = model_of(small_world(time__steps=2))
    model.step()
    world = model.world
    before = world.ledger.balances.copy(), world.lenders[0].pool.collateral.copy(), world.reference.copy()
    view = View(world)
    view.opportunities(0)
    view.below_own_line(0)
    view.run_signals(0, 0)
    view.sight(0, 0)
    view.away(0, slice(0, 2), 0)[:] = 1.0
    view.owing(0, slice(0, 2), 0)[:] = True
    view.borrow_rate(0, 0)
    view.quote_in(0, "sell", 5.0)
    view.quote_to(0, "buy", 2100.0)
    view.has_wallet(0, 0, "repay")
    view.inventory(0, 5)
    after = world.ledger.balances, world.lenders[0].pool.collateral, world.reference
    for old, new in zip(before, after, strict=True):
        np.testing.assert_array_equal(new, old)


def test_a_scenario_of_nothing_but_a_price_runs(play):
    world = {
        "name": "bare",
        "time": {"steps": 5},
        "assets": {"ETH": {"price": {"kind": "constant", "price": 1.0}}},
        "checks": True,
    }
    run = play(world)
    assert len(run.steps) == 5
    assert run.summary["bad_debt_share"] == 0.0
    assert Scenario.from_dict(run.scenario.to_dict()) == run.scenario
