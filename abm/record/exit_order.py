"""Who bears what, by exit order: every cohort's deposits in tenths, from the first to ask to those who never did."""

from typing import TYPE_CHECKING

import numpy as np

from abm.record.frames import Columns
from models.types import FloatArray

if TYPE_CHECKING:
    from abm.agents.depositor import DepositorCohort
    from abm.pools.lender import Lender
    from abm.world import World

GROUPS = 10


def by_exit_order(world: "World", cohorts: "list[DepositorCohort]") -> list[tuple[object, ...]]:
    """Return a row for each group of a cohort and reserve, in the order of `abm.record.columns.DEPOSITORS`.

    Members are ranked by when they first asked to leave, those who never did last, and cut into ten groups of as equal
    numbers as there are; a smaller cohort has a group for each member. In units: what was `deposited` at first and
    `brought_back` later, `paid_out`, claims given up for collateral (`in_kind`), what is still claimed at par, what
    haircuts have `cut`, and what of the hole in the books is `pending` on the claims left, in proportion. `haircut` is
    the part cut or pending of what was due; `asked_seconds` the mean of those who asked, nan where nobody did.
    """
    rows: list[tuple[object, ...]] = []
    for cohort in cohorts:
        lender = world.lenders[cohort.pool]
        for reserve, deposited in cohort.deposited.items():
            rows += _of_reserve(world, lender, cohort, reserve, deposited)
    return rows


def lost_by_cohort(tenths: Columns) -> dict[str, float]:
    """Return what each cohort has lost in dollars, cut or pending, and which part that is of what it was due.

    `tenths` are the columns of depositors at the end of a path; of `depositors.1` it is `depositors_1_lost_usd`.
    """
    lost = (tenths["cut"] + tenths["pending"]) * tenths["price_usd"]
    due = (tenths["paid_out"] + tenths["in_kind"] + tenths["claims"] + tenths["cut"]) * tenths["price_usd"]
    found: dict[str, float] = {}
    for cohort in dict.fromkeys(tenths["cohort"]):
        its, name = tenths["cohort"] == cohort, cohort.replace(".", "_")
        lost_usd, due_usd = float(lost[its].sum()), float(due[its].sum())
        found[f"{name}_lost_usd"] = lost_usd
        found[f"{name}_lost_share"] = lost_usd / due_usd if due_usd > 0.0 else 0.0
    return found


def lost_by_others(world: "World", cohorts: "list[DepositorCohort]") -> float:
    """Return what suppliers have lost in dollars, cut or pending, who are in no cohort.

    That is claims behind loss layers and insurers, and what nobody in particular supplies. Claims that are assets are
    not among them: see `hole_in_claims`.
    """
    found = 0.0
    for number, lender in enumerate(world.lenders):
        pool = lender.pool
        others = np.ones(pool.accounts, dtype=np.bool_)
        for cohort in cohorts:
            if cohort.pool == number:
                others[cohort.accounts] = False
        others[[claim.account for claim in world.claims.on(number)]] = False
        for reserve, asset in enumerate(lender.assets):
            shares = pool.shares[:, reserve]
            total, index = float(pool.total_claims[reserve]), float(pool.supply_index[reserve])
            cut = pool.cuts.of(slice(None), reserve, shares)[others].sum()
            pending = min(float(pool.deficit[reserve]) / total, 1.0) * shares[others].sum() * index if total else 0.0
            found += float(cut + pending) * world.reference[asset]
    return found


def hole_in_claims(world: "World") -> float:
    """Return what of the holes still in the books falls, in proportion, on claims that are assets, in dollars."""
    found = 0.0
    for claim in world.claims.of.values():
        pool, reserve = world.lenders[claim.pool].pool, claim.reserve
        total = float(pool.total_claims[reserve])
        if total > 0.0:
            held = float(pool.shares[claim.account, reserve] * pool.supply_index[reserve])
            found += held * min(float(pool.deficit[reserve]) / total, 1.0) * float(world.reference[claim.underlying])
    return found


def _of_reserve(
    world: "World", lender: "Lender", cohort: "DepositorCohort", reserve: int, deposited: FloatArray
) -> list[tuple[object, ...]]:
    pool, exits, rows = lender.pool, lender.exits, cohort.accounts
    claims = pool.shares[rows, reserve] * pool.supply_index[reserve]
    paid, away, in_kind = (part[rows, reserve] for part in (exits.paid, exits.away, exits.in_kind))
    cut = pool.cuts.of(rows, reserve, pool.shares[rows, reserve])
    total = float(pool.total_claims[reserve])
    pending = claims * min(float(pool.deficit[reserve]) / total, 1.0) if total > 0.0 else np.zeros(len(claims))
    asked = exits.asked[rows, reserve]
    rank = np.argsort(np.where(asked > 0, asked, np.iinfo(np.int64).max), kind="stable")
    asset = lender.assets[reserve]
    table: list[tuple[object, ...]] = []
    for group, members in enumerate(np.array_split(rank, min(GROUPS, rank.size))):
        sums = [float(part[members].sum()) for part in (deposited, paid - away, paid, in_kind, claims, cut, pending)]
        _, _, out, kind, left, lost, missing = sums
        due = out + kind + left + lost
        seconds = exits.asked_seconds[rows, reserve][members][asked[members] > 0]
        table.append(
            (cohort.name, lender.name, world.assets[asset], group, members.size, *sums,
             (lost + missing) / due if due > 0.0 else 0.0, out / due if due > 0.0 else 0.0, seconds.size,
             float(seconds.mean()) if seconds.size else np.nan, world.reference[asset])
        )  # fmt: skip
    return table
