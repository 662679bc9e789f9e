"""Those who withdraw while a hole is open pay their part of it; who waits until it is closed pays nothing.

**Source**: Paradex's socialised-loss factor on withdrawals. Its exact formula could not be checked; here the factor is
hole / claims.

**Models**: the layer takes the loss and holds it open. Each withdrawal is charged the factor, which closes that much.
A withdrawal leaves the factor as it was, so that all who leave pay alike, and the last of them closes the hole.
Recoveries close it for those who stayed.

**Leaves out**: limits on withdrawals.

**Units**: units of the debt's asset.

**Invariants**: charges never exceed the hole, nor a withdrawal.
"""

from math import inf
from typing import ClassVar, Literal

from models.losses.layer import TimedTerms
from models.losses.market import LossView
from models.losses.payer import NOTHING, Effect, Paid, Payer, Settles
from models.losses.refusals import InvalidStake


class WithdrawalChargeLayer(TimedTerms):
    """A charge on withdrawals as long as there is a hole."""

    kind: Literal["withdrawal_charge"] = "withdrawal_charge"

    def start(self) -> "WithdrawalCharge":
        """The layer before the first loss."""
        return WithdrawalCharge(self)


class WithdrawalCharge(Payer):
    """The hole, which is what is pending."""

    __slots__ = ()

    settles: ClassVar[Settles] = "claims"

    def __init__(self, terms: WithdrawalChargeLayer) -> None:
        super().__init__(terms, inf)

    def capacity(self, now_seconds: float, market: LossView) -> float:
        """All claims, less the hole there is."""
        return max(market.claims - self.pending_units, 0.0)

    def factor(self, market: LossView) -> float:
        """Part of a withdrawal that is charged now."""
        return min(self.pending_units / market.claims, 1.0) if market.claims > 0.0 else 0.0

    def charge(self, withdrawn: float, now_seconds: float, market: LossView) -> Paid:
        """Charge a withdrawal of `withdrawn` claims, which the market still counts. Raises `InvalidStake`."""
        if not 0.0 <= withdrawn <= market.claims:
            raise InvalidStake(f"cannot withdraw {withdrawn!r} of {market.claims!r} claims; give 0 to all of them")
        charged = self._call_off(min(withdrawn * self.factor(market), self.pending_units))
        return self._hand_over(charged, now_seconds, market) if charged > 0.0 else NOTHING

    def _deliver(self, units: float, now_seconds: float, market: LossView) -> Paid:
        return Paid(units=units, effects=(Effect("cut", None, units),))

    def _restore(self, units: float, market: LossView) -> float:
        # Those who were charged have left.
        return 0.0
