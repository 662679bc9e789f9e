"""An account of last resort, around any design: it takes what nobody has taken, at its own risk.

**Source**: the liquidator vault of Hyperliquid (docs, Liquidations: what the market has not closed in time goes to the
backstop); the Backstop Syndicate of March 2020, a standing bid in Maker's auctions.

**Models**: what has been on offer for `delay_seconds` the account takes on the design's own terms, as far as its
capital reaches and as long as that costs no more than `at_most` of what the protocol believes the collateral to be
worth. What takes time it opens, and starts afresh; in an English auction without a bid it bids `at_most` of that worth,
up to the tab. It does not ask whether that pays: what it gets it sells at once, a slice now and then, or never, as far
as a unit brings no less than the market price less `max_discount`. It buys no right to call: where that is auctioned
(`models.liquidation.oev`), it waits until everybody may.

**Leaves out**: gas and a place in the block: it acts after the others, when the block is built. New capital; fees for
standing ready; who stands behind it and bears its losses.

**Units**: dollars, seconds, fractions.

**Invariants**: with an endless delay nothing is ever taken.
"""

from typing import ClassVar, Literal

from pydantic import Field

from models.liquidation.offer import Bounds
from models.parameters import Parameters


class Backstop(Parameters):
    """An account of last resort."""

    source: ClassVar[str] = "Hyperliquid, liquidator vault (docs); the Backstop Syndicate of March 2020"
    leaves_out: ClassVar[str] = "gas and a place in the block, new capital, fees for standing ready, who bears losses"
    bounds: ClassVar[Bounds] = {}

    capital_usd: float = Field(ge=0, description="what it has at the start")
    delay_seconds: float = Field(600.0, ge=0, allow_inf_nan=True, description="how long others come first; may be inf")
    at_most: float = Field(1.0, gt=0, description="the most it pays, as a part of the worth that the oracle reports")
    selling: Literal["at_once", "over_time", "never"] = Field("over_time", description="what becomes of the collateral")
    sell_over_seconds: float = Field(86_400.0, gt=0, description="in which a holding shrinks to about a third")
    sell_every_seconds: float = Field(600.0, gt=0, description="time between two slices")
    max_discount: float = Field(0.1, ge=0, le=1, description="how far below the market price it still sells")

    def due(self, waited_seconds: float) -> bool:
        """Whether what has been on offer for so long is the account's to take."""
        return waited_seconds >= self.delay_seconds

    def pays(self, price: float, believed_price: float) -> bool:
        """Whether it pays a price for collateral that is believed to be worth so much."""
        return price <= self.at_most * believed_price

    def bid(self, units: float, believed_price: float, tab: float) -> float:
        """What it bids for a lot that nobody has bid on, in units of the debt like prices and the tab."""
        return min(self.at_most * units * believed_price, tab)

    def slice(self, held: float, now_seconds: float, step_seconds: float) -> float:
        """The units of a holding that it sells in the block that begins now."""
        if self.selling == "never":
            return 0.0
        if self.selling == "at_once":
            return held
        every = max(self.sell_every_seconds, step_seconds)
        return held * min(1.0, every / self.sell_over_seconds) if now_seconds % every < step_seconds else 0.0
