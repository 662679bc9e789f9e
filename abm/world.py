"""The world: the state of every mechanism together, built from a scenario and a seed.

Only `settlement` and the phases of `schedule` write to it; agents see it through `view`.
"""

import math

import numpy as np

from abm.auctions.kinds import auctions_of
from abm.markets.claims import Claims
from abm.markets.derived import DerivedPrices
from abm.markets.exchange import open_exchange
from abm.markets.feeds import Feeds
from abm.markets.floors import Floor
from abm.markets.price_paths import exogenous_prices, path_of
from abm.markets.tape import Tape
from abm.pools.band_loans import BandLoans, BandSource
from abm.pools.band_places import band_market
from abm.pools.exits import Exits
from abm.pools.lender import Lender
from abm.scenario import Pool, Scenario
from abm.streams import Streams
from models.blockspace import gas_cost_usd
from models.ledger import OUTSIDE, Ledger
from models.lending import LendingPool
from models.market.stakes import Stakes, stakes_in
from models.prices.impact import ImpactState


class BooksDisagreeError(RuntimeError):
    """A mechanism's own books and the ledger do not say the same: a fault of the program, never of a scenario."""


class World:
    """Every mechanism's state on one path.

    `exogenous[step][asset]` are the prices of the path. `reference`, `oracle` and `venue_usd` are the current prices in
    dollars by asset (lists, because they are read one at a time); `venue_usd` is the price on the first market that has
    the asset for its base, nan where there is none.
    """

    def __init__(self, scenario: Scenario, streams: Streams) -> None:
        self.scenario = scenario
        self.assets = list(scenario.assets)
        self.index = {name: k for k, name in enumerate(self.assets)}
        self.step = 0
        self.now = 0.0
        self.step_seconds = scenario.time.step_seconds
        self.ledger = Ledger(self.assets)
        self.tape = Tape(self.ledger, scenario.time.steps)
        self.claims = Claims(scenario)
        self.derived = DerivedPrices(scenario, self.claims)
        self.exogenous: list[list[float]] = exogenous_prices(scenario, streams).tolist()
        self.reference: list[float] = self.exogenous[0].copy()
        self.impacts: list[ImpactState | None] = [
            None if terms.impact.kind == "none" else terms.impact.start() for terms in scenario.assets.values()
        ]
        self.band_sources: dict[str, BandSource] = {}
        stand = [band_market(scenario, pool) for pool in range(len(scenario.pools))]
        self.exchanges = [
            open_exchange(self, market, [pool for pool, at in zip(scenario.pools, stand, strict=True) if at == number])
            for number, market in enumerate(scenario.markets)
        ]
        # The first market of an asset in the scenario's order speaks for its venue price.
        self.exchange_of_base: dict[int, int] = {}
        for k, exchange in enumerate(self.exchanges):
            self.exchange_of_base.setdefault(exchange.base, k)
        self.floor = Floor.over(self.exchanges)
        self.router = self.floor.router
        self.venue_usd = [math.nan] * len(self.assets)
        self.feeds = Feeds(scenario, self.reference)
        self.oracle = self.feeds.at_start(self.reference)
        self.fading = 0.5 ** (self.step_seconds / scenario.volatility_half_life_seconds)
        space = scenario.blockspace
        self.gas_path: list[float] = (
            path_of("blockspace.gas_price_gwei", space.gas_price_gwei, scenario.time, streams("gas")).tolist()
            if space
            else [0.0] * scenario.time.steps
        )
        self.gas_asset = self.index[space.asset] if space else 0
        self.gas_gwei = self.gas_path[0]
        self.venue_matters = any(terms.oracle.reads_venue for terms in scenario.assets.values())
        self.lenders: list[Lender] = []
        self.stakes: list[Stakes] = []

    def begin(self, step: int) -> None:
        """Turn to a block; `now` is the seconds since the start of the path."""
        self.step = step
        self.now = step * self.step_seconds

    def gas_cost_usd(self, gas_units: float, price_gwei: float) -> float:
        """Return the dollars that `gas_units` cost at a price in gwei."""
        return gas_cost_usd(gas_units, price_gwei, self.reference[self.gas_asset])

    @property
    def money(self) -> int:
        """Return the asset in which dollars are kept where nothing else is said: the first market's quote."""
        return self.exchanges[0].quote if self.exchanges else self.lenders[0].assets[0]

    def pair_reference(self, exchange: int) -> float:
        """Return the reference price of an exchange's pair, quote per base."""
        desk = self.exchanges[exchange]
        return self.reference[desk.base] / self.reference[desk.quote]

    def sold_for(self, asset: int, wanted: int) -> int | None:
        """Return the asset that a forced sale of another brings: the one wanted, where a route leads to it.

        Else the quote of the first market that has it for its base; None where there is none, and the rest of the
        market buys.
        """
        first = self.exchange_of_base.get(asset)
        if first is None:
            return None
        return wanted if self.router.connects(asset, wanted) else self.exchanges[first].quote

    def bid_usd(self, asset: int, wanted: int, floor: Floor | None = None) -> float:
        """Return the dollars that the first unit of a forced sale brings, 0 where nobody bids; anywhere by default."""
        target = self.sold_for(asset, wanted)
        if target is None:
            redeems = asset not in self.claims.of or self.claims.redeemable(self, asset) > 0.0
            return self.reference[asset] if redeems else 0.0
        return (floor or self.floor).router.best(asset, target) * self.reference[target]

    def add_lender(self, terms: Pool, first_holder: int, accounts: int) -> Lender:
        """Open a pool with room for its accounts; their ledger accounts start at `first_holder`."""
        assets = [self.index[name] for name in terms.reserves]
        rules = [reserve.rates.start() for reserve in terms.reserves.values()]
        pool = LendingPool(
            list(terms.reserves.values()),
            [rule.rate for rule in rules],
            accounts,
            list(terms.reserves),
            [rule.elapse if rule.remembers else None for rule in rules],
        )
        lender = Lender(
            name=terms.name,
            pool=pool,
            design=terms.liquidation,
            assets=assets,
            account=self.ledger.open(f"pool {terms.name}"),
            fees=self.ledger.open(f"pool {terms.name} fees"),
            first_holder=first_holder,
            thresholds=pool.thresholds.tolist(),
            prices=np.array([self.oracle[asset] for asset in assets]),
            price_list=[self.oracle[asset] for asset in assets],
            haircuts=np.zeros(len(assets)),
            deleveraged_usd=np.zeros(accounts),
            income=[0.0] * len(assets),
            exits=Exits(pool, terms.exits),
            waiting_since=np.full(accounts, np.inf),
            treasury_covers=any(layer.kind == "reserve" for layer in terms.losses.stack()),
            floor=self.floor,
        )
        lender.auctions = auctions_of(self, lender, lender.design)
        if isinstance(lender.auctions, BandLoans):
            lender.loans = lender.auctions
            lender.floor = self.floor.without(lender.loans.bands)
        self.lenders.append(lender)
        return lender

    def open_stakes(self, exchange: int, source: int, owners: int, lower: float, upper: float) -> int:
        """Let owners, numbered from 0, provide to a source of an exchange; returns the number of their stakes."""
        self.stakes.append(stakes_in(self.exchanges[exchange].venue.sources[source], owners, lower, upper))
        return len(self.stakes) - 1

    def endow(self, account: int, asset: int, units: float) -> None:
        """Bring units from the outside world into an account; how everybody's means enter the world."""
        if units > 0.0:
            self.ledger.transfer(OUTSIDE, account, asset, units)

    def check(self) -> None:
        """Raise where an asset is not conserved or a mechanism's books disagree with the ledger."""
        self.ledger.check()
        for fault in self.claims.check(self):
            raise BooksDisagreeError(fault)
        scale = self.ledger.scale()
        for lender in self.lenders:
            lender.pool.check()
            held = self.ledger.balances[lender.account, lender.assets]
            if lender.loans is not None:
                held = held + self.ledger.balances[lender.loans.account, lender.assets]
            owed = lender.pool.cash + lender.pool.total_collateral
            # Both have rounded at every entry: what is left after a run on the pool is no measure of that.
            wrong = np.abs(held - owed) > np.maximum(1e-9 * np.abs(owed), 1e-12 * scale[lender.assets])
            if wrong.any():
                r = int(np.flatnonzero(wrong)[0])
                raise BooksDisagreeError(
                    f"pool {lender.name} holds {held[r]!r} {self.assets[lender.assets[r]]} in the ledger but its own "
                    f"books say {owed[r]!r}"
                )

    def venue_prices(self) -> list[float]:
        """Return the mid prices in dollars of each asset's first market, nan for one without a market or a side."""
        for base in self.exchange_of_base:
            self.venue_usd[base] = self.venue_price(base)
        return self.venue_usd

    def venue_price(self, asset: int) -> float:
        """Return the mid price in dollars on the first market of an asset that has one."""
        exchange = self.exchanges[self.exchange_of_base[asset]]
        return exchange.venue.mid * self.reference[exchange.quote]
