"""Whose results a directory holds, whether a command may go on with them, and who is at it.

A command goes on with what a command of its kind began, and with nothing else: it would write its own tables over the
other's. Nor do two write to one directory at a time: each holds a lock on it, which the system gives up when the
process ends, however it ends. Where directories cannot be locked (Windows, some network disks) nobody is kept away.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from experiments.running.shards import FOLDER, PACKED
from experiments.stored.storage import ResultsExistError, ResultsUnwritableError, check_vacant

RUN, COMPARISON, EXPERIMENT = "run", "comparison", "experiment"
_A = {RUN: "a run", COMPARISON: "a comparison", EXPERIMENT: "an experiment"}


def kind_of(directory: Path) -> str | None:
    """The kind of results that a directory holds by its manifest; None where it has none that can be read."""
    manifest = manifest_of(directory)
    return None if manifest is None else str(manifest.get("kind", RUN))


def holds_cells(directory: Path) -> bool:
    """Whether there is anything that a comparison or an experiment goes on from."""
    return any((directory / part).exists() for part in (FOLDER, PACKED))


def manifest_of(directory: Path) -> dict[str, Any] | None:
    """The manifest of a directory; None where it has none that can be read."""
    try:
        found = json.loads((directory / "manifest.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def check_directory(directory: Path, kind: str, resume: bool, name: str | None = None) -> None:
    """Make sure that results of a kind can be written: to a vacant directory, or with `resume` to one of that kind.

    `name`, where it is given, is that of the experiment: a sweep is no sensitivity analysis. Raises `ResultsError`,
    also where another process is writing there.
    """
    with suppress(OSError), _locked(directory):
        pass
    _check_contents(directory, kind, resume, name)


@contextmanager
def claimed(directory: Path, kind: str, resume: bool, name: str | None = None) -> Iterator[None]:
    """Have a directory, checked as by `check_directory`, to ourselves within the block.

    It is there, and is gone afterwards if it was not there before and nothing came into it.
    """
    check_directory(directory, kind, resume, name)
    made: list[Path] = []
    try:
        try:
            made = [folder for folder in (directory, *directory.parents) if not folder.exists()]
            directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ResultsUnwritableError.at(directory, error) from error
        with _locked(directory):
            _check_contents(directory, kind, resume, name)  # whoever had it until now may have left something
            yield
    finally:
        with suppress(OSError):
            for folder in made:
                folder.rmdir()


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    """Hold a lock on a directory. Raises `ResultsExistError` where another process has it."""
    if find_spec("fcntl") is None:
        yield
        return
    import fcntl  # noqa: PLC0415  there is none on Windows

    there = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(there, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(there)
        raise ResultsExistError(
            f"another process is writing to {directory}; wait until it ends, or give another directory with --out"
        ) from None
    except OSError:  # a disk that knows no locks
        pass
    try:
        yield
    finally:
        os.close(there)


def _check_contents(directory: Path, kind: str, resume: bool, name: str | None) -> None:
    manifest = manifest_of(directory)
    held = kind_of(directory)
    killed = manifest is None and kind != RUN and holds_cells(directory)
    if manifest is None and kind == RUN and resume and (directory / "steps.parquet").is_file():
        raise ResultsExistError(
            f"{directory} holds what a run wrote before it was killed, which cannot be read; remove it, or give "
            "another directory with --out"
        )
    if held not in _A and not killed:
        check_vacant(directory)
    elif held is not None and held != kind:
        raise ResultsExistError(
            f"{directory} holds {_A[held]}, and {_A[kind]} cannot go on with it; give another directory with --out"
        )
    elif not resume:
        raise ResultsExistError(
            f"{directory} holds {_A[kind]}; --resume goes on with it, or give another directory with --out"
        )
    elif manifest is not None and name is not None and manifest.get("experiment", name) != name:
        raise ResultsExistError(
            f"{directory} holds the experiment {manifest['experiment']!r}, not {name!r}; give another directory with "
            "--out"
        )
