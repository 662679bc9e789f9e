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
    """What one path left behind: `tables` by block and by event, under the names they are stored by, and a summary.

    `weight` is the path's in estimates over paths, 1 unless the scenario's `[sampling]` made it more likely than it is.
    `exposures` says who depended on whom at the start; `models.exposure.exposure_graph` makes a graph of them.
    """

    scenario: Scenario
    seed: int
    summary: dict[str, float]
    tables: "dict[str, pd.DataFrame]"
    exposures: "list[Exposure]"
    weight: float = 1.0

    @property
    def steps(self) -> "pd.DataFrame":
        """A row a block."""
        return self.tables["steps"]

    @property
    def liquidations(self) -> "pd.DataFrame":
        """A row a liquidation."""
        return self.tables["liquidations"]

    @property
    def write_offs(self) -> "pd.DataFrame":
        """A row for each part of a bad debt that somebody paid."""
        return self.tables["write_offs"]

    @property
    def depth(self) -> "pd.DataFrame":
        """Samples of the markets' depth, by source."""
        return self.tables["depth"]

    @property
    def trades(self) -> "pd.DataFrame":
        """Who traded with whom, summed over short stretches of time."""
        return self.tables["trades"]

    @property
    def providers(self) -> "pd.DataFrame":
        """How every liquidity provider did, a row for each at the end of the path."""
        return self.tables["providers"]

    @property
    def attacks(self) -> "pd.DataFrame":
        """Every manipulation that an attacker began."""
        return self.tables["attacks"]


def simulate(scenario: Scenario, seed: int = 1, progress: Callable[[int], None] | None = None) -> Run:
    """Run one path of a scenario. The same scenario and seed give the same tables, bit for bit.

    `progress` is called now and then with the number of blocks done. Raises `ScenarioError` where a file that the
    scenario names cannot be used, and `NotConserved` or `BooksDisagreeError` where the program itself is at fault.
    """
    from abm.exposures import exposures  # noqa: PLC0415
    from abm.metrics import summarise  # noqa: PLC0415  Mesa and pandas take seconds to import
    from abm.model import UnderwaterModel  # noqa: PLC0415
    from abm.price_paths import path_weight  # noqa: PLC0415
    from abm.streams import Streams  # noqa: PLC0415

    model = UnderwaterModel(scenario, seed)
    at_the_start = exposures(model)
    model.run(progress)
    tables = model.recorder.tables()
    summary = summarise(model, tables["steps"], tables["liquidations"], tables["write_offs"])
    weight = path_weight(scenario, Streams(seed))
    return Run(scenario, seed, summary, tables, at_the_start, weight)
