"""The cells that a directory holds: read from its shards, computed by a crew where they are wanting, packed at the end.

`cells/` holds the shards that workers have put there, `cells.parquet` those of earlier sittings. The rows are kept as
columns, some 400 bytes a path, and never as objects; while paths are computed nothing is kept of them at all.
"""

import math
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from experiments.running.cells import COURSE, FINISHED, TEXT, Batch, Cell, Computed, compute, lost, replace
from experiments.running.executors import Crew
from experiments.running.interrupts import uninterrupted
from experiments.running.runner import Lost, run_all
from experiments.stored.provenance import program
from experiments.stored.storage import ResultsUnreadableError

FOLDER, PACKED, COURSES = "cells", "cells.parquet", "timelines.parquet"
BATCH_SECONDS = 2.0
"""How long a batch should take: long against what it costs to hand it over, short for who interrupts or kills it."""

MOST_CELLS = 256

Progress = Callable[[int, int], None]


class Cells:
    """The cells of a directory. Nothing stays in it that was not there before, until the first cell has finished."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._table = pa.table({name: pa.array([], pa.string()) for name in TEXT})
        self._place: dict[str, int] = {}
        self._finished: set[str] = set()
        self._courses: dict[str, pd.DataFrame | Path] = {}
        self._read_shards: set[str] = set()
        self._read(first=True)
        self._read_courses()

    def row(self, cell: Cell) -> dict[str, Any] | None:
        """What is known of a cell: its status, error and metrics; None when it has not been computed."""
        place = self._place.get(cell.address)
        if place is None:
            return None
        row: dict[str, Any] = self._table.slice(place, 1).to_pylist()[0]
        del row["cell"]
        return row

    def rows(self, cells: Sequence[Cell]) -> tuple[list[int], pa.Table]:
        """Which of the cells are known, by their number among `cells`, and their rows in that order."""
        known = [(k, self._place[cell.address]) for k, cell in enumerate(cells) if cell.address in self._place]
        places = pa.array([place for _, place in known], pa.int64())
        return [k for k, _ in known], self._table.take(places)

    def course(self, cell: Cell) -> pd.DataFrame | None:
        """The course of a cell's blocks, if it was kept."""
        found = self._courses.get(cell.address)
        if isinstance(found, Path):
            found = self._courses[cell.address] = _read_shard(found).to_pandas()
        return found

    def wanting(self, cells: Iterable[Cell]) -> list[Cell]:
        """The cells that have not finished yet; one that failed is tried again."""
        return [
            cell
            for cell in cells
            if cell.address not in self._finished or (cell.course and cell.address not in self._courses)
        ]

    def compute(self, cells: Iterable[Cell], crew: Crew, done: Callable[[int], None] | None = None) -> None:
        """Compute the cells that are wanting; `done` hears how many of them are there.

        An interrupt keeps what has finished, and `KeyboardInterrupt` passes on.
        """
        wanting = list({cell.address: cell for cell in self.wanting(cells)}.values())
        if not wanting:
            return
        there = 0
        with self._folder() as (folder, token):
            batches = _Batches(wanting, crew, folder, token)

            def take(batch: Batch, result: Computed | Lost) -> None:
                nonlocal there
                computed = lost(batch) if isinstance(result, Lost) else result
                for name, content in computed.shards.items():
                    replace(folder / name, content)
                batches.learn(computed)
                there += computed.cells
                if done is not None:
                    done(there)

            try:
                run_all(compute, batches, crew, on_result=take, split=lambda batch: batch.parts)
            finally:
                with uninterrupted():
                    self._read()

    def pack(self) -> None:
        """Put every cell into one file, and remove the shards."""
        if self._table.num_rows:
            stream = pa.BufferOutputStream()
            pq.write_table(self._table.sort_by("cell"), stream, compression="zstd")
            replace(self._directory / PACKED, stream.getvalue().to_pybytes())
        shutil.rmtree(self._directory / FOLDER, ignore_errors=True)

    @contextmanager
    def _folder(self) -> "Iterator[tuple[Path, str]]":
        """The folder of shards with a token in it, by which workers know that they see it; gone if nothing came."""
        folder = (self._directory / FOLDER).resolve()
        made = [path for path in (folder, *folder.parents) if not path.exists()]
        folder.mkdir(parents=True, exist_ok=True)
        token = f".{uuid4().hex}.token"
        (folder / token).touch()
        try:
            yield folder, token
        finally:
            with uninterrupted():
                (folder / token).unlink(missing_ok=True)
                with suppress(OSError):
                    for path in made:
                        path.rmdir()

    def _read(self, first: bool = False) -> None:
        """Read the shards that were not read yet, and the files of earlier sittings."""
        packed, folder = self._directory / PACKED, self._directory / FOLDER
        names = sorted(name for name in os.listdir(folder) if not name.startswith(".")) if folder.is_dir() else []
        fresh = [folder / name for name in names if name not in self._read_shards]
        self._read_shards.update(names)
        files = [packed] * (first and packed.is_file())
        for file in fresh:
            if file.name.endswith(COURSE):
                self._courses[file.name.removesuffix(COURSE)] = file
            else:
                files.append(file)
        if files:
            self._take_in([self._table, *map(_read_rows, files)])

    def _read_courses(self) -> None:
        """Read the courses of an earlier sitting; those of a file that was cut short are computed again."""
        with suppress(OSError, ValueError, KeyError, pa.ArrowException):
            for address, course in pq.read_table(self._directory / COURSES).to_pandas().groupby("cell"):
                self._courses[str(address)] = course.drop(columns=["design", "cell"]).reset_index(drop=True)

    def _take_in(self, tables: list[pa.Table]) -> None:
        """Put tables together, keeping one row a cell: one that finished where there is one."""
        table = pa.concat_tables(tables, promote_options="default").combine_chunks()
        place: dict[str, int] = {}
        for k, (address, status) in enumerate(zip(table["cell"].to_pylist(), table["status"].to_pylist(), strict=True)):
            if status == FINISHED:
                self._finished.add(address)
                place[address] = k
            elif address not in self._finished:
                place[address] = k
        self._table = table if len(place) == table.num_rows else table.take(pa.array(sorted(place.values())))
        if self._table is not table:
            place = {address: k for k, address in enumerate(self._table["cell"].to_pylist())}
        self._place = place


@dataclass(slots=True)
class Bench:
    """Computes cells and tells how far it is: `progress` hears the cells done and those expected."""

    cells: Cells
    crew: Crew
    progress: Progress | None = None
    done: int = 0
    expected: int = 0

    def compute(self, cells: Sequence[Cell], planned: int | None = None) -> None:
        """Compute what is wanting of some cells, of which so many were expected from the start."""
        wanting = self.cells.wanting(cells)
        self.expected += len(wanting) - (len(cells) if planned is None else planned)
        self.cells.compute(wanting, self.crew, self._tell(self.done))
        self.done += len(wanting)

    def _tell(self, before: int) -> Callable[[int], None]:
        def tell(done: int) -> None:
            if self.progress is not None:
                self.progress(before + done, self.expected)

        return tell


def _read_shard(file: Path) -> pa.Table:
    """A shard, or several that were packed. Raises `ResultsUnreadableError`."""
    try:
        return pq.read_table(file)
    except (OSError, ValueError, pa.ArrowException) as error:
        raise _unreadable(file, " ".join(str(error).split())) from error


def _read_rows(file: Path) -> pa.Table:
    """The rows of cells that a shard holds. Raises `ResultsUnreadableError`."""
    rows = _read_shard(file)
    if not {"cell", "status"} <= set(rows.column_names):
        raise _unreadable(file, "it holds no cells")
    return rows


def _unreadable(file: Path, reason: str) -> ResultsUnreadableError:
    return ResultsUnreadableError(
        f"{file} cannot be read ({reason}); remove it, and --resume computes again what was in it"
    )


class _Batches:
    """Cuts cells into batches that take about `BATCH_SECONDS` each, and less towards the end, so that all finish."""

    def __init__(self, cells: Sequence[Cell], crew: Crew, folder: Path, token: str) -> None:
        self._cells = cells
        self._crew = crew
        self._folder = folder
        self._token = token
        self._given = 0
        self._size = 1

    def __iter__(self) -> Iterator[Batch]:
        while self._given < len(self._cells):
            left = len(self._cells) - self._given
            size = max(1, min(self._size, math.ceil(left / (2 * self._crew.slots))))
            first, self._given = self._given, self._given + size
            yield Batch(tuple(self._cells[first : self._given]), self._folder, self._token, program())

    def learn(self, computed: Computed) -> None:
        """Take note of how long cells take: of the latest, as the first ones wait for compilers and imports."""
        if computed.cells and computed.seconds > 0.0:
            wanted = BATCH_SECONDS * computed.cells / computed.seconds
            self._size = int(min(max(1.0, wanted), 4.0 * self._size, MOST_CELLS))
