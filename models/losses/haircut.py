"""All suppliers' claims are cut in proportion, at once.

**Source**: morpho-org/morpho-blue, ``Morpho.sol`` ``liquidate``: the share price falls by ``bad / total supply`` in the
same transaction; Euler v2's socialised debt; Mango v4's cut of the deposit index.

**Models**: claims fall by the loss, up to all of them.

**Leaves out**: suppliers who saw it coming and left; virtual shares.

**Units**: units of the debt's asset.

**Invariants**: everybody loses the same part of their claim, ``loss / claims``.
"""

from typing import ClassVar, Literal

from models.losses.layer import TimedTerms
from models.losses.market import LossView
from models.losses.payer import Effect, Paid, Payer, Settles
from models.losses.sharing import pro_rata


class HaircutLayer(TimedTerms):
    """A cut of all claims."""

    kind: Literal["haircut"] = "haircut"

    def start(self) -> "Haircut":
        """The layer before the first loss."""
        return Haircut(self)


class Haircut(Payer):
    """Suppliers, who hold the claims that the market shows."""

    __slots__ = ()

    settles: ClassVar[Settles] = "claims"
    alike: ClassVar[bool] = True

    def capacity(self, now_seconds: float, market: LossView) -> float:
        """All claims."""
        return max(market.claims, 0.0)

    def _deliver(self, units: float, now_seconds: float, market: LossView) -> Paid:
        by_supplier = pro_rata(units, market.suppliers) if len(market.suppliers) else None
        return Paid(units=units, effects=(Effect("cut", None, units, by_supplier),))

    def _restore(self, units: float, market: LossView) -> float:
        return units
