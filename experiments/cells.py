"""The cells of a comparison: one simulated path each, kept as soon as it is there and never computed twice.

A cell is addressed by its content: the scenario with the files it reads, the seed, and the program that ran it. Cells
are written to `cells/` in shards that are renamed into place, and packed into `cells.parquet` when all is done; so an
interrupted comparison goes on from what it has, a finished one can be given more paths, and a change of the scenario
or of the simulator starts afresh what it touches.
"""

import json
import os
import shutil
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from hashlib import blake2b
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

import abm
import models
from abm import Scenario
from experiments.run import PathOutcome, Task, Workers, run_tasks, uninterrupted
from experiments.storage import ResultsUnreadableError, put_each, version_of
from experiments.tables import schema_of

FOLDER, PACKED, COURSES = "cells", "cells.parquet", "timelines.parquet"
FINISHED, FAILED = "finished", "failed"
_TEXT = ("cell", "status", "error")
_SHARD_ROWS, _SHARD_SECONDS = 256, 5.0


@dataclass(frozen=True, slots=True)
class Cell:
    """One path of one scenario; with `course` the course of its blocks is kept as well."""

    address: str
    scenario: Scenario
    path: int
    seed: int
    course: bool = False


class Address:
    """Addresses the cells of one scenario, whose files it reads once."""

    def __init__(self, scenario: Scenario) -> None:
        tree = {key: value for key, value in scenario.to_dict().items() if key not in ("name", "description", "beside")}
        files = {key: blake2b(file.read_bytes()).hexdigest() for key, file in scenario.input_files().items()}
        put_each(tree, files)  # what a file holds matters, not where it is
        content = blake2b(json.dumps(tree, sort_keys=True).encode(), digest_size=16)
        content.update(program())
        self._scenario = scenario
        self._content = content.digest()

    def cell(self, path: int, seed: int, course: bool = False) -> Cell:
        """The cell of a path, which has the seed `seed + path`."""
        key = self._content + (seed + path).to_bytes(16, "little")
        return Cell(blake2b(key, digest_size=12).hexdigest(), self._scenario, path, seed, course)


class Cells:
    """The cells that a directory holds, and those that are computed now. Writes nothing before the first one."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._rows: dict[str, dict[str, Any]] = {}
        self._courses: dict[str, pd.DataFrame] = {}
        self._fresh: list[dict[str, Any]] = []
        self._written = time.monotonic()
        self._read()

    def row(self, cell: Cell) -> dict[str, Any] | None:
        """What is known of a cell: its status, error and metrics; None when it has not been computed."""
        return self._rows.get(cell.address)

    def course(self, cell: Cell) -> pd.DataFrame | None:
        """The course of a cell's blocks, if it was kept."""
        return self._courses.get(cell.address)

    def wanting(self, cells: Iterable[Cell]) -> list[Cell]:
        """The cells that have not finished yet; one that failed is tried again."""
        return [cell for cell in cells if not self._finished(cell)]

    def compute(
        self, cells: Sequence[Cell], jobs: int, workers: Workers | None, done: Callable[[int], None] | None = None
    ) -> None:
        """Compute the cells that are wanting; `done` hears how many of them are there.

        An interrupt keeps what has finished, and `KeyboardInterrupt` passes on.
        """
        wanting = {cell.address: cell for cell in self.wanting(cells)}
        tasks = [
            Task(cell.scenario, cell.seed, cell.path, tables=cell.course, label=address)
            for address, cell in wanting.items()
        ]
        taken = 0

        def take(outcome: PathOutcome) -> None:
            nonlocal taken
            taken += 1
            self._add(wanting[outcome.label], outcome)
            if done is not None:
                done(taken)

        try:
            if tasks:
                run_tasks(tasks, jobs, on_result=take, workers=workers)
        finally:
            with uninterrupted():
                self._write()

    def pack(self) -> None:
        """Put every cell into one file, and remove the shards."""
        if self._rows:
            rows = [{"cell": address, **row} for address, row in sorted(self._rows.items())]
            _write_rows(self._directory / PACKED, rows)
        shutil.rmtree(self._directory / FOLDER, ignore_errors=True)

    def _finished(self, cell: Cell) -> bool:
        row = self._rows.get(cell.address)
        return row is not None and row["status"] == FINISHED and (not cell.course or cell.address in self._courses)

    def _add(self, cell: Cell, outcome: PathOutcome) -> None:
        failed = outcome.error is not None
        row = {"status": FAILED if failed else FINISHED, "error": outcome.error, **outcome.summary}
        self._rows[cell.address] = row
        if cell.course and not failed:
            course = course_of(outcome.tables)
            self._courses[cell.address] = course
            self._folder()
            _write(self._directory / FOLDER / f"{cell.address}.course.parquet", course)
        self._fresh.append({"cell": cell.address, **row})
        if len(self._fresh) >= _SHARD_ROWS or time.monotonic() - self._written >= _SHARD_SECONDS:
            self._write()

    def _write(self) -> None:
        self._written = time.monotonic()
        if self._fresh:
            self._folder()
            # Named after all of its cells: one that is tried again must not replace the shard it failed in.
            name = blake2b("".join(row["cell"] for row in self._fresh).encode(), digest_size=12).hexdigest()
            _write_rows(self._directory / FOLDER / f"{name}.parquet", self._fresh)
            self._fresh = []

    def _folder(self) -> None:
        (self._directory / FOLDER).mkdir(parents=True, exist_ok=True)

    def _read(self) -> None:
        packed = self._directory / PACKED
        shards = sorted((self._directory / FOLDER).glob("*.parquet"))
        try:
            for file in [packed] * packed.is_file() + shards:
                if file.name.endswith(".course.parquet"):
                    self._courses[file.name.partition(".")[0]] = pq.read_table(file).to_pandas()
                else:
                    for row in pq.read_table(file).to_pylist():
                        address = row.pop("cell")
                        if row["status"] == FINISHED or address not in self._rows:
                            self._rows[address] = row
            if (self._directory / COURSES).is_file():
                for address, course in pq.read_table(self._directory / COURSES).to_pandas().groupby("cell"):
                    self._courses[str(address)] = course.drop(columns=["design", "cell"]).reset_index(drop=True)
        except (OSError, ValueError, KeyError, pa.ArrowException) as error:
            raise ResultsUnreadableError(
                f"the cells in {self._directory} cannot be read ({error}); remove it and run without --resume"
            ) from error


def course_of(tables: "dict[str, pd.DataFrame]") -> pd.DataFrame:
    """The course of a path's blocks: prices, debt in trouble, bad debt so far, and debt repaid by liquidators."""
    steps, liquidations = tables["steps"], tables["liquidations"]
    prices = [name for name in steps.columns if name.startswith(("reference_", "oracle_"))]
    course = steps[["step", "time_seconds", *prices, "liquidatable_usd", "underwater_usd", "bad_debt_usd"]].copy()
    repaid = liquidations.groupby("step")["repaid_usd"].sum()
    course["repaid_usd"] = course["step"].map(repaid).fillna(0.0)
    return course


@cache
def program() -> bytes:
    """A digest of the simulator: its version and the source of everything that a path runs."""
    content = blake2b(str(version_of("underwater")).encode(), digest_size=16)
    for package in (models, abm):
        home = Path(next(iter(package.__path__)))
        for file in sorted(home.rglob("*.py")):
            content.update(str(file.relative_to(home)).encode() + b"\0" + file.read_bytes())
    return content.digest()


def _write_rows(file: Path, rows: list[dict[str, Any]]) -> None:
    frame = pd.DataFrame(rows)
    for name in _TEXT:
        frame[name] = frame[name].astype("str").where(frame[name].notna(), None)
    schema = pa.schema([(name, pa.string() if name in _TEXT else pa.float64()) for name in frame.columns])
    _replace(file, pa.Table.from_pandas(frame, schema=schema, preserve_index=False))


def _write(file: Path, frame: pd.DataFrame) -> None:
    _replace(file, pa.Table.from_pandas(frame, schema=schema_of(frame), preserve_index=False))


def _replace(file: Path, table: pa.Table) -> None:
    """Write a file beside its place and rename it: whoever reads finds all of it or nothing."""
    beside = file.with_name(f".{file.name}.new")
    pq.write_table(table, beside, compression="zstd")
    os.replace(beside, file)
