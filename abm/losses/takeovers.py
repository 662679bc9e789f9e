"""Layers that take collateral with a debt: a stability pool, other borrowers, suppliers in kind.

Models: in a pool with such a layer an account under water at the prices that the protocol believes is taken over, once
liquidators have had the block: each such layer in order takes as much of the debt as it can, and that part of the
collateral. For the collateral's worth debt is *exchanged*: the stability pool repays it with its money, borrowers owe
it from now on, suppliers give up claims for it at the layer's discount. Only what the collateral is not worth is a bad
debt, which goes down all layers like any other: whoever stands before pays first, and the terms of a layer (share,
limits, deductible) bind its part of that alone. Where layers can take but a part the rest of the account stays open.
Leaves out: thresholds above water at which protocols would act already, Liquity's 110 % and that of Silo's swap: such
a rule is a liquidation design. Accounts with several collaterals or debts, collateral in bands, and what an auction has
frozen: there a debt is bad once nothing is left to seize. Claims that are assets take no part in an exchange in kind;
collateral that falls to claims of other layers and insurers stays with their accounts in the pool.
Units: units of the debt's and the collateral's asset.
Invariants: exchanged + bad = taken of the debt; the collateral taken is the same part of all there is.
"""

from collections.abc import Sequence
from math import inf
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from models.lending.bad_debt import exchange
from models.losses import Payer
from models.losses.sharing import pro_rata

if TYPE_CHECKING:
    from abm.losses.pool_losses import ReserveLosses
    from abm.markets.forced_sales import ForcedSales
    from abm.pools.lender import Lender
    from abm.record.recorder import Recorder
    from abm.world import World

_SPECK = 1e-12
"""The part of a debt from which on a layer takes it over: less is what rounding left in the layer."""


class Exchange(NamedTuple):
    """Collateral of an account for a part of its debt, both by reserve."""

    account: int
    debt: int
    collateral: int
    given: float
    units: float


class Takeovers:
    """The layers of one pool that take collateral."""

    def __init__(
        self, world: "World", lender: "Lender", reserves: "Sequence[ReserveLosses]", sales: "ForcedSales"
    ) -> None:
        self._world = world
        self._lender = lender
        self._reserves = reserves
        self._sales = sales
        self.any = lender.loans is None and any(
            payer.takes_collateral for one in reserves for payer in one.waterfall.payers
        )

    def step(self, recorder: "Recorder") -> None:
        """Take over whoever is under water."""
        below = self._lender.liquidatable()
        if not below.accounts.size:
            return
        for account in below.accounts[below.debt_value > below.collateral_value].tolist():
            self._take_over(account, recorder)

    def _take_over(self, account: int, recorder: "Recorder") -> None:
        lender, pool = self._lender, self._lender.pool
        held, owed = np.flatnonzero(pool.collateral[account]), np.flatnonzero(pool.scaled_debt[account])
        frozen = lender.auctions is not None and bool(lender.auctions.frozen[account])
        if held.size != 1 or owed.size != 1 or frozen:
            return
        collateral, debt = int(held[0]), int(owed[0])
        losses, owing = self._reserves[debt], pool.debt(account, debt)
        price = lender.price_list[collateral] / lender.price_list[debt]
        units = float(pool.collateral[account, collateral])
        if owing <= units * price:
            return  # an earlier takeover in this block has made it whole
        losses.view.closing = account
        left, bad = owing, 0.0
        for number in losses.takers():
            taken = min(losses.can_take(number), left)
            if taken <= _SPECK * owing:
                continue
            payer = losses.waterfall.payers[number]
            posted = float(pool.collateral[account, collateral])
            handed = posted if taken == left else min(taken / owing * units, posted)
            given = payer.take_over(handed * price, handed, losses.view)
            part = Exchange(account, debt, collateral, given, handed)
            self._record(part, losses.waterfall.names[number], payer, recorder)
            self._carry_out(losses, number, payer, part)
            left, bad = left - taken, bad + taken - part.given
        if bad > 0.0:
            recorder.write_off(losses.fall(account, bad if left > 0.0 else inf))
        losses.view.closing = -1

    def _carry_out(self, losses: "ReserveLosses", number: int, payer: Payer, part: Exchange) -> None:
        lender, pool, transfer = self._lender, self._lender.pool, self._world.ledger.transfer
        asset = lender.assets[part.collateral]
        if payer.settles == "debt":
            stakes = losses.view.borrowers
            others = np.flatnonzero(stakes)
            shares = pro_rata(part.units, stakes[others]), pro_rata(part.given, stakes[others])
            pool.hand_over(part.account, part.collateral, part.debt, others, *shares)
            return
        units = pool.seize(part.account, part.collateral, part.units)
        if payer.settles == "cash":
            account = losses.books.means[number].account
            pool.repay(part.account, part.debt, transfer(account, lender.account, lender.assets[part.debt], part.given))
            transfer(lender.account, account, asset, units)
            return
        claims = losses.view.suppliers
        holders = np.flatnonzero(claims)
        given = pro_rata(part.given, claims[holders])
        exchange(pool, part.debt, part.account, holders, given)
        lender.exits.paid_in_kind(holders, part.debt, given)
        parts = pro_rata(units, claims[holders])
        self._world.ledger.transfer_many(lender.account, lender.first_holder + holders, asset, parts)

    def _record(self, part: Exchange, layer: str, payer: Payer, recorder: "Recorder") -> None:
        lender, reference = self._lender, self._world.reference
        debt, asset = lender.assets[part.debt], lender.assets[part.collateral]
        repaid_usd, seized_usd = part.given * reference[debt], part.units * reference[asset]
        generation = self._sales.generation(lender, part.account)
        recorder.liquidation(
            lender.name, part.account, layer, debt, part.given, asset, part.units, 0.0, 0.0, 0.0, 0.0, generation,
            repaid_usd, seized_usd,
        )  # fmt: skip
        gain = seized_usd - repaid_usd
        if payer.settles == "claims":
            recorder.in_kind(-gain)
        elif payer.settles == "cash":
            recorder.absorption(gain, 0.0)
        else:
            recorder.absorption(0.0, gain)
