"""The command line: what it refuses, what it writes, and what it keeps when it is stopped."""

import errno
import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import abm
from abm import Run, Scenario, ScenarioError
from experiments import load_results, load_scenario, run_paths, run_scenario
from experiments.asking.question import Experiment
from experiments.cli import DONE, FAILED, INTERRUPTED, PIPE_CLOSED, REFUSED, main
from experiments.figures import FIGURES
from experiments.shipped import shipped_scenarios
from experiments.stored.outcomes import PathOutcome
from experiments.stored.provenance import version_of
from experiments.stored.storage import Results
from experiments.stored.tables import TABLES, digest

ROOT = Path(__file__).parents[1]

SCENARIO = """
    name = "small"
    description = '''
    A fall of a quarter.
    More about it.'''
    [time]
    steps = 30
    [assets.DAI]
    price = { kind = "constant", price = 1.0 }
    [assets.ETH]
    price = { PRICES }
    [[markets]]
    base = "ETH"
    quote = "DAI"
    [[markets.sources]]
    kind = "constant_product"
    base = 500.0
    fee = 0.003
    [[pools]]
    name = "core"
    [pools.reserves.DAI]
    [pools.reserves.ETH]
    ltv = 0.80
    liquidation_threshold = 0.83
    [pools.liquidation]
    design = "aave_v3"
    [[agents.borrowers]]
    positions = [ { collateral = { ETH = 10.0 }, debt = { DAI = 12400.0 } } ]
    [[agents.liquidators]]
    capital_usd = 1e6
    [[agents.depositors]]
    deposits = { DAI = 1e6 }
"""


PRICES = 'kind = "gbm", start = 1500.0, volatility_per_year = 20.0'
PRICES_FILE = 'kind = "file", file = "eth.csv", time = "t", price = "close"'


@pytest.fixture
def scenario(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A scenario file in a working directory of its own."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "small.toml").write_text(textwrap.dedent(SCENARIO).replace("PRICES", PRICES))
    return tmp_path / "small.toml"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", "small.toml", "--seed", "-1"], ["--seed", "from 0", "'-1'"]),
        (["run", "small.toml", "--seed", str(2**63)], ["--seed", "4611686018427387904", str(2**63)]),
        (["run", "small.toml", "--seed", "1.5"], ["--seed", "whole number", "'1.5'"]),
        (["run", "small.toml", "--paths", "0"], ["--paths", "1 or more", "'0'"]),
        (["run", "small.toml", "--jobs", "many"], ["--jobs", "1 or more", "'many'"]),
        (["run", "small.toml", "--set", "steps"], ["--set", "KEY=VALUE", "'steps'"]),
        (["run", "small.toml", "--set", "=3"], ["--set", "KEY=VALUE", "'=3'"]),
        (["run", "small.toml", "--set", "time.stepz=3"], ["time.stepz", "steps"]),
        (["run", "small.toml", "--set", "time.steps=0"], ["time.steps", "0"]),
        (["run", "small.toml", "--path", "3"], ["--path", "--help"]),
        (["run"], ["SCENARIO"]),
        (["rum"], ["rum", "run"]),
        ([], ["COMMAND"]),
        (["run", "nowhere.toml"], ["nowhere.toml", "underwater scenarios"]),
        (["run", "."], [".", "directory", "TOML file"]),
        (["run", "pipe.toml"], ["pipe.toml", "a pipe or a device", "save it"]),
        (["run", "x" * 300], ["cannot be read (File name too long)", "give a readable TOML file"]),
        (["run", "zzz"], ["zzz", "underwater scenarios", "TOML file"]),
        (["run", "small.toml", "--out", "full"], ["full", "not empty", "--out"]),
        (["run", "small.toml", "--out", "small.toml/below"], ["small.toml/below", "--out"]),
        (["run", "small.toml", "--out", ""], ["--out", "must name a directory", "''"]),
        (["fit", "eth.csv", "--out", " "], ["--out", "must name a directory", "' '"]),
        (["plot", ""], ["DIR", "must name a directory", "''"]),
        (["plot", "nowhere"], ["nowhere", "a run has written"]),
        (["plot", "full"], ["full", "manifest.json"]),
        (["compare", "small.toml"], ["--designs", "compare"]),
    ],
    ids=" ".join,
)
def test_wrong_input_gets_one_sentence_and_code_2_and_nothing_is_written(
    scenario: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    words: list[str],
    files_below: Any,
) -> None:
    (scenario.parent / "full").mkdir()
    (scenario.parent / "full" / "kept.txt").write_text("precious")
    os.mkfifo(scenario.parent / "pipe.toml")
    before = files_below(scenario.parent)
    try:
        code = main(arguments)
    except SystemExit as stop:
        code = int(stop.code or 0)
    said = capsys.readouterr()
    assert code == REFUSED
    assert said.out == ""
    assert len(said.err.strip().splitlines()) == 1
    assert [word for word in words if word not in said.err] == []
    assert files_below(scenario.parent) == before


def test_the_version_is_that_of_every_manifest(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["--version"])
    assert stop.value.code == DONE
    assert capsys.readouterr().out == f"underwater {version_of('underwater') or '(a source tree)'}\n"


def test_an_unknown_name_gets_the_nearest_shipped_one(monkeypatch: pytest.MonkeyPatch) -> None:
    shipped = {"black-thursday": Path("a.toml"), "calm": Path("b.toml")}
    monkeypatch.setattr("experiments.shipped.shipped_scenarios", lambda: shipped)
    with pytest.raises(ScenarioError, match="did you mean 'black-thursday'"):
        load_scenario("black-thirsday")


def test_a_shipped_scenario_is_found_by_name_and_a_path_by_path(
    scenario: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("experiments.shipped.shipped_scenarios", lambda: {"little": scenario})
    assert load_scenario("little").name == "small"
    assert load_scenario(scenario).name == "small"
    assert load_scenario("little", {"time.steps": "7"}).time.steps == 7


def test_a_byte_order_mark_is_overlooked(scenario: Path) -> None:
    """Editors put one before the text of any file, where nobody sees it."""
    marked = scenario.read_text(encoding="utf-8")
    scenario.write_text(marked, encoding="utf-8-sig")
    assert load_scenario(scenario).name == "small"
    question = 'question = "What?"\nname = "q"\nscenario = "small.toml"\n'
    Path("q.toml").write_text(question + "[[factors]]\nname = 'a'\nkey = 'time.steps'\nvalues = [3]", "utf-8-sig")
    assert Experiment.load("q.toml").name == "q"


def test_every_shipped_scenario_can_be_loaded() -> None:
    assert {load_scenario(name).name for name in shipped_scenarios()} == set(shipped_scenarios())


def test_a_run_writes_what_the_contract_says_and_tells_where(
    scenario: Path, capsys: pytest.CaptureFixture[str], files_below: Any
) -> None:
    assert main(["run", "small.toml", "--seed", "3"]) == DONE
    others = ["figures", "manifest.json", "paths.parquet", "scenario.toml", "summary.json"]
    tables = [f"{name}.parquet" for name in TABLES]
    figures = [f"figures/{name}.png" for name in FIGURES]
    assert files_below(scenario.parent / "results" / "small-3") == sorted(others + tables + figures)
    assert {"steps", "liquidations", "write_offs", "depth", "trades"} <= set(TABLES)
    said = capsys.readouterr()
    assert "Results in results/small-3" in said.out
    assert said.err.startswith("Compiling and running small, seed 3")
    manifest = Results.load("results/small-3").manifest
    assert manifest["command_line"] == ["underwater", "run", "small.toml", "--seed", "3"]


def test_plot_draws_the_figures_again_from_stored_results_alone(
    scenario: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("experiments.figures.style.DPI", 40)
    assert main(["run", "small.toml", "--out", "kept", "--no-figures"]) == DONE
    assert not Path("kept/figures").exists()
    capsys.readouterr()
    monkeypatch.delattr(abm, "simulate")
    assert main(["plot", "kept"]) == DONE
    drawn = capsys.readouterr().out.split()
    assert drawn == [f"kept/figures/{name}.png" for name in sorted(FIGURES)]
    assert all(Path(file).is_file() for file in drawn)


def without(column: str) -> Callable[[Path], None]:
    return lambda file: pq.write_table(pq.read_table(file).drop([column]), file)


def another(file: Path) -> None:
    pq.write_table(pa.table({"a": [1, 2]}), file)


def no_rows(file: Path) -> None:
    pq.write_table(pq.read_table(file).slice(0, 0), file)


def half(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


@pytest.mark.parametrize(
    ("name", "spoil"),
    [
        ("steps.parquet", without("underwater_usd")),
        ("steps.parquet", no_rows),
        ("steps.parquet", half),
        ("steps.parquet", Path.unlink),
        ("landscape.parquet", without("price_low")),
        ("depth.parquet", another),
        ("paths.parquet", another),
        ("scenario.toml", lambda file: file.write_text('name = "small"\n[time]\nsteps = 2\n')),
        ("summary.json", lambda file: file.write_text("[]")),
        ("manifest.json", lambda file: file.write_text("[]")),
    ],
)
def test_results_of_which_nothing_can_be_made_get_one_sentence_that_names_the_file(
    scenario: Path, capsys: pytest.CaptureFixture[str], name: str, spoil: Callable[[Path], None]
) -> None:
    assert main(["run", "small.toml", "--out", "kept", "--no-figures"]) == DONE
    spoil(Path("kept") / name)
    capsys.readouterr()
    for command in ("plot", "report"):
        assert main([command, "kept"]) == REFUSED
        said = capsys.readouterr().err
        assert len(said.strip().splitlines()) == 1
        assert name in said or "no table of steps: the file is missing" in said
        assert said.endswith(("run it again\n", "run the scenario again\n"))


def test_a_fault_of_our_own_is_not_laid_at_the_files_door(scenario: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: Results) -> None:
        raise KeyError("ours")

    assert main(["run", "small.toml", "--out", "kept", "--no-figures"]) == DONE
    monkeypatch.setattr("experiments.figures.FIGURES", {"waterfall": fail})
    with pytest.raises(KeyError, match="ours"):
        main(["plot", "kept"])


@pytest.mark.parametrize(("form", "begins"), [("svg", b"<?xml"), ("pdf", b"%PDF")])
def test_plot_draws_for_print_as_well(
    scenario: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, form: str, begins: bytes
) -> None:
    monkeypatch.setattr("experiments.figures.FIGURES", {"waterfall": FIGURES["waterfall"]})
    assert main(["run", "small.toml", "--out", "kept", "--no-figures"]) == DONE
    assert main(["plot", "kept", "--format", form]) == DONE
    assert Path(f"kept/figures/waterfall.{form}").read_bytes().startswith(begins)
    assert capsys.readouterr().out.endswith(f"kept/figures/waterfall.{form}\n")


def test_a_results_directory_reproduces_itself(scenario: Path) -> None:
    """The stored scenario, with the copies of the files it reads, gives the same tables wherever it is moved."""
    scenario.write_text(scenario.read_text().replace(PRICES, PRICES_FILE))
    (scenario.parent / "eth.csv").write_text("t,close\n0,1500\n600,1400\n900,1200\n")
    assert main(["run", "small.toml", "--out", "first", "--no-figures", "--set", "time.steps=20"]) == DONE
    (scenario.parent / "eth.csv").unlink()
    Path("first").rename("moved")
    assert main(["run", "moved/scenario.toml", "--out", "second", "--no-figures"]) == DONE
    first, second = Results.load("moved"), Results.load("second")
    assert first.manifest["digest"] == second.manifest["digest"]
    assert first.scenario["time"]["steps"] == 20


def test_the_results_do_not_depend_on_the_number_of_workers(scenario: Path) -> None:
    runs = {
        jobs: run_scenario(load_scenario(scenario), seed=5, paths=5, jobs=jobs, out=Path(f"jobs-{jobs}"))
        for jobs in (1, 2)
    }
    assert runs[1].manifest["digest"] == runs[2].manifest["digest"]
    assert runs[1].paths.equals(runs[2].paths)
    assert list(runs[2].paths["seed"]) == [5, 6, 7, 8, 9]
    assert list(runs[2].steps["path"].unique()) == [0, 1, 2, 3, 4]
    assert digest({name: runs[2].table(name) for name in TABLES}) == runs[1].manifest["digest"]


def failing(seeds: dict[int, BaseException]) -> Any:
    """`simulate`, except that some seeds raise."""
    simulate = abm.simulate

    def simulate_or_raise(scenario: Scenario, seed: int = 1, progress: Any = None) -> Run:
        if seed in seeds:
            raise seeds[seed]
        return simulate(scenario, seed=seed, progress=progress)

    return simulate_or_raise


def test_a_path_that_crashes_is_a_row_and_the_others_go_on(
    scenario: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(abm, "simulate", failing({2: ZeroDivisionError("no depth\nat all")}))
    assert main(["run", "small.toml", "--paths", "3", "--out", "run", "--no-figures"]) == FAILED
    said = capsys.readouterr().err
    assert "1 of 3 paths failed; path 1 (seed 2): ZeroDivisionError: no depth at all" in said
    results = Results.load("run")
    assert list(results.paths["status"]) == ["finished", "failed", "finished"]
    assert "simulate_or_raise" in results.manifest["failed_paths"][0]["trace"]
    assert results.summary["paths"] == 2


def test_a_scenario_whose_world_cannot_be_built_is_refused(
    scenario: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    files_below: Any,
) -> None:
    before = files_below(scenario.parent)
    monkeypatch.setattr(abm, "simulate", failing({1: ScenarioError("eth.csv has no rows; give at least one")}))
    assert main(["run", "small.toml", "--paths", "3"]) == REFUSED
    assert "underwater: eth.csv has no rows" in capsys.readouterr().err
    assert files_below(scenario.parent) == before


def test_a_seed_for_which_the_world_cannot_be_built_is_a_failed_path(
    scenario: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(abm, "simulate", failing({2: ScenarioError("too poor")}))
    results = run_scenario(load_scenario(scenario), paths=2)
    assert list(results.paths["error"].fillna("")) == ["", "ScenarioError: too poor"]


def test_an_interrupt_keeps_the_finished_paths_and_says_so(
    scenario: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(abm, "simulate", failing({3: KeyboardInterrupt()}))
    assert main(["run", "small.toml", "--paths", "50", "--out", "run"]) == INTERRUPTED
    assert "Interrupted: kept 2 of 50 paths in run" in capsys.readouterr().err
    results = Results.load("run")
    assert (results.manifest["status"], results.finished) == ("interrupted", 2)
    assert list(results.steps["path"].unique()) == [0, 1]


def test_an_interrupt_while_drawing_keeps_all_results(
    scenario: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_: Results) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("experiments.figures.FIGURES", {"timeline": interrupted})
    assert main(["run", "small.toml", "--out", "run"]) == INTERRUPTED
    assert "all results are in run; `underwater plot run` draws them" in capsys.readouterr().err
    assert Results.load("run").manifest["status"] == "complete"


@pytest.mark.parametrize("command", [["run"], ["compare", "--designs", "aave_v3", "--paths", "1"]], ids=" ".join)
def test_figures_that_cannot_be_written_leave_all_results(
    scenario: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    def full(*_: Any, **__: Any) -> bytes:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("experiments.figures.saving.encoded", full)
    name, *more = command
    assert main([name, "small.toml", *more, "--out", "out"]) == FAILED
    said = "the figures could not be written (No space left on device); all results are in out; `underwater plot out`"
    assert said in capsys.readouterr().err
    assert load_results("out").manifest["status"] == "complete"


def test_an_interrupt_before_any_path_has_finished_writes_nothing(
    scenario: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    files_below: Any,
) -> None:
    before = files_below(scenario.parent)
    monkeypatch.setattr(abm, "simulate", failing({1: KeyboardInterrupt()}))
    assert main(["run", "small.toml"]) == INTERRUPTED
    assert "Interrupted: nothing was written." in capsys.readouterr().err
    assert files_below(scenario.parent) == before


def test_ctrl_c_stops_the_workers_and_keeps_what_they_finished(scenario: Path, start: Any, wait_until: Any) -> None:
    """A real interrupt, sent to the whole process group as a terminal does."""
    arguments = ["run", str(scenario), "--paths", "100000", "--jobs", "2", "--out", "run", "--no-figures"]
    with start(arguments) as run:
        wait_until((scenario.parent / "run" / "steps.parquet").is_file, run)
        time.sleep(0.5)
        os.killpg(run.pid, signal.SIGINT)
        said, complained = run.communicate(timeout=60)
    assert run.returncode == INTERRUPTED, complained
    assert "Traceback" not in complained
    results = Results.load(scenario.parent / "run")
    assert f"Interrupted: kept {results.finished:,} of 100,000 paths in run" in complained
    assert 0 < results.finished < 100_000
    assert results.steps["path"].nunique() == results.finished
    assert "What happened" in said


class DeadlyUnlessAlone:
    """Stands for a scenario that kills the worker that unpickles it, the first `times` times."""

    def __init__(self, scenario: Scenario, times: int) -> None:
        self.scenario, self.times = scenario, times

    def __reduce__(self) -> Any:
        self.times -= 1
        return (os._exit, (13,)) if self.times >= 0 else (_itself, (self.scenario,))


def _itself(scenario: Scenario) -> Scenario:
    return scenario


@pytest.mark.parametrize("times", [1, 1000])
def test_a_worker_that_dies_costs_at_most_the_path_it_died_of(scenario: Path, times: int) -> None:
    """Nobody knows which path killed a worker: the suspects are run again alone, and only the guilty fail."""
    outcomes: list[PathOutcome] = []
    deadly: Any = DeadlyUnlessAlone(load_scenario(scenario), times)
    run_paths(deadly, 1, 2, 2, on_result=outcomes.append)
    assert [outcome.path for outcome in outcomes] == [0, 1]
    if times == 1:
        assert [outcome.error for outcome in outcomes] == [None, None]
    else:
        assert all("the worker process died" in str(outcome.error) for outcome in outcomes)


def test_progress_counts_blocks_of_one_path_and_paths_of_several(scenario: Path) -> None:
    loaded = load_scenario(scenario)
    blocks: list[int] = []
    paths: list[int] = []
    run_paths(loaded, 1, 1, 1, on_result=lambda _: None, progress=blocks.append)
    run_paths(loaded, 1, 3, 1, on_result=lambda _: None, progress=paths.append)
    assert blocks[-1] == loaded.time.steps
    assert blocks == sorted(blocks)
    assert paths == [1, 2, 3]


def test_the_schema_is_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema"]) == DONE
    assert "pools" in json.loads(capsys.readouterr().out)["properties"]


def test_scenarios_are_listed_with_the_first_line_of_what_they_are(
    scenario: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("experiments.shipped.shipped_scenarios", lambda: {"small": scenario})
    assert main(["scenarios"]) == DONE
    assert capsys.readouterr().out == "small  A fall of a quarter.\n"


def test_designs_are_listed_with_their_parameters_and_sources(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["designs"]) == DONE
    said = capsys.readouterr().out
    for words in ("aave_v3", "fixed_spread", "Source: ", "liquidation_bonus", "default 0.05", "Leaves out: "):
        assert words in said


def test_help_comes_without_importing_anything_heavy() -> None:
    check = (
        "import sys, experiments.cli; print([m for m in ('numpy', 'mesa', 'pandas', 'matplotlib') if m in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, cwd=ROOT, check=True)
    assert said.stdout.strip() == "[]"


def test_a_reader_that_has_seen_enough_is_no_error(start: Any) -> None:
    with start(["designs"]) as run:
        assert run.stdout is not None
        run.stdout.close()
        assert run.wait(timeout=60) == PIPE_CLOSED
        assert run.stderr is not None
        assert run.stderr.read() == ""
