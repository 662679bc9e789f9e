"""Go on with a run that was interrupted: read back the paths that have finished, so that only the rest is computed.

The run is written anew beside its old files, in `.sitting`, which then take their place, tables first and the manifest
last. Whoever is killed on the way leaves the old tables, or new ones that hold every path the old manifest speaks of.
A run of several paths goes on with itself that way, now and then: tables can be read once they have an end, and of a
sitting that is killed nothing can. Nothing goes on from tables that are not those of the manifest's digest: what is
damaged, or of another run, would be certified by the next manifest.
"""

import os
import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from abm import Scenario, ScenarioError
from experiments.running.cells import FINISHED, with_contents
from experiments.running.directories import manifest_of
from experiments.stored.outcomes import PathOutcome
from experiments.stored.provenance import program
from experiments.stored.storage import Results, ResultsExistError, ResultsUnreadableError, readable
from experiments.stored.tables import TABLES, Digest

_LAST = ("paths.parquet", "summary.json", "manifest.json")
_NO_METRICS = ("path", "seed", "weight", "status", "error")


class Earlier:
    """The finished paths of a run, read back one by one; none in a vacant directory.

    A path that failed is left out, to be tried again; not of our `own` last sitting, in which nothing is tried twice.

    Attributes:
        paths: their numbers, in order.
        place: where the run that goes on is to be written; `settle` brings it from there to where it belongs.
    """

    def __init__(self, directory: Path, scenario: Scenario, seed: int, paths: int, *, own: bool = False) -> None:
        """Raises `ResultsError` where the run is another than the one that is to go on, or cannot be read."""
        self.paths: list[int] = []
        self.place = self._directory = directory
        self._rows: dict[int, dict[str, Any]] = {}
        self._failed: dict[int, dict[str, Any]] = {}
        self._tables: dict[str, tuple[pq.ParquetFile, dict[int, int]]] = {}
        if manifest_of(directory) is None:
            return
        results = Results.load(directory)
        if not own:
            _refuse_another(results, scenario, seed, paths)
        self.place = directory / ".sitting"
        shutil.rmtree(self.place, ignore_errors=True)  # of a sitting that was killed
        of_paths = results.paths[results.paths["status"] == FINISHED]
        self._rows = {int(row["path"]): row for row in of_paths.to_dict("records")}  # type: ignore[misc]
        if own:
            self._failed = {failed["path"]: failed for failed in results.manifest["failed_paths"]}
        self.paths = sorted(self._rows | self._failed)
        if self._rows:
            self._tables = {name: _by_path(directory / f"{name}.parquet") for name in TABLES}
        cut_short = len(self._rows) > results.finished  # while `settle` put the next manifest in its place
        if not own and not cut_short and self._digest() != results.manifest.get("digest"):
            raise ResultsUnreadableError(
                f"the tables in {directory} are not those that its manifest.json speaks of: some are damaged or of "
                "another run; give another directory with --out"
            )

    def outcome(self, path: int) -> PathOutcome:
        """What became of a path, as it was when it was computed, its tables aside."""
        if (failed := self._failed.get(path)) is not None:
            return PathOutcome(**failed)
        row = self._rows[path]
        return PathOutcome(
            path,
            int(row["seed"]),
            summary={name: value for name, value in row.items() if name not in _NO_METRICS},
            weight=float(row.get("weight", 1.0)),
        )

    def tables(self, path: int) -> dict[str, pa.Table]:
        """What a path left in every table; nothing where it failed."""
        return {name: self._rows_of(name, path) for name in TABLES} if path in self._rows else {}

    def settle(self) -> None:
        """Put what was written where it belongs, and what says that it is there last."""
        for table, _ in self._tables.values():
            table.close()
        if self.place == self._directory:
            return
        for name in [*(f"{name}.parquet" for name in TABLES), *_LAST]:
            if (self.place / name).is_file():
                os.replace(self.place / name, self._directory / name)
        shutil.rmtree(self.place)

    def _digest(self) -> str:
        """The digest of all that is read back."""
        digest = Digest()
        for path in self.paths:
            for name in TABLES:
                with readable(self._directory / f"{name}.parquet"):
                    digest.add(name, self._rows_of(name, path))
        return digest.hexdigest()

    def _rows_of(self, name: str, path: int) -> pa.Table:
        table, groups = self._tables[name]
        return table.read_row_group(groups[path]) if path in groups else table.schema_arrow.empty_table()


def _by_path(file: Path) -> tuple[pq.ParquetFile, dict[int, int]]:
    """A table, and which of its row groups each path has; a path without rows has none."""
    with readable(file):
        table = pq.ParquetFile(file)
    column = table.schema_arrow.get_field_index("path")
    if column < 0:
        raise ResultsUnreadableError(f"{file} is no table of a run; give another directory with --out")
    groups = (table.metadata.row_group(k).column(column).statistics for k in range(table.num_row_groups))
    return table, {int(held.min): k for k, held in enumerate(groups) if held is not None and held.has_min_max}


def _refuse_another(results: Results, scenario: Scenario, seed: int, paths: int) -> None:
    """Refuse to mix paths of different scenarios, seeds or programs, and to drop paths that are there."""
    where, manifest = results.directory, results.manifest
    remedy = "give another directory with --out"
    if manifest.get("program") != program().hex():
        raise ResultsExistError(f"{where} holds a run of another version of underwater; {remedy}")
    try:
        same = with_contents(Scenario.load(where / "scenario.toml")) == with_contents(scenario)
    except (ScenarioError, OSError):
        same = False
    if not same:
        raise ResultsExistError(f"{where} holds a run of another scenario than {scenario.name} as it is now; {remedy}")
    if manifest["seed"] != seed:
        raise ResultsExistError(f"{where} holds a run with --seed {manifest['seed']}, not {seed}; {remedy}")
    held = int(results.paths["path"].max()) + 1
    if held > paths:
        raise ResultsExistError(
            f"{where} holds {held:,} paths, more than --paths {paths:,}; ask for as many, or {remedy}"
        )
