"""Slot: a path of reference prices, the price of an asset on the rest of the market.

A part is a class of parameters with a `kind`. `with_table` hands it the columns of the file it names and gives back a
`Price` that can be run; a part that names no file (`needs_table` is False) takes an empty table. Where `needs_table` is
True, `file` is the file's name, `columns` are the columns wanted and `time` is the one among them that holds times,
to be handed over in seconds. `diffuses` says whether the normal draws make its moves and none is forgotten, so that a
scenario's `[sampling]` may choose where they end.
"""

from typing import Annotated, Protocol

import numpy as np
from pydantic import Field

from models.prices.bars import BarsPrice, Bridged
from models.prices.block_bootstrap import BlockBootstrapPrice, Resampled
from models.prices.claim import ClaimPrice
from models.prices.constant import ConstantPrice
from models.prices.copula import StudentCopula
from models.prices.correlation import correlate
from models.prices.file import FilePrice, Recorded
from models.prices.first_passage import touch_probability
from models.prices.garch import GarchPrice
from models.prices.gbm import GbmPrice, check_range
from models.prices.heston import HestonPrice
from models.prices.impact import Impact, ImpactState, LinearImpact, NoImpact, SquareRootImpact
from models.prices.jump_diffusion import JumpDiffusionPrice
from models.prices.mean_reverting import MeanRevertingPrice
from models.prices.path import PathPrice
from models.prices.regime_switching import RegimeSwitchingPrice
from models.prices.relative import RelativePrice
from models.types import FloatArray

__all__ = [
    "AssetPrice",
    "BarsPrice",
    "BlockBootstrapPrice",
    "Bridged",
    "ClaimPrice",
    "ConstantPrice",
    "DerivedPrice",
    "FilePrice",
    "GarchPrice",
    "GbmPrice",
    "HestonPrice",
    "Impact",
    "ImpactState",
    "JumpDiffusionPrice",
    "LinearImpact",
    "MeanRevertingPrice",
    "NoImpact",
    "PathPrice",
    "Price",
    "PriceTerms",
    "Recorded",
    "RegimeSwitchingPrice",
    "RelativePrice",
    "Resampled",
    "SquareRootImpact",
    "StudentCopula",
    "check_range",
    "correlate",
    "touch_probability",
]


class Price(Protocol):
    """What the price of one asset does, before anything that is traded in the simulation moves it."""

    @property
    def start_price(self) -> float:
        """Price at step 0, in quote per unit."""
        ...

    def path(self, steps: int, step_seconds: float, normals: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Prices at steps 0 … steps - 1, shape (steps,), all positive and finite; element 0 is `start_price`.

        `normals`, shape (steps,), are standard normal draws, already tied over the assets; diffusions alone use them.
        Whatever else is random (bridges, jumps, regimes, what moves a variance) is drawn from `rng`, which assets have
        alike where they are to meet the same. A longer path begins with the shorter one.
        """
        ...


_PathPrice = (
    ConstantPrice
    | PathPrice
    | FilePrice
    | BarsPrice
    | GbmPrice
    | JumpDiffusionPrice
    | GarchPrice
    | HestonPrice
    | RegimeSwitchingPrice
    | MeanRevertingPrice
    | BlockBootstrapPrice
)

PriceTerms = Annotated[_PathPrice, Field(discriminator="kind")]

DerivedPrice = ClaimPrice | RelativePrice
"""Worked out from the price of another asset, its `underlying`; these can be priced in a world only."""

AssetPrice = Annotated[_PathPrice | DerivedPrice, Field(discriminator="kind")]
"""Of an asset in a world: a path of its own, or one that follows from another's."""

RelativePrice.model_rebuild()  # its ratio is any price with a path of its own: the list is known only now
