"""The scenarios that come with the package, and how files are found by name."""

# ruff: noqa: PLC0415 - the simulator takes seconds to import, and listing names must not wait for it

import tomllib
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from abm import Scenario


def shipped_scenarios() -> dict[str, Path]:
    """Every shipped scenario's file by the name it is asked for, in alphabetical order."""
    folder = Path(str(resources.files("experiments") / "scenarios"))
    return {file.stem: file for file in sorted(folder.glob("*.toml"))}


def describe(file: Path) -> str:
    """The first line of what a scenario says about itself; empty when it says nothing."""
    with file.open("rb") as source:
        description = tomllib.load(source).get("description", "")
    return next(iter(str(description).strip().splitlines()), "")


def load_scenario(name_or_path: str | Path, overrides: Mapping[str, str] | None = None) -> "Scenario":
    """Load a shipped scenario by its name, or any scenario by the path of its TOML file.

    `overrides` maps dotted keys to TOML values as text, `{"agents.liquidators.0.capital_usd": "5e6"}`. Raises
    `ScenarioError` with one sentence when there is no such scenario or it cannot be used.
    """
    from abm import Scenario

    return Scenario.load(found("scenario", str(name_or_path), shipped_scenarios()), dict(overrides or {}))


def found(kind: str, given: str, shipped: Mapping[str, Path]) -> Path:
    """The file of a shipped scenario or experiment, by its name, or of any other, by its path.

    Raises `ScenarioError` with the nearest name where there is none.
    """
    from abm import ScenarioError
    from abm.reading.sentences import nearest

    if given in shipped:
        return shipped[given]
    path = Path(given)
    try:
        is_file, is_directory, is_there = path.is_file(), path.is_dir(), path.exists()
    except OSError as error:  # a folder that may not be entered, a name that is too long
        reason = error.strerror
        raise ScenarioError(f"{kind} file {given} cannot be read ({reason}); give a readable TOML file") from None
    if is_file:
        return path
    if is_directory:
        a = "an" if kind[0] in "aeiou" else "a"
        raise ScenarioError(f"{given} is a directory, not {a} {kind}; name the TOML file inside it")
    if is_there:
        raise ScenarioError(f"{given} is a pipe or a device, which is read but once; save it, and name the file")
    if path.suffix == ".toml" or path.name != given:
        raise ScenarioError(f"{kind} file {given} does not exist; `underwater {kind}s` lists the shipped ones")
    close = nearest(given, shipped)
    guess = f"did you mean {close!r}? " if close else ""
    raise ScenarioError(
        f"{kind} {given!r} is not known; {guess}`underwater {kind}s` lists the shipped ones, "
        "and the path of a TOML file works too"
    )
