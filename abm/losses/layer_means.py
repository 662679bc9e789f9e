"""The means of a pool's loss layers, and how what they pay, sell and get back is booked.

Models: a layer with money of its own has a ledger account, and one that holds claims on the pool an account in the pool
as well. Money sold for the asset that was lost goes through the market like any forced sale, lasting impact included;
the reserve gets what was raised. Before a layer is asked, its own figures are brought in line with what its account
holds, so that interest, haircuts and unsold tokens count.
Leaves out: rewards of stakers, which come from outside; what a sale raised beyond what was needed stays in the account.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from abm.losses.loss_market import LenderInLoss
from abm.markets.forced_sales import ForcedSales
from models.ledger import OUTSIDE
from models.lending.bad_debt import assume, cover_from_treasury, cover_with_cash, cut, haircut, restore, surrender
from models.losses import Effect, Part, Payer, Returned, TimedWaterfall
from models.types import FloatArray, IntArray

if TYPE_CHECKING:
    from abm.pools.lender import Lender
    from abm.world import World

# What loss layers sell is not the work of any one liquidation: it counts with those of the first generation.
_GENERATION: Final = 0


class MeanslessLayerError(RuntimeError):
    """A layer pays with what it does not have: a fault of its terms, never of a scenario."""


@dataclass(frozen=True, slots=True)
class Means:
    """Where a layer's money is: a ledger account, the asset that it holds there, and an account in the pool for claims.

    -1 where it has none.
    """

    account: int = -1
    asset: int = -1
    claims: int = -1


class LayerMeans:
    """The means of all layers of one waterfall, by number."""

    def __init__(
        self,
        world: "World",
        lender: "Lender",
        reserve: int,
        waterfall: TimedWaterfall,
        view: LenderInLoss,
        means: Sequence[Means],
        sales: ForcedSales,
    ) -> None:
        self._world = world
        self._lender = lender
        self._reserve = reserve
        self._asset = lender.assets[reserve]
        self._waterfall = waterfall
        self._view = view
        self._sales = sales
        self.means = list(means)
        self.any_means = any(one.account >= 0 or one.claims >= 0 for one in means)
        self._deleveraged = np.zeros(lender.pool.accounts)

    # Before a layer is asked

    def refresh(self) -> None:
        """Bring what layers know of their means in line with what their accounts hold, and pauses with the time."""
        for payer, means in zip(self._waterfall.payers, self.means, strict=True):
            if means.asset >= 0:
                payer.see(self._world.ledger.balance(means.account, means.asset), self._world.now)
            elif means.claims >= 0 and means.account < 0:
                payer.see(self._lender.pool.claims(means.claims, self._reserve), self._world.now)

    def capital_usd(self) -> float:
        """Return what the accounts of the layers hold now, in dollars."""
        world, usd = self._world, 0.0
        for means in self.means:
            if means.asset >= 0:
                usd += world.ledger.balance(means.account, means.asset) * world.reference[means.asset]
            elif means.claims >= 0 and means.account < 0:
                usd += self._lender.pool.claims(means.claims, self._reserve) * world.reference[self._asset]
        return usd

    # After a layer has paid

    def book(self, part: Part) -> None:
        """Book what a layer has just taken or paid."""
        paid, payer, means = part.paid, self._waterfall.payers[part.number], self.means[part.number]
        if paid.units > 0.0:
            if means.account < 0 and means.claims < 0:
                self._book_without_means(payer, paid.units, paid.effects)
            else:
                self._book_from_means(payer, means, paid.units, paid.effects)
        self.refresh()

    def cut(self, account: int, units: float) -> None:
        """Cut one account's claim by so much of the hole: a charge on who leaves."""
        cut(self._lender.pool, self._reserve, account, units)

    def _book_from_means(self, payer: Payer, means: Means, units: float, effects: Sequence[Effect]) -> None:
        lender, reserve, index = self._lender, self._reserve, self._world.index
        by_claims = 0.0
        sold: dict[int, float] = {}
        for effect in effects:
            if effect.what == "minted":
                self._world.ledger.mint(means.account, index[str(effect.asset)], effect.units)
            elif effect.what not in payer.gives:
                continue
            if effect.what == "burned" and means.claims >= 0:
                given = surrender(lender.pool, reserve, means.claims, effect.units)
                by_claims = min(given, units)
                cover_from_treasury(lender.pool, reserve, by_claims)
            elif effect.asset is not None:
                sold[index[effect.asset]] = sold.get(index[effect.asset], 0.0) + effect.units
        for asset, amount in sold.items():
            self._sell(means.account, asset, amount)
        if means.account >= 0:  # who has claims alone has given them; what is left then is rounding
            self._pay_in(means.account, units - by_claims)

    def _pay_in(self, account: int, units: float) -> None:
        """Let cash fill the hole."""
        if units <= 0.0:
            return
        units = min(units, float(self._lender.pool.deficit[self._reserve]))
        moved = self._world.ledger.transfer(account, self._lender.account, self._asset, units)
        cover_with_cash(self._lender.pool, self._reserve, moved)

    def _sell(self, account: int, asset: int, units: float) -> None:
        """Sell tokens for the asset that was lost; what they bring arrives in the account.

        Where no market sells them, the rest of the market pays what the layer was told that it would.
        """
        if asset == self._asset or units <= 0.0:
            return
        world, reference = self._world, self._world.reference
        sale = self._sales.quote(asset, units, self._asset)
        if sale.trip is None:
            sale.asset, sale.proceeds = self._asset, self._view.outside.market(asset, self._asset).proceeds(units)
            self._view.outside.note(asset, units)
        self._sales.settle(account, asset, sale, _GENERATION)
        if sale.asset != self._asset:
            world.ledger.transfer(account, OUTSIDE, sale.asset, sale.proceeds)
            received = sale.proceeds * reference[sale.asset] / reference[self._asset]
            world.ledger.transfer(OUTSIDE, account, self._asset, received)

    def _book_without_means(self, payer: Payer, units: float, effects: Sequence[Effect]) -> None:
        pool, reserve = self._lender.pool, self._reserve
        by_holder = effects[0].by_holder if effects else None
        match payer.settles:
            case "treasury":
                cover_from_treasury(pool, reserve, units)
            case "debt":
                assume(pool, reserve, *_concerned(by_holder))
            case "profit":
                self._deleverage(*_concerned(by_holder))
            case "claims" if payer.alike:
                self._note_haircut(units)
                haircut(pool, reserve, units)
            case "claims":
                self._note_haircut(units)
                cut(pool, reserve, *_concerned(by_holder))
            case settles:
                raise MeanslessLayerError(
                    f"{type(payer).__name__} settles {settles!r} and has no account to do it from: its terms state no "
                    "`money` and no `claims`"
                )

    def _note_haircut(self, units: float) -> None:
        """Let depositors see that claims are cut."""
        lender, reserve = self._lender, self._reserve
        claims = float(lender.pool.total_claims[reserve])
        lender.haircuts[reserve] = 1.0 - (1.0 - lender.haircuts[reserve]) * (1.0 - units / claims)

    def _deleverage(self, accounts: IntArray, units: FloatArray) -> None:
        """Take what winners pay out of their collateral: it is cash of the pool from now on."""
        for account, taken in zip(accounts.tolist(), units.tolist(), strict=True):
            self._lender.pool.seize(account, self._reserve, taken)
            self._deleveraged[account] += taken
        self._lender.deleveraged_usd[accounts] += units * self._world.exogenous[0][self._asset]
        cover_with_cash(self._lender.pool, self._reserve, float(units.sum()))

    # Recoveries

    def fill(self, units: float) -> None:
        """Let money recovered fill the hole."""
        units = min(units, float(self._lender.pool.deficit[self._reserve]))
        self._bring(self._lender.account, units)
        cover_with_cash(self._lender.pool, self._reserve, units)

    def give_back(self, returned: Sequence[Returned]) -> None:
        """Let who had paid have what was recovered."""
        for one in returned:
            self.fill(one.recovered.released)
            if one.recovered.restored > 0.0:
                self._repay(self._waterfall.payers[one.number], self.means[one.number], one.recovered.restored)
        self.refresh()

    def _repay(self, payer: Payer, means: Means, units: float) -> None:
        lender, world, reserve = self._lender, self._world, self._reserve
        if means.claims >= 0 and means.account < 0:
            self._bring(lender.account, units)
            lender.pool.supply(means.claims, reserve, units)
        elif means.account >= 0 and means.asset not in (self._asset, -1) and not payer.keeps_the_lost:
            bought = units * world.reference[self._asset] / world.reference[means.asset]
            world.ledger.transfer(OUTSIDE, means.account, means.asset, bought)
        elif means.account >= 0:
            self._bring(means.account, units)
        elif payer.settles == "treasury":
            self._bring(lender.account, units)
            lender.pool.fund_treasury(reserve, units)
        elif payer.settles == "profit":
            self._release(units)
        elif lender.pool.total_claims[reserve] > 0.0:  # else nobody is left to be paid
            self._bring(lender.account, units)
            restore(lender.pool, reserve, units)

    def _release(self, units: float) -> None:
        """Pay back to those who were deleveraged, each their part of what has not come back yet."""
        parts = self._deleveraged * (units / self._deleveraged.sum())
        self._deleveraged = np.maximum(self._deleveraged - parts, 0.0)
        self._lender.deleveraged_usd -= parts * self._world.exogenous[0][self._asset]
        for account in np.flatnonzero(parts).tolist():
            self._bring(self._lender.first_holder + account, float(parts[account]))

    def _bring(self, account: int, units: float) -> None:
        if units > 0.0:
            self._world.ledger.transfer(OUTSIDE, account, self._asset, units)


def _concerned(by_holder: FloatArray | None) -> tuple[IntArray, FloatArray]:
    """The accounts that bear a part, and their parts."""
    assert by_holder is not None
    accounts = np.flatnonzero(by_holder)
    return accounts, by_holder[accounts]
