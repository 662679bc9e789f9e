"""The exposures of a world: who supplies, borrows, collateralises and insures, cohort by cohort, in dollars."""

from typing import TYPE_CHECKING

import numpy as np

from models.exposure import Exposure

if TYPE_CHECKING:
    from abm.model import UnderwaterModel
    from abm.world import Lender


def exposures(model: "UnderwaterModel") -> list[Exposure]:
    """Return the exposures as they stand; assets, pools and cohorts are named as in the scenario."""
    found: list[Exposure] = []
    for number, lender in enumerate(model.world.lenders):
        pool = f"pool {lender.name}"
        for k, depositors in enumerate(model.people.depositors):
            if depositors.pool == number:
                rows = slice(depositors.first_account, depositors.first_account + depositors.terms.count)
                claims = lender.pool.shares[rows].sum(axis=0) * lender.pool.supply_index
                found.append(Exposure(f"depositors.{k}", pool, "supplies", float(claims @ lender.prices)))
        for k, borrowers in enumerate(model.people.borrowers):
            if borrowers.pool == number:
                found += _borrowing(model, lender, f"borrowers.{k}", pool, borrowers.first_account, borrowers.count)
        for k, insurer in enumerate(model.people.insurers):
            if insurer.pool == number:
                capital = float(model.world.ledger.balances[insurer.account] @ model.world.reference)
                found.append(Exposure(pool, f"insurers.{k}", "is insured by", capital))
    return found


def _borrowing(
    model: "UnderwaterModel", lender: "Lender", cohort: str, pool: str, first: int, count: int
) -> list[Exposure]:
    """Return what a pool lends to a cohort, and on which assets the cohort's collateral depends."""
    rows = slice(first, first + count)
    owed = (lender.pool.scaled_debt[rows].sum(axis=0) * lender.pool.borrow_index) @ lender.prices
    posted = lender.pool.collateral[rows].sum(axis=0) * lender.prices
    found = [Exposure(pool, cohort, "lends to", float(owed))]
    for reserve in np.flatnonzero(posted).tolist():
        asset = model.world.assets[lender.assets[reserve]]
        found.append(Exposure(cohort, f"asset {asset}", "collateralises with", float(posted[reserve])))
    return found
