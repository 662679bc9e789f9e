"""How a rate per year grows a debt over seconds.

**Source**: Aave v3, MathUtils.calculateCompoundedInterest: 1 + x + x²/2 + x³/6 with x = rate · seconds / year.
**Models**: the growth of a borrow index between two accruals.
**Leaves out**: rounding to 27 decimals. Earlier versions of the contract expand (1 + x / seconds)^seconds to the third
power instead, which differs by about x² / (2 seconds).
**Units**: rates per year, a year of 365 days; seconds.
**Invariants**: growth is at least 1 and at most e^x, from which it is less than x⁴ / 24 · e^x away.
"""

SECONDS_PER_YEAR = 31_536_000


def compound(rate_per_year: float, seconds: float) -> float:
    """What one unit of debt has become after `seconds` at a rate that is not negative."""
    x = rate_per_year * seconds / SECONDS_PER_YEAR
    return 1.0 + x * (1.0 + x / 2.0 * (1.0 + x / 3.0))
