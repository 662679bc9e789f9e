"""Those who won on the other side pay out of the profit that is still open.

**Source**: BitMEX, "Auto-Deleveraging": rank = PNL% * effective leverage where PNL% > 0, else PNL% / effective
leverage, with effective leverage = |mark| / (mark - bankrupt). OKEx 2018: clawback, an equal part of every net profit.
Chitra, "Autodeleveraging: Impossibilities and Optimization" (arXiv 2512.01112), on why the queue is not fair.

**Models**: by ``rank`` the first in line lose their whole open profit before the next are touched; ``pro_rata`` takes
the same part of every profit.

**Leaves out**: positions that are closed on the way, at the bankruptcy price: only the profit they would have lost.

**Units**: units of the asset that profits are in.

**Invariants**: profits fall by exactly the loss, and nobody's below zero; who has none pays nothing.
"""

from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from models.losses.layer import TimedTerms
from models.losses.market import LossView
from models.losses.payer import Effect, Paid, Payer, Settles
from models.losses.sharing import highest_first, pro_rata
from models.types import FloatArray


class AutoDeleverageLayer(TimedTerms):
    """A cut of winners' open profits."""

    kind: Literal["auto_deleverage"] = "auto_deleverage"
    key: Literal["rank", "pro_rata"] = Field("rank", description="the first in line first, or everybody alike")

    def start(self) -> "AutoDeleverage":
        """The layer before the first loss."""
        return AutoDeleverage(self)


class AutoDeleverage(Payer):
    """Winners, whose profits and ranks the market shows."""

    __slots__ = ("_ranked",)

    settles: ClassVar[Settles] = "profit"

    def __init__(self, terms: AutoDeleverageLayer) -> None:
        super().__init__(terms)
        self._ranked = terms.key == "rank"

    def capacity(self, now_seconds: float, market: LossView) -> float:
        """All open profits."""
        return float(np.maximum(market.profits, 0.0).sum())

    def _deliver(self, units: float, now_seconds: float, market: LossView) -> Paid:
        profits = np.maximum(market.profits, 0.0)
        cut = highest_first(units, profits, market.ranks) if self._ranked else pro_rata(units, profits)
        return Paid(units=units, effects=(Effect("cut", None, units, cut),))

    def _restore(self, units: float, market: LossView) -> float:
        return units


def deleverage_rank(mark: FloatArray, entry: FloatArray, bankrupt: FloatArray) -> FloatArray:
    """BitMEX's rank of long positions (n,) by mark, entry and bankruptcy price; of short ones with prices negated.

    Higher ranks are closed first; all winners rank above all losers.
    """
    profit = (mark - entry) / np.abs(entry)
    leverage = np.abs(mark) / (mark - bankrupt)
    return np.where(profit > 0.0, profit * leverage, profit / leverage)
