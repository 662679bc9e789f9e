"""Whose results a directory holds, and whether a command may go on with them.

A command goes on with what a command of its kind began, and with nothing else: it would write its own tables over the
other's.
"""

import json
from pathlib import Path
from typing import Any

from experiments.running.shards import FOLDER, PACKED
from experiments.stored.storage import ResultsExistError, check_vacant

RUN, COMPARISON, EXPERIMENT = "run", "comparison", "experiment"
_A = {RUN: "a run", COMPARISON: "a comparison", EXPERIMENT: "an experiment"}


def kind_of(directory: Path) -> str | None:
    """The kind of results that a directory holds by its manifest; None where it has none that can be read."""
    manifest = manifest_of(directory)
    return None if manifest is None else str(manifest.get("kind", RUN))


def manifest_of(directory: Path) -> dict[str, Any] | None:
    """The manifest of a directory; None where it has none that can be read."""
    try:
        found = json.loads((directory / "manifest.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def check_directory(directory: Path, kind: str, resume: bool, name: str | None = None) -> None:
    """Make sure that results of a kind can be written: to a vacant directory, or with `resume` to one of that kind.

    `name`, where it is given, is that of the experiment: a sweep is no sensitivity analysis. Raises `ResultsError`.
    """
    manifest = manifest_of(directory)
    held = kind_of(directory)
    killed = manifest is None and kind != RUN and any((directory / part).exists() for part in (FOLDER, PACKED))
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
