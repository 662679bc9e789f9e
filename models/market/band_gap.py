"""How far a band's price is from a price close to it, in more digits than floats have.

**Source**: Curve, crvUSD contracts of 2023, AMM.vy (`_get_y0`, `get_p`); the formulas of `models.market.band_curve`.
**Models**: the marginal taker price of one band against a target, right to a float64's last digits however near it is.
**Leaves out**: trades, which floats do well once the distance is known.
**Units**: x is quote, y is base, p the oracle price, u the upper price of the band.
**Invariants**: none; a formula.
"""

from decimal import Decimal, localcontext
from typing import NamedTuple

from models.market.band_oracle import LEAST_KEPT

DIGITS = 40
"""Decimal digits: enough to keep a float64's after a difference in its last one."""


class Band(NamedTuple):
    """A band, by its number and what it holds, in a pool with a base price and an amplification."""

    base_price: float
    amplification: float
    number: int
    quote: float
    base: float


def gap(band: Band, oracle: float, fee: float, price: float, *, sells: bool) -> float:
    """bid/price - 1 for a sale, price/ask - 1 for a purchase, of the marginal taker price in a band.

    Args:
        band: holds something of what the taker gets.
        oracle: p.
        fee: fraction of what is given.
        price: the target.
        sells: whether the taker gives base.
    """
    with localcontext(prec=DIGITS):
        x, y, p, a = (Decimal(value) for value in (band.quote, band.base, oracle, band.amplification))
        ratio = Decimal(band.base_price) * ((a - 1) / a) ** band.number / p
        half = (ratio * (a - 1) * x + p / ratio * a * y) / 2
        scale = (half + (half * half + p * a * x * y).sqrt()) / (p * a)
        marginal = (a * scale * p / ratio + x) / ((a - 1) * scale * ratio + y)
        keep = max(1 - Decimal(fee), Decimal(LEAST_KEPT))
        return float(keep * marginal / Decimal(price) - 1 if sells else Decimal(price) * keep / marginal - 1)
