"""What a scenario reads from outside: files of prices and positions, and keys overridden by hand."""

import csv
import math
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import BaseModel

from abm.reading.sentences import shown, suggestion
from models.liquidation import DESIGNS
from models.types import FloatArray

if TYPE_CHECKING:
    import pandas as pd


# Numbers of thousands of digits and brackets nested a thousand deep are valid TOML, but fail in ways of their own.
TOML_ERRORS = (tomllib.TOMLDecodeError, ValueError, RecursionError)


SMALLEST, LARGEST = 1e-18, 1e18

LATEST_SECONDS = 1e11
"""In seconds since 1970 the year 5138: what a file has above it are milliseconds, or less."""


class ScenarioError(ValueError):
    """A scenario, or something it names, cannot be used. The message is one sentence with the key and the remedy."""


def plain(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return a deep copy of nested mappings and lists, of plain values, that the caller may change.

    Raises `ScenarioError` for what is no mapping.
    """

    def copy(value: Any) -> Any:
        if isinstance(value, BaseModel):
            value = value.model_dump(exclude_none=True)
        if isinstance(value, Mapping):
            return {str(key): copy(item) for key, item in value.items()}
        if isinstance(value, np.ndarray):
            return value.tolist()
        if isinstance(value, list | tuple):
            return [copy(item) for item in value]
        if isinstance(value, Path):
            return str(value)
        return value.item() if isinstance(value, np.generic) else value

    if not isinstance(data, Mapping):
        raise ScenarioError(f"a scenario is a table of keys, not {shown(data)}; give a dictionary of the file's shape")
    return {str(key): copy(item) for key, item in data.items()}


def override(tree: dict[str, Any], texts: Mapping[str, str]) -> None:
    """Set dotted keys (`agents.liquidators.0.capital_usd`) to values written as TOML; bare words are strings.

    Tables on the way that are not there yet are made; a part with a dot in it is quoted as in TOML. Raises
    `ScenarioError` for a key that cannot be followed.
    """
    put_all(tree, {key: _toml_value(key, text) for key, text in texts.items()})


def put_all(tree: dict[str, Any], values: Mapping[str, Any]) -> None:
    """Set dotted keys one after the other; a parameter of a liquidation design once the design is there.

    Else a design that is set later would take away in silence what was set of another.
    """
    order = {key: number for number, key in enumerate(values)}

    def place(key: str) -> tuple[int, bool, int]:
        parent, _, last = key.rpartition(".")
        design = order.get(f"{parent}.design", -1) if parent.endswith("liquidation") else -1
        return max(order[key], design), last != "design", order[key]

    for key in sorted(values, key=place):
        put(tree, key, values[key])


def put(tree: dict[str, Any], key: str, value: Any) -> None:
    """Set one dotted key to a value; tables on the way that are not there yet are made.

    Another liquidation design takes over, of the parameters that stand beside it, those that it has too.
    """
    *path, last = _parts(key)
    here: Any = tree
    for done, part in enumerate(path):
        where = ".".join(path[:done])
        here = here.setdefault(part, {}) if isinstance(here, dict) else here[_position(here, part, where, key)]
    if isinstance(here, dict):
        if path[-1:] == ["liquidation"] and last == "design":
            _leave_to_design(here, value)
        here[last] = value
    else:
        here[_position(here, last, ".".join(path), key)] = value


def _leave_to_design(table: dict[str, Any], name: Any) -> None:
    """Remove what another design would refuse; all stays where there is no such design, which is refused itself."""
    design = DESIGNS.get(name) if isinstance(name, str) else None
    if design is not None:
        for key in [key for key in table if key not in design.model_fields]:
            del table[key]


def _parts(key: str) -> list[str]:
    """Return the parts of a dotted key."""
    here: Any
    try:
        here = tomllib.loads(f"{key} = 0")
    except TOML_ERRORS:
        here = None
    parts: list[str] = []
    while isinstance(here, dict) and len(here) == 1:
        part, here = next(iter(here.items()))
        parts.append(part)
    if here != 0 or not parts:
        raise ScenarioError(f"{shown(key)} is no key that can be set; write it with dots, like time.steps=10")
    return parts


def _position(items: Any, part: str, where: str, key: str) -> int:
    if not isinstance(items, list):
        raise ScenarioError(f"{key} cannot be set: {where} = {shown(items)} has no keys of its own; set {where} itself")
    if not items:
        raise ScenarioError(f"{key} cannot be set: {where} is an empty list; set {where} itself")
    if not (part.isascii() and part.isdigit() and len(part) < 10 and int(part) < len(items)):
        last = f"{where}.{len(items) - 1}"
        raise ScenarioError(
            f"{key} cannot be set: {where} has no entry {part!r}; its entries are {where}.0"
            + (f" to {last}" if len(items) > 1 else "")
        )
    return int(part)


def _toml_value(key: str, text: str) -> Any:
    try:
        document = tomllib.loads(f"value = {text}")
        if len(document) == 1:
            return document["value"]
    except TOML_ERRORS:
        if text.lstrip()[:1] not in ("[", "{", '"', "'"):
            return text
    raise ScenarioError(f"{key} = {shown(text)} is not a value as TOML spells it; mend its brackets or quotes")


def named_files(tree: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Yield the dotted key and the name of every `file` in nested data."""
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for part, value in items:
        here = f"{key}.{part}" if key else str(part)
        if _names_file(part) and isinstance(value, str):
            yield here, value
        else:
            yield from named_files(value, here)


def _names_file(part: Any) -> bool:
    """Whether a key, or the last part of a dotted one in a run beside, names a file."""
    return str(part).rpartition(".")[2] == "file"


def anchor_files(tree: Any, base_dir: Path) -> None:
    """Make every relative `file` absolute, as seen from `base_dir`."""
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for part, value in items:
        if _names_file(part) and isinstance(value, str):
            tree[part] = str(base_dir / value) if value else value
        else:
            anchor_files(value, base_dir)


_SIZES = f"give 0 or a number between {SMALLEST:g} and {LARGEST:g} in size"


def refuse_extremes(tree: Any, key: str = "") -> None:
    """Refuse numbers of a size that no price or amount has: products of a few of them would leave float64's range."""
    if isinstance(tree, dict | list):
        for part, value in tree.items() if isinstance(tree, dict) else enumerate(tree):
            refuse_extremes(value, f"{key}.{part}" if key else str(part))
    elif isinstance(tree, int | float) and (0 < abs(tree) < SMALLEST or LARGEST < abs(tree) < math.inf):
        raise ScenarioError(f"{key} = {shown(tree)} cannot be used; {_SIZES}")


def read_columns(key: str, file: str, names: Iterable[str], time_column: str | None) -> dict[str, FloatArray]:
    """Read the named columns of a CSV or Parquet file as numbers, each of shape (rows,).

    The time column may hold seconds or dates; it comes back in seconds. Raises `ScenarioError` naming the scenario's
    `key`, the file, the row and the remedy.
    """
    version = _version(key, file)
    columns = _columns(key, file, *version, tuple(names), time_column)
    return {name: column.copy() for name, column in columns.items()}


@lru_cache(maxsize=8)
def _columns(
    key: str, file: str, _changed: int, _size: int, names: tuple[str, ...], time_column: str | None
) -> dict[str, FloatArray]:
    """Read columns once for every version of a file: each path of an ensemble asks for them again."""
    frame = read_frame(key, file)
    columns: dict[str, FloatArray] = {}
    for name in names:
        if name not in frame.columns:
            raise ScenarioError(f"{key}: {file} has no column {name!r}; {suggestion(name, map(str, frame.columns))}")
        column = frame[name]
        columns[name] = _seconds(key, file, name, column) if name == time_column else _numbers(key, file, name, column)
    return columns


def read_positions(key: str, file: str, reserves: list[str]) -> tuple[FloatArray, FloatArray]:
    """Read a file of positions; return units of collateral and of debt, both of shape (rows, reserves).

    Columns are `collateral_<asset>` and `debt_<asset>`. Raises `ScenarioError` naming the row and the remedy.
    """
    frame = read_frame(key, file)
    known = [f"{side}_{name}" for side in ("collateral", "debt") for name in reserves]
    for name in map(str, frame.columns):
        if name not in known:
            raise ScenarioError(
                f"{key}: {file} has a column {name!r}, which is no collateral_<asset> or debt_<asset> of the pool; "
                f"remove it; {suggestion(name, known)}"
            )
    units = np.zeros((len(known), len(frame)))
    for k, name in enumerate(known):
        if name in frame.columns:
            units[k] = _numbers(key, file, name, frame[name])
            negative = np.flatnonzero(units[k] < 0.0)
            if negative.size:
                raise _bad_cell(key, file, name, frame[name], int(negative[0]), "give 0 or more units")
    collateral, debt = units[: len(reserves)].T.copy(), units[len(reserves) :].T.copy()
    return collateral, debt


def read_frame(key: str, file: str) -> "pd.DataFrame":
    """Read a CSV or Parquet file, once for every version of it; ragged and empty files are refused by row."""
    version = _version(key, file)
    try:
        return _frame(key, Path(file), *version)
    except ScenarioError:
        raise
    except Exception as error:  # the readers raise many kinds; whichever it is, the file cannot be used
        raise _unreadable(key, file, error) from None


def _version(key: str, file: str) -> tuple[int, int]:
    """When a file was changed last, and its size."""
    path = Path(file)
    try:
        if path.is_dir():
            raise ScenarioError(f"{key} = {file} is a directory; give a CSV or Parquet file")
        if not path.exists():
            raise ScenarioError(f"{key} = {file} does not exist; give a CSV or Parquet file relative to the scenario")
        if not path.is_file():
            raise ScenarioError(f"{key} = {file} is a pipe or a device; save what it gives, and name the file")
        status = path.stat()
    except ScenarioError:
        raise
    except (OSError, ValueError) as error:  # a name that no file can have
        raise _unreadable(key, file, error) from None
    return status.st_mtime_ns, status.st_size


def _unreadable(key: str, file: str, error: Exception) -> ScenarioError:
    reason = " ".join(str(error).split())
    return ScenarioError(f"{key} = {file} cannot be read ({reason}); give a valid CSV or Parquet file")


@lru_cache(maxsize=8)
def _frame(key: str, path: Path, _changed: int, _size: int) -> "pd.DataFrame":
    import pandas as pd  # noqa: PLC0415  a slow import, and most scenarios read no file

    if path.suffix.lower() in (".parquet", ".pq"):
        frame = pd.read_parquet(path)
    else:
        _refuse_ragged(key, path)
        frame = pd.read_csv(path, low_memory=False)
    if frame.empty:
        raise ScenarioError(f"{key} = {path} has no rows; give at least one")
    return frame


def _refuse_ragged(key: str, path: Path) -> None:
    with path.open(newline="", encoding="utf-8-sig") as stream:
        rows = csv.reader(stream)
        header = next(rows, [])
        if not header:
            raise ScenarioError(f"{key} = {path} is empty; give a line of column names and at least one row")
        twice = next((name for k, name in enumerate(header) if name in header[:k]), None)
        if twice is not None:
            raise ScenarioError(f"{key} = {path} has two columns {twice!r}; rename one of them")
        for row in rows:
            if row and len(row) != len(header):
                raise ScenarioError(
                    f"{key}: line {rows.line_num} of {path} has {len(row)} cells where the header has {len(header)}; "
                    "mend that line"
                )


def _numbers(key: str, file: str, name: str, column: "pd.Series[Any]") -> FloatArray:
    import pandas as pd  # noqa: PLC0415

    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        raise ScenarioError(f"{key}: column {name!r} of {file} holds dates; name a column of numbers")
    if pd.api.types.is_bool_dtype(column.dtype):
        raise _bad_cell(key, file, name, column, 0, "give numbers")
    values: FloatArray = np.asarray(pd.to_numeric(column, errors="coerce"), dtype=np.float64)
    bad = np.flatnonzero(~np.isfinite(values))
    if bad.size:
        raise _bad_cell(key, file, name, column, int(bad[0]), "give a finite number")
    extreme = np.flatnonzero((values != 0.0) & ((abs(values) < SMALLEST) | (abs(values) > LARGEST)))
    if extreme.size:
        raise _bad_cell(key, file, name, column, int(extreme[0]), _SIZES)
    return values


def _seconds(key: str, file: str, name: str, column: "pd.Series[Any]") -> FloatArray:
    import pandas as pd  # noqa: PLC0415

    if pd.api.types.is_numeric_dtype(column.dtype):
        seconds = _numbers(key, file, name, column)
        late = np.flatnonzero(seconds > LATEST_SECONDS)
        if late.size:
            remedy = "give seconds, not milliseconds or less, or a date like 2020-03-12T00:00:00Z"
            raise _bad_cell(key, file, name, column, int(late[0]), remedy)
        return seconds
    times = pd.to_datetime(column, utc=True, errors="coerce", format="ISO8601")
    bad = np.flatnonzero(times.isna().to_numpy())
    if bad.size:
        remedy = "give seconds or a date like 2020-03-12T00:00:00Z"
        raise _bad_cell(key, file, name, column, int(bad[0]), remedy)
    seconds = np.asarray((times - times.iloc[0]).dt.total_seconds(), dtype=np.float64)
    return seconds


def _bad_cell(key: str, file: str, name: str, column: "pd.Series[Any]", row: int, remedy: str) -> ScenarioError:
    import pandas as pd  # noqa: PLC0415

    value = column.iloc[row]
    held = "nothing" if pd.isna(value) else shown(value.item() if isinstance(value, np.generic) else value)
    return ScenarioError(f"{key}: column {name!r} of {file} holds {held} in data row {row + 1}; {remedy}")
