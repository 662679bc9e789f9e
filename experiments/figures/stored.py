"""Draws the figures of whatever is stored in a directory: a run, a comparison or an experiment."""

from pathlib import Path

from experiments.comparing.comparison import Comparison
from experiments.figures import save_all
from experiments.figures.answer import save_answer
from experiments.figures.comparison import save_comparison
from experiments.results import load_results
from experiments.stored.storage import Results


def draw_stored(directory: Path, form: str = "png") -> list[Path]:
    """Draw the figures of stored results from these alone; the files. Raises `ResultsError`."""
    results = load_results(directory)
    if isinstance(results, Results):
        return save_all(results, directory / "figures", form)
    if isinstance(results, Comparison):
        return save_comparison(results, directory / "figures", form)
    return save_answer(results, directory / "figures", form)
