"""What reading a directory of results back has in common, whatever kind of results they are."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from experiments.stored.seals import broken
from experiments.stored.storage import ResultsError, ResultsUnreadableError, in_a_line, readable


@contextmanager
def reading(kind: str, folder: Path) -> Iterator[None]:
    """Say of whatever cannot be read within the block that the results of this kind in the folder cannot."""
    try:
        yield
    except (OSError, ValueError, pa.ArrowException) as error:
        raise ResultsUnreadableError(
            f"the {kind} in {folder} cannot be read ({in_a_line(error)}); run it again with --resume"
        ) from error


@contextmanager
def intact(folder: Path) -> Iterator[None]:
    """Say of whatever goes wrong within the block which file of the folder is not the one that was written, if any."""
    try:
        yield
    except (ResultsError, OSError):  # these say it themselves
        raise
    except Exception as error:
        if not (names := broken(folder)):
            raise
        raise ResultsUnreadableError(
            f"{folder / names[0]} is not what was written there: damaged, edited, or of other results, so that nothing "
            f"can be made of it ({type(error).__name__}: {in_a_line(error)}); put it back, or run it again"
        ) from error


def read_manifest(folder: Path, kind: str, writer: str) -> dict[str, Any]:
    """The manifest of results of a kind. Raises `ResultsUnreadableError` where the folder holds another."""
    manifest: dict[str, Any] = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    if manifest.get("kind") != kind:
        raise ResultsUnreadableError(f"{folder} holds no {kind}; name a directory that {writer} has written")
    return manifest


def read_table(folder: Path, name: str, missing: str, columns: Sequence[str] | None = None) -> pd.DataFrame:
    """A table of a folder, all its columns or some. Raises `ResultsUnreadableError` that says what is missing."""
    if not (folder / name).is_file():
        raise ResultsUnreadableError(f"{folder} has no {missing}")
    with readable(folder / name):
        frame: pd.DataFrame = pq.read_table(folder / name, columns=columns).to_pandas()
    return frame
