"""One function and its bounds, on which SALib, optuna, the EMA workbench and a tool of one's own plug in.

    from experiments.adapter import adapter

    metrics, BOUNDS = adapter("loan-book", {
        "bonus": ("pools.0.liquidation.liquidation_bonus", 0.02, 0.2),
        "depth": ("markets.0.sources.0.value", 1e6, 3e7),
    })
    BOUNDS                                             # {"bonus": (0.02, 0.2), "depth": (1e6, 3e7)}
    metrics({"bonus": 0.08, "depth": 5e6}, seed=1)     # {"bad_debt_usd": …, …}: the summary of one path

Both can be pickled and sent to other processes; the function is pure: the same parameters and seed, the same figures.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from abm import Scenario, ScenarioError, simulate
from abm.reading.sentences import suggestion
from experiments.asking.factors import Factor, Point
from experiments.asking.question import Experiment, shipped_experiments
from experiments.shipped import load_scenario

Metrics = Callable[[Mapping[str, Any], int], dict[str, float]]
Bounds = dict[str, tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Adapter:
    """A scenario with a few parameters to set: call it with their values and a seed."""

    experiment: Experiment
    base: dict[str, Any]

    def __call__(self, params: Mapping[str, Any], seed: int = 1) -> dict[str, float]:
        """The summary of one path. Raises `ScenarioError` for parameters that are missing, unknown, or do not fit."""
        names = [factor.name for factor in self.experiment.factors]
        for name in params:
            if name not in names:
                raise ScenarioError(f"{name!r} is no parameter; {suggestion(str(name), names)}")
        missing = [name for name in names if name not in params]
        if missing:
            raise ScenarioError(f"parameter {missing[0]!r} is missing; give every one of {', '.join(names)}")
        values = {factor.name: _typed(factor, params[factor.name]) for factor in self.experiment.factors}
        return dict(simulate(self.experiment.at(self.base, Point(0, None, values)), int(seed)).summary)

    @property
    def bounds(self) -> Bounds:
        """The range of each parameter."""
        return {factor.name: _ends(factor) for factor in self.experiment.factors}


def adapter(scenario: str | Path | Scenario, ranges: Mapping[str, tuple[str, float, float]]) -> tuple[Metrics, Bounds]:
    """`metrics(params, seed)` and `BOUNDS` for a scenario and the keys to vary, each with its lowest and highest value.

    Raises `ScenarioError`.
    """
    base = scenario if isinstance(scenario, Scenario) else load_scenario(scenario)
    factors = [
        {"name": name, "key": key, "low": float(low), "high": float(high),
         "whole": isinstance(low, int) and isinstance(high, int)}
        for name, (key, low, high) in ranges.items()
    ]  # fmt: skip
    terms = {"name": base.name, "question": "?", "scenario": base.name, "factors": factors}
    made = Adapter(Experiment.from_dict(terms), _plain(base))
    return made, made.bounds


def adapter_of(experiment: str | Path) -> tuple[Metrics, Bounds]:
    """The same for the factors of a shipped experiment, or of one's file. Raises `ScenarioError`."""
    found = Experiment.load(str(experiment) if str(experiment) in shipped_experiments() else experiment)
    made = Adapter(found, _plain(found.base()))
    return made, made.bounds


def _plain(scenario: Scenario) -> dict[str, Any]:
    tree = scenario.to_dict()
    tree.pop("beside", None)
    return tree


def _ends(factor: Factor) -> tuple[float, float]:
    if factor.low is not None and factor.high is not None:
        return factor.low, factor.high
    if not factor.numeric:
        raise ScenarioError(f"factor {factor.name!r} has no numbers, so it has no bounds; leave it out")
    listed = [float(value) for value in factor.listed()]
    return min(listed), max(listed)


def _typed(factor: Factor, value: Any) -> Any:
    """A value as the scenario takes it: tools hand over numbers of numpy, and floats where whole numbers are meant."""
    plain = value.item() if hasattr(value, "item") else value
    return round(plain) if factor.whole else plain
