"""Noise traders: trades of random side and size at random times, with no view of the price.

Models: a Poisson number of trades a block, independent sides, sizes from a distribution. Their flow is part of what
the exogenous price already knows, so it moves the venue but leaves no lasting impact on the reference price.
Leaves out: autocorrelated order flow, trading hours, reaction to spreads.
"""

from typing import TYPE_CHECKING

import mesa
import numpy as np
from pydantic import Field

from abm.reading.distributions import PositiveOrDrawn, draw
from models.parameters import Parameters
from models.types import Side

if TYPE_CHECKING:
    from abm.view import View
    from models.market import Fill


class NoiseTraders(Parameters):
    """One flow of uninformed trades on one market; `size_usd` is the value of a trade."""

    market: str | None = None
    trades_per_hour: float = Field(gt=0, le=1_000_000)
    size_usd: PositiveOrDrawn


class NoiseTraderCohort(mesa.Agent):
    """The flow on one exchange. All draws are made at the start, each from a stream of its own: nothing shifts them."""

    def __init__(
        self,
        model: mesa.Model,
        terms: NoiseTraders,
        exchange: int,
        account: int,
        steps: int,
        step_seconds: float,
        times_rng: np.random.Generator,
        sides_rng: np.random.Generator,
        sizes_rng: np.random.Generator,
    ) -> None:
        super().__init__(model)
        self.exchange = exchange
        self.account = account
        counts = times_rng.poisson(terms.trades_per_hour * step_seconds / 3600.0, steps)
        self._ends: list[int] = np.cumsum(counts).tolist()
        total = self._ends[-1]
        self._sells: list[bool] = (sides_rng.random(total) < 0.5).tolist()
        self._sizes_usd: list[float] = draw(terms.size_usd, total, sizes_rng).tolist()

    def trades(self, step: int) -> range:
        """Return the numbers of this block's trades."""
        return range(self._ends[step - 1] if step else 0, self._ends[step])

    def decide(self, view: "View", trade: int) -> "Fill":
        """Return the quote that this trade takes."""
        size = self._sizes_usd[trade]
        side: Side
        if self._sells[trade]:
            side, amount = "sell", size / view.base_usd(self.exchange)
        else:
            side, amount = "buy", size / view.quote_usd(self.exchange)
        return view.quote_in(self.exchange, side, amount)
