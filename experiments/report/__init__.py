"""One HTML page of stored results, to be sent and opened anywhere: question, answer, figures, tables, provenance."""

from pathlib import Path

from experiments.comparison import Comparison, is_comparison
from experiments.report import of_comparison, of_run
from experiments.storage import Results

FILE = "report.html"


def write_report(directory: Path) -> Path:
    """Write the report of a run or a comparison into its directory; the file. Raises `ResultsError`."""
    if is_comparison(directory):
        page = of_comparison.page_of(Comparison.load(directory))
    else:
        page = of_run.page_of(Results.load(directory))
    file = directory / FILE
    file.write_text(page.html(), encoding="utf-8")
    return file
