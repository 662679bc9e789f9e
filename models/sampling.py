"""Where paths of a diffusion end, drawn so that rare ends are seen more often, or all ends evenly.

**Source**: exponential tilting by a shift of the drift, with its likelihood ratio: Glasserman (2003), "Monte Carlo
methods in financial engineering", section 4.6; mixed with plain draws so that no weight is large: Hesterberg (1995),
"Weighted average importance sampling and defensive mixture distributions". Stratification of the terminal value with a
bridge to it: Glasserman, section 4.3.

**Models**: the terminal value Z of a path is the sum of its normal draws over the root of their number, a standard
normal. It is replaced by Z', and every draw is moved by (Z' - Z) over the root of their number, which leaves the bridge
to the end as it was. Draws of other assets move by their correlation with this one, so that they keep it. Importance:
Z' = Z + shift in most paths, and Z in a share of them; the weight is the plain density over the mixture's. Stratified:
path after path takes the next of equally likely parts of the distribution of Z'; all weights are one.

**Leaves out**: strata or tilts of several assets at once, of jumps, of a time before the end.

**Units**: `shift` is in standard deviations of the log price at the end: -2.5 is a fall that one path in 160 exceeds.

**Invariants**: weights have mean one and are at most one over the plain share. The same seed gives the same path.
"""

import math
from statistics import NormalDist
from typing import Annotated, Literal

import numpy as np
from pydantic import Field

from models.parameters import Parameters
from models.types import FloatArray

_NORMAL = NormalDist()


class Importance(Parameters):
    """Most paths end `shift` standard deviations higher than they would; `plain_share` of them as they would."""

    kind: Literal["importance"]
    asset: str
    shift: float = Field(ge=-8, le=8)
    plain_share: float = Field(0.1, gt=0, lt=1)

    def terminal(self, plain: float, seed: int, rng: np.random.Generator) -> tuple[float, float]:
        """Where a path ends, from where it would have ended, and its weight."""
        moved = plain if rng.random() < self.plain_share else plain + self.shift
        tilted = math.exp(self.shift * moved - 0.5 * self.shift**2)  # the density with the shift over the plain one
        return moved, 1.0 / (self.plain_share + (1.0 - self.plain_share) * tilted)


class Stratified(Parameters):
    """Of every `strata` seeds in a row each ends in another one of as many equally likely parts."""

    kind: Literal["stratified"]
    asset: str
    strata: int = Field(ge=2, le=100_000)

    def terminal(self, plain: float, seed: int, rng: np.random.Generator) -> tuple[float, float]:
        """Where a path of this seed ends, and its weight, which is one."""
        share = (seed % self.strata + rng.random()) / self.strata
        return _NORMAL.inv_cdf(min(max(share, 1e-16), 1.0 - 1e-16)), 1.0


Sampling = Annotated[Importance | Stratified, Field(discriminator="kind")]


def move_terminal(normals: FloatArray, correlation: FloatArray, asset: int, by: float) -> FloatArray:
    """Draws whose terminal value of an asset is moved; the other assets' with it, by their correlation.

    `normals` has shape (steps, assets) and is correlated already; its first row moves nothing, as prices begin there.
    """
    moved = normals.copy()
    moved[1:] += by / math.sqrt(len(normals) - 1) * correlation[asset]
    return moved


def terminal_value(normals: FloatArray) -> float:
    """The terminal value of one asset's draws, shape (steps,): a standard normal."""
    return float(normals[1:].sum() / math.sqrt(len(normals) - 1))
