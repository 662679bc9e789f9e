"""Suppliers lose in the order of the price at which each agreed to lend, the boldest first.

**Source**: ajna-finance/ajna-core (0f59e78), ``SettlerActions.sol`` ``settlePoolDebt``: debt is forgiven from the
highest-price bucket downwards; a bucket left with nothing is bankrupt.

**Models**: the bucket with the highest price is emptied before the next is touched; within one all lose alike.

**Leaves out**: collateral that lies in buckets; the penalty on buckets in a settlement.

**Units**: units of the debt's asset; bucket prices in units of debt per unit of collateral.

**Invariants**: nobody loses more than their claim, nor anything while a claim at a higher price is left.
"""

from typing import ClassVar, Literal

from pydantic import Field

from models.losses.layer import TimedTerms
from models.losses.market import LossView
from models.losses.payer import Effect, Paid, Payer, Settles
from models.losses.sharing import highest_first


class PriceBucketLayer(TimedTerms):
    """Forgiveness from the highest price down."""

    kind: Literal["price_bucket"] = "price_bucket"
    buckets: int = Field(10, ge=1, le=1_000_000, description="how many prices suppliers lend at, where they name none")

    def start(self) -> "PriceBucket":
        """The layer before the first loss."""
        return PriceBucket(self)


class PriceBucket(Payer):
    """Suppliers by bucket, as the market shows them."""

    __slots__ = ()

    settles: ClassVar[Settles] = "claims"

    def capacity(self, now_seconds: float, market: LossView) -> float:
        """All claims in buckets."""
        return float(market.suppliers.sum())

    def _deliver(self, units: float, now_seconds: float, market: LossView) -> Paid:
        cut = highest_first(units, market.suppliers, market.bucket_prices)
        return Paid(units=units, effects=(Effect("cut", None, units, cut),))

    def _restore(self, units: float, market: LossView) -> float:
        return units
