"""Put an experiment to the simulator: simulate every path of every point, and keep what the question asks for.

Path k of every point has the seed `seed + k`: points meet the same prices and people, so that differences between them
are taken seed by seed. Paths are computed seed by seed over all points, so that an interrupt leaves whole seeds behind.
"""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from experiments.asking.answering import Paths, answer_rows, imprecision, run_tables
from experiments.asking.answers import (
    ANSWER,
    FILE,
    RUNS,
    SENSITIVITY,
    Answer,
    default_directory,
    points_table,
    write_tables,
)
from experiments.asking.firsts import keep_first
from experiments.asking.inquiry import Inquiry
from experiments.asking.question import Experiment
from experiments.asking.screening import Screening
from experiments.running.cells import FINISHED, Address, Cell
from experiments.running.directories import EXPERIMENT, claimed
from experiments.running.executors import Crew, SchedulerLostError, carried_out
from experiments.running.interrupts import uninterrupted
from experiments.running.shards import Bench, Cells, Progress
from experiments.sensitivity import indices
from experiments.stored.provenance import provenance
from experiments.stored.seals import seals
from experiments.stored.storage import write_json, write_scenario

PRECISE_ENOUGH = 10_000
"""Paths that `--precision` adds up to at most."""

FEWEST_MORE = 10
"""Paths that are added at least when an interval is not narrow enough yet."""


@dataclass(slots=True)
class _Made:
    """What has been made so far: the cells there are, how many paths each point has, and where they are."""

    inquiry: Inquiry
    cells: Cells
    paths: int
    status: str = "interrupted"
    imprecision: float = math.nan
    addresses: list[Address] = field(default_factory=list)

    def of_point(self, point: int) -> list[Cell]:
        """The cells of a point, path by path."""
        seed = self.inquiry.experiment.seed
        return [self.addresses[point].cell(path, seed) for path in range(self.paths)]

    def gather(self, point: int) -> Paths:
        """What is there of a point."""
        return Paths.of(self.cells, self.of_point(point), self.inquiry.strata)


def ask(
    inquiry: Inquiry,
    *,
    out: Path | None = None,
    jobs: int = 1,
    scheduler: str | None = None,
    resume: bool = False,
    progress: Progress | None = None,
    command_line: Sequence[str] = (),
) -> Answer:
    """Answer an inquiry and store the answer in `out` (default `results/<name>-<seed>`).

    It runs on `jobs` processes, or on a dask cluster where a `scheduler` is given. With `resume` it goes on from what
    the directory holds. An interrupt (Ctrl-C) keeps the paths that have finished, and the manifest then says
    `interrupted`; with none finished nothing is written and `KeyboardInterrupt` passes on. Raises `ResultsError` when
    `out` cannot take the results, `SchedulerError` when the cluster cannot be used, and `SchedulerLostError`, with what
    has finished stored, when it was lost on the way.
    """
    experiment = inquiry.experiment
    directory = Path(out) if out is not None else default_directory(experiment.name, experiment.seed)
    with claimed(directory, EXPERIMENT, resume, experiment.name):
        started = time.monotonic()
        addresses = [Address(scenario) for scenario in inquiry.scenarios]
        made = _Made(inquiry, Cells(directory), experiment.paths, addresses=addresses)

        def work(workers: Crew) -> None:
            _simulate(made, Bench(made.cells, workers, progress))
            keep_first(inquiry, directory)

        stopped = carried_out(work, directory, jobs, scheduler)
        made.status = "complete" if stopped is None else "interrupted"
        with uninterrupted():
            _store(made, directory, command_line, time.monotonic() - started)
        if isinstance(stopped, SchedulerLostError):
            raise stopped
        answer = Answer.load(directory)
        if isinstance(experiment.plan, Screening) and made.status == "complete" and not answer.table.empty:
            with uninterrupted():
                indices(answer).to_parquet(directory / SENSITIVITY, index=False)
    return answer


def _simulate(made: _Made, bench: Bench) -> None:
    """Compute the paths asked for, and more while the intervals of the main estimand are wider than wanted."""
    first, seed, wanted = 0, made.inquiry.experiment.seed, made.inquiry.precision
    bench.expected = planned = len(made.addresses) * made.paths
    while True:
        bench.compute([of.cell(path, seed) for path in range(first, made.paths) for of in made.addresses], planned)
        if wanted is None:
            return
        made.imprecision = imprecision(made.inquiry, made.gather)
        if not made.imprecision > wanted or made.paths >= PRECISE_ENOUGH:
            return
        first, planned = made.paths, 0
        many = made.paths * min(2.0, (made.imprecision / wanted) ** 2)
        made.paths = min(PRECISE_ENOUGH, max(made.paths + FEWEST_MORE, math.ceil(many)))


def _store(made: _Made, directory: Path, command_line: Sequence[str], seconds: float) -> None:
    """Write the tables and, last of them, the manifest; then the cells of an experiment that is complete are packed."""
    inquiry, experiment = made.inquiry, made.inquiry.experiment
    directory.mkdir(parents=True, exist_ok=True)
    write_scenario(directory, inquiry.base)
    stored = experiment.to_dict() | {"scenario": "scenario.toml", "set": {}, "paths": made.paths}
    (directory / FILE).write_text(Experiment.from_dict(stored).to_toml(), encoding="utf-8")
    for name in (ANSWER, RUNS, SENSITIVITY):  # what an earlier sitting left here
        (directory / name).unlink(missing_ok=True)
    points = points_table(inquiry.points, experiment.factors)
    runs, answer = run_tables(inquiry, made.gather, points), answer_rows(inquiry, made.gather)
    digest = write_tables(directory, points, runs, answer)
    _, rows = made.cells.rows([cell for k in range(len(points)) for cell in made.of_point(k)])
    failed = rows.filter(pc.not_equal(rows["status"], pa.scalar(FINISHED)))
    write_json(
        directory / "manifest.json",
        {
            "kind": EXPERIMENT,
            "experiment": experiment.name,
            "scenario": inquiry.base.name,
            "status": made.status,
            "seed": experiment.seed,
            "paths": made.paths,
            "points": len(points),
            "runs_finished": rows.num_rows - failed.num_rows,
            "runs_requested": len(points) * made.paths,
            "failed_runs": failed.num_rows,
            "first_failure": failed["error"][0].as_py() if failed.num_rows else None,
            "left_out": inquiry.left_out,
            "metrics": list(inquiry.metrics),
            "baseline": inquiry.baseline,
            "precision": {"asked": inquiry.precision, "reached": made.imprecision, "most_paths": PRECISE_ENOUGH},
            **provenance(command_line),
            "wall_seconds": round(seconds, 3),
            "digest": digest,
            "files": seals(directory),
        },
    )
    if made.status == "complete":
        made.cells.pack()
