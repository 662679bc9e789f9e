"""Sales whose caller locks a bond: earned or lost by takings, given back at the end, and lots that are settled.

Models: the bond is the caller's money on a ledger account of its own. A lot whose time is over, or whose collateral is
gone, is settled: lenders take what is left of the collateral, in proportion to their claims, for a part of what they
are owed, and where they have not lent all of that the protocol, for the treasury's part; the treasury pays what the
rule lets it; the rest is bad debt.
Leaves out: who calls for the settlement, and its gas. Beside the treasury's part, which is the rule's, the layers of
the scenario pay: it should not name the reserve again.
"""

from collections import defaultdict
from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from abm.auctions.lots import Opener, OpenLot
from abm.auctions.sales import Sales
from models.compiled import compiled
from models.lending.bad_debt import cover_from_treasury, exchange
from models.liquidation import Ajna, House, Lot, LotTaking, Opening, bond_payment_factor
from models.liquidation.opening import Kick
from models.losses.sharing import pro_rata
from models.types import BoolArray, FloatArray, IntArray

if TYPE_CHECKING:
    from abm.pools.lender import Found, Lender
    from abm.world import World


class InKind(NamedTuple):
    """Units of debt that somebody gave up, and of the collateral for it."""

    debt: float
    units: float


@dataclass(frozen=True, slots=True)
class Settled:
    """How a lot ended: what suppliers took in kind, and the protocol; units of debt that the treasury gave up."""

    one: OpenLot
    suppliers: InKind
    protocol: InKind
    debt_from_reserves: float


class BondedSales(Sales):
    """The lots of a design whose caller locks a bond."""

    def __init__(self, world: "World", lender: "Lender", design: Ajna) -> None:
        super().__init__(world, lender, design, own_account=None)
        self._bonded = design
        self.escrow = world.ledger.open(f"pool {lender.name} bonds")
        self._bonds: defaultdict[tuple[int, int], float] = defaultdict(float)  # by caller and asset
        self._emptied: dict[int, OpenLot] = {}
        self._earned: list[tuple[OpenLot, float]] = []
        self._freed: list[OpenLot] = []
        # Interest changes none of these: scaled debts by reserve and the loans they are of; the highest by pair.
        self._loans: dict[int, tuple[float, int]] = {}
        self._highest: dict[tuple[int, int], float] = {}
        lender.pool.on_change(self._changed, self._changed)

    def house_before(self, account: int, found: "Found") -> House:
        """Return what a kick sees: the rate of the debt, and the least that the reference price may be."""
        house = super().house(found.debt)
        house.borrow_rate_per_year = self._lender.pool.borrow_rate(found.debt)
        threshold = self._bonded.collateralization_factor * self._highest_debt_per_unit(found)
        pair = found.collateral, found.debt
        kicked = (one.lot.top for one in reversed(self._open.values()) if (one.lot.collateral, one.lot.debt) == pair)
        house.least_reference_price = max(threshold, next(kicked, 0.0))
        return house

    def most_generous_houses(self, debts: list[int]) -> list[House]:
        """Return the rates that borrowers pay, one for each debt: the bond follows it."""
        return [House(borrow_rate_per_year=self._lender.pool.borrow_rate(debt)) for debt in debts]

    def house(self, debt: int) -> House:
        """Return the state of the design as a whole; the mean debt is of the loans of an asset."""
        house = super().house(debt)
        if debt not in self._loans:
            owed = self._lender.pool.scaled_debt[:, debt]
            self._loans[debt] = float(owed.sum()), int(np.count_nonzero(owed))
        owed_in_all, loans = self._loans[debt]
        house.mean_debt = owed_in_all / loans * float(self._lender.pool.borrow_index[debt]) if loans else 0.0
        return house

    def expected_bond_reward(self, lot: Lot, price: float) -> float:
        """Return the units of the debt that the bond earns, or loses, if all is taken at a price."""
        kick = _kick_of(lot)
        reward = bond_payment_factor(kick, price)
        return max(reward * min(lot.tab, lot.units * price), -lot.bond)

    def locked(self) -> list[tuple[int, int, float]]:
        """Return the bonds by caller."""
        return [(caller, asset, units) for (caller, asset), units in self._bonds.items()]

    def open(self, account: int, opening: Opening, opener: Opener, generation: int) -> None:
        """Carry out an opening just asked for; the caller holds the bond."""
        super().open(account, opening, opener, generation)
        self._changed()
        for lot in opening.lots:
            asset = self._lender.assets[lot.debt]
            self._world.ledger.transfer(opener.account, self.escrow, asset, lot.bond)
            self._bonds[opener.account, asset] += lot.bond

    def settle(self) -> list[Settled]:
        """Settle every lot that may be: those that are emptied, and the oldest."""
        now = self._world.now
        over = {one.number: one for one in takewhile(lambda one: self._bonded.settleable(one.lot, now), self)}
        emptied, self._emptied = self._emptied, {}
        return [self._settle(one) for one in (over | emptied).values() if not one.lot.closed]

    def earned(self) -> list[tuple[OpenLot, float]]:
        """Return what bonds have earned by each taking since the last time, or lost, in units of the debt."""
        earned, self._earned = self._earned, []
        return earned

    def free(self) -> list[OpenLot]:
        """Give back the bonds of the lots that were closed since the last time; return these lots."""
        freed, self._freed = self._freed, []
        for one in freed:
            debt = self._lender.assets[one.lot.debt]
            self._world.ledger.transfer(self.escrow, one.opener.account, debt, one.lot.bond)
            self._bonds[one.opener.account, debt] -= one.lot.bond
        return freed

    def _highest_debt_per_unit(self, found: "Found") -> float:
        """Return the most that any loan of a pair, not in auction, owes by unit of its collateral."""
        pool, pair = self._lender.pool, (found.collateral, found.debt)
        if pair not in self._highest:
            self._highest[pair] = _most_owed(pool.collateral, pool.scaled_debt, *pair, self.frozen)
        return float(self._highest[pair] * pool.borrow_index[found.debt])

    def _changed(self, *_: int | IntArray) -> None:
        """Forget what was summed up of all loans: the position of one has changed, or is no longer in auction."""
        self._loans.clear()
        self._highest.clear()

    def _share_with_caller(self, one: OpenLot, payer: int, taking: LotTaking) -> float:
        transfer, debt = self._world.ledger.transfer, self._lender.assets[one.lot.debt]
        self._bonds[one.opener.account, debt] += taking.to_caller
        self._earned.append((one, taking.to_caller))
        if one.lot.units == 0.0:
            self._emptied[one.number] = one
        if taking.to_caller >= 0.0:
            transfer(payer, self.escrow, debt, taking.to_caller)
        else:
            transfer(self.escrow, self._lender.account, debt, -taking.to_caller)
        return taking.paid - taking.to_caller

    def _settle(self, one: OpenLot) -> Settled:
        lender, lot = self._lender, one.lot
        pool = lender.pool
        # What the clock of the rule leaves out, the interest since the kick, is owed all the same.
        grown = float(pool.borrow_index[lot.debt]) / one.index
        house = self.house(lot.debt)
        house.reserves /= grown
        settlement = self._bonded.settle(lot, self._world.now, house)
        in_kind = self._hand_over_in_kind(lot, settlement.debt_to_lenders * grown, settlement.units_to_lenders)
        reserves = min(settlement.debt_from_reserves * grown, float(pool.treasury[lot.debt]))
        paid = pool.write_off(lot.account, lot.debt, reserves)
        cover_from_treasury(pool, lot.debt, paid)
        self._give_back(one, settlement.returned_units)
        self._count(one)
        self._close(one)
        return Settled(one, *in_kind, paid)

    def _hand_over_in_kind(self, lot: Lot, owed: float, units: float) -> tuple[InKind, InKind]:
        """Let who lent a part of a debt take collateral for it: suppliers first, for the rest the protocol."""
        lender, pool, transfer = self._lender, self._lender.pool, self._world.ledger.transfer_many
        asset = lender.assets[lot.collateral]
        units = pool.seize(lot.account, lot.collateral, min(units, float(pool.collateral[lot.account, lot.collateral])))
        claims = pool.shares[:, lot.debt] * pool.supply_index[lot.debt]
        holders = np.flatnonzero(claims)
        lent = min(owed, float(claims.sum()))
        own = min(owed - lent, float(pool.treasury[lot.debt]))
        taken = units * (lent / owed) if owed > 0.0 else 0.0
        if holders.size:
            given = pro_rata(lent, claims[holders])
            lent = exchange(pool, lot.debt, lot.account, holders, given)
            lender.exits.paid_in_kind(holders, lot.debt, given)
            transfer(lender.account, lender.first_holder + holders, asset, pro_rata(taken, claims[holders]))
        own = pool.write_off(lot.account, lot.debt, own)
        cover_from_treasury(pool, lot.debt, own)
        left = self._world.ledger.transfer(lender.account, lender.fees, asset, units - taken)
        return InKind(lent, taken), InKind(own, left)

    def _close(self, one: OpenLot) -> None:
        super()._close(one)
        self._changed()
        self._freed.append(one)


@compiled()
def _most_owed(
    held: FloatArray, owed: FloatArray, collateral: int, debt: int, frozen: BoolArray
) -> float:  # pragma: no cover - compiled
    """Return the most that any account owes of a debt for a unit of collateral, of those that are not frozen."""
    most = 0.0
    for k in range(frozen.size):
        if held[k, collateral] > 0.0 and owed[k, debt] > 0.0 and not frozen[k]:
            most = max(most, owed[k, debt] / held[k, collateral])
    return most


def _kick_of(lot: Lot) -> Kick:
    assert lot.kick is not None
    return lot.kick
