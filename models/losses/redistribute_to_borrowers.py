"""The other borrowers take over the debt, with the collateral that goes with it.

**Source**: liquity/dev (39f1f7f), ``TroveManager.sol``: ``L_debt += debt / total stakes``, ``L_collateral`` alike.

**Models**: each of the other borrowers gets a part of the debt in proportion to their stake; the running sums per unit
of stake are kept, so that a borrower's part of many redistributions is one difference. `take_over` is the same for the
debt that the collateral is worth, before the rest is lost.

**Leaves out**: how stakes are scaled when a position is opened after a redistribution: the stakes handed in are.

**Units**: units of the debt's asset and of the collateral.

**Invariants**: as long as there is another borrower, all of the loss is taken. Nothing of a recovery is theirs: they
have the collateral.
"""

from math import inf
from typing import ClassVar, Literal

from models.losses.layer import TimedTerms
from models.losses.market import LossView
from models.losses.payer import Effect, Paid, Payer, Settles
from models.losses.sharing import pro_rata


class RedistributeToBorrowersLayer(TimedTerms):
    """Debt taken over by the other borrowers."""

    kind: Literal["redistribute_to_borrowers"] = "redistribute_to_borrowers"

    def start(self) -> "RedistributeToBorrowers":
        """The layer before the first loss."""
        return RedistributeToBorrowers(self)


class RedistributeToBorrowers(Payer):
    """The sums of debt and of collateral per unit of stake."""

    __slots__ = ("collateral_per_stake", "debt_per_stake")

    takes_collateral: ClassVar[bool] = True
    settles: ClassVar[Settles] = "debt"

    def __init__(self, terms: RedistributeToBorrowersLayer) -> None:
        super().__init__(terms)
        self.debt_per_stake = self.collateral_per_stake = 0.0

    def capacity(self, now_seconds: float, market: LossView) -> float:
        """Without limit as long as anybody else borrows."""
        return inf if market.borrowers.any() else 0.0

    def take_over(self, worth: float, collateral: float, market: LossView) -> float:
        """Add debt and collateral to the sums."""
        stakes = float(market.borrowers.sum())
        self.debt_per_stake += worth / stakes
        self.collateral_per_stake += collateral / stakes
        return worth

    def _deliver(self, units: float, now_seconds: float, market: LossView) -> Paid:
        collateral = units * market.collateral_per_unit
        self.take_over(units, collateral, market)
        debts, given = pro_rata(units, market.borrowers), pro_rata(collateral, market.borrowers)
        effects = (
            Effect("redistributed", None, units, debts),
            Effect("given", market.collateral_asset, collateral, given),
        )
        return Paid(units=units, effects=effects)

    def _restore(self, units: float, market: LossView) -> float:
        return 0.0
