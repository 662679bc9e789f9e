"""What agents may see: prices, quotes, their own balances and what a pool shows to everybody. Nothing here writes."""

import copy
import math
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from abm.auctions.english import EnglishAuctions
from abm.intents import Reaction
from abm.liquidations.left_over import LeftOver, left_over
from abm.liquidations.on_offer import Bids, Calls, Opportunities, on_offer
from abm.liquidations.ranked import Ranked
from abm.liquidations.rights import Kind
from abm.markets.trading import quote_until
from abm.pools.sight import Sight, Sights
from models.liquidation import Backstop, Financing, SpotDesign
from models.market import Fill, Trip, Venue
from models.market.stakes import Holdings
from models.rates import SECONDS_PER_YEAR
from models.types import BoolArray, FloatArray, IntArray, Side

if TYPE_CHECKING:
    from abm.pools.lender import Lender
    from abm.world import World


@dataclass(frozen=True, slots=True)
class LoanTerms:
    """What a pool lends of a debt against a collateral: units of `cash`, prices in dollars as the protocol believes."""

    ltv: float
    cash: float
    collateral_usd: float
    debt_usd: float

    def lent_per_unit(self, believed_usd: float) -> float:
        """Return the units of the debt that are lent against a unit of collateral believed to be worth so much."""
        return self.ltv * believed_usd / self.debt_usd


@dataclass(frozen=True, slots=True)
class Prospect:
    """What one call on an account would repay, and what the caller would receive, at the reference prices."""

    account: int
    repaid_usd: float
    received_usd: float


class View:
    """One path's world as agents see it. Arguments are numbers of exchanges, pools, assets and ledger accounts."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self.step_seconds = world.step_seconds
        self.root_years_per_block = math.sqrt(world.step_seconds / SECONDS_PER_YEAR)
        self.gas_priced = world.scenario.blockspace is not None
        self._seen: dict[int, Sights] = {}
        self._nothing: dict[int, Opportunities] = {}
        self._seen_step = -1

    @property
    def now(self) -> float:
        """Return the seconds since the start of the path."""
        return self._world.now

    @property
    def step(self) -> int:
        """Return the number of the block, from 0 on."""
        return self._world.step

    @property
    def gas_gwei(self) -> float:
        """Return the going price of gas."""
        return self._world.gas_gwei

    def gas_cost_usd(self, gas_units: float, price_gwei: float) -> float:
        """Return what so much gas costs at a price, in dollars."""
        return self._world.gas_cost_usd(gas_units, price_gwei)

    def room_for(self, gas_units: float) -> int:
        """Return a number of calls of so much gas that no block can hold more of; nobody needs to ask for more."""
        space = self._world.scenario.blockspace
        if space is None or space.capacity_gas is None or space.failed_calls == "free":
            return sys.maxsize
        fitting = space.capacity_gas / gas_units if gas_units > 0.0 else math.inf
        # One more than there should be: room is used up with rounding.
        return int(fitting) + 1 if fitting < sys.maxsize else sys.maxsize

    def price_usd(self, asset: int) -> float:
        """Return the price of an asset on the rest of the market."""
        return self._world.reference[asset]

    def bid_usd(self, asset: int, wanted: int) -> float:
        """Return the dollars that the next unit sold of an asset brings who needs `wanted`; 0 where nobody bids."""
        return self._world.bid_usd(asset, wanted)

    def balance(self, account: int, asset: int) -> float:
        """Return what a ledger account holds of an asset."""
        return self._world.ledger.balance(account, asset)

    def pair_reference(self, exchange: int) -> float:
        """Return the reference price of an exchange's pair, quote per base."""
        return self._world.pair_reference(exchange)

    def base_usd(self, exchange: int) -> float:
        """Return the reference price of an exchange's base asset in dollars."""
        return self._world.reference[self._world.exchanges[exchange].base]

    def quote_usd(self, exchange: int) -> float:
        """Return the reference price of an exchange's quote asset in dollars."""
        return self._world.reference[self._world.exchanges[exchange].quote]

    def volatility_per_year(self, exchange: int) -> float:
        """Return the realised volatility of the pair's reference price, recent blocks weighing most."""
        return math.sqrt(self._world.exchanges[exchange].variance_per_second * SECONDS_PER_YEAR)

    def best(self, exchange: int) -> tuple[float, float]:
        """Return the best bid and ask on the ladder, fee included; nan where a side is empty."""
        venue = self._world.exchanges[exchange].venue
        return venue.bid, venue.ask

    def best_of(self, exchange: int, source: int) -> tuple[float, float]:
        """Return the best bid and ask of one source of a market, fee included; nan where a side is empty."""
        pool = self._world.exchanges[exchange].venue.sources[source]
        return pool.bid, pool.ask

    def quote_in(self, exchange: int, side: Side, amount: float) -> Fill:
        """Return the venue's quote for giving exactly `amount`."""
        return self._world.exchanges[exchange].venue.quote_in(side, amount)

    def quote_to(self, exchange: int, side: Side, price: float) -> Fill:
        """Return the venue's quote for trading until the marginal price is `price`."""
        return self._world.exchanges[exchange].venue.quote_to(side, price)

    def round_rate(self, assets: tuple[int, int, int]) -> float:
        """Return what the first unit brings that is traded around a triangle of assets; 0 where nobody trades."""
        return self._world.router.round_rate(assets)

    def quote_round(self, assets: tuple[int, int, int], cost: float, most: float) -> Trip:
        """Return the best trade around a triangle of assets, giving at most `most` of the first."""
        return self._world.router.cycle(assets, cost, most)

    def quote_until(self, exchange: int, side: Side, price: float, most: float) -> Fill:
        """Return the venue's quote for trading until the marginal price is `price`, giving at most `most`."""
        return quote_until(self._world.exchanges[exchange].venue, side, price, most)

    def fork(self, exchange: int) -> Venue:
        """Return a copy of a venue, for trying trades on."""
        return copy.deepcopy(self._world.exchanges[exchange].venue)

    def oracle_if(self, asset: int, venue_prices: list[float]) -> list[float]:
        """Return what an asset's oracle would report in this block and the next, one report a price of the venue.

        Prices are in dollars; the reference price is taken to stay as it is. Ask before oracles report.
        """
        world = self._world
        times = [self.now + block * self.step_seconds for block in range(len(venue_prices))]
        venue = [
            world.venue_price(other) if other in world.exchange_of_base else math.nan
            for other in range(len(world.assets))
        ]
        return world.feeds.report_if(asset, times, venue_prices, world.reference, venue)

    def owes(self, pool: int, account: int) -> bool:
        """Return whether an account of a pool has any debt."""
        return bool(self._world.lenders[pool].pool.scaled_debt[account].any())

    def loan_terms(self, pool: int, collateral: int, debt: int) -> LoanTerms:
        """Return what a pool lends of a reserve against another."""
        lender = self._world.lenders[pool]
        return LoanTerms(
            ltv=lender.pool.terms[collateral].ltv,
            cash=float(lender.pool.cash[debt]),
            collateral_usd=lender.price_list[collateral],
            debt_usd=lender.price_list[debt],
        )

    def liquidations_if(
        self, pool: int, reserve: int, believed_usd: float, otherwise_usd: float, budget_usd: float, most: int
    ) -> list[Prospect]:
        """Return the calls that would pay on accounts that are unhealthy at one price of a reserve and not at another.

        One call an account, largest debts first, until the budget or the number of calls is used up. None where the
        design takes time or the right to call is sold: nobody can count on being the one who buys.
        """
        lender = self._world.lenders[pool]
        if lender.auctions is not None or lender.rights is not None:
            return []
        prices, otherwise = lender.price_list.copy(), lender.prices.copy()
        prices[reserve], otherwise[reserve] = believed_usd, otherwise_usd
        then = lender.pool.valuation(np.array(prices))
        line = lender.design.line
        fallen = np.flatnonzero((then.health < line) & (lender.pool.health(otherwise) >= line))
        prospects: list[Prospect] = []
        for account in fallen[np.argsort(-then.debt_value[fallen], kind="stable")].tolist():
            if len(prospects) == most or budget_usd <= 0.0:
                break
            prospect = self._prospect(lender, account, prices, budget_usd)
            if prospect is not None:
                prospects.append(prospect)
                budget_usd -= prospect.repaid_usd
        return prospects

    def _prospect(self, lender: "Lender", account: int, prices: list[float], budget_usd: float) -> Prospect | None:
        found = lender.position_at(account, prices)
        if found is None or not isinstance(lender.design, SpotDesign):
            return None
        reference = self._world.reference
        collateral_usd, debt_usd = reference[lender.assets[found.collateral]], reference[lender.assets[found.debt]]
        repay = lender.design.fit(found.position, budget_usd / debt_usd)
        if repay <= 0.0:
            return None
        taking = lender.design.take(found.position, repay)
        repaid_usd, received_usd = taking.repaid * debt_usd, taking.received * collateral_usd
        return Prospect(account, repaid_usd, received_usd) if received_usd > repaid_usd else None

    def inventory(self, exchange: int, account: int) -> tuple[float, float]:
        """Return an account's base and quote, what stands in its orders included."""
        desk = self._world.exchanges[exchange]
        ledger = self._world.ledger
        base, quote = ledger.balance(account, desk.base), ledger.balance(account, desk.quote)
        if desk.book is not None:
            resting_base, resting_quote = desk.book.committed(account)
            return base + resting_base, quote + resting_quote
        return base, quote

    def money(self, exchange: int, account: int) -> float:
        """Return an account's quote, what stands in its orders included."""
        desk = self._world.exchanges[exchange]
        held = self._world.ledger.balance(account, desk.quote)
        if desk.book is None or account not in desk.book.owners:
            return held
        return held + desk.book.committed(account)[1]

    def resting(self, exchange: int, account: int) -> tuple[float, float]:
        """Return the base and quote that stand in an account's orders."""
        book = self._world.exchanges[exchange].book
        return book.committed(account) if book is not None else (0.0, 0.0)

    def stakes(self, number: int) -> Holdings:
        """Return what a cohort of liquidity providers has in its pool, by the number of its stakes."""
        return self._world.stakes[number]

    def design(self, pool: int) -> str:
        """Return the name of a pool's design."""
        return self._world.lenders[pool].design.design

    def financing(self, pool: int) -> Financing:
        """Return how takers pay in a pool."""
        return self._world.lenders[pool].design.financing

    def asset_volatility_per_year(self, asset: int) -> float:
        """Return the realised volatility of an asset on its first market; 0 where it has none."""
        exchange = self._world.exchange_of_base.get(asset)
        return self.volatility_per_year(exchange) if exchange is not None else 0.0

    def opportunities(self, pool: int, blocks_ago: int = 0) -> Opportunities:
        """Return what a pool's design offers in this block, at the prices the protocol believes in; or did offer."""
        lender = self._world.lenders[pool]
        if lender.open_now is None:
            lender.open_now = self._on_offer(pool, lender)
            self._let_through("take", lender, lender.open_now)
        return lender.open_now if blocks_ago == 0 else lender.past.seen(blocks_ago, lender.open_now)

    def _on_offer(self, pool: int, lender: "Lender") -> Opportunities:
        by_lots = lender.auctions is not None and lender.loans is None
        if by_lots or lender.liquidatable().accounts.size:
            return on_offer(self._world, lender)
        # In most blocks nobody is below health 1, and nothing is the same every time.
        nothing = self._nothing.get(pool)
        if nothing is None:
            nothing = self._nothing[pool] = on_offer(self._world, lender)
        return nothing.afresh()

    def offers_anything(self, pool: int, blocks_ago: int = 0) -> bool:
        """Return whether there is anything at all to take from, to bid on, to open or to start in this block.

        What is not needed to say so is left to be looked up until somebody asks.
        """
        lender = self._world.lenders[pool]
        if lender.auctions is not None and lender.rights is None and blocks_ago == 0:
            glance = lender.auctions.at_a_glance()
            if glance is not None:
                return glance
        return bool(self.bids(pool)) or bool(self.calls(pool)) or bool(self.opportunities(pool, blocks_ago))

    def count_offered(self, pool: int, blocks_ago: int = 0) -> int:
        """Return how much there is in all to take from, to bid on, to open and to start in this block."""
        offered = self.opportunities(pool, blocks_ago), self.calls(pool), self.bids(pool)
        return sum(things.count for things in offered if things is not None)

    def locked_usd(self, pool: int, account: int) -> float:
        """Return what a ledger account has locked in the bids of a pool."""
        auctions, reference = self._world.lenders[pool].auctions, self._world.reference
        if auctions is None:
            return 0.0
        return math.fsum(units * reference[asset] for owner, asset, units in auctions.locked() if owner == account)

    def left_over(self, pool: int, terms: Backstop) -> LeftOver:
        """Return what others have left to the account of last resort of a pool, as the block stands."""
        return left_over(self._world, self._world.lenders[pool], terms)

    def bids(self, pool: int) -> Bids | None:
        """Return the lots that may be bid on in this block; None where the design holds no English auctions."""
        lender = self._world.lenders[pool]
        if lender.bids is None and isinstance(lender.auctions, EnglishAuctions):
            lender.bids = Bids(self._world, lender, lender.auctions)
        return lender.bids

    def calls(self, pool: int) -> Calls | None:
        """Return what may be opened or started afresh in this block; None where the design settles at once."""
        lender = self._world.lenders[pool]
        if lender.calls is None and lender.auctions is not None:
            lender.calls = Calls(self._world, lender, lender.auctions)
            self._let_through("open", lender, lender.calls)
        return lender.calls

    def _let_through(self, kind: Kind, lender: "Lender", offered: Ranked) -> None:
        """Say what several may go for because they bid for it, and leave out what nobody may call for yet."""
        space = self._world.scenario.blockspace
        offered.contested = space is not None and space.bidding is not None
        if lender.rights is not None:
            lender.rights.let_through(kind, offered, self.now)

    def below_own_line(self, pool: int, accounts: IntArray | None = None) -> IntArray:
        """Return the accounts whose owners watch and whose health is below their own line, in ascending order.

        Of `accounts`, ascending, where they are given.
        """
        lines = self._world.lenders[pool].own_lines
        return lines.below(accounts) if lines is not None else np.empty(0, dtype=np.int64)

    def has_wallet(self, pool: int, account: int, how: Reaction) -> bool:
        """Return whether the holder of an account has anything in its wallet to mend the position with."""
        lender = self._world.lenders[pool]
        found = lender.position(account)
        if found is None:
            return False
        reserve = found.collateral if how == "top_up" else found.debt
        return self._world.ledger.balance(lender.first_holder + account, lender.assets[reserve]) > 0.0

    def shortfall_after(self, pool: int, shock: float) -> float:
        """Return what a pool's debts would exceed their collateral by if all prices that move fell by a share.

        Dollars, account by account; constant prices stay as they are.
        """
        lender, terms = self._world.lenders[pool], list(self._world.scenario.assets.values())
        lender.follow()
        moves = [terms[asset].price.kind != "constant" for asset in lender.assets]
        fallen = lender.pool.valuation(lender.prices * np.where(moves, 1.0 - shock, 1.0))
        return float((fallen.debt_value - fallen.collateral_value).clip(0.0).sum())

    def run_signals(self, pool: int, reserve: int) -> tuple[float, float, float]:
        """Return what a depositor sees of a reserve: utilisation, the hole as a share of claims, haircuts so far."""
        lender = self._world.lenders[pool]
        claims = float(lender.pool.total_claims[reserve])
        hole = float(lender.pool.deficit[reserve]) / claims if claims > 0.0 else 0.0
        return lender.pool.utilisation(reserve), hole, float(lender.haircuts[reserve])

    def sight(self, pool: int, reserve: int) -> Sight:
        """Return what a reserve shows to depositors at the start of the block; looked at once."""
        if self._seen_step != self._world.step:
            self._seen, self._seen_step = {}, self._world.step
        if pool not in self._seen:
            self._seen[pool] = Sights(self._world, self._world.lenders[pool])
        return self._seen[pool].of(reserve)

    def away(self, pool: int, accounts: slice, reserve: int) -> FloatArray:
        """Return the units that accounts were paid and have not brought back, (accounts,)."""
        return self._world.lenders[pool].exits.away[accounts, reserve]

    def waits(self, pool: int, account: int, reserve: int) -> bool:
        """Return whether an account queues to leave a reserve."""
        return account in self._world.lenders[pool].exits.queues[reserve]

    def reserves(self, pool: int) -> range:
        """Return the numbers of a pool's reserves."""
        return range(self._world.lenders[pool].pool.reserves)

    def borrow_rate(self, pool: int, reserve: int) -> float:
        """Return what borrowers of a reserve pay a year at its utilisation now."""
        lender = self._world.lenders[pool]
        return lender.pool.rate_of[reserve](lender.pool.utilisation(reserve))

    def owing(self, pool: int, accounts: slice, reserve: int) -> BoolArray:
        """Return which accounts owe a reserve anything, (accounts,)."""
        owe: BoolArray = self._world.lenders[pool].pool.scaled_debt[accounts, reserve] > 0.0
        return owe
