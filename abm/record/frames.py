"""Rows as tables: the types of columns by their names, so that an empty table has the same ones as a full one."""

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from abm.record.columns import WHOLE, WORDS

if TYPE_CHECKING:
    import pandas as pd

Columns = dict[str, NDArray[Any]]
"""A table as arrays by the name of their column; words are objects."""


def columns_of(rows: list[tuple[Any, ...]], columns: Collection[str]) -> Columns:
    """Return rows as arrays by column, whose types do not depend on whether there are any."""
    by_column = zip(*rows, strict=True) if rows else [()] * len(columns)
    return {
        name: np.array(values, dtype=object if name in WORDS else np.int64 if name in WHOLE else np.float64)
        for name, values in zip(columns, by_column, strict=True)
    }


def frame_of(rows: list[tuple[Any, ...]], columns: Collection[str], path: int) -> "pd.DataFrame":
    """Return rows as a frame, a path's number before their columns."""
    import pandas as pd  # noqa: PLC0415  a slow import that a path itself does not need

    data: dict[str, Any] = {"path": np.full(len(rows), path, dtype=np.int64)}
    for name, values in columns_of(rows, columns).items():
        data[name] = pd.Series(values, dtype="str") if name in WORDS else values
    return pd.DataFrame(data)
