"""The exposures of a world: who supplies, borrows, collateralises, wraps, insures and prices, cohort by cohort."""

from typing import TYPE_CHECKING

import numpy as np

from models.exposure import COLLATERALISES, INSURED, LENDS, PRICED, SUPPLIES, WRAPS, Exposure

if TYPE_CHECKING:
    from abm.model import UnderwaterModel
    from abm.pools.lender import Lender
    from abm.world import World


def exposures(model: "UnderwaterModel") -> list[Exposure]:
    """Return the exposures as they stand, in dollars; assets, pools and cohorts are named as in the scenario.

    Suppliers of a pool who are no cohort are `others in` it; a claim on a pool is an asset that wraps it.
    """
    found: list[Exposure] = []
    for number, lender in enumerate(model.world.lenders):
        pool = f"pool {lender.name}"
        found += _supply(model, number, lender, pool)
        for k, borrowers in enumerate(model.people.borrowers):
            if borrowers.pool == number:
                rows = slice(borrowers.first_account, borrowers.first_account + borrowers.count)
                found += _borrowing(model.world, lender, f"borrowers.{k}", pool, rows)
        for depositors in model.people.depositors:
            if depositors.pool == number and depositors.terms.loan is not None:
                found += _borrowing(model.world, lender, depositors.name, pool, depositors.accounts)
        for k, insurer in enumerate(model.people.insurers):
            if insurer.pool == number:
                capital = float(model.world.ledger.balances[insurer.account] @ model.world.reference)
                found.append(Exposure(pool, f"insurers.{k}", INSURED, capital))
        found += _pricing(model.world, lender, pool)
    return found


def _supply(model: "UnderwaterModel", number: int, lender: "Lender", pool: str) -> list[Exposure]:
    """Return who holds claims on a pool: cohorts, claims that are assets, and the rest."""
    each = lender.pool.supply_index * lender.prices
    rest = float(lender.pool.total_shares @ each)
    found: list[Exposure] = []
    for depositors in model.people.depositors:
        if depositors.pool == number:
            held = float(lender.pool.shares[depositors.accounts].sum(axis=0) @ each)
            found.append(Exposure(depositors.name, pool, SUPPLIES, held))
            rest -= held
    for claim in model.world.claims.on(number):
        held = float(lender.pool.shares[claim.account, claim.reserve] * each[claim.reserve])
        found.append(Exposure(f"asset {model.world.assets[claim.asset]}", pool, WRAPS, held))
        rest -= held
    if rest > 1e-9 * float(lender.pool.total_shares @ each):
        found.append(Exposure(f"others in {pool}", pool, SUPPLIES, rest))
    return found


def _borrowing(world: "World", lender: "Lender", cohort: str, pool: str, rows: slice) -> list[Exposure]:
    """Return what a pool lends to a cohort, and on which assets the cohort's collateral depends."""
    owed = (lender.pool.scaled_debt[rows].sum(axis=0) * lender.pool.borrow_index) @ lender.prices
    posted = lender.pool.collateral[rows].sum(axis=0) * lender.prices
    found = [Exposure(pool, cohort, LENDS, float(owed))]
    for reserve in np.flatnonzero(posted).tolist():
        asset = world.assets[lender.assets[reserve]]
        found.append(Exposure(cohort, f"asset {asset}", COLLATERALISES, float(posted[reserve])))
    return found


def _pricing(world: "World", lender: "Lender", pool: str) -> list[Exposure]:
    """Return by whose prices a pool values its collateral: a venue's, where the oracle reads it, or an oracle's.

    Where the oracle reports in units of another asset, also by those of that one.
    """
    found: list[Exposure] = []
    posted = lender.pool.total_collateral * lender.prices
    for reserve in np.flatnonzero(posted).tolist():
        asset: int | None = lender.assets[reserve]
        while asset is not None:
            venue = world.exchange_of_base.get(asset)
            if world.scenario.assets[world.assets[asset]].oracle.reads_venue and venue is not None:
                source = f"market {world.exchanges[venue].name}"
            else:
                source = f"oracle {world.assets[asset]}"
            found.append(Exposure(pool, source, PRICED, float(posted[reserve])))
            asset = world.feeds.quote_of(asset)
    return found
