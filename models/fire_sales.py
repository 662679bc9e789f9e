"""Losses through common collateral: forced sales lower the price of what others hold too.

**Source**: liquidity-weighted overlap and its first eigenvector: Cont and Schaanning, "Fire sales, indirect contagion
and systemic stress testing" (2017). Losses of one round: Greenwood, Landier and Thesmar, "Vulnerable banks", Journal of
Financial Economics 115 (2015). Prices at which the sales they force clear: Cifuentes, Ferrucci and Shin, "Liquidity
risk and contagion", Journal of the European Economic Association 3 (2005).
**Models**: investors with collateral and a debt. One whose loan-to-value is above the limit sells the same part of all
it holds, and repays with it until it is back at the target. Sales lower prices, prices raise the loan-to-value. With
H_iμ what i holds of μ, D_μ the depth and Γ_j the part that j sells, i loses Σ_j Ω_ij Γ_j in the first round, where
Ω_ij = Σ_μ H_iμ H_jμ / D_μ.
**Leaves out**: the order in which sales happen (all are paid the price after them), a choice of what to sell first,
recovery of prices, and losses beyond the collateral, which are `bad_debt_usd` and somebody else's.
**Units**: dollars at the prices before the shock; a price is a multiple of the one before the shock.
**Invariants**: prices never rise from round to round, so that they settle, at the highest prices that clear. In a
market without end, or without anybody above the limit, there is no loss beyond the shock.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, Self

import numpy as np
from numpy.typing import ArrayLike
from pydantic import Field, model_validator

from models.parameters import Parameters
from models.refusals import Refusal
from models.types import FloatArray

Impact = Literal["linear", "exponential", "constant_product"]

# x is what is sold over the depth. A constant product of which the depth is the reserve of the asset sold leaves the
# marginal price (reserve / (reserve + sold))².
_IMPACTS: Final[dict[Impact, Callable[[FloatArray], FloatArray]]] = {
    "linear": lambda x: np.maximum(1.0 - x, 0.0),
    "exponential": lambda x: np.exp(-x),
    "constant_product": lambda x: (1.0 + x) ** -2.0,
}

_MOST_ROUNDS: Final = 20_000


class InvalidHoldings(Refusal):
    """The holdings, debts, depths or the shock have different shapes, or a number cannot be."""


class Unsettled(Refusal):
    """Prices still fall after so many rounds that nobody would wait for more."""


class Deleveraging(Parameters):
    """Above a loan-to-value of `limit` one sells until it is `target` again."""

    limit: float = Field(gt=0, le=1)
    target: float = Field(ge=0, lt=1)

    @model_validator(mode="after")
    def _target_within_limit(self) -> Self:
        if self.target > self.limit:
            raise ValueError(f"target is {self.target}, above the limit of {self.limit}; give at most the limit")
        return self

    def part_sold(self, value_usd: FloatArray, debt_usd: FloatArray) -> FloatArray:
        """Which part of its collateral each sells, if it is paid these values; all that cannot reach the target."""
        forced = debt_usd > self.limit * value_usd
        missing = np.maximum(debt_usd - self.target * value_usd, 0.0)
        full = (1.0 - self.target) * value_usd
        part = np.divide(missing, full, out=np.ones_like(full), where=missing < full)
        return np.where(forced, part, 0.0)


@dataclass(frozen=True, slots=True, eq=False)
class FireSale:
    """What forced sales have done: `price` (assets,), the others (investors,); `rounds` made until then.

    `loss_usd` is the fall in value of the collateral of each, `indirect_usd` the part of it that the sales made and not
    the shock, `bad_debt_usd` what a debt exceeds the collateral by.
    """

    price: FloatArray
    part_sold: FloatArray
    loss_usd: FloatArray
    indirect_usd: FloatArray
    bad_debt_usd: FloatArray
    rounds: int


def overlap(holdings_usd: ArrayLike, depth_usd: ArrayLike) -> FloatArray:
    """Liquidity-weighted overlap Ω of every two investors, dollars, shape (investors, investors).

    `holdings_usd` (investors, assets), `depth_usd` (assets,): the dollars sold that would take the whole price if the
    first one's impact lasted; infinite is allowed. Raises `InvalidHoldings`.
    """
    held, depth = np.asarray(holdings_usd, np.float64), np.asarray(depth_usd, np.float64)
    _check(held, depth)
    shared: FloatArray = (held / depth) @ held.T
    return shared


def contagion_index(shared: FloatArray) -> FloatArray:
    """How central each investor is: the first eigenvector of the overlap, its entries sum to 1; shape (investors,).

    Zero where nobody holds anything. Groups that share nothing do not mix: only the group that weighs most has entries
    above 0.
    """
    if not shared.any():
        return np.zeros(shared.shape[0])
    first = np.abs(np.linalg.eigh(shared)[1][:, -1])
    index: FloatArray = first / first.sum()
    return index


def fire_sale(
    holdings_usd: ArrayLike,
    debt_usd: ArrayLike,
    depth_usd: ArrayLike,
    shock: ArrayLike,
    rule: Deleveraging,
    impact: Impact = "linear",
    rounds: int | None = None,
) -> FireSale:
    """Let prices fall by the shock and by the sales that it forces.

    Args:
        holdings_usd: dollars before the shock, shape (investors, assets).
        debt_usd: shape (investors,).
        depth_usd: dollars before the shock, above 0 or infinite, shape (assets,); a fixed number of units, whatever the
            price.
        shock: the part of each price that is lost at first, shape (assets,).
        rule: who sells and how much.
        impact: how far what is sold lowers a price: 1 - x, e^-x or 1 / (1 + x)² for x times the depth.
        rounds: so many rounds, in each of which all sell what the last prices ask for; until prices settle if None.

    Raises:
        InvalidHoldings: shapes differ, or a number cannot be.
        Unsettled: prices still fall after 20,000 rounds.
    """
    held, depth = np.asarray(holdings_usd, np.float64), np.asarray(depth_usd, np.float64)
    debt, fall = np.asarray(debt_usd, np.float64), np.asarray(shock, np.float64)
    _check(held, depth)
    _check_shock(held, debt, fall)
    lowered, shocked = _IMPACTS[impact], 1.0 - fall

    price, part, made = shocked, np.zeros_like(debt), 0
    while rounds is None or made < rounds:
        wanted = rule.part_sold(held @ price, debt)
        # Rounding must not raise a price: falling prices settle, since there are only so many numbers below.
        after = np.minimum(shocked * lowered(wanted @ held / depth), price)
        settled = bool((after == price).all() and (wanted == part).all())
        if settled:
            break
        price, part, made = after, wanted, made + 1
        if made == _MOST_ROUNDS and rounds is None:
            raise Unsettled(f"prices still fall after {made} rounds: the sales hardly pay; give a number of rounds")
    return FireSale(
        price=price,
        part_sold=part,
        loss_usd=held @ (1.0 - price),
        indirect_usd=held @ (shocked - price),
        bad_debt_usd=np.maximum(debt - held @ price, 0.0),
        rounds=made,
    )


def _check(held: FloatArray, depth: FloatArray) -> None:
    """Raise `InvalidHoldings` unless these are holdings in markets."""
    if held.ndim != 2 or depth.shape != held.shape[1:]:
        raise InvalidHoldings(
            f"holdings_usd has the shape {held.shape}, depth_usd {depth.shape}; give (investors, assets) and (assets,)"
        )
    if not (np.isfinite(held) & (held >= 0.0)).all():
        raise InvalidHoldings("holdings_usd holds an amount that is negative or not finite; give dollars, 0 or more")
    if not (depth > 0.0).all():
        raise InvalidHoldings("depth_usd holds a depth that is not above 0; leave out assets that nobody buys")


def _check_shock(held: FloatArray, debt: FloatArray, fall: FloatArray) -> None:
    """Raise `InvalidHoldings` unless these are the debts of the holders and a shock to what they hold."""
    if debt.shape != held.shape[:1] or fall.shape != held.shape[1:]:
        raise InvalidHoldings(
            f"debt_usd has the shape {debt.shape}, shock {fall.shape}; give one for each row and each column of"
            f" holdings_usd, {held.shape}"
        )
    if not (np.isfinite(debt) & (debt >= 0.0)).all():
        raise InvalidHoldings("debt_usd holds an amount that is negative or not finite; give dollars, 0 or more")
    if not ((fall >= 0.0) & (fall <= 1.0)).all():
        raise InvalidHoldings("shock holds a part outside 0 to 1; give the part of the price that is lost")
