"""The dashboard without its page: knobs, a path under way, what the figures read of it, and the state of a page."""

import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from abm import Scenario, simulate
from experiments import load_scenario
from experiments.dashboard import exports, knobs
from experiments.dashboard.desk import ALONE, DIRECTORY, RIVAL, SCENARIO, SEED, Desk
from experiments.dashboard.lane import FIGURES, SUMMARY
from experiments.dashboard.live import LivePath, Stage
from experiments.dashboard.snapshot import TABLES, Snapshot
from experiments.report import write_report
from experiments.run import run_scenario
from experiments.shipped import shipped_scenarios
from experiments.stored.storage import Results


@pytest.fixture
def path() -> Iterator[LivePath]:
    live = LivePath(load_scenario("who-pays", {"time.steps": "60"}), 3)
    assert live.wait()
    yield live
    live.close()


@pytest.fixture
def desk() -> Iterator[Desk]:
    opened = Desk.opened("one-position")
    yield opened
    opened.close()


def settle(desk: Desk) -> None:
    """Wait until nothing runs, and draw."""
    for lane in desk.lanes:
        assert lane.live is None or lane.live.wait()
    desk.draw()


# Knobs.


@pytest.mark.parametrize("name", shipped_scenarios())
def test_knobs_that_stand_where_they_stood_leave_a_scenario_as_it_is(name: str) -> None:
    scenario = load_scenario(name)
    turned = knobs.turn(scenario, knobs.settings(scenario))
    assert turned.scenario == scenario
    assert not turned.wrong


def test_every_knob_changes_the_scenario() -> None:
    scenario = load_scenario("thin-market", {"time.steps": "540"})
    stands = knobs.settings(scenario)
    others = {
        "shock": "1.2", "depth": "0.5", "design": "morpho_blue", "bonus": "0.15", "capital": "0.1",
        "oracle": "delayed", "fund": "1000", "recognition": "deferred",
    }  # fmt: skip
    assert stands.keys() == others.keys() == {knob.key for knob in knobs.KNOBS}
    for key, text in others.items():
        turned = knobs.turn(scenario, stands | {key: text})
        assert not turned.wrong
        assert turned.scenario != scenario, key


def test_a_shock_takes_every_move_so_many_times_in_logarithms() -> None:
    scenario = load_scenario("one-position", {"assets.ETH.price.prices": "[2000.0, 1000.0, 2000.0]"})
    turned = knobs.turn(scenario, {"shock": "2"}).scenario
    assert turned.to_dict()["assets"]["ETH"]["price"]["prices"] == pytest.approx([2000.0, 500.0, 2000.0], rel=1e-12)


def test_a_shock_of_recorded_bars_keeps_their_first_price_and_squares_the_fall() -> None:
    scenario = load_scenario("black-thursday")
    file = Path(scenario.to_dict()["assets"]["ETH"]["price"]["file"])
    recorded = pd.read_csv(file)
    price = knobs.turn(scenario, {"shock": "2"}).scenario.to_dict()["assets"]["ETH"]["price"]
    first = recorded["open"].iloc[0]
    assert price["bar_seconds"] == 3600.0
    assert price["bars"][0][0] == pytest.approx(first)
    lows = [bar[2] for bar in price["bars"]]
    assert lows == pytest.approx((first * (recorded["low"] / first) ** 2).tolist(), rel=1e-12)


def test_depth_and_capital_scale_numbers_and_what_numbers_are_drawn_from() -> None:
    tree = knobs.turn(load_scenario("thin-market"), {"depth": "0.5", "capital": "3"}).scenario.to_dict()
    assert tree["markets"][0]["sources"][0]["value"] == 6e6
    assert tree["agents"]["market_makers"][0]["size_usd"] == 10_000.0
    assert tree["agents"]["liquidators"][0]["capital_usd"]["median"] == 1.2e6
    assert tree["agents"]["liquidators"][0]["capital_usd"]["sigma"] == 0.7
    assert tree["agents"]["liquidators"][2]["capital_usd"] == 3e6


def test_a_fund_that_was_not_there_is_a_layer_that_pays_last() -> None:
    scenario = load_scenario("black-thursday")
    assert knobs.settings(scenario)["fund"] == "0"
    layers = knobs.turn(scenario, {"fund": "5e6"}).scenario.to_dict()["pools"][0]["losses"]["layers"]
    assert [layer["kind"] for layer in layers] == ["reserve", "insurance_fund"]
    assert layers[-1]["capital"] == 5e6


@pytest.mark.parametrize(
    ("key", "text", "says"),
    [
        ("depth", "much", "'much' is no number; give one from 0.001 to 1000"),
        ("depth", "0", "0 is out of range; give a number from 0.001 to 1000"),
        ("bonus", "nan", "nan is out of range; give a number from 0 to 1"),
        ("fund", "inf", "inf is out of range; give a number of 0 or more"),
        ("recognition", "never", "'never' is none of immediate, deferred; choose one of them"),
    ],
)
def test_a_wrong_knob_says_what_would_do(key: str, text: str, says: str) -> None:
    assert knobs.turn(load_scenario("thin-market"), {key: text}).wrong == {key: says}


def test_a_knob_that_does_not_fit_the_rest_is_wrong_and_the_others_are_turned() -> None:
    turned = knobs.turn(load_scenario("soft-liquidation"), {"oracle": "twap", "capital": "2"})
    assert list(turned.wrong) == ["oracle"]
    assert "use an oracle that does not" in turned.wrong["oracle"]
    assert turned.scenario == knobs.turn(load_scenario("soft-liquidation"), {"capital": "2"}).scenario


# A path under way.


def test_a_path_pauses_before_its_first_block_and_steps_one_at_a_time(path: LivePath) -> None:
    assert (path.stage, path.blocks, path.snapshot) == (Stage.PAUSED, 0, None)
    for done in (1, 2):
        path.step()
        assert path.wait()
        assert path.blocks == done
        assert path.snapshot is not None
        assert path.snapshot.blocks == done


def test_a_path_in_steps_comes_to_what_simulate_comes_to(path: LivePath) -> None:
    path.step(17)
    assert path.wait()
    path.run()
    assert path.wait()
    assert path.stage is Stage.FINISHED
    expected = simulate(path.scenario, seed=3)
    assert path.run_left_behind is not None
    assert path.run_left_behind.summary == expected.summary
    for name, table in expected.tables.items():
        pd.testing.assert_frame_equal(path.run_left_behind.tables[name], table, check_exact=True)


def test_a_path_under_way_is_the_beginning_of_the_whole_one(path: LivePath) -> None:
    path.step(40)
    assert path.wait()
    under_way = path.snapshot
    path.run()
    assert path.wait()
    assert under_way is not None
    assert path.snapshot is not None
    cut = path.snapshot.until(40)
    assert under_way.blocks == cut.blocks == 40
    for name in set(TABLES) - {"write_offs"}:  # who paid for a bad debt may change after it
        columns = list(under_way.table(name).columns)
        pd.testing.assert_frame_equal(under_way.table(name), cut.table(name, columns=columns), check_exact=True)


def test_a_pause_in_the_middle_keeps_the_blocks_done(path: LivePath) -> None:
    path.run()
    path.pause()
    assert path.wait()
    assert path.stage in (Stage.PAUSED, Stage.FINISHED)
    assert path.snapshot is None or path.snapshot.blocks == path.blocks


def test_a_path_that_cannot_be_built_fails_with_the_sentence() -> None:
    tree = load_scenario("black-thursday").to_dict()
    tree["assets"]["ETH"]["price"]["file"] = "/nowhere/prices.csv"
    live = LivePath(Scenario.from_dict(tree), 1)
    assert live.wait()
    assert live.stage is Stage.FAILED
    assert "/nowhere/prices.csv" in live.error


@pytest.mark.parametrize("figure", FIGURES)
@pytest.mark.parametrize("blocks", [1, 30, 60])
def test_the_figures_draw_a_path_that_is_under_way(path: LivePath, figure: str, blocks: int) -> None:
    path.step(blocks)
    assert path.wait()
    assert path.snapshot is not None
    drawn = FIGURES[figure](path.snapshot)
    assert drawn.get_suptitle().startswith("who-pays: ")


# The state of a page.


def test_a_run_of_a_desk_shows_the_summary_of_simulate(desk: Desk) -> None:
    desk.change("bonus", "0.1")
    desk.run()
    settle(desk)
    (lane,) = desk.lanes
    expected = simulate(load_scenario("one-position", {"pools.0.liquidation.liquidation_bonus": "0.1"}), seed=1)
    assert lane.numbers[SUMMARY["borrower_loss_usd"]] == f"{expected.summary['borrower_loss_usd']:,.2f} USD"
    assert expected.summary["borrower_loss_usd"] > 0.0
    assert lane.picture.startswith(b"\x89PNG")


def test_two_designs_run_side_by_side_on_one_seed(desk: Desk) -> None:
    desk.change(RIVAL, "morpho_blue")
    desk.change(SEED, "7")
    desk.run()
    settle(desk)
    first, second = desk.lanes
    assert (first.title, second.title) == ("one-position, aave_v3", "one-position, morpho_blue")
    for lane in desk.lanes:
        assert lane.live is not None
        expected = simulate(lane.live.scenario, seed=7).summary
        assert lane.numbers[SUMMARY["liquidated_usd"]] == f"{expected['liquidated_usd']:,.2f} USD"


def test_a_wrong_field_stops_a_run_until_it_is_mended(desk: Desk) -> None:
    desk.change("bonus", "lots")
    desk.change(SEED, "-1")
    assert desk.wrong == {
        "bonus": "'lots' is no number; give one from 0 to 1",
        SEED: "'-1' is no seed; give a whole number from 0 to 4611686018427387904",
    }
    desk.change(SEED, "9" * 40)
    assert SEED in desk.wrong
    desk.run()
    assert not desk.lanes
    desk.change("bonus", "0.05")
    desk.change(SEED, "1")
    assert not desk.wrong
    desk.run()
    assert len(desk.lanes) == 1


def test_a_design_brings_its_own_bonus_or_takes_the_knob_away(desk: Desk) -> None:
    assert desk.texts["bonus"] == "0.05"
    desk.change("bonus", "0.3")
    desk.change("design", "morpho_blue")
    assert "bonus" not in desk.texts
    desk.change("design", "fixed_spread")
    assert not desk.wrong
    tree = desk._turned().scenario.to_dict()["pools"][0]["liquidation"]
    assert desk.texts["bonus"] == f"{tree['liquidation_bonus']:.15g}"


def test_a_knob_turned_under_way_counts_from_the_next_reset_on(desk: Desk) -> None:
    desk.step()
    settle(desk)
    desk.change("bonus", "0.2")
    assert desk.stale
    desk.step()
    settle(desk)
    assert desk.lanes[0].live is not None
    assert desk.lanes[0].live.blocks == 2
    desk.reset()
    assert not desk.stale
    assert desk.lanes[0].live.scenario.to_dict()["pools"][0]["liquidation"]["liquidation_bonus"] == 0.2


def test_a_picture_is_drawn_once_and_again_when_another_is_wanted(desk: Desk) -> None:
    desk.run()
    settle(desk)
    assert not desk.draw()
    picture = desk.lanes[0].picture
    desk.show("waterfall")
    assert desk.draw()
    assert desk.lanes[0].picture != picture
    assert not desk.draw()


def test_a_stored_run_is_looked_at_block_by_block_and_run_again(tmp_path: Path) -> None:
    stored = run_scenario(load_scenario("one-position"), seed=4, out=tmp_path / "run")
    desk = Desk.opened(tmp_path / "run")
    assert not desk.wrong
    assert (desk.texts[SEED], desk.blocks) == ("4", 3)
    report = desk.lanes[0].report
    assert report is not None
    assert report().decode() == (write_report(tmp_path / "run")).read_text()
    desk.draw()
    at_the_end = desk.lanes[0].numbers
    assert at_the_end[SUMMARY["borrower_loss_usd"]] == f"{stored.summary['borrower_loss_usd']:,.2f} USD"
    assert at_the_end[SUMMARY["liquidated_usd"]] == f"{stored.summary['liquidated_usd']:,.2f} USD"
    desk.look_at(1)
    assert desk.draw()
    assert desk.lanes[0].numbers[SUMMARY["liquidated_usd"]] == "0.00 USD"
    desk.look_at(3)
    desk.draw()
    assert desk.lanes[0].numbers == at_the_end
    desk.run()
    settle(desk)
    assert desk.lanes[0].live is not None
    assert desk.lanes[0].numbers[SUMMARY["liquidated_usd"]] == at_the_end[SUMMARY["liquidated_usd"]]
    desk.close()


def test_what_cannot_be_opened_says_so_and_leaves_the_desk_as_it_was(desk: Desk, tmp_path: Path) -> None:
    desk.open(tmp_path)
    assert "holds no finished results" in desk.wrong[DIRECTORY]
    desk.choose("one-possition")
    assert "did you mean 'one-position'?" in desk.wrong[SCENARIO]
    assert desk.name == "one-position"
    assert not desk.blocked
    desk.run()
    assert len(desk.lanes) == 1
    desk.choose("calm")
    assert not desk.wrong
    assert desk.texts[RIVAL] == ALONE


def test_the_exported_scenario_runs_to_the_same_summary(desk: Desk, tmp_path: Path) -> None:
    desk.change("bonus", "0.1")
    file = tmp_path / "taken.toml"
    file.write_bytes(desk.toml())
    assert tomllib.loads(file.read_text())["pools"][0]["liquidation"]["liquidation_bonus"] == 0.1
    desk.run()
    settle(desk)
    assert desk.lanes[0].live is not None
    assert desk.lanes[0].live.run_left_behind is not None
    assert simulate(Scenario.load(file), seed=1).summary == desk.lanes[0].live.run_left_behind.summary


def test_the_exported_report_is_a_page_of_its_own() -> None:
    page = exports.report_of(simulate(load_scenario("one-position"), seed=1)).decode()
    assert page.lower().startswith("<!doctype html>")
    assert "one-position" in page


def test_a_snapshot_reads_as_stored_results_do(tmp_path: Path) -> None:
    scenario = load_scenario("one-position")
    stored = run_scenario(scenario, seed=1, out=tmp_path / "run")
    of_run, of_results = (
        Snapshot.of_run(simulate(scenario, seed=1)),
        Snapshot.of_results(Results.load(tmp_path / "run")),
    )
    assert of_run.finished == of_results.finished == stored.finished == 1
    for name in TABLES:
        pd.testing.assert_frame_equal(of_run.table(name), of_results.table(name), check_exact=True)
    assert not of_run.has("trades")


@pytest.mark.parametrize("act", ["wait", "run"])
def test_a_path_that_pauses_or_runs_ends_with_the_program(act: str) -> None:
    """Not killed, which compiled code answers with an abort, and not waited for to its last block."""
    program = f"""
from experiments import load_scenario
from experiments.dashboard.live import LivePath
path = LivePath(load_scenario("calm", {{"time.steps": "500000"}}), 1)
path.{act}()
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60, cwd=Path(__file__).parents[1])
