"""A price that is written out, step by step.

**Source**: none; the prices are the user's own.
**Models**: a stylised shock, or an example small enough to be checked by hand.
**Leaves out**: time: an element is one step whatever a step lasts.
**Units**: quote per unit of the asset.
**Invariants**: step k has element k; past the end the last element holds.
"""

from collections.abc import Mapping
from typing import ClassVar, Literal, Self

import numpy as np
from pydantic import Field, PositiveFloat

from models.parameters import Parameters
from models.types import FloatArray


class PathPrice(Parameters):
    """Prices, one per step; the last one holds."""

    needs_table: ClassVar[bool] = False
    diffuses: ClassVar[bool] = False

    kind: Literal["path"] = "path"
    prices: list[PositiveFloat] = Field(min_length=1)

    @property
    def start_price(self) -> float:
        """Price at step 0."""
        return self.prices[0]

    def with_table(self, columns: Mapping[str, FloatArray]) -> Self:
        """Itself: there is no table to read."""
        return self

    def path(self, steps: int, step_seconds: float, normals: FloatArray, rng: np.random.Generator) -> FloatArray:
        """The prices as they are written, cut or held to `steps`."""
        path = np.full(steps, self.prices[-1], dtype=np.float64)
        path[: len(self.prices)] = self.prices[:steps]
        return path
