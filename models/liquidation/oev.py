"""Auctions of the right to liquidate, around any design: who may call is sold first, and the protocol gets a share.

**Source**: Chainlink, Smart Value Recapture (docs.chain.link, SVR feeds; Aave's governance, thread 21247: 65 % of what
is bid to the protocol for six months, then 60 %); API3, OEV rewards (docs.api3.org: 80 %); Pyth Express Relay.

**Models**: what has come on offer is closed to everybody for `auction_seconds`. Then rivals bid, sealed, for the right
to make the one call; the highest bid wins and is paid if the call goes through, `share` of it to the protocol and the
rest to whoever holds the auction. An auction that nobody has won, or whose winner's call has failed, is held again in
the next block, until `fallback_seconds` after the beginning anybody may call as if there were no auctions: the feed
that everybody reads has caught up. With the probability `failures` an auction fails altogether, which takes until then.
What rivals bid is the equilibrium of `models.priority.sealed` among those who are there: `alike` is as there.

**Leaves out**: rights to a feed's update, which would be one for all accounts that it makes liquidatable: here each is
sold by itself. English auctions of collateral, which sell to the highest bidder already. Bonds of winners who do not
call, reserve prices, several auctioneers.

**Units**: seconds and fractions.

**Invariants**: what is bid is the protocol's and the auctioneer's together, nothing lost.
"""

from typing import ClassVar, Literal

from pydantic import Field, model_validator

from models.liquidation.offer import Bounds
from models.parameters import Parameters

Stage = Literal["closed", "auction", "open"]


class Oev(Parameters):
    """The right to liquidate is auctioned."""

    source: ClassVar[str] = "Chainlink SVR (docs.chain.link; governance.aave.com 21247), API3 (docs.api3.org)"
    leaves_out: ClassVar[str] = (
        "rights to an update of a feed rather than to one call, English auctions (they sell to the highest bidder "
        "already), bonds, reserve prices, several auctioneers"
    )
    bounds: ClassVar[Bounds] = {}

    share: float = Field(0.65, ge=0, le=1, description="the protocol's part of the winning bid")
    auction_seconds: float = Field(0.0, ge=0, description="delay before anybody may call")
    fallback_seconds: float = Field(60.0, ge=0, description="delay after which everybody may call")
    failures: float = Field(0.0, ge=0, le=1, description="probability that an auction fails altogether")
    alike: float = Field(1.0, gt=0, description="how alike rivals believe their values to be; 1: evenly spread from 0")

    @model_validator(mode="after")
    def _auction_first(self) -> "Oev":
        if self.fallback_seconds < self.auction_seconds:
            raise ValueError(
                f"fallback_seconds = {self.fallback_seconds:g} ends the auction before auction_seconds = "
                f"{self.auction_seconds:g} have passed; raise it or lower that"
            )
        return self

    def stage(self, waited_seconds: float, step_seconds: float, *, failed: bool) -> Stage:
        """Who may call on what has been on offer for so long: nobody, who buys the right to, or everybody.

        An auction that ends between two blocks, `step_seconds` apart, is won in the latter.
        """
        if waited_seconds < self.auction_seconds:
            return "closed"
        if failed:
            return "open" if waited_seconds >= self.fallback_seconds else "closed"
        first = waited_seconds - self.auction_seconds < step_seconds
        return "auction" if first or waited_seconds < self.fallback_seconds else "open"

    def split(self, paid: float) -> tuple[float, float]:
        """The protocol's and the auctioneer's part of what a winner pays."""
        to_protocol = self.share * paid
        return to_protocol, paid - to_protocol
