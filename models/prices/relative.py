"""The price of an asset in units of another one.

**Source**: none; what a staked, wrapped or bridged asset is quoted in. Staked ether trades at so many ether.
**Models**: an asset that moves with another but for what its own ratio does: a discount of what is redeemed slowly, a
peg that slips. What moves the price of the other, lasting impact of sales included, moves this one.
**Leaves out**: a ratio that answers to the other's price, but by `correlations` between their draws.
**Units**: `ratio` is a price in units of the asset `to`.
**Invariants**: the price over that of `to` is the ratio's, but for the lasting impact of the asset's own sales.
"""

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from models.parameters import Parameters

if TYPE_CHECKING:
    from models.prices import PriceTerms


class RelativePrice(Parameters):
    """The price of the asset `to`, times a `ratio` that has a path of its own."""

    kind: Literal["relative"] = "relative"
    to: str = Field(min_length=1)
    ratio: "PriceTerms"

    @property
    def underlying(self) -> str:
        """The asset that the price is worked out from."""
        return self.to

    @property
    def diffuses(self) -> bool:
        """Whether its ratio does."""
        return self.ratio.diffuses
