"""An experiment that has been checked and can be put to the simulator."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from abm import Scenario, ScenarioError
from experiments.asking.estimands import Estimand, parse_estimands
from experiments.asking.factors import Point, points_of
from experiments.asking.question import Experiment
from experiments.running.paths import metrics_of
from models.sampling import Stratified


@dataclass(frozen=True, slots=True)
class Inquiry:
    """An experiment that can be made: its points are scenarios, whose worlds can be built, and its metrics exist."""

    experiment: Experiment
    base: Scenario
    points: tuple[Point, ...]
    scenarios: tuple[Scenario, ...]
    left_out: dict[str, str]
    metrics: tuple[str, ...]
    estimands: tuple[Estimand, ...]
    baseline: int | None
    precision: float | None = None

    @property
    def strata(self) -> int:
        """How many paths are one draw of the prices' strata; 1 where prices are drawn plainly."""
        strata = {one.sampling.strata if isinstance(one.sampling, Stratified) else 1 for one in self.scenarios}
        return strata.pop() if len(strata) == 1 else 1

    @classmethod
    def of(
        cls,
        experiment: Experiment,
        *,
        overrides: Mapping[str, str] | None = None,
        paths: int | None = None,
        seed: int | None = None,
        precision: float | None = None,
    ) -> "Inquiry":
        """Check everything that can be wrong, before anything is run or written. Raises `ScenarioError`."""
        changes: dict[str, int] = {}
        if paths is not None:
            changes["paths"] = paths
        if seed is not None:
            changes["seed"] = seed
        experiment = Experiment.from_dict(experiment.to_dict() | changes)
        base = experiment.base(overrides)
        tree = base.to_dict()
        fields, left_out = _designs(experiment, tree)
        points = points_of(experiment.plan, experiment.factors, fields)
        scenarios = tuple(experiment.at(tree, point) for point in points)
        for scenario in scenarios:
            scenario.check_inputs()
        metrics = metrics_of(scenarios[0], experiment.seed)
        for factor in experiment.factors:
            if factor.name in metrics:
                raise ScenarioError(f"factor {factor.name!r} is called like a metric; give it another name")
        return cls(
            experiment,
            base,
            tuple(points),
            scenarios,
            left_out,
            metrics,
            parse_estimands(experiment.metrics, metrics, experiment.labels),
            _baseline(experiment, points),
            precision,
        )


def _designs(experiment: Experiment, tree: Mapping[str, Any]) -> tuple[list[str], dict[str, str]]:
    """The designs that can run at the first point, and why others cannot; one named by itself is refused for that."""
    fields: list[str] = []
    left_out: dict[str, str] = {}
    for name in experiment.entered:
        first = points_of(experiment.plan, experiment.factors, [name])[0]
        try:
            scenario = experiment.at(tree, first)
            scenario.check_inputs()
            metrics_of(scenario, experiment.seed)
            fields.append(name)
        except ScenarioError as error:
            if name in experiment.designs:
                raise ScenarioError(f"designs: {name} cannot run in {experiment.scenario}: {error}") from None
            left_out[name] = str(error)
    if experiment.designs and not fields:
        raise ScenarioError(f"no design can run in {experiment.scenario}; name those that can in designs")
    return fields, left_out


def _baseline(experiment: Experiment, points: Sequence[Point]) -> int | None:
    """The number of the point that the others are compared to."""
    if not experiment.baseline:
        return None
    wanted = dict(experiment.baseline)
    for point in points:
        has = dict(point.values) | ({"design": point.design} if point.design is not None else {})
        if all(_same(has[name], value) for name, value in wanted.items()):
            return point.number
    told = ", ".join(f"{name} = {value}" for name, value in wanted.items())
    raise ScenarioError(f"baseline {told} is none of the experiment's points; name values that it has")


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, int | float) and isinstance(other, int | float):
        return math.isclose(one, other, rel_tol=1e-9)
    return bool(one == other)
