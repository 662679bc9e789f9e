"""Compare liquidation designs on the same seeds.

Path k of every design has the seed `seed + k`: the same prices, people and liquidators, so that designs differ by their
rules alone. Paths are computed seed by seed over all designs, so that an interrupt leaves whole seeds behind.
"""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from abm import Scenario, ScenarioError
from experiments.comparing.comparison import (
    RANKING,
    ROWS,
    TUNING,
    Comparison,
    default_directory,
    write_ranking,
    write_table,
)
from experiments.comparing.entrants import Entrant, baseline_of, field_of
from experiments.comparing.objectives import Objective, parse_objectives
from experiments.comparing.ranking import imprecision, rank
from experiments.comparing.tune import Tuning, gains, tune, tuned_name
from experiments.running.cells import Address, Cell
from experiments.running.counts import MOST_SEED, whole_number
from experiments.running.directories import COMPARISON, claimed
from experiments.running.executors import SchedulerLostError, carried_out
from experiments.running.interrupts import uninterrupted
from experiments.running.shards import COURSES, Bench, Cells, Progress
from experiments.stored.provenance import provenance
from experiments.stored.seals import seals
from experiments.stored.storage import write_json, write_scenario

MOST_PATHS = 2000
FEWEST_MORE = 10
"""Paths that are added at least when an interval is not narrow enough yet."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A comparison that can be made: checked, with a world that can be built for every entrant."""

    scenario: Scenario
    entrants: tuple[Entrant, ...]
    left_out: dict[str, str]
    objectives: tuple[Objective, ...]
    baseline: str
    seed: int
    paths: int
    precision: float | None
    trials: int

    @classmethod
    def of(
        cls,
        scenario: Scenario,
        designs: str = "all",
        *,
        seed: int = 1,
        paths: int = 50,
        objectives: str | None = None,
        baseline: str | None = None,
        precision: float | None = None,
        trials: int = 0,
    ) -> "Plan":
        """Check everything that can be wrong, before anything is run or written. Raises `ScenarioError`."""
        if scenario.sampling is not None:
            raise ScenarioError(
                "a comparison counts every path alike, but [sampling] weighs them; remove it, or put the designs into "
                "an experiment, which keeps the weights"
            )
        seed, paths = whole_number("seed", seed, 0, MOST_SEED), whole_number("paths", paths, 1)
        of_designs = field_of(scenario, designs, seed)
        names = [entrant.name for entrant in of_designs.entrants]
        return cls(
            scenario,
            of_designs.entrants,
            of_designs.left_out,
            parse_objectives(objectives, of_designs.metrics),
            baseline_of(scenario, names, baseline),
            seed,
            paths,
            precision,
            trials,
        )


@dataclass(slots=True)
class _Made:
    """What a comparison has made so far."""

    status: str = "interrupted"
    tuning: Tuning | None = None
    paths: int = 0
    imprecision: float = math.nan
    addresses: dict[str, Address] = field(default_factory=dict)


def compare(
    plan: Plan,
    *,
    out: Path | None = None,
    jobs: int = 1,
    scheduler: str | None = None,
    resume: bool = False,
    progress: Progress | None = None,
    command_line: Sequence[str] = (),
) -> Comparison:
    """Run a comparison and store it in `out` (default `results/<scenario>-compare-<seed>`).

    It runs on `jobs` processes, or on a dask cluster where a `scheduler` is given. With `resume` it goes on from the
    cells that the directory holds. An interrupt (Ctrl-C) keeps the cells that have finished, and the manifest then says
    `interrupted`; with none finished nothing is written and `KeyboardInterrupt` passes on. Raises `ResultsError` when
    `out` cannot take the results, `SchedulerError` when the cluster cannot be used, and `SchedulerLostError`, with what
    has finished stored, when it was lost on the way.
    """
    directory = Path(out) if out is not None else default_directory(plan.scenario.name, plan.seed)
    with claimed(directory, COMPARISON, resume):
        started = time.monotonic()
        cells = Cells(directory)
        made = _Made(paths=plan.paths)
        stopped = carried_out(
            lambda workers: _simulate(plan, Bench(cells, workers, progress), made), directory, jobs, scheduler
        )
        made.status = "complete" if stopped is None else "interrupted"
        with uninterrupted():
            _store(plan, made, cells, directory, command_line, time.monotonic() - started)
    if isinstance(stopped, SchedulerLostError):
        raise stopped
    return Comparison.load(directory)


def _simulate(plan: Plan, bench: Bench, made: _Made) -> None:
    """Tune if asked to, then add paths until there are as many as asked for, or intervals are as narrow."""
    entrants = list(plan.entrants)
    bench.expected = len(entrants) * plan.paths
    if plan.trials:
        bench.expected += len(entrants) * plan.paths
        made.tuning = tune(plan.entrants, plan.objectives, plan.seed, plan.trials, plan.paths, bench)
        entrants += made.tuning.entrants
    made.addresses = {entrant.name: Address(entrant.scenario) for entrant in entrants}
    first, planned = 0, len(entrants) * plan.paths
    while True:
        cells = [cell for path in range(first, made.paths) for cell in _cells_of_seed(plan, made, path)]
        bench.compute(cells, planned)
        if plan.precision is None:
            return
        made.imprecision = imprecision(_rows(plan, made, bench.cells), plan.objectives[0])
        if not made.imprecision > plan.precision or made.paths >= MOST_PATHS:
            return
        first, planned = made.paths, 0
        made.paths = _more_paths(made.paths, made.imprecision / plan.precision)


def _more_paths(paths: int, too_wide: float) -> int:
    """How many paths to have next: as the width goes with the root of their number, but never more than twice."""
    wanted = paths * min(2.0, too_wide**2)
    return min(MOST_PATHS, max(paths + FEWEST_MORE, math.ceil(wanted)))


def _cells_of_seed(plan: Plan, made: _Made, path: int) -> list[Cell]:
    """The cells of all entrants on one seed; of the first one the course is kept."""
    return [address.cell(path, plan.seed, course=path == 0) for address in made.addresses.values()]


def _rows(plan: Plan, made: _Made, cells: Cells) -> pd.DataFrame:
    """The table of the comparison as far as it is there: entrant after entrant, path after path."""
    rows: list[dict[str, Any]] = []
    for name, address in made.addresses.items():
        for path in range(made.paths):
            row = cells.row(address.cell(path, plan.seed))
            if row is not None:
                rows.append({"design": name, "path": path, "seed": plan.seed + path, **row})
    return pd.DataFrame(rows)


def _store(plan: Plan, made: _Made, cells: Cells, directory: Path, command_line: Sequence[str], seconds: float) -> None:
    """Write the tables and, last of them, the manifest; then the cells of a comparison that is complete are packed."""
    directory.mkdir(parents=True, exist_ok=True)
    write_scenario(directory, plan.scenario)
    rows = _rows(plan, made, cells)
    digest = None
    for name in (ROWS, RANKING, TUNING):  # what an earlier comparison left here
        (directory / name).unlink(missing_ok=True)
    if not rows.empty:
        digest = write_table(directory / ROWS, rows)
        if set(made.addresses) == set(rows["design"]):
            write_ranking(directory, _ranking(plan, made, rows))
    if made.tuning is not None:
        write_table(directory / TUNING, made.tuning.history)
    if made.status == "complete":
        _write_courses(plan, made, cells, directory)
    failed = rows[rows["status"] == "failed"] if not rows.empty else rows
    write_json(
        directory / "manifest.json",
        {
            "kind": COMPARISON,
            "scenario": plan.scenario.name,
            "status": made.status,
            "designs": {entrant.name: entrant.parameters for entrant in plan.entrants},
            "tuned": {entrant.name: entrant.parameters for entrant in (made.tuning.entrants if made.tuning else ())},
            "left_out": plan.left_out,
            "seed": plan.seed,
            "paths": made.paths,
            "runs_finished": len(rows) - len(failed),
            "runs_requested": max(len(made.addresses), len(plan.entrants)) * made.paths,
            "failed_runs": failed[["design", "path", "seed", "error"]].to_dict("records") if len(failed) else [],
            "precision": {"asked": plan.precision, "reached": made.imprecision, "most_paths": MOST_PATHS},
            **provenance(command_line),
            "wall_seconds": round(seconds, 3),
            "digest": digest,
            "files": seals(directory),
        },
    )
    if made.status == "complete":
        cells.pack()


def _ranking(plan: Plan, made: _Made, rows: pd.DataFrame) -> dict[str, Any]:
    """The ranking of the designs as they are; of the tuned ones another; and what tuning gained each."""
    names = [entrant.name for entrant in plan.entrants]
    ranking = rank(rows[rows["design"].isin(names)], plan.objectives, plan.baseline)
    if made.tuning is not None:
        tuned = rows[~rows["design"].isin(names)]
        ranking["tuned"] = rank(tuned, plan.objectives, tuned_name(plan.baseline)) if len(tuned) else None
        ranking["gains"] = gains(rows, names, plan.objectives) if len(tuned) else []
    return ranking


def _write_courses(plan: Plan, made: _Made, cells: Cells, directory: Path) -> None:
    courses = []
    for name, address in made.addresses.items():
        cell = address.cell(0, plan.seed, course=True)
        course = cells.course(cell)
        if course is not None:
            courses.append(course.assign(design=name, cell=cell.address))
    none = pd.DataFrame({"design": [], "cell": []})
    write_table(directory / COURSES, pd.concat(courses, ignore_index=True) if courses else none)
