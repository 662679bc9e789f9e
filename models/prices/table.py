"""Columns of a table of recorded prices, checked before anything is built on them.

Rows are counted as a reader of the file counts its data: the first row below the header is row 1.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from models.refusals import Refusal
from models.types import BoolArray, FloatArray


class MissingColumn(Refusal):
    """The table has no column of that name."""


class RaggedTable(Refusal):
    """The columns of the table are not equally long."""


class EmptyTable(Refusal):
    """The table has no rows."""


class UnusableTime(Refusal):
    """A time is missing, or not later than the one in the row before."""


class UnevenTimes(Refusal):
    """The rows do not follow one another at equal distances."""


class UnusablePrice(Refusal):
    """A price is missing, not finite or not positive."""


def pick(columns: Mapping[str, FloatArray], names: Sequence[str], source: str) -> list[FloatArray]:
    """The named columns, equally long and not empty, as float64.

    Raises `MissingColumn`, `RaggedTable` or `EmptyTable`; `source` is what the messages call the table.
    """
    for name in names:
        if name not in columns:
            there = ", ".join(repr(column) for column in columns) or "none"
            raise MissingColumn(f"{source} has no column {name!r}: name one of those it has ({there})")
    picked = [np.asarray(columns[name], dtype=np.float64) for name in names]
    rows = [len(column) for column in picked]
    if min(rows) != max(rows):
        short, long = names[int(np.argmin(rows))], names[int(np.argmax(rows))]
        raise RaggedTable(
            f"{source} ends early in column {short!r}: row {min(rows) + 1} has no value there, column {long!r} has"
            f" {max(rows)} rows; complete the row or take it out"
        )
    if rows[0] == 0:
        raise EmptyTable(f"{source} has no rows: at least one is needed")
    return picked


def check_times(times_seconds: FloatArray, source: str) -> None:
    """Raise `UnusableTime` unless the times are finite and strictly increasing."""
    row = first_row(~np.isfinite(times_seconds))
    if row is not None:
        raise UnusableTime(
            f"{source} has no usable time in row {row} ({times_seconds[row - 1]}): give seconds or a date"
        )
    row = first_row(np.diff(times_seconds) <= 0)
    if row is not None:
        raise UnusableTime(
            f"{source} goes back in time: row {row + 1} ({times_seconds[row]:.15g} s) is not later than row {row}"
            f" ({times_seconds[row - 1]:.15g} s); sort the rows and keep one for each time"
        )


def even_spacing(times_seconds: FloatArray, source: str) -> float:
    """Seconds from each of two rows or more to the next. Raises `UnusableTime`, or `UnevenTimes` where they differ."""
    check_times(times_seconds, source)
    gaps = np.diff(times_seconds)
    spacing = float(np.median(gaps))
    row = first_row(np.abs(gaps - spacing) > 1e-6 * spacing)
    if row is not None:
        raise UnevenTimes(
            f"{source} is uneven: row {row + 1} is {gaps[row - 1]:.15g} s after row {row}, but most rows are"
            f" {spacing:.15g} s apart; fill the gap, or keep rows at equal distances"
        )
    return spacing


def check_prices(prices: FloatArray, name: str, source: str) -> None:
    """Raise `UnusablePrice` unless every price is finite and positive."""
    row = first_row(~(np.isfinite(prices) & (prices > 0)))
    if row is not None:
        raise UnusablePrice(
            f"{source} has {name} = {prices[row - 1]} in row {row}: a price must be a finite number above zero"
        )


def first_row(wrong: BoolArray) -> int | None:
    """Number of the first row that is wrong, counted from 1; None when none is."""
    return int(np.argmax(wrong)) + 1 if wrong.any() else None
