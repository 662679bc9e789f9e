"""A looped position: what is borrowed buys more of the collateral, which is borrowed against again.

**Source**: the geometric series. Sales into a constant product: Adams et al., "Uniswap v2 Core" (2020).
**Models**: a dollar of own capital, lent out and borrowed against at the loan-to-value l, k times over: the collateral
is 1 + l + … + l^k, at most 1 / (1 - l), and the debt one less. The unwinding of both legs at once (a flash loan repays,
the collateral is sold to pay it back) or round by round (withdraw what is free, sell it, repay).
**Leaves out**: interest on either leg, gas, the fee of the flash loan, a price that moves between rounds.
**Units**: per dollar of own capital, at a price of 1 when the loop is built; loan-to-values and haircuts are fractions.
A haircut is what a sale costs of the value sold: 1 - 1 / (1 + bonus) for a liquidation with that bonus.
**Invariants**: collateral - debt = 1 when built. Unwound, debt = repaid + bad debt, and there is bad debt only where
nothing of the collateral is left.
"""

from math import ceil, inf, log1p
from typing import NamedTuple

from models.refusals import Refusal


class InvalidLoop(Refusal):
    """No loop can be built or unwound on these terms."""


class Unwinding(NamedTuple):
    """What becomes of one dollar of own capital: units sold, dollars repaid, worth of what is left, debt that stays."""

    sold: float
    repaid_usd: float
    equity_usd: float
    bad_debt_usd: float


def leverage(ltv: float, loops: int | None = None) -> float:
    """Collateral per dollar of own capital after so many loops, in the limit if None. Raises `InvalidLoop`."""
    if not 0.0 <= ltv < 1.0 or (loops is not None and loops < 0):
        raise InvalidLoop(
            f"{loops} loops at a loan-to-value of {ltv}; give 0 or more, and a fraction from 0 to below 1"
        )
    power = 0.0 if loops is None else ltv ** (loops + 1)
    return (1.0 - power) / (1.0 - ltv)


def fall_to_liquidation(ltv: float, threshold: float) -> float:
    """The part of the price that may be lost until the loan-to-value reaches the threshold; 0 when it is there.

    Raises `InvalidLoop`.
    """
    _check_loan(ltv, threshold)
    return max(1.0 - ltv / threshold, 0.0)


def fall_to_bad_debt(ltv: float, haircut: float) -> float:
    """The part of the price that may be lost until a sale of all the collateral does not pay the debt.

    With the haircut of a liquidation bonus it is 1 - ltv (1 + bonus). Raises `InvalidLoop`.
    """
    _check_sale(1.0, haircut)
    return max(1.0 - ltv / (1.0 - haircut), 0.0) if haircut < 1.0 else 0.0


def unwind(ltv: float, price: float, haircut: float, loops: int | None = None) -> Unwinding:
    """Sell as much collateral as repays the debt, all at once, at `price` less the haircut. Raises `InvalidLoop`."""
    _check_sale(price, haircut)
    collateral = leverage(ltv, loops)
    debt, paid_each = collateral - 1.0, price * (1.0 - haircut)
    if collateral * paid_each <= debt:
        return Unwinding(collateral, collateral * paid_each, 0.0, debt - collateral * paid_each)
    sold = debt / paid_each
    return Unwinding(sold, debt, (collateral - sold) * price, 0.0)


def rounds_to_unwind(ltv: float, threshold: float, haircut: float) -> float:
    """How many rounds of withdrawing what is free, selling it and repaying it takes; infinite if it never ends.

    What is free per dollar of collateral, at first 1 - ltv / threshold, is (1 - haircut) / threshold times as much each
    round. It ends if something is free and all the collateral would sell for more than the debt. Raises `InvalidLoop`.
    """
    _check_loan(ltv, threshold)
    _check_sale(1.0, haircut)
    first = (1.0 - haircut) * (1.0 - ltv / threshold)
    growth = (1.0 - haircut) / threshold - 1.0
    if ltv == 0.0:
        return 0.0
    # The first n rounds repay first (1 + … + (1 + growth)^(n - 1)), all of them first / -growth if the series falls.
    if first <= 0.0 or growth * ltv / first <= -1.0:
        return inf
    needed = ltv / first if growth == 0.0 else log1p(growth * ltv / first) / log1p(growth)
    return float(ceil(needed - 1e-12 * needed))


def joint_haircut(collateral: float, debt_usd: float, base: float, quote_usd: float) -> float:
    """The haircut on average when all loopers of an asset leave at once through one constant product.

    They sell until the debt is repaid or nothing is left: debt_usd / quote_usd when that is enough, whatever the number
    of loopers. Later sellers bear more of it than earlier ones.

    Args:
        collateral: units that they hold together.
        debt_usd: dollars that they owe together.
        base: units of the collateral in the pool, above 0.
        quote_usd: dollars in the pool, above 0; the price before is quote_usd / base.

    Raises:
        InvalidLoop: the pool is empty.
    """
    if not (base > 0.0 and quote_usd > 0.0):
        raise InvalidLoop(f"a pool of {base} units and {quote_usd} dollars buys nothing; give both above 0")
    all_of_it = collateral / (base + collateral)
    return min(debt_usd / quote_usd, all_of_it)


def _check_loan(ltv: float, threshold: float) -> None:
    """Raise `InvalidLoop` unless a loan can be held on these terms."""
    if not (0.0 <= ltv < 1.0 and 0.0 < threshold <= 1.0):
        raise InvalidLoop(
            f"a loan-to-value of {ltv} under a threshold of {threshold}; give a fraction below 1 and one above 0, to 1"
        )


def _check_sale(price: float, haircut: float) -> None:
    """Raise `InvalidLoop` unless something can be sold on these terms."""
    if not (0.0 <= price < inf and 0.0 <= haircut <= 1.0):
        raise InvalidLoop(f"a sale at {price} with a haircut of {haircut}; give a price of 0 or more, a fraction to 1")
