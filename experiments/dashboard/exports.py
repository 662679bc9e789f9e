"""What one takes along from the dashboard: the scenario as TOML, and the report of a path that is over."""

import tempfile
from pathlib import Path

import tomli_w

from abm import Run, Scenario
from experiments.report import of_run
from experiments.stored.outcomes import PathOutcome
from experiments.stored.storage import Results, ResultsWriter


def scenario_toml(scenario: Scenario) -> bytes:
    """The resolved scenario as a file that `underwater run` takes; files that it names keep their absolute paths."""
    return tomli_w.dumps(scenario.to_dict()).encode()


def report_of(run: Run) -> bytes:
    """The report of a path, one HTML page: the same that `underwater report` makes of the stored path."""
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder) / "run"
        with ResultsWriter(
            directory, run.scenario, seed=run.seed, paths=1, command_line=["underwater", "dashboard"]
        ) as to:
            to.add(PathOutcome(0, run.seed, tables=dict(run.tables), summary=dict(run.summary), weight=run.weight))
            to.finish("complete", wall_seconds=0.0)
        return report_of_stored(Results.load(directory))


def report_of_stored(results: Results) -> bytes:
    """The report of a stored run, which is left as it is."""
    return of_run.page_of(results).html().encode()
