"""What a comparison looks at: the metrics of its tables, which way each is better, and the objectives of a user.

An objective is a metric of the summary, `_p95` or `_es95` behind it for its tail, and `:min` or `:max` behind that
where the user wants it the other way round: `total_bad_debt_usd_es95`, `liquidator_profit_usd:min`.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass

import numpy as np
import pandas as pd

from abm.reading.inputs import ScenarioError
from abm.reading.sentences import suggestion
from experiments.inference.statistics import Statistic
from experiments.numbers import count, is_share, percent, times, usd
from models.types import FloatArray

MAIN = "total_bad_debt_usd"
DEFAULT_OBJECTIVES = (MAIN, "borrower_loss_usd", "amplification")
"""What lenders lose, what borrowers lose, and what everybody else in the market feels of it.

Liquidators' profit is no objective unless it is named: it is a part of the borrowers' loss and would count twice.
"""

MORE_IS_BETTER = frozenset(
    {"liquidator_profit_usd", "liquidator_net_usd", "liquidator_holding_usd"}
    | {"protocol_revenue_usd", "provider_fees_usd", "arbitrage_profit_usd"}
)
TAILS: tuple[Statistic, ...] = ("p95", "es95")


@dataclass(frozen=True, slots=True)
class Measure:
    """One metric of the comparison's tables and its heading there."""

    metric: str
    heading: str


LENDERS = (
    Measure(MAIN, "bad debt"),
    Measure("bad_debt_usd", "realised"),
    Measure("reserve_paid_usd", "reserve paid"),
    Measure("insurer_paid_usd", "insurer paid"),
    Measure("depositor_loss_usd", "depositors' loss"),
    Measure("uncovered_usd", "uncovered"),
    Measure("time_underwater_usd_hours", "under water, USD h"),
)
OTHERS = (
    Measure("borrower_loss_usd", "borrowers' loss"),
    Measure("borrower_excess_loss_share", "of seized"),
    Measure("liquidator_profit_usd", "liquidators' profit"),
    Measure("liquidator_net_usd", "liquidators, net"),
    Measure("liquidator_concentration", "in few hands"),
    Measure("protocol_revenue_usd", "protocol"),
    Measure("gas_burnt_usd", "gas burnt"),
    Measure("mean_slippage", "slippage"),
    Measure("largest_drift", "gap"),
    Measure("amplification", "amplification"),
)
UNTABLED = (Measure("stability_pool_profit_usd", "stability pool"),)
"""For the figures: zero under nearly every design, which no column of a table is spent on."""
MEASURES = LENDERS + OTHERS + UNTABLED


@dataclass(frozen=True, slots=True)
class Objective:
    """A statistic of a metric over the paths, and whether more of it is better."""

    metric: str
    statistic: Statistic
    more_is_better: bool

    @property
    def name(self) -> str:
        """The objective as a user writes it, without the direction."""
        return self.metric if self.statistic == "mean" else f"{self.metric}_{self.statistic}"

    @property
    def heading(self) -> str:
        """The objective in the words of the tables."""
        of_tail = {"mean": "", "p95": ", 95 % quantile", "es95": ", expected shortfall"}[self.statistic]
        return heading(self.metric) + of_tail

    @property
    def sign(self) -> float:
        """What to multiply a value by so that less is better."""
        return -1.0 if self.more_is_better else 1.0


def parse_objectives(text: str | None, metrics: Collection[str]) -> tuple[Objective, ...]:
    """The objectives named in a list with commas, the first of them the main one; the default ones for None.

    Raises `ScenarioError` for a name that is none of `metrics`, and for one that is named twice.
    """
    if text is None:
        return tuple(_objective(name, metrics) for name in DEFAULT_OBJECTIVES)
    objectives = tuple(_objective(name.strip(), metrics) for name in text.split(","))
    names = [objective.name for objective in objectives]
    twice = next((name for k, name in enumerate(names) if name in names[:k]), None)
    if twice is not None:
        raise ScenarioError(f"--objectives names {twice} twice; name it once")
    return objectives


def _objective(text: str, metrics: Collection[str]) -> Objective:
    name, colon, way = text.partition(":")
    if colon and way not in ("min", "max"):
        raise ScenarioError(f"--objectives {text}: after the colon comes min or max, not {way!r}")
    metric, statistic = name, "mean"
    for tail in TAILS:
        if name not in metrics and name.endswith(f"_{tail}"):
            metric, statistic = name.removesuffix(f"_{tail}"), tail
    if metric not in metrics:
        raise ScenarioError(f"--objectives {name!r} is no metric of the summary; {suggestion(name, metrics)}")
    more = way == "max" if colon else metric in MORE_IS_BETTER
    return Objective(metric, statistic, more)  # type: ignore[arg-type]


def heading(metric: str) -> str:
    """A metric in the words of the tables."""
    known = {measure.metric: measure.heading for measure in MEASURES}
    return known.get(metric, metric.removesuffix("_usd").replace("_", " "))


def writer(metric: str) -> Callable[[float], str]:
    """How a value of a metric is written."""
    if metric.endswith("_usd"):
        return usd
    if metric == "amplification":
        return times
    if is_share(metric):
        return percent
    return count


def column(rows: pd.DataFrame, metric: str) -> "pd.Series[float]":
    """A metric of the finished paths by number of path, undefined values left out."""
    finished = rows[rows["status"] == "finished"].set_index("path")
    values = finished[metric].astype(np.float64) if metric in finished else pd.Series(dtype=np.float64)
    return values[np.isfinite(values)]


def plain(values: "pd.Series[float]") -> FloatArray:
    """The values of a column as an array."""
    return np.asarray(values.to_numpy(dtype=np.float64))
