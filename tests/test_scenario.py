"""Loading a scenario: the contract's example in every variant, one sentence for every refusal, and the round trip."""

import copy
import math
import re
import tomllib
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import tomli_w
from hypothesis import given, settings
from hypothesis import strategies as st

from abm import Scenario, ScenarioError, simulate
from experiments.shipped import load_scenario, shipped_scenarios

EXAMPLE = """
name = "example"
feedback = true
[time]
step_seconds = 60
steps = 5
[assets.DAI]
price = { kind = "constant", price = 1.0 }
[assets.ETH]
price = { kind = "path", prices = [2000.0, 1900.0] }
impact = { kind = "none" }
[assets.ETH.oracle]
kind = "reference"
[[markets]]
base = "ETH"
quote = "DAI"
[[markets.sources]]
kind = "constant_product"
base = 5000.0
quote = 10_000_000.0
fee = 0.003
[[markets.sources]]
kind = "order_book"
tick = 0.01
[[markets.sources]]
kind = "infinite"
spread = 0.0
[[pools]]
name = "core"
[pools.reserves.DAI]
rates = { kind = "kinked", base_per_year = 0.0, slope1_per_year = 0.04, slope2_per_year = 0.75, kink = 0.9 }
reserve_factor = 0.1
[pools.reserves.ETH]
ltv = 0.80
liquidation_threshold = 0.83
rates = { kind = "fixed", rate_per_year = 0.0 }
[pools.liquidation]
design = "aave_v3"
liquidation_bonus = 0.05
[pools.losses]
recognition = "immediate"
[[pools.losses.layers]]
kind = "reserve"
[[pools.losses.layers]]
kind = "insurance"
[[agents.borrowers]]
positions = [ { collateral = { ETH = 10.0 }, debt = { DAI = 16000.0 } } ]
[[agents.borrowers]]
count = 5
collateral = "ETH"
debt = "DAI"
debt_usd = 1000.0
health = { kind = "uniform", low = 1.1, high = 2.0 }
[[agents.liquidators]]
count = 1
capital_usd = 1e9
financing = "inventory"
gas_usd = 0.0
[[agents.depositors]]
count = 1
deposits = { DAI = 1e6 }
[[agents.insurers]]
capital = { DAI = 0.0 }
"""
PRICES = "time,price,open,high,low,close\n" + "".join(
    f"{60 * k},{p},{p},{p + 9},{p - 9},{p}\n" for k, p in ((0, 2000), (4, 1900))
)


def load(*overrides):
    """The example with overrides `key=value`."""
    return Scenario.from_dict(tomllib.loads(EXAMPLE), overrides=dict(one.split("=", 1) for one in overrides))


def refusal(data):
    """Why the data are refused; nothing where they are not."""
    try:
        Scenario.from_dict(data)
    except ScenarioError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("start", ["2020-03-12T00:00:00Z", '"2020-03-12 00:00:00+00:00"'])
def test_when_a_path_begins_may_be_a_date_or_a_text(start: str) -> None:
    scenario = load_scenario("one-position", {"time.start": start})
    assert scenario.time.start == "2020-03-12T00:00:00+00:00"
    assert Scenario.from_dict(scenario.to_dict()) == scenario


def test_a_start_that_is_no_date_is_refused() -> None:
    with pytest.raises(ScenarioError, match=r"time\.start: must be a date and time such as .*, not 'soon'"):
        load_scenario("one-position", {"time.start": '"soon"'})


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


# Refusals

JARGON = re.compile(
    r"[Ii]nput|Value error|valid (number|string|dict|list|bool|integer)|constrained|tagged-union|function-|\n"
)

REFUSED = """
time.stpes=10
    time.stpes = 10 is not a known key; did you mean 'steps'?
time.steps=0
    time.steps = 0 cannot be used; give 1 or more
time.steps=10.5
    time.steps = 10.5 cannot be used; give a whole number
time.steps=ten
    time.steps = 'ten' cannot be used; give a whole number
time.steps=99999999999
    time.steps = 99999999999 cannot be used; give 10000000 or less
time.step_seconds=nan
    time.step_seconds = nan cannot be used; give a finite number
time.step_seconds=inf
    time.step_seconds = inf cannot be used; give a finite number
time.step_seconds=true
    time.step_seconds = true cannot be used; give a number
time.step_seconds=2020-01-01
    time.step_seconds = 2020-01-01 cannot be used; give a number
time=5
    time = 5 cannot be used; give a table
time=[1]
    time = [1] cannot be used; give one table, written [time]
name=
    name = '' cannot be used; give at least 1 character
name="../evil"
    name = '../evil' cannot be used; use letters
feedback=1
    feedback = 1 cannot be used; give true or false
colour="red"
    colour = 'red' is not a known key; known here: name, description
agents.liquidator.0.count=5
    agents.liquidator = {'0': {'count': 5}} is not a known key; did you mean 'liquidators'?
volatility_half_life_seconds=1e300
    volatility_half_life_seconds = 1e+300 cannot be used; give 0 or a number between
assets={}
    assets = {} cannot be used; give 1 or more entries
assets."A/B".price.kind="path"
    assets.A/B.price.prices is missing; add it
assets."A B"={price={kind="constant",price=1.0}}
    assets.'A B' is no name for an asset; use no space
assets.ETH={}
    assets.ETH.price is missing; add it
assets.ETH.price=2000
    assets.ETH.price = 2000 cannot be used; give a table with its kind: constant, path
assets.ETH.price={prices=[1.0]}
    assets.ETH.price = {'prices': [1.0]} does not say what it is; add its kind: constant, path
assets.ETH.price.kind="pth"
    assets.ETH.price.kind = 'pth' cannot be used; did you mean 'path'?
assets.ETH.price.kind=7
    assets.ETH.price.kind = 7 cannot be used; known here: constant, path
assets.ETH.price.prices=[]
    assets.ETH.price.prices = [] cannot be used; give 1 or more entries
assets.ETH.price.prices=[1.0, -2]
    assets.ETH.price.prices.1 = -2 cannot be used; give a number above 0
assets.ETH.price.prices=[nan]
    assets.ETH.price.prices.0 = nan cannot be used; give a finite number
assets.ETH.price={kind="gbm", start=1.0}
    assets.ETH.price.volatility_per_year is missing; add it
assets.ETH.price={kind="bars", bars=[[1.0, 2.0]], bar_seconds=3600}
    assets.ETH.price.bars.0 = [1.0, 2.0] cannot be used; give 4
assets.ETH.price={kind="bars", bars=[[1.0,2.0,0.5,1.5]], bar_seconds=100}
    assets.ETH.price: bars of 100 s in the list of bars do not fit steps of 60 s
assets.ETH.price={kind="bars", bars=[[1.0,0.7,0.5,1.5]], bar_seconds=240}
    assets.ETH.price: the list of bars has an impossible bar in row 1
assets.ETH.price={kind="file", file=""}
    assets.ETH.price.file = '' cannot be used; give at least 1 character
assets.ETH.impact="none"
    assets.ETH.impact = 'none' cannot be used; give a table with its kind: none, linear
assets.ETH.oracle.kind="oracle"
    assets.ETH.oracle.kind = 'oracle' cannot be used; known here: reference
assets.ETH.orcle=3
    assets.ETH.orcle = 3 is not a known key; did you mean 'oracle'?
assets.DAI.oracle.kind="venue"
    assets.DAI.oracle.kind = 'venue' reads a venue, but no market has base = 'DAI'; add one
assets.DAI.oracle={kind="twap", window_seconds=60}
    assets.DAI.oracle.kind = 'twap' reads a venue, but no market has base = 'DAI'; add one
assets.DAI.oracle={kind="median", of=[{kind="reference"}, {kind="bounded", of={kind="venue"}}]}
    assets.DAI.oracle.kind = 'median' reads a venue, but no market has base = 'DAI'; add one
assets.ETH.oracle={kind="twap", window_seconds=60, mean="harmonic"}
    assets.ETH.oracle.mean = 'harmonic' cannot be used; known here: geometric, arithmetic
assets.ETH.oracle={kind="ema"}
    assets.ETH.oracle: nothing says how long its memory is; give either time_seconds or half_life_seconds
assets.ETH.oracle={kind="median", of=[]}
    assets.ETH.oracle.of = [] cannot be used; give 1 or more entries
assets.ETH.oracle={kind="median", of={kind="venue"}}
    assets.ETH.oracle.of = {'kind': 'venue'} cannot be used; give a list; a table in it is written [[assets.ETH.oracle
assets.ETH.oracle={kind="median", of=["venue"]}
    assets.ETH.oracle.of.0 = 'venue' cannot be used; give a table with its kind: reference, venue
assets.ETH.oracle={kind="median", of=[{kind="venue"}, {kind="median", of=[{kind="twap", window_seconds="x"}]}]}
    assets.ETH.oracle.of.1.of.0.window_seconds = 'x' cannot be used; give a number
assets.ETH.oracle={kind="median", of=[{kind="twap", window_seconds=60, windows=5}]}
    assets.ETH.oracle.of.0.windows = 5 is not a known key; did you mean 'window_seconds'?
assets.ETH.oracle={kind="bounded", of={}}
    assets.ETH.oracle.of = {} does not say what it is; add its kind: reference, venue
assets.ETH.oracle={kind="bounded", of={kind="bounded", of={kind="venu"}}}
    assets.ETH.oracle.of.of.kind = 'venu' cannot be used; did you mean 'venue'?
assets.ETH.oracle={kind="bounded", of={kind="venue"}, stale_after_seconds=60, fallback={kind="delayed", hop_seconds=0}}
    assets.ETH.oracle.fallback.hop_seconds = 0 cannot be used; give a number above 0
assets.ETH.oracle={kind="bounded", of={kind="venue"}, stale_after_seconds=60}
    assets.ETH.oracle: stale_after_seconds says when, but not what to believe then; add a fallback oracle
assets.ETH.oracle={kind="bounded", of={kind="bounded", of={kind="venue"}, floor_usd=5, ceiling_usd=4}}
    assets.ETH.oracle.of: floor_usd = 5 is above ceiling_usd = 4; give a range
markets.0.base="BTC"
    markets.0.base = 'BTC' is no asset with a price; add [assets.BTC] with a price
markets.0.base="eth"
    markets.0.base = 'eth' is no asset with a price; add [assets.eth] with a price, or use another; did you mean
markets.0.base="DAI"
    markets.0.quote = 'DAI' is its base too; give another asset
markets.0.base=5
    markets.0.base = 5 cannot be used; give a text in quotes
markets.0.sources=[]
    markets.0.sources = [] cannot be used; give 1 or more entries
markets.0.sources.0.fee=1.5
    markets.0.sources.0.fee = 1.5 cannot be used; give a number below 1
markets.0.sources.0.value=5
    markets.0.sources.0: give either `value`
markets.0.sources.1.kind="infinite"
    markets.0.sources.1.tick = 0.01 is not a known key; known here: kind, spread
markets={base="ETH",quote="DAI"}
    markets = {'base': 'ETH', 'quote': 'DAI'} cannot be used; give a list; a table in it is written [[markets]]
markets=[5]
    markets.0 = 5 cannot be used; give a table
markets=[{base="ETH",quote="DAI",sources=[{kind="infinite"}]},{base="ETH",quote="DAI",sources=[{kind="infinite"}]}]
    markets.1.name = 'ETH/DAI' is the name of markets.0 already; give it a name of its own
markets.0.name=""
    markets.0.name = '' cannot be used; give at least 1 character
markets=[{base="ETH",quote="DAI",sources=[{kind="order_book",tick=1},{kind="order_book",tick=1}]}]
    markets.0.sources.1 is a second order_book of ETH/DAI
pools=[]
    agents.borrowers.0 has no pool to act in; add [[pools]]
pools.0.name=""
    pools.0.name = '' cannot be used; give at least 1 character
pools.0.reserves={}
    pools.0.reserves = {} cannot be used; give 1 or more entries
pools.0.reserves.BTC.reserve_factor=0.5
    pools.0.reserves.BTC is no asset with a price; add [assets.BTC]
pools.0.reserves.ETH.liquidation_threshold=0.7
    pools.0.reserves.ETH: liquidation_threshold 0.7 is below ltv 0.8
pools.0.reserves.ETH.ltv=80
    pools.0.reserves.ETH.ltv = 80 cannot be used; give 1 or less
pools.0.reserves.DAI.rates.kink=1
    pools.0.reserves.DAI.rates.kink = 1 cannot be used; give a number below 1
pools.0.reserves.DAI.rates.kind="fixed"
    pools.0.reserves.DAI.rates.base_per_year = 0.0 is not a known key; did you mean 'rate_per_year'?
pools.0.liquidation="aave_v3"
    pools.0.liquidation = 'aave_v3' cannot be used; give a table with its design: aave_v2, aave_v3
pools.0.liquidation={}
    pools.0.liquidation = {} does not say what it is; add its design: aave_v2, aave_v3
pools.0.liquidation.bonus=0.1
    pools.0.liquidation.bonus = 0.1 is not a known key; known here: oev, backstop, design, liquidation_bonus
pools.0.losses.recognition="imediate"
    pools.0.losses.recognition = 'imediate' cannot be used; did you mean 'immediate'?
pools.0.losses.layers={kind="reserve"}
    pools.0.losses.layers = {'kind': 'reserve'} cannot be used; give a list; a table in it is written
pools.0.losses.layers=["reserve"]
    pools.0.losses.layers.0 = 'reserve' cannot be used; give a table with its kind: reserve
agents=[]
    agents = [] cannot be used; give one table, written [agents]
agents.borrowers=[{}]
    agents.borrowers.0: a cohort has one of positions, file or count, here none of them
agents.borrowers.0.count=5
    agents.borrowers.0: a cohort has one of positions, file or count, here positions and count
agents.borrowers.0={count=5}
    agents.borrowers.0: count = 5 needs collateral, debt, debt_usd, health too
agents.borrowers.0.health=1.5
    agents.borrowers.0: health goes with count, not with positions
agents.borrowers.0.file=""
    agents.borrowers.0.file = '' cannot be used
agents.borrowers.0.positions=[]
    agents.borrowers.0.positions = [] cannot be used; give 1 or more entries
agents.borrowers.0.positions=[{}]
    agents.borrowers.0.positions.0: a position has neither collateral nor debt
agents.borrowers.0.positions.0.debt.BTC=1
    agents.borrowers.0.positions.0.debt.BTC is no reserve of pool core; known here: DAI, ETH
agents.borrowers.0.positions.0.debt.DAI=-1
    agents.borrowers.0.positions.0.debt.DAI = -1 cannot be used; give 0 or more
agents.borrowers.0.positions.0.debt.DAI=inf
    agents.borrowers.0.positions.0.debt.DAI = inf cannot be used; give a finite number
agents.borrowers.1.count=0
    agents.borrowers.1.count = 0 cannot be used; give 1 or more
agents.borrowers.1.collateral="DAI"
    agents.borrowers.1.collateral = 'DAI' has no liquidation_threshold in pool core
agents.borrowers.1.collateral="BTC"
    agents.borrowers.1.collateral = 'BTC' is no reserve of pool core
agents.borrowers.1.debt_usd=-5
    agents.borrowers.1.debt_usd = -5 cannot be used; give a number above 0
agents.borrowers.1.health="high"
    agents.borrowers.1.health = 'high' cannot be used; give a number, or a distribution like {
agents.borrowers.1.health.low=3.0
    agents.borrowers.1.health: low = 3 is above high = 2; swap them
agents.borrowers.1.health.low=-1
    agents.borrowers.1.health.low = -1 cannot be used; give 0 or more
agents.borrowers.1.health.hihg=2
    agents.borrowers.1.health.hihg = 2 is not a known key; did you mean 'high'?
agents.borrowers.1.health.kind="unifrom"
    agents.borrowers.1.health.kind = 'unifrom' cannot be used; did you mean 'uniform'?
agents.borrowers.1.health={low=1}
    agents.borrowers.1.health = {'low': 1} does not say what it is; add its kind: uniform, lognormal
agents.borrowers.1.reactions={repay=0.0}
    agents.borrowers.1.reactions: top_up, repay and sell are all 0
agents.borrowers.1.max_gas_gwei=nan
    agents.borrowers.1.max_gas_gwei = nan cannot be used; give a number above 0
agents.liquidators.0.capital_usd=nan
    agents.liquidators.0.capital_usd = nan cannot be used; give 0 or more
agents.liquidators.0.capital_usd=-inf
    agents.liquidators.0.capital_usd = -inf cannot be used; give 0 or more
agents.liquidators.0.max_gas_gwei=nan
    agents.liquidators.0.max_gas_gwei = nan cannot be used; give a number above 0
agents.liquidators.0.gas_usd=inf
    agents.liquidators.0.gas_usd = inf cannot be used; give a finite number
agents.liquidators.0.financing="flsh"
    agents.liquidators.0.financing = 'flsh' cannot be used; did you mean 'flash'?
agents.liquidators.0.capital_asset="BTC"
    agents.liquidators.0.capital_asset = 'BTC' is no asset with a price
agents.liquidators.0.pool="cor"
    agents.liquidators.0.pool = 'cor' is no pool; did you mean 'core'?
agents.liquidators.0={capital_usd=1.0,financing="flash",selling="over_time"}
    agents.liquidators.0: selling = "over_time" needs financing
agents.depositors.0.deposits={}
    agents.depositors.0: deposits is empty; name at least one asset
agents.depositors.0.deposits.BTC=5
    agents.depositors.0.deposits.BTC is no reserve of pool core
agents.insurers.0.capital.DAI=-5
    agents.insurers.0.capital.DAI = -5 cannot be used; give 0 or more
agents.insurers.0.capital.BTC=5
    agents.insurers.0.capital.BTC is no reserve of pool core
agents.arbitrageurs=[{}]
    agents.arbitrageurs.0.capital_usd is missing; add it
agents.arbitrageurs=[{capital_usd=nan}]
    agents.arbitrageurs.0.capital_usd = nan cannot be used; give a number above 0
agents.arbitrageurs=[{capital_usd=1.0, market="ETH/USDC"}]
    agents.arbitrageurs.0.market = 'ETH/USDC' is no market; did you mean 'ETH/DAI'?
agents.market_makers=[{capital_usd=1.0, size_usd=1.0, levels=150, level_step=0.01}]
    agents.market_makers.0: the lowest of 150 levels
agents.noise_traders=[{trades_per_hour=1e12, size_usd=5}]
    agents.noise_traders.0.trades_per_hour = 1000000000000.0 cannot be used
blockspace={asset="BTC", gas_price_gwei={kind="constant", price=1.0}}
    blockspace.asset = 'BTC' is no asset with a price
blockspace={asset="ETH", gas_price_gwei=5}
    blockspace.gas_price_gwei = 5 cannot be used; give a table with its kind
correlations=[{assets=["ETH"], rho=0.5}]
    correlations.0.assets = ['ETH'] cannot be used; give 2 or more entries
correlations=[{assets=["ETH","BTC"], rho=0.5}]
    correlations.0.assets.1 = 'BTC' is no asset with a price
correlations=[{assets=["ETH","ETH"], rho=0.5}]
    correlations.0.assets names ETH twice; name two
correlations=[{assets=["ETH","DAI"], rho=2.0}]
    correlations.0.rho = 2.0 cannot be used; give 1 or less
correlations=[{assets=["ETH","DAI"], rho=1.0}]
    correlations: no prices have the correlation
correlations=[{assets=["ETH","DAI"], rho=0.1},{assets=["DAI","ETH"], rho=0.2}]
    correlations.1.assets = ['DAI', 'ETH'] has its rho in correlations.0 already; remove
copula={degrees_of_freedom=0.5}
    copula.degrees_of_freedom = 0.5 cannot be used; give 1 or more
common_draws=[{assets=["ETH"]}]
    common_draws.0.assets = ['ETH'] cannot be used; give 2 or more entries
common_draws=[{assets=["ETH","BTC"]}]
    common_draws.0.assets.1 = 'BTC' is no asset with a price
common_draws=[{assets=["ETH","DAI","ETH"]}]
    common_draws.0.assets names ETH, which common_draws.0 names already; name each
"""


LINES = REFUSED.strip("\n").splitlines()


@pytest.mark.parametrize(("override", "expected"), list(zip(LINES[::2], LINES[1::2], strict=True)))
def test_what_cannot_be_used_gets_one_sentence_with_key_value_and_remedy(override, expected):
    with pytest.raises(ScenarioError) as refused:
        load(override)
    assert str(refused.value).startswith(expected.strip())
    assert not JARGON.search(str(refused.value))


@pytest.mark.parametrize("levels", [300, 3000])
def test_oracles_within_oracles_without_end_are_refused(levels):
    data = tomllib.loads(EXAMPLE)
    oracle = {"kind": "venue"}
    for _ in range(levels):
        oracle = {"kind": "bounded", "of": oracle}
    data["assets"]["ETH"]["oracle"] = oracle
    assert re.search("deeply", refusal(data))
    assert not JARGON.search(refusal(data))


def test_names_that_are_used_twice_are_refused():
    """Two pools of one name, and cohorts that do not say which of two pools they mean."""
    twice = tomllib.loads(EXAMPLE)
    twice["pools"].append(copy.deepcopy(twice["pools"][0]))
    with pytest.raises(
        ScenarioError, match=r"^pools\.1\.name = 'core' is used twice; give each pool a name of its own$"
    ):
        Scenario.from_dict(twice)
    twice["pools"][1]["name"] = "other"
    with pytest.raises(
        ScenarioError, match=r"^agents\.borrowers\.0\.pool is missing, and there are several: core, other"
    ):
        Scenario.from_dict(twice)


def test_a_correlation_of_three_assets_that_no_prices_have_is_refused():
    """Each pair alone is possible; the three together are not positive definite."""
    pairs = ", ".join(
        f'{{assets = ["{a}", "{b}"], rho = {r}}}' for a, b, r in (("A", "B", 0.9), ("B", "C", 0.9), ("A", "C", -0.9))
    )
    prices = [f'assets.{name}={{price = {{kind = "gbm", start = 1.0, volatility_per_year = 1.0}}}}' for name in "ABC"]
    with pytest.raises(ScenarioError, match=r"^correlations: .* not positive definite; bring the correlations closer"):
        load(*prices, f"correlations=[{pairs}]")


def test_people_of_a_market_need_one():
    """Makers need an order book to quote on, the others a market."""
    maker = "agents.market_makers=[{capital_usd = 1.0, size_usd = 1.0}]"
    with pytest.raises(ScenarioError, match=r"^agents\.market_makers\.0 quotes on ETH/DAI, which has no order_book"):
        load('markets.0.sources=[{kind = "infinite"}]', maker)
    with pytest.raises(
        ScenarioError, match=r"^agents\.market_makers\.0 has no market to trade on; add \[\[markets\]\]"
    ):
        load("markets=[]", maker)
    with pytest.raises(ScenarioError, match=r'^agents\.liquidators\.0\.selling = "over_time" needs a market'):
        load("markets=[]", 'agents.liquidators.0.selling="over_time"')


def test_a_misspelt_key_says_more_than_the_key_it_leaves_missing():
    """Both are problems; the unknown key comes first and the other is counted."""
    with pytest.raises(ScenarioError) as refused:
        Scenario.from_dict({**tomllib.loads(EXAMPLE), "time": {"stepss": 3, "step_seconds": 60}})
    assert (
        str(refused.value)
        == "time.stepss = 3 is not a known key; did you mean 'steps'? (and 1 more key cannot be used)"
    )


def test_keys_that_look_like_names_of_alternatives_keep_their_place():
    """A price of kind "bars" has a key `bars`, one of kind "file" a key `file`."""
    with pytest.raises(ScenarioError, match=r"^assets\.ETH\.price\.bars\.0\.1 = 'x' cannot be used"):
        load('assets.ETH.price={kind = "bars", bar_seconds = 240, bars = [[1.0, "x", 1.0, 1.0]]}')
    with pytest.raises(ScenarioError, match=r"^assets\.ETH\.price\.high = 5 cannot be used"):
        load('assets.ETH.price={kind = "bars", file = "x.csv", high = 5}')
    with pytest.raises(ScenarioError, match=r"^assets\.ETH\.price\.price = 5 cannot be used"):
        load('assets.ETH.price={kind = "file", file = "x.csv", price = 5}')


@pytest.mark.parametrize("data", [5, None, [], "name", {}, {"name": None}, {"name": "x", "time": None}, {1: 2}])
def test_what_is_no_scenario_at_all_is_refused(data):
    with pytest.raises(ScenarioError):
        Scenario.from_dict(data)


def test_scenario_files_that_cannot_be_read_are_refused(tmp_path):
    """Missing, a directory, no text, no TOML, and numbers or nesting that the reader of TOML gives up on."""
    with pytest.raises(ScenarioError, match=r"nowhere\.toml does not exist; check the path$"):
        Scenario.load(tmp_path / "nowhere.toml")
    with pytest.raises(ScenarioError, match="cannot be read"):
        Scenario.load(tmp_path)
    file = tmp_path / "broken.toml"
    for content in (b"\xff\xfe", b"name = ", b"a = 1\na = 2", b"a = " + 5000 * b"9", b"a = " + 5000 * b"["):
        file.write_bytes(content)
        with pytest.raises(ScenarioError, match=r"broken\.toml (cannot be read|is not valid TOML) \("):
            Scenario.load(file)
    file.write_text(3000 * "a." + "a = 1")
    with pytest.raises(ScenarioError):
        Scenario.load(file)


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


# Whatever comes

KEYS = sorted({override.partition("=")[0] for override in LINES[::2]})
VALUES = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        ["nan", "-inf", "inf", "{}", "[]", "[[]]", "0", "-1", "1e308", "true", '"ETH"', "[nan]", "{kind = 1}"]
    ),
    st.floats().map(repr),
    st.integers().map(str),
)


@settings(max_examples=250, deadline=None)
@given(st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=12), VALUES, min_size=1, max_size=3))
def test_random_overrides_raise_scenario_errors_or_nothing(overrides):
    """What is not refused says the same after a round trip."""
    with suppress(ScenarioError):
        scenario = Scenario.from_dict(tomllib.loads(EXAMPLE), overrides=overrides)
        assert Scenario.from_dict(scenario.to_dict()) == scenario


LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from(["gbm", "aave_v3"])
)
TREES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from([*Scenario.model_fields, "kind", "price", "borrowers", "file"]), inner, max_size=4
        )
    ),
    max_leaves=12,
)


@settings(max_examples=250, deadline=None)
@given(key=st.sampled_from(list(Scenario.model_fields)), tree=TREES)
def test_random_data_raise_scenario_errors_or_nothing(key, tree):
    """A value under any of the first keys is used, or refused with a message that has a remedy."""
    message = refusal(tomllib.loads(EXAMPLE) | {key: tree})
    assert not message or "; " in message


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
