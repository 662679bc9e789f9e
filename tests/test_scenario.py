"""Loading a scenario: the contract's example in every variant, overrides, and the round trip."""

import math
import tomllib
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tomli_w

from abm import Scenario, ScenarioError, simulate
from builders.scenarios import EXAMPLE, load
from experiments.shipped import load_scenario, shipped_scenarios

PRICES = "time,price,open,high,low,close\n" + "".join(
    f"{60 * k},{p},{p},{p + 9},{p - 9},{p}\n" for k, p in ((0, 2000), (4, 1900))
)


@pytest.mark.parametrize("start", ["2020-03-12T00:00:00Z", '"2020-03-12 00:00:00+00:00"'])
def test_when_a_path_begins_may_be_a_date_or_a_text(start: str) -> None:
    scenario = load_scenario("one-position", {"time.start": start})
    assert scenario.time.start == "2020-03-12T00:00:00+00:00"
    assert Scenario.from_dict(scenario.to_dict()) == scenario


def test_a_start_that_is_no_date_is_refused() -> None:
    with pytest.raises(ScenarioError, match=r"time\.start: must be a date and time such as .*, not 'soon'"):
        load_scenario("one-position", {"time.start": '"soon"'})


def _many_reserves(small_world, reserves: int) -> dict:
    """A borrower against each of many assets, in a pool of so many reserves; the last of the assets falls."""
    world = small_world(pools__0__reserves={"DAI": {}}, agents__borrowers=[])
    for k in range(reserves - 1):
        name, prices = f"A{k}", [100.0, 85.0 if k == reserves - 2 else 100.0]
        world["assets"][name] = {"price": {"kind": "path", "prices": prices}}
        world["markets"].append({"base": name, "quote": "DAI", "sources": [{"kind": "infinite"}]})
        world["pools"][0]["reserves"][name] = {"ltv": 0.8, "liquidation_threshold": 0.83}
        position = {"collateral": {name: 1.0}, "debt": {"DAI": 75.0}}
        world["agents"]["borrowers"].append({"positions": [position]})
    return world


def test_a_pool_may_have_as_many_reserves_as_the_largest_there_are(play, small_world):
    run = play(_many_reserves(small_world, 63))
    assert set(run.liquidations["collateral_asset"]) == {"A61"}


def test_more_reserves_than_can_be_kept_apart_are_refused(small_world):
    with pytest.raises(ScenarioError, match=r"pools\.0\.reserves .*give 63 or fewer entries"):
        Scenario.from_dict(_many_reserves(small_world, 64))


# The contract


@pytest.mark.parametrize(
    "override",
    [
        'assets.ETH.price={ kind = "path", prices = [2000.0, 1900.0] }',
        'assets.ETH.price={ kind = "file", file = "prices.csv", time = "time", price = "close" }',
        'assets.ETH.price={ kind = "bars", file = "prices.csv" }',
        'assets.ETH.price={ kind = "bars", bars = [[9.0, 9.5, 8.0, 8.5]], bar_seconds = 240 }',
        'assets.ETH.price={ kind = "gbm", start = 2000.0, drift_per_year = 0.0, volatility_per_year = 0.8 }',
        'assets.ETH.price={ kind = "jump_diffusion", start = 2000.0, volatility_per_year = 0.8, jumps_per_year = 9.0,'
        " jump_mean = -0.1, jump_volatility = 0.1 }",
        'assets.ETH.impact={ kind = "linear", daily_volume_usd = 1e9, half_life_seconds = 3600.0 }',
        'assets.ETH.impact={ kind = "square_root", daily_volume_usd = 1e9, half_life_seconds = 3600.0 }',
        'assets.ETH.oracle={ kind = "venue" }',
        'assets.ETH.oracle={ kind = "push", deviation = 0.005, heartbeat_seconds = 3600 }',
        'assets.ETH.oracle={ kind = "delayed" }',
        'assets.ETH.oracle={ kind = "twap", window_seconds = 30 }',
        'assets.ETH.oracle={ kind = "twap", window_seconds = 1800, mean = "arithmetic", source = "reference" }',
        'assets.ETH.oracle={ kind = "ema", time_seconds = 600 }',
        'assets.ETH.oracle={ kind = "ema", half_life_seconds = 600, source = "reference" }',
        'assets.ETH.oracle={ kind = "median", of = [{ kind = "venue" }, { kind = "reference" }] }',
        'assets.ETH.oracle={ kind = "bounded", of = { kind = "push", deviation = 0.005, heartbeat_seconds = 3600 },'
        " largest_move = 0.1, floor_usd = 0.1, ceiling_usd = 1e5, stale_after_seconds = 7200,"
        ' fallback = { kind = "twap", window_seconds = 1800 } }',
        'markets.0.sources=[{ kind = "constant_product", value = 1e7 }]',
        'markets.0.sources=[{ kind = "concentrated", positions = [[1500, 2500.0, 1e6], [1900.0, 2100.0, 3e6]] }]',
        'markets.0.sources=[{ kind = "concentrated", price = 1990, fee = 0.0005,'
        " ranges = [{ lower = 0.9, upper = 1.1, value = 1e6 }] }]",
        'markets.0.sources=[{ kind = "stable_swap", value = 1e7, amplification = 200 }]',
        'markets.0.sources=[{ kind = "stable_swap", base = 1e3, amplification = 0.5, fee = 0.0, rate = 1950.0 }]',
        'markets.0.sources=[{ kind = "order_book", tick = 0.01, taker_fee = 0.001 }]',
        'markets.0.sources=[{ kind = "infinite", spread = 0.01 }]',
        'markets.0.sources=[{ kind = "bands", deposits = [{ base = 100, n1 = 1, n2 = 10 }] }]',
        'markets.0.sources=[{ kind = "bands", base_price = 2100, amplification = 50, fee = 0.004, admin_fee = 0.5,'
        " deposits = [{ base = 100.0, n1 = 4, n2 = 13 }, { base = 5, n1 = 6, n2 = 9 }] }]",
        'markets.0={ name = "elsewhere", base = "ETH", quote = "DAI",'
        ' sources = [{ kind = "constant_product", value = 1e6 }] }',
        "agents.liquidity_providers=[{ capital_usd = 1e5 }]",
        "agents.attackers=[{ capital_usd = 1e5 }]",
        "agents.arbitrageurs=[{ capital_usd = 1e5, hedge_usd_per_hour = 1e4 }]",
        "agents.liquidators.0.capital_usd=inf",
        'agents.liquidators.0.financing="flash"',
        'pools.0.losses.recognition="deferred"',
        "feedback=false",
        'agents.borrowers.0={ file = "positions.csv" }',
    ],
)
def test_the_example_loads_and_runs_in_every_documented_variant(override, tmp_path):
    (tmp_path / "example.toml").write_text(EXAMPLE)
    (tmp_path / "prices.csv").write_text(PRICES.replace("\n4,", "\n240,"))
    (tmp_path / "positions.csv").write_text("collateral_ETH,debt_DAI\n10.0,16000.0\n1.5,2000\n")
    key, value = override.split("=", 1)
    overrides = {key: value, "time.step_seconds": "15"}
    scenario = Scenario.load(tmp_path / "example.toml", overrides)
    scenario.check_inputs()
    assert len(simulate(scenario).steps) == 5


def test_what_is_true_what_the_venue_shows_and_what_is_believed_are_three_columns():
    """A mean of the reference price of ETH, on a venue held 1 % off it by nobody; DAI has an oracle of its own."""
    scenario = load(
        'assets.ETH.oracle={ kind = "bounded", of = { kind = "ema", time_seconds = 600, source = "reference" } }',
        'markets.0.sources=[{ kind = "constant_product", base = 5000.0, quote = 9_900_000.0 }]',
        "agents={}",
    )
    steps = simulate(scenario).steps
    oracle = scenario.assets["ETH"].oracle.start(2000.0)
    believed = [oracle.report(60.0 * k, price, math.nan) for k, price in enumerate(steps["reference_ETH"])]
    assert steps["oracle_ETH"].tolist() == believed
    assert steps["venue_ETH"].tolist() == pytest.approx([1980.0] * 5, rel=1e-5)
    assert steps["oracle_DAI"].tolist() == [1.0] * 5
    assert len({steps["reference_ETH"][4], steps["venue_ETH"][4], believed[4]}) == 3


# Overrides and plain data


def test_overrides_reach_into_tables_lists_and_new_tables():
    """Values are TOML; bare words are text; a part with a dot is quoted."""
    scenario = load(
        "agents.liquidators.0.capital_usd=5e6",
        "assets.ETH.oracle.kind=delayed",
        "assets.ETH.price.prices.1=1800",
        'assets."USDC.e"={price = {kind = "constant", price = 1.0}}',
        'assets."USDC.e".oracle.kind="reference"',
    )
    assert scenario.agents.liquidators[0].capital_usd == 5e6
    assert scenario.assets["ETH"].oracle.kind == "delayed"
    assert scenario.assets["ETH"].price.prices == [2000.0, 1800.0]
    assert "USDC.e" in scenario.assets


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("time.steps.x=1", "time.steps.x cannot be set: time.steps = 5 has no keys of its own; set time.steps itself"),
        ("markets.1.base=ETH", "markets.1.base cannot be set: markets has no entry '1'; its entries are markets.0"),
        ("markets.-1.base=ETH", "markets.-1.base cannot be set: markets has no entry '-1'; its entries are markets.0"),
        ("pools.0.losses.layers.2=5", "pools.0.losses.layers.2 cannot be set: pools.0.losses.layers has no entry '2'"),
        ("time..steps=1", "'time..steps' is no key that can be set; write it with dots, like time.steps=10"),
        (" =1", "' ' is no key that can be set"),
        ("time.steps=[1,", "time.steps = '[1,' is not a value as TOML spells it; mend its brackets or quotes"),
        ("time.steps=1\nname = 2", "time.steps = '1\\nname = 2' is not a value as TOML spells it"),
    ],
)
def test_overrides_that_cannot_be_followed_are_refused(override, message):
    with pytest.raises(ScenarioError) as refused:
        load(override)
    assert str(refused.value).startswith(message)


def test_what_prints_over_several_lines_is_refused_on_one():
    data = tomllib.loads(EXAMPLE)
    data["assets"]["ETH"]["price"]["prices"] = pd.Series([2000.0, 1500.0])
    with pytest.raises(ScenarioError, match=r"^assets.ETH.price.prices = 0 +2000.0 1 .* cannot be used; give a list$"):
        Scenario.from_dict(data)


def test_numpy_values_tuples_and_paths_are_taken_as_plain_data(tmp_path):
    """A notebook builds scenarios out of arrays; the caller's data is left alone."""
    data = tomllib.loads(EXAMPLE)
    data["time"]["steps"] = np.int64(7)
    data["assets"]["ETH"]["price"]["prices"] = np.array([2000.0, 1500.0])
    data["assets"]["DAI"]["price"] = {"kind": "file", "file": Path("dai.csv")}
    data["markets"] = tuple(data["markets"])
    scenario = Scenario.from_dict(data, base_dir=tmp_path)
    assert scenario.time.steps == 7
    assert scenario.assets["ETH"].price.prices == [2000.0, 1500.0]
    assert scenario.input_files() == {"assets.DAI.price.file": tmp_path / "dai.csv"}
    assert data["assets"]["DAI"]["price"]["file"] == Path("dai.csv")


# The round trip


@pytest.mark.parametrize("name", shipped_scenarios())
def test_shipped_scenarios_survive_the_round_trip_through_toml(name):
    scenario = Scenario.load(shipped_scenarios()[name])
    assert Scenario.from_dict(scenario.to_dict()) == scenario
    assert Scenario.from_dict(tomllib.loads(tomli_w.dumps(scenario.to_dict()))) == scenario
    scenario.check_inputs()
    assert all(file.is_absolute() and file.is_file() for file in scenario.input_files().values())


def test_infinity_survives_the_round_trip_where_it_means_no_limit():
    scenario = load(
        "agents.liquidators.0.capital_usd=inf",
        "agents.liquidators.0.max_gas_gwei=inf",
        "agents.borrowers.1.max_gas_gwei=inf",
        "agents.arbitrageurs=[{capital_usd = inf}]",
    )
    again = Scenario.from_dict(tomllib.loads(tomli_w.dumps(scenario.to_dict())))
    assert again == scenario
    assert again.agents.liquidators[0].capital_usd == math.inf
    assert again.agents.arbitrageurs[0].capital_usd == math.inf


def test_oracles_within_oracles_survive_the_round_trip():
    inner = '{kind = "bounded", of = {kind = "ema", half_life_seconds = 60}, floor_usd = 0.1}'
    scenario = load(f'assets.ETH.oracle={{kind = "median", of = [{{kind = "delayed"}}, {inner}]}}')
    again = Scenario.from_dict(tomllib.loads(tomli_w.dumps(scenario.to_dict())))
    assert again == scenario
    assert again.assets["ETH"].oracle.of[1].of.half_life_seconds == 60


def test_the_schema_names_every_key_and_every_kind():
    schema = Scenario.json_schema()
    assert set(schema["properties"]) == set(Scenario.model_fields)
    assert schema["additionalProperties"] is False
    assert {"Uniform", "LogNormal", "Pareto", "Liquidators", "GbmPrice"} <= set(schema["$defs"])


def test_another_design_keeps_the_parameters_that_it_has_too():
    """`--set pools.0.liquidation.design=…` leaves what the other one knows nothing of."""
    auction = load_scenario("black-thursday", {"pools.0.liquidation.design": "maker_flip"}).pools[0].liquidation
    assert auction == type(auction)()
    spread = load_scenario("black-thursday", {"pools.0.liquidation.design": "aave_v3"}).pools[0].liquidation
    assert (spread.liquidation_bonus, spread.protocol_fee) == (0.13, 0.1)
    with pytest.raises(ScenarioError, match="pools\\.0\\.liquidation"):
        load_scenario("black-thursday", {"pools.0.liquidation.design": "maker_flop"})


@pytest.mark.parametrize("design_first", [True, False])
def test_a_parameter_that_is_set_beside_another_design_is_never_dropped_in_silence(design_first: bool) -> None:
    """Whatever the order of the two `--set`: it is the new design's, or refused as what that does not know."""

    def load(design: str, parameter: str) -> Scenario:
        sets = [("pools.0.liquidation.design", design), (f"pools.0.liquidation.{parameter}", "0.4")]
        return load_scenario("one-position", dict(sets if design_first else reversed(sets)))

    assert load("morpho_blue", "cursor").pools[0].liquidation.cursor == 0.4
    with pytest.raises(ScenarioError, match=r"pools\.0\.liquidation\.close_factor = 0\.4 is not a known key"):
        load("morpho_blue", "close_factor")
