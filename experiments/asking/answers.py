"""The answer of an experiment on disk: what it holds, how it is written, and how it is read back.

| file | holds |
|---|---|
| `answer.parquet` | a row for each point and metric: `point`, `design`, the factors, `metric`, `value`, `low`, `high`, `method` of the interval, `paths`, `failed`, `effective_paths`, `gain`, and to the baseline `difference`, `difference_low`, `difference_high`, `common_paths`, `p_value`, `p_value_holm` |
| `runs.parquet` | a row for each point and path: `point`, `design`, the factors, `path`, `seed`, `weight` (where paths have one), `status`, `error`, and the metrics of the summary |
| `points.parquet` | a row for each point: `point`, `design`, the factors |
| `sensitivity.parquet` | of a plan for sensitivity, a row for each metric, factor and index: `metric`, `factor`, `index` (`mu_star`, `mu`, `sigma`, or `ST`, `S1`), `value`, `low`, `high` |
| `nodes.parquet`, `exposures.parquet` | for a figure of `kind = "spread"`, those tables of the first path at the baseline |
| `experiment.toml`, `scenario.toml`, `inputs/` | what was asked, of which scenario; running `experiment.toml` again gives the same tables |
| `manifest.json` | seed, versions, how many runs failed, and a digest of the three tables |
| `cells.parquet` (`cells/` while it runs) | what `--resume` starts from |
| `figures/answer.png` | the figure |

All tables are plain Parquet, tidy and sorted by point and path: pandas, polars and DuckDB read them as they are.
"""  # noqa: E501 - a table

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from abm import ScenarioError
from experiments.asking.estimands import Estimand, parse_estimands
from experiments.asking.factors import Factor, Point
from experiments.asking.question import Experiment
from experiments.running.directories import EXPERIMENT
from experiments.stored.loading import read_manifest, read_table, reading
from experiments.stored.storage import ResultsUnreadableError, read_scenario
from experiments.stored.tables import Digest

ANSWER, RUNS, POINTS, FILE = "answer.parquet", "runs.parquet", "points.parquet", "experiment.toml"
SENSITIVITY = "sensitivity.parquet"
ROWS_AT_ONCE = 50_000
_WHOLE, _TEXT = (
    ("point", "path", "seed", "paths", "failed", "common_paths"),
    ("design", "metric", "method", "status", "error"),
)


@dataclass(frozen=True, slots=True)
class Answer:
    """The stored results of one experiment. `table` is `answer.parquet`, empty where nothing has finished."""

    directory: Path
    experiment: Experiment
    scenario: dict[str, Any]
    manifest: dict[str, Any]
    points: pd.DataFrame
    table: pd.DataFrame

    @classmethod
    def load(cls, directory: str | Path) -> Self:
        """Read an experiment's directory. Raises `ResultsUnreadableError` when it is none."""
        folder = Path(directory)
        with reading(EXPERIMENT, folder):
            manifest = read_manifest(folder, EXPERIMENT, "one")
            answered = (folder / ANSWER).is_file()
            return cls(
                directory=folder,
                experiment=_experiment(folder),
                scenario=read_scenario(folder),
                manifest=manifest,
                points=pq.read_table(folder / POINTS).to_pandas(),
                table=pq.read_table(folder / ANSWER).to_pandas() if answered else pd.DataFrame(),
            )

    @property
    def name(self) -> str:
        """The experiment's name."""
        return self.experiment.name

    @property
    def runs(self) -> pd.DataFrame:
        """Every path of every point. Raises `ResultsUnreadableError` where nothing has finished."""
        return self.read_runs()

    def read_runs(self, columns: Sequence[str] | None = None) -> pd.DataFrame:
        """Every path of every point, all columns or some. Raises `ResultsUnreadableError` where nothing is there."""
        return read_table(self.directory, RUNS, "runs yet; finish the experiment with --resume", columns)

    @property
    def sensitivity(self) -> pd.DataFrame:
        """How much each factor matters, where the plan is one for that. Raises `ResultsUnreadableError` otherwise."""
        return read_table(self.directory, SENSITIVITY, f"{SENSITIVITY}; its plan is none for sensitivity")

    @property
    def estimands(self) -> tuple[Estimand, ...]:
        """What was estimated, the first of them the main one."""
        return self.named(self.experiment.metrics)

    def named(self, texts: Sequence[str]) -> tuple[Estimand, ...]:
        """The estimands of a list, called as the experiment calls them. Raises `ScenarioError`."""
        return parse_estimands(texts, self.manifest["metrics"], self.experiment.labels)

    def of(self, estimand: Estimand) -> pd.DataFrame:
        """The answer's rows of one estimand, point by point."""
        return self.table[self.table["metric"] == estimand.text].reset_index(drop=True)


def _experiment(folder: Path) -> Experiment:
    """What was asked. Running it again would not mend a file that says it wrong: the sentence of its fault will do."""
    try:
        return Experiment.load(folder / FILE)
    except ScenarioError as error:
        raise ResultsUnreadableError(f"the experiment in {folder} cannot be read ({error})") from error


def default_directory(name: str, seed: int) -> Path:
    """Where an experiment goes when nobody says where."""
    return Path("results") / f"{name}-{seed}"


def points_table(points: Sequence[Point], factors: Sequence[Factor]) -> pa.Table:
    """The points as a table: whole numbers, numbers, truth values or text, as the values of each factor are."""
    columns: dict[str, pa.Array] = {"point": pa.array([point.number for point in points], pa.int64())}
    if any(point.design for point in points):
        columns["design"] = pa.array([point.design for point in points], pa.string())
    for factor in factors:
        columns[factor.name] = _column([point.values[factor.name] for point in points])
    return pa.table(columns)


def _column(values: list[Any]) -> pa.Array:
    kinds = {type(value) for value in values}
    if kinds == {bool}:
        return pa.array(values, pa.bool_())
    if kinds <= {int, float}:
        return pa.array(values, pa.int64() if kinds == {int} else pa.float64())
    return pa.array([value if isinstance(value, str) else json.dumps(value) for value in values], pa.string())


def write_tables(directory: Path, points: pa.Table, runs: Iterator[pa.Table], answer: list[dict[str, Any]]) -> str:
    """Write the three tables of an experiment, the runs as they come; the digest of all of them."""
    digest = Digest()
    pq.write_table(points, directory / POINTS, compression="zstd")
    digest.add("points", points)
    writer: pq.ParquetWriter | None = None
    try:
        for rows in runs:
            if writer is None:
                writer = pq.ParquetWriter(directory / RUNS, rows.schema, compression="zstd")
            writer.write_table(rows)
            digest.add("runs", rows)
    finally:
        if writer is not None:
            writer.close()
    if answer:
        names = list(answer[0])
        types = {name: points.schema.field(name).type for name in points.column_names}
        types |= {name: pa.int64() for name in _WHOLE} | {name: pa.string() for name in _TEXT}
        schema = pa.schema([(name, types.get(name, pa.float64())) for name in names])
        rows = pa.Table.from_pylist(answer, schema=schema)
        pq.write_table(rows, directory / ANSWER, compression="zstd")
        digest.add("answer", rows)
    return digest.hexdigest()
