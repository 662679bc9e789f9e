"""Reads back whatever a command has stored.

from experiments import load_results

results = load_results("results/liquidator-capital-1")
results.table            # estimates with intervals; of a comparison `results.ranking`, of a run `results.summary`
results.runs             # every path of every point; of a comparison `results.rows`, of a run `results.paths`
"""

# ruff: noqa: PLC0415 - table libraries take seconds to import, and this module is imported with the package

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from experiments.asking.answers import Answer
    from experiments.comparing.comparison import Comparison
    from experiments.stored.storage import Results


def load_results(directory: str | Path) -> "Results | Comparison | Answer":
    """The stored results of a run, a comparison, a sweep or an experiment. Raises `ResultsUnreadableError`."""
    from experiments.asking.answers import Answer
    from experiments.comparing.comparison import Comparison
    from experiments.running.directories import COMPARISON, EXPERIMENT, holds_cells, kind_of
    from experiments.stored.storage import Results, ResultsUnreadableError

    folder = Path(directory)
    kind = kind_of(folder)
    if kind == COMPARISON:
        return Comparison.load(folder)
    if kind == EXPERIMENT:
        return Answer.load(folder)
    if kind is None and holds_cells(folder):
        raise ResultsUnreadableError(
            f"{folder} holds a comparison or an experiment whose end was not written (no manifest.json that can be "
            "read); the same command with --resume goes on with it"
        )
    return Results.load(folder)
