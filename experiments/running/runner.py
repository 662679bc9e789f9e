"""The runner: hands tasks to a crew, a few ahead of what it does, and takes the results as they come.

Everything that simulates goes through `run_all`: a run, the runs beside it, a comparison and its tuning, a sweep, an
experiment, a sensitivity analysis. A worker that dies costs what it was doing, which is done again; when nobody knows
of which task it died, the suspects are tried again, then each alone, and only the guilty are reported as lost.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, wait
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from experiments.running.executors import Crew
from experiments.running.interrupts import never_lost, uninterrupted

AHEAD = 4
"""Tasks submitted but not yet handed over, per slot: what bounds memory when one task is slower than the rest."""

SECOND_CHANCES = 1
"""How often a suspect runs among the others again before it has to run alone."""

Task = TypeVar("Task")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Lost:
    """In place of a result: the workers died while doing the task, whenever it was tried."""

    reason: str


@dataclass(slots=True)
class _Flight(Generic[Task]):
    """A task on its way, its place in the order of tasks, and how many workers died under it."""

    number: int
    task: Task
    deaths: int = 0


def run_all(
    function: Callable[[Task], Result],
    tasks: Iterable[Task],
    crew: Crew,
    *,
    on_result: Callable[[Task, Result | Lost], None],
    ordered: bool = False,
    report: Callable[[int], None] | None = None,
    split: Callable[[Task], list[Task]] | None = None,
) -> None:
    """Do all tasks and hand each result to `on_result`, in the order of the tasks or, faster, as they come.

    `tasks` are drawn as there is room for them. `report` hears how many are done. A task under which a worker died is
    `split` before it is tried again, where that is given, which only tasks without an order can be. An exception of a
    task passes on. On an interrupt the crew is stopped, what has finished is handed over and `KeyboardInterrupt` passes
    on; a result is never cut off in the middle of `on_result`.
    """
    work = _Work(function, iter(tasks), crew, on_result, ordered, split)
    try:
        with never_lost() as raise_if_interrupted:
            while work.submit():
                work.collect()
                raise_if_interrupted()
                if report is not None:
                    report(work.done)
    except CancelledError:  # the whole crew is gone, and what it had in hand
        with uninterrupted():
            work.hand_over_the_rest()
        raise
    except KeyboardInterrupt:
        crew.stop()
        with uninterrupted():
            work.hand_over_the_rest()
        raise


class _Work(Generic[Task, Result]):
    """The state of one call of `run_all`."""

    def __init__(
        self,
        function: Callable[[Task], Result],
        tasks: Iterator[Task],
        crew: Crew,
        on_result: Callable[[Task, Result | Lost], None],
        ordered: bool,
        split: Callable[[Task], list[Task]] | None,
    ) -> None:
        self._function = function
        self._tasks = enumerate(tasks)
        self._crew = crew
        self._on_result = on_result
        self._ordered = ordered
        self._split = split
        self._again: deque[_Flight[Task]] = deque()
        self._aloft: dict[Future[Result], _Flight[Task]] = {}
        self._landed: dict[int, tuple[Task, Result | Lost]] = {}  # finished before their turn
        self._handed_over = 0

    @property
    def done(self) -> int:
        """How many tasks are finished."""
        return self._handed_over + len(self._landed)

    def submit(self) -> bool:
        """Submit as much as there is room for; whether anything is aloft."""
        while len(self._aloft) + len(self._landed) < AHEAD * self._crew.slots:
            flight = self._again.popleft() if self._again else self._next()
            if flight is None:
                break
            self._aloft[self._crew.submit(self._function, flight.task)] = flight
            if self._crew.slots == 1 and next(iter(self._aloft)).done():
                break  # nothing runs ahead where submitting is doing
        return bool(self._aloft)

    def _next(self) -> _Flight[Task] | None:
        following = next(self._tasks, None)
        return None if following is None else _Flight(*following)

    def collect(self) -> None:
        """Wait for something to finish, and hand over what can be."""
        finished, _ = wait(self._aloft, return_when=FIRST_COMPLETED)
        for future in [future for future in self._aloft if future in finished]:
            error = future.exception()
            if error is None:
                self._land(self._aloft.pop(future), future.result())
            elif self._crew.lost(error):
                self._try_again(self._aloft.pop(future), error)
            else:
                raise error

    def hand_over_the_rest(self) -> None:
        """Hand over everything that has finished, in order and whatever is missing between."""
        for future, flight in self._aloft.items():
            if future.done() and not future.cancelled() and future.exception() is None:
                self._landed[flight.number] = (flight.task, future.result())
        for number in sorted(self._landed):
            self._on_result(*self._landed[number])
        self._landed, self._aloft = {}, {}

    def _land(self, flight: _Flight[Task], result: Result | Lost) -> None:
        if not self._ordered:
            with uninterrupted():
                self._handed_over += 1
                self._on_result(flight.task, result)
            return
        self._landed[flight.number] = (flight.task, result)
        while (following := self._landed.get(self._handed_over)) is not None:
            with uninterrupted():
                del self._landed[self._handed_over]
                self._handed_over += 1
                self._on_result(*following)

    def _try_again(self, flight: _Flight[Task], error: BaseException) -> None:
        """Try a task again under which a worker died: among the others first, then alone."""
        deaths = flight.deaths + 1
        parts = self._split(flight.task) if self._split is not None else [flight.task]
        if deaths <= SECOND_CHANCES:
            self._again.extend(_Flight(flight.number, part, deaths) for part in parts)
            return
        for part in parts:
            future: Future[Any] = self._crew.alone(self._function, part)
            again = _Flight(flight.number, part, deaths)
            if (failure := future.exception()) is None:
                self._land(again, future.result())
            elif self._crew.lost(failure):
                self._land(again, Lost(str(failure) or str(error)))
            else:
                raise failure
