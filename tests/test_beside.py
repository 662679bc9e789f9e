"""Runs beside a scenario: which scenarios they are, what is refused, and the table that they make."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import tomli_w

from abm import Run, Scenario, ScenarioError
from abm.reading.beside import variants
from experiments.cli import DONE, REFUSED, main
from experiments.running.beside import FILE, describe_beside, run_beside

World = dict[str, Any]
DEPTH = "markets.0.sources.0.value"


@pytest.fixture
def world(small_world: Callable[..., World]) -> World:
    """A fall that ends in a liquidation on a shallow pool, with three runs beside it."""
    return small_world(
        assets__ETH__price__prices=[2000.0, 1700.0],
        markets__0__sources=[{"kind": "constant_product", "value": 1e5}],
        beside={
            "show": ["bad_debt_usd", "liquidated_usd", "max_fall"],
            "limit": {"metric": "liquidated_usd", "at_most": 0.0},
            "runs": [
                {"name": "calm", "set": {"assets.ETH.price": {"kind": "constant", "price": 2000.0}}},
                {"name": "deeper", "vary": {DEPTH: [1e6, 1e7]}},
            ],
        },
    )


def test_each_run_is_the_scenario_with_its_keys_set(world: World) -> None:
    found = variants(Scenario.from_dict(world))
    assert [variant.name for variant in found] == ["calm", "deeper", "deeper"]
    assert [variant.varied for variant in found] == [{}, {DEPTH: 1e6}, {DEPTH: 1e7}]
    assert found[0].scenario.assets["ETH"].price.kind == "constant"
    assert [getattr(variant.scenario.markets[0].sources[0], "value", None) for variant in found] == [1e5, 1e6, 1e7]
    assert all(variant.scenario.beside is None for variant in found)


def test_several_varied_keys_make_every_combination(world: World) -> None:
    world["beside"]["runs"] = [{"name": "grid", "vary": {DEPTH: [1e5, 1e6], "time.steps": [2, 3, 4]}}]
    combined = [tuple(variant.varied.values()) for variant in variants(Scenario.from_dict(world))]
    assert combined == [(1e5, 2), (1e5, 3), (1e5, 4), (1e6, 2), (1e6, 3), (1e6, 4)]


def test_a_scenario_without_runs_beside_has_none(small_world: Callable[..., World]) -> None:
    assert variants(Scenario.from_dict(small_world())) == []


@pytest.mark.parametrize(
    ("run", "words"),
    [
        ({"name": "typo", "set": {"feedbak": False}}, "beside.runs.0 (typo): feedbak"),
        ({"name": "far", "vary": {"markets.7.base": ["X"]}}, "beside.runs.0 (far): markets.7.base cannot be set"),
        ({"name": "bad", "vary": {"time.steps": [1, 0]}}, "beside.runs.0 (bad): time.steps = 0"),
        ({"name": "many", "vary": {"time.steps": list(range(1, 1100))}}, "more than 1000 runs"),
    ],
)
def test_runs_that_are_no_scenarios_are_refused(world: World, run: World, words: str) -> None:
    world["beside"]["runs"] = [run]
    with pytest.raises(ScenarioError, match="beside") as caught:
        Scenario.from_dict(world).check_inputs()
    assert words in str(caught.value)


def test_nothing_to_vary_over_is_refused(world: World) -> None:
    world["beside"]["runs"] = [{"name": "none", "vary": {DEPTH: []}}]
    with pytest.raises(ScenarioError, match="give 1 or more entries"):
        Scenario.from_dict(world)


def test_files_of_a_run_beside_are_found_from_the_scenarios_directory(world: World, tmp_path: Path) -> None:
    (tmp_path / "eth.csv").write_text("t,close\n0,2000\n60,1500\n")
    file = {"assets.ETH.price": {"kind": "file", "file": "eth.csv", "time": "t", "price": "close"}}
    world["beside"]["runs"] = [{"name": "recorded", "set": file}]
    scenario = Scenario.from_dict(world, base_dir=tmp_path)
    scenario.check_inputs()
    assert [path.name for path in scenario.input_files().values()] == ["eth.csv"]
    assert variants(scenario)[0].scenario.input_files()["assets.ETH.price.file"] == tmp_path / "eth.csv"


def test_the_rows_are_the_runs_themselves(world: World, play: Callable[..., Run], tmp_path: Path) -> None:
    scenario = Scenario.from_dict(world)
    rows = run_beside(variants(scenario), seed=3, paths=2, jobs=1, out=tmp_path)
    assert rows["run"].tolist() == ["calm", "calm", "deeper", "deeper", "deeper", "deeper"]
    assert rows["seed"].tolist() == [3, 4, 3, 4, 3, 4]
    alone = play(world, seed=3, **{DEPTH.replace(".", "__"): 1e6})
    assert rows["liquidated_usd"].iloc[2] == alone.summary["liquidated_usd"]
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / FILE), rows)


def test_the_table_says_where_the_limit_holds(world: World, tmp_path: Path) -> None:
    scenario = Scenario.from_dict(world)
    found = variants(scenario)
    rows = run_beside(found, seed=1, paths=1, jobs=1, out=tmp_path)
    base = pd.DataFrame([{"bad_debt_usd": 0.0, "liquidated_usd": 5.0, "max_fall": 0.15}])
    text = describe_beside(scenario, found, base, rows)
    assert [line.split()[0] for line in text.splitlines()[1:5]] == ["as", "calm", "deeper", "deeper"]
    assert "deeper: liquidated at most 0 at no value tried" in text
    rows.loc[2, "liquidated_usd"] = 0.0
    assert f"from {DEPTH} = 10,000,000 on" in describe_beside(scenario, found, base, rows)


def test_the_command_prints_and_stores_them(world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "world.toml"
    file.write_text(tomli_w.dumps(world))
    assert main(["run", str(file), "--out", str(tmp_path / "out"), "--no-figures"]) == DONE
    assert "The same seeds" in capsys.readouterr().out
    assert (tmp_path / "out" / FILE).is_file()
    world["beside"]["runs"][0]["set"] = {"nonsense": 1}
    file.write_text(tomli_w.dumps(world))
    assert main(["run", str(file), "--out", str(tmp_path / "other")]) == REFUSED
    assert not (tmp_path / "other").exists()
    assert "beside.runs.0 (calm): nonsense = 1" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"show": ["bad_dept_usd"]}, "beside.show.0 = 'bad_dept_usd' is no metric of the summary; did you mean"),
        ({"limit": {"metric": "nothing", "at_most": 1}}, "beside.limit.metric = 'nothing' is no metric"),
    ],
)
def test_what_is_no_metric_is_refused_before_anything_runs(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str], change: World, words: str
) -> None:
    file = tmp_path / "world.toml"
    file.write_text(tomli_w.dumps(world | {"beside": world["beside"] | change}))
    assert main(["run", str(file), "--out", str(tmp_path / "out")]) == REFUSED
    assert words in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_rows_of_an_interrupted_run_are_told_by_their_number(world: World, tmp_path: Path) -> None:
    scenario = Scenario.from_dict(world)
    found = variants(scenario)
    rows = run_beside(found, seed=1, paths=2, jobs=1, out=tmp_path).iloc[[0, 2, 4, 5]]
    base = pd.DataFrame([{"bad_debt_usd": 0.0, "liquidated_usd": 5.0, "max_fall": 0.15}] * 2)
    text = describe_beside(scenario, found, base, rows)
    assert "deeper" in text
    assert [line.split()[:2] for line in text.splitlines()[2:5]] == [
        ["calm", "0.00"],
        ["deeper", "1,000,000"],
        ["deeper", "10,000,000"],
    ]
