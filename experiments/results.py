"""Reads back whatever a command has stored.

from experiments import load_results

results = load_results("results/liquidator-capital-1")
results.table            # estimates with intervals; of a run, `results.paths`; of a comparison, `results.rows`
results.runs             # every path of every point
"""

import json
from pathlib import Path

from experiments import answers, comparison
from experiments.answers import Answer
from experiments.comparison import Comparison
from experiments.storage import Results


def load_results(directory: str | Path) -> Results | Comparison | Answer:
    """The stored results of a run, a comparison or an experiment. Raises `ResultsUnreadableError`."""
    folder = Path(directory)
    try:
        kind = json.loads((folder / "manifest.json").read_text(encoding="utf-8")).get("kind")
    except (OSError, ValueError, AttributeError):
        kind = None
    if kind == comparison.KIND:
        return Comparison.load(folder)
    if kind == answers.KIND:
        return Answer.load(folder)
    return Results.load(folder)
