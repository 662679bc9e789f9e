"""Reads back whatever a command has stored.

from experiments import load_results

results = load_results("results/liquidator-capital-1")
results.table            # estimates with intervals; of a comparison `results.ranking`, of a run `results.summary`
results.runs             # every path of every point; of a comparison `results.rows`, of a run `results.paths`
"""

# ruff: noqa: PLC0415 - table libraries take seconds to import, and this module is imported with the package

import json
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from experiments.answers import Answer
    from experiments.comparison import Comparison
    from experiments.storage import Results


def load_results(directory: str | Path) -> "Results | Comparison | Answer":
    """The stored results of a run, a comparison, a sweep or an experiment. Raises `ResultsUnreadableError`."""
    from experiments import answers, comparison
    from experiments.storage import Results

    folder = Path(directory)
    try:
        kind = json.loads((folder / "manifest.json").read_text(encoding="utf-8")).get("kind")
    except (OSError, ValueError, AttributeError):
        kind = None
    if kind == comparison.KIND:
        return comparison.Comparison.load(folder)
    if kind == answers.KIND:
        return answers.Answer.load(folder)
    return Results.load(folder)
