"""A price that never moves.

**Source**: none; the degenerate case of every other part.
**Models**: a numeraire, or an asset whose own moves are not the question.
**Leaves out**: everything else.
**Units**: quote per unit of the asset.
**Invariants**: every element of a path is `price`.
"""

from collections.abc import Mapping
from typing import ClassVar, Literal, Self

import numpy as np
from pydantic import Field

from models.parameters import Parameters
from models.types import FloatArray


class ConstantPrice(Parameters):
    """One price for ever."""

    needs_table: ClassVar[bool] = False
    diffuses: ClassVar[bool] = False

    kind: Literal["constant"] = "constant"
    price: float = Field(gt=0)

    @property
    def start_price(self) -> float:
        """Price at step 0."""
        return self.price

    def with_table(self, columns: Mapping[str, FloatArray]) -> Self:
        """Itself: there is no table to read."""
        return self

    def path(self, steps: int, step_seconds: float, normals: FloatArray, rng: np.random.Generator) -> FloatArray:
        """`price`, `steps` times."""
        return np.full(steps, self.price, dtype=np.float64)
