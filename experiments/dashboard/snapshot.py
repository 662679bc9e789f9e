"""One path up to some block, in memory and in the shape of stored results, so that the figures draw it as they are."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

import pandas as pd

from experiments.figures.reading import Story
from experiments.stored.storage import Results, ResultsUnreadableError

if TYPE_CHECKING:
    from abm import Run
    from abm.model import UnderwaterModel

TABLES = ("steps", "liquidations", "write_offs", "depth", "landscape")
"""What the figures of a course of events read, row by row with the block in which it was."""


@dataclass(frozen=True, slots=True)
class Snapshot(Results):
    """A path as it was at the end of a block. `tables` takes the place of the files; the directory names none."""

    tables: Mapping[str, pd.DataFrame]

    @classmethod
    def of_model(cls, model: "UnderwaterModel") -> Self:
        """A path that is under way, after at least one block."""
        recorder = model.recorder
        tables = {
            "steps": recorder.steps(),
            "liquidations": recorder.liquidations(),
            "write_offs": recorder.write_offs(),
            "depth": recorder.depth(),
            "landscape": recorder.landscape(),
        }
        return cls._of(model.world.scenario.name, model.world.scenario.to_dict(), model.path_seed, tables)

    @classmethod
    def of_run(cls, run: "Run") -> Self:
        """A path that is over."""
        tables = {name: run.tables[name] for name in TABLES}
        return cls._of(run.scenario.name, run.scenario.to_dict(), run.seed, tables)

    @classmethod
    def of_results(cls, results: Results) -> Self:
        """The path of stored results that their figures show. Raises `ResultsUnreadableError` where there is none."""
        story = Story.read(results)
        tables = {name: results.table(name, path=story.path) for name in TABLES if results.has(name)}
        tables = {name: table.assign(path=0) for name, table in tables.items()}
        return cls._of(results.name, results.scenario, story.seed, tables)

    @classmethod
    def _of(cls, name: str, scenario: dict[str, object], seed: int, tables: Mapping[str, pd.DataFrame]) -> Self:
        row = {
            "path": 0,
            "seed": seed,
            "status": "finished",
            "error": None,
            "bad_debt_usd": float(tables["steps"]["bad_debt_usd"].iloc[-1]),
            "liquidated_usd": float(tables["liquidations"]["repaid_usd"].sum()),
        }
        manifest = {"scenario": name, "seed": seed, "paths_finished": 1, "status": "complete", "failed_paths": []}
        return cls(Path(name), scenario, manifest, {}, pd.DataFrame([row]), tables)

    @property
    def blocks(self) -> int:
        """How many blocks it holds."""
        return len(self.tables["steps"])

    @property
    def seed(self) -> int:
        """The seed of the path."""
        return int(self.manifest["seed"])

    def until(self, blocks: int) -> Self:
        """The same path after its first `blocks` blocks, at least one; of a bad debt it says who paid in the end."""
        if blocks >= self.blocks:
            return self
        last = int(self.tables["steps"]["step"].iloc[max(0, blocks - 1)])
        cut = {name: table[table["step"] <= last].reset_index(drop=True) for name, table in self.tables.items()}
        return self._of(self.name, self.scenario, self.seed, cut)

    def has(self, name: str) -> bool:
        """Whether it holds a table."""
        return name in self.tables

    def table(self, name: str, *, path: int | None = None, columns: Sequence[str] | None = None) -> pd.DataFrame:
        """A table of the path, all its columns or some. Raises `ResultsUnreadableError` where it holds none."""
        if name not in self.tables:
            raise ResultsUnreadableError(f"{self.name} has no table of {name} yet")
        table = self.tables[name]
        return table if columns is None else table[list(columns)]

    def each_path(self, name: str, columns: Sequence[str]) -> Iterator[pd.DataFrame]:
        """The rows of a table, of the one path there is."""
        yield self.table(name, columns=columns)
