"""The command `underwater fit` for a file of positions: read it, fit the joint law, print it, and draw it."""

from pathlib import Path

from experiments.fit.positions.joint import counts, drawn, fit
from experiments.fit.positions.reading import read
from experiments.fit.positions.text import blocks, describe, resampling
from experiments.shipped import load_scenario
from experiments.stored.storage import check_vacant


def fit_positions(file: Path, scenario: str | None, pool: str | None, count: int | None, out: Path | None) -> None:
    """Fit a file and print the outcome with the blocks to paste, of `count` positions (as many as in the file).

    Where `out` is given the blocks and a figure are put there. Raises `ScenarioError` or `ResultsError`.
    """
    positions = read(file, load_scenario(scenario) if scenario is not None else None, pool)
    if out is not None:
        check_vacant(out)
    cohorts = fit(positions)
    total = len(positions.debt_usd) if count is None else count
    wanted = [(cohort, many) for cohort, many in zip(cohorts, counts(cohorts, total), strict=True) if many]
    made = [cohort.borrowers(many) for cohort, many in wanted]
    pasted = blocks([cohort for cohort, _ in wanted], made)
    print(describe(positions, cohorts), pasted, sep="\n\n")
    if positions.in_units:
        print("Or rows of the file itself, blurred:", resampling(positions, total), sep="\n\n")
    if out is not None:
        from experiments.figures.saving import save  # noqa: PLC0415  matplotlib is slow to import
        from experiments.fit.positions.figure import draw  # noqa: PLC0415

        out.mkdir(parents=True, exist_ok=True)
        as_many = [cohort.borrowers(cohort.positions) for cohort in cohorts]
        save(draw(positions, *drawn(as_many, seed=1)), out / "positions.png")
        (out / "positions.toml").write_text(pasted, encoding="utf-8")
        print(f"Figure and blocks in {out}", flush=True)
