"""What a fit of positions says on the terminal, and the blocks of a scenario that come of it."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from abm.agents.borrower import Borrowers
from experiments.fit.fitted import inline
from experiments.fit.positions.joint import Cohort
from experiments.fit.positions.laws import Law
from experiments.fit.positions.reading import Positions
from experiments.numbers import short, three_figures


def describe(positions: Positions, cohorts: Sequence[Cohort]) -> str:
    """What was read and what was left out, and of each collateral and debt the laws tried and the rank correlation."""
    count, total = len(positions.debt_usd), float(positions.debt_usd.sum())
    lines = [f"{positions.source}: {count:,} positions that owe {short(total)} USD"]
    for many, what in (
        (positions.below, "with a health of 1 or less, left out: a scenario starts with healthy ones"),
        (positions.without_debt, "without a debt, left out"),
        (positions.mixed, "with several collaterals or debts, counted as of the largest of each"),
    ):
        if many:
            lines.append(f"{many:,} {what}")
    for cohort in cohorts:
        lines += ["", *_one(cohort, count)]
    return "\n".join(lines)


def _one(cohort: Cohort, everybody: int) -> list[str]:
    """One collateral and debt."""
    share = three_figures(100.0 * cohort.positions / everybody)
    few = ", too few for laws of their own: those of all" if cohort.shared else ""
    lines = [
        f"{cohort.collateral} against {cohort.debt}: {cohort.positions:,} positions ({share} %) that owe "
        f"{short(cohort.total_debt_usd)} USD{few}"
    ]
    for name, laws in (("debt_usd", cohort.sizes), ("health", cohort.healths)):
        lines.append(f"  {name:<20}parameters  log likelihood           AIC  behind the best")
        lines += [_row(place, law, laws[0]) for place, law in enumerate(laws, start=1)]
    lines.append(f"  rank correlation {cohort.rank_correlation:.3f}, standard error {cohort.error:.3f}")
    return lines


def _row(place: int, law: Law, best: Law) -> str:
    return (
        f"    {place} {law.law.kind:<16}{law.parameters:>8}  {law.log_likelihood:>14,.1f}  {law.aic:>12,.1f}"
        f"  {law.aic - best.aic:>15,.1f}"
    )


def blocks(cohorts: Sequence[Cohort], drawn: Sequence[Borrowers]) -> str:
    """The blocks that draw such positions, one for each collateral and debt."""
    lines: list[str] = []
    for cohort, block in zip(cohorts, drawn, strict=True):
        total = cohort.total_debt_usd * (block.count or 0) / cohort.positions
        said = block.model_dump(exclude_none=True, exclude_defaults=True)
        lines += ["[[agents.borrowers]]", *(f"{name} = {inline(value)}" for name, value in said.items())]
        lines += [f"# total_debt_usd = {inline(total)}   # scales them to what so many of the file owe", ""]
    return "\n".join(lines)


def resampling(positions: Positions, count: int) -> str:
    """The block that draws rows of the file itself, blurred by the normal reference rule for two dimensions."""
    spread = min(float(np.log(values).std()) for values in (positions.debt_usd, positions.health - 1.0))
    jitter = spread * len(positions.debt_usd) ** (-1.0 / 6.0)
    said = {"file": Path(positions.source).name, "resample": count, "jitter": float(f"{min(jitter, 1.0):.2g}")}
    return "\n".join(["[[agents.borrowers]]", *(f"{name} = {inline(value)}" for name, value in said.items()), ""])
