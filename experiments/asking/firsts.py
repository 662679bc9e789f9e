"""The tables of one path of an experiment, kept for a figure that shows a course of events.

The path is the first one at the baseline, or at the first point where there is no baseline. It is simulated once more:
what the cells keep of every path is its summary.
"""

from pathlib import Path

import pandas as pd

from experiments.asking.inquiry import Inquiry
from experiments.running.paths import Task, attempt
from experiments.stored.storage import ResultsUnreadableError
from experiments.stored.tables import schema_of

TABLES = {"spread": ("nodes", "exposures")}
"""By the kind of figure."""


def keep_first(inquiry: Inquiry, directory: Path) -> None:
    """Write the tables that the experiment's figure needs; nothing where it needs none or the path fails."""
    picture = inquiry.experiment.figure
    wanted = TABLES.get(picture.kind, ()) if picture is not None else ()
    if not wanted:
        return
    scenario = inquiry.scenarios[inquiry.baseline or 0]
    outcome = attempt(Task(scenario, inquiry.experiment.seed, 0, tables=True))
    for name in wanted if outcome.error is None else ():
        table = outcome.tables[name]
        table.to_parquet(directory / f"{name}.parquet", index=False, schema=schema_of(table))


def read_first(directory: Path, name: str) -> pd.DataFrame:
    """Read one of these tables. Raises `ResultsUnreadableError` where it is not there."""
    try:
        return pd.read_parquet(directory / f"{name}.parquet")
    except (OSError, ValueError) as error:
        raise ResultsUnreadableError(
            f"{directory / name}.parquet cannot be read ({error}); run the experiment again with --resume"
        ) from error
