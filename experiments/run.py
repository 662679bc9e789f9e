"""Run a scenario's paths and store what became of them; an interrupt keeps those that have finished.

The package imports this module, so it imports nothing slow at its top.
"""

# ruff: noqa: PLC0415 - see above

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from experiments.running.executors import SchedulerLostError
from experiments.running.interrupts import uninterrupted
from experiments.running.paths import Task, run_tasks

if TYPE_CHECKING:
    from abm import Scenario
    from experiments.stored.storage import Results


def run_scenario(
    scenario: "Scenario",
    *,
    seed: int = 1,
    paths: int = 1,
    jobs: int = 1,
    scheduler: str | None = None,
    out: Path | None = None,
    resume: bool = False,
    progress: Callable[[int], None] | None = None,
    command_line: Sequence[str] = (),
) -> "Results":
    """Run `paths` paths and store them in `out` (default `results/<scenario>-<seed>`).

    It runs on `jobs` processes, or on a dask cluster where a `scheduler` is given. With `resume` it computes the paths
    only that the directory does not hold yet, or that failed. An interrupt (Ctrl-C) keeps the paths that have finished:
    the manifest then says `interrupted`. With none finished nothing is written and `KeyboardInterrupt` passes on.
    Raises `ResultsError` when `out` cannot take the results, `SchedulerError` when the cluster cannot be used and
    `ScenarioError` for a seed or a number that is none, or a scenario whose world cannot be built; nothing is written
    in any of these cases. Raises `SchedulerLostError`, with what has finished stored, when the cluster was lost on the
    way.
    """
    from abm.simulation import require_scenario
    from experiments.running.counts import MOST_SEED, whole_number
    from experiments.running.directories import RUN, claimed
    from experiments.stored.storage import Results, default_directory

    seed = whole_number("seed", seed, 0, MOST_SEED)
    paths, jobs = whole_number("paths", paths, 1), whole_number("jobs", jobs, 1)
    require_scenario(scenario)
    directory = Path(out) if out is not None else default_directory(scenario.name, seed)
    with claimed(directory, RUN, resume):
        _run(scenario, seed, paths, jobs, scheduler, directory, progress, command_line)
    return Results.load(directory)


def _run(
    scenario: "Scenario",
    seed: int,
    paths: int,
    jobs: int,
    scheduler: str | None,
    directory: Path,
    progress: Callable[[int], None] | None,
    command_line: Sequence[str],
) -> None:
    from experiments.running.sittings import Sittings

    status, lost = "complete", None
    with Sittings(directory, scenario, seed=seed, paths=paths, jobs=jobs, command_line=command_line) as writer:
        try:
            tasks = [Task(scenario, seed, path) for path in writer.missing]
            run_tasks(tasks, jobs, scheduler, on_result=writer.add, progress=_beyond(writer.earlier, paths, progress))
        except (KeyboardInterrupt, SchedulerLostError) as stopped:
            if not writer.holds_results:
                raise
            status, lost = "interrupted", stopped
        with uninterrupted():
            writer.finish(status)
    if isinstance(lost, SchedulerLostError):
        raise lost


def _beyond(earlier: Sequence[int], paths: int, progress: Callable[[int], None] | None) -> Callable[[int], None] | None:
    """Progress that counts the paths that are there already; a single one that is missing does not tell its blocks."""
    if progress is None or not earlier:
        return progress
    tell, before = progress, len(earlier)
    return (lambda done: tell(before + done)) if paths - before > 1 else None
