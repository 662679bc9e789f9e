"""Sensitivity: which factors of a scenario matter, as an experiment with a plan of `experiments.asking.screening`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from abm import ScenarioError
from experiments.asking.answers import Answer
from experiments.asking.question import Experiment, shipped_experiments
from experiments.asking.screening import Screening, check_installed
from experiments.comparing.objectives import DEFAULT_OBJECTIVES
from experiments.designs import designs
from experiments.shipped import load_scenario, shipped_scenarios
from experiments.sweep import name_of, values_of

PATHS = 10
SIZES = {"morris": 16, "saltelli": 64}
METHODS = {"morris": "morris", "sobol": "saltelli"}
WIDE = 50.0
"""A range whose ends are so many times apart is walked on a logarithmic scale."""


def sensitivity_of(
    given: str,
    vary: Sequence[tuple[str, str]],
    *,
    method: str = "morris",
    size: int | None = None,
    metrics: str | None = None,
) -> Experiment:
    """The experiment that `underwater sensitivity` asks for: of a scenario, or of an experiment's own factors.

    A scenario's factors are those of `vary`, each a dotted key with its lowest and highest value; without any they are
    the parameters of its liquidation design within the bounds that the design states. Raises `ScenarioError`.
    """
    check_installed()
    kind = METHODS[method]
    plan = {"kind": kind, "size": SIZES[kind] if size is None else size}
    experiment = _experiment(given)
    if experiment is not None:
        if vary:
            raise ScenarioError(f"--vary goes with a scenario, but {given} is an experiment with factors of its own")
        terms = experiment.to_dict() | {"name": f"{experiment.name}-{method}", "baseline": {}}
        terms.pop("figure", None)
        terms["question"] = f"Which factors of {experiment.name} matter?"
    else:
        scenario = load_scenario(given)
        factors = [_factor(key, text, [key for key, _ in vary]) for key, text in vary] or _of_design(given)
        terms = {
            "name": f"{scenario.name}-{method}",
            "question": f"Which factors matter in {scenario.name}?",
            "scenario": str(Path(given).resolve()) if Path(given).is_file() else given,
            "paths": PATHS,
            "factors": factors,
            "metrics": list(DEFAULT_OBJECTIVES),
        }
    if metrics is not None:
        terms["metrics"] = [one.strip() for one in metrics.split(",")]
    return Experiment.from_dict(terms | {"plan": plan})


def indices(answer: Answer) -> pd.DataFrame:
    """How much each factor matters to each estimand: a row for each estimand, factor and index, with its interval."""
    plan, factors = answer.experiment.plan, answer.experiment.factors
    assert isinstance(plan, Screening)
    rows: list[dict[str, Any]] = []
    for estimand in answer.estimands:
        values = answer.of(estimand)["value"].to_numpy(dtype=np.float64)
        for factor, found in zip(factors, plan.indices(values, len(factors)), strict=True):
            for index, (value, reach) in found.items():
                least = 0.0 if index == "mu_star" else -np.inf  # a mean of sizes is not negative
                ends = {"low": float(np.maximum(value - reach, least)), "high": value + reach}
                rows.append({"metric": estimand.text, "factor": factor.name, "index": index, "value": value, **ends})
    return pd.DataFrame(rows)


def _experiment(given: str) -> Experiment | None:
    """The experiment of that name or file, None where it is a scenario or nothing at all."""
    if given in shipped_experiments():
        return Experiment.load(given)
    if given in shipped_scenarios():
        return None
    try:
        is_experiment = Path(given).is_file() and any(
            line.lstrip().startswith("question") for line in Path(given).read_text("utf-8-sig").splitlines()
        )
    except (OSError, UnicodeDecodeError):
        return None
    return Experiment.load(given) if is_experiment else None


def _factor(key: str, text: str, keys: Sequence[str]) -> dict[str, Any]:
    ends = values_of(key, text)
    if len(ends) != 2 or not all(isinstance(end, int | float) and not isinstance(end, bool) for end in ends):
        raise ScenarioError(
            f"--vary {key}={text} cannot be used; give the lowest and the highest value, such as 0.02,0.2"
        )
    return _range(name_of(key, keys), key, *ends)


def _range(name: str, key: str, low: float, high: float) -> dict[str, Any]:
    whole = isinstance(low, int) and isinstance(high, int)
    scale = "log" if low > 0 and high >= WIDE * low else "linear"
    return {"name": name, "key": key, "low": float(low), "high": float(high), "scale": scale, "whole": whole}


def _of_design(given: str) -> list[dict[str, Any]]:
    """The parameters of the first pool's design within its bounds."""
    scenario = load_scenario(given)
    if not scenario.pools:
        raise ScenarioError(f"{scenario.name} has no pools; name what to vary with --vary KEY=LOW,HIGH")
    kind: Any = designs()[scenario.pools[0].liquidation.design]
    if not kind.bounds:
        raise ScenarioError(f"{kind.__name__} states no bounds; name what to vary with --vary KEY=LOW,HIGH")
    factors = []
    for name, (low, high) in kind.bounds.items():
        whole = kind.model_fields[name].annotation is int
        ends = (int(low), int(high)) if whole else (float(low), float(high))
        factors.append(_range(name, f"pools.0.liquidation.{name}", *ends))
    return factors
