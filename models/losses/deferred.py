"""Nobody pays: claims stay at par and the hole stays in the books.

**Source**: Compound v2 and III, Aave's deficit, Silo v1; morpho-org/metamorpho-v1.1, ``_accruedFeeAndAssets``, for a
vault whose share price never falls. Who leaves first leaves whole, after Diamond and Dybvig (1983).

**Models**: the layer takes all that is left and holds it pending for ever; only recoveries and donations reduce it.

**Leaves out**: the shortage of cash that it means, which is the pool's.

**Units**: units of the debt's asset; `stayers_haircut` in fractions.

**Invariants**: it never pays.
"""

from math import inf
from typing import ClassVar, Literal

from models.losses.layer import TimedTerms
from models.losses.market import LossView
from models.losses.payer import Paid, Payer, Settles
from models.losses.refusals import InvalidStake


class DeferredLayer(TimedTerms):
    """The hole stays."""

    kind: Literal["deferred"] = "deferred"

    def start(self) -> "Deferred":
        """The layer before the first loss."""
        return Deferred(self)


class Deferred(Payer):
    """The hole, which is what is pending."""

    __slots__ = ()

    settles: ClassVar[Settles] = "nothing"

    def __init__(self, terms: DeferredLayer) -> None:
        super().__init__(terms, inf)

    def capacity(self, now_seconds: float, market: LossView) -> float:
        """Without limit."""
        return inf

    def _deliver(self, units: float, now_seconds: float, market: LossView) -> Paid:
        return Paid(shortfall=units)

    def _restore(self, units: float, market: LossView) -> float:
        return 0.0


def lost_assets(real: float, last_total: float, lost: float) -> float:
    """The loss that a vault of MetaMorpho v1.1 carries on once its markets are worth `real`.

    `last_total` is what the vault counted last, with `lost` in it. What it counts now is `real` plus the result.
    """
    return last_total - real if real < last_total - lost else lost


def stayers_haircut(hole: float, claims: float, left_share: float) -> float:
    """Part of their claims that those lose who stay, once the share `left_share` of claims has left at par.

    ``hole / (claims (1 - left_share))``, at most everything. Raises `InvalidStake` when nobody stays.
    """
    if not 0.0 <= left_share < 1.0:
        raise InvalidStake(f"if {left_share!r} of claims have left, nobody stays; give a share of at least 0, below 1")
    return min(hole / (claims * (1.0 - left_share)), 1.0)
