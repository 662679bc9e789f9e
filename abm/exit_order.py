"""Who bears what, by exit order: every cohort's deposits in tenths, from the first to ask to those who never did."""

from typing import TYPE_CHECKING

import numpy as np

from models.types import FloatArray

if TYPE_CHECKING:
    from abm.agents.depositor import DepositorCohort
    from abm.world import Lender, World

GROUPS = 10

DEPOSITOR_COLUMNS = (
    "cohort", "pool", "asset", "group", "members", "deposited", "brought_back", "paid_out", "claims", "cut", "pending",
    "haircut", "left_share", "asked_members", "asked_seconds", "price_usd",
)  # fmt: skip


def by_exit_order(world: "World", cohorts: "list[DepositorCohort]") -> list[tuple[object, ...]]:
    """Return a row for each group of a cohort and reserve, in the order of `DEPOSITOR_COLUMNS`.

    Members are ranked by when they first asked to leave, those who never did last, and cut into ten groups of as equal
    numbers as there are; a smaller cohort has a group for each member. In units: what was `deposited` at first and
    `brought_back` later, `paid_out`, what is still claimed at par, what haircuts have `cut`, and what of the hole in
    the books is `pending` on the claims left, in proportion. `haircut` is the part cut or pending of what was due;
    `asked_seconds` the mean of those who asked, nan where nobody did.
    """
    rows: list[tuple[object, ...]] = []
    for cohort in cohorts:
        lender = world.lenders[cohort.pool]
        for reserve, deposited in cohort.deposited.items():
            rows += _of_reserve(world, lender, cohort, reserve, deposited)
    return rows


def _of_reserve(
    world: "World", lender: "Lender", cohort: "DepositorCohort", reserve: int, deposited: FloatArray
) -> list[tuple[object, ...]]:
    pool, exits, rows = lender.pool, lender.exits, cohort.accounts
    claims = pool.shares[rows, reserve] * pool.supply_index[reserve]
    paid, away = exits.paid[rows, reserve], exits.away[rows, reserve]
    cut = pool.cuts.of(rows, reserve, pool.shares[rows, reserve])
    total = float(pool.total_claims[reserve])
    pending = claims * min(float(pool.deficit[reserve]) / total, 1.0) if total > 0.0 else np.zeros(len(claims))
    asked = exits.asked[rows, reserve]
    rank = np.argsort(np.where(asked > 0, asked, np.iinfo(np.int64).max), kind="stable")
    asset = lender.assets[reserve]
    table: list[tuple[object, ...]] = []
    for group, members in enumerate(np.array_split(rank, min(GROUPS, rank.size))):
        sums = [float(part[members].sum()) for part in (deposited, paid - away, paid, claims, cut, pending)]
        _, _, out, left, lost, missing = sums
        due = out + left + lost
        seconds = exits.asked_seconds[rows, reserve][members][asked[members] > 0]
        table.append(
            (cohort.name, lender.name, world.assets[asset], group, members.size, *sums,
             (lost + missing) / due if due > 0.0 else 0.0, out / due if due > 0.0 else 0.0, seconds.size,
             float(seconds.mean()) if seconds.size else np.nan, world.reference[asset])
        )  # fmt: skip
    return table
