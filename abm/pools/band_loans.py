"""Loans whose collateral is in bands on the ladder of a market: LLAMMA in a whole world.

Models: the bands belong to the pool's borrowers and are one more source of the market, with a ledger account of their
own; whoever trades there liquidates them softly. The pool's books follow: what is in an account's bands is what it has
posted, in both assets. Below health 1 a loan is closed by a taker who pays what its own quote does not, or by a call
where that quote pays for all. The rows of such a liquidation say what the taker paid and got.
What is lost softly is what the bands gave less what they got, each trade at the reference prices of its block.
A taker sells what it got on the other sources only: bands that it empties cannot buy what comes out of them.
Leaves out: see `models.liquidation.llamma`. An account without debt has its collateral in the pool, in no bands.
"""

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from abm.auctions.lots import Auctions, Pair
from abm.pools.band_healths import healths_of, under_line
from abm.reading.inputs import ScenarioError
from models.lending import Below
from models.liquidation import House, Llamma, Loan, Offer, Position, Reward, Taking
from models.market.band_curve import BASE, QUOTE
from models.market.band_owners import OwnedBands, Stand
from models.types import BoolArray, FloatArray, IntArray

if TYPE_CHECKING:
    from abm.cascade import Cascade
    from abm.markets.forced_sales import Sale
    from abm.pools.lender import Found, Lender
    from abm.scenario import Market, Pool
    from abm.world import World


class BandSource(NamedTuple):
    """The bands of a pool on the ladder of a market, their ledger account, and the names of their assets."""

    bands: OwnedBands
    account: int
    collateral: str
    debt: str


def open_bands(world: "World", market: "Market", pool: "Pool", price: float) -> BandSource:
    """Open the bands of a pool, empty, around the price of the moment."""
    assert isinstance(pool.liquidation, Llamma)
    bands = OwnedBands(price, pool.liquidation.amplification, pool.liquidation.fee)
    bands.set_oracle(price, 0.0)
    return BandSource(bands, world.ledger.open(f"pool {pool.name} bands"), market.base, market.quote)


class BandLoans(Auctions):
    """The loans of one lender in their bands; there are no lots.

    Attributes:
        collateral, debt: the reserves.
        account: the ledger account of what is in the bands.
        version: counts the changes of bands, positions and oracle.
        lost_usd: lost softly so far; negative where the fees of others were worth more.
        sold_usd: got for base so far, each block's net sales at the reference price of its block.
    """

    def __init__(self, world: "World", lender: "Lender", design: Llamma, source: BandSource) -> None:
        super().__init__(world, lender, design)
        self.lender = lender
        self.rule = design
        self.bands = source.bands
        self.account = source.account
        self.collateral = lender.pool.names.index(source.collateral)
        self.debt = lender.pool.names.index(source.debt)
        self.version = 0
        self.lost_usd = self.sold_usd = 0.0
        self._block, self._net_usd = -1, 0.0
        self._seen: object = None
        self._held = (0.0, 0.0)
        self.bands.seat(lender.pool.accounts, design.bands)
        lender.pool.on_change(self._changed, self._changed)

    # Books

    def open_loans(self) -> None:
        """Put the collateral of everybody who owes something into bands. Raises `ScenarioError` for other assets."""
        pool = self.lender.pool
        for columns, reserve, verb in (
            (pool.collateral, self.debt, "posts"),
            (pool.scaled_debt, self.collateral, "owes"),
        ):
            if columns[:, reserve].any():
                raise ScenarioError(
                    f"a borrower of pool {self.lender.name} {verb} {pool.names[reserve]}; with llamma loans of "
                    f"{pool.names[self.debt]} are backed by {pool.names[self.collateral]} alone, so change the position"
                )
        owing = np.flatnonzero((pool.scaled_debt[:, self.debt] > 0.0) & (pool.collateral[:, self.collateral] > 0.0))
        base = pool.collateral[owing, self.collateral]
        self.bands.deposit_each(self._deposit(*one) for one in zip(owing.tolist(), base.tolist(), strict=True))
        lender, asset = self.lender, self.lender.assets[self.collateral]
        self._world.ledger.transfer_many(lender.account, self.account, asset, base)
        self._keep_count()

    def follow(self) -> bool:
        """Take over into the pool's books what trades have made of the collateral; whether anything has changed."""
        if self.bands.state is self._seen:
            return False
        self._seen = self.bands.state
        self._note_trades()
        accounts = self.bands.look()
        for reserve, row in ((self.collateral, BASE), (self.debt, QUOTE)):
            self.lender.pool.restate_collateral(accounts, reserve, self.bands.columns[row, accounts])
        self.version += 1
        return True

    def lift(self, account: int) -> int:
        """Take all that an account has out of its bands, into the pool; returns the first of them."""
        self._note_trades()
        first = self.bands.span(account)[0]
        taken = self.bands.withdraw(account)
        lender, transfer = self.lender, self._world.ledger.transfer
        for reserve, units in ((self.collateral, taken.base), (self.debt, taken.quote)):
            transfer(self.account, lender.account, lender.assets[reserve], units)
            lender.pool.restate_collateral(np.array([account]), reserve, np.array([units]))
        self._keep_count()
        return first

    def place(self, account: int, first: int | None = None) -> None:
        """Put the base of an account that owes something into bands, by the rule unless the first one is given."""
        lender = self.lender
        base = float(lender.pool.collateral[account, self.collateral])
        if base <= 0.0 or lender.pool.debt(account, self.debt) <= 0.0:
            return
        self._note_trades()  # its owner may just have sold some of it into the bands of others
        self.bands.deposit(*self._deposit(account, base, first))
        self._world.ledger.transfer(lender.account, self.account, lender.assets[self.collateral], base)
        self._keep_count()

    def _deposit(self, account: int, base: float, first: int | None = None) -> tuple[int, float, int, int]:
        """Return an account that owes something, its base, and the first and the last band for that."""
        bands, debt = self.bands, self.lender.pool.debt(account, self.debt)
        if first is None:
            first = bands.first_free(
                self.rule.first_band(base, debt, bands.base_price, bands.oracle_price, bands.active_band)
            )
        return account, base, first, first + self.rule.bands - 1

    def carries(self, position: Position, sale: "Sale") -> bool:
        """Whether a sale repays a loan, or leaves one that the rule would allow."""
        debt = position.debt_units - sale.proceeds
        left = position.collateral_units - sale.units
        return debt <= 0.0 or debt <= self.rule.most_debt(left, self.bands.oracle_price)

    def softened(self, account: int) -> bool:
        """Whether soft liquidation of an account has begun: there is quote in its bands."""
        return self.bands.has(account) and float(self.lender.pool.collateral[account, self.debt]) > 0.0

    def _changed(self, account: int | IntArray) -> None:
        self.version += 1

    def _note_trades(self) -> None:
        """Count what the bands have gained and lost since this was asked last, all of it in this block."""
        reference, assets = self._world.reference, self.lender.assets
        quote_usd = (self.bands.quote - self._held[QUOTE]) * reference[assets[self.debt]]
        base_usd = (self.bands.base - self._held[BASE]) * reference[assets[self.collateral]]
        self._keep_count()
        self.lost_usd -= quote_usd + base_usd
        if self._block != self._world.step:
            self._block, self._net_usd = self._world.step, 0.0
        before_usd = max(self._net_usd, 0.0)
        self._net_usd += quote_usd
        self.sold_usd += max(self._net_usd, 0.0) - before_usd

    def _keep_count(self) -> None:
        self._held = (self.bands.quote, self.bands.base)

    # Health

    def healths(self, accounts: IntArray) -> FloatArray:
        """Health of accounts; inf where one owes nothing, 0 where nothing is in its bands."""
        return healths_of(accounts, *self._state())

    def under(self, line: FloatArray) -> tuple[IntArray, FloatArray, float]:
        """Who is below its line, shape (accounts,), and at which health; the least health by line of all with one."""
        return under_line(line, *self._state())

    def _state(self) -> tuple[FloatArray, FloatArray, int, float, float, float, Stand]:
        """All that health depends on, for compiled code."""
        pool, bands, debt = self.lender.pool, self.bands, self.debt
        index, counted = pool.borrow_index.item(debt), 1.0 - self.rule.liquidation_discount
        return bands.columns, pool.scaled_debt, debt, index, counted, bands.oracle_price, bands.stand

    def health_at(self, account: int, prices: FloatArray) -> float:
        """Health of an account with what is in its bands now, were these the prices that the protocol believes."""
        debt = self.lender.pool.debt(account, self.debt)
        if debt <= 0.0 or not self.bands.has(account):
            return np.inf if debt <= 0.0 else 0.0
        price = float(prices[self.collateral] / prices[self.debt])
        worth, over = self.bands.worth_at(account, price), self.bands.over(account, price)
        return self.rule.health(worth, over, self.bands.columns.item(BASE, account), debt)

    def loan(self, account: int) -> Loan | None:
        """Return what an account has in its bands and owes; None where it owes nothing or nothing is left."""
        debt = self.lender.pool.debt(account, self.debt)
        if debt <= 0.0 or not self.bands.has(account):
            return None
        quote, base, worth = self.bands.columns[:, account].tolist()
        over = self.bands.over(account, self.bands.oracle_price)
        return Loan(quote, base, debt, self.rule.health(worth, over, base, debt))

    def position(self, account: int) -> Position | None:
        """Return an account as a position of any design, its own quote counted as collateral beside the pair."""
        loan = self.loan(account)
        if loan is None:
            return None
        prices = self.lender.price_list
        price, debt_price = prices[self.collateral], prices[self.debt]
        worth = loan.base * price + loan.quote * debt_price
        return Position(
            loan.health,
            loan.base,
            price,
            loan.debt,
            debt_price,
            worth,
            loan.debt * debt_price,
            liquidation_threshold=1.0,
        )

    def outside(self, found: "Found") -> "Found":
        """Return a loan without quote as a position in no bands: all of its collateral counts, at the oracle price.

        That, its health in new bands and the rule's `gap`, is in proportion to the collateral and to one over the debt.
        """
        position = found.position
        return replace(found, position=replace(position, health=position.collateral_usd / position.debt_usd))

    # Liquidation

    def mark(self, account: int) -> "BandMark | None":
        """Return a loan as what a taker's call goes for; None where it is healthy or no taker is needed."""
        loan = self.loan(account)
        offer = self.rule.offer(loan) if loan is not None else None
        return BandMark(self, account, loan, offer) if loan is not None and offer is not None else None

    def may_pay(self, accounts: IntArray) -> BoolArray:
        """Whether the base of loans is worth more than their price, at the best bid or at the reference price."""
        asset, debt = self.lender.assets[self.collateral], self.lender.assets[self.debt]
        reference = self._world.reference
        best_usd = max(self._world.bid_usd(asset, debt, self.lender.floor), reference[asset])
        columns, owed = self.bands.columns[:, accounts], self.owed(accounts)
        gained: BoolArray = columns[BASE] * best_usd > (owed - columns[QUOTE]) * reference[debt]
        return gained

    def owed(self, accounts: IntArray) -> FloatArray:
        """Return what accounts owe, units."""
        pool = self.lender.pool
        owed: FloatArray = pool.scaled_debt[accounts, self.debt] * pool.borrow_index.item(self.debt)
        return owed

    def house_before(self, account: int, found: "Found") -> House:
        """Return what of the debt asset is in an account's own bands."""
        house = self.house(found.debt)
        house.in_bands = float(self.bands.columns[QUOTE, account])
        return house

    def openable(self) -> tuple[Below, FloatArray]:
        """Return who is below health 1 and has more quote in its bands than it owes, so that a call alone closes it."""
        below, since = super().openable()
        paid = self.bands.columns[QUOTE, below.accounts] >= self.owed(below.accounts)
        return below.only(paid), since[paid]

    def at_a_glance(self) -> bool | None:
        """Return whether there is anything to open or to take from: not everybody below health 1 is."""
        return None if self.lender.liquidatable().accounts.size else False

    def wind_up(self, account: int) -> float:
        """Repay a loan with its own quote and leave what remains in the pool, for its caller; returns the debt."""
        lender = self.lender
        self.lift(account)
        owed = lender.pool.debt(account, self.debt)
        lender.pool.seize(account, self.debt, min(owed, float(lender.pool.collateral[account, self.debt])))
        return lender.pool.repay(account, self.debt, owed)

    def pay(self, reward: Reward, pair: Pair, caller: int) -> tuple[float, float]:
        """Give a caller all that remains of a loan just wound up; returns the units of the debt and the collateral."""
        lender = self.lender
        paid = []
        for reserve in (self.debt, self.collateral):
            units = lender.pool.seize(pair.account, reserve, float(lender.pool.collateral[pair.account, reserve]))
            paid.append(self._world.ledger.transfer(lender.account, caller, lender.assets[reserve], units))
        return paid[0], paid[1]

    def close(self, account: int, part: float, taker: int, paid: float) -> float:
        """Repay a part of a loan with what a taker pays and the quote that leaves the bands, for the base that does."""
        lender, transfer = self.lender, self._world.ledger.transfer
        self._note_trades()
        taken = self.bands.withdraw(account, self.rule.withdrawn(part))
        self._keep_count()
        asset, debt = lender.assets[self.collateral], lender.assets[self.debt]
        transfer(taker, lender.account, debt, paid)
        transfer(self.account, lender.account, debt, taken.quote)
        transfer(self.account, taker, asset, taken.base)
        owed = lender.pool.debt(account, self.debt)
        lender.pool.repay(account, self.debt, owed if part == 1.0 else paid + taken.quote)
        for reserve, units in ((self.collateral, taken.base), (self.debt, taken.quote)):
            held = float(lender.pool.collateral[account, reserve])
            lender.pool.seize(account, reserve, held if part == 1.0 else min(units, held))
        return taken.base


class BandMark:
    """A loan below health 1 whose own quote does not repay it."""

    __slots__ = ("_loan", "_loans", "_offer", "account", "collateral", "debt")

    def __init__(self, loans: BandLoans, account: int, loan: Loan, offer: Offer) -> None:
        self._loans = loans
        self._loan = loan
        self._offer = offer
        self.account = account
        self.collateral = loans.collateral
        self.debt = loans.debt

    def offer(self) -> Offer:
        """What a taker pays for all of the base."""
        return self._offer

    def fit(self, repay: float) -> float:
        """Any payment up to that."""
        return self._loans.rule.fit(self._loan, repay)

    def take(self, repay: float) -> Taking:
        """What paying `repay` would bring."""
        return self._loans.rule.take(self._loan, repay)

    def generation(self, cascade: "Cascade") -> int:
        """Which sales put the loan below health 1."""
        return cascade.generation(self._loans.lender, self.account, 1.0)

    def settle(self, world: "World", taker: int, taking: Taking) -> Taking:
        """Pay, repay with the quote that leaves the bands too, and hand the base over."""
        part = self._loans.rule.part(self._loan, taking.repaid)
        return Taking(taking.repaid, self._loans.close(self.account, part, taker, taking.repaid), 0.0)


class BandWatch:
    """Who is below their line of health, as `models.lending.HealthWatch`, among loans in bands.

    Nobody is looked at while bands, positions and oracle are as they were and interest has not brought down the least
    health of all to its line. `line` is one for all accounts, or one for each with 0 for those not watched.
    """

    def __init__(self, loans: BandLoans, line: FloatArray | float) -> None:
        self._loans = loans
        self._line = np.array(np.broadcast_to(line, loans.lender.pool.accounts), np.float64)
        self._least = 0.0
        self._looked = (-1, 1.0)

    def below(self, prices: FloatArray) -> Below:
        """Everybody whose health is below their line, with health and values at `prices` (R,)."""
        loans, pool = self._loans, self._loans.lender.pool
        loans.follow()
        index = pool.borrow_index.item(loans.debt)
        version, index_then = self._looked
        if version == loans.version and self._least * index_then >= index * (1.0 + 1e-12):
            return _NOBODY
        accounts, health, self._least = loans.under(self._line)
        self._looked = (loans.version, index)
        return Below(
            accounts,
            health,
            loans.owed(accounts) * prices[loans.debt],
            pool.collateral[accounts] @ prices,
        )


_NOBODY = Below(np.empty(0, np.int64), np.empty(0), np.empty(0), np.empty(0))
