"""Loss by node through time: how far each pool, cohort, claim and insurer is below what it was at the start.

Models: for a pool, the bad debt that it has realised, and what its open positions lack; for depositors, what haircuts
have cut and what of the deficit falls on their claims, and the same for a claim that is an asset, whoever holds it; for
borrowers, the fall of their equity in the pool; for an insurer, the fall of its capital.
Leaves out: what somebody gained, which shows as no loss; gains and losses outside the pools.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from abm.model import UnderwaterModel
    from abm.world import Lender, World

NODE_COLUMNS = ("step", "time_seconds", "node", "loss_usd")


class NodeLosses:
    """Samples of the losses of every node, by the names of `abm.exposures`."""

    def __init__(self) -> None:
        self.rows: list[tuple[int, float, str, float]] = []
        self._at_the_start: dict[str, float] = {}

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
        losses |= {name: self._fall(name, worth) for name, worth in _worths(model).items()}
        self.rows += [(world.step, world.now, node, loss) for node, loss in losses.items()]

    def _fall(self, name: str, worth: float) -> float:
        return max(self._at_the_start.setdefault(name, worth) - worth, 0.0)


def _worths(model: "UnderwaterModel") -> dict[str, float]:
    """Return the dollars that borrowers have in their pools beyond their debts, and that insurers own."""
    world = model.world
    worths: dict[str, float] = {}
    for k, borrowers in enumerate(model.people.borrowers):
        lender = world.lenders[borrowers.pool]
        rows = slice(borrowers.first_account, borrowers.first_account + borrowers.count)
        worths[f"borrowers.{k}"] = _equity(world, lender, rows)
    for k, insurer in enumerate(model.people.insurers):
        worths[f"insurers.{k}"] = float(world.ledger.balances[insurer.account] @ world.reference)
    return worths


def _equity(world: "World", lender: "Lender", rows: slice) -> float:
    prices = np.array([world.reference[asset] for asset in lender.assets])
    owed = lender.pool.scaled_debt[rows].sum(axis=0) * lender.pool.borrow_index
    return float((lender.pool.collateral[rows].sum(axis=0) - owed) @ prices)


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
