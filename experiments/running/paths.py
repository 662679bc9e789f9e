"""Paths, on one core or several: each is simulated on its own, and what became of it is handed on in order.

Path k uses seed + k, wherever it is computed: the results do not depend on the number of workers. This module is
imported by every worker before it can ignore Ctrl-C, so it imports nothing slow at its top.
"""

# ruff: noqa: PLC0415 - see above

import gc
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from multiprocessing import parent_process
from typing import TYPE_CHECKING

from experiments.running.executors import Here, check_program, crew
from experiments.running.interrupts import give_up_if_asked
from experiments.running.runner import Lost, run_all
from experiments.stored.outcomes import PathOutcome

if TYPE_CHECKING:
    from abm import Scenario

DIED = "the worker process died while running this path (was there enough memory?)"


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
    `KeyboardInterrupt` passes on; an outcome is never cut off in the middle of `on_result`. Raises `ScenarioError` for
    a seed or a number that is none.
    """
    from experiments.running.counts import MOST_SEED, whole_number

    seed = whole_number("seed", seed, 0, MOST_SEED)
    paths, jobs = whole_number("paths", paths, 1), whole_number("jobs", jobs, 1)
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
        from experiments.stored.provenance import program

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
    check_program(asked)
    return simulate_path(task)


def attempt(
    task: Task,
    progress: Callable[[int], None] | None = None,
    passing: type[Exception] | tuple[type[Exception], ...] = (),
) -> PathOutcome:
    """Simulate one path in this process; every exception but those of the kind `passing` is an outcome that says so."""
    from abm import simulate

    _spare_what_is_loaded()
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


@cache
def _spare_what_is_loaded() -> None:
    """Have the garbage collector leave alone, once and for all, what a process started for paths has loaded by now.

    That is most of what it would go through again and again while paths come and go, and none of it goes. In a process
    that somebody else started, such as a notebook, what there is may be theirs, and may go.
    """
    if parent_process() is not None:
        gc.freeze()


def metrics_of(scenario: "Scenario", seed: int) -> tuple[str, ...]:
    """Build a scenario's world and run one block of it in this process; the names of the metrics of its summary."""
    from abm.simulation import simulate

    short = scenario.model_copy(update={"time": scenario.time.model_copy(update={"steps": 1})})
    return tuple(simulate(short, seed).summary)
