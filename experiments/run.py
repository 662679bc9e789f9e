"""Run a scenario's paths, on one core or several, and keep every one that finishes.

Path k of a run uses seed + k, wherever it is computed: the results do not depend on the number of workers. This
module is imported by every worker before it can ignore Ctrl-C, so it imports nothing slow at its top.
"""

# ruff: noqa: PLC0415 - see above

import multiprocessing
import os
import signal
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from abm import Scenario
    from experiments.storage import Results

AHEAD = 4
"""Paths submitted but not yet handed over, per worker: what bounds memory when one path is slower than the rest."""


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
    out: Path | None = None,
    progress: Callable[[int], None] | None = None,
    command_line: Sequence[str] = (),
) -> "Results":
    """Run `paths` paths on `jobs` processes and store them in `out` (default `results/<scenario>-<seed>`).

    An interrupt (Ctrl-C) keeps the paths that have finished: the manifest then says `interrupted`. With none
    finished nothing is written and `KeyboardInterrupt` passes on. Raises `ResultsError` when `out` cannot take the
    results and `ScenarioError` when the scenario's world cannot be built; nothing is written in either case.
    """
    from experiments.storage import Results, ResultsWriter, default_directory

    directory = Path(out) if out is not None else default_directory(scenario.name, seed)
    started = time.monotonic()
    with ResultsWriter(directory, scenario, seed=seed, paths=paths, jobs=jobs, command_line=command_line) as writer:
        status = "complete"
        try:
            run_paths(scenario, seed, paths, jobs, on_result=writer.add, progress=progress)
        except KeyboardInterrupt:
            if not writer.holds_results:
                raise
            status = "interrupted"
        with uninterrupted():
            writer.finish(status, wall_seconds=time.monotonic() - started)
    return Results.load(directory)


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
    *,
    on_result: Callable[[PathOutcome], None],
    progress: Callable[[int], None] | None = None,
    workers: "Workers | None" = None,
) -> None:
    """Simulate paths of any scenarios, as `run_paths` does; the outcomes come in the order of the tasks.

    `workers`, made for as many `jobs`, serve several calls; without them each call starts its own.
    """
    report = progress or _say_nothing
    if len(tasks) == 1:
        outcome = simulate_path(tasks[0], report)
        with uninterrupted():
            on_result(outcome)
    elif jobs == 1:
        for number, task in enumerate(tasks):
            outcome = simulate_path(task)
            with uninterrupted():
                on_result(outcome)
            report(number + 1)
    else:
        with nullcontext(workers) if workers is not None else Workers(min(jobs, len(tasks))) as crew:
            _run_on_workers(tasks, jobs, crew, on_result=on_result, report=report)


def simulate_path(task: Task, progress: Callable[[int], None] | None = None) -> PathOutcome:
    """Simulate one path in this process; a crash is an outcome that says so.

    Raises `ScenarioError` from path 0 only: there it condemns the scenario, later it is what became of one seed.
    """
    from abm import ScenarioError, simulate

    path, seed = task.path, task.seed + task.path
    try:
        run = simulate(task.scenario, seed=seed, progress=progress)
    except Exception as error:
        if path == 0 and isinstance(error, ScenarioError):
            raise
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        return PathOutcome(path, seed, error=reason, trace=traceback.format_exc(), label=task.label)
    tables = run.tables if task.tables else {}
    return PathOutcome(
        path,
        seed,
        tables={name: frame.assign(path=path) for name, frame in tables.items()},
        summary=dict(run.summary),
        label=task.label,
    )


def metrics_of(scenario: "Scenario", seed: int) -> tuple[str, ...]:
    """Build a scenario's world and run one block of it in this process; the names of the metrics of its summary."""
    from abm.simulation import simulate

    short = scenario.model_copy(update={"time": scenario.time.model_copy(update={"steps": 1})})
    return tuple(simulate(short, seed).summary)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Hold a Ctrl-C back until the block is done: half a row group would spoil a whole Parquet file."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    held: list[int] = []
    previous = signal.signal(signal.SIGINT, lambda number, _frame: held.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)
    if held:
        raise KeyboardInterrupt


def _run_on_workers(
    tasks: Sequence[Task],
    jobs: int,
    workers: "Workers",
    *,
    on_result: Callable[[PathOutcome], None],
    report: Callable[[int], None],
) -> None:
    waiting: dict[int, Future[PathOutcome]] = {}  # submitted and not yet handed over, by number of the task
    submitted = handed_over = 0
    try:
        while handed_over < len(tasks):
            while submitted < min(len(tasks), handed_over + AHEAD * jobs):
                waiting[submitted] = workers.submit(tasks[submitted])
                submitted += 1
            wait([future for future in waiting.values() if not future.done()], return_when=FIRST_COMPLETED)
            while handed_over in waiting and waiting[handed_over].done():
                outcome = _outcome(waiting[handed_over], tasks[handed_over])
                with uninterrupted():
                    del waiting[handed_over]
                    handed_over += 1
                    on_result(outcome)
            report(handed_over + sum(future.done() for future in waiting.values()))
    except KeyboardInterrupt:
        workers.stop()
        with uninterrupted():
            for number in sorted(waiting):
                if (finished := _if_finished(waiting[number])) is not None:
                    on_result(finished)
        raise


def _outcome(future: Future[PathOutcome], task: Task) -> PathOutcome:
    """A future's outcome. When a worker died, nobody knows over which path: each suspect is tried again, alone."""
    try:
        return future.result()
    except BrokenProcessPool:
        with Workers(1) as worker:
            try:
                return worker.submit(task).result()
            except BrokenProcessPool as error:
                reason = "the worker process died while running this path (was there enough memory?)"
                return PathOutcome(task.path, task.seed + task.path, error=reason, trace=str(error), label=task.label)


def _if_finished(future: Future[PathOutcome]) -> PathOutcome | None:
    if future.done() and not future.cancelled() and future.exception() is None:
        return future.result()
    return None


class Workers:
    """A pool of processes that run paths, survives the death of one, and stops within a block when asked.

    No process is started before the first task.
    """

    def __init__(self, jobs: int) -> None:
        # Named explicitly, as importing Mesa changes the default; and fork is unsafe once libraries have threads.
        method = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
        self._context: Any = multiprocessing.get_context(method)
        self._jobs = jobs
        self._stop = self._context.RawValue("b", 0)
        self._pool = self._start()

    def __enter__(self) -> "Workers":
        return self

    def __exit__(self, *_error: object) -> None:
        self.stop()

    def submit(self, task: Task) -> Future[PathOutcome]:
        """Have a path simulated by whichever process is free next."""
        try:
            return self._pool.submit(_work, task)
        except BrokenProcessPool:
            self._pool = self._start()
            return self._pool.submit(_work, task)

    def stop(self) -> None:
        """Cancel what has not begun and wait for the rest, which gives up at its next block."""
        self._stop.value = 1
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _start(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(
            self._jobs, mp_context=self._context, initializer=_begin_work, initargs=(self._stop,)
        )


class _StopWork(BaseException):
    """Raised in a worker at the end of a block, once the parent has been interrupted."""


_stop_flag: Any = None  # a worker's view of its parent's flag; shared memory, so that looking costs nothing


def _begin_work(stop_flag: Any) -> None:
    """Prepare a new worker process: the parent alone answers Ctrl-C, and a worker is one thread."""
    global _stop_flag  # noqa: PLW0603 - the only way to hand shared memory to the tasks of a pool
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for library in ("OMP", "OPENBLAS", "MKL", "NUMBA"):
        os.environ.setdefault(f"{library}_NUM_THREADS", "1")
    _stop_flag = stop_flag


def _work(task: Task) -> PathOutcome:
    return simulate_path(task, progress=_give_up_if_asked)


def _give_up_if_asked(_blocks: int) -> None:
    if _stop_flag.value:
        raise _StopWork


def _say_nothing(_done: int) -> None:
    pass
