"""The cells of an experiment: one simulated path each, addressed by its content and computed in batches by workers.

The address is of the scenario with the files it reads, the seed, and the program: whatever could change the result. So
a finished cell is never computed twice, a finished experiment can be given more paths, and a change of the scenario or
of the simulator starts afresh what it touches.

A worker writes what a batch left behind as one shard, under a name that follows from the cells in it, and renames it
into place: whoever is killed, and whenever, others find all of a shard or nothing. A worker that does not see the
directory (another machine, without a shared disk) sends its shards back instead.
"""

import io
import json
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any
from uuid import uuid4

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from abm import Scenario
from experiments.running.executors import check_program
from experiments.running.interrupts import uninterrupted
from experiments.running.paths import DIED, Task, attempt
from experiments.stored.provenance import program
from experiments.stored.storage import put_each
from experiments.stored.tables import schema_of

FINISHED, FAILED = "finished", "failed"
COURSE = ".course.parquet"
TEXT = ("cell", "status", "error")


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
        whole = with_contents(scenario)
        tree = {key: value for key, value in whole.items() if key not in ("name", "description", "beside")}
        content = blake2b(json.dumps(tree, sort_keys=True).encode(), digest_size=16)
        content.update(program())
        self._scenario = scenario
        self._content = content.digest()

    def cell(self, path: int, seed: int, course: bool = False) -> Cell:
        """The cell of a path, which has the seed `seed + path`."""
        key = self._content + (seed + path).to_bytes(16, "little")
        return Cell(blake2b(key, digest_size=12).hexdigest(), self._scenario, path, seed, course)


def with_contents(scenario: Scenario) -> dict[str, Any]:
    """A resolved scenario with a digest of what each file holds, which matters, in the place of where it is."""
    tree = scenario.to_dict()
    put_each(tree, {key: blake2b(file.read_bytes()).hexdigest() for key, file in scenario.input_files().items()})
    return tree


@dataclass(frozen=True, slots=True)
class Batch:
    """Some cells for one worker, where their shards belong, how to know that place, and the program they are of."""

    cells: tuple[Cell, ...]
    folder: Path
    token: str
    program: bytes

    @property
    def parts(self) -> "list[Batch]":
        """Each cell as a batch of its own."""
        return [Batch((cell,), self.folder, self.token, self.program) for cell in self.cells]


@dataclass(slots=True)
class Computed:
    """What became of a batch: how many cells are there, how long that took, and the shards that could not be put."""

    cells: int = 0
    seconds: float = 0.0
    processor_seconds: float = 0.0
    shards: dict[str, bytes] = field(default_factory=dict)


def compute(batch: Batch) -> Computed:
    """Simulate the cells of a batch one after another, and put the shards of what has finished; also when interrupted.

    A cell whose simulation crashes has a row with its reason. Raises `SchedulerError` where this process has another
    version of the simulator than the one that asked.
    """
    check_program(batch.program)
    started, processor = time.perf_counter(), time.process_time()
    computed = Computed()
    rows: list[dict[str, Any]] = []
    shards: dict[str, bytes] = {}
    try:
        for cell in batch.cells:
            row, course = _simulated(cell)
            rows.append(row)
            if course is not None:
                shards[cell.address + COURSE] = _parquet(pa.Table.from_pandas(course, schema_of(course), False))
            computed.cells += 1
    finally:
        with uninterrupted():
            if rows:
                shards |= shard_of(rows)
            computed.shards = put(batch, shards)
            computed.seconds = time.perf_counter() - started
            computed.processor_seconds = time.process_time() - processor
    return computed


def lost(batch: Batch) -> Computed:
    """Put the rows of cells under which the workers died."""
    rows = [{"cell": cell.address, "status": FAILED, "error": DIED} for cell in batch.cells]
    put(batch, shard_of(rows))
    return Computed(len(rows))


def put(batch: Batch, shards: dict[str, bytes]) -> dict[str, bytes]:
    """Put shards where they belong, courses before the rows that say they are there; those that cannot be put."""
    if not (batch.folder / batch.token).is_file():
        return shards
    for name, content in shards.items():
        replace(batch.folder / name, content)
    return {}


def replace(file: Path, content: bytes) -> None:
    """Write a file beside its place, see it safely on the disk, and rename it; nothing stays of what does not fit."""
    beside = file.with_name(f".{file.name}.{uuid4().hex}.new")
    try:
        with beside.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(beside, file)
    except OSError:
        beside.unlink(missing_ok=True)
        raise


def shard_of(rows: Sequence[dict[str, Any]]) -> dict[str, bytes]:
    """Rows of cells as a shard, named after its cells and what became of them: a second try is another shard."""
    name = blake2b("".join(row["cell"] + row["status"] for row in rows).encode(), digest_size=12).hexdigest()
    return {f"{name}.parquet": _parquet(rows_table(rows))}


def rows_table(rows: Sequence[dict[str, Any]]) -> pa.Table:
    """Rows of cells as a table: text, and numbers for everything else."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    schema = pa.schema([(name, pa.string() if name in TEXT else pa.float64()) for name in names])
    return pa.Table.from_pylist([{name: row.get(name) for name in names} for row in rows], schema=schema)


def course_of(tables: "dict[str, pd.DataFrame]") -> pd.DataFrame:
    """The course of a path's blocks: prices, debt in trouble, bad debt so far, and debt repaid by liquidators."""
    steps, liquidations = tables["steps"], tables["liquidations"]
    prices = [name for name in steps.columns if name.startswith(("reference_", "oracle_"))]
    course = steps[["step", "time_seconds", *prices, "liquidatable_usd", "underwater_usd", "bad_debt_usd"]].copy()
    repaid = liquidations.groupby("step")["repaid_usd"].sum()
    course["repaid_usd"] = course["step"].map(repaid).fillna(0.0)
    return course


def _simulated(cell: Cell) -> "tuple[dict[str, Any], pd.DataFrame | None]":
    """Simulate a cell: its row, and the course of its blocks where that is wanted and there is one."""
    outcome = attempt(Task(cell.scenario, cell.seed, cell.path, tables=cell.course))
    row: dict[str, Any] = {
        "cell": cell.address,
        "status": FAILED if outcome.error else FINISHED,
        "error": outcome.error,
    }
    if outcome.error is not None:
        return row, None
    if cell.scenario.sampling is not None:
        row["weight"] = outcome.weight
    return row | outcome.summary, course_of(outcome.tables) if cell.course else None


def _parquet(table: pa.Table) -> bytes:
    stream = io.BytesIO()
    pq.write_table(table, stream, compression="zstd")
    return stream.getvalue()
