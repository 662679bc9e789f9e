"""The scenario of the contract, and what makes it one that cannot be used."""

import tomllib

from abm import Scenario, ScenarioError

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
