"""What a film of a cascade is made of: which path, which asset, which market, and which moments are shown."""

from dataclasses import dataclass

import numpy as np

from experiments.figures.landscape import Ground
from experiments.figures.markets import Depth
from experiments.figures.reading import Story, moving_assets
from experiments.stored.storage import Results, ResultsUnreadableError
from models.types import FloatArray, IntArray

FRAMES = 80
"""As many as are shown in eight seconds."""

CRASH = (0.02, 0.98)
"""The crash is from when this part of the debt was liquidated until that part was; the film begins and ends around."""

BEFORE, AFTER = 0.25, 0.35
"""How much is shown before the crash and after it, as parts of its length."""


def moments(story: Story, frames: int = FRAMES) -> IntArray:
    """The blocks that are shown: evenly spaced around the crash, or over the whole run where there was none."""
    done = story.liquidations
    first, last = 0, len(story.seconds) - 1
    if len(done):
        share = done["repaid_usd"].cumsum().to_numpy(dtype=np.float64) / max(float(done["repaid_usd"].sum()), 1e-300)
        begin, end = story.seconds_of(done)[np.minimum(np.searchsorted(share, CRASH), len(done) - 1)]
        length = max(float(end - begin), 20.0 * story.block_seconds)
        shown = np.searchsorted(story.seconds, [begin - BEFORE * length, end + AFTER * length])
        first, last = int(shown[0]), int(min(shown[1], last))
    return np.unique(np.linspace(first, last, min(frames, last - first + 1)).round().astype(np.int64))


@dataclass(frozen=True, slots=True)
class Stage:
    """What a film is made of: one path, its main asset's debt by liquidation price, and the market that asset has."""

    name: str
    story: Story
    asset: str
    ground: Ground
    depth: Depth | None
    blocks: IntArray

    @classmethod
    def of(cls, results: Results, frames: int = FRAMES) -> "Stage":
        """Set the stage. Raises `ResultsUnreadableError` where nobody owed anything: there is nothing to see."""
        story = Story.read(results)
        grounds = {ground.asset: ground for ground in Ground.read(results, story.path) if ground.debt.any()}
        asset = next((name for name in moving_assets(story) if name in grounds), next(iter(grounds), None))
        if asset is None:
            raise ResultsUnreadableError(
                f"{results.directory} has nothing to animate: nobody owed anything in this run"
            )
        markets = [one for one in Depth.read(results, story.path) if one.base == asset and not one.endless]
        depth = markets[0] if markets else None
        return cls(results.name, story, asset, grounds[asset], depth, moments(story, frames))


def between(seconds: FloatArray, samples: FloatArray, moment: float) -> FloatArray:
    """What was sampled, at a moment between two samples in proportion to how near they are; samples come first."""
    after = int(np.clip(np.searchsorted(seconds, moment), 1, max(len(seconds) - 1, 1))) if len(seconds) > 1 else 0
    if after == 0:
        return np.asarray(samples[0])
    share = float(np.clip((moment - seconds[after - 1]) / (seconds[after] - seconds[after - 1]), 0.0, 1.0))
    mixed: FloatArray = (1.0 - share) * samples[after - 1] + share * samples[after]
    return mixed
