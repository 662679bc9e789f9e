"""Differences of prices that are near one another, in more digits than a float64's product has.

**Source**: Dekker, "A floating-point technique for extending the available precision", 1971.
**Models**: a product as a sum of exact parts, to be added up with others by `math.fsum`, which rounds once.
**Leaves out**: overflow: the factors are below 1e300.
**Units**: none.
**Invariants**: the parts' exact sum is the exact product.
"""

NEAR = 1e-2
"""Relative distance of a target price below which its difference to the present one is worth exact products."""

_VELTKAMP = 134217729.0
"""2^27 + 1: splits a float64 into two halves whose products are exact (Dekker 1971)."""


def products(a: float, b: float) -> tuple[float, float, float, float]:
    """Four exact float64 whose sum is exactly a·b."""
    scaled = _VELTKAMP * a
    a_high = scaled - (scaled - a)
    a_low = a - a_high
    scaled = _VELTKAMP * b
    b_high = scaled - (scaled - b)
    b_low = b - b_high
    return a_high * b_high, a_high * b_low, a_low * b_high, a_low * b_low
