"""Loss by node through time: how far each pool, cohort, claim and insurer is below what it was at the start.

Models: for a pool, the bad debt that it has realised, and what its open positions lack; for depositors, what haircuts
have cut and what of the deficit falls on their claims, and the same for a claim that is an asset, whoever holds it; for
borrowers, the fall of their equity in the pool; for an insurer, the fall of its capital.
Leaves out: what somebody gained, which shows as no loss; gains and losses outside the pools; that each of a cohort can
lose no more than it has.
"""

from collections.abc import Iterable
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from models.compiled import compiled
from models.types import FloatArray, IntArray

if TYPE_CHECKING:
    from abm.agents.borrower import BorrowerCohort
    from abm.model import UnderwaterModel
    from abm.pools.lender import Lender
    from abm.world import World


class NodeLosses:
    """Samples of the losses of every node, by the names of `abm.record.exposures`."""

    def __init__(self) -> None:
        self.rows: list[tuple[int, float, str, float]] = []
        self._at_the_start: dict[str, float] = {}
        self._summed: dict[int, dict[int, tuple[FloatArray, FloatArray]]] = {}  # by pool, then by cohort
        self._watched: set[int] = set()

    def sample(self, model: "UnderwaterModel", bad_debt_usd: dict[str, float]) -> None:
        """Add a row for each node, given the bad debt of each pool so far."""
        world = model.world
        losses: dict[str, float] = {}
        for lender in world.lenders:
            short = lender.liquidatable()
            lacking = float(np.maximum(short.debt_value - short.collateral_value, 0.0).sum())
            losses[f"pool {lender.name}"] = bad_debt_usd.get(lender.name, 0.0) + lacking
        for depositors in model.people.depositors:
            lender = world.lenders[depositors.pool]
            losses[depositors.name] = _of_suppliers(world, lender, depositors.accounts, depositors.deposited)
        for claim in world.claims.of.values():
            holders = slice(claim.account, claim.account + 1)
            loss = _of_suppliers(world, world.lenders[claim.pool], holders, [claim.reserve])
            losses[f"asset {world.assets[claim.asset]}"] = loss
        for name, worth in self._worths(model).items():
            losses[name] = max(self._at_the_start.setdefault(name, worth) - worth, 0.0)
        self.rows += [(world.step, world.now, node, loss) for node, loss in losses.items()]

    def _worths(self, model: "UnderwaterModel") -> dict[str, float]:
        """Return the dollars that borrowers have in their pools beyond their debts, and that insurers own."""
        world = model.world
        worths: dict[str, float] = {}
        for k, borrowers in enumerate(model.people.borrowers):
            lender = world.lenders[borrowers.pool]
            prices = np.array([world.reference[asset] for asset in lender.assets])
            posted, scaled = self._sums(k, borrowers, lender)
            worths[f"borrowers.{k}"] = max(float((posted - scaled * lender.pool.borrow_index) @ prices), 0.0)
        for k, insurer in enumerate(model.people.insurers):
            worths[f"insurers.{k}"] = float(world.ledger.balances[insurer.account] @ world.reference)
        return worths

    def _sums(self, number: int, cohort: "BorrowerCohort", lender: "Lender") -> tuple[FloatArray, FloatArray]:
        """Return what a cohort has posted and owes (scaled), by reserve; summed anew only once a position changed."""
        if cohort.pool not in self._watched:
            self._watched.add(cohort.pool)
            forget = partial(self._forget, cohort.pool)
            lender.pool.on_change(forget, forget)
        sums = self._summed.setdefault(cohort.pool, {})
        if number not in sums:
            first, last = cohort.first_account, cohort.first_account + cohort.count
            pool = lender.pool
            sums[number] = _column_sums(pool.collateral, first, last), _column_sums(pool.scaled_debt, first, last)
        return sums[number]

    def _forget(self, pool: int, _: int | IntArray) -> None:
        self._summed.pop(pool, None)


def _of_suppliers(world: "World", lender: "Lender", rows: slice, reserves: Iterable[int]) -> float:
    """Return what was cut from the claims of these accounts, and what of the deficit is pending on the rest."""
    pool = lender.pool
    loss = 0.0
    for reserve in reserves:
        shares = pool.shares[rows, reserve]
        total = float(pool.total_claims[reserve])
        share = min(float(pool.deficit[reserve]) / total, 1.0) if total > 0.0 else 0.0
        pending = float(shares.sum() * pool.supply_index[reserve]) * share
        units = float(pool.cuts.of(rows, reserve, shares).sum()) + pending
        loss += units * world.reference[lender.assets[reserve]]
    return loss


@compiled()
def _column_sums(table: FloatArray, first: int, last: int) -> FloatArray:  # pragma: no cover - compiled
    """Return the sums of the columns over rows `first` to `last`, in one pass: numpy's is ten times slower here."""
    sums = np.zeros(table.shape[1])
    for row in range(first, last):
        for column in range(table.shape[1]):
            sums[column] += table[row, column]
    return sums
