"""Cases of `underwater bench` that put many paths through the runner of experiments, into shards on the disk.

What others on the machine take away is told apart from what the runner costs: overhead is also in seconds of the
processor, and beside the speed-up stands what it would be if workers with something to do never waited for a core.
"""

import os
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from abm import Scenario, simulate
from experiments.asking.inquiry import Inquiry
from experiments.asking.question import Experiment
from experiments.bench.memory import peak_mib
from experiments.bench.paths import everybody
from experiments.experiment import ask
from experiments.running.cells import Address, Cell, Computed
from experiments.running.executors import Crew, crew
from experiments.running.shards import Cells

PATH_SECONDS = 0.1
BLOCKS, BORROWERS = 100, 200


@dataclass(frozen=True)
class Case:
    """One question to the runner, put `repeat` times over so many paths."""

    what: str
    ask: Callable[[int, int], dict[str, Any]]
    paths: int


def overhead(paths: int, repeat: int) -> dict[str, Any]:
    """How much longer paths take through the runner than in a loop, both in this process and in turn."""
    cells = _cells(paths)
    walls: list[float] = []
    processors: list[float] = []
    for _ in range(repeat):
        bare = _clocked(lambda: [simulate(cell.scenario, cell.seed + cell.path) for cell in cells])
        with tempfile.TemporaryDirectory() as directory, crew(1) as here:
            through = _clocked(lambda: Cells(Path(directory)).compute(cells, here))
        walls.append(through[0] / bare[0] - 1.0)
        processors.append(through[1] / bare[1] - 1.0)
    return {"wall_overhead": statistics.median(walls), "processor_overhead": statistics.median(processors)}


def two_cores(paths: int, repeat: int) -> dict[str, Any]:
    """How much sooner two processes are done than one, all of them warm, and why that is not half the time."""
    cells = _cells(paths)
    rows: list[dict[str, float]] = []
    for _ in range(repeat):
        one, two = _on_processes(cells, 1), _on_processes(cells, 2)
        idle, waited = 1.0 - two.busy / (2.0 * two.wall), 1.0 - two.processor / two.busy
        slower = two.processor / one.processor
        rows.append(
            {
                "speed_up": one.wall / two.wall,
                "unhindered": 2.0 * (1.0 - idle) / slower,
                "slower": slower,
                "idle": idle,
                "waited": waited,
            }
        )
    return {name: statistics.median(row[name] for row in rows) for name in rows[0]} | {"load": os.getloadavg()[0]}


def memory(paths: int, _: int) -> dict[str, Any]:
    """How far the peak of this process's memory rises from a hundredth of the paths of an experiment to all; once."""
    few = max(paths // 100, 1)
    _answer(few)
    before = peak_mib()
    _answer(paths)
    rise = peak_mib() - before
    return {"few": few, "few_mib": before, "rise_mib": rise, "bytes_per_path": rise * 2**20 / max(paths - few, 1)}


CASES = {
    "runner-overhead": Case("paths of 0.1 s through the runner, against a loop", overhead, 50),
    "runner-two-cores": Case("paths of 0.1 s on two processes, against one", two_cores, 200),
    "runner-memory": Case("short paths of an experiment in one process", memory, 10_000),
}


def measure(case: Case, repeat: int) -> dict[str, Any]:
    """Put a case to the runner; times in seconds, memory in MiB, everything else as a share or a multiple."""
    return {"what": case.what, "paths": case.paths, **case.ask(case.paths, repeat)}


def table(rows: list[dict[str, Any]]) -> list[str]:
    """Lines for the reader, one for each case under a heading."""
    return [f"{'the runner':<52}{'paths':>8}", *(f"{row['what']:<52}{row['paths']:>8,}  {_said(row)}" for row in rows)]


def _said(row: dict[str, Any]) -> str:
    if "speed_up" in row:
        return (
            f"{row['speed_up']:.2f} times as fast; {row['unhindered']:.2f} but for the {row['waited']:.0%} of the time "
            f"that workers waited for a core (load {row['load']:.1f})"
        )
    if "few" in row:
        return f"{row['few_mib']:,.0f} MiB at {row['few']:,} paths, {row['rise_mib']:,.0f} MiB more at {row['paths']:,}"
    return f"{row['wall_overhead']:+.1%} on the clock, {row['processor_overhead']:+.1%} of the processor"


@dataclass(slots=True)
class _Watched:
    """A crew whose workers' time is taken: on the wall as a whole, with a batch in hand, and on the processor."""

    crew: Crew
    wall: float = 0.0
    busy: float = 0.0
    processor: float = 0.0

    @property
    def slots(self) -> int:
        return self.crew.slots

    def submit(self, function: Callable[[Any], Any], task: Any) -> "Future[Any]":
        future = self.crew.submit(function, task)
        future.add_done_callback(self._take)
        return future

    def alone(self, function: Callable[[Any], Any], task: Any) -> "Future[Any]":
        return self.crew.alone(function, task)

    def lost(self, error: BaseException) -> bool:
        return self.crew.lost(error)

    def stop(self) -> None:
        self.crew.stop()

    def _take(self, future: "Future[Any]") -> None:
        computed: Computed = future.result()
        self.busy += computed.seconds
        self.processor += computed.processor_seconds


def _on_processes(cells: list[Cell], jobs: int) -> _Watched:
    """Compute cells through the runner on so many processes, which have done a few before the clock starts."""
    with tempfile.TemporaryDirectory() as directory, crew(jobs) as workers:
        warm = [Cell(f"warm {number}", cell.scenario, cell.path, cell.seed) for number, cell in enumerate(cells[:8])]
        Cells(Path(directory)).compute(warm, workers)
        watched = _Watched(workers)
        watched.wall, _ = _clocked(lambda: Cells(Path(directory)).compute(cells, watched))
    return watched


def _cells(paths: int) -> list[Cell]:
    """Paths of about `PATH_SECONDS` on this machine; the kernels are compiled by then."""
    trial = Scenario.from_dict(everybody(BORROWERS, BLOCKS))
    simulate(trial)
    _, spent = _clocked(lambda: [simulate(trial, seed) for seed in range(1, 6)])
    blocks = max(round(BLOCKS * PATH_SECONDS / (spent / 5.0)), 1)
    address = Address(Scenario.from_dict(everybody(BORROWERS, blocks)))
    return [address.cell(path, 1) for path in range(paths)]


def _answer(paths: int) -> None:
    """Answer an experiment of one point with so many paths of one position over a few blocks."""
    terms = {
        "name": "memory",
        "question": "How much memory do paths take?",
        "scenario": "one-position",
        "set": {"time.steps": 2},
        "paths": paths,
        "metrics": ["total_bad_debt_usd"],
    }
    with tempfile.TemporaryDirectory() as directory:
        ask(Inquiry.of(Experiment.from_dict(terms)), out=Path(directory) / "answer")


def _clocked(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds that some work takes: on the clock, and of this process on the processor."""
    wall, processor = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - wall, time.process_time() - processor
