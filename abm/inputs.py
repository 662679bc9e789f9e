"""What a scenario reads from outside: files of prices and positions, and keys overridden by hand."""

import csv
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from models.types import FloatArray


class ScenarioError(ValueError):
    """A scenario, or something it names, cannot be used. The message is one sentence with the key and the remedy."""


def plain(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return a deep copy of nested mappings and lists that the caller may change."""

    def copy(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {str(key): copy(item) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [copy(item) for item in value]
        return value.item() if isinstance(value, np.generic) else value

    return {str(key): copy(item) for key, item in data.items()}


def override(tree: dict[str, Any], key: str, text: str) -> None:
    """Set one dotted key (`agents.liquidators.0.capital_usd`) to a value written as TOML; bare words are strings.

    Raises `ScenarioError` for a key that cannot be followed.
    """
    *path, last = key.split(".")
    if not all((*path, last)):
        raise ScenarioError(f"override {key!r} has an empty part; write it like time.steps=10")
    here: Any = tree
    for done, part in enumerate(path):
        here = _child(here, part, ".".join(path[: done + 1]), create=True)
    value = _toml_value(text)
    if isinstance(here, list):
        here[_position(here, last, key)] = value
    elif isinstance(here, dict):
        here[last] = value
    else:
        raise ScenarioError(f"override {key} goes into {'.'.join(path)} = {here!r}, which has no keys of its own")


def _child(here: Any, part: str, where: str, create: bool) -> Any:
    if isinstance(here, list):
        return here[_position(here, part, where)]
    if isinstance(here, dict):
        if create:
            here.setdefault(part, {})
        return here[part]
    raise ScenarioError(f"override {where} cannot be followed: there is only {here!r}; check the key")


def _position(items: list[Any], part: str, where: str) -> int:
    if not part.isdigit() or int(part) >= len(items):
        raise ScenarioError(f"override {where} asks for item {part!r} of a list of {len(items)}; count from 0")
    return int(part)


def _toml_value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def named_files(tree: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Yield the dotted key and the name of every `file` in nested data."""
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for part, value in items:
        here = f"{key}.{part}" if key else str(part)
        if part == "file" and isinstance(value, str):
            yield here, value
        else:
            yield from named_files(value, here)


def anchor_files(tree: Any, base_dir: Path) -> None:
    """Make every relative `file` absolute, as seen from `base_dir`."""
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for part, value in items:
        if part == "file" and isinstance(value, str):
            tree[part] = str(base_dir / value)
        else:
            anchor_files(value, base_dir)


def read_columns(key: str, file: str, names: Iterable[str], time_column: str | None) -> dict[str, FloatArray]:
    """Read the named columns of a CSV or Parquet file as numbers.

    The time column may hold seconds or dates; it comes back in seconds. Raises `ScenarioError` naming the scenario's key, the file, the row and the remedy.
    """
    frame = read_frame(key, file)
    columns: dict[str, FloatArray] = {}
    for name in names:
        if name not in frame.columns:
            known = ", ".join(map(str, frame.columns))
            raise ScenarioError(f"{key}: {file} has no column {name!r}; it has {known}")
        column = frame[name]
        columns[name] = (
            _seconds(key, file, name, column) if name == time_column else _numbers(key, file, name, column)
        )
    return columns


def read_frame(key: str, file: str) -> Any:
    """Read a CSV or Parquet file as a pandas frame; ragged and empty files are refused by row."""
    import pandas as pd  # noqa: PLC0415  a slow import, and most scenarios read no file

    path = Path(file)
    if not path.is_file():
        raise ScenarioError(f"{key} = {file} does not exist; give a CSV or Parquet file relative to the scenario")
    try:
        if path.suffix.lower() in (".parquet", ".pq"):
            frame = pd.read_parquet(path)
        else:
            _refuse_ragged(key, path)
            frame = pd.read_csv(path)
    except ScenarioError:
        raise
    except Exception as error:  # the readers raise many kinds; whichever it is, the file cannot be used
        raise ScenarioError(f"{key}: {file} cannot be read: {error}; give a valid CSV or Parquet file") from None
    if frame.empty:
        raise ScenarioError(f"{key}: {file} has no rows; give at least one")
    return frame


def _refuse_ragged(key: str, path: Path) -> None:
    with path.open(newline="", encoding="utf-8") as stream:
        rows = csv.reader(stream)
        width = len(next(rows, []))
        for row in rows:
            if row and len(row) != width:
                raise ScenarioError(
                    f"{key}: row {rows.line_num} of {path} has {len(row)} cells where the header has {width}; "
                    "mend that row"
                )


def _numbers(key: str, file: str, name: str, column: Any) -> FloatArray:
    import pandas as pd  # noqa: PLC0415

    values: FloatArray = pd.to_numeric(column, errors="coerce").to_numpy(dtype=np.float64)
    bad = np.flatnonzero(~np.isfinite(values))
    if bad.size:
        row = int(bad[0])
        raise ScenarioError(
            f"{key}: column {name!r} of {file} holds {column.iloc[row]!r} in data row {row + 1}; give a finite number"
        )
    return values


def _seconds(key: str, file: str, name: str, column: Any) -> FloatArray:
    import pandas as pd  # noqa: PLC0415

    if pd.api.types.is_numeric_dtype(column.dtype):
        return _numbers(key, file, name, column)
    times = pd.to_datetime(column, utc=True, errors="coerce", format="ISO8601")
    bad = np.flatnonzero(times.isna().to_numpy())
    if bad.size:
        row = int(bad[0])
        raise ScenarioError(
            f"{key}: column {name!r} of {file} holds {column.iloc[row]!r} in data row {row + 1}; "
            "give seconds or a date like 2020-03-12T00:00:00Z"
        )
    seconds: FloatArray = (times - times.iloc[0]).dt.total_seconds().to_numpy(dtype=np.float64)
    return seconds


def read_frame_of_positions(key: str, file: str, reserves: list[str]) -> tuple[FloatArray, FloatArray]:
    """Read a file of positions; return units of collateral and of debt, both of shape (rows, reserves).

    Columns are `collateral_<asset>` and `debt_<asset>`. Raises `ScenarioError` naming the row and the remedy.
    """
    frame = read_frame(key, file)
    known = [f"{side}_{name}" for side in ("collateral", "debt") for name in reserves]
    for name in frame.columns:
        if name not in known:
            raise ScenarioError(f"{key}: {file} has a column {name!r} that means nothing here; use {', '.join(known)}")
    units = np.zeros((len(known), len(frame)))
    for k, name in enumerate(known):
        if name in frame.columns:
            units[k] = _numbers(key, file, name, frame[name])
            negative = np.flatnonzero(units[k] < 0.0)
            if negative.size:
                row = int(negative[0])
                raise ScenarioError(
                    f"{key}: column {name!r} of {file} holds {units[k, row]:g} in data row {row + 1}; give 0 or more units"
                )
    collateral, debt = units[: len(reserves)].T.copy(), units[len(reserves) :].T.copy()
    return collateral, debt
