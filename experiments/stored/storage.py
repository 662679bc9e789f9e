"""A run's results on disk: written path by path so that memory stays bounded, read back for figures and tables.

A results directory stands on its own. It holds the resolved scenario with the files it reads, so that running
`DIR/scenario.toml` reproduces it; the tables, in the order of the paths; and a manifest whose digest of the tables
is the same for the same scenario and seed, on any number of workers.
"""

import json
import math
import os
import shutil
import tempfile
import tomllib
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import tomli_w

from experiments.stored.aggregate import aggregate
from experiments.stored.provenance import provenance
from experiments.stored.seals import seals
from experiments.stored.tables import TABLES, Digest, schema_of

if TYPE_CHECKING:
    from types import TracebackType

    from experiments.stored.outcomes import PathOutcome


class ResultsError(Exception):
    """A results directory that cannot be used, in one sentence with the remedy."""


class ResultsExistError(ResultsError):
    """The directory for new results already holds something."""


class ResultsUnwritableError(ResultsError):
    """The directory for new results cannot be made or written to."""

    @classmethod
    def at(cls, directory: Path, error: Exception) -> Self:
        """The refusal of a directory for what the system, or a codec, says of it."""
        reason = getattr(error, "strerror", None) or str(error)
        return cls(f"results cannot be written to {directory} ({reason}); give another directory with --out")


class ResultsUnreadableError(ResultsError):
    """The directory does not hold results that can be read."""


class Storable(Protocol):
    """What storage needs to know of a scenario."""

    @property
    def name(self) -> str:
        """The scenario's name."""

    def to_dict(self) -> dict[str, Any]:
        """The resolved scenario, as TOML can hold it."""

    def input_files(self) -> Mapping[str, Path]:
        """The absolute path of every file the scenario reads, by the dotted key that names it."""


def default_directory(scenario: str, seed: int) -> Path:
    """Where results go when nobody says where: `results/<scenario>-<seed>` in the working directory."""
    return Path("results") / f"{scenario}-{seed}"


def check_vacant(directory: Path) -> None:
    """Make sure that new results can be written to `directory`, and leave no trace of the attempt.

    Raises `ResultsExistError` when it is not empty, `ResultsUnwritableError` when it cannot be made or written to.
    """
    try:
        str(directory).encode()  # as the writers of tables spell it
        if directory.is_dir() and any(directory.iterdir()):
            raise ResultsExistError(f"{directory} is not empty; give another directory with --out, or remove it")
        there = next(folder for folder in (directory, *directory.parents) if os.path.lexists(folder))
        with tempfile.TemporaryFile(dir=there):
            pass
    except (OSError, UnicodeEncodeError) as error:
        raise ResultsUnwritableError.at(directory, error) from error


class Finished(Protocol):
    """Paths that an earlier sitting has finished."""

    @property
    def paths(self) -> Sequence[int]:
        """Their numbers, in order."""

    def outcome(self, path: int) -> "PathOutcome":
        """What became of one of them, its tables aside."""

    def tables(self, path: int) -> Mapping[str, pa.Table]:
        """Its rows of every table; nothing where it failed."""


class ResultsWriter:
    """Writes one run's results: `add` each path's outcome in order, then `finish`; `earlier` paths come in between.

    Entering it refuses a directory that cannot take results; the directory itself appears with the first outcome, so
    that a scenario refused before then leaves nothing behind.
    """

    def __init__(
        self,
        directory: Path,
        scenario: Storable,
        *,
        seed: int,
        paths: int,
        jobs: int = 1,
        command_line: Sequence[str] = (),
        earlier: Finished | None = None,
    ) -> None:
        self.directory = directory
        self._earlier = earlier
        self._waiting = deque(earlier.paths if earlier is not None else ())
        self._scenario = scenario
        self._weighted = "sampling" in scenario.to_dict()
        self._manifest: dict[str, Any] = {
            "scenario": scenario.name,
            "seed": seed,
            "paths_requested": paths,
            "jobs": jobs,
            **provenance(command_line),
        }
        self._writers: dict[str, pq.ParquetWriter] = {}
        self._digest = Digest()
        self._rows: list[dict[str, Any]] = []
        self._failed: list[dict[str, Any]] = []

    @property
    def holds_results(self) -> bool:
        """Whether there is any path's outcome."""
        return bool(self._rows or self._waiting)

    def __enter__(self) -> Self:
        check_vacant(self.directory)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: "TracebackType | None"
    ) -> None:
        self._close()

    def _close(self) -> None:
        """Write the ends of the tables, without which nobody can read them. Raises the first of what goes wrong."""
        wrong: list[OSError] = []
        for writer in self._writers.values():
            try:
                writer.close()
            except OSError as error:
                writer.is_open = False  # else it tries once more when nobody listens
                wrong.append(error)
        if wrong:
            raise wrong[0]

    def add(self, outcome: "PathOutcome") -> None:
        """Write one path: a row group in every table and a row in `paths.parquet`, or a row with its error."""
        self._catch_up(outcome.path)
        self._write(outcome, outcome.tables)

    def _catch_up(self, path: float) -> None:
        """Write the earlier paths before this one."""
        while self._earlier is not None and self._waiting and self._waiting[0] < path:
            before = self._waiting.popleft()
            self._write(self._earlier.outcome(before), self._earlier.tables(before))

    def _write(self, outcome: "PathOutcome", tables: Mapping[str, pd.DataFrame | pa.Table]) -> None:
        if not self._rows:
            self.directory.mkdir(parents=True, exist_ok=True)
            write_scenario(self.directory, self._scenario)
        row = {"path": outcome.path, "seed": outcome.seed}
        if outcome.error is not None:
            self._rows.append({**row, "status": "failed", "error": outcome.error})
            self._failed.append({**row, "error": outcome.error, "trace": outcome.trace})
            return
        for name in TABLES:
            self._append(name, tables[name])
        metrics = {name: float(value) for name, value in outcome.summary.items()}
        weight = {"weight": outcome.weight} if self._weighted else {}
        self._rows.append({**row, **weight, "status": "finished", "error": None, **metrics})

    def finish(self, status: str, wall_seconds: float) -> None:
        """Write the ends of the tables, the table of paths, the summary and, last of all, the manifest."""
        self._catch_up(math.inf)
        self._close()
        paths = pd.DataFrame(self._rows)
        types = {"path": pa.int64(), "seed": pa.int64(), "status": pa.string(), "error": pa.string()}
        schema = pa.schema([(name, types.get(name, pa.float64())) for name in paths.columns])
        pq.write_table(
            pa.Table.from_pandas(paths, schema=schema, preserve_index=False),
            self.directory / "paths.parquet",
            compression="zstd",
        )
        write_json(self.directory / "summary.json", aggregate(paths))
        manifest = self._manifest | {
            "status": status,
            "paths_finished": len(self._rows) - len(self._failed),
            "failed_paths": self._failed,
            "wall_seconds": round(wall_seconds, 3),
            "digest": self._digest.hexdigest(),
            "files": seals(self.directory),
        }
        write_json(self.directory / "manifest.json", manifest)

    def _append(self, name: str, rows: pd.DataFrame | pa.Table) -> None:
        if name not in self._writers:
            schema = schema_of(rows) if isinstance(rows, pd.DataFrame) else rows.schema
            self._writers[name] = pq.ParquetWriter(self.directory / f"{name}.parquet", schema, compression="zstd")
        if isinstance(rows, pd.DataFrame):
            rows = pa.Table.from_pandas(rows, schema=self._writers[name].schema, preserve_index=False)
        self._digest.add(name, rows)
        if rows.num_rows:
            self._writers[name].write_table(rows, row_group_size=rows.num_rows)


@dataclass(frozen=True, slots=True)
class Results:
    """The stored results of one run. Tables are read when asked for, whole or path by path."""

    directory: Path
    scenario: dict[str, Any]
    manifest: dict[str, Any]
    summary: dict[str, float | None]
    paths: pd.DataFrame

    @classmethod
    def load(cls, directory: str | Path) -> Self:
        """Read a results directory. Raises `ResultsUnreadableError` when it is none, or one that was never finished."""
        folder = Path(directory)
        if not folder.is_dir():
            raise ResultsUnreadableError(f"there is no directory {folder}; name one that a run has written")
        if not (folder / "manifest.json").is_file():
            raise ResultsUnreadableError(
                f"{folder} holds no finished results (no manifest.json); name a directory that a run has written"
            )
        try:
            return cls(
                directory=folder,
                scenario=read_scenario(folder),
                manifest=json.loads((folder / "manifest.json").read_text(encoding="utf-8")),
                summary=json.loads((folder / "summary.json").read_text(encoding="utf-8")),
                paths=pq.read_table(folder / "paths.parquet").to_pandas(),
            )
        except (OSError, ValueError, pa.ArrowException) as error:
            raise ResultsUnreadableError(
                f"the results in {folder} cannot be read ({in_a_line(error)}); run the scenario again"
            ) from error

    @property
    def name(self) -> str:
        """The scenario's name."""
        return str(self.manifest["scenario"])

    @property
    def finished(self) -> int:
        """How many paths finished."""
        return int(self.manifest["paths_finished"])

    @property
    def steps(self) -> pd.DataFrame:
        """Every block of every path."""
        return self.table("steps")

    @property
    def liquidations(self) -> pd.DataFrame:
        """Every liquidation of every path."""
        return self.table("liquidations")

    @property
    def write_offs(self) -> pd.DataFrame:
        """Every part of a bad debt that a loss layer took, of every path."""
        return self.table("write_offs")

    @property
    def depth(self) -> pd.DataFrame:
        """The samples of the markets' depth by source, of every path."""
        return self.table("depth")

    @property
    def landscape(self) -> pd.DataFrame:
        """The samples of the debt by liquidation price, of every path."""
        return self.table("landscape")

    @property
    def trades(self) -> pd.DataFrame:
        """Who traded with whom, of every path."""
        return self.table("trades")

    @property
    def providers(self) -> pd.DataFrame:
        """How every liquidity provider did, of every path."""
        return self.table("providers")

    @property
    def liquidators(self) -> pd.DataFrame:
        """What came of every liquidator's calls, of every path."""
        return self.table("liquidators")

    @property
    def attacks(self) -> pd.DataFrame:
        """Every manipulation that an attacker began, of every path."""
        return self.table("attacks")

    def has(self, name: str) -> bool:
        """Whether a table is stored; runs of older versions lack those that came later."""
        return (self.directory / f"{name}.parquet").is_file()

    def table(self, name: str, *, path: int | None = None, columns: Sequence[str] | None = None) -> pd.DataFrame:
        """A stored table, whole or of one path, all its columns or some. Raises `ResultsUnreadableError`."""
        file = self._file(name)
        rows = None if path is None else [("path", "==", path)]
        with readable(file):
            frame: pd.DataFrame = pq.read_table(file, columns=columns, filters=rows).to_pandas()
        return frame

    def each_path(self, name: str, columns: Sequence[str]) -> Iterator[pd.DataFrame]:
        """The rows of a stored table one path at a time, in order of the paths. Raises `ResultsUnreadableError`."""
        file = self._file(name)
        with readable(file), pq.ParquetFile(file) as table:
            for group in range(table.num_row_groups):
                yield table.read_row_group(group, columns=list(columns)).to_pandas()

    def _file(self, name: str) -> Path:
        file = self.directory / f"{name}.parquet"
        if not file.is_file():
            why = "none of its paths finished" if self.finished == 0 else "the file is missing"
            raise ResultsUnreadableError(f"{self.directory} has no table of {name}: {why}; run the scenario again")
        return file


def in_a_line(error: Exception) -> str:
    """What an error says, less the schema that some append to it."""
    return str(error).partition("\n")[0]


@contextmanager
def readable(file: Path) -> Iterator[None]:
    """Raise `ResultsUnreadableError` where a table that is read within is damaged."""
    try:
        yield
    except (OSError, pa.ArrowException) as error:
        raise ResultsUnreadableError(f"{file} cannot be read ({in_a_line(error)}); run it again") from error


def write_scenario(directory: Path, scenario: Storable) -> None:
    """Write the resolved scenario and, beside it, a copy of every file it reads."""
    tree = scenario.to_dict()
    files = scenario.input_files()
    copies: dict[Path, str] = {}
    for source in files.values():
        if source not in copies:
            copies[source] = _vacant_name(source, copies.values())
            (directory / "inputs").mkdir(exist_ok=True)
            copy = directory / copies[source]
            if not (copy.exists() and copy.samefile(source)):  # a scenario that is run where it was stored
                shutil.copyfile(source, copy)
    put_each(tree, {key: copies[source] for key, source in files.items()})
    (directory / "scenario.toml").write_text(tomli_w.dumps(tree), encoding="utf-8")


def read_scenario(folder: Path) -> dict[str, Any]:
    """A stored scenario. Raises `ValueError` and `OSError`, also for an empty file, which TOML has nothing against."""
    tree = tomllib.loads((folder / "scenario.toml").read_text(encoding="utf-8"))
    if "time" not in tree:
        raise ValueError("scenario.toml is not whole")
    return tree


def _vacant_name(source: Path, taken: Iterable[str]) -> str:
    name, copy = f"inputs/{source.name}", 1
    while name in taken:
        copy += 1
        name = f"inputs/{source.stem}-{copy}{source.suffix}"
    return name


def put_each(tree: Any, values: Mapping[str, str], key: str = "") -> None:
    """Put each value in its place in nested data, under the dotted key that leads there."""
    for part, branch in tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ():
        here = f"{key}.{part}" if key else str(part)
        if here in values:
            tree[part] = values[here]
        else:
            put_each(branch, values, here)


def write_json(file: Path, content: Mapping[str, Any]) -> None:
    """Write strict JSON: a number that is not finite becomes null."""
    file.write_text(json.dumps(_finite(content), indent=2, allow_nan=False) + "\n", encoding="utf-8")


def _finite(content: Any) -> Any:
    if isinstance(content, Mapping):
        return {key: _finite(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [_finite(value) for value in content]
    return None if isinstance(content, float) and not math.isfinite(content) else content
