"""A directory of results has one writer at a time, whoever comes second hears so, and nothing is left of who is not."""

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from experiments import load_scenario, run_scenario
from experiments.cli import DONE, REFUSED, main
from experiments.running.directories import EXPERIMENT, RUN, check_directory, claimed
from experiments.stored.storage import Results, ResultsExistError, ResultsUnwritableError

BONUS = ["--vary", "pools.0.liquidation.liquidation_bonus=0.05,0.1"]
COMMANDS = {
    "run": ["run", "small.toml"],
    "compare": ["compare", "small.toml", "--designs", "aave_v3", "--paths", "1"],
    "sweep": ["sweep", "small.toml", "--paths", "1", *BONUS],
}


@pytest.fixture(autouse=True)
def scenario(small_file: Any) -> Path:
    """A scenario file in a working directory of its own."""
    file: Path = small_file()
    return file


@pytest.mark.parametrize("resume", [[], ["--resume"]], ids=["anew", "resumed"])
@pytest.mark.parametrize("command", COMMANDS)
def test_a_second_writer_is_refused_and_touches_nothing(
    command: str, resume: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Two runs at once would write one table over the other's, and both would say that all went well."""
    with claimed(Path("out"), RUN, resume=False):
        assert main([*COMMANDS[command], "--out", "out", "--no-figures", *resume]) == REFUSED
        said = capsys.readouterr().err
        assert said == (
            "underwater: another process is writing to out; wait until it ends, or give another directory with --out\n"
        )
        assert list(Path("out").iterdir()) == []
    assert main([*COMMANDS[command], "--out", "out", "--no-figures"]) == DONE


def test_what_came_in_the_meantime_is_not_written_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever claims a directory that was vacant a moment ago looks once more."""

    def meanwhile(*_: Any) -> None:
        patch.undo()
        run_scenario(load_scenario("small.toml"), out=Path("out"))

    with monkeypatch.context() as patch:
        patch.setattr("experiments.running.directories.check_directory", meanwhile)
        with pytest.raises(ResultsExistError, match="out holds a run"), claimed(Path("out"), RUN, resume=False):
            pytest.fail("it is taken")
    assert Results.load("out").finished == 1


def test_a_claim_leaves_no_trace_where_nothing_came() -> None:
    with claimed(Path("new/deep/out"), EXPERIMENT, resume=False):
        assert Path("new/deep/out").is_dir()
    assert not Path("new").exists()


def test_runs_with_places_side_by_side_do_not_take_them_from_one_another() -> None:
    """Each looks whether it can write below a folder that none of them has made yet."""
    wrong: list[Exception] = []

    def look(number: int) -> None:
        try:
            for _ in range(200):
                check_directory(Path(f"results/run-{number}"), RUN, resume=False)
        except Exception as error:
            wrong.append(error)

    threads = [threading.Thread(target=look, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_name_that_tables_cannot_be_written_under_is_refused() -> None:
    """Such as one in another encoding than that of this system."""
    with pytest.raises(ResultsUnwritableError, match="give another directory with --out"):
        check_directory(Path("caf\udce9"), RUN, resume=False)
    assert not Path("caf\udce9").exists()


@pytest.mark.parametrize("command", COMMANDS)
def test_what_is_stored_goes_on_where_it_stands(command: str, small_file: Any) -> None:
    """Its scenario reads the copies of the files that are beside it, which then are not copied onto themselves."""
    Path("eth.csv").write_text("t,close\n" + "\n".join(f"{60 * k},{1500 - 20 * k}" for k in range(30)))
    small_file(assets__ETH__price={"kind": "file", "file": "eth.csv", "time": "t", "price": "close"})
    assert main([*COMMANDS[command], "--out", "out", "--no-figures"]) == DONE
    stored = ["experiment", "out/experiment.toml"] if command == "sweep" else COMMANDS[command]
    again = [word.replace("small.toml", "out/scenario.toml") for word in stored]
    before = Path("out/inputs/eth.csv").read_bytes()
    assert main([*again, "--paths", "2", "--out", "out", "--no-figures", "--resume"]) == DONE
    assert Path("out/inputs/eth.csv").read_bytes() == before


@pytest.mark.parametrize("command", COMMANDS)
def test_a_scenario_that_is_not_whole_is_told(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    """An empty file, as a machine leaves it that loses power, is valid TOML."""
    assert main([*COMMANDS[command], "--out", "out", "--no-figures"]) == DONE
    Path("out/scenario.toml").write_text("")
    capsys.readouterr()
    assert main(["report", "out"]) == REFUSED
    assert "in out cannot be read (scenario.toml is not whole); run " in capsys.readouterr().err


@pytest.mark.parametrize("command", ["compare", "sweep"])
@pytest.mark.parametrize("manifest", [None, "", '{"kind": "comp'])
def test_what_was_killed_before_its_end_is_told_from_what_is_no_result(
    command: str, manifest: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*COMMANDS[command], "--out", "out", "--no-figures"]) == DONE
    whole = Path("out/manifest.json").read_text()
    if manifest is None:
        Path("out/manifest.json").unlink()
    else:
        Path("out/manifest.json").write_text(manifest)
    capsys.readouterr()
    assert main(["report", "out"]) == REFUSED
    assert "the same command with --resume goes on with it" in capsys.readouterr().err
    assert main([*COMMANDS[command], "--out", "out", "--no-figures", "--resume"]) == DONE
    assert json.loads(Path("out/manifest.json").read_text())["digest"] == json.loads(whole)["digest"]


def test_courses_that_were_cut_short_do_not_cost_the_comparison() -> None:
    """They are the last table before the manifest: a disk that fills up is full by then."""
    assert main([*COMMANDS["compare"], "--out", "out", "--no-figures"]) == DONE
    courses = Path("out/timelines.parquet")
    whole = courses.read_bytes()
    courses.write_bytes(whole[: len(whole) // 2])
    Path("out/manifest.json").unlink()
    assert main([*COMMANDS["compare"], "--out", "out", "--no-figures", "--resume"]) == DONE
    assert courses.read_bytes() == whole


@pytest.mark.parametrize("damage", [lambda _: b"", lambda held: held[: len(held) // 2], lambda _: b"garbage"])
def test_cells_that_are_damaged_are_named_and_can_be_removed(
    damage: Callable[[bytes], bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*COMMANDS["sweep"], "--out", "out", "--no-figures"]) == DONE
    cells = Path("out/cells.parquet")
    whole = cells.read_bytes()
    cells.write_bytes(damage(whole))
    capsys.readouterr()
    assert main([*COMMANDS["sweep"], "--out", "out", "--no-figures", "--resume"]) == REFUSED
    said = capsys.readouterr().err
    assert "out/cells.parquet cannot be read (" in said
    assert said.endswith("; remove it, and --resume computes again what was in it\n")
    cells.unlink()
    assert main([*COMMANDS["sweep"], "--out", "out", "--no-figures", "--resume"]) == DONE
    assert cells.read_bytes() == whole
