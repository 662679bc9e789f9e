"""The survey: how much debt waits at which price, sampled through time, and the prices that forced sales did not move.

Liquidation prices are read off every pool's watch, so that a sample costs next to nothing however many borrowers there
are; see `models.lending.landscape`. Bins have the same ends all the time, multiples of the price that the oracle told
first, so that a position stays where it is while prices move past it.
Leaves out: loans in bands, which are not liquidated at one price.
"""

from typing import TYPE_CHECKING

import numpy as np

from abm.markets.tape import SAMPLES
from models.lending import HealthWatch, Landscape
from models.types import FloatArray, IntArray

if TYPE_CHECKING:
    import pandas as pd

    from abm.model import UnderwaterModel
    from abm.world import World

BIN_WIDTH = 0.01
"""Of the logarithm of the price: bins are 1 % wide."""

LOWEST, HIGHEST = 0.05, 2.0
"""Multiples of the first price between which bins lie; what waits below or above is in one bin each."""

RATIOS: FloatArray = np.exp(np.arange(np.log(LOWEST), np.log(HIGHEST), BIN_WIDTH))
"""The ends of the bins as multiples of the first price."""


LOOKS = 2_000_000
"""As many positions are valued one by one for the samples of a path; where there are more, there are fewer samples."""


class Survey:
    """Samples of all pools' debt by liquidation price: as many as of the depth, while that costs next to nothing."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self._edges = [np.outer(lender.prices, RATIOS) for lender in world.lenders]
        self._landscapes = [
            Landscape(lender.pool, lender.watch, edges) if isinstance(lender.watch, HealthWatch) else None
            for lender, edges in zip(world.lenders, self._edges, strict=True)
        ]
        self._steps: list[int] = []
        self._asked = 0
        self._every = 0
        self._debts: list[list[FloatArray]] = [[] for _ in world.lenders]

    def take(self) -> None:
        """Take a sample of every pool, or pass where it is not yet time for one; the first and the last are taken."""
        pairs = zip(self._world.lenders, self._landscapes, strict=True)
        if not self._asked:
            looks = SAMPLES * sum(map_.one_by_one(lender.prices) for lender, map_ in pairs if map_ is not None)
            self._every = max(1, -(-looks // LOOKS))
        self._asked += 1
        last = self._world.step == self._world.scenario.time.steps - 1
        if last or (self._asked - 1) % self._every == 0:
            self._sample()

    def _sample(self) -> None:
        self._steps.append(self._world.step)
        for lender, landscape, debts in zip(self._world.lenders, self._landscapes, self._debts, strict=True):
            none = np.zeros((len(lender.assets), len(RATIOS) + 1))
            debts.append(none if landscape is None else landscape.debt(lender.prices))

    def table(self, path: int = 0) -> "pd.DataFrame":
        """Return the samples: dollars of debt with liquidation prices from `price_low` up to `price_high`.

        A bin without debt has no row, but a pool without any debt has one of 0, so that every sample is seen; `asset`
        is the collateral whose price is meant, the largest of a position.
        """
        import pandas as pd  # noqa: PLC0415  a slow import that a path itself does not need

        debts, ends, assets = self._stacked()
        told = np.asarray(debts > 0.0)
        some = np.asarray(told.any(axis=(2, 3)))
        told[:, :, :1, 0] |= ~some[:, :, None]
        sample, pool, reserve, place = np.nonzero(told)
        steps = np.array(self._steps, dtype=np.int64)[sample]
        return pd.DataFrame(
            {
                "path": np.full(len(sample), path, dtype=np.int64),
                "step": steps,
                "time_seconds": steps * self._world.step_seconds,
                "pool": pd.array([lender.name for lender in self._world.lenders], dtype="str").take(pool),
                "asset": pd.array(self._world.assets, dtype="str").take(assets[pool, reserve]),
                "price_low": ends[pool, reserve, place],
                "price_high": ends[pool, reserve, place + 1],
                "debt_usd": debts[sample, pool, reserve, place],
            }
        )

    def _stacked(self) -> tuple[FloatArray, FloatArray, IntArray]:
        """Return debts (samples, pools, reserves, bins), the bins' ends, and which asset each pool's reserve is."""
        lenders = self._world.lenders
        reserves = max((len(lender.assets) for lender in lenders), default=0)
        debts = np.zeros((len(self._steps), len(lenders), reserves, len(RATIOS) + 1))
        ends = np.zeros((len(lenders), reserves, len(RATIOS) + 2))
        assets = np.zeros((len(lenders), reserves), dtype=np.int64)
        for k, lender in enumerate(lenders):
            own = slice(len(lender.assets))
            debts[:, k, own], ends[k, own, 1:-1], assets[k, own] = self._debts[k], self._edges[k], lender.assets
        ends[..., -1] = np.inf
        return debts, ends, assets


def unforced_prices(model: "UnderwaterModel", steps: "pd.DataFrame") -> "pd.DataFrame":
    """Return the table of blocks with the oracle's prices, `unforced_<asset>`, had nobody been forced to sell.

    Where no forced sale can have reached the oracle they are its prices themselves.
    """
    import pandas as pd  # noqa: PLC0415

    assets = model.world.assets
    if model.cascade.reached:
        prices = model.cascade.untouched()
    else:
        prices = steps[[f"oracle_{name}" for name in assets]].to_numpy()
    unforced = pd.DataFrame(prices, columns=[f"unforced_{name}" for name in assets], index=steps.index)
    after = list(steps.columns).index(f"oracle_{assets[-1]}") + 1
    return pd.concat([steps.iloc[:, :after], unforced, steps.iloc[:, after:]], axis=1)
