"""One HTML page of stored results, to be sent and opened anywhere: question, answer, figures, tables, provenance."""

from pathlib import Path

from experiments.comparing.comparison import Comparison
from experiments.report import of_answer, of_comparison, of_run
from experiments.results import load_results
from experiments.stored.storage import Results

FILE = "report.html"


def write_report(directory: Path) -> Path:
    """Write the report of stored results into their directory; the file. Raises `ResultsError`."""
    results = load_results(directory)
    if isinstance(results, Results):
        page = of_run.page_of(results)
    elif isinstance(results, Comparison):
        page = of_comparison.page_of(results)
    else:
        page = of_answer.page_of(results)
    file = directory / FILE
    file.write_text(page.html(), encoding="utf-8")
    return file
