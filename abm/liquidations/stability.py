"""Designs that settle at once against a stability pool and the other borrowers.

Models: the pool's money is that of outsiders, in one asset, on a ledger account of its own. What it burns repays debt
with cash that the lenders then have; what it gets for it, it keeps. Where it has nothing, debt and collateral go to the
other borrowers of the same pair, in proportion to their collateral. What stays the borrower's leaves for its wallet,
unless it owes something else.
Leaves out: who the pool's depositors are, when they come and go, and when they sell what they got. The pool holds the
first reserve that backs no debt, or the first where all do; other debts are redistributed. Scores of redistributions
over many borrowers cost a look at each of them every time.
"""

from math import fsum
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from abm.auctions.lots import Auctions
from models.compiled import compiled
from models.lending import Below
from models.liquidation import Absorption, House, LiquityV1, LiquityV2, Opening, share_out
from models.liquidation.opening import STABILITY_POOL_USD
from models.types import FloatArray, IntArray

if TYPE_CHECKING:
    from abm.pools.lender import Found, Lender
    from abm.world import World


class Absorbed(NamedTuple):
    """What an absorption was: units of debt and collateral that left an account, and who gained what in dollars."""

    repaid: float
    seized: float
    pool_gain_usd: float
    borrowers_gain_usd: float


class StabilityPool(Auctions):
    """The stability pool of one lender, and those who take over what it cannot; there are no lots."""

    def __init__(self, world: "World", lender: "Lender", design: LiquityV1 | LiquityV2) -> None:
        super().__init__(world, lender, design)
        self._rule = design
        self.account = world.ledger.open(f"pool {lender.name} stability pool")
        backs = lender.pool.thresholds > 0.0
        self.reserve = int(backs.argmin())
        given, worth_usd = design.stability_pool, lender.price_list[self.reserve]
        world.endow(
            self.account, lender.assets[self.reserve], STABILITY_POOL_USD / worth_usd if given is None else given
        )
        self._recovering_since = np.inf

    def house_before(self, account: int, found: "Found") -> House:
        """Return the pool's money, the sums over all accounts, and the collateral of the other borrowers."""
        house = self._house(found.debt)
        pool = self._lender.pool
        house.stakes_units = _staked(pool.collateral, pool.scaled_debt, found.collateral, found.debt, account)
        return house

    def most_generous_houses(self, debts: list[int]) -> list[House]:
        """Return the state that an account sees which owes what the pool holds."""
        return [self._house(self.reserve)]

    def openable(self) -> tuple[Below, FloatArray]:
        """Return who is below health 1; and in recovery mode all who are below the ratio of all, since it began."""
        if not (isinstance(self._rule, LiquityV1) and self._rule.recovering(self._house(self.reserve))):
            self._recovering_since = np.inf
            return super().openable()
        self._recovering_since = min(self._recovering_since, self._world.now)
        lender = self._lender
        owing = np.flatnonzero(lender.pool.scaled_debt.any(axis=1))
        valued = lender.pool.valuation(lender.prices, owing)
        house = self._house(self.reserve)
        reached = (valued.health < 1.0) | (
            valued.collateral_value * house.debt_usd < house.collateral_usd * valued.debt_value
        )
        accounts = owing[reached]
        since = np.minimum(lender.waiting_since[accounts], self._recovering_since)
        return Below(owing, valued.health, valued.debt_value, valued.collateral_value).only(reached), since

    def at_a_glance(self) -> bool | None:
        """Return whether there is anything to open; in recovery mode there may be though nobody is below health 1."""
        return super().at_a_glance() or None

    def absorb(self, account: int, opening: Opening) -> Absorbed:
        """Carry out an opening just asked for, its rewards included that come out of the position."""
        found, absorption = self._lender.position(account), opening.absorption
        assert found is not None
        assert absorption is not None
        gas = fsum(reward.units for reward in opening.rewards if reward.payer == "position")
        world, assets = self._world, self._lender.assets
        collateral_usd, debt_usd = world.reference[assets[found.collateral]], world.reference[assets[found.debt]]
        self._offset(account, found, absorption)
        self._redistribute(account, found, absorption)
        self._return(account, found, absorption.surplus_units)
        redistributed = absorption.units_redistributed
        return Absorbed(
            absorption.debt_offset + absorption.debt_redistributed,
            absorption.units_to_pool + redistributed + gas,
            absorption.units_to_pool * collateral_usd - absorption.debt_offset * debt_usd,
            redistributed * collateral_usd - absorption.debt_redistributed * debt_usd,
        )

    def _house(self, debt: int) -> House:
        house, pool, prices = self.house(debt), self._lender.pool, self._lender.price_list
        if debt == self.reserve:
            house.stability_pool = self._world.ledger.balance(self.account, self._lender.assets[debt])
        worth = pool.worth(prices)
        house.collateral_usd, house.debt_usd = worth.collateral, worth.debt
        return house

    def _offset(self, account: int, found: "Found", absorption: Absorption) -> None:
        lender, transfer = self._lender, self._world.ledger.transfer
        if absorption.debt_offset <= 0.0:
            return
        paid = transfer(self.account, lender.account, lender.assets[found.debt], absorption.debt_offset)
        lender.pool.repay(account, found.debt, paid)
        units = lender.pool.seize(
            account, found.collateral, self.left(account, found.collateral, absorption.units_to_pool)
        )
        transfer(lender.account, self.account, lender.assets[found.collateral], units)

    def _redistribute(self, account: int, found: "Found", absorption: Absorption) -> None:
        if absorption.debt_redistributed <= 0.0:
            return
        pool, pair = self._lender.pool, (found.collateral, found.debt)
        others, stakes = _stakes(pool.collateral, pool.scaled_debt, *pair, account)
        units = self.left(account, found.collateral, absorption.units_redistributed)
        parts = share_out(units, stakes), share_out(absorption.debt_redistributed, stakes)
        pool.hand_over(account, *pair, others, *parts)

    def _return(self, account: int, found: "Found", units: float) -> None:
        """Let the borrower have what is left of the collateral, unless it backs another debt."""
        lender = self._lender
        if units <= 0.0 or lender.pool.scaled_debt[account].any():
            return
        units = lender.pool.seize(account, found.collateral, self.left(account, found.collateral, units))
        asset = lender.assets[found.collateral]
        self._world.ledger.transfer(lender.account, lender.first_holder + account, asset, units)


@compiled()
def _staked(
    posted: FloatArray, scaled_debt: FloatArray, collateral: int, debt: int, left_out: int
) -> float:  # pragma: no cover - compiled
    """The sum of `_stakes`."""
    staked = 0.0
    for account in range(len(posted)):
        if scaled_debt[account, debt] > 0.0 and account != left_out:
            staked += posted[account, collateral]
    return staked


@compiled()
def _stakes(
    posted: FloatArray, scaled_debt: FloatArray, collateral: int, debt: int, left_out: int
) -> tuple[IntArray, FloatArray]:  # pragma: no cover - compiled
    """Return who else has borrowed against the collateral of a pair, and what each has of it; (n,)."""
    others, stakes, count = np.empty(len(posted), np.int64), np.empty(len(posted)), 0
    for account in range(len(posted)):
        if scaled_debt[account, debt] > 0.0 and account != left_out and posted[account, collateral] != 0.0:
            others[count], stakes[count] = account, posted[account, collateral]
            count += 1
    return others[:count], stakes[:count]
