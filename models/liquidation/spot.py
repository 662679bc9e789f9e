"""What all spot designs share: terms of one call, and the arithmetic from terms to offer, fit and take.

**Source**: elementary; the close to a target is the linear equation solved in Aave v4, Euler v1, Fluid and Silo v2.

**Models**: a call repays debt and gets collateral at once. A rule states the `Terms` of a call at a position, and the
rest follows: what is offered, what fits, and what a call does. A call may repay anything up to the most, except that
what it leaves behind must be large enough, or nothing, where the rule asks for it.

**Leaves out**: calls that a contract reverts because they ask for too much are cut to what is allowed.

**Units**: as `models.liquidation.offer`.

**Invariants**: what `offer` offers and `fit` returns, `take` accepts.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Final, TypeVar

from models.liquidation.ceiling import Accounts, Ceiling
from models.liquidation.design import DesignParameters
from models.liquidation.offer import (
    ROUNDING,
    Bounds,
    MustCloseInFull,
    MustNotLeaveDust,
    NotLiquidatable,
    Offer,
    Position,
    Taking,
    exchange,
    require_taking,
)
from models.types import FloatArray

Floats = TypeVar("Floats", float, FloatArray)

# How far below the minimum a leftover may be and still be the minimum, rounded.
_LEFTOVER_ROUNDING: Final = 1.0 - 1e-9


@dataclass(slots=True)
class Terms:
    """One call repays up to `most` units of debt for `rate` units of collateral each, `part` of them the protocol's.

    A call that closes neither the debt nor the collateral of the pair must leave `dust_usd` of both; where `whole`,
    there is no such call.
    """

    most: float
    rate: float
    part: float = 0.0
    dust_usd: float = 0.0
    whole: bool = False

    def offer(self, position: Position) -> Offer | None:
        """What they offer at the position that they are of; None when nothing is admissible."""
        max_repay = self.fit(position, position.debt_units)
        return Offer(max_repay, self.rate, 1.0 - self.part) if max_repay > 0.0 else None

    def fit(self, position: Position, repay: float) -> float:
        """The largest admissible repayment up to `repay` units of debt; 0 when there is none."""
        emptying = position.collateral_units / self.rate
        wanted = min(repay, self.most, emptying)
        if wanted >= min(emptying, position.debt_units) * (1.0 - ROUNDING):
            return wanted
        if self.whole:
            return 0.0
        # Short of closing either side, both must keep the minimum: repay no more than the tighter of the two allows.
        keeps_debt = position.debt_units - self.dust_usd / position.debt_price
        keeps_collateral = emptying - self.dust_usd / position.collateral_price / self.rate
        return max(min(wanted, keeps_debt, keeps_collateral), 0.0)

    def take(self, position: Position, repay: float) -> Taking:
        """What repaying a positive amount does; more than they allow is cut to what they allow.

        Raises `MustNotLeaveDust`, `MustCloseInFull`.
        """
        repaid = min(repay, self.most)
        if repaid >= position.debt_units * (1.0 - ROUNDING):
            repaid = position.debt_units
        taking = exchange(position, repaid, self.rate, self.part)
        if taking.repaid != position.debt_units and taking.seized != position.collateral_units:
            self._refuse_what_is_left(position, taking)
        return taking

    def _refuse_what_is_left(self, position: Position, taking: Taking) -> None:
        """Refuse a call that closes neither side where the rule forbids what it leaves behind."""
        if self.whole:
            closing = min(position.debt_units, position.collateral_units / self.rate)
            raise MustCloseInFull(f"repaying {taking.repaid:.6g} closes only a part; repay {closing:.6g}")
        debt_left = (position.debt_units - taking.repaid) * position.debt_price
        collateral_left = (position.collateral_units - taking.seized) * position.collateral_price
        if min(debt_left, collateral_left) < self.dust_usd * _LEFTOVER_ROUNDING:
            raise MustNotLeaveDust(
                f"repaying {taking.repaid:.6g} would leave {debt_left:.2f} usd of debt and {collateral_left:.2f} usd "
                f"of collateral, one of them below {self.dust_usd:g}; close the position or repay less"
            )


class SpotDesign(DesignParameters, ABC):
    """A design in which the taker repays and gets collateral now; `terms` is its rule."""

    source: ClassVar[str]
    leaves_out: ClassVar[str]
    bounds: ClassVar[Bounds] = {}

    @abstractmethod
    def terms(self, position: Position) -> Terms | None:
        """The terms at a position below the line with something owed and posted; None where the rule offers none."""

    def ceiling(self, accounts: Accounts) -> Ceiling:
        """What no call on these accounts can exceed; without a bound of the rule's, any rate and all of the debt."""
        return Ceiling(float("inf"), accounts.debt_usd)

    def opened(self, position: Position) -> Terms | None:
        """The terms at any position; None when healthy, or where the rule offers none.

        A close to a target leaves the health at it up to the rounding of floats: what is short by that is there.
        """
        if not (position.health < self.line and position.debt_units > 0.0 and position.collateral_units > 0.0):
            return None
        terms = self.terms(position)
        return terms if terms is not None and terms.most > position.debt_units * ROUNDING else None

    def offer(self, position: Position) -> Offer | None:
        """The most that one call may repay, and at which rate; None when healthy or when nothing is admissible."""
        terms = self.opened(position)
        return terms.offer(position) if terms is not None else None

    def fit(self, position: Position, repay: float) -> float:
        """The largest admissible repayment up to `repay` units of debt; 0 when there is none."""
        terms = self.opened(position)
        return terms.fit(position, repay) if terms is not None else 0.0

    def take(self, position: Position, repay: float) -> Taking:
        """What repaying `repay` units of debt does; more than the rule allows is cut to what it allows.

        Raises `NotLiquidatable`, `InvalidRepayment`, `MustNotLeaveDust`, `MustCloseInFull`.
        """
        require_taking(position, repay, self.line)
        terms = self.opened(position)
        if terms is None:
            raise NotLiquidatable(
                f"nothing is offered at health {position.health:.6g}, loan-to-value {position.ltv:.6g}"
            )
        return terms.take(position, repay)


def close_to(debt_usd: Floats, backing_usd: Floats, released: float, target: float) -> Floats | float:
    """Dollars to repay until `backing_usd` is `target` times the debt; inf where no repayment gets there.

    Each dollar repaid releases so many dollars of the backing, so that x solves
    ``backing - released * x = target * (debt - x)``. Releasing as much as the target or more never gets there.
    """
    gained = target - released
    return (target * debt_usd - backing_usd) / gained if gained > 0.0 else float("inf")
