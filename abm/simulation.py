"""One path, from a scenario and a seed to what it left behind."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from abm.scenario import Scenario

if TYPE_CHECKING:
    import pandas as pd

    from models.exposure import Exposure


@dataclass(frozen=True, slots=True)
class Run:
    """What one path left behind: tables by block and by event, and their summary.

    `exposures` says who depended on whom at the start; `models.exposure.exposure_graph` makes a graph of them.
    """

    scenario: Scenario
    seed: int
    summary: dict[str, float]
    steps: "pd.DataFrame"
    liquidations: "pd.DataFrame"
    write_offs: "pd.DataFrame"
    depth: "pd.DataFrame"
    exposures: "list[Exposure]"


def simulate(scenario: Scenario, seed: int = 1, progress: Callable[[int], None] | None = None) -> Run:
    """Run one path of a scenario. The same scenario and seed give the same tables, bit for bit.

    `progress` is called now and then with the number of blocks done. Raises `ScenarioError` where a file that the
    scenario names cannot be used, and `NotConserved` or `BooksDisagreeError` where the program itself is at fault.
    """
    from abm.exposures import exposures  # noqa: PLC0415
    from abm.metrics import summarise  # noqa: PLC0415  Mesa and pandas take seconds to import
    from abm.model import UnderwaterModel  # noqa: PLC0415

    model = UnderwaterModel(scenario, seed)
    at_the_start = exposures(model)
    model.run(progress)
    steps, liquidations, write_offs = (
        table() for table in (model.recorder.steps, model.recorder.liquidations, model.recorder.write_offs)
    )
    summary = summarise(model, steps, liquidations, write_offs)
    return Run(scenario, seed, summary, steps, liquidations, write_offs, model.recorder.depth(), at_the_start)
