"""Stakers of the protocol's own token are slashed, and what is taken is sold for what was lost.

**Source**: Aave's Safety Module (stkAAVE): at most 30 % slashed in a shortfall event, cooldown of 10 days and a window
of 2 in its first version; a vote and a sale before money arrives. The days of the vote are an assumption.

**Models**: a loss is promised against ``share_slashable * staked * price``, less the price that the sale itself costs.
Only when `delay_seconds` are over is the stake slashed, as much as must be sold *then*, at the price and depth of that
time, and within what the event may slash of the stake that is still there. So cover shrinks while it is needed: with
the price, with the depth and with the stakers who have left. Losses within `event_seconds` of the first are one event.

**Leaves out**: new issuance when the sale is not enough (`mint_auction`); auctions with reserve prices.

**Units**: `capital` in units of the token, seconds.

**Invariants**: an event never slashes more than its share of the stake. Nothing is slashed before it is sold.
"""

from math import inf
from typing import ClassVar, Final, Literal

from pydantic import Field

from models.losses.layer import ROUNDING
from models.losses.market import LossView, raise_by_sale
from models.losses.payer import Effect, Paid, What
from models.losses.stake import Stake, StakedPayer, StakeTerms

_DAY: Final = 86400.0


class StakedOwnTokenLayer(StakeTerms):
    """Slashing of stakers of the protocol's own token."""

    kind: Literal["staked_own_token"] = "staked_own_token"
    asset: str = Field(description="the token staked; the market must price it")
    capital: float = Field(ge=0, description="units staked at first")
    share_slashable: float = Field(0.3, ge=0, le=1, description="most of the stake that one event may take")
    cooldown_seconds: float = Field(10.0 * _DAY, ge=0)
    window_seconds: float = Field(2.0 * _DAY, ge=0)
    delay_seconds: float = Field(5.0 * _DAY, ge=0, description="vote and sale; an assumption")
    event_seconds: float = Field(10.0 * _DAY, ge=0, description="time from its first loss that an event lasts")

    def money(self, lost: str) -> tuple[str, float]:
        """The stake."""
        return self.asset, self.capital

    def start(self) -> "StakedOwnToken":
        """The layer before the first loss."""
        return StakedOwnToken(self)


class StakedOwnToken(StakedPayer):
    """The stake, and how much of it the event of now has slashed."""

    __slots__ = ("_event_ends_seconds", "_slashed")

    terms: StakedOwnTokenLayer

    gives: ClassVar[frozenset[What]] = frozenset({"sold"})
    keeps_the_lost: ClassVar[bool] = True

    def __init__(self, terms: StakedOwnTokenLayer) -> None:
        stake = Stake(terms.capital, terms.cooldown_seconds, terms.window_seconds)
        super().__init__(terms, stake, terms.delay_seconds)
        self._event_ends_seconds = -inf
        self._slashed = 0.0

    def capacity(self, now_seconds: float, market: LossView) -> float:
        """What selling all that may be slashed brings now, less what is promised."""
        if self.stake.paused:
            return 0.0
        worth = market.token(self.terms.asset).proceeds(self._slashable(now_seconds))
        spare = worth - self.pending_units
        return spare if spare > ROUNDING * worth else 0.0

    def _set_aside(self, units: float, now_seconds: float, market: LossView) -> tuple[Effect, ...]:
        if self._is_over(now_seconds):
            self._event_ends_seconds = now_seconds + self.terms.event_seconds
            self._slashed = 0.0
        return ()

    def _deliver(self, units: float, now_seconds: float, market: LossView) -> Paid:
        available = 0.0 if self.stake.paused else self._left()
        raised, sold = raise_by_sale(market.token(self.terms.asset), units, available)
        lost = self.stake.slash(sold, now_seconds)
        self._slashed += sold
        asset = self.terms.asset
        effects = (Effect("slashed", asset, sold, lost), Effect("sold", asset, sold))
        return Paid(units=raised, shortfall=units - raised, effects=effects)

    def _restore(self, units: float, market: LossView) -> float:
        # What comes back is in the debt's asset: the stakers of that time get it as it is.
        return units if self.stake.shares.any() else 0.0

    def _is_over(self, now_seconds: float) -> bool:
        return now_seconds >= self._event_ends_seconds and self.pending_units == 0.0

    def _slashable(self, now_seconds: float) -> float:
        return self.terms.share_slashable * self.stake.assets if self._is_over(now_seconds) else self._left()

    def _left(self) -> float:
        """What the event may still slash: its share of the stake as it would be unslashed, less what it has taken."""
        unslashed = self.stake.assets + self._slashed
        slashable = self.terms.share_slashable * unslashed - self._slashed
        # A rounding is no cover, here and in `capacity`: what is promised for it would keep the event from ending.
        return min(slashable, self.stake.assets) if slashable > ROUNDING * unslashed else 0.0
