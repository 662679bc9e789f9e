"""Going on with what was interrupted: the same bytes as without the interrupt, and never with others' results."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import abm
from experiments import load_scenario, run_scenario
from experiments.cli import DONE, FAILED, INTERRUPTED, REFUSED, main
from experiments.running.sittings import Sittings
from experiments.stored.storage import Results
from experiments.stored.tables import TABLES

RUN = ["run", "small.toml", "--paths", "6", "--no-figures"]


@pytest.fixture
def scenario(small_file: Callable[..., Path]) -> Path:
    """A scenario file in a working directory of its own."""
    return small_file()


def bytes_of(directory: str | Path) -> dict[str, bytes]:
    """The bytes of everything that a run leaves, but for its manifest, which says when it was made."""
    names = [f"{name}.parquet" for name in (*TABLES, "paths")] + ["summary.json", "scenario.toml"]
    return {name: (Path(directory) / name).read_bytes() for name in names}


@pytest.mark.parametrize("jobs", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_an_interrupted_run_goes_on_to_the_bytes_of_one_that_was_not(
    scenario: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], counted: Any, jobs: int
) -> None:
    assert main([*RUN, "--out", "whole"]) == DONE
    with monkeypatch.context() as stopped:
        counted(stopped, lambda _, seed, __: KeyboardInterrupt() if seed == 4 else None)
        assert main([*RUN, "--out", "run"]) == INTERRUPTED
    assert "kept 3 of 6 paths in run; --resume goes on with them" in capsys.readouterr().err
    seeds = counted(monkeypatch, lambda *_: None)
    assert main([*RUN, "--out", "run", "--resume", "--jobs", str(jobs)]) == DONE
    assert seeds == ([4, 5, 6] if jobs == 1 else [])  # which other processes simulate
    assert bytes_of("run") == bytes_of("whole")
    manifests = [json.loads((Path(name) / "manifest.json").read_text()) for name in ("run", "whole")]
    assert [manifest["status"] for manifest in manifests] == ["complete"] * 2
    assert manifests[0]["digest"] == manifests[1]["digest"]
    assert {one.name for one in Path("run").iterdir()} == {one.name for one in Path("whole").iterdir()}


def test_gaps_are_filled_and_failed_paths_tried_again(
    scenario: Path, monkeypatch: pytest.MonkeyPatch, counted: Any
) -> None:
    """Path 2 failed and paths 4 and 5 were never asked for; each comes into its place."""
    whole = run_scenario(load_scenario(scenario), paths=6, out=Path("whole"))
    with monkeypatch.context() as broken:
        counted(broken, lambda _, seed, __: ZeroDivisionError() if seed == 3 else None)
        assert main(["run", "small.toml", "--paths", "4", "--out", "run", "--no-figures"]) == FAILED
    seeds = counted(monkeypatch, lambda *_: None)
    resumed = run_scenario(load_scenario(scenario), paths=6, out=Path("run"), resume=True)
    assert seeds == [3, 5, 6]
    assert resumed.manifest["digest"] == whole.manifest["digest"]
    assert bytes_of("run") == bytes_of("whole")


def test_weights_and_files_survive_an_interrupt(scenario: Path, monkeypatch: pytest.MonkeyPatch, counted: Any) -> None:
    rows = "\n".join(f"{60 * k},{1500 - 20 * k}" for k in range(30))
    Path("eth.csv").write_text(f"t,close\n{rows}\n")
    sampling = 'sampling={ kind = "importance", asset = "BTC", shift = -1.0 }'
    price = 'assets.ETH.price={ kind = "file", file = "eth.csv", time = "t", price = "close" }'
    other = 'assets.BTC.price={ kind = "gbm", start = 3e4, volatility_per_year = 1.0 }'
    arguments = [*RUN, "--set", price, "--set", other, "--set", sampling]
    assert main([*arguments, "--out", "whole"]) == DONE
    with monkeypatch.context() as stopped:
        counted(stopped, lambda _, __, call: KeyboardInterrupt() if call == 2 else None)
        assert main([*arguments, "--out", "run"]) == INTERRUPTED
    assert main([*arguments, "--out", "run", "--resume"]) == DONE
    assert bytes_of("run") == bytes_of("whole")
    assert Results.load("run").paths["weight"].nunique() == 6
    Path("eth.csv").write_text(f"t,close\n{rows.replace('1500', '1510')}\n")
    assert main([*arguments, "--out", "run", "--resume"]) == REFUSED


def test_a_second_interrupt_keeps_what_both_sittings_finished(
    scenario: Path, monkeypatch: pytest.MonkeyPatch, counted: Any
) -> None:
    whole = run_scenario(load_scenario(scenario), paths=6, out=Path("whole"))
    for stop in (2, 2, 0):
        with monkeypatch.context() as stopped:
            counted(stopped, lambda _, __, call, stop=stop: KeyboardInterrupt() if call == stop else None)
            assert main([*RUN, "--out", "run", *(["--resume"] if Path("run").exists() else [])]) == INTERRUPTED
    assert Results.load("run").finished == 4
    assert main([*RUN, "--out", "run", "--resume"]) == DONE
    assert Results.load("run").manifest["digest"] == whole.manifest["digest"]


def test_a_sitting_that_is_killed_leaves_what_was_there_before(
    scenario: Path, monkeypatch: pytest.MonkeyPatch, counted: Any
) -> None:
    """Killed while it simulates, and while it puts its files in their place: the next one goes on either way."""
    whole = run_scenario(load_scenario(scenario), paths=6, out=Path("whole"))
    run_scenario(load_scenario(scenario), paths=3, out=Path("run"))
    before = bytes_of("run")
    with monkeypatch.context() as killed:
        killed.setattr("experiments.running.resuming.Earlier.settle", lambda _: None)
        run_scenario(load_scenario(scenario), paths=6, out=Path("run"), resume=True)
    assert bytes_of("run") == before
    half = [f"{name}.parquet" for name in TABLES[:5]]
    for name in half:
        (Path("run/.sitting") / name).replace(Path("run") / name)
    assert Results.load("run").finished == 3
    seeds = counted(monkeypatch, lambda *_: None)
    resumed = run_scenario(load_scenario(scenario), paths=6, out=Path("run"), resume=True)
    assert seeds == [4, 5, 6]
    assert resumed.manifest["digest"] == whole.manifest["digest"]
    assert not Path("run/.sitting").exists()


KILLED = """
import os, signal, sys
import abm
from experiments.cli import main
from experiments.running import sittings

sittings.LEAST_SECONDS = 0.0
true = abm.simulate


def simulate(scenario, seed=1, progress=None):
    if seed == 5:
        os.kill(os.getpid(), signal.SIGKILL)
    return true(scenario, seed=seed, progress=progress)


abm.simulate = simulate
main(sys.argv[1:])
"""


def test_a_run_that_is_killed_keeps_the_paths_of_its_earlier_sittings(
    scenario: Path, monkeypatch: pytest.MonkeyPatch, counted: Any
) -> None:
    assert main([*RUN, "--out", "whole"]) == DONE
    command = [sys.executable, "-c", KILLED, *RUN, "--out", "run"]
    environment = os.environ | {"PYTHONPATH": str(Path(abm.__file__).parents[1])}
    killed = subprocess.run(command, check=False, capture_output=True, env=environment)
    assert killed.returncode == -signal.SIGKILL
    kept = Results.load("run")
    assert kept.manifest["status"] == "interrupted"
    assert 1 <= kept.finished <= 4
    seeds = counted(monkeypatch, lambda *_: None)
    assert main([*RUN, "--out", "run", "--resume"]) == DONE
    assert seeds == list(range(kept.finished + 1, 7))
    assert bytes_of("run") == bytes_of("whole")
    assert {one.name for one in Path("run").iterdir()} == {one.name for one in Path("whole").iterdir()}


def test_sittings_change_nothing_and_try_nothing_twice(
    scenario: Path, monkeypatch: pytest.MonkeyPatch, counted: Any
) -> None:
    """Nor a path that has failed, whose reason stays; a sitting ends when it has lasted as long as all before it."""
    seeds = counted(monkeypatch, lambda _, seed, __: ZeroDivisionError("seed 2") if seed == 2 else None)
    whole = run_scenario(load_scenario(scenario), paths=6, out=Path("whole"))
    seeds.clear()
    ended: list[int] = []
    true = Sittings.finish

    def finish(self: Sittings, status: str) -> None:
        ended.append(len(seeds))
        true(self, status)

    monkeypatch.setattr(Sittings, "finish", finish)
    monkeypatch.setattr("experiments.running.sittings.LEAST_SECONDS", 1.0)
    monkeypatch.setattr("experiments.running.sittings.monotonic", lambda: float(len(seeds)))  # a path takes a second
    run = run_scenario(load_scenario(scenario), paths=6, out=Path("run"))
    assert seeds == [1, 3, 4, 5, 6]
    assert ended == [1, 2, 4, 5]
    assert run.manifest["failed_paths"] == whole.manifest["failed_paths"]
    assert (run.manifest["status"], run.manifest["digest"]) == ("complete", whole.manifest["digest"])
    assert bytes_of("run") == bytes_of("whole")


def test_a_run_that_was_killed_before_its_first_end_is_told(scenario: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*RUN, "--out", "run"]) == DONE
    Path("run/manifest.json").unlink()
    capsys.readouterr()
    assert main([*RUN, "--out", "run", "--resume"]) == REFUSED
    assert "run holds what a run wrote before it was killed, which cannot be read; remove it, or" in (
        capsys.readouterr().err
    )


def test_resuming_where_nothing_is_begins(scenario: Path) -> None:
    assert main([*RUN, "--out", "run", "--resume"]) == DONE
    assert Results.load("run").finished == 6


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ([], "run holds a run; --resume goes on with it"),
        (["--resume", "--set", "time.steps=31"], "another scenario than small as it is now"),
        (["--resume", "--seed", "2"], "holds a run with --seed 1, not 2"),
        (["--resume", "--paths", "3"], "holds 6 paths, more than --paths 3"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_paths_that_do_not_belong_together_are_not_mixed(
    scenario: Path, capsys: pytest.CaptureFixture[str], changed: list[str], words: str
) -> None:
    assert main([*RUN, "--out", "run"]) == DONE
    before = bytes_of("run")
    capsys.readouterr()
    assert main([*RUN, "--out", "run", *changed]) == REFUSED
    said = capsys.readouterr().err
    assert words in said
    assert "--out" in said
    assert bytes_of("run") == before


def another_run(file: Path) -> None:
    main(["run", "small.toml", "--paths", "6", "--seed", "7", "--out", "another", "--no-figures"])
    file.write_bytes((Path("another") / file.name).read_bytes())


def changed(file: Path) -> None:
    rows = pd.read_parquet(file)
    rows.iloc[-1, rows.columns.get_loc("oracle_ETH")] *= 1.0 + 1e-15
    with pq.ParquetWriter(file, pq.read_schema(file)) as writer:
        for _, of_path in rows.groupby("path"):
            writer.write_table(pa.Table.from_pandas(of_path, schema=writer.schema, preserve_index=False))


def no_table(file: Path) -> None:
    pd.DataFrame({"price": [1.0]}).to_parquet(file)


def empty(file: Path) -> None:
    pq.read_table(file).slice(0, 0).to_pandas().to_parquet(file)


@pytest.mark.parametrize("spoil", [another_run, changed, no_table, empty])
def test_nothing_goes_on_from_tables_that_are_not_those_of_the_manifest(
    scenario: Path, capsys: pytest.CaptureFixture[str], spoil: Callable[[Path], None]
) -> None:
    """The next manifest would certify what is damaged, or of another run."""
    assert main([*RUN, "--out", "run"]) == DONE
    spoil(Path("run/steps.parquet"))
    before = bytes_of("run")
    capsys.readouterr()
    assert main(["run", "small.toml", "--paths", "7", "--no-figures", "--out", "run", "--resume"]) == REFUSED
    said = capsys.readouterr().err
    assert "run/steps.parquet is no table of a run" in said or "are not those that its manifest.json speaks of" in said
    assert said.endswith("give another directory with --out\n")
    assert bytes_of("run") == before
    assert not Path("run/.sitting").exists()


def test_paths_of_another_program_are_not_mixed(
    scenario: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert main([*RUN, "--out", "run"]) == DONE
    monkeypatch.setattr("experiments.running.resuming.program", lambda: b"another")
    assert main([*RUN, "--out", "run", "--resume"]) == REFUSED
    assert "another version of underwater" in capsys.readouterr().err


BONUS = ["--vary", "pools.0.liquidation.liquidation_bonus=0.05,0.1"]
COMMANDS = {
    "run": ["run", "small.toml", "--paths", "1"],
    "comparison": ["compare", "small.toml", "--designs", "aave_v3", "--paths", "1"],
    "experiment": ["sweep", "small.toml", "--paths", "1", *BONUS],
}


@pytest.mark.parametrize("held", COMMANDS)
@pytest.mark.parametrize("asked", COMMANDS)
def test_no_command_goes_on_with_results_of_another_kind(
    scenario: Path, capsys: pytest.CaptureFixture[str], files_below: Any, held: str, asked: str
) -> None:
    """One sentence that says what is there, and nothing of it is touched."""
    assert main([*COMMANDS[held], "--out", "out", "--no-figures"]) == DONE
    before = {name: (Path("out") / name).stat().st_mtime_ns for name in files_below(Path("out"))}
    capsys.readouterr()
    code = main([*COMMANDS[asked], "--out", "out", "--no-figures", "--resume"])
    said = capsys.readouterr().err
    if asked == held:
        assert code == DONE, said
        return
    assert code == REFUSED
    assert said.startswith(f"underwater: out holds {'an' if held == 'experiment' else 'a'} {held}, and ")
    assert len(said.splitlines()) == 1
    assert {name: (Path("out") / name).stat().st_mtime_ns for name in files_below(Path("out"))} == before


def test_a_sensitivity_analysis_does_not_go_on_with_a_sweep(scenario: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("SALib")
    assert main([*COMMANDS["experiment"], "--out", "out", "--no-figures"]) == DONE
    arguments = ["sensitivity", "small.toml", *BONUS, "--size", "2", "--paths", "1", "--out", "out", "--resume"]
    assert main(arguments) == REFUSED
    assert "out holds the experiment 'small-sweep', not 'small-morris'" in capsys.readouterr().err
