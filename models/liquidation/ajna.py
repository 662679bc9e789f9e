"""Ajna: whoever kicks a loan into its auction locks a bond on it, and the price falls by the clock, without a feed.

**Source**: ajna-finance/ajna-core, ``PoolHelper.sol``, ``KickerActions.sol``, ``TakerActions.sol``,
``SettlerActions.sol``.

**Models**: a kick fixes the neutral price, some way above the debt per unit of collateral, and locks a bond of
`bond_factor` of the debt. The price starts at 256 times the reference price, which is the neutral price or a higher
one of the pool's, passes the reference after six hours and goes on falling. A taking repays less debt than it pays,
by a penalty. Taken below the neutral price the kicker earns from that penalty, above it loses from the bond, the more
the further away. Debt is left above a tenth of the mean loan or not at all. After `settle_seconds`, or when the
collateral is gone, the auction may be settled: lenders take the collateral that is left, then the reserves pay, within
a cap until `reserves_cap_seconds`, and what is still owed is forgiven.

**Leaves out**: the pool's prices follow from where lenders put their money, by bucket. A pool without buckets cannot
say them, so the lowest utilised price is read from the threshold that the world has: a loan can be kicked below health
1, and `lowest_utilised_price` is where that is. All lenders are at that price, as it was at the kick: there they take
what is left, and forgiveness cuts all of them alike instead of the highest bucket first. No bucket takes, no kicks by
lenders. The rate counts as of the kick, not of the loan's last change; debt in auction bears no interest. The minimum
debt holds for few loans as for many. Rounding.

**Units**: as `models.liquidation.opening`; minutes since the kick in `auction_price`.

**Invariants**: the price never rises; the kicker never loses more than the bond; the penalty always covers the reward.
"""

import math
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Literal

import numpy as np
from pydantic import Field

from models.liquidation.ceiling import SLACK, Accounts, OpeningCeiling
from models.liquidation.offer import Bounds, Position
from models.liquidation.opening import House, Kick, Lot, Opening, openable
from models.liquidation.sale import Floats, SaleDesign, SaleTerms
from models.refusals import Refusal
from models.types import FloatArray

_HOUR_SECONDS: Final = 3600.0
# Minutes after the kick: the price halves every 20 up to the first, every 120 up to the second, every 60 from then on.
_FIRST_MINUTES: Final = 120.0
_SECOND_MINUTES: Final = 840.0
# PoolHelper's weekly borrow fee: a week's interest, but never less than this.
_WEEKS_PER_YEAR: Final = 52.0
_LEAST_BORROW_FEE: Final = 0.0005
# Of a neutral price as close as this to the debt the rounding of floats may decide what a bond earns.
_LEAST_SPAN: Final = 1e-6
# A loan may not be left smaller than this part of the mean one.
_LEAST_DEBT_SHARE: Final = 0.1


class NotSettleable(Refusal):
    """The auction still has collateral and time."""


@dataclass(frozen=True, slots=True)
class Settlement:
    """How an auction ends that takers did not end.

    Lenders get `units_to_lenders` for `debt_to_lenders` of what they are owed; the reserves pay `debt_from_reserves`;
    `debt_forgiven` is the lenders' loss; `returned_units` are the borrower's again.
    """

    units_to_lenders: float
    debt_to_lenders: float
    debt_from_reserves: float
    debt_forgiven: float
    returned_units: float


class Ajna(SaleDesign):
    """The auctions of Ajna, for a pool without buckets."""

    source: ClassVar[str] = "ajna-finance/ajna-core, PoolHelper.sol, TakerActions.sol and SettlerActions.sol"
    leaves_out: ClassVar[str] = (
        "buckets: the lowest utilised price is where the threshold puts it, all lenders are there and bear losses "
        "alike; bucket takes, kicks by lenders, interest in auction, rounding"
    )
    settles: ClassVar[bool] = True
    bounds: ClassVar[Bounds] = {"collateralization_factor": (1.0, 1.2), "max_bond_factor": (0.005, 0.1)}

    design: Literal["ajna"] = "ajna"
    collateralization_factor: float = Field(1.04, ge=1, description="collateral value that a loan needs, by its debt")
    min_bond_factor: float = Field(0.005, ge=0, le=0.5, description="least bond, as a part of the debt")
    max_bond_factor: float = Field(0.03, ge=0, le=0.5, description="largest bond, as a part of the debt")
    settle_seconds: float = Field(72.0 * _HOUR_SECONDS, gt=0, description="time after which collateral is settled")
    reserves_cap_seconds: float = Field(144.0 * _HOUR_SECONDS, ge=0, description="time until which reserves pay little")

    def open(self, position: Position, now_seconds: float, house: House) -> Opening | None:
        """Kick the whole position, for a bond."""
        if not openable(position):
            return None
        debt, collateral = position.debt_units, position.collateral_units
        ratio = neutral_ratio(house.borrow_rate_per_year)
        neutral = self.collateralization_factor * debt / collateral * ratio
        bond_factor = self._bond_factor(house.borrow_rate_per_year)
        fee = max(house.borrow_rate_per_year / _WEEKS_PER_YEAR, _LEAST_BORROW_FEE)
        kick = Kick(
            reference_price=max(neutral, house.least_reference_price),
            neutral_price=neutral,
            debt_per_unit=debt / collateral,
            bond_factor=bond_factor,
            lenders_price=self.lowest_utilised_price(position),
            reserves_cap=debt * fee / 2.0,
        )
        bond = bond_factor * debt
        # At the start the price is far above the neutral one, where the penalty is at its highest.
        tab = debt / (1.0 - take_penalty(bond_factor, -bond_factor))
        lot = Lot(
            collateral,
            debt,
            tab,
            now_seconds,
            position.debt_price,
            top=kick.reference_price,
            top_seconds=now_seconds,
            bond=bond,
            kick=kick,
        )
        return Opening([lot], bond=bond)

    def opening_ceiling(self, accounts: Accounts, house: House) -> OpeningCeiling:
        """What the bond earns of all that is raised, or surely loses; in the instant of the kick nobody buys.

        It earns the less, and loses the more, the higher the price: the lowest one that may be now is the ceiling.
        """
        bond_factor = self._bond_factor(house.borrow_rate_per_year)
        raised = accounts.debt_usd / (1.0 - take_penalty(bond_factor, -bond_factor))
        if not accounts.single:
            return OpeningCeiling(bond_factor * raised, raised, 0.0)
        bond_usd = bond_factor * accounts.debt_usd
        least_usd = accounts.collateral_usd * (accounts.least_moved / SLACK)
        # As in `bond_payment_factor`, all of it by the debt per unit of collateral.
        neutral = self.collateralization_factor * neutral_ratio(house.borrow_rate_per_year)
        gained = neutral - least_usd / accounts.debt_usd
        span = neutral - 1.0
        part = np.clip(gained / span, -1.0, 1.0) if span > _LEAST_SPAN else np.ones_like(gained)
        lost = np.maximum(part * bond_factor * np.minimum(raised, least_usd), -bond_usd) / SLACK
        return OpeningCeiling(np.where(part > 0.0, part * bond_factor * raised, lost), raised, 0.0, bond_usd)

    def _bond_factor(self, rate_per_year: float) -> float:
        return min(max((neutral_ratio(rate_per_year) - 1.0) / 10.0, self.min_bond_factor), self.max_bond_factor)

    def paid_ceiling(self, units: FloatArray, due: FloatArray, price: FloatArray, house: House) -> FloatArray:
        """All of the units, or what leaves debt that is no dust where they cannot raise all that is due."""
        emptying = units * price
        spared = np.maximum(due - _LEAST_DEBT_SHARE * house.mean_debt, 0.0)
        # What is due is raised with a penalty on it, which is at its highest far above the neutral price.
        raised = spared / (1.0 - take_penalty(self.max_bond_factor, -self.max_bond_factor))
        return np.where(emptying * SLACK < due, np.minimum(emptying, raised + (SLACK - 1.0) * due), emptying)

    def lowest_utilised_price(self, position: Position) -> float:
        """The price of collateral, in units of debt, below which a loan as healthy as this may be kicked."""
        return self.collateralization_factor * position.health * position.debt_units / position.collateral_units

    def terms(self, lot: Lot, now_seconds: float, feed_price: float, house: House) -> SaleTerms | None:
        """The price of the clock, its penalty and the kicker's part; None in the instant of the kick."""
        if lot.kick is None or not now_seconds > lot.opened_seconds:
            return None
        price = float(auction_price(lot.top, (now_seconds - lot.top_seconds) / 60.0))
        reward = bond_payment_factor(lot.kick, price)
        kept = 1.0 - take_penalty(lot.kick.bond_factor, reward)
        least_debt = _LEAST_DEBT_SHARE * house.mean_debt
        return SaleTerms(price, lot.due / kept, least_debt / kept, debt_share=kept, bond_share=reward)

    def unit_price(self, top: Floats, since_seconds: Floats, feed_price: Floats) -> Floats:
        """The price of the clock, which starts at 256 times `top`."""
        return auction_price(top, since_seconds / 60.0)

    def settleable(self, lot: Lot, now_seconds: float) -> bool:
        """Whether the auction may be settled: its collateral is gone or its time is over."""
        return not lot.closed and (lot.units == 0.0 or now_seconds - lot.opened_seconds > self.settle_seconds)

    def settle(self, lot: Lot, now_seconds: float, house: House) -> Settlement:
        """End an auction for good, which closes the lot. Raises `NotSettleable`."""
        if lot.kick is None or not self.settleable(lot, now_seconds):
            raise NotSettleable(f"the auction has {lot.units:.6g} units and time left at {now_seconds:g} s; take it")
        swapped = min(lot.due, lot.units * lot.kick.lenders_price)
        units = lot.due / lot.kick.lenders_price if swapped == lot.due else lot.units
        owed = lot.due - swapped
        capped = now_seconds - lot.opened_seconds <= self.reserves_cap_seconds
        reserves = min(owed, max(house.reserves, 0.0), lot.kick.reserves_cap if capped else owed)
        settlement = Settlement(units, swapped, reserves, owed - reserves, lot.units - units)
        lot.units, lot.due, lot.tab, lot.closed = 0.0, owed - reserves, 0.0, True
        return settlement


def neutral_ratio(rate_per_year: float) -> float:
    """How far the neutral price is above what the loan needs, by the rate it pays."""
    return 1.0 + math.sqrt(rate_per_year) / 2.0


def auction_price(reference_price: Floats, minutes: Floats) -> Floats:
    """The price so many minutes after the kick, of one auction or of many, (n,) each."""
    choose: Any = _choose if isinstance(minutes, float) else np.where
    slow = choose(minutes < _SECOND_MINUTES, 2.0 - (minutes - _FIRST_MINUTES) / 120.0, 10.0 - minutes / 60.0)
    halvings = choose(minutes < _FIRST_MINUTES, 8.0 - minutes / 20.0, slow)
    return reference_price * np.power(2.0, halvings)  # type: ignore[no-any-return]


def _choose(condition: bool, one: float, other: float) -> float:
    """`np.where` of single figures, which takes it ten times as long."""
    return one if condition else other


def bond_payment_factor(kick: Kick, price: float) -> float:
    """Part of what is paid that the kicker earns, or loses where negative, by how far the price is below neutral."""
    span = kick.neutral_price - kick.debt_per_unit
    gained = kick.neutral_price - price
    part = gained / span if span > 0.0 else math.copysign(1.0, gained) if gained != 0.0 else 0.0
    return kick.bond_factor * min(max(part, -1.0), 1.0)


def take_penalty(bond_factor: float, payment_factor: float) -> float:
    """Part of what is paid that repays no debt."""
    return (5.0 * bond_factor - payment_factor) / 4.0
