"""What the figures of the markets need to know of stored results: each market's depth through time as an array."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from experiments.figures import style
from experiments.stored.storage import Results
from models.types import FloatArray

FAR = 0.10
"""The largest distance from the mid that is drawn."""

NEAR = 0.02
"""Bids within this distance of the mid are the depth that counts: what a liquidator can sell into at a small loss."""

WIDTH = 0.005
"""The least width of a step of the ladder: in narrower ones single orders are seen, and not how many there are."""

BID, ASK = 0, 1
_SIDES = ("bid", "ask")


@dataclass(frozen=True, slots=True)
class Depth:
    """The sampled depth of one market on one path.

    Attributes:
        market, base, quote: names.
        seconds: when each sample was, since the start, shape (samples,).
        mids: the venue's mid then, quote per base, nan where nobody quoted, shape (samples,).
        sources: the names of the sources.
        distances: from the mid as fractions, ascending up to `FAR`, those at which the depth always has an end,
            shape (distances,).
        units: base up to each distance, shape (2, samples, sources, distances); `BID` or `ASK` first.
    """

    market: str
    base: str
    quote: str
    seconds: FloatArray
    mids: FloatArray
    sources: list[str]
    distances: FloatArray
    units: FloatArray

    @classmethod
    def read(cls, results: Results, path: int) -> "list[Depth]":
        """The depth of every market of a path, in the scenario's order."""
        samples = results.table("depth", path=path)
        return [cls._of(market) for _, market in samples.groupby("market", sort=False)]

    @classmethod
    def _of(cls, rows: pd.DataFrame) -> "Depth":
        first, moments = rows.iloc[0], rows.drop_duplicates("step")
        sources, distances = list(rows["source"].unique()), np.sort(rows["distance"].unique())
        every = pd.MultiIndex.from_product([_SIDES, moments["step"], sources, distances])
        column = rows.set_index(["side", "step", "source", "distance"])["base_units"].reindex(every, fill_value=0.0)
        units = column.to_numpy(dtype=np.float64).reshape(2, len(moments), len(sources), len(distances))
        drawn = np.isfinite(units).all(axis=(0, 1, 2)) & (distances <= FAR)
        return cls(
            market=str(first["market"]),
            base=str(first["base"]),
            quote=str(first["quote"]),
            seconds=moments["time_seconds"].to_numpy(dtype=np.float64),
            mids=moments["mid"].to_numpy(dtype=np.float64),
            sources=sources,
            distances=distances[drawn],
            units=units[..., drawn],
        )

    @property
    def title(self) -> str:
        """The pair, and the market's own name where it has one."""
        own = "" if self.market == f"{self.base}/{self.quote}" else f", {self.market}"
        return f"{self.base} for {self.quote}{own}"

    @property
    def endless(self) -> bool:
        """Whether any size trades at no distance at all, so that there is no depth to draw."""
        return self.distances.size == 0

    @property
    def total(self) -> FloatArray:
        """Base up to each distance over all sources, shape (2, samples, distances)."""
        total: FloatArray = self.units.sum(axis=2)
        return total

    @property
    def edges(self) -> FloatArray:
        """Where the steps of the ladder begin and end, from 0 on: sampled distances that are far enough apart."""
        edges = [0.0]
        for distance in self.distances.tolist():
            if distance - edges[-1] >= WIDTH * (1.0 - 1e-9):
                edges.append(distance)
        return np.array(edges if len(edges) > 1 else [0.0, float(self.distances[-1])])

    @property
    def density(self) -> FloatArray:
        """Base per 1 % of price in each step of the ladder, shape (2, samples, sources, edges - 1)."""
        edges = self.edges
        at_edges = self.units[..., np.searchsorted(self.distances, edges[1:])]
        density: FloatArray = np.diff(at_edges, axis=-1, prepend=0.0) / (100.0 * np.diff(edges))
        return density

    @property
    def near(self) -> int:
        """The number of the distance nearest to `NEAR`."""
        return int(np.argmin(np.abs(self.distances - NEAR)))

    @property
    def near_words(self) -> str:
        """The distance nearest to `NEAR`, as a percentage."""
        return style.percent(float(self.distances[self.near]))

    @property
    def worst(self) -> int:
        """The number of the first sample with the fewest bids near the mid."""
        return int(np.argmin(self.total[BID, :, self.near]))

    @property
    def moments(self) -> dict[str, int]:
        """The samples that tell the story, by the colour that each has in every figure."""
        return {"before": 0, "worst": self.worst, "after": len(self.seconds) - 1}

    @property
    def thinned(self) -> bool:
        """Whether there were ever fewer bids near the mid than at the start."""
        bids = self.total[BID, :, self.near]
        return bool(bids.min() < bids[0])

    @property
    def unthinned(self) -> str:
        """What there is to say where the bids near the mid never thinned."""
        if self.total[BID, 0, self.near] == 0.0:
            return f"there were no bids for {self.base} within {self.near_words} of the mid"
        return f"bids within {self.near_words} of the mid never thinned"
