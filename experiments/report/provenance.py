"""What a report rests on: parameters, assumptions, versions, and how to run it again."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from abm import Scenario, ScenarioError
from experiments.report.page import Cell, Section, Table
from experiments.report.parameters import NO_DEFAULT, assumptions, departures, notes, source_of
from experiments.shipped import shipped_scenarios

NOT_PARAMETERS = ("name", "description")


def background(directory: Path, scenario: dict[str, Any], manifest: Mapping[str, Any]) -> list[Section]:
    """The parameters that are not the defaults, and what is assumed."""
    return [_parameters(directory), _assumed(scenario, manifest)]


def _parameters(directory: Path) -> Section:
    title = "Parameters that are not the defaults"
    try:
        scenario = Scenario.load(directory / "scenario.toml")
    except ScenarioError as error:
        return Section(title, [f"This version cannot read the stored scenario ({error}); see scenario.toml beside it."])
    home = f"{directory.resolve()}/"
    rows = [
        [Cell.of(key), Cell.of(_written(value).replace(home, "")), Cell.of(_written(default))]
        for key, value, default in departures(scenario)
        if key not in NOT_PARAMETERS
    ]
    return Section(title, tables=[Table("By their keys in scenario.toml.", ["key", "value", "default"], rows)])


def _written(value: Any) -> str:
    """A value as one reads it; a long list by its beginning and its length."""
    if value is NO_DEFAULT or value is None:
        return "none" if value is None else ""
    if isinstance(value, list) and len(value) > 6:
        return f"{', '.join(map(_written, value[:3]))} … ({len(value):,} values)"
    if hasattr(value, "model_dump"):
        return _written(value.model_dump(exclude_defaults=True))
    return value if isinstance(value, str) else json.dumps(value, default=str)


def _assumed(scenario: dict[str, Any], manifest: Mapping[str, Any]) -> Section:
    title = "What is assumed"
    source = source_of(str(manifest["scenario"]), list(manifest.get("command_line", [])), shipped_scenarios())
    try:
        text = source.read_text(encoding="utf-8-sig", errors="replace") if source is not None else ""
    except OSError:  # it has become unreadable since
        text = ""
    found = assumptions(text, scenario)
    if not found:
        return Section(title, ["No comment of the scenario's file marks anything as ASSUMED, or the file is not here."])
    rows = [[Cell.of(key), Cell.of(said or "(no more is said)"), Cell.of(value)] for key, said, value in found]
    caption = "What the scenario's author marked as ASSUMED, rather than recorded or reported."
    return Section(title, notes(text), tables=[Table(caption, ["key", "what is assumed", "value"], rows)])


def manifest_table(manifest: Mapping[str, Any]) -> Table:
    """The manifest, key by key."""
    rows = [
        [Cell.of(key.replace("_", " ")), Cell.of(value if isinstance(value, str) else json.dumps(value))]
        for key, value in manifest.items()
        if key not in ("designs", "tuned", "files")
    ]
    return Table("The manifest of the results.", ["entry", "value"], rows, sortable=False)


def how_to_run(manifest: Mapping[str, Any]) -> list[str]:
    """What is needed to get the same tables again, and how one sees that they are the same."""
    digest = str(manifest.get("digest") or "")
    said = " ".join(str(word) for word in manifest.get("command_line", []))
    return [
        "The directory stands by itself: its scenario.toml is resolved, and the files that it reads are in inputs/."
        + (f" The command was: {said}" if said else ""),
        f"The same scenario and seed give the same tables, whose digest in manifest.json is then {digest}.",
    ]
