"""Find each design's own best parameters on seeds of their own, so that a comparison is not one of default values.

**Source**: the tree-structured Parzen estimator of optuna (Bergstra et al., 2011; Akiba et al., 2019).

**Models**: a design moves its parameters within the `bounds` that it states. Trial 0 is the design as it entered. A
trial's score is the mean over the objectives, each in units of what all designs as they entered have on the same seeds,
so that the objectives weigh alike whatever their size; less is better. All designs have as many trials on the same
seeds, none of which is used to compare afterwards.

**Leaves out**: parameters without bounds; a search over the thresholds of the reserves; weights of one's own.

**Invariants**: a design never leaves the tuning worse than it came, on the seeds of the tuning. The same seed gives the
same trials on any number of workers.
"""

import json
import math
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from abm import ScenarioError
from experiments.comparing.entrants import Entrant, with_design
from experiments.comparing.objectives import Objective, column, plain
from experiments.designs import designs
from experiments.inference.statistics import difference, evaluate
from experiments.running.cells import FINISHED, Address, Cell
from experiments.running.shards import Bench, Cells

if TYPE_CHECKING:
    import optuna

MOST_TUNING_PATHS = 10
FIRST_PATH = 1_000_000
"""Tuning has the paths from here on: far from those that the tuned designs are compared on."""

WIDE = 50.0
"""Bounds so many times apart are searched on a logarithmic scale."""


@dataclass(slots=True)
class Trial:
    """One set of parameters and what became of it: `finished` with a score, `refused` or `failed` with a reason."""

    design: str
    number: int
    parameters: dict[str, float]
    entrant: Entrant | None = None
    state: str = "refused"
    reason: str = ""
    score: float = math.nan
    values: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Tuning:
    """The designs at their best parameters, in the order in which they entered, and every trial."""

    entrants: tuple[Entrant, ...]
    history: pd.DataFrame


def check_installed() -> None:
    """Raise `ScenarioError` with the remedy where the optimiser is not installed."""
    if find_spec("optuna") is None:
        raise ScenarioError("--tune needs optuna, which is not installed; pip install 'underwater[tune]'")


def tuned_name(design: str) -> str:
    """The name of a tuned design in the tables."""
    return f"{design} tuned"


def tuning_paths(paths: int) -> int:
    """How many paths each trial has in a comparison of so many."""
    return min(paths, MOST_TUNING_PATHS)


def tune(
    entrants: Sequence[Entrant], objectives: Sequence[Objective], seed: int, trials: int, paths: int, bench: Bench
) -> Tuning:
    """Give every design as many trials, and return each at its best; one without bounds stays as it is."""
    searches = [_Search(entrant, seed) for entrant in entrants]
    numbers = range(FIRST_PATH, FIRST_PATH + tuning_paths(paths))
    bench.expected += len(numbers) * (len(searches) + (trials - 1) * sum(bool(one.bounds) for one in searches))
    first = [search.as_entered() for search in searches]
    _run(first, objectives, numbers, seed, bench)
    scales = [_scale([trial.values.get(one.name, math.nan) for trial in first]) for one in objectives]
    _score(first, objectives, scales)
    for search, trial in zip(searches, first, strict=True):
        search.tell(trial)
    for number in range(1, trials):
        asked = [search.ask(number) for search in searches if search.bounds]
        _run(asked, objectives, numbers, seed, bench)
        _score(asked, objectives, scales)
        for search, trial in zip([search for search in searches if search.bounds], asked, strict=True):
            search.tell(trial)
    rows = [row for search in searches for row in search.rows(objectives)]
    return Tuning(tuple(search.best for search in searches), pd.DataFrame(rows))


def gains(rows: pd.DataFrame, names: Sequence[str], objectives: Sequence[Objective]) -> list[dict[str, Any]]:
    """What tuning changed: each tuned design less itself as it entered, on the seeds of the comparison."""
    found = []
    for name in names:
        for one in objectives:
            before, after = (column(rows[rows["design"] == which], one.metric) for which in (name, tuned_name(name)))
            both = before.index.intersection(after.index)
            change = difference(plain(after[both]), plain(before[both]), one.statistic)
            ends = {"low": change.interval.low, "high": change.interval.high, "method": change.interval.method}
            found.append({"design": name, "objective": one.name, "value": change.value, **ends, "paths": len(both)})
    return found


class _Search:
    """The search for one design's parameters."""

    def __init__(self, entrant: Entrant, seed: int) -> None:
        import optuna  # noqa: PLC0415  an extra, and slow to import

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self.entrant = entrant
        kind: Any = designs()[entrant.design]  # pydantic hides what every design has in common
        self._kind = kind
        self.bounds = dict(self._kind.bounds)
        sampler = optuna.samplers.TPESampler(seed=(seed + zlib.crc32(entrant.name.encode())) % 2**32)
        self._study = optuna.create_study(sampler=sampler)
        self._asked: dict[int, optuna.Trial] = {}
        self._trials: list[Trial] = []

    def as_entered(self) -> Trial:
        """Trial 0: the design with the parameters that it has."""
        own = self.entrant.parameters
        return Trial(self.entrant.name, 0, {name: float(own[name]) for name in self.bounds}, self.entrant)

    def ask(self, number: int) -> Trial:
        """The next parameters to try; without an entrant where the design does not take them."""
        asked = self._study.ask(self._space())
        self._asked[number] = asked
        trial = Trial(self.entrant.name, number, dict(asked.params))
        try:
            scenario = with_design(self.entrant.scenario, self.entrant.design, asked.params)
        except ScenarioError as error:
            trial.reason = str(error)
        else:
            trial.entrant = Entrant(self.entrant.name, self.entrant.design, scenario)
        return trial

    def tell(self, trial: Trial) -> None:
        """Take note of what became of a trial."""
        from optuna.trial import TrialState, create_trial  # noqa: PLC0415

        self._trials.append(trial)
        finished = trial.state == FINISHED
        if trial.number in self._asked:
            if finished:
                self._study.tell(self._asked[trial.number], trial.score)
            else:
                self._study.tell(self._asked[trial.number], state=TrialState.FAIL)
        elif (
            finished
            and self.bounds
            and all(low <= trial.parameters[name] <= high for name, (low, high) in self.bounds.items())
        ):
            space = self._space()
            typed = {name: int(x) if self._whole(name) else x for name, x in trial.parameters.items()}
            self._study.add_trial(create_trial(params=typed, distributions=space, value=trial.score))

    @property
    def best(self) -> Entrant:
        """The design at the parameters of the least score, as it entered where nothing was better."""
        scenario = (self._best().entrant or self.entrant).scenario
        return Entrant(tuned_name(self.entrant.name), self.entrant.design, scenario)

    def rows(self, objectives: Sequence[Objective]) -> list[dict[str, Any]]:
        """Every trial as a row of the history."""
        best = self._best().number
        return [
            {
                "design": trial.design,
                "trial": trial.number,
                "state": trial.state,
                "reason": trial.reason or None,
                "best": trial.number == best,
                "score": trial.score,
                **{one.name: trial.values.get(one.name, math.nan) for one in objectives},
                "parameters": json.dumps(trial.parameters, sort_keys=True),
            }
            for trial in self._trials
        ]

    def _best(self) -> Trial:
        return min(self._trials, key=lambda trial: (math.inf if math.isnan(trial.score) else trial.score, trial.number))

    def _whole(self, name: str) -> bool:
        return self._kind.model_fields[name].annotation is int

    def _space(self) -> "dict[str, optuna.distributions.BaseDistribution]":
        from optuna.distributions import FloatDistribution, IntDistribution  # noqa: PLC0415

        space: dict[str, optuna.distributions.BaseDistribution] = {}
        for name, (low, high) in self.bounds.items():
            wide = low > 0.0 and high >= WIDE * low
            if self._whole(name):
                space[name] = IntDistribution(int(low), int(high), log=wide)
            else:
                space[name] = FloatDistribution(low, high, log=wide)
        return space


def _run(trials: Sequence[Trial], objectives: Sequence[Objective], paths: range, seed: int, bench: Bench) -> None:
    """Simulate the trials that can be, and set their states and the values of the objectives."""
    cells: dict[int, list[Cell]] = {}
    for k, trial in enumerate(trials):
        if trial.entrant is not None:
            address = Address(trial.entrant.scenario)
            cells[k] = [address.cell(path, seed) for path in paths]
    # Seed after seed, as designs differ in how long they take.
    bench.compute([of_trial[n] for n in range(len(paths)) for of_trial in cells.values()], len(trials) * len(paths))
    for k, of_trial in cells.items():
        _read(trials[k], of_trial, objectives, bench.cells)


def _read(trial: Trial, of_trial: Sequence[Cell], objectives: Sequence[Objective], cells: Cells) -> None:
    rows = [cells.row(cell) or {} for cell in of_trial]
    failed = next((row for row in rows if row.get("status") != FINISHED), None)
    if failed is not None:
        trial.state, trial.reason = "failed", str(failed.get("error"))
        return
    trial.state = FINISHED
    for one in objectives:
        values = np.array([row[one.metric] for row in rows], dtype=np.float64)
        values = values[np.isfinite(values)]
        trial.values[one.name] = float(evaluate(values, one.statistic)) if values.size else math.nan


def _scale(values: Sequence[float]) -> float:
    """What the designs as they entered have of an objective: the mean of its size; 0 where there is nothing of it."""
    known = [abs(value) for value in values if math.isfinite(value)]
    return math.fsum(known) / len(known) if known else 0.0


def _score(trials: Sequence[Trial], objectives: Sequence[Objective], scales: Sequence[float]) -> None:
    for trial in trials:
        if trial.state == FINISHED:
            parts = [
                one.sign * trial.values[one.name] / scale
                for one, scale in zip(objectives, scales, strict=True)
                if scale > 0.0 and math.isfinite(trial.values[one.name])
            ]
            trial.score = math.fsum(parts) / len(parts) if parts else 0.0
