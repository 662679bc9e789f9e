"""The shipped experiments: each can be asked as it stands, and a tiny version of it ends in a table and a figure."""

from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

from abm import ScenarioError
from experiments.asking.answer_text import describe
from experiments.asking.answers import Answer
from experiments.asking.firsts import read_first
from experiments.asking.inquiry import Inquiry
from experiments.asking.question import Experiment, shipped_experiments
from experiments.experiment import ask
from experiments.figures import style
from experiments.figures.answer import draw
from experiments.figures.frontier import on_front
from experiments.figures.spread import moments
from experiments.stored.storage import ResultsUnreadableError

mpl.use("Agg")

WHO_PAYS = (
    "bank-run",
    "black-thursday-auctions",
    "collateral-factor",
    "contagion",
    "insurance-size",
    "socialise-or-insure",
)
SHORT = {
    "bank-run": 48,
    "black-thursday-auctions": 60,
    "collateral-factor": 12,
    "contagion": 40,
    "insurance-size": 12,
    "socialise-or-insure": 60,
}
"""Blocks of the tiny versions: those of the two that are about one moment last until it has come."""


def tiny(name: str) -> Experiment:
    """A shipped experiment with two values of each factor, over a few blocks; of its baseline where it has one."""
    asked = Experiment.load(name).to_dict()
    for factor in asked["factors"]:
        if "levels" in factor:
            factor["levels"] = dict(list(factor["levels"].items())[:2])
        else:
            factor["values"] = factor["values"][-2:]
    return Experiment.from_dict(asked | {"set": asked["set"] | {"time.steps": SHORT[name]}, "paths": 2})


def told(answer: Answer) -> list[str]:
    """Everything that is written in the figure of an answer."""
    drawn = draw(answer)
    panels = [axes for part in (drawn, *drawn.subfigs) for axes in part.axes]
    return [text.get_text() for axes in panels for text in (*axes.texts, axes.title, *axes.get_yticklabels())]


@pytest.mark.parametrize("name", shipped_experiments())
def test_a_shipped_experiment_opens_with_question_design_and_reading_and_can_be_asked(name: str) -> None:
    one = Experiment.load(name)
    found = Inquiry.of(one)
    assert one.question.endswith("?")
    assert one.setup
    assert one.reading
    assert one.figure is not None
    assert len({scenario.model_dump_json() for scenario in found.scenarios}) == len(found.points) >= 3


@pytest.mark.parametrize("name", [*WHO_PAYS])
def test_a_tiny_version_ends_in_one_table_and_one_figure(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(style, "DPI", 40)
    answer = ask(Inquiry.of(tiny(name)), out=tmp_path / "out")
    assert answer.manifest["failed_runs"] == 0
    text = describe(answer)
    assert answer.experiment.question in text
    for factor in answer.experiment.factors:
        for value in factor.listed():
            assert factor.written(value) in text
    assert style.title_of(draw(answer)) == answer.experiment.question


def test_the_parts_of_a_stack_add_up_to_the_bad_debt(tmp_path: Path) -> None:
    asked = Experiment.load("socialise-or-insure").to_dict()
    # Long enough for the insurer to have paid and for the slow to have left, most of them.
    answer = ask(
        Inquiry.of(Experiment.from_dict(asked | {"set": {"time.steps": 400}, "paths": 1})), out=tmp_path / "out"
    )
    runs = answer.runs
    assert answer.experiment.figure is not None
    parts = runs[answer.experiment.figure.metrics].sum(axis=1)
    assert (runs["bad_debt_usd"] > 1e5).all()
    assert len(runs) == 10
    np.testing.assert_allclose(parts, runs["bad_debt_usd"], rtol=1e-9)
    # By exit order: a deferred loss is for those who stay alone; written off, it is for all who are still there.
    lost = runs.set_index(["recognition", "cover"])
    quick, slow, locked = (f"depositors_{k}_lost_share" for k in range(3))
    deferred, at_once = lost.loc[("deferred", "no cover")], lost.loc[("at once", "no cover")]
    assert deferred[quick] == 0.0 < deferred[locked]
    assert at_once[quick] < at_once[slow] <= at_once[locked] < deferred[locked]
    # Written off at once, a stake that waits to pay is cut as a claim too; deferred, nothing is cut before it has paid.
    stakers = lost["other_suppliers_lost_usd"]
    assert stakers[("at once", "staked claims")] > 1e3 * stakers[("deferred", "staked claims")] > 0.0
    assert (stakers.drop(index="staked claims", level="cover") == 0.0).all()
    # A charge on leaving has the slow pay their part of a loss that is deferred.
    assert lost.loc[("deferred", "a charge on leaving"), "depositors_1_lost_usd"] > 0.0
    assert "the locked" in draw(answer).axes[0].get_legend_handles_labels()[1]


def test_a_run_starts_later_with_patience_and_with_noise_unless_everybody_believes_his_own_eyes(tmp_path: Path) -> None:
    asked = Experiment.load("bank-run").to_dict()
    asked["factors"][0]["values"] = [3e5, 8e5]
    short = {"paths": 1, "set": asked["set"] | {"time.steps": 120}}
    left = ask(Inquiry.of(Experiment.from_dict(asked | short)), out=tmp_path / "out").runs.pivot(
        index="they", columns="hole", values="peak_left_share"
    )
    small, large = left[3e5], left[8e5]
    eyes = "1 %, a quarter, own eyes only"
    # A small hole frightens the impatient, and whoever takes the largest errors for truth.
    assert small["0.05 %, a week"] > 0.5
    assert small[eyes] > 0.1
    assert small[["0.05 %, a quarter", "0.3 %, a quarter", "1 %, a quarter"]].max() == 0.0
    # From a larger one the patient run who know it exactly; the less others know, the fewer of them.
    assert large["0.05 %, a quarter"] > 0.4 > large["0.3 %, a quarter"] > large["1 %, a quarter"]
    assert large[eyes] > 0.4


def test_the_spread_of_a_loss_shows_pools_one_after_the_other(tmp_path: Path) -> None:
    asked = tiny("contagion").to_dict() | {"paths": 1}
    answer = ask(Inquiry.of(Experiment.from_dict(asked)), out=tmp_path / "out")
    losses = read_first(answer.directory, "nodes").pivot_table(
        index="time_seconds", columns="node", values="loss_usd", fill_value=0.0
    )
    when = moments(losses)
    assert when == sorted(when)
    assert when[-1] == losses.index[-1]
    assert losses.loc[when[0], "pool vault"] > 1e6
    assert losses.loc[when[0], "pool main"] == 0.0
    assert losses.loc[when[-1], "pool main"] > 1e6
    words = " ".join(told(answer))
    for name in ("vault", "main", "prime", "vUSD", "mUSD", "as it is"):
        assert name in words
    (answer.directory / "nodes.parquet").unlink()
    with pytest.raises(ResultsUnreadableError, match=r"nodes.parquet cannot be read .* --resume"):
        draw(answer)


def test_a_deferred_hole_is_the_depositors_and_the_claims_on_the_pool(tmp_path: Path) -> None:
    asked = tiny("contagion").to_dict() | {"paths": 1, "baseline": {}}
    levels = Experiment.load("contagion").factors[0].levels
    assert levels is not None
    asked["factors"][0]["levels"] = {"the vault defers": levels["the vault defers"]}
    run = ask(Inquiry.of(Experiment.from_dict(asked)), out=tmp_path / "out").runs.iloc[0]
    assert run["hole_in_claims_usd"] > 1e7
    assert run["depositors_0_lost_usd"] + run["hole_in_claims_usd"] == pytest.approx(run["uncovered_usd"], rel=1e-9)


def test_moments_are_those_of_every_pool_and_the_end() -> None:
    index = [0.0, 10.0, 20.0, 30.0]
    losses = pd.DataFrame({"pool a": [0.0, 8.0, 9.0, 9.0], "pool b": [0.0, 0.0, 1.0, 1.0], "asset x": [5.0] * 4}, index)
    assert moments(losses) == [10.0, 20.0, 30.0]
    assert moments(0.0 * losses) == [30.0]


def test_the_frontier_is_what_no_other_point_beats() -> None:
    more = np.array([1.0, 2.0, 2.0, 3.0, 3.0, np.nan])
    less = np.array([0.0, 0.0, 1.0, 5.0, 5.0, 0.0])
    assert on_front(more, less).tolist() == [False, True, False, True, True, False]


def test_bars_stand_beside_what_was_reported(tmp_path: Path) -> None:
    answer = ask(Inquiry.of(tiny("black-thursday-auctions")), out=tmp_path / "out")
    words = told(answer)
    assert {"reported: 4M to 6.65M", "reported: 36 %", "reported: 8.32M"} <= set(words)
    assert {"limited", "plentiful"} <= set(words)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"figure": {"kind": "bars"}}, ["figure.metrics", "name some"]),
        ({"figure": {"kind": "frontier", "metrics": ["bad_debt_usd"]}}, ["two figure.metrics"]),
        ({"figure": {"kind": "stack", "metrics": ["bad_debt"]}}, ["'bad_debt'", "none of the metrics"]),
        (
            {"figure": {"kind": "bars", "metrics": ["auctions"], "reported": {"auction": [1.0]}}},
            ["'auction'", "auctions"],
        ),
        ({"labels": {"auction": "lots"}}, ["labels.auction", "auctions"]),
        ({"figure": {"kind": "pie", "metrics": ["auctions"]}}, ["figure.kind"]),
    ],
)
def test_a_figure_that_cannot_be_drawn_gets_one_sentence(changes: dict[str, Any], words: list[str]) -> None:
    asked = Experiment.load("black-thursday-auctions").to_dict() | changes
    with pytest.raises(ScenarioError) as refusal:
        Experiment.from_dict(asked)
    assert all(word in str(refusal.value) for word in words)
    assert "\n" not in str(refusal.value)
