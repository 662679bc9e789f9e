"""A comparison on disk: what it holds, how it is written, and how it is read back for tables and figures.

| file | holds |
|---|---|
| `comparison.parquet` | a row for each design and path: design, path, seed, status, error, and the summary's metrics |
| `ranking.json` | the ranking, and with tuning that of the tuned designs and what tuning gained |
| `timelines.parquet` | the course of path 0 under each design, block by block |
| `tuning.parquet` | every trial of the search for better parameters |
| `cells.parquet` | what `--resume` starts from |
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from experiments.running.cells import replace
from experiments.running.directories import COMPARISON
from experiments.running.shards import COURSES
from experiments.stored.loading import read_manifest, read_table, reading
from experiments.stored.storage import read_scenario, write_json
from experiments.stored.tables import Digest

ROWS, RANKING, TUNING = "comparison.parquet", "ranking.json", "tuning.parquet"
_WHOLE, _TEXT = ("path", "seed", "trial"), ("design", "status", "error", "state", "reason", "parameters", "cell")
_TRUTH = ("best",)


@dataclass(frozen=True, slots=True)
class Comparison:
    """The stored results of one comparison. `ranking` is empty where nothing has finished."""

    directory: Path
    scenario: dict[str, Any]
    manifest: dict[str, Any]
    ranking: dict[str, Any]
    rows: pd.DataFrame

    @classmethod
    def load(cls, directory: str | Path) -> Self:
        """Read a comparison's directory. Raises `ResultsUnreadableError` when it is none."""
        folder = Path(directory)
        with reading(COMPARISON, folder):
            manifest = read_manifest(folder, COMPARISON, "compare")
            ranked, has_rows = (folder / RANKING).is_file(), (folder / ROWS).is_file()
            return cls(
                directory=folder,
                scenario=read_scenario(folder),
                manifest=manifest,
                ranking=json.loads((folder / RANKING).read_text(encoding="utf-8")) if ranked else {},
                rows=pq.read_table(folder / ROWS).to_pandas() if has_rows else pd.DataFrame(),
            )

    @property
    def name(self) -> str:
        """The scenario's name."""
        return str(self.manifest["scenario"])

    @property
    def designs(self) -> list[str]:
        """The designs as they are ranked, best first; those of the tuned field behind the others."""
        fields = [self.ranking, self.ranking.get("tuned") or {}]
        return list(dict.fromkeys(entry["design"] for field in fields for entry in field.get("designs", [])))

    @property
    def timelines(self) -> pd.DataFrame:
        """The course of path 0 under each design. Raises `ResultsUnreadableError` when the comparison is unfinished."""
        return self._table(COURSES)

    @property
    def tuning(self) -> pd.DataFrame:
        """Every trial of the tuning. Raises `ResultsUnreadableError` when there was none."""
        return self._table(TUNING)

    def _table(self, name: str) -> pd.DataFrame:
        return read_table(self.directory, name, f"{name}; finish the comparison with --resume")


def default_directory(scenario: str, seed: int) -> Path:
    """Where a comparison goes when nobody says where."""
    return Path("results") / f"{scenario}-compare-{seed}"


def write_table(file: Path, frame: pd.DataFrame) -> str:
    """Write one of a comparison's tables; the digest of its contents."""

    def stored(name: str) -> pa.DataType:
        if name in _TEXT:
            return pa.string()
        return pa.int64() if name in (*_WHOLE, "step") else pa.bool_() if name in _TRUTH else pa.float64()

    schema = pa.schema([(str(name), stored(str(name))) for name in frame.columns])
    rows = pa.Table.from_pandas(frame, schema=schema, preserve_index=False)
    stream = pa.BufferOutputStream()
    pq.write_table(rows, stream, compression="zstd")
    replace(file, stream.getvalue().to_pybytes())
    digest = Digest()
    digest.add(file.stem, rows)
    return digest.hexdigest()


def write_ranking(directory: Path, ranking: Mapping[str, Any]) -> None:
    """Write the ranking; what is undefined in it becomes null."""
    write_json(directory / RANKING, ranking)
