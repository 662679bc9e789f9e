"""Plans for sensitivity analysis, and what they say: Morris screening and Sobol indices.

**Source**: elementary effects: Morris (1991), with the mean of their sizes by Campolongo, Cariboni and Saltelli (2007).
First-order and total indices: Sobol (1993), Saltelli et al. (2010). Both as SALib has them (Iwanaga, Usher and Herman,
2022), which is an extra.

**Models**: `morris` walks `size` trajectories on four levels of every factor, (factors + 1) points each: cheap, for
finding out who matters at all. `saltelli` draws `size` base samples, (factors + 2) points each: how much of a metric's
variance over the ranges each factor explains, alone (S1) and with all its interactions (ST). Intervals are bootstraps.

**Leaves out**: second-order indices; the noise of few paths a point, which counts as interaction (all points have the
same seeds, which keeps it small).

**Units**: factors run over the unit cube, so an elementary effect is in the metric's unit, over the whole range.

**Invariants**: the same seed gives the same points and the same indices.
"""

import math
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from typing import Any, Literal, Protocol

import numpy as np
from pydantic import Field, model_validator

from abm import ScenarioError
from models.parameters import Parameters
from models.types import FloatArray

LEVELS = 4
RESAMPLES = 1000


class Side(Protocol):
    """What a plan needs of a factor."""

    def at(self, share: float) -> Any:
        """The value at a share from 0 to 1 of the way."""


class Screening(Parameters):
    """A plan whose points say how much each factor matters."""

    kind: Literal["morris", "saltelli"]
    size: int = Field(16, ge=2, le=100_000)
    seed: int = Field(1, ge=0)

    @model_validator(mode="after")
    def _balanced(self) -> "Screening":
        if self.kind == "saltelli" and self.size & (self.size - 1):
            below = 1 << (self.size.bit_length() - 1)
            raise ValueError(
                f"plan.size = {self.size} cannot be used with saltelli, whose samples are even in powers of two; "
                f"give {below} or {2 * below}"
            )
        return self

    def choose(self, factors: Sequence[Side]) -> Iterator[tuple[Any, ...]]:
        """The points in order. Raises `ScenarioError` where SALib is not installed."""
        for row in self.cube(len(factors)).tolist():
            yield tuple(factor.at(min(max(share, 0.0), 1.0)) for factor, share in zip(factors, row, strict=True))

    def cube(self, sides: int) -> FloatArray:
        """The points in the unit cube, shape (points, sides)."""
        check_installed()
        from SALib.sample import morris, sobol  # noqa: PLC0415  an extra, and slow to import

        if self.kind == "morris":
            drawn = morris.sample(_problem(sides), self.size, num_levels=LEVELS, seed=self.seed)
        else:
            drawn = sobol.sample(_problem(sides), self.size, calc_second_order=False, seed=self.seed)
        return np.asarray(drawn, dtype=np.float64)

    def indices(self, values: FloatArray, sides: int) -> list[dict[str, tuple[float, float]]]:
        """Of each factor its indices by name, with the half width of their 95 % intervals, from one value a point.

        Nothing is known of any factor where a point has no value, nor of shares of a variance that is nothing.
        """
        names = ("mu_star", "mu", "sigma") if self.kind == "morris" else ("ST", "S1")
        flat = self.kind == "saltelli" and values.min() == values.max()
        if flat or not np.isfinite(values).all():
            return [dict.fromkeys(names, (math.nan, math.nan)) for _ in range(sides)]
        from SALib.analyze import morris, sobol  # noqa: PLC0415

        terms: dict[str, Any] = {"num_resamples": RESAMPLES, "print_to_console": False, "seed": self.seed}
        if self.kind == "morris":
            found = morris.analyze(_problem(sides), self.cube(sides), values, num_levels=LEVELS, **terms)
        else:
            found = sobol.analyze(_problem(sides), values, calc_second_order=False, **terms)
        return [
            {name: (float(found[name][k]), float(found[f"{name}_conf"][k]) if f"{name}_conf" in found else math.nan)
             for name in names}
            for k in range(sides)
        ]  # fmt: skip


def check_installed() -> None:
    """Raise `ScenarioError` with the remedy where SALib is not installed."""
    if find_spec("SALib") is None:
        raise ScenarioError(
            "a sensitivity analysis needs SALib, which is missing; pip install 'underwater[sensitivity]'"
        )


def _problem(sides: int) -> dict[str, Any]:
    return {"num_vars": sides, "names": [f"x{k}" for k in range(sides)], "bounds": [[0.0, 1.0]] * sides}
