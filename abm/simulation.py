"""One path, from a scenario and a seed to what it left behind."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from abm.reading.sentences import shown
from abm.record.tables import Tables
from abm.scenario import Scenario, ScenarioError

if TYPE_CHECKING:
    import pandas as pd

    from abm.model import UnderwaterModel
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
    tables: "Mapping[str, pd.DataFrame]"
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
    def landscape(self) -> "pd.DataFrame":
        """Samples of the debt by liquidation price."""
        return self.tables["landscape"]

    @property
    def trades(self) -> "pd.DataFrame":
        """Who traded with whom, summed over short stretches of time."""
        return self.tables["trades"]

    @property
    def providers(self) -> "pd.DataFrame":
        """How every liquidity provider did, a row for each at the end of the path."""
        return self.tables["providers"]

    @property
    def depositors(self) -> "pd.DataFrame":
        """Who was paid what and who bears what, every cohort of depositors in tenths by exit order."""
        return self.tables["depositors"]

    @property
    def nodes(self) -> "pd.DataFrame":
        """What each pool, cohort, claim and insurer had lost, through time."""
        return self.tables["nodes"]

    @property
    def liquidators(self) -> "pd.DataFrame":
        """What came of every liquidator's calls, a row for each at the end of the path."""
        return self.tables["liquidators"]

    @property
    def balance_sheets(self) -> "pd.DataFrame":
        """The books of every reserve, a row for each block."""
        return self.tables["balance_sheets"]

    def balance_sheet(self, step: int, pool: str | None = None) -> "pd.DataFrame":
        """The books of a pool at the end of a block, in units: a line for each item, a column for each asset.

        The first pool by default; the last block is step -1. Raises `KeyError` where there is no such block or pool.
        """
        table = self.balance_sheets
        pool = str(table["pool"].iloc[0]) if pool is None and len(table) else pool
        at = step if step >= 0 else int(table["step"].max()) + 1 + step
        rows = table[(table["pool"] == pool) & (table["step"] == at)]
        if rows.empty:
            raise KeyError(f"no balance sheet of pool {pool} at step {step}")
        lines = ["cash", "debt", "assets", "claims", "treasury", "deficit", "equity"]
        return rows.set_index("asset")[lines].T.rename_axis(index="item", columns=None)

    @property
    def attacks(self) -> "pd.DataFrame":
        """Every manipulation that an attacker began."""
        return self.tables["attacks"]


def simulate(scenario: Scenario, seed: int = 1, progress: Callable[[int], None] | None = None) -> Run:
    """Run one path of a scenario. The same scenario and seed give the same tables, bit for bit.

    `progress` is called now and then with the number of blocks done. Raises `ScenarioError` where the scenario or the
    seed is none, or a file that it names cannot be used, and `NotConserved` or `BooksDisagreeError` where the program
    itself is at fault.
    """
    model = begin(scenario, seed)
    model.run(progress)
    return finish(model)


def require_scenario(given: object) -> None:
    """Raise `ScenarioError` for what is no scenario, such as the name of one or its tables."""
    if not isinstance(given, Scenario):
        raise ScenarioError(
            f"{shown(given)} is no scenario; make one with Scenario.load(path) or Scenario.from_dict(tables)"
        )


def begin(scenario: Scenario, seed: int = 1) -> "UnderwaterModel":
    """A path before its first block, for whoever runs it block by block; `finish` tells what came of it."""
    from abm.model import UnderwaterModel  # noqa: PLC0415  Mesa and pandas take seconds to import
    from abm.record.exposures import exposures  # noqa: PLC0415

    require_scenario(scenario)
    model = UnderwaterModel(scenario, seed)
    model.recorder.at_the_start = exposures(model)
    return model


def finish(model: "UnderwaterModel") -> Run:
    """What a path left behind whose every block has run."""
    from abm.markets.price_paths import path_weight  # noqa: PLC0415
    from abm.record.metrics import summarise  # noqa: PLC0415
    from abm.record.survey import unforced_prices  # noqa: PLC0415
    from abm.streams import Streams  # noqa: PLC0415

    scenario, seed, recorder = model.world.scenario, model.path_seed, model.recorder
    tables = Tables(recorder.makers() | {"steps": lambda: unforced_prices(model, recorder.steps())})
    weight = path_weight(scenario, Streams(seed))
    return Run(scenario, seed, summarise(model), tables, recorder.at_the_start, weight)
