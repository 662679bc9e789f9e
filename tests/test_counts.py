"""What is asked for from Python: a scenario, seeds, paths and processes, each refused before anything is written."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from abm import Scenario, ScenarioError, simulate
from experiments import load_scenario, run_paths, run_scenario
from experiments.compare import Plan


@pytest.fixture(scope="module")
def calm() -> Scenario:
    return load_scenario("one-position")


@pytest.mark.parametrize("given", ["one-position", {"name": "x"}, None])
def test_what_is_no_scenario_is_refused_with_how_to_make_one(given: Any, tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match=r"is no scenario; make one with Scenario.load\(path\) or Scenario.from_di"):
        simulate(given)
    with pytest.raises(ScenarioError, match="is no scenario"):
        run_scenario(given, out=tmp_path / "run")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("name", "value", "remedy"),
    [
        ("paths", 0, "1 or more"),
        ("paths", -1, "1 or more"),
        ("paths", 1.5, "1 or more"),
        ("paths", True, "1 or more"),
        ("jobs", 0, "1 or more"),
        ("jobs", "2", "1 or more"),
        ("seed", -1, "from 0 to 4611686018427387904"),
        ("seed", 2**70, "from 0 to 4611686018427387904"),
    ],
)
def test_numbers_that_are_none_are_refused_and_nothing_is_written(
    calm: Scenario, tmp_path: Path, name: str, value: Any, remedy: str
) -> None:
    with pytest.raises(ScenarioError, match=rf"^{name} = .* cannot be used; give a whole number.* {remedy}$"):
        run_scenario(calm, **{name: value}, out=tmp_path / "run")
    with pytest.raises(ScenarioError, match=f"^{name} = "):
        run_paths(calm, **({"seed": 1, "paths": 1, "jobs": 1} | {name: value}), on_result=print)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("name", "value"), [("paths", 0), ("seed", -1), ("seed", 2**70)])
def test_a_comparison_refuses_them_too(calm: Scenario, name: str, value: int) -> None:
    with pytest.raises(ScenarioError, match=f"^{name} = "):
        Plan.of(calm, "aave_v3", **{name: value})


def test_numbers_of_numpy_are_numbers(calm: Scenario, tmp_path: Path) -> None:
    """They went into the manifest as they were, which JSON cannot hold."""
    results = run_scenario(calm, seed=np.int64(3), paths=np.int64(2), jobs=np.int32(1), out=tmp_path / "run")
    assert (results.manifest["seed"], results.summary["paths"]) == (3, 2)
    assert json.loads((tmp_path / "run" / "manifest.json").read_text())["paths_requested"] == 2
