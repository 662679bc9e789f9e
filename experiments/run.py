"""Run a scenario's paths, on one core or several, and keep every one that finishes.

Path k of a run uses seed + k, wherever it is computed: the results do not depend on the number of workers. This
module is imported by every worker before it can ignore Ctrl-C, so it imports nothing slow at its top.
"""

# ruff: noqa: PLC0415 - see above

import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from experiments.executors import Here, SchedulerLostError, crew
from experiments.interrupts import give_up_if_asked, uninterrupted
from experiments.runner import Lost, run_all

if TYPE_CHECKING:
    import pandas as pd

    from abm import Scenario
    from experiments.storage import Results

DIED = "the worker process died while running this path (was there enough memory?)"


@dataclass(frozen=True, slots=True)
class PathOutcome:
    """What became of one path: its tables and its summary, or the reason why it has none. The label is the task's."""

    path: int
    seed: int
    tables: "dict[str, pd.DataFrame]" = field(default_factory=dict)
    summary: dict[str, float] = field(default_factory=dict)
    error: str | None = None
    trace: str | None = None
    label: str = ""
    weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Task:
    """One path to simulate: number `path` of a scenario, with `seed + path`; without tables where nobody reads them.

    The outcome carries the label: after an interrupt some outcomes are missing, and their order does not tell which.
    """

    scenario: "Scenario"
    seed: int
    path: int
    tables: bool = True
    label: str = ""


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
    `ScenarioError` when the scenario's world cannot be built; nothing is written in any of these cases. Raises
    `SchedulerLostError`, with what has finished stored, when the cluster was lost on the way.
    """
    from experiments.directories import RUN, check_directory
    from experiments.resuming import Earlier
    from experiments.storage import Results, ResultsWriter, default_directory

    directory = Path(out) if out is not None else default_directory(scenario.name, seed)
    check_directory(directory, RUN, resume)
    started = time.monotonic()
    earlier = Earlier(directory, scenario, seed, paths)
    missing = sorted(set(range(paths)) - set(earlier.paths))
    status, lost = "complete", None
    with ResultsWriter(
        earlier.place, scenario, seed=seed, paths=paths, jobs=jobs, command_line=command_line, earlier=earlier
    ) as writer:
        try:
            tasks = [Task(scenario, seed, path) for path in missing]
            run_tasks(tasks, jobs, scheduler, on_result=writer.add, progress=_beyond(earlier.paths, paths, progress))
        except (KeyboardInterrupt, SchedulerLostError) as stopped:
            if not writer.holds_results:
                raise
            status, lost = "interrupted", stopped
        with uninterrupted():
            writer.finish(status, wall_seconds=time.monotonic() - started)
    with uninterrupted():
        earlier.settle()
    if isinstance(lost, SchedulerLostError):
        raise lost
    return Results.load(directory)


def _beyond(earlier: Sequence[int], paths: int, progress: Callable[[int], None] | None) -> Callable[[int], None] | None:
    """Progress that counts the paths that are there already; a single one that is missing does not tell its blocks."""
    if progress is None or not earlier:
        return progress
    tell, before = progress, len(earlier)
    return (lambda done: tell(before + done)) if paths - before > 1 else None


def run_paths(
    scenario: "Scenario",
    seed: int,
    paths: int,
    jobs: int,
    *,
    on_result: Callable[[PathOutcome], None],
    progress: Callable[[int], None] | None = None,
) -> None:
    """Simulate paths 0 … `paths` - 1 and hand each outcome to `on_result`, in the order of the paths.

    `progress` is told the blocks done when there is one path, the paths done when there are several. A path that
    crashes is an outcome with an `error`. On an interrupt the finished paths are handed over before
    `KeyboardInterrupt` passes on; an outcome is never cut off in the middle of `on_result`.
    """
    run_tasks([Task(scenario, seed, path) for path in range(paths)], jobs, on_result=on_result, progress=progress)


def run_tasks(
    tasks: Sequence[Task],
    jobs: int,
    scheduler: str | None = None,
    *,
    on_result: Callable[[PathOutcome], None],
    progress: Callable[[int], None] | None = None,
) -> None:
    """Simulate paths of any scenarios, as `run_paths` does; the outcomes come in the order of the tasks.

    Where a `scheduler` is given they are simulated on its cluster. Raises `SchedulerError`.
    """

    def take(task: Task, result: PathOutcome | Lost) -> None:
        if isinstance(result, Lost):
            result = PathOutcome(task.path, task.seed + task.path, error=DIED, trace=result.reason, label=task.label)
        on_result(result)

    if not tasks:
        return
    if scheduler is not None:
        from experiments.provenance import program

        function = partial(simulate_elsewhere, asked=program())
        with crew(jobs, scheduler) as workers:
            run_all(function, tasks, workers, on_result=take, ordered=True, report=progress)
        return
    if len(tasks) == 1:
        run_all(partial(simulate_path, progress=progress), tasks, Here(), on_result=take, ordered=True)
        return
    with crew(min(jobs, len(tasks))) as workers:
        run_all(simulate_path, tasks, workers, on_result=take, ordered=True, report=progress)


def simulate_path(task: Task, progress: Callable[[int], None] | None = None) -> PathOutcome:
    """Simulate one path in this process; a crash is an outcome that says so.

    Raises `ScenarioError` from path 0 only: there it condemns the scenario, later it is what became of one seed.
    """
    from abm import ScenarioError

    return attempt(task, progress, passing=ScenarioError if task.path == 0 else ())


def simulate_elsewhere(task: Task, asked: bytes) -> PathOutcome:
    """Simulate one path in a worker of a cluster. Raises `SchedulerError` where it has another program than `asked`."""
    from experiments.cells import check_program

    check_program(asked)
    return simulate_path(task)


def attempt(
    task: Task,
    progress: Callable[[int], None] | None = None,
    passing: type[Exception] | tuple[type[Exception], ...] = (),
) -> PathOutcome:
    """Simulate one path in this process; every exception but those of the kind `passing` is an outcome that says so."""
    from abm import simulate

    path, seed = task.path, task.seed + task.path
    try:
        run = simulate(task.scenario, seed=seed, progress=progress or give_up_if_asked)
    except passing:
        raise
    except Exception as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        return PathOutcome(path, seed, error=reason, trace=traceback.format_exc(), label=task.label)
    tables = run.tables if task.tables else {}
    return PathOutcome(
        path,
        seed,
        tables={name: frame.assign(path=path) for name, frame in tables.items()},
        summary=dict(run.summary),
        label=task.label,
        weight=run.weight,
    )


def metrics_of(scenario: "Scenario", seed: int) -> tuple[str, ...]:
    """Build a scenario's world and run one block of it in this process; the names of the metrics of its summary."""
    from abm.simulation import simulate

    short = scenario.model_copy(update={"time": scenario.time.model_copy(update={"steps": 1})})
    return tuple(simulate(short, seed).summary)
