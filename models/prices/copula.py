"""Shocks that are extreme together more often than correlation alone says: the Student-t copula.

**Source**: Demarta and McNeil, "The t copula and related copulas", International Statistical Review 73 (2005).
**Models**: standard normal draws of several assets, tied by a Student-t copula: one chi-square over its degrees of
freedom divides the draws of all assets at a step, and each is then brought back to a normal.
**Leaves out**: more weight on falls than on rises. The tie is between shocks of one step; over many steps a diffusion
comes near to a normal one whatever ties its steps, and what stays is what jumps, regimes and variances have in common.
**Units**: none.
**Invariants**: every asset by itself keeps standard normal draws, so that no law of a single price changes. Kendall's
tau stays 2 arcsin(rho) / pi. The chance that one asset's shock is beyond a far quantile given that another's is tends
to 2 t_(nu+1)(-sqrt((nu + 1) (1 - rho) / (1 + rho))), above zero also where rho = 0; under a normal copula it is zero.
"""

from typing import Literal

import numpy as np
from pydantic import Field
from scipy.special import ndtri, stdtr

from models.parameters import Parameters
from models.types import FloatArray


class StudentCopula(Parameters):
    """The Student-t copula; the fewer its degrees of freedom, the more often extremes coincide."""

    kind: Literal["student_t"] = "student_t"
    degrees_of_freedom: float = Field(ge=1, le=1000)

    def tie(self, normals: FloatArray, rng: np.random.Generator) -> FloatArray:
        """Standard normals of shape (steps, n) with this copula, from those with a normal copula.

        `rng` draws what the assets of a step have in common. A longer array begins with the shorter one.
        """
        nu = self.degrees_of_freedom
        common = np.sqrt(rng.standard_gamma(0.5 * nu, len(normals)) / (0.5 * nu))
        common = np.maximum(common, np.finfo(np.float64).tiny)
        # From the lower tail, where probabilities near 0 are exact and those near 1 would have been rounded.
        tied: FloatArray = -np.sign(normals) * ndtri(stdtr(nu, -np.abs(normals) / common[:, np.newaxis]))
        return tied
