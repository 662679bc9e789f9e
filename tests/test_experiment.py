"""Experiments: what files may say, which points they make, what is stored, and that nothing is computed twice."""

import json
import math
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

import abm
from abm import Run, ScenarioError
from experiments import load_results
from experiments.asking.answer_text import describe
from experiments.asking.answers import Answer
from experiments.asking.factors import Factor, points_of
from experiments.asking.inquiry import Inquiry
from experiments.asking.question import Experiment, shipped_experiments
from experiments.cli import DONE, FAILED, INTERRUPTED, REFUSED, main
from experiments.experiment import ask
from experiments.figures.answer import draw
from experiments.figures.curves import break_even_bonus, fee_of, toxic_frontier
from experiments.sweep import name_of, values_of
from models.market import ConstantProduct

mpl.use("Agg")

EXPERIMENT = """
    name = "bonus"
    question = "What does the bonus cost borrowers?"
    setup = "One position, three bonuses."
    reading = "Less is better."
    scenario = "small.toml"
    set = { "agents.liquidators.0.gas_usd" = 1.0 }
    paths = 6
    metrics = ["borrower_loss_usd", "liquidations > 0", "borrower_loss_usd_p50"]
    baseline = { bonus = 0.05 }
    [[factors]]
    name = "bonus"
    label = "liquidation bonus"
    unit = "percent"
    key = "pools.0.liquidation.liquidation_bonus"
    values = [0.05, 0.1, 0.15]
    [figure]
    kind = "lines"
    x = "bonus"
"""


@pytest.fixture
def file(small_file: Callable[..., Path]) -> Path:
    """An experiment's file beside its scenario, in a working directory of its own."""
    file = small_file(agents__liquidators__0__gas_usd=2.0).with_name("bonus.toml")
    file.write_text(textwrap.dedent(EXPERIMENT))
    return file


@pytest.fixture
def assert_refused(capsys: pytest.CaptureFixture[str], files_below: Any) -> Callable[[list[str], list[str]], None]:
    """One sentence with these words, exit code 2, and nothing written."""

    def check(arguments: list[str], words: list[str]) -> None:
        before = files_below(Path.cwd())
        try:
            code = main(arguments)
        except SystemExit as stop:
            code = int(stop.code or 0)
        said = capsys.readouterr()
        assert code == REFUSED, said.err
        assert said.out == ""
        assert len(said.err.strip().splitlines()) == 1, said.err
        assert [word for word in words if word not in said.err] == [], said.err
        assert files_below(Path.cwd()) == before

    return check


def inquiry(file: Path, **terms: Any) -> Inquiry:
    return Inquiry.of(Experiment.load(file), **terms)


def tables_of(directory: Path) -> dict[str, bytes]:
    """The bytes of the tables that an experiment leaves."""
    return {name: (directory / name).read_bytes() for name in ("answer.parquet", "points.parquet", "runs.parquet")}


# What files may say


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ('scenario = "nowhere.toml"', ["nowhere.toml", "does not exist"]),
        ('scenario = "clam"', ["'clam'", "did you mean 'calm'"]),
        ('metrics = ["bad_debt"]', ["bad_debt", "bad_debt_usd"]),
        ('metrics = ["bad_debt_usd > much"]', ["'much'", "no number"]),
        ('metrics = ["bad_debt_usd_p95 > 1"]', ["both a tail and a share"]),
        ('metrics = ["bad debt"]', ["cannot be read", "bad_debt_usd_es95"]),
        ('metrics = ["bad_debt_usd", "bad_debt_usd"]', ["named twice"]),
        ("baseline = { bonus = 0.07 }", ["baseline", "0.07", "none of the experiment's points"]),
        ("baseline = { price = 1 }", ["baseline.price", "bonus"]),
        ("paths = 0", ["paths", "1 or more"]),
        ('designs = ["aave_v9"]', ["aave_v9", "did you mean"]),
        ('set = { "pools.7.name" = "x" }', ["pools.7.name", "pools.0"]),
        ('plan = { kind = "sobol", points = 100 }', ["plan.points", "64 or 128"]),
        ('plan = { kind = "grids" }', ["plan.kind", "did you mean 'grid'"]),
        ("paths_each = 3", ["paths_each", "not a known key"]),
    ],
)
def test_what_cannot_be_asked_gets_one_sentence_and_nothing_is_written(
    file: Path, assert_refused: Any, change: str, words: list[str]
) -> None:
    key = change.partition(" =")[0]
    lines = [line for line in textwrap.dedent(EXPERIMENT).splitlines() if not line.startswith(f"{key} =")]
    file.write_text("\n".join([change, *lines]))
    assert_refused(["experiment", "bonus.toml"], words)


@pytest.mark.parametrize(
    ("factor", "words"),
    [
        ("values = []", ["factors.0.values", "1 or more"]),
        ("values = [1, 1]", ["twice"]),
        ("values = [1]\nlow = 1.0", ["needs one of: values, levels, or low and high"]),
        ("low = 2.0\nhigh = 1.0", ["low below high"]),
        ('low = 0.0\nhigh = 1.0\nscale = "log"', ["low must be above 0"]),
        ("low = 1.0\nhigh = 2.0", ["in how many points"]),
        ("values = [true]\nkeys = { a = 2.0 }", ["must be numbers"]),
        ('values = ["much"]', ["liquidation_bonus = 'much'", "x at b = much", "give a number"]),
        ("values = [-1.0]", ["liquidation_bonus", "x at b = -1", "0 or more"]),
    ],
)
def test_a_factor_that_cannot_be_varied_gets_one_sentence(
    file: Path, assert_refused: Any, factor: str, words: list[str]
) -> None:
    key = "" if "keys" in factor else 'key = "pools.0.liquidation.liquidation_bonus"'
    file.write_text(f'name = "x"\nquestion = "?"\nscenario = "small.toml"\n[[factors]]\nname = "b"\n{key}\n{factor}\n')
    assert_refused(["experiment", "bonus.toml"], words)


@pytest.mark.parametrize("name", ["seed", "value", "p_value"])
def test_a_factor_is_not_called_like_a_column(name: str) -> None:
    with pytest.raises(ScenarioError, match="another name"):
        Experiment.from_dict({"name": "x", "question": "?", "scenario": "calm", "factors": [factor(name)]})


def test_a_factor_is_not_called_like_a_metric(file: Path) -> None:
    file.write_text(file.read_text().replace('name = "bonus"\n    label', 'name = "max_fall"\n    label'))
    terms = Experiment.load(file).to_dict()
    terms["factors"][0]["name"], terms["baseline"], terms["figure"]["x"] = "max_fall", {}, "max_fall"
    with pytest.raises(ScenarioError, match="called like a metric"):
        Inquiry.of(Experiment.from_dict(terms))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["experiment", "close-facto"], ["did you mean 'close-factor'"]),
        (["experiment", "nowhere.toml"], ["nowhere.toml", "does not exist"]),
        (["experiment", "bonus.toml", "--out", "full"], ["full", "not empty"]),
        (["experiment", "bonus.toml", "--scheduler", "localhost"], ["--scheduler", "tcp://127.0.0.1:8786"]),
        (["experiment", "bonus.toml", "--precision", "0"], ["--precision", "5%"]),
        (["experiment", "bonus.toml", "--set", "time.stepz=1"], ["stepz", "steps"]),
        (["sweep", "small.toml"], ["--vary"]),
        (["sweep", "small.toml", "--vary", "time.steps="], ["--vary time.steps=", "commas"]),
        (["sweep", "small.toml", "--vary", "time.steps=1,[2"], ["--vary", "commas"]),
        (["sweep", "small.toml", "--vary", "time.stepz=1,2"], ["stepz"]),
        (["sweep", "smal", "--vary", "time.steps=1,2"], ["'smal'"]),
    ],
    ids=" ".join,
)
def test_arguments_that_cannot_be_used_are_refused(
    file: Path, assert_refused: Any, arguments: list[str], words: list[str]
) -> None:
    (file.parent / "full").mkdir()
    (file.parent / "full" / "kept.txt").write_text("precious")
    assert_refused(arguments, words)


# Which points they make


def factor(name: str = "a", **terms: Any) -> dict[str, Any]:
    return {"name": name, "key": f"x.{name}", **(terms or {"values": [1, 2]})}


def experiment(*factors: dict[str, Any], **terms: Any) -> Experiment:
    return Experiment.from_dict({"name": "x", "question": "?", "scenario": "calm", "factors": list(factors), **terms})


def points(one: Experiment) -> list[tuple[Any, ...]]:
    return [tuple(point.values.values()) for point in points_of(one.plan, one.factors, one.entered)]


def test_a_grid_is_every_combination() -> None:
    one = experiment(factor("a"), factor("b", values=["x", "y", "z"]))
    assert points(one) == [(1, "x"), (1, "y"), (1, "z"), (2, "x"), (2, "y"), (2, "z")]
    assert [point.design for point in points_of(one.plan, one.factors, ["p", "q"])] == ["p"] * 6 + ["q"] * 6
    assert points(experiment()) == [()]


def test_a_list_takes_the_values_side_by_side() -> None:
    one = experiment(factor("a"), factor("b", low=1.0, high=100.0, points=2, scale="log"), plan={"kind": "list"})
    assert points(one) == [(1, 1.0), (2, 100.0)]
    uneven = experiment(factor("a"), factor("b", values=[1, 2, 3]), plan={"kind": "list"})
    with pytest.raises(ScenarioError, match="a 2, b 3 values"):
        points(uneven)


def test_a_range_has_its_ends_exactly() -> None:
    scale = Factor(name="a", key="k", low=0.1, high=1000.0, points=5, scale="log")
    assert scale.listed() == pytest.approx([0.1, 1.0, 10.0, 100.0, 1000.0])
    assert (scale.listed()[0], scale.listed()[-1]) == (0.1, 1000.0)
    assert Factor(name="a", key="k", low=1.0, high=4.0, points=4, whole=True).listed() == [1, 2, 3, 4]


@pytest.mark.parametrize("kind", ["random", "latin_hypercube", "sobol"])
def test_samples_stay_within_the_ranges_and_repeat(kind: str) -> None:
    of = (factor("a", low=1e-3, high=1e3, scale="log"), factor("b", values=["x", "y"]))
    plan = {"kind": kind, "points": 32, "seed": 4}
    found = points(experiment(*of, plan=plan))
    assert found == points(experiment(*of, plan=plan))
    assert found != points(experiment(*of, plan={**plan, "seed": 5}))
    assert all(1e-3 <= a <= 1e3 and b in "xy" for a, b in found)
    below = sum(a < 1.0 for a, _ in found)
    assert below == 16 if kind != "random" else 4 < below < 28


def test_more_points_of_a_sobol_plan_begin_with_the_fewer() -> None:
    of = (factor("a", low=0.0, high=1.0), factor("b", low=0.0, high=1.0))
    few, many = (points(experiment(*of, plan={"kind": "sobol", "points": n})) for n in (16, 64))
    assert many[:16] == few


def test_levels_and_multiples_set_what_they_name(file: Path) -> None:
    terms = Experiment.load(file).to_dict()
    terms["factors"] = [
        {
            "name": "bonus",
            "keys": {"pools.0.liquidation.liquidation_bonus": 0.01, "time.step_seconds": 60.0},
            "values": [5, 9],
        },
        {"name": "money", "levels": {"none": {"agents.liquidators": []}, "some": {}}},
    ]
    terms["baseline"] = {}
    found = Inquiry.of(Experiment.from_dict(terms)).scenarios
    bonuses = [one.pools[0].liquidation.model_dump()["liquidation_bonus"] for one in found]
    assert bonuses == pytest.approx([0.05, 0.05, 0.09, 0.09])
    assert [one.time.step_seconds for one in found] == [300.0, 300.0, 540.0, 540.0]
    assert [len(one.agents.liquidators) for one in found] == [0, 1, 0, 1]


def test_designs_are_run_at_every_point(file: Path) -> None:
    answer = ask(inquiry_with(file, designs=["fixed_spread", "aave_v3"], baseline={}), out=Path("out"))
    assert list(answer.points["design"]) == ["fixed_spread"] * 3 + ["aave_v3"] * 3
    assert answer.runs.groupby("design").size().to_dict() == {"aave_v3": 18, "fixed_spread": 18}


def inquiry_with(file: Path, **changes: Any) -> Inquiry:
    return Inquiry.of(Experiment.from_dict(Experiment.load(file).to_dict() | changes))


# What is stored


def test_the_answer_is_that_of_the_paths_themselves(file: Path, play: Callable[..., Run]) -> None:
    answer = ask(inquiry(file), out=Path("out"))
    runs = answer.runs
    assert list(runs["seed"]) == [1, 2, 3, 4, 5, 6] * 3
    assert list(runs["bonus"]) == [0.05] * 6 + [0.1] * 6 + [0.15] * 6
    scenario = inquiry(file).scenarios[1]
    mean = np.mean([abm.simulate(scenario, seed).summary["borrower_loss_usd"] for seed in range(1, 7)])
    row = answer.of(answer.estimands[0]).iloc[1]
    assert row["value"] == pytest.approx(mean, rel=1e-12)
    assert row["low"] <= row["value"] <= row["high"]
    base = answer.of(answer.estimands[0]).iloc[0]
    assert row["difference"] == pytest.approx(row["value"] - base["value"], rel=1e-9)
    assert math.isnan(base["difference"])
    assert row["common_paths"] == 6
    share = answer.of(answer.estimands[1]).iloc[0]
    assert share["value"] == np.mean(runs["liquidations"][:6] > 0)
    assert share["method"] == "Wilson"
    assert answer.of(answer.estimands[2])["value"][0] == pytest.approx(np.median(runs["borrower_loss_usd"][:6]))


def test_a_directory_holds_what_the_page_says(file: Path, capsys: pytest.CaptureFixture[str], files_below: Any) -> None:
    assert main(["experiment", "bonus.toml", "--paths", "3"]) == DONE
    said = capsys.readouterr().out
    out = Path("results/bonus-1")
    assert files_below(out) == [
        "answer.parquet",
        "cells.parquet",
        "experiment.toml",
        "figures",
        "figures/answer.png",
        "manifest.json",
        "points.parquet",
        "runs.parquet",
        "scenario.toml",
    ]
    for words in ("What does the bonus cost borrowers?", "One position", "Less is better.", "paired by seed", "10 %"):
        assert words in said
    results = load_results(out)
    assert isinstance(results, Answer)
    assert results.manifest["runs_finished"] == 9
    assert pq.read_table(out / "runs.parquet").num_rows == 9
    assert pd.read_parquet(out / "answer.parquet").shape[0] == 9


def test_a_stored_experiment_reproduces_itself(file: Path) -> None:
    """With what was set by hand, wherever it is moved."""
    first = ask(inquiry(file, overrides={"time.steps": "20"}, paths=3, seed=5), out=Path("first"))
    file.unlink()
    (file.parent / "small.toml").unlink()
    Path("first").rename("moved")
    second = ask(inquiry(Path("moved/experiment.toml")), out=Path("second"))
    assert first.manifest["digest"] == second.manifest["digest"]
    assert tables_of(Path("moved")) == tables_of(Path("second"))
    assert second.scenario["time"]["steps"] == 20


def test_a_path_that_fails_is_a_row_with_its_reason(
    file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, counted: Any
) -> None:
    counted(monkeypatch, lambda _, seed, __: ZeroDivisionError("no depth\nat all") if seed == 2 else None)
    assert main(["experiment", "bonus.toml", "--out", "out", "--no-figures"]) == FAILED
    assert "3 of 18 runs failed, the first of them with ZeroDivisionError: no depth at all" in " ".join(
        capsys.readouterr().out.split()
    )
    answer = Answer.load("out")
    failed = answer.runs[answer.runs["status"] == "failed"]
    assert set(failed["error"]) == {"ZeroDivisionError: no depth at all"}
    assert list(answer.table["failed"]) == [1] * 9
    assert list(answer.table["paths"]) == [5] * 9


def test_an_experiment_whose_every_path_fails_still_says_so(
    file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, counted: Any
) -> None:
    counted(monkeypatch, lambda *_: ZeroDivisionError("no depth at all"))
    assert main(["experiment", "bonus.toml", "--out", "out"]) == FAILED
    said = capsys.readouterr()
    assert "No path finished" in said.out
    assert "18 of 18 runs failed, the first of them with ZeroDivisionError: no depth at all" in said.out
    assert "No figures: out has nothing to draw: no path finished; --resume tries again" in said.err
    assert main(["plot", "out"]) == REFUSED


# Nothing is computed twice


def test_an_interrupt_keeps_what_is_done_and_resuming_computes_the_rest_only(
    file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, counted: Any
) -> None:
    ask(inquiry(file), out=Path("whole"))
    arguments = ["experiment", "bonus.toml", "--out", "out", "--no-figures"]
    with monkeypatch.context() as stopped:
        counted(stopped, lambda _, __, call: KeyboardInterrupt() if call == 7 else None)
        assert main(arguments) == INTERRUPTED
    assert "--resume goes on with it" in capsys.readouterr().err
    kept = Answer.load("out")
    assert (kept.manifest["status"], len(kept.runs)) == ("interrupted", 7)
    assert main(arguments) == REFUSED
    assert "--resume" in capsys.readouterr().err
    seeds = counted(monkeypatch, lambda *_: None)
    assert main([*arguments, "--resume"]) == DONE
    assert len(seeds) == 18 - 7
    assert tables_of(Path("out")) == tables_of(Path("whole"))
    assert Answer.load("out").manifest["digest"] == Answer.load("whole").manifest["digest"]


def test_an_interrupt_before_anything_is_done_writes_nothing(
    file: Path, monkeypatch: pytest.MonkeyPatch, files_below: Any, counted: Any
) -> None:
    before = files_below(file.parent)
    counted(monkeypatch, lambda *_: KeyboardInterrupt())
    assert main(["experiment", "bonus.toml"]) == INTERRUPTED
    assert files_below(file.parent) == before


def test_a_finished_experiment_can_be_given_more_paths_and_values(
    file: Path, monkeypatch: pytest.MonkeyPatch, counted: Any
) -> None:
    ask(inquiry(file, paths=2), out=Path("out"))
    seeds = counted(monkeypatch, lambda *_: None)
    ask(inquiry(file, paths=3), out=Path("out"), resume=True)
    assert seeds == [3, 3, 3]
    file.write_text(file.read_text().replace("0.15]", "0.15, 0.2]"))
    answer = ask(inquiry(file, paths=3), out=Path("out"), resume=True)
    assert seeds[3:] == [1, 2, 3]
    assert len(answer.runs) == 12


def test_points_that_are_the_same_scenario_are_computed_once(
    file: Path, monkeypatch: pytest.MonkeyPatch, counted: Any
) -> None:
    seeds = counted(monkeypatch, lambda *_: None)
    levels = {"one": {}, "the same": {"time.steps": 30}}
    answer = ask(inquiry_with(file, factors=[{"name": "kind", "levels": levels}], baseline={}, figure=None))
    assert len(seeds) == 6
    assert len(answer.runs) == 12


def test_another_kind_of_results_is_not_taken_for_an_experiment(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", "small.toml", "--designs", "aave_v3", "--paths", "2", "--out", "c", "--no-figures"]) == DONE
    assert main(["experiment", "bonus.toml", "--out", "c", "--resume"]) == REFUSED
    assert "c holds a comparison" in capsys.readouterr().err


def test_the_chance_of_what_never_happens_is_never_precise_enough(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wilson's interval of a chance has a width where nothing happened, and no share of an estimate of nothing."""
    monkeypatch.setattr("experiments.experiment.PRECISE_ENOUGH", 5)
    text = Experiment.load(file).to_dict() | {"metrics": ["bad_debt_usd > 1e12"]}
    answer = ask(Inquiry.of(Experiment.from_dict(text), paths=2, precision=0.2), out=Path("out"))
    assert answer.manifest["paths"] == 5
    assert set(answer.table["value"]) == {0.0}
    assert (answer.table["high"] > 0.0).all()


def test_precision_adds_paths_until_the_interval_is_that_narrow(file: Path) -> None:
    answer = ask(inquiry(file, precision=0.3), out=Path("out"))
    assert 6 < answer.manifest["paths"] < 500
    assert answer.manifest["precision"]["reached"] <= 0.3
    assert len(answer.runs) == 3 * answer.manifest["paths"]
    found = answer.of(answer.estimands[0])
    widest = ((found["high"] - found["low"]) / 2 / np.maximum(found["value"], 0.1 * found["value"].max())).max()
    assert widest == pytest.approx(answer.manifest["precision"]["reached"])
    assert "asked for were 30 %" in " ".join(describe(answer).split())


def test_a_killed_experiment_goes_on_from_its_shards(file: Path) -> None:
    """Nobody can tidy up after SIGKILL; what was renamed into place is whole, and the tables come out the same."""
    loads = file.read_text().replace("paths = 6", "paths = 400")
    file.write_text(loads)
    command = [sys.executable, "-m", "experiments", "experiment", "bonus.toml", "--out", "out", "--no-figures"]
    environment = {"PYTHONPATH": str(Path(abm.__file__).parents[1]), "PATH": "/usr/bin:/bin"}
    with subprocess.Popen(command, cwd=file.parent, env=environment, stderr=subprocess.DEVNULL) as killed:
        deadline = time.monotonic() + 60.0
        while len(list(Path("out/cells").glob("*.parquet"))) < 3 and time.monotonic() < deadline:
            time.sleep(0.01)
        killed.send_signal(signal.SIGKILL)
    assert not (Path("out") / "manifest.json").exists()
    file.write_text(loads.replace("paths = 400", "paths = 5"))
    resumed = ask(inquiry(file), out=Path("out"), resume=True)
    whole = ask(inquiry(file), out=Path("whole"))
    assert resumed.manifest["digest"] == whole.manifest["digest"]
    assert tables_of(Path("out")) == tables_of(Path("whole"))


# Sweeps


def test_a_sweep_is_every_combination(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["sweep", "small.toml", "--paths", "2", "--vary", "pools.0.liquidation.liquidation_bonus=0.05,0.1"]
    assert main([*arguments, "--vary", "feedback=true,false", "--metrics", "liquidated_usd"]) == DONE
    assert "4 points on the same 2 seeds" in capsys.readouterr().out
    answer = load_results("results/small-sweep-1")
    assert isinstance(answer, Answer)
    assert list(answer.points["liquidation_bonus"]) == [0.05, 0.05, 0.1, 0.1]
    assert list(answer.points["feedback"]) == [True, False, True, False]


def test_values_are_toml_and_bare_words_are_text() -> None:
    assert values_of("k", "1, 2.5,true") == [1, 2.5, True]
    assert values_of("k", "push,ema") == ["push", "ema"]
    assert values_of("k", "1,none") == [1, "none"]
    assert values_of("k", '{ kind = "a" }, { kind = "b" }') == [{"kind": "a"}, {"kind": "b"}]


def test_factors_of_a_sweep_are_named_after_as_much_of_their_keys_as_tells_them_apart() -> None:
    keys = ["a.0.x", "b.0.x", "a.0.y", "m.0.value"]
    assert [name_of(key, keys) for key in keys] == ["a_0_x", "b_0_x", "y", "m_0_value"]


# Figures


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"figure": None},
        {"figure": {"kind": "lines", "x": "bonus", "metrics": ["borrower_loss_usd", "liquidations > 0"]}},
        {"figure": {"kind": "lines", "x": "bonus", "curve": {"kind": "toxic_frontier"}}},
        {"figure": {"kind": "scatter"}, "designs": ["fixed_spread", "aave_v3"], "baseline": {}},
        {"factors": [], "baseline": {}, "figure": None},
    ],
)
def test_every_kind_of_figure_is_drawn_from_what_is_stored(
    file: Path, changes: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("experiments.figures.style.DPI", 40)
    answer = ask(inquiry_with(file, paths=2, **changes), out=Path("out"))
    monkeypatch.delattr(abm, "simulate")
    assert draw(answer).axes
    assert main(["plot", "out"]) == DONE


@pytest.mark.parametrize(
    ("paths", "said"),
    [(3, "These paths tell no point from 12.4k."), (9, "Even the last step, to 12.4k, makes a difference.")],
)
def test_the_figure_claims_that_more_makes_no_difference_only_where_its_paths_could_tell_one(
    file: Path, paths: int, said: str
) -> None:
    """The debt of every path differs by the factor itself, which three paths are too few to be sure of."""
    debt = {
        "name": "debt",
        "key": "agents.borrowers.0.positions.0.debt.DAI",
        "values": [11000.0, 12000.0, 12400.0],
        "unit": "usd",
    }
    terms = {"factors": [debt], "figure": {"kind": "lines", "x": "debt"}, "baseline": {"debt": 12400.0}}
    answer = ask(inquiry_with(file, paths=paths, metrics=["initial_debt_usd"], **terms), out=Path("out"))
    drawn = draw(answer)
    assert said in drawn.get_supxlabel().replace("\n", " ")
    assert [line for line in drawn.axes[0].lines if line.get_linestyle() == "--"] == []


def test_a_map_has_a_number_in_every_cell_and_the_line_of_its_limit(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = {"name": "debt", "key": "agents.borrowers.0.positions.0.debt.DAI", "values": [11000.0, 12000.0, 12400.0]}
    factors = [*Experiment.load(file).to_dict()["factors"], other]
    picture = {"kind": "map", "x": "debt", "y": "bonus", "limit": 0.5}
    metrics = ["liquidations > 0"]
    answer = ask(inquiry_with(file, factors=factors, figure=picture, baseline={}, metrics=metrics), out=Path("out"))
    drawn = draw(answer)
    told = [text.get_text() for text in drawn.axes[0].texts]
    assert len(told) == 9
    first = describe(answer).splitlines()
    assert any(line.strip().startswith("15 %") for line in first)


def test_the_break_even_bonus_is_where_the_pool_pays_back_the_debt() -> None:
    """Quoted by the pool itself."""
    value, size = 4e6, 1e5
    bonus = float(break_even_bonus(np.array([value]), size, 0.003)[0])
    pool = ConstantProduct(0.5 * value / 10.0, 0.5 * value, 0.003)
    assert pool.quote_in("sell", size * (1.0 + bonus) / 10.0).amount_out == pytest.approx(size, rel=1e-9)
    assert np.isnan(break_even_bonus(np.array([2.0 * size]), size, 0.0)[0])


def test_the_toxic_frontier_is_of_the_stored_bonus(file: Path) -> None:
    stored = inquiry(file).base.to_dict()
    assert toxic_frontier(stored) == pytest.approx(1.0 / 1.09)
    assert fee_of(stored) == 0.0


def test_experiments_are_listed_with_their_questions(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["experiments"]) == DONE
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(shipped_experiments())
    assert all(line.endswith("?") for line in lines)


def test_the_manifest_tells_how_the_answer_came_about(file: Path) -> None:
    ask(inquiry(file, paths=2), out=Path("out"), command_line=["underwater", "experiment", "bonus.toml"])
    manifest = json.loads(Path("out/manifest.json").read_text())
    assert manifest["command_line"] == ["underwater", "experiment", "bonus.toml"]
    assert (manifest["kind"], manifest["status"], manifest["paths"], manifest["points"]) == (
        "experiment",
        "complete",
        2,
        3,
    )
    assert len(manifest["digest"]) == 64
