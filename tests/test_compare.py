"""Comparisons of designs: common seeds, honest rows, nothing computed twice, and figures from what is stored."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pandas as pd
import pyarrow.parquet as pq
import pytest
from matplotlib.figure import Figure

import abm
from abm import Run, Scenario, ScenarioError
from experiments import load_scenario
from experiments.cli import DONE, FAILED, INTERRUPTED, REFUSED, main
from experiments.compare import Plan, compare
from experiments.comparing.comparison import Comparison
from experiments.comparing.comparison_text import amount, describe
from experiments.comparing.entrants import with_design
from experiments.comparing.objectives import MEASURES, parse_objectives, writer
from experiments.comparing.ranking import imprecision, rank
from experiments.comparing.tune import FIRST_PATH
from experiments.designs import designs
from experiments.figures.comparison import COMPARISON_FIGURES
from experiments.running.cells import Address

mpl.use("Agg")

THREE = "aave_v3,fixed_spread,euler_v2"


@pytest.fixture
def scenario(small_file: Callable[..., Path]) -> Path:
    return small_file(time__steps=40, pools__0__liquidation__design="aave_v3", agents__liquidators__0__gas_usd=2.0)


def plan(scenario: Path, designs: str = THREE, **terms: Any) -> Plan:
    return Plan.of(load_scenario(scenario), designs, **{"paths": 4, **terms})


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--designs", "aave_v9"], ["--designs", "aave_v9", "did you mean"]),
        (["--designs", ""], ["--designs", "''"]),
        ([], ["--designs"]),
        (["--designs", f"{THREE},aave_v3"], ["--designs", "aave_v3", "twice"]),
        (["--designs", THREE, "--baseline", "fluid"], ["--baseline", "'fluid'", "compared"]),
        (["--designs", THREE, "--objectives", "bad_debt"], ["--objectives", "'bad_debt'", "bad_debt_usd"]),
        (["--designs", THREE, "--objectives", "bad_debt_usd:least"], ["--objectives", "min or max", "'least'"]),
        (["--designs", THREE, "--objectives", "bad_debt_usd,bad_debt_usd"], ["--objectives", "twice"]),
        (["--designs", THREE, "--precision", "0"], ["--precision", "5%", "'0'"]),
        (["--designs", THREE, "--precision", "narrow"], ["--precision", "5%", "'narrow'"]),
        (["--designs", THREE, "--tune", "1"], ["--tune", "2 or more"]),
        (["--designs", THREE, "--set", "pools=[]"], ["pools"]),
        (["--designs", THREE, "--out", "full"], ["full", "not empty", "--out"]),
        (["--designs", THREE, "--out", "full", "--resume"], ["full", "not empty"]),
    ],
    ids=" ".join,
)
def test_what_cannot_be_compared_gets_one_sentence_and_nothing_is_written(
    scenario: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    words: list[str],
    files_below: Any,
) -> None:
    (scenario.parent / "full").mkdir()
    (scenario.parent / "full" / "kept.txt").write_text("precious")
    before = files_below(scenario.parent)
    try:
        code = main(["compare", "small.toml", *arguments])
    except SystemExit as stop:
        code = int(stop.code or 0)
    said = capsys.readouterr()
    assert code == REFUSED
    assert said.out == ""
    assert len(said.err.strip().splitlines()) == 1
    assert [word for word in words if word not in said.err] == []
    assert files_below(scenario.parent) == before


def test_a_design_that_cannot_run_is_refused_when_named_and_left_out_of_all(
    scenario: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    simulate = abm.simulate

    def needs_more(scenario: Scenario, seed: int = 1, progress: Any = None) -> Run:
        if scenario.pools[0].liquidation.design == "fluid":
            raise ScenarioError("ETH has no ticks; add them")
        return simulate(scenario, seed, progress)

    monkeypatch.setattr("abm.simulation.simulate", needs_more)
    assert main(["compare", "small.toml", "--designs", "aave_v3,fluid"]) == REFUSED
    assert "--designs fluid cannot run in small: ETH has no ticks; add them" in capsys.readouterr().err
    field = plan(scenario, "all")
    assert field.left_out == {"fluid": "ETH has no ticks; add them"}
    assert {one.name for one in field.entrants} == set(designs()) - {"fluid"}


def test_only_the_design_that_the_scenario_names_keeps_its_parameters(scenario: Path) -> None:
    base = load_scenario(scenario)
    entered = {one.name: one for one in plan(scenario).entrants}
    assert entered["aave_v3"].scenario.pools == base.pools
    assert entered["fixed_spread"].parameters["liquidation_bonus"] == 0.08
    for one in entered.values():
        pool = one.scenario.pools[0]
        assert pool.liquidation.design == one.design
        assert (pool.reserves, one.scenario.agents) == (base.pools[0].reserves, base.agents)
    assert with_design(base, "aave_v3", {"close_factor": 0.2}).pools[0].liquidation == (
        base.pools[0].liquidation.model_copy(update={"close_factor": 0.2})
    )


@pytest.mark.parametrize("name", designs())
def test_every_design_can_be_tuned_within_its_bounds(scenario: Path, name: str) -> None:
    """Bounds are of numbers, hold the defaults that are some, and both ends of them are accepted."""
    kind: Any = designs()[name]
    assert kind.bounds
    for key, (low, high) in kind.bounds.items():
        field = kind.model_fields[key]
        assert field.annotation in (int, float, float | None)
        assert field.default is None or low <= field.default <= high
    for end in (0, 1):
        with_design(load_scenario(scenario), name, {key: ends[end] for key, ends in kind.bounds.items()})


def test_a_comparison_writes_what_the_contract_says(
    scenario: Path, capsys: pytest.CaptureFixture[str], files_below: Any
) -> None:
    assert main(["compare", "small.toml", "--designs", THREE, "--paths", "3", "--seed", "5"]) == DONE
    said = capsys.readouterr()
    folder = Path("results/small-compare-5")
    tables = [f"{name}.parquet" for name in ("cells", "comparison", "timelines")]
    figures = ["figures", *(f"figures/{name}.png" for name in COMPARISON_FIGURES)]
    others = ["manifest.json", "ranking.json", "scenario.toml"]
    assert files_below(folder) == sorted([*tables, *figures, *others])
    rows = pq.read_table(folder / "comparison.parquet").to_pandas()
    assert list(rows.columns[:5]) == ["design", "path", "seed", "status", "error"]
    assert [tuple(row) for row in rows[["design", "path", "seed"]].to_numpy()] == [
        (design, path, 5 + path) for design in THREE.split(",") for path in range(3)
    ]
    assert {measure.metric for measure in MEASURES} <= set(rows.columns)
    ranking = json.loads((folder / "ranking.json").read_text())
    assert (ranking["baseline"], ranking["common_seeds"], len(ranking["designs"])) == ("aave_v3", 3, 3)
    for words in ("Ranking by bad debt", "Less aave_v3, seed by seed", "What each trades away", "Results in"):
        assert words in said.out
    assert load_scenario(folder / "scenario.toml") == load_scenario("small.toml")


def test_every_design_meets_the_same_prices(scenario: Path) -> None:
    """Without lasting impact the price of path 0 is the same under every design, block by block."""
    courses = compare(plan(scenario)).timelines.groupby("design")["reference_ETH"].apply(list)
    assert len(courses) == 3
    assert courses["aave_v3"] == courses["fixed_spread"] == courses["euler_v2"]


def test_the_results_do_not_depend_on_the_number_of_workers(scenario: Path) -> None:
    made = {jobs: compare(plan(scenario, paths=3), jobs=jobs, out=Path(f"jobs-{jobs}")) for jobs in (1, 2)}
    assert made[1].manifest["digest"] == made[2].manifest["digest"]
    assert (Path("jobs-1") / "ranking.json").read_bytes() == (Path("jobs-2") / "ranking.json").read_bytes()


def test_a_path_that_fails_is_a_row_with_its_reason(
    scenario: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, counted: Any
) -> None:
    def breaks(scenario: Scenario, seed: int, _: int) -> BaseException | None:
        euler = scenario.pools[0].liquidation.design == "euler_v2"
        return ZeroDivisionError("no\ndepth") if euler and seed == 3 else None

    counted(monkeypatch, breaks)
    arguments = ["compare", "small.toml", "--designs", THREE, "--paths", "4", "--no-figures"]
    assert main(arguments) == FAILED
    said = capsys.readouterr().out
    assert "1 of 12 runs failed; euler_v2, path 2 (seed 3): ZeroDivisionError: no depth" in " ".join(said.split())
    assert "euler_v2 (1 failed)" in said
    found = Comparison.load("results/small-compare-1")
    failed = found.rows[found.rows["status"] == "failed"]
    assert [tuple(row) for row in failed[["design", "path"]].to_numpy()] == [("euler_v2", 2)]
    assert found.ranking["common_seeds"] == 3
    assert {one["design"]: one["paths"] for one in found.ranking["designs"]}["aave_v3"] == 4


def test_a_failed_path_is_tried_again_on_resuming(
    scenario: Path, monkeypatch: pytest.MonkeyPatch, counted: Any
) -> None:
    with monkeypatch.context() as broken:
        counted(broken, lambda _, seed, __: ZeroDivisionError() if seed == 3 else None)
        assert len(compare(plan(scenario), out=Path("out")).manifest["failed_runs"]) == 3
    seeds = counted(monkeypatch, lambda *_: None)
    assert compare(plan(scenario), out=Path("out"), resume=True).manifest["failed_runs"] == []
    assert seeds == [3, 3, 3]


def test_trying_a_failed_path_again_loses_nothing_that_finished_beside_it(
    scenario: Path, monkeypatch: pytest.MonkeyPatch, counted: Any
) -> None:
    """Interrupted twice: the first path fails, then finishes, and each of the others is computed once."""
    with monkeypatch.context() as first:
        counted(
            first, lambda _, seed, call: ZeroDivisionError() if seed == 1 else KeyboardInterrupt() if call else None
        )
        compare(plan(scenario, "fluid"), out=Path("out"))
    with monkeypatch.context() as second:
        counted(second, lambda _, seed, call: KeyboardInterrupt() if call else None)
        assert list(compare(plan(scenario, "fluid"), out=Path("out"), resume=True).rows["status"]) == ["finished"] * 2
    seeds = counted(monkeypatch, lambda *_: None)
    compare(plan(scenario, "fluid"), out=Path("out"), resume=True)
    assert seeds == [3, 4]


def test_an_interrupt_keeps_what_is_done_and_resuming_computes_the_rest_only(
    scenario: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    files_below: Any,
    counted: Any,
) -> None:
    whole = compare(plan(scenario), out=Path("whole"))
    arguments = ["compare", "small.toml", "--designs", THREE, "--paths", "4", "--out", "out", "--no-figures"]
    with monkeypatch.context() as stopped:
        counted(stopped, lambda _, __, call: KeyboardInterrupt() if call == 7 else None)
        assert main(arguments) == INTERRUPTED
    assert "--resume goes on with it" in capsys.readouterr().err
    kept = Comparison.load("out")
    assert (kept.manifest["status"], len(kept.rows)) == ("interrupted", 7)
    assert main(arguments) == REFUSED
    assert "--resume" in capsys.readouterr().err
    seeds = counted(monkeypatch, lambda *_: None)
    assert main([*arguments, "--resume"]) == DONE
    assert len(seeds) == 12 - 7
    resumed = Comparison.load("out")
    assert resumed.manifest["digest"] == whole.manifest["digest"]
    assert resumed.ranking == whole.ranking
    assert files_below(Path("out")) == files_below(Path("whole"))


def test_an_interrupt_before_every_design_has_a_path_leaves_no_ranking(
    scenario: Path, monkeypatch: pytest.MonkeyPatch, counted: Any
) -> None:
    """The baseline itself may be missing; what was there from an earlier comparison is not passed off as this one's."""
    compare(plan(scenario, "fluid", paths=1), out=Path("out"))
    counted(monkeypatch, lambda _, __, call: KeyboardInterrupt() if call == 1 else None)
    kept = compare(plan(scenario, "euler_v2,aave_v3", baseline="aave_v3"), out=Path("out"), resume=True)
    assert list(kept.rows["design"]) == ["euler_v2"]
    assert kept.ranking == {}
    assert "Nothing can be ranked yet" in describe(kept)
    assert main(["plot", "out"]) == REFUSED


def test_an_interrupt_before_anything_is_done_writes_nothing(
    scenario: Path, monkeypatch: pytest.MonkeyPatch, files_below: Any, counted: Any
) -> None:
    before = files_below(scenario.parent)
    counted(monkeypatch, lambda *_: KeyboardInterrupt())
    assert main(["compare", "small.toml", "--designs", THREE]) == INTERRUPTED
    assert files_below(scenario.parent) == before


def test_a_finished_comparison_can_be_given_more_paths(
    scenario: Path, monkeypatch: pytest.MonkeyPatch, counted: Any
) -> None:
    compare(plan(scenario, paths=2), out=Path("out"))
    seeds = counted(monkeypatch, lambda *_: None)
    more = compare(plan(scenario, paths=4), out=Path("out"), resume=True)
    assert sorted(seeds) == [3, 3, 3, 4, 4, 4]
    assert len(more.timelines["design"].unique()) == 3
    assert len(more.rows) == 12


def test_a_cell_is_addressed_by_what_it_holds(scenario: Path) -> None:
    """Not by where its files are or what it is called, but by everything that could change it."""
    (scenario.parent / "eth.csv").write_text("t,close\n0,1500\n600,1200\n")
    (scenario.parent / "copy.csv").write_text("t,close\n0,1500\n600,1200\n")
    (scenario.parent / "other.csv").write_text("t,close\n0,1500\n600,1100\n")

    def of(path: int = 0, seed: int = 1, **changes: str) -> str:
        price = '{ kind = "file", file = "FILE", time = "t", price = "close" }'
        changes = {"assets.ETH.price": price.replace("FILE", changes.pop("file", "eth.csv")), **changes}
        return Address(load_scenario(scenario, changes)).cell(path, seed).address

    assert of() == of(name="another") == of(file="copy.csv") == of(path=1, seed=0)
    assert len({of(), of(path=1), of(file="other.csv"), of(**{"time.steps": "41"}), of(feedback="false")}) == 5


def test_precision_adds_paths_until_the_interval_is_that_narrow(
    scenario: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    narrow = {"precision": 0.3, "objectives": "borrower_loss_usd"}
    found = compare(plan(scenario, **narrow))
    assert 4 < found.manifest["paths"] < 500
    assert len(found.rows) == 3 * found.manifest["paths"]
    objective = parse_objectives("borrower_loss_usd", found.rows.columns)[0]
    assert imprecision(found.rows, objective) == found.manifest["precision"]["reached"] <= 0.3
    monkeypatch.setattr("experiments.compare.MOST_PATHS", 6)
    stopped = compare(plan(scenario, **narrow), out=Path("stopped"))
    assert stopped.manifest["paths"] == 6
    assert "which 6 paths, the most allowed, do not reach" in " ".join(describe(stopped).split())


def test_imprecision_goes_by_the_larger_designs_where_one_has_next_to_nothing() -> None:
    rows = table({"big": [90.0, 110.0, 90.0, 110.0], "small": [0.0, 0.0, 0.0, 1.0], "none": [0.0] * 4})
    objective = parse_objectives("bad_debt_usd", rows.columns)[0]
    assert 0.0 < imprecision(rows, objective) < 0.12
    assert imprecision(rows[rows["design"] == "none"], objective) == 0.0
    assert imprecision(rows[rows["path"] == 0], objective) == math.inf
    assert math.isnan(imprecision(rows.assign(status="failed"), objective))


def table(designs: dict[str, list[float]], metric: str = "bad_debt_usd") -> pd.DataFrame:
    """The rows of a comparison with one metric."""
    return pd.DataFrame(
        [
            {"design": design, "path": path, "status": "finished", metric: value}
            for design, values in designs.items()
            for path, value in enumerate(values)
        ]
    )


def test_the_ranking_is_by_the_first_objective_in_its_own_direction() -> None:
    rows = table({"a": [1.0, 2.0, 3.0], "b": [4.0, 5.0, 6.0], "c": [4.0, 5.0, 6.0]}, "protocol_revenue_usd")
    most = rank(rows, parse_objectives("protocol_revenue_usd", rows.columns), "a")
    assert [(one["design"], one["rank"]) for one in most["designs"]] == [("b", 1), ("c", 1), ("a", 3)]
    assert [one["probability_best"] for one in most["designs"]] == [0.5, 0.5, 0.0]
    assert most["designs"][0]["tests"]["protocol_revenue_usd"]["value"] == 3.0
    least = rank(rows, parse_objectives("protocol_revenue_usd:min", rows.columns), "a")
    assert least["designs"][0]["design"] == "a"
    assert [one["on_front"] for one in least["designs"]] == [True, False, False]


def test_a_design_of_which_nothing_finished_is_last_and_spoils_nothing() -> None:
    rows = table({"a": [1.0, 2.0], "b": [4.0, 5.0]})
    rows.loc[rows["design"] == "a", ["status", "bad_debt_usd"]] = ["failed", math.nan]
    found = rank(rows, parse_objectives("bad_debt_usd", rows.columns), "a")
    assert [one["design"] for one in found["designs"]] == ["b", "a"]
    assert (found["common_seeds"], found["designs"][0]["probability_best"]) == (2, 1.0)
    assert (found["designs"][1]["failed"], found["designs"][1]["on_front"]) == (2, False)


def test_objectives_may_be_tails() -> None:
    tail, other = parse_objectives("bad_debt_usd_es95, max_fall:max", ["bad_debt_usd", "max_fall"])
    assert (tail.name, tail.metric, tail.statistic) == ("bad_debt_usd_es95", "bad_debt_usd", "es95")
    assert (tail.sign, other.sign) == (1.0, -1.0)
    assert "expected shortfall" in tail.heading


def test_tuning_looks_on_other_seeds_and_the_report_says_both(
    scenario: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, counted: Any
) -> None:
    pytest.importorskip("optuna")
    seeds = counted(monkeypatch, lambda *_: None)
    arguments = ["compare", "small.toml", "--designs", "aave_v3,euler_v2", "--paths", "3", "--tune", "4"]
    assert main([*arguments, "--out", "out"]) == DONE
    said = capsys.readouterr().out
    for words in ("aave_v3 tuned", "each design tuned", "What tuning changed", "Parameters that tuning found"):
        assert words in said
    assert set(seeds) <= {1, 2, 3} | {1 + FIRST_PATH + path for path in range(3)}
    found = Comparison.load("out")
    history = found.tuning
    assert list(history["trial"]) == [0, 1, 2, 3] * 2
    for name, trials in history.groupby("design"):
        best = trials[trials["best"]]
        assert len(best) == 1
        assert best["score"].item() == trials["score"].min()
        chosen = json.loads(best["parameters"].item())
        assert chosen.items() <= found.manifest["tuned"][f"{name} tuned"].items()
        bounds: Any = designs()[str(name)]
        assert all(low <= chosen[key] <= high for key, (low, high) in bounds.bounds.items())
    seeds.clear()
    assert main([*arguments, "--out", "out", "--resume", "--no-figures"]) == DONE
    assert seeds == []
    assert Comparison.load("out").manifest["digest"] == found.manifest["digest"]


def test_trials_that_a_design_refuses_or_that_crash_are_in_the_history(
    scenario: Path, monkeypatch: pytest.MonkeyPatch, counted: Any
) -> None:
    pytest.importorskip("optuna")
    made = with_design

    def refuses(base: Scenario, design: str, parameters: Any = None) -> Scenario:
        if parameters and parameters["max_discount"] > 0.15:
            raise ScenarioError("too much")
        return made(base, design, parameters)

    def breaks(scenario: Scenario, seed: int, _: int) -> BaseException | None:
        return ZeroDivisionError() if scenario.pools[0].liquidation.model_dump()["max_discount"] < 0.1 else None

    monkeypatch.setattr("experiments.comparing.tune.with_design", refuses)
    counted(monkeypatch, breaks)
    found = compare(plan(scenario, "euler_v2", trials=12, paths=2))
    states = found.tuning.set_index("trial")
    assert set(states["state"]) == {"finished", "refused", "failed"}
    assert set(states.loc[states["state"] == "refused", "reason"]) == {"too much"}
    assert states.loc[states["best"], "state"].item() == "finished"


def test_without_the_optimiser_tuning_says_what_to_install(
    scenario: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("experiments.comparing.tune.find_spec", lambda _: None)
    assert main(["compare", "small.toml", "--designs", "all", "--tune"]) == REFUSED
    assert "pip install 'underwater[tune]'" in capsys.readouterr().err


def test_the_figures_come_from_stored_results_alone(
    scenario: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    faults: Callable[[Figure], list[str]],
) -> None:
    monkeypatch.setattr("experiments.figures.style.DPI", 40)
    comparison = compare(plan(scenario, paths=2, objectives="bad_debt_usd"), out=Path("one"))
    for name, draw in COMPARISON_FIGURES.items():
        assert faults(draw(comparison)) == [], name
    monkeypatch.delattr(abm, "simulate")
    assert main(["plot", "one"]) == DONE
    assert capsys.readouterr().out.split() == [f"one/figures/{name}.png" for name in sorted(COMPARISON_FIGURES)]
    (Path("one") / "timelines.parquet").unlink()
    assert main(["plot", "one"]) == REFUSED
    assert "--resume" in capsys.readouterr().err


def test_figures_and_tables_stand_a_comparison_of_which_everything_failed(
    scenario: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    files_below: Any,
    counted: Any,
) -> None:
    monkeypatch.setattr("experiments.figures.style.DPI", 40)
    counted(monkeypatch, lambda *_: ZeroDivisionError())
    assert main(["compare", "small.toml", "--designs", THREE, "--paths", "2"]) == FAILED
    assert "6 of 6 runs failed" in capsys.readouterr().out
    drawn = files_below(Path("results/small-compare-1/figures"))
    assert drawn == [f"{name}.png" for name in sorted(COMPARISON_FIGURES)]


def test_an_interrupt_while_drawing_keeps_all_results(
    scenario: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_: Comparison) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("experiments.figures.comparison.COMPARISON_FIGURES", {"ranking": interrupted})
    assert main(["compare", "small.toml", "--designs", THREE, "--paths", "2", "--out", "out"]) == INTERRUPTED
    assert "`underwater plot out` draws them" in capsys.readouterr().err
    assert Comparison.load("out").manifest["status"] == "complete"


def test_amounts_are_told_in_the_unit_of_their_metric() -> None:
    assert amount("largest_haircut", 0.00198) == "0.2 %"
    assert writer("largest_haircut")(0.00198) == "0.20 %", "and not 0.0, as a number of things"
    assert amount("bad_debt_usd", 1234.0) == "1.23k"
    assert amount("bad_debt_usd", 1234.0, signed=True) == "+1.23k"
    assert amount("borrower_excess_loss_share", 0.051) == "5.1 %"
    assert amount("amplification", 1.5) == "1.5 x"
    assert amount("amplification", None) == "?"


def test_the_metrics_of_the_comparison_by_hand(play: Callable[..., Run]) -> None:
    """Half of 16,000 is repaid at 1,900 with a bonus of 5 %, a tenth of which is the protocol's."""
    run = play(pools__0__liquidation__protocol_fee=0.1, agents__liquidators__0__gas_usd=3.0)
    repaid, summary = float(run.liquidations["repaid_usd"].sum()), run.summary
    assert repaid > 0.0
    assert summary["borrower_excess_loss_share"] == pytest.approx(0.05 / 1.05)
    assert summary["protocol_revenue_usd"] == pytest.approx(0.1 * 0.05 * repaid)
    assert summary["liquidator_concentration"] == 1.0
    assert summary["total_bad_debt_usd"] == summary["bad_debt_usd"] + summary["unrealised_shortfall_usd"]
    assert summary["time_underwater_usd_hours"] == pytest.approx(run.steps["underwater_usd"].sum() / 60.0)


def test_two_liquidators_that_gain_alike_have_half_the_concentration_of_one(play: Callable[..., Run]) -> None:
    nobody = play(agents__liquidators=[])
    assert (nobody.summary["liquidator_concentration"], nobody.summary["borrower_excess_loss_share"]) == (0.0, 0.0)
    position = {"collateral": {"ETH": 10.0}, "debt": {"DAI": 16000.0}}
    two = play(
        agents__borrowers=[{"positions": [position, position]}],
        agents__liquidators=[{"count": 2, "capital_usd": 1e9, "calls_per_block": 1}],
    )
    gains = two.liquidations.groupby("liquidator")["profit_usd"].sum()
    assert two.summary["liquidator_concentration"] == pytest.approx(((gains / gains.sum()) ** 2).sum())
    assert two.summary["liquidator_concentration"] == pytest.approx(0.5)
