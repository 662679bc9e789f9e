"""Shares in a pool whose liquidity comes and goes in proportion to its reserves.

**Source**: Uniswap v2 (Adams, Zinsmeister, Robinson, *Uniswap v2 Core*, 2020, section 3.4); Curve's first pools, for
balanced amounts.
**Models**: adding a part of the reserves mints that part of the shares, burning shares takes that part out; the fees
that the pool has kept, by share.
**Leaves out**: the minimum that is locked for ever, the protocol's share of fees, deposits out of proportion.
**Units**: amounts in units of base and quote; a share has the unit of what the pool counts its liquidity in.
**Invariants**: coming and going changes no price and nobody else's amounts; the shares that a pool starts with are
nobody's and never leave it.
"""

from math import inf

from models.market.fill import DUST, InvalidAmount

RATIO = 1e-9
"""Relative distance from the pool's ratio that an addition may have; the side in excess is the pool's to keep."""


class Shares:
    """How many shares a pool has, and the fees it has kept for each of them.

    Attributes:
        background: the shares it started with, which are nobody's.
        total: all shares.
        base_fees, quote_fees: units of fees kept in the pool for one share that was there from the start.
    """

    __slots__ = ("background", "base_fees", "quote_fees", "total")

    def __init__(self, background: float) -> None:
        self.background = self.total = background
        self.base_fees = self.quote_fees = 0.0

    def mint(self, held: tuple[float, float], added: tuple[float, float]) -> float:
        """Count an addition of (base, quote) to what the pool holds; returns the shares minted for it.

        Raises:
            InvalidAmount: amounts that are not positive and finite, or off the pool's ratio by more than `RATIO`.
        """
        base, quote = added
        if not (0.0 < base < inf and 0.0 < quote < inf):
            raise InvalidAmount("liquidity", min(base, quote), "add a positive, finite amount of both sides")
        needed = base * held[1] / held[0]
        if abs(quote - needed) > RATIO * needed:
            raise InvalidAmount("quote", quote, f"add at the pool's ratio, {needed!r} for {base!r} base")
        minted = self.total * min(base / held[0], quote / held[1])
        self.total += minted
        return minted

    def burn(self, shares: float) -> float:
        """Count shares as gone; returns the part of the pool that they are.

        Raises:
            InvalidAmount: less than none, or more than somebody owns, beyond rounding.
        """
        owned = self.total - self.background
        if not 0.0 <= shares <= owned + DUST * self.total:
            raise InvalidAmount("shares", shares, f"give some of the {owned!r} that were added")
        part = shares / self.total
        self.total = max(self.total - shares, self.background)
        return part
