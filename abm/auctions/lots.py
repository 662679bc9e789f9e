"""The lots of one lender whose design takes time: opened, started afresh, paid for, closed, with every unit booked.

Models: what is for sale stays posted and owed on the borrower's account, which is frozen until its last lot is closed:
nobody opens it again, nor does its owner mend it. What buyers pay repays the debt, with the interest since the opening;
the rest is the treasury's. What a sale leaves of the collateral is the borrower's, in its wallet unless it owes
something beside its lots. Debt with nothing left behind it is written off as everywhere.
Leaves out: a position that was opened in part is opened again only after its lot is closed. Rewards that the protocol
owes are paid at once, from the pool's cash where the treasury has nothing, and only as far as there is cash; penalties
that come in later give that back first.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from math import fsum
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from abm.auctions.waiting_lots import NOTHING_WAITS, Waiting
from models.ledger import OUTSIDE
from models.lending import Below
from models.lending.bad_debt import cover_with_cash
from models.liquidation import House, Lot, LotTaking, NothingToReset, Opening, Reward, Taking, TimedDesign
from models.types import FloatArray

if TYPE_CHECKING:
    from abm.intents import OpenLiquidation
    from abm.pools.lender import Found, Lender
    from abm.world import World

# Amounts that differ by no more than this part of either are the same: sums of parts round.
ROUNDING: Final = 1e-9


class Opener(NamedTuple):
    """Who opened a liquidation: its call, the name in the results, the ledger account, and the asset of its money."""

    intent: "OpenLiquidation"
    name: str
    account: int
    money: int


class Pair(NamedTuple):
    """An account and the reserves of its collateral and its debt."""

    account: int
    collateral: int
    debt: int


@dataclass(slots=True)
class OpenLot:
    """A lot with what is kept beside it.

    `index` is the debt's borrow index at the opening, and `generation` says which sales made the account liquidatable,
    the newest where a lot has grown. `whole` says whether the lots took all of the account's collateral of this kind.
    What came of it so far: `sold` and `returned` units, `raised` units of the debt, dollars at the reference prices,
    and the `step` of the last sale. `counted_usd` is its part of what all lots are still to raise.
    """

    number: int
    lot: Lot
    opener: Opener
    opened_step: int
    generation: int
    index: float
    whole: bool
    units: float
    due: float
    tab: float
    step: int = -1
    sold: float = 0.0
    raised: float = 0.0
    returned: float = 0.0
    sold_usd: float = 0.0
    raised_usd: float = 0.0
    resets: int = 0
    bids: int = 0
    counted_usd: float = 0.0


@dataclass(slots=True)
class _Case:
    """A frozen account: its lots still open, and its debt at the opening less what they have repaid of that.

    So much of what it owes is the auctions' affair, or was left out of them with its own part of the collateral.
    """

    open: int
    covered: float


class Auctions:
    """What one lender has for sale, by the number of the lot; `lots` are all there ever were.

    `frozen` says of every account of the pool whether it is for sale already, or is the protocol's own; `pairs` how
    many open lots there are of each collateral and debt.
    """

    def __init__(self, world: "World", lender: "Lender", design: TimedDesign) -> None:
        self._world = world
        self._lender = lender
        self.design = design
        self.lots: list[OpenLot] = []
        self._open: dict[int, OpenLot] = {}
        self._cases: dict[int, _Case] = {}
        self._outstanding_usd = 0.0
        self._advanced = [0.0] * len(lender.assets)
        self.frozen = np.zeros(lender.pool.accounts, dtype=np.bool_)
        self.pairs: dict[tuple[int, int], int] = {}

    def __iter__(self) -> Iterator[OpenLot]:
        return iter(self._open.values())

    def __len__(self) -> int:
        return len(self._open)

    def find(self, number: int) -> OpenLot | None:
        """Return an open lot by its number; None where it is closed."""
        return self._open.get(number)

    def feed(self, lot: Lot) -> float:
        """Return what the protocol believes a unit of the collateral to be worth in units of the debt."""
        prices = self._lender.price_list
        return prices[lot.collateral] / prices[lot.debt]

    def house(self, debt: int) -> House:
        """Return the state of the design as a whole that a call on a debt sees."""
        pool = self._lender.pool
        reserves = pool.treasury.item(debt) - pool.deficit.item(debt)
        return House(outstanding_usd=self._outstanding_usd, reserves=reserves)

    # What a call would find

    def openable(self) -> tuple[Below, FloatArray]:
        """Return the accounts that a call may open, as they are at the prices the protocol believes, and since when."""
        below = self._lender.liquidatable()
        frozen = self.frozen[below.accounts]
        if np.count_nonzero(frozen):
            below = below.only(~frozen)
        return below, self._lender.waiting_since[below.accounts]

    def at_a_glance(self) -> bool | None:
        """Return whether there is anything to open, to start or to take from; None where only a closer look tells.

        Asked in every block, be there anything or anybody or not: accounts below health 1 that are not for sale yet
        are `openable`; without any, and without lots, there is nothing.
        """
        accounts = self._lender.liquidatable().accounts
        if accounts.size and int(np.count_nonzero(self.frozen[accounts])) < accounts.size:
            return True
        return None if accounts.size or self._open else False

    def most_generous_houses(self, debts: list[int]) -> list[House]:
        """Return states of the design as a whole: in one of them no opening on these debts is paid less than now."""
        return [House(outstanding_usd=self._outstanding_usd)]

    def house_before(self, account: int, found: "Found") -> House:
        """Return the state of the design as a whole that the opening of an account sees."""
        return self.house(found.debt)

    def opening(self, account: int) -> Opening | None:
        """Return what opening an account would do now; None where it is frozen or the rule does not allow it."""
        found = self._lender.position(account)
        if found is None or self.frozen[account]:
            return None
        opening = self.design.open(found.position, self._world.now, self.house_before(account, found))
        for lot in opening.lots if opening is not None else ():
            lot.account, lot.collateral, lot.debt = account, found.collateral, found.debt
        return opening

    def waits(self, one: OpenLot) -> bool:
        """Return whether an auction has run out and waits to be started afresh; most rules know no such thing."""
        return False

    def waiting(self) -> Waiting:
        """Return the lots whose auctions wait to be started afresh."""
        return NOTHING_WAITS

    def restart(self, lot: Lot) -> Reward | None:
        """Start an auction afresh that waits for it, which changes the lot; returns what the caller is to be paid."""
        raise NothingToReset("nothing of this design is started afresh; leave it")

    def payable(self, reward: Reward, debt: int) -> float:
        """Return the units of the debt that a reward brings now."""
        return min(reward.debt, float(self._lender.pool.cash[debt])) if reward.payer == "reserves" else reward.debt

    def expected_bond_reward(self, lot: Lot, price: float) -> float:
        """Return the units of the debt that the caller's bond would earn or lose if a lot were taken at a price."""
        return 0.0

    @property
    def advanced(self) -> list[float]:
        """Return what the pool has paid out for the protocol and not got back, by reserve."""
        return self._advanced

    def locked(self) -> list[tuple[int, int, float]]:
        """Return what liquidators have locked: the ledger account whose it is, the asset and the units."""
        return []

    # Calls, carried out

    def open(self, account: int, opening: Opening, opener: Opener, generation: int) -> None:
        """Carry out an opening just asked for, all but its rewards."""
        found = self._lender.position(account)
        assert found is not None
        index = float(self._lender.pool.borrow_index[found.debt])
        units = fsum(lot.units for lot in opening.lots)
        whole = units >= found.position.collateral_units * (1.0 - ROUNDING)
        self.frozen[account] = True
        self._cases[account] = _Case(len(opening.lots), found.position.debt_units)
        for lot in opening.lots:
            self._count(self._add(lot, opener, generation, index, whole))

    def reset(self, one: OpenLot) -> Reward | None:
        """Start an auction afresh; returns what the caller is to be paid."""
        one.resets += 1
        return self.restart(one.lot)

    def pay(self, reward: Reward, pair: Pair, caller: int) -> tuple[float, float]:
        """Pay a reward to a ledger account; returns the units of the debt and those of the collateral."""
        lender, transfer = self._lender, self._world.ledger.transfer
        debt, collateral = lender.assets[pair.debt], lender.assets[pair.collateral]
        if reward.payer == "reserves":
            return self._pay_from_reserves(reward, pair.debt, caller), 0.0
        if reward.payer == "position":
            units = lender.pool.seize(
                pair.account, pair.collateral, self.left(pair.account, pair.collateral, reward.units)
            )
            return 0.0, transfer(lender.account, caller, collateral, units)
        return transfer(OUTSIDE, caller, debt, reward.debt), transfer(OUTSIDE, caller, collateral, reward.units)

    def left(self, account: int, collateral: int, units: float) -> float:
        """Return a part of a position that is divided whole, or what the parts before it have rounded it down to."""
        return min(units, float(self._lender.pool.collateral[account, collateral]))

    def _pay_from_reserves(self, reward: Reward, debt: int, caller: int) -> float:
        pool, units = self._lender.pool, self.payable(reward, debt)
        own = min(units, float(pool.treasury[debt]))
        pool.collect_treasury(debt, own)
        pool.advance(debt, units - own)
        self._advanced[debt] += units - own
        return self._world.ledger.transfer(self._lender.account, caller, self._lender.assets[debt], units)

    # Books

    def _hand_over(self, one: OpenLot, payer: int, buyer: int, taking: LotTaking) -> Taking:
        """Book a taking that the lot has just seen: money from one ledger account, collateral for another.

        Returns the debt repaid, the units that left, and the part of them that is worth what the protocol got beside.
        """
        world, lender, lot = self._world, self._lender, one.lot
        asset, debt = lender.assets[lot.collateral], lender.assets[lot.debt]
        income = self._share_with_caller(one, payer, taking)
        world.ledger.transfer(payer, lender.account, debt, taking.paid - max(taking.to_caller, 0.0))
        repaid = self._pay_in(one, income, taking.to_debt)
        units = self._sold_units(one, taking.units)
        lender.pool.seize(lot.account, lot.collateral, units)
        world.ledger.transfer(lender.account, buyer, asset, units)
        self._give_back(one, taking.returned_units)
        one.step = world.step
        one.sold += units
        one.raised += taking.paid
        one.sold_usd += units * world.reference[asset]
        one.raised_usd += taking.paid * world.reference[debt]
        self._count(one)
        if lot.closed:
            self._close(one)
        kept = (income - repaid) * world.reference[debt] / world.reference[asset]
        return Taking(repaid, units, min(kept, units))

    def _share_with_caller(self, one: OpenLot, payer: int, taking: LotTaking) -> float:
        """Give the caller its part of what a buyer pays, where the rule knows one; returns what is the pool's."""
        return taking.paid

    def _count(self, one: OpenLot) -> None:
        """Bring what all lots are still to raise up to date with one of them."""
        raising_usd = 0.0 if one.lot.closed else one.lot.tab * one.lot.debt_price_usd
        self._outstanding_usd = max(self._outstanding_usd + raising_usd - one.counted_usd, 0.0)
        one.counted_usd = raising_usd

    def _add(self, lot: Lot, opener: Opener, generation: int, index: float, whole: bool) -> OpenLot:
        number = len(self.lots)
        one = OpenLot(number, lot, opener, self._world.step, generation, index, whole, lot.units, lot.due, lot.tab)
        self.lots.append(one)
        self._open[number] = one
        pair = lot.collateral, lot.debt
        self.pairs[pair] = self.pairs.get(pair, 0) + 1
        return one

    def _pay_in(self, one: OpenLot, paid: float, to_debt: float) -> float:
        """Repay the account's debt with what a buyer paid, the interest since the opening included; the rest is income.

        On the protocol's own account all that is paid repays debt first. Returns the units of the debt repaid.
        """
        pool, lot = self._lender.pool, one.lot
        case = self._cases.get(lot.account)
        wanted = paid
        if case is not None:
            wanted = min(to_debt * pool.borrow_index.item(lot.debt) / one.index, paid)
            case.covered -= to_debt
        repaid = pool.repay(lot.account, lot.debt, wanted)
        income = paid - repaid
        given_back = min(income, self._advanced[lot.debt], pool.deficit.item(lot.debt))
        if given_back > 0.0:
            self._advanced[lot.debt] -= given_back
            cover_with_cash(pool, lot.debt, given_back)
        pool.fund_treasury(lot.debt, income - given_back)
        return repaid

    def _sold_units(self, one: OpenLot, units: float) -> float:
        """Return the units that leave the account for a buyer: to the last speck where the last lot is sold out."""
        lot = one.lot
        held = float(self._lender.pool.collateral[lot.account, lot.collateral])
        emptied = lot.closed and lot.units == 0.0 and one.whole and self._is_last(one)
        return held if emptied and abs(held - units) <= ROUNDING * one.units else min(units, held)

    def _is_last(self, one: OpenLot) -> bool:
        """Whether no other lot holds collateral of the account."""
        return self._cases[one.lot.account].open == 1

    def _give_back(self, one: OpenLot, units: float) -> None:
        """Let the borrower have what a sale left, as far as it need not stay for what else the account owes."""
        if units <= 0.0:
            return
        lender, lot = self._lender, one.lot
        one.returned += units
        if self._owes_beside(one):
            return
        units = min(units, float(lender.pool.collateral[lot.account, lot.collateral]))
        lender.pool.seize(lot.account, lot.collateral, units)
        holder = lender.first_holder + lot.account
        self._world.ledger.transfer(lender.account, holder, lender.assets[lot.collateral], units)

    def _owes_beside(self, one: OpenLot) -> bool:
        """Whether an account owes more than it did of this debt when it was opened, or another debt."""
        pool, lot = self._lender.pool, one.lot
        if pool.owes_beside(lot.account, lot.debt):
            return True
        covered = self._cases[lot.account].covered * pool.borrow_index.item(lot.debt) / one.index
        return pool.debt(lot.account, lot.debt) > covered + ROUNDING * one.tab

    def _close(self, one: OpenLot) -> None:
        del self._open[one.number]
        pair = one.lot.collateral, one.lot.debt
        self.pairs[pair] -= 1
        if not self.pairs[pair]:
            del self.pairs[pair]
        case = self._cases.get(one.lot.account)
        if case is not None:
            case.open -= 1
            if case.open == 0:
                del self._cases[one.lot.account]
                self.frozen[one.lot.account] = False
        if not self._open:
            self._outstanding_usd = 0.0
