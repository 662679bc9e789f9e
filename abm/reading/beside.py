"""Runs beside a scenario: the same seeds with a few keys set otherwise, so that what a key does can be read off.

    [beside]
    show = ["bad_debt_usd", "max_fall"]
    [[beside.runs]]
    name = "made to stay"
    set = { "agents.market_makers.0.stays" = true }

A run may also `vary` a key over a list of values; several keys make every combination. With a `limit` the table says
from which value of the varied key on a metric keeps to it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from abm.reading.inputs import ScenarioError, put_all
from models.parameters import Parameters

if TYPE_CHECKING:
    from abm.scenario import Scenario

MOST_RUNS = 1000


class BesideRun(Parameters):
    """One run beside, or with `vary` one for every combination of values. Keys are dotted, as those of `--set`."""

    name: str = Field(min_length=1)
    set: dict[str, Any] = {}
    vary: dict[str, Annotated[list[Any], Field(min_length=1)]] = {}


class Limit(Parameters):
    """What a metric must keep to; the table says from which value of a varied key on it does."""

    metric: str = Field(min_length=1)
    at_most: float


class Beside(Parameters):
    """The runs beside a scenario and the metrics of the summary that are shown of them."""

    show: Annotated[list[str], Field(min_length=1)] = ["bad_debt_usd", "liquidated_usd", "amplification", "max_fall"]
    limit: Limit | None = None
    runs: Annotated[list[BesideRun], Field(min_length=1)]


@dataclass(frozen=True, slots=True)
class Variant:
    """One run beside: its name, the values of the keys it varies, and the scenario that it is."""

    name: str
    varied: dict[str, Any]
    scenario: "Scenario"


def variants(scenario: "Scenario") -> list[Variant]:
    """Every run beside a scenario, in the order of the file and of the values.

    Raises `ScenarioError` for a key that cannot be set or a run that is no scenario; the message says which run.
    """
    if scenario.beside is None:
        return []
    found: list[Variant] = []
    for number, run in enumerate(scenario.beside.runs):
        for varied in _combinations(run):
            if len(found) == MOST_RUNS:
                raise ScenarioError(f"beside.runs asks for more than {MOST_RUNS} runs; vary fewer keys or values")
            found.append(Variant(run.name, varied, _with(scenario, number, run, varied)))
    return found


def _combinations(run: BesideRun) -> Iterator[dict[str, Any]]:
    for values in product(*run.vary.values()):
        yield dict(zip(run.vary, values, strict=True))


def _with(scenario: "Scenario", number: int, run: BesideRun, varied: dict[str, Any]) -> "Scenario":
    tree = scenario.to_dict()
    del tree["beside"]
    try:
        put_all(tree, {**run.set, **varied})
        return type(scenario).from_dict(tree)
    except ScenarioError as error:
        raise ScenarioError(f"beside.runs.{number} ({run.name}): {error}") from None
