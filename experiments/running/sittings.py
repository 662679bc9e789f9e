"""A run of several paths in sittings: what is written is ended now and then, so that a kill does not take all of it.

The tables of a run can be read once they have an end. A sitting ends when it has lasted as long as all before it, and
`LEAST_SECONDS` at least; the next one goes on with its paths as `--resume` would. So who is killed loses half of the
time at most, and each path is written anew once, on average. That takes 3 % of the time of a path of `thin-market`, and
a quarter of that of the smallest, so short runs go without.
"""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Self

from experiments.running.resuming import Earlier
from experiments.stored.storage import ResultsWriter

if TYPE_CHECKING:
    from types import TracebackType

    from abm import Scenario
    from experiments.stored.outcomes import PathOutcome

LEAST_SECONDS = 600.0


class Sittings:
    """Writes what becomes of the paths that a directory lacks: `add` each in order, then `finish`.

    Attributes:
        earlier: the paths that were there before.
        missing: those that are to be added.
    """

    def __init__(
        self, directory: Path, scenario: "Scenario", *, seed: int, paths: int, jobs: int, command_line: Sequence[str]
    ) -> None:
        """Raises `ResultsError` where what the directory holds is another run, or cannot be read."""
        self._read = partial(Earlier, directory, scenario, seed, paths)
        self._open: Callable[[Earlier], ResultsWriter] = lambda earlier: ResultsWriter(
            earlier.place, scenario, seed=seed, paths=paths, jobs=jobs, command_line=command_line, earlier=earlier
        )
        self._started = self._ended = monotonic()
        self._before = self._read()
        self.earlier = list(self._before.paths)
        self.missing = sorted(set(range(paths)) - set(self.earlier))
        self._left = len(self.missing)
        self._writer = self._open(self._before)

    @property
    def holds_results(self) -> bool:
        """Whether there is any path's outcome."""
        return self._writer.holds_results

    def __enter__(self) -> Self:
        self._writer.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: "TracebackType | None"
    ) -> None:
        self._writer.__exit__(kind, error, trace)

    def add(self, outcome: "PathOutcome") -> None:
        """Write one path, and end the sitting where it is time to."""
        self._writer.add(outcome)
        self._left -= 1
        lasted = monotonic() - self._ended
        if self._left and lasted >= max(LEAST_SECONDS, self._ended - self._started):
            self.finish("interrupted")
            self._before = self._read(own=True)
            self._writer = self._open(self._before)
            self._writer.__enter__()
            self._ended = monotonic()

    def finish(self, status: str) -> None:
        """End the last sitting."""
        self._writer.finish(status, wall_seconds=monotonic() - self._started)
        self._before.settle()
