"""What an experiment estimates at each of its points, as a file or a command names it.

| written | is |
|---|---|
| `total_bad_debt_usd` | the mean of a metric of the summary over the paths |
| `total_bad_debt_usd_p99` | its 99 % quantile; `_p50`, `_p95`, `_p999` (99.9 %) likewise |
| `total_bad_debt_usd_es95` | its expected shortfall: the mean of the worst 5 % of the paths |
| `total_bad_debt_usd > 1e6` | the probability that it is above a number; `<` below |

The metric may be one divided by another, path by path: `peak_underwater_usd / initial_debt_usd > 0.01`.
"""

import math
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

import numpy as np

from abm import ScenarioError
from abm.reading.sentences import suggestion
from experiments.comparing.objectives import heading
from experiments.inference.sample import Sample
from experiments.inference.statistics import Interval
from experiments.inference.weighted import Kind, estimate, interval_of
from experiments.numbers import is_share, short, three_figures
from models.types import FloatArray

_TAIL = re.compile(r"(?P<metric>\w+)_(?P<kind>p|es)(?P<digits>\d{2,4})")


@dataclass(frozen=True, slots=True)
class Estimand:
    """A statistic of a metric, or of the ratio of two; for a share the `threshold` and on which side of it."""

    text: str
    metric: str
    per: str | None = None
    kind: Kind = "mean"
    level: float = math.nan
    threshold: float = math.nan
    above: bool = True
    label: str = ""

    def values(self, columns: Mapping[str, FloatArray]) -> FloatArray:
        """The figure of each path; nan where it is undefined. A share is of paths with a one."""
        found = np.asarray(columns[self.metric], dtype=np.float64)
        if self.per is not None:
            below = np.asarray(columns[self.per], dtype=np.float64)
            found = np.divide(found, below, out=np.full_like(found, np.nan), where=below != 0.0)
        if self.kind != "share":
            return found
        hit = found > self.threshold if self.above else found < self.threshold
        return np.where(np.isnan(found), np.nan, hit.astype(np.float64))

    def estimate(self, sample: Sample) -> float:
        """The estimate from a sample of this estimand's values; nan without any."""
        return estimate(sample, self.kind, self.level)

    def interval(self, sample: Sample) -> Interval:
        """The 95 % interval of the estimate."""
        return interval_of(sample, self.kind, self.level)

    @property
    def heading(self) -> str:
        """The estimand in the words of tables and figures; its own label where the experiment gives it one."""
        if self.label:
            return self.label
        name = heading(self.metric) if self.per is None else f"{heading(self.metric)} / {heading(self.per)}"
        percentage = f"{100.0 * self.level:.10g} %"
        match self.kind:
            case "quantile":
                return f"{name}, {percentage} quantile"
            case "shortfall":
                return f"{name}, mean of the worst {100.0 * (1.0 - self.level):.10g} %"
            case "share" if self.threshold == 0.0 and self.above:
                return f"paths with any {name}"
            case "share":
                limit = _amount(self.metric, self.per, self.threshold)
                return f"paths with {name} {'above' if self.above else 'below'} {limit}"
        return name

    def written(self, value: float | None, signed: bool = False) -> str:
        """A value as people read it; `?` where it is undefined."""
        if value is None or not math.isfinite(value):
            return "?"
        plus = "+" if signed and value > 0.0 else ""
        if self.kind == "share":
            return f"{plus}{three_figures(100.0 * value)} %"
        return plus + _amount(self.metric, self.per, value)

    @property
    def unit(self) -> str:
        """The unit for an axis, empty where the numbers carry their own."""
        return "USD" if self.kind != "share" and self.per is None and self.metric.endswith("_usd") else ""


def parse_estimands(
    texts: Collection[str], metrics: Collection[str], labels: Mapping[str, str] | None = None
) -> tuple[Estimand, ...]:
    """The estimands that a list names, of the metrics that there are, and what people call some of them.

    Raises `ScenarioError` for one that cannot be read, names no metric, or is named twice.
    """
    found = [_estimand(text, metrics) for text in texts]
    for k, one in enumerate(found):
        if one.text in [other.text for other in found[:k]]:
            raise ScenarioError(f"metric {one.text!r} is named twice; name it once")
    named = {" ".join(text.split()): label for text, label in (labels or {}).items()}
    return tuple(replace(one, label=named.get(one.text, "")) for one in found)


def _estimand(text: str, metrics: Collection[str]) -> Estimand:
    told = " ".join(text.split())
    parts = re.fullmatch(r"(\w+)(?: ?/ ?(\w+))?(?: ?([<>]) ?(\S+))?", told)
    if parts is None:
        raise ScenarioError(f"metric {text!r} cannot be read; write it like bad_debt_usd_es95 or bad_debt_share > 0.01")
    name, per, sign, limit = parts.groups()
    kind, level, terms = _kind(name if per is None else per, metrics)
    metric, per = (terms, None) if per is None else (name, terms)
    for one in [metric] + [per] * (per is not None):
        if one not in metrics:
            raise ScenarioError(
                f"metric {text!r}: {one!r} is no metric of the summary; {suggestion(str(one), metrics)}"
            )
    if sign is None:
        return Estimand(told, metric, per, kind, level)
    if kind != "mean":
        raise ScenarioError(f"metric {text!r} is both a tail and a share; name the one or the other")
    try:
        threshold = float(limit)
    except ValueError:
        threshold = math.nan
    if not math.isfinite(threshold):
        raise ScenarioError(f"metric {text!r}: {limit!r} is no number; write it like bad_debt_share > 0.01")
    return Estimand(told, metric, per, "share", threshold=threshold, above=sign == ">")


def _kind(name: str, metrics: Collection[str]) -> tuple[Kind, float, str]:
    """Which statistic a name asks for, at which level, and of which metric."""
    tail = _TAIL.fullmatch(name) if name not in metrics else None
    if tail is None:
        return "mean", math.nan, name
    level = float(f"0.{tail['digits']}")
    return ("quantile" if tail["kind"] == "p" else "shortfall"), level, tail["metric"]


def _amount(metric: str, per: str | None, value: float) -> str:
    if per is not None or is_share(metric):
        return f"{three_figures(100.0 * value)} %"
    return short(value) + (" x" if metric == "amplification" else "")
