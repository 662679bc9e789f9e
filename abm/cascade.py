"""The cascade explained: which liquidations the exogenous price alone would have triggered, and which other sales did.

A liquidation's generation is 0 when its position would have been liquidatable at the prices that the protocol would
have believed in without any forced sale. Otherwise the fall between those prices and the actual ones is the work of the
forced sales so far. It is attributed to their generations in proportion to what each has sold, the earliest first,
and the position's generation is n + 1 for the smallest n such that the sales of generations 0 … n suffice.

The prices without forced sales come from the same scenario and seed with nobody to be liquidated (`market_only`),
worked out the first time that they are needed. What was sold fades with the half-life of the asset's impact.
"""

from typing import TYPE_CHECKING

import numpy as np

from models.types import FloatArray

if TYPE_CHECKING:
    from abm.pools.lender import Lender
    from abm.world import World


class Cascade:
    """Keeps what each generation of forced sales has sold, and dates every liquidation by it."""

    def __init__(self, world: "World", seed: int) -> None:
        self._world = world
        self._seed = seed
        self._untouched: FloatArray | None = None
        self._sold: list[list[float]] = [[] for _ in world.assets]
        self._sold_at = [0.0] * len(world.assets)
        self._half_life = [
            getattr(terms.impact, "half_life_seconds", float("inf")) for terms in world.scenario.assets.values()
        ]
        self.any_sales = False
        # Without lasting impact, and with no oracle that reads a venue, no sale can reach what a protocol believes.
        self._can_feed_back = world.scenario.feedback and (
            world.venue_matters or any(impact is not None for impact in world.impacts)
        )
        self._seen: tuple[tuple[int, str], FloatArray, FloatArray] = ((-1, ""), np.empty(0), np.empty(0))

    def sold(self, asset: int, units: float, generation: int) -> None:
        """Count a forced sale that left its trace on the market."""
        self.any_sales = True
        if not self._can_feed_back:
            return
        sold = self._sold[asset]
        if self._half_life[asset] < float("inf"):
            fade = 0.5 ** ((self._world.now - self._sold_at[asset]) / self._half_life[asset])
            self._sold_at[asset] = self._world.now
            sold[:] = [amount * fade for amount in sold]
        sold.extend([0.0] * (generation + 1 - len(sold)))
        sold[generation] += units

    @property
    def reached(self) -> bool:
        """Whether what protocols believe may differ from what it would be without forced sales.

        A claim's price may though no sale feeds back: without pools it is marked down by nobody's losses.
        """
        return self.any_sales and (self._can_feed_back or bool(self._world.claims.of))

    def untouched(self) -> FloatArray:
        """Return the oracle prices without forced sales, shape (steps, assets)."""
        if self._untouched is None:
            from abm.model import UnderwaterModel  # noqa: PLC0415  a model within a model: the baseline is a run too

            self._untouched = UnderwaterModel.baseline(self._world.scenario, self._seed)
        return self._untouched

    def generation(self, lender: "Lender", account: int, line: float) -> int:
        """Return the generation of a position that is below `line` at the current oracle prices."""
        if not self._can_feed_back or not self.any_sales:
            return 0
        actual, alone = self._prices(lender)
        if actual is alone or lender.health_at(account, alone) < line:
            return 0
        shares = self._cumulative_shares(lender)
        fall = np.log(actual / alone)
        for n in range(shares.shape[0] - 1):
            if lender.health_at(account, alone * np.exp(shares[n] * fall)) < line:
                return n + 1
        return int(shares.shape[0])

    def _prices(self, lender: "Lender") -> tuple[FloatArray, FloatArray]:
        """Return a pool's prices in this block as they are and as they would be alone; one object where they agree."""
        key = (self._world.step, lender.name)
        if self._seen[0] != key:
            actual = lender.prices
            alone = self._alone(lender)
            self._seen = (key, actual, actual if bool((actual == alone).all()) else alone)
        return self._seen[1], self._seen[2]

    def _alone(self, lender: "Lender") -> FloatArray:
        """Return what a pool's prices would be without forced sales.

        A claim's would be lower or higher only as its underlying is: what its pool has lost is taken as it is.
        """
        world, untouched = self._world, self.untouched()[self._world.step]
        alone: FloatArray = untouched[lender.assets]
        for reserve, asset in enumerate(lender.assets):
            if asset in world.claims.of:
                root = world.claims.root(asset)
                alone[reserve] = lender.prices[reserve] * (untouched[root] / world.oracle[root])
        return alone

    def _cumulative_shares(self, lender: "Lender") -> FloatArray:
        """Return the part of all forced sales that generations 0 … n made up, shape (generations, reserves)."""
        # An asset that nobody was forced to sell may have moved with the one that its price follows from.
        sold = [self._sold[asset] or self._sold[self._world.derived.root(asset)] for asset in lender.assets]
        generations = max(1, *(len(amounts) for amounts in sold))
        table = np.zeros((generations, len(sold)))
        for r, amounts in enumerate(sold):
            table[: len(amounts), r] = amounts
        total = table.sum(axis=0)
        # Or for another reason: give it to the first generation.
        table[0, total <= 0.0] = 1.0
        shares: FloatArray = np.cumsum(table, axis=0) / np.where(total > 0.0, total, 1.0)
        return shares
