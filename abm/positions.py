"""The positions with which a path starts: of borrowers as drawn, listed or read, of depositors with a loan, and loops.

Models: a loop as `models.looping` has it: own capital is posted, borrowed against at the loan-to-value, and what is
borrowed is posted again, so many times. Where the collateral is a claim on a pool, that is deposit, borrow, deposit.
"""

from dataclasses import dataclass
from math import fsum

import numpy as np

from abm.agents.borrower import Borrowers
from abm.agents.depositor import Depositors
from abm.reading.distributions import draw, pair
from abm.reading.inputs import ScenarioError, read_positions
from abm.scenario import Pool
from abm.streams import Streams
from abm.world import World
from models.looping import leverage
from models.types import FloatArray


@dataclass(slots=True)
class Book:
    """The positions of one cohort of borrowers, units by reserve; both of shape (count, reserves)."""

    key: str
    number: int
    terms: Borrowers
    collateral: FloatArray
    debt: FloatArray


@dataclass(slots=True)
class Loans:
    """The loans of one cohort of depositors, units by reserve; both of shape (count, reserves)."""

    terms: Depositors
    collateral: FloatArray
    debt: FloatArray


@dataclass(slots=True)
class Opening:
    """Everybody's positions in one pool, in the scenario's order; `loans` has an entry for all cohorts of depositors.

    The numbers are those of the cohorts in the scenario.
    """

    books: list[Book]
    loans: list[tuple[int, Loans]]

    @property
    def debts(self) -> list[FloatArray]:
        """What everybody owes."""
        return [book.debt for book in self.books] + [loans.debt for _, loans in self.loans]

    def posted(self, reserve: int) -> float:
        """Units that are posted of a reserve."""
        held = [book.collateral for book in self.books] + [loans.collateral for _, loans in self.loans]
        return fsum(float(collateral[:, reserve].sum()) for collateral in held)


def openings(world: World, streams: Streams) -> list[Opening]:
    """Return everybody's positions at the start, pool by pool, at the first oracle prices."""
    agents = world.scenario.agents
    return [
        Opening(
            [
                _positions(world, streams, k, terms, pool)
                for k, terms in enumerate(agents.borrowers)
                if terms.pool in (None, pool.name)
            ],
            [(k, _loans(terms, pool)) for k, terms in enumerate(agents.depositors) if terms.pool in (None, pool.name)],
        )
        for pool in world.scenario.pools
    ]


def _positions(world: World, streams: Streams, number: int, terms: Borrowers, pool: Pool) -> Book:
    """Return a cohort's positions, in units by reserve."""
    reserves = list(pool.reserves)
    key = f"agents.borrowers.{number}"
    if terms.count is not None:
        return _drawn(world, streams, number, terms, pool)
    if terms.positions is not None:
        collateral, debt = np.zeros((2, len(terms.positions), len(reserves)))
        for k, position in enumerate(terms.positions):
            for name, units in position.collateral.items():
                collateral[k, reserves.index(name)] = units
            for name, units in position.debt.items():
                debt[k, reserves.index(name)] = units
        return Book(key, number, terms, collateral, debt)
    if terms.file is None:
        raise ScenarioError(f"{key} has neither positions nor a file nor a count; give one of them")
    collateral, debt = read_positions(f"{key}.file", terms.file, reserves)
    if terms.resample is not None:
        collateral, debt = _resampled(world, streams("borrowers", str(number), "rows"), terms, pool, collateral, debt)
    return Book(key, number, terms, collateral, debt)


def _resampled(
    world: World, rng: np.random.Generator, terms: Borrowers, pool: Pool, collateral: FloatArray, debt: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Draw rows with replacement, and blur them: a smoothed bootstrap of sizes and healths jointly.

    A row keeps its mix of assets. A health above 1 stays above it; one below is not blurred, nor is that of a row that
    owes nothing.
    """
    count = terms.resample or 0
    rows = rng.integers(len(debt), size=count)
    if terms.jitter == 0.0:
        return collateral[rows], debt[rows]
    factors = np.exp(terms.jitter * rng.standard_normal((count, 2)))
    prices = np.array([world.oracle[world.index[name]] for name in pool.reserves])
    thresholds = np.array([reserve.liquidation_threshold for reserve in pool.reserves.values()])
    owed, limit = debt[rows] @ prices, collateral[rows] @ (prices * thresholds)
    health = np.divide(limit, owed, out=np.ones(count), where=owed > 0.0)
    blurred = np.where(health > 1.0, 1.0 + (health - 1.0) * factors[:, 1], health)
    more = np.divide(blurred, health, out=np.ones(count), where=health > 0.0)
    return collateral[rows] * (factors[:, 0] * more)[:, np.newaxis], debt[rows] * factors[:, :1]


def _drawn(world: World, streams: Streams, number: int, terms: Borrowers, pool: Pool) -> Book:
    """Draw sizes in one of the ways there are; what is posted for a dollar of debt follows, at first oracle prices."""
    key, reserves, count = f"agents.borrowers.{number}", list(pool.reserves), terms.count or 0
    if terms.collateral is None or terms.debt is None:
        raise ScenarioError(f"{key} with a count needs collateral and debt; add what is missing")
    threshold = pool.reserves[terms.collateral].liquidation_threshold
    if terms.equity_usd is not None:
        ltv = terms.loop_ltv if terms.loop_ltv is not None else pool.reserves[terms.collateral].ltv
        borrowed = leverage(ltv, terms.loops) - 1.0
        owed_usd = borrowed * draw(terms.equity_usd, count, streams("borrowers", str(number), "size"))
        posted_per_owed = np.full(count, 1.0 + 1.0 / borrowed)
    elif terms.collateral_usd is not None and terms.limit_used is not None:
        posted_usd = draw(terms.collateral_usd, count, streams("borrowers", str(number), "size"))
        used = np.minimum(draw(terms.limit_used, count, streams("borrowers", str(number), "health")), 1.0)
        posted_per_owed = 1.0 / (used * pool.reserves[terms.collateral].ltv)
        owed_usd = posted_usd / posted_per_owed
    elif terms.debt_usd is not None and terms.health is not None:
        owed_usd = draw(terms.debt_usd, count, streams("borrowers", str(number), "size"))
        health = draw(terms.health, count, streams("borrowers", str(number), "health"), lowest=terms.lowest_health)
        if terms.rank_correlation is not None:
            health = pair(owed_usd, health, terms.rank_correlation, streams("borrowers", str(number), "pairing"))
        posted_per_owed = health / threshold
    else:
        raise ScenarioError(f"{key} with a count needs debt_usd and health; add what is missing")
    if terms.total_debt_usd is not None:
        owed_usd *= terms.total_debt_usd / owed_usd.sum()
    c, d = reserves.index(terms.collateral), reserves.index(terms.debt)
    collateral, debt = np.zeros((count, len(reserves))), np.zeros((count, len(reserves)))
    prices = world.oracle
    debt[:, d] = owed_usd / prices[world.index[terms.debt]]
    collateral[:, c] = owed_usd * posted_per_owed / prices[world.index[terms.collateral]]
    return Book(key, number, terms, collateral, debt)


def _loans(terms: Depositors, pool: Pool) -> Loans:
    """Return what each member of a cohort of depositors has posted and owes; nothing, where it has no loan."""
    reserves = list(pool.reserves)
    collateral, debt = np.zeros((2, terms.count, len(reserves)))
    if terms.loan is not None:
        for side, named in ((collateral, terms.loan.collateral), (debt, terms.loan.debt)):
            for name, units in named.items():
                side[:, reserves.index(name)] = units
    return Loans(terms, collateral, debt)
