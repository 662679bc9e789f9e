"""Results on disk: what is written, what is refused, what comes back, and the digest that proves runs equal."""

import errno
import gc
import json
import math
import os
import tempfile
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from experiments.numbers import aligned, count, duration, percent, usd
from experiments.stored.aggregate import aggregate
from experiments.stored.outcomes import PathOutcome
from experiments.stored.storage import (
    Results,
    ResultsExistError,
    ResultsUnreadableError,
    ResultsUnwritableError,
    ResultsWriter,
    check_vacant,
    default_directory,
)
from experiments.stored.summary import describe
from experiments.stored.tables import TABLES, digest, schema_of


@dataclass
class FakeScenario:
    """As much of a scenario as storage looks at."""

    name: str = "fake"
    content: dict[str, Any] = field(
        default_factory=lambda: {"name": "fake", "time": {"steps": 2, "step_seconds": 60.0}}
    )
    files: Mapping[str, Path] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        return self.content

    def input_files(self) -> Mapping[str, Path]:
        return self.files


def outcome(path: int, liquidations: int = 0, **summary: float) -> PathOutcome:
    """One path of two blocks with that many liquidations."""
    steps = pd.DataFrame({"path": path, "step": [0, 1], "oracle_ETH": [2000.0, 1900.0 + path], "waiting": [0, 1]})
    events = pd.DataFrame(
        {
            "path": np.full(liquidations, path),
            "step": np.ones(liquidations, dtype=np.int64),
            "pool": pd.Series(["core"] * liquidations, dtype=object),
            "account": np.arange(liquidations),
            "repaid": np.full(liquidations, 10.0),
        }
    )
    write_offs = pd.DataFrame([], columns=["path", "step", "layer", "paid"])
    depth = pd.DataFrame({"path": [path], "step": [0], "side": ["bid"], "base_units": [math.inf]})
    trades = pd.DataFrame({"path": [path], "step": [0], "taker": ["liquidators"], "trades": [3], "usd": [1.5]})
    tables = {name: pd.DataFrame({"path": [path]}) for name in TABLES}
    tables |= {"steps": steps, "liquidations": events, "write_offs": write_offs, "depth": depth, "trades": trades}
    return PathOutcome(path, 7 + path, tables=tables, summary={"bad_debt_usd": 1.0 * path, **summary})


def stored(directory: Path, *outcomes: PathOutcome, scenario: FakeScenario | None = None) -> Results:
    with ResultsWriter(directory, scenario or FakeScenario(), seed=7, paths=len(outcomes), jobs=1) as writer:
        for one in outcomes:
            writer.add(one)
        writer.finish("complete", wall_seconds=1.5)
    return Results.load(directory)


def test_a_directory_that_is_not_empty_is_refused_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "kept.txt").write_text("precious")
    with pytest.raises(ResultsExistError, match="is not empty; give another directory with --out"):
        check_vacant(tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["kept.txt"]


@pytest.mark.parametrize("below", ["", "deeper/and/deeper"])
def test_a_file_in_the_way_is_refused(tmp_path: Path, below: str) -> None:
    (tmp_path / "file").write_text("precious")
    with pytest.raises(ResultsUnwritableError, match="--out"):
        check_vacant(tmp_path / "file" / below)
    assert (tmp_path / "file").read_text() == "precious"


def test_a_read_only_place_is_refused_and_left_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def read_only(**_: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(tempfile, "TemporaryFile", read_only)
    with pytest.raises(ResultsUnwritableError, match="Read-only file system"):
        check_vacant(tmp_path / "new" / "run")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("where", ["new", "new/and/deep", "empty"])
def test_a_vacant_directory_is_accepted_and_left_as_it_was(tmp_path: Path, where: str) -> None:
    (tmp_path / "empty").mkdir()
    check_vacant(tmp_path / where)
    assert [file.name for file in tmp_path.rglob("*")] == ["empty"]


def test_the_tables_can_be_read_once_there_is_a_manifest(tmp_path: Path) -> None:
    """Whoever is killed right after the manifest leaves results that hold together."""
    with ResultsWriter(tmp_path / "run", FakeScenario(), seed=1, paths=1) as writer:
        writer.add(outcome(0, liquidations=3))
        writer.finish("complete", wall_seconds=0.0)
        assert len(Results.load(tmp_path / "run").liquidations) == 3


def test_a_full_disk_is_told_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every table is tried, and none of them tries again, and complains, when nobody listens any more."""
    closed: list[object] = []

    def full(writer: Any) -> None:
        closed.append(writer)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    writer = ResultsWriter(tmp_path / "run", FakeScenario(), seed=1, paths=1)
    writer.add(outcome(0, 1))
    with monkeypatch.context() as disk:
        disk.setattr(pq.ParquetWriter, "close", full)
        with pytest.raises(OSError, match="No space left"):
            writer.finish("complete", 1.0)
        assert len(closed) == len(TABLES)
        del writer
        closed.clear()
        gc.collect()
        assert closed == []


def test_nothing_is_written_before_the_first_outcome(tmp_path: Path) -> None:
    with ResultsWriter(tmp_path / "run", FakeScenario(), seed=7, paths=1) as writer:
        assert not writer.holds_results
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("name", ["steps", "liquidations"])
@pytest.mark.parametrize("damage", [lambda held: b"PAR1" + held[8:40], lambda held: held[: len(held) // 2]])
def test_a_damaged_table_is_refused_by_name(tmp_path: Path, name: str, damage: Callable[[bytes], bytes]) -> None:
    results = stored(tmp_path / "run", outcome(0, liquidations=2))
    file = results.directory / f"{name}.parquet"
    file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(ResultsUnreadableError, match=f"{name}.parquet cannot be read .* run it again"):
        Results.load(results.directory).table(name)
    with pytest.raises(ResultsUnreadableError, match=f"{name}.parquet cannot be read"):
        list(results.each_path(name, ["path"]))


def test_loading_refuses_what_is_not_there_not_finished_or_not_readable(tmp_path: Path) -> None:
    with pytest.raises(ResultsUnreadableError, match="no directory"):
        Results.load(tmp_path / "nowhere")
    with pytest.raises(ResultsUnreadableError, match=r"no manifest\.json"):
        Results.load(tmp_path)
    directory = stored(tmp_path / "run", outcome(0)).directory
    (directory / "summary.json").write_text("{")
    with pytest.raises(ResultsUnreadableError, match="cannot be read"):
        Results.load(directory)
    (directory / "summary.json").unlink()
    with pytest.raises(ResultsUnreadableError, match="cannot be read"):
        Results.load(directory)


def test_tables_come_back_as_they_were(tmp_path: Path) -> None:
    outcomes = [outcome(0), outcome(1, liquidations=3), outcome(2, liquidations=1)]
    results = stored(tmp_path / "run", *outcomes)
    for name in ("steps", "liquidations", "depth", "trades"):
        expected = pd.concat([one.tables[name] for one in outcomes], ignore_index=True)
        pd.testing.assert_frame_equal(results.table(name), expected, check_dtype=False)
    assert results.write_offs.empty
    assert list(results.write_offs.columns) == ["path", "step", "layer", "paid"]


def test_one_path_and_some_columns_can_be_read_alone(tmp_path: Path) -> None:
    results = stored(tmp_path / "run", *[outcome(path) for path in range(4)])
    alone = results.table("steps", path=2, columns=["path", "oracle_ETH"])
    assert alone.to_dict("list") == {"path": [2, 2], "oracle_ETH": [2000.0, 1902.0]}
    paths = [frame["path"].iloc[0] for frame in results.each_path("steps", ["path"])]
    assert paths == [0, 1, 2, 3]


def test_each_path_is_one_row_group_so_that_memory_stays_bounded(tmp_path: Path) -> None:
    results = stored(tmp_path / "run", *[outcome(path, liquidations=path % 2) for path in range(4)])
    assert pq.ParquetFile(results.directory / "steps.parquet").num_row_groups == 4
    assert pq.ParquetFile(results.directory / "liquidations.parquet").num_row_groups == 2


def test_types_do_not_depend_on_whether_the_first_path_had_rows() -> None:
    empty = pd.DataFrame([], columns=["path", "step", "pool", "account", "repaid"])
    assert schema_of(empty) == schema_of(outcome(0, liquidations=2).tables["liquidations"])


def test_a_path_that_crashed_is_a_row_that_says_so(tmp_path: Path) -> None:
    failed = PathOutcome(1, 8, error="KeyError: 'ETH'", trace="Traceback …")
    results = stored(tmp_path / "run", outcome(0), failed, outcome(2))
    assert list(results.paths["path"]) == [0, 1, 2]
    assert list(results.paths["seed"]) == [7, 8, 9]
    assert list(results.paths["status"]) == ["finished", "failed", "finished"]
    assert results.paths["error"][1] == "KeyError: 'ETH'"
    assert math.isnan(results.paths["bad_debt_usd"][1])
    assert results.manifest["failed_paths"] == [
        {"path": 1, "seed": 8, "error": "KeyError: 'ETH'", "trace": "Traceback …"}
    ]
    assert results.finished == 2
    assert results.summary["bad_debt_usd"] == 1.0


def test_a_run_whose_every_path_crashed_still_has_its_rows(tmp_path: Path) -> None:
    results = stored(tmp_path / "run", PathOutcome(0, 7, error="KeyError"), PathOutcome(1, 8, error="KeyError"))
    assert list(results.paths["status"]) == ["failed", "failed"]
    assert results.summary == {"paths": 0}
    assert "No path finished" in describe(results)
    with pytest.raises(ResultsUnreadableError, match="none of its paths finished"):
        results.table("steps")


def test_numbers_that_are_not_finite_are_null_in_json(tmp_path: Path) -> None:
    results = stored(tmp_path / "run", outcome(0, amplification=math.inf))
    text = (results.directory / "summary.json").read_text()
    assert json.loads(text, parse_constant=pytest.fail)["amplification"] is None


def test_the_manifest_tells_how_the_results_came_about(tmp_path: Path) -> None:
    manifest = stored(tmp_path / "run", outcome(0), outcome(1)).manifest
    assert {key: manifest[key] for key in ("scenario", "seed", "paths_requested", "paths_finished", "status")} == {
        "scenario": "fake",
        "seed": 7,
        "paths_requested": 2,
        "paths_finished": 2,
        "status": "complete",
    }
    assert manifest["packages"]["numpy"] == np.__version__
    assert manifest["wall_seconds"] == 1.5


def test_input_files_are_copied_and_the_scenario_points_at_the_copies(tmp_path: Path) -> None:
    sources = [tmp_path / folder / "eth.csv" for folder in ("a", "b")]
    for source in sources:
        source.parent.mkdir()
        source.write_text(f"prices of {source.parent.name}")
    content: dict[str, Any] = {
        "time": {"steps": 2, "step_seconds": 60.0},
        "assets": {"wst.ETH": {"file": "x"}, "BTC": {"file": "x"}},
        "agents": [{"file": "x"}],
    }
    files = {"assets.wst.ETH.file": sources[0], "assets.BTC.file": sources[1], "agents.0.file": sources[0]}
    results = stored(tmp_path / "run", outcome(0), scenario=FakeScenario(content=content, files=files))
    scenario = tomllib.loads((results.directory / "scenario.toml").read_text())
    assert scenario["assets"] == {"wst.ETH": {"file": "inputs/eth.csv"}, "BTC": {"file": "inputs/eth-2.csv"}}
    assert scenario["agents"] == [{"file": "inputs/eth.csv"}]
    assert (results.directory / "inputs" / "eth-2.csv").read_text() == "prices of b"
    assert len(list((results.directory / "inputs").iterdir())) == 2


def test_results_go_below_results_by_default() -> None:
    assert default_directory("black-thursday", 3) == Path("results/black-thursday-3")


def test_the_manifests_digest_is_that_of_the_stored_tables(tmp_path: Path) -> None:
    results = stored(tmp_path / "run", outcome(0), outcome(1, liquidations=3))
    assert results.manifest["digest"] == digest({name: results.table(name) for name in TABLES})


def test_the_digest_does_not_see_when_or_how_a_run_was_made(tmp_path: Path) -> None:
    first = stored(tmp_path / "first", outcome(0), outcome(1))
    with ResultsWriter(tmp_path / "second", FakeScenario(), seed=7, paths=2, jobs=8) as writer:
        writer.add(outcome(0))
        writer.add(outcome(1))
        writer.finish("interrupted", wall_seconds=99.0)
    assert first.manifest["digest"] == Results.load(tmp_path / "second").manifest["digest"]


@pytest.mark.parametrize(
    "changed",
    [
        pd.DataFrame({"step": [0, 1], "price": [1.0, math.nextafter(2.0, 3.0)]}),
        pd.DataFrame({"step": [1, 0], "price": [1.0, 2.0]}),
        pd.DataFrame({"step": [0, 1], "cost": [1.0, 2.0]}),
        pd.DataFrame({"step": [0, 1], "price": [1, 2]}),
        pd.DataFrame({"step": [0, 1, 2], "price": [1.0, 2.0, 3.0]}),
        pd.DataFrame({"step": [0, 1]}),
    ],
    ids=["an ulp", "order", "name", "type", "rows", "column"],
)
def test_the_digest_sees_every_change(changed: pd.DataFrame) -> None:
    frame = pd.DataFrame({"step": [0, 1], "price": [1.0, 2.0]})
    assert digest({"steps": changed}) != digest({"steps": frame})
    assert digest({"depth": frame}) != digest({"steps": frame})


def test_the_digest_tells_where_one_text_ends_and_the_next_begins() -> None:
    first, second = (pd.DataFrame({"pool": pool}) for pool in (["ab", "c"], ["a", "bc"]))
    assert digest({"steps": first}) != digest({"steps": second})


def paths_of(**metrics: list[float]) -> pd.DataFrame:
    length = len(next(iter(metrics.values())))
    frame = {"path": range(length), "seed": range(length), "status": "finished", "error": None, **metrics}
    return pd.DataFrame(frame)


def test_the_tail_of_one_to_a_hundred() -> None:
    summary = aggregate(paths_of(bad_debt_usd=[float(k) for k in range(1, 101)]))
    assert summary["bad_debt_usd"] == 50.5
    assert summary["bad_debt_usd_p95"] == pytest.approx(95.05, rel=1e-15)
    assert summary["bad_debt_usd_es95"] == 98.0


@given(st.lists(st.integers(min_value=0, max_value=10**6), min_size=2, max_size=40))
def test_mean_and_standard_error_are_the_textbooks(values: list[int]) -> None:
    summary = aggregate(paths_of(liquidated_usd=[float(value) for value in values]))
    n = len(values)
    mean = Fraction(sum(values), n)
    variance = sum((value - mean) ** 2 for value in values) / (n - 1)
    assert summary["liquidated_usd"] == pytest.approx(float(mean), rel=1e-12)
    assert summary["liquidated_usd_se"] == pytest.approx(math.sqrt(variance / n), rel=1e-9, abs=1e-9)


@given(st.lists(st.floats(min_value=0.0, max_value=1e12), min_size=1, max_size=40))
def test_the_tail_lies_between_the_quantile_and_the_worst_path(values: list[float]) -> None:
    summary = aggregate(paths_of(bad_debt_usd=values))
    quantile, tail = summary["bad_debt_usd_p95"], summary["bad_debt_usd_es95"]
    assert quantile == pytest.approx(float(np.quantile(values, 0.95)), rel=1e-15)
    assert quantile * (1 - 1e-12) <= tail <= max(values) * (1 + 1e-12)


def test_one_path_is_its_own_mean_and_its_own_tail() -> None:
    summary = aggregate(paths_of(bad_debt_usd=[3.0]))
    assert summary == {"paths": 1, "bad_debt_usd": 3.0, "bad_debt_usd_p95": 3.0, "bad_debt_usd_es95": 3.0}


def test_a_metric_that_some_paths_do_not_define_says_how_many_do() -> None:
    summary = aggregate(paths_of(amplification=[1.0, math.inf, 3.0, math.nan]))
    assert (summary["amplification"], summary["amplification_defined"]) == (2.0, 2)


def test_a_calm_run_says_so_in_a_sentence(tmp_path: Path) -> None:
    text = describe(stored(tmp_path / "run", outcome(0)))
    assert "No position was liquidated." in text
    assert "Who paid" not in text


def test_who_paid_is_shown_with_shares_that_add_up(tmp_path: Path) -> None:
    one = outcome(1, reserve_paid_usd=0.25, insurer_paid_usd=0.0, depositor_loss_usd=0.5, uncovered_usd=0.25)
    text = describe(stored(tmp_path / "run", one))
    assert "25.00 %" in text
    assert "50.00 %" in text
    assert "Depositors" in text


def test_several_paths_get_columns_for_the_spread_and_the_tail(tmp_path: Path) -> None:
    text = describe(stored(tmp_path / "run", outcome(0), outcome(1)))
    assert "2 paths, seeds 7 to 8" in text
    heading = next(line for line in text.splitlines() if line.startswith("What happened"))
    assert heading.split("  ")[-1].strip() == "mean of worst 5 %"


def test_columns_are_aligned_and_empty_ones_left_out() -> None:
    assert aligned([["a", "mean", "1"], ["bcd", "", "10"]]) == "a     1\nbcd  10"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (usd(1_234_567.8), "1,234,568 USD"),
        (usd(12.345), "12.35 USD"),
        (usd(math.nan), "undefined"),
        (percent(0.4321), "43.21 %"),
        (percent(1e-6), "under 0.01 %"),
        (count(1234.0), "1,234"),
        (count(2.5), "2.5"),
        (duration(90.0), "90 s"),
        (duration(129_600.0), "36 hours"),
        (duration(600.0), "10 minutes"),
        (duration(864_000.0), "10 days"),
    ],
)
def test_numbers_are_written_with_separators_and_units(text: str, expected: str) -> None:
    assert text == expected


def test_every_table_of_a_run_is_stored(play: Callable[..., Any]) -> None:
    assert set(play().tables) == set(TABLES), "a new table is named in TABLES, or it would be left behind"
