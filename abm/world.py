"""The world: the state of every mechanism together, built from a scenario and a seed.

Only `settlement` and the phases of `schedule` write to it; agents see it through `view`.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from abm.auction_kinds import auctions_of
from abm.auctions import Auctions
from abm.band_loans import BandLoans, BandSource, BandWatch, open_bands
from abm.band_places import band_market
from abm.claims import Claims
from abm.exits import Exits
from abm.floors import Floor
from abm.marks import AccountMark, Mark
from abm.on_offer import Bids, Calls, Opportunities, Past
from abm.own_lines import OwnLines
from abm.price_paths import exogenous_prices, path_of
from abm.rights import RightAuctions
from abm.sales import Sales
from abm.scenario import Market, Pool, Scenario
from abm.streams import Streams
from abm.tape import Tape
from models.blockspace import gas_cost_usd
from models.ledger import OUTSIDE, Ledger
from models.lending import Below, HealthWatch, LendingPool
from models.liquidation import Design, Position, SpotDesign
from models.market import Bands, Infinite, OrderBook, Venue
from models.market.stakes import Stakes, stakes_in
from models.oracles import Oracle
from models.prices.impact import ImpactState
from models.types import FloatArray, IntArray


@dataclass(slots=True)
class Exchange:
    """One venue, the assets of its pair, and the ledger accounts behind its ladder.

    `source_names` are the kinds of the sources, numbered from 1 where a kind occurs more than once: `constant_product`
    alone, `constant_product.1` and `constant_product.2` when there are two.
    """

    name: str
    base: int
    quote: int
    venue: Venue
    source_names: list[str]
    book: OrderBook | None
    infinite: list[Infinite]
    bands: list[Bands]
    source_accounts: list[int]
    escrow: int
    fees: int
    variance_per_second: float = 0.0
    last_price: float = 0.0

    def note_price(self, price: float, seconds: float, keep: float) -> None:
        """Update the realised variance of the pair's reference price, an average that keeps so much of its past."""
        if self.last_price > 0.0:
            move = math.log(price / self.last_price)
            self.variance_per_second = keep * self.variance_per_second + (1.0 - keep) * move * move / seconds
        self.last_price = price


@dataclass(slots=True)
class Found:
    """The largest collateral that backs an account's debt, against its largest debt: what a liquidation goes for."""

    position: Position
    collateral: int
    debt: int


@dataclass(slots=True)
class Lender:
    """One lending pool with the rules around it and its ledger accounts.

    `account` holds the pool's cash and collateral, `fees` what the protocol kept of liquidations, and
    `first_holder + k` is the ledger account of the pool's account k. `assets[r]` is the asset of reserve r and
    `prices[r]` its price as the protocol believes it. `waiting_since[k]` is when account k became liquidatable, inf
    where it is not; `exits` says who queues to leave, and when anybody may. `auctions` are there where the design
    takes time or has a pool behind it, and are `loans` too where collateral is in bands; `rights` where the right to
    call is auctioned. On the `floor` takers sell. `paid_before` is what the treasury paid of a bad debt by the design's
    own rule, by account and reserve. From `first_claims` on are the pool's accounts of loss layers, then of insurers,
    that hold claims; `exit_charge(account, reserve, units)` says what of a withdrawal a layer keeps back, where one
    does. `treasury_covers` says whether the treasury is among the layers.
    """

    name: str
    pool: LendingPool
    design: Design
    assets: list[int]
    account: int
    fees: int
    first_holder: int
    thresholds: list[float]
    prices: FloatArray
    price_list: list[float]
    haircuts: FloatArray
    income: list[float]
    exits: Exits
    waiting_since: FloatArray
    floor: Floor
    watch: HealthWatch | BandWatch = field(init=False)
    own_lines: OwnLines | None = None
    first_claims: int = -1
    exit_charge: Callable[[int, int, float], float] | None = None
    treasury_covers: bool = False
    below: Below | None = None
    auctions: Auctions | None = None
    rights: RightAuctions | None = None
    loans: BandLoans | None = None
    open_now: Opportunities | None = None
    calls: Calls | None = None
    bids: Bids | None = None
    past: Past = field(default_factory=Past)
    waiting: IntArray = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    stripped: set[int] = field(default_factory=set)
    paid_before: dict[tuple[int, int], float] = field(default_factory=dict)
    _found: dict[int, Found | None] = field(default_factory=dict)

    def start_watching(self, lines: FloatArray) -> None:
        """Watch all positions from now on, once they are open: against the line, and their owners' lines if any."""
        self.watch = HealthWatch(self.pool, self.design.line) if self.loans is None else BandWatch(self.loans, 1.0)
        if lines.any():
            self.own_lines = OwnLines(self, lines)
        self.pool.on_change(self.changed, self.changed_many)
        # A position may be opened with no collateral at all: then its debt is bad from the first block on.
        naked = self.pool.scaled_debt.any(axis=1) & ~self.pool.collateral.any(axis=1)
        self.stripped.update(np.flatnonzero(naked).tolist())

    def follow(self) -> None:
        """Take over what trades have made of collateral that is in bands, before anybody reads the pool's books."""
        if self.loans is not None and self.loans.follow():
            self._found.clear()
            self.stale()

    def mark(self, number: int) -> Mark | None:
        """Return what a call on an account or a lot goes for; None where nothing is owed, or nothing left to sell."""
        if isinstance(self.design, SpotDesign):
            found = self.position(number)
            return AccountMark(self, self.design, number, found) if found is not None else None
        if self.loans is not None:
            self.follow()
            return self.loans.mark(number)
        return self.auctions.mark(number) if isinstance(self.auctions, Sales) else None

    def position(self, account: int) -> Found | None:
        """Return what a liquidator would go for, at the prices the protocol believes in; None where nothing is owed."""
        self.follow()
        if account not in self._found:
            self._found[account] = (
                self.position_at(account, self.price_list) if self.loans is None else self._loan(self.loans, account)
            )
        return self._found[account]

    def _loan(self, loans: BandLoans, account: int) -> Found | None:
        position = loans.position(account)
        return Found(position, loans.collateral, loans.debt) if position is not None else None

    def health_at(self, account: int, prices: FloatArray) -> float:
        """Return the health of an account, were these the prices that the protocol believes, one for each reserve."""
        if self.loans is not None:
            return self.loans.health_at(account, prices)
        return self.pool.standing(account, prices).health

    def position_at(self, account: int, prices: list[float]) -> Found | None:
        """Return what a liquidator would go for at any prices, one for each reserve; None where nothing is owed."""
        held, owed = self.pool.position(account)
        collateral = debt = -1
        most_held = (False, 0.0)
        most_owed = worth = backing = debts = 0.0
        for r, price in enumerate(prices):
            value = held[r] * price
            if value > 0.0:
                worth += value
                backing += value * self.thresholds[r]
                # What backs nothing is seized only where nothing else is left.
                rank = self.thresholds[r] > 0.0, value
                if collateral < 0 or rank > most_held:
                    collateral, most_held = r, rank
            value = owed[r] * price
            debts += value
            if value > most_owed:
                debt, most_owed = r, value
        if debt < 0 or collateral < 0:
            return None
        return Found(
            Position(
                health=backing / debts,
                collateral_units=held[collateral],
                collateral_price=prices[collateral],
                debt_units=owed[debt],
                debt_price=prices[debt],
                collateral_usd=worth,
                debt_usd=debts,
                liquidation_threshold=self.thresholds[collateral],
            ),
            collateral,
            debt,
        )

    def believe(self, prices: list[float]) -> None:
        """Take prices from the oracles, one for each reserve; where they are those of before nothing has changed."""
        if prices == self.price_list:
            return
        self.prices = np.array(prices)
        self.price_list = prices
        self._found.clear()
        self.stale()

    def liquidatable(self) -> Below:
        """Return the accounts that can be liquidated with their values; looked at once until something changes."""
        self.follow()
        if self.below is None:
            self.below = self.watch.below(self.prices)
        return self.below

    def note_waiting(self, now: float) -> None:
        """Keep the time since when each account has been liquidatable; who recovered starts afresh."""
        self.open_now = self.calls = self.bids = None
        accounts = self.liquidatable().accounts
        if accounts.size == self.waiting.size and not np.count_nonzero(accounts != self.waiting):
            return  # nobody has come or gone
        since = self.waiting_since[accounts]
        self.waiting_since[self.waiting] = np.inf
        self.waiting_since[accounts] = np.minimum(since, now)
        self.waiting = accounts

    def interest_accrued(self) -> None:
        """Forget every position: all debts have grown."""
        self._found.clear()
        self.stale()

    def changed(self, account: int) -> None:
        """Forget what was known of a position that a verb of the pool has changed; note it if nothing backs it now."""
        self._found.pop(account, None)
        self.below = None
        if self.pool.is_stripped(account):
            self.stripped.add(account)

    def changed_many(self, accounts: IntArray) -> None:
        """`changed` for many accounts."""
        self._found.clear()
        self.below = None
        self.stripped.update(self.pool.stripped(accounts).tolist())

    def stale(self) -> None:
        """Forget who was liquidatable: prices, indices or positions have changed."""
        self.below = None


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
        self.exogenous: list[list[float]] = exogenous_prices(scenario, streams).tolist()
        self.reference: list[float] = self.exogenous[0].copy()
        self.impacts: list[ImpactState | None] = [
            None if terms.impact.kind == "none" else terms.impact.start() for terms in scenario.assets.values()
        ]
        self.band_sources: dict[str, BandSource] = {}
        stand = [band_market(scenario, pool) for pool in range(len(scenario.pools))]
        self.exchanges = [
            self._exchange(market, [pool for pool, at in zip(scenario.pools, stand, strict=True) if at == number])
            for number, market in enumerate(scenario.markets)
        ]
        # The first market of an asset in the scenario's order speaks for its venue price.
        self.exchange_of_base: dict[int, int] = {}
        for k, exchange in enumerate(self.exchanges):
            self.exchange_of_base.setdefault(exchange.base, k)
        self.floor = Floor.over(self.exchanges)
        self.router = self.floor.router
        self.venue_usd = [math.nan] * len(self.assets)
        self.oracles: list[Oracle] = [
            terms.oracle.start(self.reference[k]) for k, terms in enumerate(scenario.assets.values())
        ]
        self.oracle: list[float] = self.exogenous[0].copy()
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
        pool = LendingPool(
            list(terms.reserves.values()),
            [reserve.rates.rate for reserve in terms.reserves.values()],
            accounts,
            list(terms.reserves),
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
        for base, number in self.exchange_of_base.items():
            exchange = self.exchanges[number]
            self.venue_usd[base] = exchange.venue.mid * self.reference[exchange.quote]
        return self.venue_usd

    def _exchange(self, market: Market, pools: list[Pool]) -> Exchange:
        """Open a market, with the bands of these pools beside its own sources."""
        base, quote = self.index[market.base], self.index[market.quote]
        price = self.reference[base] / self.reference[quote]
        sources = [terms.build(price) for terms in market.sources]
        escrow = self.ledger.open(f"market {market.name} order escrow")
        accounts: list[int] = []
        for k, source in enumerate(sources):
            if isinstance(source, Infinite):
                accounts.append(OUTSIDE)
            elif isinstance(source, OrderBook):
                accounts.append(escrow)
            else:
                account = self.ledger.open(f"market {market.name} source {k}")
                accounts.append(account)
                self.endow(account, base, source.base)
                self.endow(account, quote, source.quote)
        for pool in pools:
            bands = self.band_sources[pool.name] = open_bands(self, market, pool, price)
            sources.append(bands.bands)
            accounts.append(bands.account)
        books = [source for source in sources if isinstance(source, OrderBook)]
        return Exchange(
            name=market.name,
            base=base,
            quote=quote,
            venue=Venue(sources),
            source_names=_numbered([*[terms.kind for terms in market.sources], *["llamma"] * len(pools)]),
            book=books[0] if books else None,
            infinite=[source for source in sources if isinstance(source, Infinite)],
            bands=[source for source in sources if isinstance(source, Bands)],
            source_accounts=accounts,
            escrow=escrow,
            fees=self.ledger.open(f"market {market.name} taker fees"),
        )


def _numbered(kinds: Sequence[str]) -> list[str]:
    """Tell sources of one kind apart."""
    return [f"{kind}.{kinds[: k + 1].count(kind)}" if kinds.count(kind) > 1 else kind for k, kind in enumerate(kinds)]


class BooksDisagreeError(RuntimeError):
    """A mechanism's own books and the ledger do not say the same: a fault of the program, never of a scenario."""


__all__ = ["BooksDisagreeError", "Exchange", "Found", "Lender", "World"]
