"""Statistics over the paths of a run: what `summary.json` has of each metric."""

import math

import numpy as np
import pandas as pd

from experiments.inference.tails import shortfall
from models.types import FloatArray

TAIL_METRICS = ("bad_debt_usd", "liquidated_usd")
TAIL = 0.95
NOT_METRICS = ("path", "seed", "status", "error", "weight")


def aggregate(paths: pd.DataFrame) -> dict[str, float]:
    """Statistics over the finished paths of a table with one row per path and one column per metric.

    `<metric>` is the mean, `<metric>_se` its standard error (two paths or more). For bad debt and liquidated value also
    `_p95`, the 95 % quantile (value and liquidity at risk), and `_es95`, the mean of the worst 5 % of paths. A metric
    that some paths do not define (the amplification of nothing) is averaged over the others, `<metric>_defined` many.
    Where paths have a `weight` every figure is a weighted one, and `effective_paths` says how many they are worth.
    """
    if "weight" in paths:
        return _weighted(paths)
    finished = paths[paths["status"] == "finished"]
    summary: dict[str, float] = {"paths": len(finished)}
    for name in paths.columns.drop(list(NOT_METRICS), errors="ignore"):
        values = finished[name].to_numpy(dtype=np.float64)
        defined = values[np.isfinite(values)]
        summary[name] = float(defined.mean()) if defined.size else math.nan
        if defined.size < len(finished):
            summary[f"{name}_defined"] = int(defined.size)
        if defined.size > 1:
            summary[f"{name}_se"] = float(defined.std(ddof=1) / math.sqrt(defined.size))
        if name in TAIL_METRICS:
            summary[f"{name}_p95"], summary[f"{name}_es95"] = _tail(defined)
    return summary


def _weighted(paths: pd.DataFrame) -> dict[str, float]:
    """The same statistics of paths that stand for more or fewer than one."""
    from experiments.inference.sample import Sample  # noqa: PLC0415
    from experiments.inference.weighted import estimate, standard_error  # noqa: PLC0415  imports scipy, which takes long

    finished = paths[paths["status"] == "finished"]
    weights = finished["weight"].to_numpy(dtype=np.float64)
    everything = Sample(np.zeros(len(finished)), weights)
    summary: dict[str, float] = {"paths": len(finished), "effective_paths": everything.effective}
    for name in paths.columns.drop(list(NOT_METRICS), errors="ignore"):
        sample = Sample.of(finished[name].to_numpy(dtype=np.float64), weights)
        summary[name] = estimate(sample, "mean")
        if sample.values.size < len(finished):
            summary[f"{name}_defined"] = int(sample.values.size)
        if sample.values.size > 1:
            summary[f"{name}_se"] = standard_error(sample, "mean")[0]
        if name in TAIL_METRICS:
            summary[f"{name}_p95"] = estimate(sample, "quantile", TAIL)
            summary[f"{name}_es95"] = estimate(sample, "shortfall", TAIL)
    return summary


def _tail(values: FloatArray) -> tuple[float, float]:
    """The 95 % quantile and the expected shortfall."""
    if not values.size:
        return math.nan, math.nan
    return float(np.quantile(values, TAIL)), float(shortfall(values, TAIL))
