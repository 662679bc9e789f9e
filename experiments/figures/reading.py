"""What the figures need to know of stored results: which path to show, which assets, which loss layers."""

import math
from dataclasses import dataclass
from datetime import datetime

import numpy as np
import pandas as pd

from experiments.figures.clock import Clock, start_of
from experiments.stored.storage import Results, ResultsUnreadableError
from models.types import FloatArray

MOST_ASSETS = 4
MOST_BINS = 96
_ROUND_SECONDS = (
    1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 604_800,
)  # fmt: skip
LAST_LAYERS = ("depositors", "uncovered")


@dataclass(frozen=True, slots=True)
class Story:
    """One path of a run, to be told by the figures that show a course of events."""

    path: int
    seed: int
    of: int
    block_seconds: float
    start: datetime | None
    steps: pd.DataFrame
    liquidations: pd.DataFrame
    write_offs: pd.DataFrame

    @classmethod
    def read(cls, results: Results) -> "Story":
        """The only path, or of several the one with the median bad debt; ties go by what was liquidated.

        Raises `ResultsUnreadableError` when no path finished.
        """
        finished = results.paths[results.paths["status"] == "finished"]
        if finished.empty:
            raise ResultsUnreadableError(f"{results.directory} has nothing to draw: none of its paths finished")
        median = finished.sort_values(["bad_debt_usd", "liquidated_usd", "path"]).iloc[(len(finished) - 1) // 2]
        path = int(median["path"])
        return cls(
            path=path,
            seed=int(median["seed"]),
            of=len(finished),
            block_seconds=float(results.scenario["time"]["step_seconds"]),
            start=start_of(results.scenario),
            steps=results.table("steps", path=path),
            liquidations=results.table("liquidations", path=path),
            write_offs=results.table("write_offs", path=path),
        )

    @property
    def seconds(self) -> FloatArray:
        """When each block was, in seconds since the start."""
        return self.steps["time_seconds"].to_numpy(dtype=np.float64)

    @property
    def edges(self) -> FloatArray:
        """When each block began and the last one ended, in seconds since the start."""
        return np.append(self.seconds, self.seconds[-1] + self.block_seconds)

    @property
    def clock(self) -> Clock:
        """How figures show the time."""
        return Clock.of(float(np.ptp(self.edges)), self.start)

    @property
    def which(self) -> str:
        """Which path this is, for a reader who has to know that there are others; empty when there are none."""
        return f", path {self.path} (seed {self.seed}, the median of {self.of} by bad debt)" if self.of > 1 else ""

    def column(self, name: str) -> FloatArray:
        """A column of the blocks' table."""
        return self.steps[name].to_numpy(dtype=np.float64)

    def bins(self) -> tuple[FloatArray, str]:
        """Edges of bars, a round length of time apart and never shorter than a block; and that length in words."""
        return round_bins(self.edges, self.block_seconds)

    def seconds_of(self, events: pd.DataFrame) -> FloatArray:
        """When each event was, in seconds since the start."""
        return self.seconds[np.searchsorted(self.steps["step"].to_numpy(), events["step"].to_numpy())]


def round_bins(edges: FloatArray, block_seconds: float) -> tuple[FloatArray, str]:
    """Edges of bars over the blocks with these edges, a round length of time apart; and that length in words."""
    length = float(np.ptp(edges))
    width = next(
        (w for w in _ROUND_SECONDS if w >= block_seconds and length / w <= MOST_BINS),
        max(block_seconds, length / MOST_BINS),
    )
    bins = edges[0] + width * np.arange(np.ceil(length / width) + 1)
    for name, unit in (("day", 86_400), ("hour", 3_600), ("minute", 60)):
        if width >= unit:
            return bins, name if width == unit else f"{width / unit:.3g} {name}s"
    return bins, "second" if width == 1 else f"{width:.3g} seconds"


def moving_assets(story: Story) -> list[str]:
    """The assets whose price moved, by what was seized of them and then by their fall; at most four.

    When no price moved the first asset of the table stands for all.
    """
    assets = [name.removeprefix("oracle_") for name in story.steps.columns if name.startswith("oracle_")]
    seized = story.liquidations.groupby("collateral_asset")["seized_usd"].sum()
    moving = [name for name in assets if np.ptp(story.column(f"reference_{name}")) > 0.0]
    moving.sort(key=lambda name: (-float(seized.get(name, 0.0)), -fall(story, name)))
    return moving[:MOST_ASSETS] or assets[:1]


def fall(story: Story, asset: str) -> float:
    """How far the oracle's price was at the lowest below its first value, as a fraction: `max_fall` of the summary."""
    prices = story.column(f"oracle_{asset}")
    known = prices[np.isfinite(prices)]
    return float(1.0 - known.min() / known[0]) if known.size else 0.0


def layers_of(results: Results, seen: pd.Series) -> list[str]:
    """The loss layers in the order in which they pay: the scenario's, others that were seen, then the last two.

    Several payers in one layer are seen as `insurance.0`, `insurance.1` … Depositors and what nobody covers close
    every waterfall, so they are always there.
    """
    names = list(seen.unique())
    planned = [layer["kind"] for pool in results.scenario.get("pools", []) for layer in pool["losses"]["layers"]]
    ordered: dict[str, None] = {}
    for kind in planned:
        members = sorted(name for name in names if name.startswith(f"{kind}."))
        ordered |= dict.fromkeys(members or [kind])
    ordered |= dict.fromkeys(names)
    return [layer for layer in ordered if layer not in LAST_LAYERS] + list(LAST_LAYERS)


def capital_is_unlimited(results: Results) -> bool:
    """Whether any liquidator of the scenario can spend without end; the recorded capital is that of the others."""
    return any(cohort.get("capital_usd") == math.inf for cohort in results.scenario["agents"]["liquidators"])
