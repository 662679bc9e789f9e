"""Lots that anyone may take from, at a price that the clock or the feed sets.

Models: Dutch auctions of positions; and the store front of a protocol that absorbs: what it takes over is posted, with
the debt that it bears, on an account of its own, one lot for each pair. Its loss is known when it has sold all.
Leaves out: the protocol's own account pays interest on what it bears, until sales have repaid it.
"""

from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from abm.auctions.lot_columns import NEVER, LotColumns
from abm.auctions.lots import Auctions, Opener, OpenLot
from abm.auctions.waiting_lots import Waiting, WaitingLots
from abm.liquidations.marks import Mark
from models.compiled import compiled
from models.liquidation import House, Lot, LotTaking, Offer, Opening, Reward, SaleDesign, Taking
from models.liquidation.sale import SaleTerms
from models.types import FloatArray, IntArray

if TYPE_CHECKING:
    from abm.cascade import Cascade
    from abm.pools.lender import Lender
    from abm.world import World


# The columns of lots that run: where the price started and when, the pair of reserves, when the lot was opened, its
# units then, what is left of them, and the debt that is due.
_TOP, _SINCE, _COLLATERAL, _DEBT, _OPENED, _UNITS, _LEFT, _DUE, _COLUMNS = range(9)
# All lots are looked at with this much slack; what one of them costs, and whether it has run out, the rule says.
_SLACK: Final = 1.0 + 1e-9


class OnSale(NamedTuple):
    """Lots by number: when they were opened, what they were worth then, their pair, and the price of a unit; each (n,).

    `units` are left, and so much debt is still `due`.
    """

    numbers: IntArray
    opened: FloatArray
    worth_usd: FloatArray
    collateral: IntArray
    debt: IntArray
    price: FloatArray
    units: FloatArray
    due: FloatArray


class Sales(Auctions):
    """The lots of a design whose price falls or follows the feed; `own_account` is there for one that absorbs."""

    def __init__(self, world: "World", lender: "Lender", design: SaleDesign, own_account: int | None) -> None:
        super().__init__(world, lender, design)
        self.rule = design
        self._runs_seconds = design.runs_seconds
        self._running = LotColumns(_COLUMNS)
        self._waiting = WaitingLots()
        self._oldest = NEVER  # no price of a lot that runs has started before
        self.own_account = own_account
        if own_account is not None:
            self.frozen[own_account] = True
        self._stores: dict[tuple[int, int], OpenLot] = {}

    @property
    def anything_runs(self) -> bool:
        """Return whether any auction runs: the others wait to be started afresh."""
        return len(self._running) > 0

    def on_sale(self, highest: FloatArray) -> OnSale:
        """Return the lots that cost less than their collateral may bring.

        `highest` is the most that a unit of each collateral may bring for each debt, (reserves, reserves).
        """
        numbers, rows = self._running.rows()
        believed, now = self._lender.prices, self._world.now
        since, feed = _priced_by(rows, now, believed)
        prices = self.rule.unit_price(rows[:, _TOP], since, feed)
        good, figures, pairs = _below_bids(rows, since, prices, highest, believed, self._runs_seconds)
        opened, worth_usd, price, left, due = figures
        return OnSale(numbers[good], opened, worth_usd, pairs[0], pairs[1], price, left, due)

    def paid_at_most(self, lots: OnSale) -> FloatArray:
        """Return the most that a call on each lot may pay, (n,) units of the debt."""
        debts = {debt for _, debt in self.pairs}
        if len(debts) == 1:
            return self.rule.paid_ceiling(lots.units, lots.due, lots.price, self.house(debts.pop()))
        paid = np.empty(lots.price.size)
        for debt in debts:
            those = lots.debt == debt
            figures = lots.units[those], lots.due[those], lots.price[those]
            paid[those] = self.rule.paid_ceiling(*figures, self.house(debt))
        return paid

    def mark(self, number: int) -> Mark | None:
        """Return a lot to be taken from; None where it is closed."""
        one = self.find(number)
        return LotMark(self, one) if one is not None else None

    def terms(self, lot: Lot) -> SaleTerms | None:
        """Return the terms of a lot now, whether it is open already or would be; None where it is not on sale."""
        return self.rule.on_sale(lot, self._world.now, self.feed(lot), self.house(lot.debt))

    def offer(self, lot: Lot) -> Offer | None:
        """Return the offer of a lot now, whether it is open already or would be."""
        return self.rule.offer_at(self.terms(lot), lot)

    def take(self, terms: SaleTerms | None, lot: Lot, repay: float) -> LotTaking:
        """Take from a lot at its terms of now, which changes it; copy it to see what would be."""
        return self.rule.take_at(terms, lot, repay, self._world.now)

    def sell(self, one: OpenLot, terms: SaleTerms | None, taker: int, repay: float) -> Taking:
        """Sell from a lot at its terms of now to a ledger account that holds what it pays; as for any `Mark`."""
        return self._hand_over(one, taker, taker, self.take(terms, one.lot, repay))

    def waits(self, one: OpenLot) -> bool:
        """Return whether an auction has run out and waits to be started afresh."""
        return self.rule.needs_reset(one.lot, self._world.now, self.feed(one.lot))

    def waiting(self) -> Waiting:
        """Return the lots whose auctions have run out and wait to be started afresh."""
        now, runs = self._world.now, self._runs_seconds
        if (now - self._oldest) * _SLACK >= runs:
            numbers, rows = self._running.rows()
            over, self._oldest = _run_out(rows, now, runs)
            waits = [row for row in over.tolist() if self.waits(self.lots[numbers.item(row)])]
            for number in self._running.take_out(np.array(waits, np.int64)):
                # Until somebody starts it afresh.
                self._waiting.add(number, self.lots[number].lot)
        return self._waiting.all()

    def reset(self, one: OpenLot) -> Reward | None:
        """Start an auction afresh; returns what the caller is to be paid."""
        reward = super().reset(one)
        self._waiting.remove(one.number)
        self._note(one)
        return reward

    def restart(self, lot: Lot) -> Reward | None:
        """Start an auction afresh that waits for it, which changes the lot; returns what the caller is to be paid."""
        return self.rule.reset(lot, self._world.now, self.feed(lot))

    def house(self, debt: int) -> House:
        """Return the state of the design as a whole; what the protocol bears of absorbed debt is not its reserves'."""
        house = super().house(debt)
        if self.own_account is not None:
            house.reserves -= self._lender.pool.debt(self.own_account, debt)
        return house

    def open(self, account: int, opening: Opening, opener: Opener, generation: int) -> None:
        """Carry out an opening just asked for, all but its rewards."""
        if opening.absorption is None:
            super().open(account, opening, opener, generation)
            return
        absorbed: Opening | None = opening
        while absorbed is not None:
            self._absorb(account, absorbed, opener, generation)
            absorbed = self._rest(account)

    def _rest(self, account: int) -> Opening | None:
        """Return the absorption of an account's next collateral: all goes at once, however healthy the rest may be."""
        found = self._lender.position(account)
        if found is None:
            return None
        position = replace(found.position, health=0.0)
        opening = self.rule.open(position, self._world.now, self.house_before(account, found))
        for lot in opening.lots if opening is not None else ():
            lot.collateral, lot.debt = found.collateral, found.debt
        return opening

    def _absorb(self, account: int, opening: Opening, opener: Opener, generation: int) -> None:
        """Let the protocol's own account take over collateral and debt, and put the collateral up for sale."""
        pool, absorption, own = self._lender.pool, opening.absorption, self.own_account
        found = self._lender.position(account)
        assert absorption is not None
        assert own is not None
        assert found is not None
        parts = absorption.units_to_protocol, absorption.debt_from_reserves
        pool.hand_over(account, found.collateral, found.debt, own, *parts)
        if absorption.credit > 0.0:
            pool.credit(own, account, found.debt, absorption.credit)
        for lot in opening.lots:
            lot.account = own
            store = self._stores.get((found.collateral, found.debt))
            if store is None or store.lot.closed:
                self._stores[found.collateral, found.debt] = self._add(lot, opener, generation, 1.0, whole=True)
                continue
            store.lot.units += lot.units
            store.units += lot.units
            store.generation = max(store.generation, generation)
            self._note(store)

    def _add(self, lot: Lot, opener: Opener, generation: int, index: float, whole: bool) -> OpenLot:
        one = super()._add(lot, opener, generation, index, whole)
        self._note(one)
        return one

    def _count(self, one: OpenLot) -> None:
        super()._count(one)
        if not one.lot.closed:
            self._note(one)

    def _close(self, one: OpenLot) -> None:
        super()._close(one)
        self._running.remove(one.number)
        self._waiting.remove(one.number)

    def _note(self, one: OpenLot) -> None:
        lot = one.lot
        units = one.units, lot.units, lot.due
        self._running.write(
            one.number, (lot.top, lot.top_seconds, lot.collateral, lot.debt, lot.opened_seconds, *units)
        )
        self._oldest = min(self._oldest, lot.top_seconds)

    def _is_last(self, one: OpenLot) -> bool:
        if one.lot.account != self.own_account:
            return super()._is_last(one)
        return all(
            store is one or store.lot.closed
            for (collateral, _), store in self._stores.items()
            if collateral == one.lot.collateral
        )


class LotMark:
    """A lot that anyone may take from, on the terms of the moment at which it is looked at."""

    __slots__ = ("_lot", "_one", "_sales", "_terms", "account", "collateral", "debt")

    def __init__(self, sales: Sales, one: OpenLot) -> None:
        self._sales = sales
        self._one = one
        self._lot = lot = one.lot
        self._terms = sales.terms(lot)
        self.account = lot.account
        self.collateral = lot.collateral
        self.debt = lot.debt

    def offer(self) -> Offer | None:
        """The terms of the moment; None while nothing is for sale."""
        return self._sales.rule.offer_at(self._terms, self._lot)

    def fit(self, repay: float) -> float:
        """The largest payment up to `repay` that leaves enough, or nothing, to be raised."""
        return self._sales.rule.fit_at(self._terms, self._lot, repay)

    def take(self, repay: float) -> Taking:
        """What paying `repay` would bring, all of it the taker's."""
        taken = self._sales.take(self._terms, self._lot.copy(), repay)
        return Taking(taken.paid, taken.units, 0.0)

    def generation(self, cascade: "Cascade") -> int:
        """Which sales put the account below health 1 when it was opened."""
        return self._one.generation

    def settle(self, world: "World", taker: int, taking: Taking) -> Taking:
        """Pay, and hand the units over."""
        return self._sales.sell(self._one, self._terms, taker, taking.repaid)


@compiled(error_model="numpy")
def _priced_by(
    rows: FloatArray, now: float, believed: FloatArray
) -> tuple[FloatArray, FloatArray]:  # pragma: no cover - compiled
    """Return since when each price falls, and what the protocol believes a unit to be worth in units of the debt."""
    since, feed = np.empty(len(rows)), np.empty(len(rows))
    for k in range(len(rows)):
        since[k] = now - rows[k, _SINCE]
        feed[k] = believed[int(rows[k, _COLLATERAL])] / believed[int(rows[k, _DEBT])]
    return since, feed


@compiled()
def _below_bids(
    rows: FloatArray, since: FloatArray, prices: FloatArray, highest: FloatArray, believed: FloatArray, runs: float
) -> tuple[IntArray, FloatArray, IntArray]:  # pragma: no cover - compiled
    """Return the rows of `Sales.on_sale`, the figures of an `OnSale`, and the pairs."""
    good, count = np.empty(len(rows), np.int64), 0
    for k in range(len(rows)):
        highest_price = highest[int(rows[k, _COLLATERAL]), int(rows[k, _DEBT])]
        if prices[k] < highest_price * _SLACK and since[k] * _SLACK < runs:
            good[count] = k
            count += 1
    figures, pairs = np.empty((5, count)), np.empty((2, count), np.int64)
    for n, k in enumerate(good[:count]):
        row = rows[k]
        pairs[0, n], pairs[1, n] = int(row[_COLLATERAL]), int(row[_DEBT])
        figures[0, n], figures[1, n] = row[_OPENED], row[_UNITS] * believed[pairs[0, n]]
        figures[2, n], figures[3, n], figures[4, n] = prices[k], row[_LEFT], row[_DUE]
    return good[:count], figures, pairs


@compiled()
def _run_out(rows: FloatArray, now: float, runs: float) -> tuple[IntArray, float]:  # pragma: no cover - compiled
    """Return the rows of which the auction has run out, or is so close to it that the rule must say.

    And since when the oldest price of all runs.
    """
    over, count, oldest = np.empty(len(rows), np.int64), 0, NEVER
    for k in range(len(rows)):
        oldest = min(oldest, rows[k, _SINCE])
        if (now - rows[k, _SINCE]) * _SLACK >= runs:
            over[count] = k
            count += 1
    return over[:count], oldest
