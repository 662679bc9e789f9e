"""Maker's Dutch auction: the price starts above the market and falls in steps until somebody takes.

**Source**: makerdao/dss, ``dog.sol``, ``clip.sol`` and ``StairstepExponentialDecrease`` in ``abaci.sol``; parameters of
ETH-A in April 2021.

**Models**: below health 1 a call opens the auction of a position for its debt and `penalty`, as far as `hole_usd`
leaves room beside the auctions that run. A part is opened only where the part and the rest of the debt are each worth
`dust_usd`; a smaller rest is opened too, even past the hole. The price starts at `buffer` times the feed and is
multiplied by `cut` every `step_seconds`. After `tail_seconds`, or below `cusp` of its start, nobody may take until a
call resets it to the feed of that moment. The caller gets `tip_usd` and `chip` of the tab from the protocol's
surplus; again for a reset, where the tab and the collateral are each worth the dust with its penalty. A taking leaves
nothing of the tab or at least the dust with its penalty.

**Leaves out**: one hole instead of one per collateral and one for all; a vault has one collateral, so where an account
has more, each pair is opened for itself. The circuit breakers, the surplus and debt auctions, rounding.

**Units**: as `models.liquidation.opening`; what is in usd is measured at the debt's price at the opening.

**Invariants**: between resets the price never rises. With `cut` 1, no penalty and ``buffer = 1 / (1 + bonus)`` the
auction is a fixed spread on the whole debt.
"""

import math
from typing import ClassVar, Final, Literal

import numpy as np
from pydantic import Field

from models.liquidation.ceiling import SLACK, Accounts, OpeningCeiling
from models.liquidation.offer import Bounds, Position
from models.liquidation.opening import House, Lot, Opening, Reward, openable, price_of
from models.liquidation.sale import Floats, NotForSale, NothingToReset, SaleDesign, SaleTerms
from models.types import BoolArray, FloatArray

# A whole number of steps must not lose one to the rounding of floats.
_ROUNDING_STEPS: Final = 1e-9


class MakerClip(SaleDesign):
    """The auctions of Maker's Liquidations 2.0."""

    source: ClassVar[str] = "makerdao/dss, dog.sol, clip.sol and abaci.sol; ETH-A in April 2021"
    leaves_out: ClassVar[str] = (
        "a hole for each collateral beside the one for all, vaults of several collaterals (each pair is opened for "
        "itself), circuit breakers, surplus and debt auctions, rounding"
    )
    bounds: ClassVar[Bounds] = {
        "buffer": (1.0, 1.5),
        "cut": (0.9, 0.999),
        "step_seconds": (15.0, 900.0),
        "tail_seconds": (1800.0, 21_600.0),
        "cusp": (0.1, 0.8),
    }

    design: Literal["maker_clip"] = "maker_clip"
    buffer: float = Field(1.30, gt=0, description="price at the start, as a multiple of the feed")
    cut: float = Field(0.99, gt=0, le=1, description="what every step multiplies the price by")
    step_seconds: float = Field(90.0, gt=0, description="time between two steps of the price")
    tail_seconds: float = Field(8400.0, gt=0, description="time after which the auction must be reset")
    cusp: float = Field(0.40, ge=0, lt=1, description="part of the start below which the auction must be reset")
    tip_usd: float = Field(300.0, ge=0, description="paid to the caller for opening or resetting")
    chip: float = Field(0.001, ge=0, lt=1, description="part of the tab paid to the caller beside the tip")
    penalty: float = Field(0.13, ge=0, description="raised above the debt, as a part of it")
    hole_usd: float = Field(22_000_000.0, gt=0, description="the most that open auctions may be to raise together")
    dust_usd: float = Field(5000.0, ge=0, description="least debt that opening and taking may leave behind")

    def open(self, position: Position, now_seconds: float, house: House) -> Opening | None:
        """Auction the debt that the hole leaves room for, with its part of the collateral."""
        opened = self._opened(position, house) if openable(position) else 0.0
        if not opened > 0.0:
            return None
        lot = Lot(
            units=position.collateral_units * (opened / position.debt_units),
            due=opened,
            tab=opened * (1.0 + self.penalty),
            opened_seconds=now_seconds,
            debt_price_usd=position.debt_price,
            top=price_of(position) * self.buffer,
            top_seconds=now_seconds,
        )
        return Opening([lot], (self._reward(lot),))

    def opening_ceiling(self, accounts: Accounts, house: House) -> OpeningCeiling:
        """All of the debt with its penalty, at the price of the start, where the hole has room for any of it."""
        opens = self._may_open(accounts, house)
        raised = np.where(opens, accounts.debt_usd * (1.0 + self.penalty), 0.0)
        reward = np.where(opens, self.tip_usd + self.chip * raised, 0.0)
        return OpeningCeiling(reward, raised, 1.0 / self.buffer, from_reserves=True)

    def _may_open(self, accounts: Accounts, house: House) -> BoolArray:
        """Which accounts `_opened` may say something of; who owes several debts may owe little of each."""
        room_usd = (self.hole_usd - house.outstanding_usd) / (1.0 + self.penalty)
        if not (room_usd > 0.0 and accounts.single):
            return np.full(accounts.debt_usd.shape, room_usd > 0.0)
        opened = np.minimum(accounts.debt_usd, room_usd)
        whole = accounts.debt_usd <= (opened + self.dust_usd) * SLACK
        may: BoolArray = whole | (opened * SLACK >= self.dust_usd)
        return may

    def restart_ceiling(self, raising_usd: FloatArray, worth_usd: FloatArray) -> OpeningCeiling:
        """All that is still to be raised; the caller is paid where neither side is dust."""
        paid = np.minimum(raising_usd, worth_usd) * SLACK >= self.dust_usd * (1.0 + self.penalty)
        reward = np.where(paid, self.tip_usd + self.chip * raising_usd, 0.0)
        return OpeningCeiling(reward, raising_usd, 1.0 / self.buffer, from_reserves=True)

    def unit_price(self, top: Floats, since_seconds: Floats, feed_price: Floats) -> Floats:
        """The start, cut once for every step."""
        steps = since_seconds / self.step_seconds + _ROUNDING_STEPS
        price: Floats = top * self.cut ** (math.floor(steps) if isinstance(steps, float) else np.floor(steps))
        return price

    @property
    def runs_seconds(self) -> float:
        """Until the tail, or the first step below the cusp."""
        if self.cusp == 0.0 or self.cut == 1.0:
            return self.tail_seconds
        return min(self.tail_seconds, math.ceil(math.log(self.cusp) / math.log(self.cut)) * self.step_seconds)

    def price(self, lot: Lot, now_seconds: float) -> float:
        """What a unit of a lot costs now, whether or not it may be taken."""
        return float(self.unit_price(lot.top, now_seconds - lot.top_seconds, math.nan))

    def terms(self, lot: Lot, now_seconds: float, feed_price: float, house: House) -> SaleTerms | None:
        """The price of the clock; None while the auction waits for a reset."""
        price = self.price(lot, now_seconds)
        if self._has_run_out(lot, price, now_seconds):
            return None
        return SaleTerms(price, lot.tab, leave=self._least_tab(lot))

    def needs_reset(self, lot: Lot, now_seconds: float, feed_price: float) -> bool:
        """Whether the time is over or the price has fallen too far."""
        return not lot.closed and self._has_run_out(lot, self.price(lot, now_seconds), now_seconds)

    def reset(self, lot: Lot, now_seconds: float, feed_price: float) -> Reward | None:
        """Start again from the feed of now; the caller is paid where there is enough left to auction."""
        if not self.needs_reset(lot, now_seconds, feed_price):
            raise NothingToReset(f"the auction still runs {now_seconds - lot.top_seconds:g} s after its start; take it")
        if not feed_price > 0.0:
            raise NotForSale(f"a feed of {feed_price:g} gives no price to start from; wait for the feed")
        lot.top, lot.top_seconds = feed_price * self.buffer, now_seconds
        paid = min(lot.tab, lot.units * feed_price) >= self._least_tab(lot)
        return self._reward(lot) if paid else None

    def _has_run_out(self, lot: Lot, price: float, now_seconds: float) -> bool:
        return now_seconds - lot.top_seconds > self.tail_seconds or price < self.cusp * lot.top

    def _opened(self, position: Position, house: House) -> float:
        """Units of the debt that one call opens; 0 where it may not."""
        room_usd = self.hole_usd - house.outstanding_usd
        if not room_usd > 0.0:
            return 0.0
        dust = self.dust_usd / position.debt_price
        opened = min(position.debt_units, room_usd / position.debt_price / (1.0 + self.penalty))
        if position.debt_units - opened < dust:
            return position.debt_units
        return opened if opened >= dust else 0.0

    def _least_tab(self, lot: Lot) -> float:
        return self.dust_usd * (1.0 + self.penalty) / lot.debt_price_usd

    def _reward(self, lot: Lot) -> Reward:
        return Reward("reserves", debt=self.tip_usd / lot.debt_price_usd + self.chip * lot.tab)
