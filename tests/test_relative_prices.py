"""Assets that are priced in units of another, and oracles that report so: what follows from what, in every block."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from abm import Scenario, ScenarioError, simulate
from abm.model import UnderwaterModel

ETH = [2000.0, 1990.0, 1800.0, 1850.0, 1700.0, 1700.0]
RATIO = [1.0, 0.99, 0.97, 0.94, 0.95, 0.96]
IMPACT = {"kind": "linear", "daily_volume_usd": 1e6, "daily_volatility": 0.2, "half_life_seconds": 1e6}


def world(**changes: Any) -> dict[str, Any]:
    """One loan of ETH against stETH, which trades for ETH on a curve, and somebody to liquidate it."""
    assets: dict[str, Any] = {
        "ETH": {"price": {"kind": "path", "prices": ETH}},
        "stETH": {"price": {"kind": "relative", "to": "ETH", "ratio": {"kind": "path", "prices": RATIO}}},
    }
    for name, terms in changes.pop("assets", {}).items():
        assets[name] = assets.get(name, {}) | terms
    return {
        "name": "staked",
        "checks": True,
        "time": {"step_seconds": 60.0, "steps": 6},
        "assets": assets,
        "markets": [
            {
                "base": "stETH",
                "quote": "ETH",
                "sources": [{"kind": "stable_swap", "value": 4e7, "amplification": 50.0, "fee": 0.0004}],
            }
        ],
        "pools": [
            {
                "name": "core",
                "reserves": {"ETH": {}, "stETH": {"ltv": 0.9, "liquidation_threshold": 0.95}},
                "liquidation": {"design": "aave_v3", "liquidation_bonus": 0.01},
            }
        ],
        "agents": {
            "borrowers": [{"positions": [{"collateral": {"stETH": 100.0}, "debt": {"ETH": 90.0}}]}],
            "liquidators": [{"capital_usd": 1e7, "capital_asset": "ETH"}],
            "depositors": [{"deposits": {"ETH": 1e3}}],
        },
    } | changes


def steps_of(**changes: Any) -> Any:
    return simulate(Scenario.from_dict(world(**changes))).steps


# Prices


def test_price_is_the_ratio_of_the_other() -> None:
    steps = steps_of()
    np.testing.assert_allclose(steps["reference_stETH"], np.array(ETH) * RATIO, rtol=1e-15)


def test_what_sales_do_to_the_other_this_one_follows() -> None:
    """ETH is sold with a lasting impact; stETH keeps its ratio to what ETH is worth then."""
    changes = {"ETH": {"impact": IMPACT}, "USD": {"price": {"kind": "constant", "price": 1.0}}}
    sold = world(assets=changes)
    sold["markets"] = [{"base": "ETH", "quote": "USD", "sources": [{"kind": "infinite"}]}]
    sold["pools"][0]["reserves"] |= {"USD": {}}
    sold["pools"][0]["reserves"]["ETH"] = {"ltv": 0.9, "liquidation_threshold": 0.95}
    sold["agents"]["borrowers"] = [{"positions": [{"collateral": {"ETH": 100.0}, "debt": {"USD": 1.8e5}}]}]
    sold["agents"]["liquidators"] = [{"capital_usd": 1e7, "capital_asset": "USD"}]
    sold["agents"]["depositors"] = [{"deposits": {"USD": 1e6}}]
    steps = simulate(Scenario.from_dict(sold)).steps
    assert steps["reference_ETH"].iloc[-1] < 0.99 * ETH[-1]
    np.testing.assert_allclose(steps["reference_stETH"] / steps["reference_ETH"], RATIO, rtol=1e-14)


def test_ratio_of_a_ratio_and_an_asset_that_stands_before_what_it_follows() -> None:
    wrapped = {"price": {"kind": "relative", "to": "stETH", "ratio": {"kind": "constant", "price": 1.2}}}
    described = world()
    described["assets"] = {"wstETH": wrapped} | described["assets"]
    steps = simulate(Scenario.from_dict(described)).steps
    np.testing.assert_allclose(steps["reference_wstETH"], 1.2 * np.array(ETH) * RATIO, rtol=1e-15)


def test_claim_on_a_reserve_of_it_follows_too() -> None:
    claim = {"price": {"kind": "claim", "pool": "core", "reserve": "stETH"}}
    steps = steps_of(assets={"astETH": claim})
    np.testing.assert_allclose(steps["reference_astETH"], steps["reference_stETH"], rtol=1e-15)


def test_own_draws_of_the_ratio_are_tied_like_those_of_any_asset() -> None:
    """A ratio that diffuses draws as an asset of its name would, and correlations tie it to the other."""
    gbm = {"kind": "gbm", "start": 1.0, "volatility_per_year": 0.5}
    eth = {"kind": "gbm", "start": 2000.0, "volatility_per_year": 0.8}
    assets = {"ETH": {"price": eth}, "stETH": {"price": {"kind": "relative", "to": "ETH", "ratio": gbm}}}
    alone = steps_of(assets={"ETH": {"price": eth}, "stETH": {"price": gbm}}, markets=[])
    steps = steps_of(assets=assets, markets=[])
    np.testing.assert_allclose(steps["reference_stETH"] / steps["reference_ETH"], alone["reference_stETH"], rtol=1e-14)
    tied = steps_of(assets=assets, markets=[], correlations=[{"assets": ["ETH", "stETH"], "rho": 0.9999}])
    ratio = np.diff(np.log(tied["reference_stETH"] / tied["reference_ETH"]))
    moves = np.diff(np.log(tied["reference_ETH"]))
    assert np.corrcoef(ratio, moves)[0, 1] == pytest.approx(1.0, abs=2e-3)


def test_ratio_may_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "ratio.csv").write_text("time,price\n0,1.0\n120,0.9\n")
    ratio = {"kind": "file", "file": "ratio.csv"}
    described = world(assets={"stETH": {"price": {"kind": "relative", "to": "ETH", "ratio": ratio}}})
    scenario = Scenario.from_dict(described, base_dir=tmp_path)
    scenario.check_inputs()
    steps = simulate(scenario).steps
    assert (steps["reference_stETH"] / steps["reference_ETH"]).tolist()[-1] == pytest.approx(0.9)
    (tmp_path / "ratio.csv").unlink()
    with pytest.raises(ScenarioError, match=r"assets\.stETH\.price\.ratio\.file"):
        scenario.check_inputs()


def test_scenario_comes_back_from_what_it_is_stored_as() -> None:
    scenario = Scenario.from_dict(world(assets={"stETH": {"oracle_quote": "ETH"}}))
    assert Scenario.from_dict(scenario.to_dict()) == scenario


@pytest.mark.parametrize(("part", "generation"), [(0.2, 1), (0.3, 2)])
def test_who_falls_with_what_others_had_to_sell_is_of_the_generation_after_theirs(part: float, generation: int) -> None:
    """Nobody sold stETH: it falls as ETH was sold, a quarter by generation 0; the loan bears this part of the fall."""
    model = UnderwaterModel(Scenario.from_dict(world(assets={"ETH": {"impact": IMPACT}})))
    (lender,), eth, staked = model.world.lenders, model.world.index["ETH"], model.world.index["stETH"]
    model.cascade.sold(eth, 10.0, 0)
    model.cascade.sold(eth, 30.0, 1)
    threshold = 90.0 / (0.95 * 100.0)  # the ratio at which the loan has a health of 1
    lender.prices = model.cascade.untouched()[0][lender.assets].copy()
    lender.prices[lender.assets.index(staked)] *= threshold ** (1.0 / part)
    assert model.cascade.generation(lender, 0, 1.0) == generation


# Oracles


def test_two_feeds_are_multiplied() -> None:
    """The ratio's feed reports every 2 % of the ratio, that of ETH three minutes late."""
    assets = {
        "ETH": {"oracle": {"kind": "delayed", "hop_seconds": 180.0}},
        "stETH": {
            "oracle": {"kind": "push", "deviation": 0.02, "heartbeat_seconds": 1e6},
            "oracle_quote": "ETH",
        },
    }
    steps = steps_of(assets=assets)
    ratio, eth = [1.0, 1.0, 0.97, 0.94, 0.94, 0.96], steps["oracle_ETH"].to_numpy()
    assert eth.tolist() != ETH
    np.testing.assert_allclose(steps["oracle_stETH"], np.array(ratio) * eth, rtol=1e-15)


def test_lender_that_takes_one_for_one_sees_no_slip_and_liquidates_nobody() -> None:
    fixed = {"oracle": {"kind": "fixed", "price": 1.0}, "oracle_quote": "ETH"}
    blind, seeing = (simulate(Scenario.from_dict(world(assets=assets))) for assets in ({"stETH": fixed}, {}))
    np.testing.assert_allclose(blind.steps["oracle_stETH"], ETH, rtol=1e-15)
    assert blind.summary["liquidations"] == 0
    assert seeing.summary["liquidations"] > 0


def test_what_a_blind_lender_lacks_is_told_at_the_prices_of_the_market() -> None:
    slipped = {"kind": "relative", "to": "ETH", "ratio": {"kind": "path", "prices": [1.0, 0.85]}}
    blind = {"price": slipped, "oracle": {"kind": "fixed"}, "oracle_quote": "ETH"}
    summary = simulate(Scenario.from_dict(world(assets={"stETH": blind}))).summary
    assert summary["total_bad_debt_usd"] == summary["unrealised_shortfall_usd"] == 0.0
    assert summary["market_shortfall_usd"] == pytest.approx((90.0 - 85.0) * ETH[-1], rel=1e-6)  # and some interest


def test_venue_shows_its_price_in_the_quote() -> None:
    steps = steps_of(assets={"stETH": {"oracle": {"kind": "venue"}, "oracle_quote": "ETH"}}, agents={})
    np.testing.assert_allclose(steps["oracle_stETH"], steps["venue_stETH"], rtol=1e-14)
    late = {"ETH": {"oracle": {"kind": "delayed", "hop_seconds": 120.0}}}
    steps = steps_of(assets={"stETH": {"oracle": {"kind": "venue"}, "oracle_quote": "ETH"}} | late, agents={})
    shown = steps["venue_stETH"] / steps["reference_ETH"] * steps["oracle_ETH"]
    np.testing.assert_allclose(steps["oracle_stETH"], shown, rtol=1e-14)


def test_bounds_are_in_units_of_the_quote() -> None:
    bounded = {"kind": "bounded", "of": {"kind": "reference"}, "floor_usd": 0.95}
    steps = steps_of(assets={"stETH": {"oracle": bounded, "oracle_quote": "ETH"}})
    np.testing.assert_allclose(
        steps["oracle_stETH"] / steps["oracle_ETH"], [1.0, 0.99, 0.97, 0.97, 0.95, 0.96], rtol=1e-15
    )


def test_positions_are_opened_at_what_is_believed_then() -> None:
    """The ratio starts below the price in the contract; a drawn health is that of the contract's price."""
    ratio = {"kind": "constant", "price": 0.98}
    stake = {"price": {"kind": "relative", "to": "ETH", "ratio": ratio}, "oracle_quote": "ETH"}
    drawn = {"count": 3, "collateral": "stETH", "debt": "ETH", "debt_usd": 1e4, "health": 1.02}
    described = world(assets={"stETH": stake | {"oracle": {"kind": "fixed", "price": 1.0}}})
    described["agents"]["borrowers"] = [drawn]
    model = UnderwaterModel(Scenario.from_dict(described))
    lender = model.world.lenders[0]
    healths = [lender.health_at(account, lender.prices) for account in range(3)]
    assert healths == pytest.approx([1.02] * 3, rel=1e-9)
    model.step()
    assert [lender.health_at(account, lender.prices) for account in range(3)] == pytest.approx([1.02] * 3, rel=1e-6)


def test_what_an_attacker_expects_of_two_feeds_is_what_they_report() -> None:
    assets = {
        "ETH": {"oracle": {"kind": "delayed", "hop_seconds": 120.0}},
        "stETH": {"oracle": {"kind": "ema", "time_seconds": 300.0}, "oracle_quote": "ETH"},
    }
    flat = {"ETH": {"price": {"kind": "constant", "price": 2000.0}}}
    described = world(assets={name: terms | flat.get(name, {}) for name, terms in assets.items()}, agents={})
    model = UnderwaterModel(Scenario.from_dict(described))
    asset, world_of_it = model.world.index["stETH"], model.world
    model.step()
    world_of_it.begin(1)
    shown = world_of_it.venue_price(asset)
    expected = model.view.oracle_if(asset, [shown, shown])
    believed = []
    for _ in range(2):
        model.step()
        believed.append(world_of_it.oracle[asset])
    assert believed == pytest.approx(expected, rel=1e-12)


def test_pool_depends_on_both_feeds() -> None:
    run = simulate(Scenario.from_dict(world(assets={"stETH": {"oracle": {"kind": "venue"}, "oracle_quote": "ETH"}})))
    priced = {one.target: one.usd for one in run.exposures if one.kind == "is priced by"}
    assert priced == {"market stETH/ETH": 200_000.0, "oracle ETH": 200_000.0}


# Refusals


@pytest.mark.parametrize(
    ("assets", "says"),
    [
        (
            {"stETH": {"price": {"kind": "relative", "to": "ETHH", "ratio": {"kind": "constant", "price": 1.0}}}},
            r"assets\.stETH\.price\.to = 'ETHH' is no asset with a price.*'ETH'",
        ),
        (
            {"stETH": {"price": {"kind": "relative", "to": "stETH", "ratio": {"kind": "constant", "price": 1.0}}}},
            r"assets\.stETH\.price follows from itself \(stETH from stETH\)",
        ),
        (
            {"stETH": {"price": {"kind": "relative", "to": "ETH", "ratio": {"kind": "claim", "pool": "core"}}}},
            r"assets\.stETH\.price\.ratio\.kind = 'claim'",
        ),
        (
            {"stETH": {"price": {"kind": "relative", "to": "ETH", "ratio": {"kind": "constant", "price": 1e17}}}},
            r"assets\.stETH\.price: the price is 2e\+20",
        ),
        ({"stETH": {"oracle_quote": "BTC"}}, r"assets\.stETH\.oracle_quote = 'BTC' is no asset"),
        (
            {"stETH": {"oracle_quote": "ETH"}, "ETH": {"oracle_quote": "stETH"}},
            r"assets\.\w+\.oracle_quote follows from itself .*let one of them report dollars",
        ),
    ],
)
def test_what_cannot_be_priced_is_refused_in_a_sentence(assets: dict[str, Any], says: str) -> None:
    with pytest.raises(ScenarioError, match=says):
        Scenario.from_dict(world(assets=assets))
