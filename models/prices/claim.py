"""The price of a claim on a lending pool: a deposit that has been made into a token.

**Source**: the exchange rate of ERC-4626 vault shares and of Compound v2 cTokens: underlying per share, from the pool's
own books.
**Models**: one share of a reserve's deposits, worth its supply index in the underlying. `marks = "index"` believes the
books, in which a loss that is deferred does not show; `marks = "backing"` takes off the part of the claims that the
deficit leaves without anything behind it.
**Leaves out**: what cannot be withdrawn, and what is feared: a claim that cannot be redeemed now has the same price.
**Units**: underlying per share; 1 at the start of a path.
**Invariants**: above 0: a claim that is worth nothing is kept at `WORTHLESS`, for prices divide.
"""

from typing import ClassVar, Final, Literal

from pydantic import Field

from models.parameters import Parameters

WORTHLESS: Final = 1e-9


class ClaimPrice(Parameters):
    """The price of a claim on the `reserve` of a `pool`: that of the reserve's asset, times what a share is worth."""

    diffuses: ClassVar[bool] = False

    kind: Literal["claim"] = "claim"
    pool: str = Field(min_length=1)
    reserve: str = Field(min_length=1)
    marks: Literal["index", "backing"] = "index"

    @property
    def underlying(self) -> str:
        """The asset that the price is worked out from."""
        return self.reserve

    def worth(self, index: float, claims: float, deficit: float) -> float:
        """Underlying per share, of a reserve with this supply index, claims and deficit in units."""
        backed = max(1.0 - deficit / claims, 0.0) if self.marks == "backing" and claims > 0.0 else 1.0
        return max(index * backed, WORTHLESS)
