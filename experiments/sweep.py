"""A sweep: a scenario over values of some keys in every combination, as an experiment made from a command line."""

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from abm import ScenarioError
from abm.reading.inputs import TOML_ERRORS
from experiments.asking.factors import RESERVED
from experiments.asking.question import Experiment
from experiments.shipped import load_scenario

PATHS = 20


def sweep_of(
    scenario: str, vary: Sequence[tuple[str, str]], *, designs: str | None = None, metrics: str | None = None
) -> Experiment:
    """The experiment that `underwater sweep` asks for. Raises `ScenarioError` for what cannot be varied.

    Each entry of `vary` is a dotted key and its values as TOML with commas between; bare words are text. Of one factor
    with numbers or two a figure of lines is drawn, of two with numbers a map.
    """
    keys = [key for key, _ in vary]
    factors: list[dict[str, Any]] = []
    for key, text in vary:
        factors.append({"name": name_of(key, keys), "key": key, "values": values_of(key, text)})
    numeric = [
        factor["name"]
        for factor in factors
        if all(isinstance(value, int | float) and not isinstance(value, bool) for value in factor["values"])
    ]
    figure: dict[str, Any] = {"kind": "scatter"}
    if len(factors) == len(numeric) == 2 and designs is None and all(len(f["values"]) > 2 for f in factors):
        figure = {"kind": "map", "x": numeric[0], "y": numeric[1]}
    elif numeric:
        figure = {"kind": "lines", "x": numeric[0]}
    name = load_scenario(scenario).name
    varied = " and ".join(factor["name"].replace("_", " ") for factor in factors)
    terms: dict[str, Any] = {
        "name": f"{name}-sweep",
        "question": f"What {'does' if len(factors) == 1 else 'do'} {varied} change in {name}?",
        "scenario": str(Path(scenario).resolve()) if Path(scenario).is_file() else scenario,
        "paths": PATHS,
        "factors": factors,
        "figure": figure,
    }
    if metrics is not None:
        terms["metrics"] = [one.strip() for one in metrics.split(",")]
    if designs is not None:
        terms["designs"] = [one.strip() for one in designs.split(",")]
    return Experiment.from_dict(terms)


def values_of(key: str, text: str) -> list[Any]:
    """The values of one `--vary`. Raises `ScenarioError` naming the key."""
    try:
        values: Any = tomllib.loads(f"values = [{text}]")["values"]
    except TOML_ERRORS:
        values = [_word(part.strip()) for part in text.split(",")] if not set(text) & set("[]{}\"'") else None
    if not isinstance(values, list) or not values or "" in values:
        raise ScenarioError(f"--vary {key}={text} cannot be read; give values with commas between, such as 0.05,0.1")
    return values


def name_of(key: str, keys: Sequence[str]) -> str:
    """A short name for a key: as many of its last parts as tell it from the others, and that begin with a letter."""
    parts = key.split(".")
    for length in range(1, len(parts) + 1):
        short = ".".join(parts[-length:])
        alone = sum(other == short or other.endswith(f".{short}") for other in keys) == 1
        if alone and not short[0].isdigit() and short not in RESERVED:
            return _plain(short)
    return _plain(key)


def _plain(text: str) -> str:
    return "".join(letter if letter.isalnum() and letter.isascii() else "_" for letter in text)


def _word(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except TOML_ERRORS:
        return text
