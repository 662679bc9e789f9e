"""The joint law of sizes and healths: for each collateral and debt two marginals, and how their ranks go together.

**Source**: the standard error of a rank correlation is that of Bonett and Wright (2000).
**Models**: a Gaussian copula with the rank correlation (Spearman's) of the positions.
**Leaves out**: dependence in the tails beyond a Gaussian copula's, such as whales who all sit close to liquidation;
rows of the file itself, drawn with `resample`, have it. That one person has several positions.
"""

import math
from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

from abm import ScenarioError
from abm.agents.borrower import Borrowers
from abm.reading.distributions import draw, pair
from experiments.fit.positions.laws import Law, healths, sizes
from experiments.fit.positions.reading import LEAST_POSITIONS, Positions
from models.types import FloatArray

LOWEST_HEALTH: float = Borrowers.model_fields["lowest_health"].default
"""What a scenario lifts drawn healths to unless it is told otherwise."""


@dataclass(frozen=True, slots=True, eq=False)
class Cohort:
    """The positions of one collateral and debt, and the laws they are drawn from, the best of each first.

    `shared` says that they are too few for laws of their own, and have those of all positions.
    """

    collateral: str
    debt: str
    positions: int
    total_debt_usd: float
    shared: bool
    sizes: list[Law]
    healths: list[Law]
    rank_correlation: float
    error: float
    lowest_health: float

    def borrowers(self, count: int) -> Borrowers:
        """The block of a scenario that draws so many of them."""
        return Borrowers(
            count=count,
            collateral=self.collateral,
            debt=self.debt,
            debt_usd=self.sizes[0].law,
            health=self.healths[0].law,
            rank_correlation=float(f"{self.rank_correlation:.4f}"),
            lowest_health=self.lowest_health,
        )


def fit(positions: Positions) -> list[Cohort]:
    """Fit a cohort to each collateral and debt, the most frequent ones first. Raises `ScenarioError`."""
    everybody = np.ones(len(positions.debt_usd), dtype=np.bool_)
    cohorts = []
    for (collateral, debt), own in positions.by_pair.items():
        count = int(np.count_nonzero(own))
        shared = count < LEAST_POSITIONS
        chosen = everybody if shared else own
        owed, health = positions.debt_usd[chosen], positions.health[chosen]
        for name, values in (("debts", owed), ("healths", health)):
            if np.ptp(values) == 0.0:
                raise ScenarioError(
                    f"all {name} in {collateral} against {debt} are {values[0]:g}, so that there is nothing to fit; "
                    "draw from the file itself with resample"
                )
        of_sizes, of_healths = sizes(owed), healths(health)
        for name, values, laws in (("debts", owed, of_sizes), ("healths", health, of_healths)):
            if not laws:
                raise ScenarioError(
                    f"{name} in {collateral} against {debt} reach from {values.min():g} to {values.max():g}, wider "
                    "than any law that a scenario draws; leave out what is wrong, or draw from the file with resample"
                )
        correlation = spearman(owed, health)
        cohorts.append(
            Cohort(
                collateral=collateral,
                debt=debt,
                positions=count,
                total_debt_usd=float(positions.debt_usd[own].sum()),
                shared=shared,
                sizes=of_sizes,
                healths=of_healths,
                rank_correlation=correlation,
                error=(1.0 - correlation**2) * math.sqrt((1.0 + 0.5 * correlation**2) / (len(owed) - 3)),
                lowest_health=min(LOWEST_HEALTH, float(f"{health.min():.6g}")),
            )
        )
    return cohorts


def spearman(one: FloatArray, other: FloatArray) -> float:
    """The correlation of ranks, those of equal values shared."""
    return float(np.corrcoef(rankdata(one), rankdata(other))[0, 1])


def counts(cohorts: list[Cohort], total: int) -> list[int]:
    """How many of `total` positions each cohort has, by its share: what is over goes to the largest remainders."""
    shares = np.array([cohort.positions for cohort in cohorts]) * total / sum(cohort.positions for cohort in cohorts)
    whole = np.floor(shares).astype(np.int64)
    for k in np.argsort(whole - shares, kind="stable")[: total - int(whole.sum())]:
        whole[k] += 1
    return [int(count) for count in whole]


def drawn(blocks: list[Borrowers], seed: int) -> tuple[FloatArray, FloatArray]:
    """Debts and healths as a scenario draws them, shape (positions,) each."""
    rng = np.random.default_rng(seed)
    owed, health = [], []
    for block in blocks:
        count = block.count or 0
        assert block.debt_usd is not None
        assert block.health is not None
        owed.append(draw(block.debt_usd, count, rng))
        healths = draw(block.health, count, rng, lowest=block.lowest_health)
        health.append(pair(owed[-1], healths, block.rank_correlation or 0.0, rng))
    return np.concatenate(owed), np.concatenate(health)
