"""Figures of many runs, and of grids and ranges of parameters."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from builders.runs import Faults, Shape, said, stored, title
from experiments.figures import FIGURES_OF_MANY, distributions, phase, style, survival, tornado
from experiments.figures.reading import Story


def test_tails_are_those_of_the_summary(tmp_path: Path) -> None:
    results = stored(tmp_path / "run", Shape(steps=60, paths=20))
    marked = {line.get_label(): line.get_xdata()[0] for line in distributions.draw(results).axes[0].lines}
    assert marked == {
        "value at risk (95 %)": results.summary["bad_debt_usd_p95"],
        "expected shortfall\n(worst 5 %)": results.summary["bad_debt_usd_es95"],
    }


def test_what_is_marked_is_named_also_where_no_path_has_bad_debt(tmp_path: Path) -> None:
    """The legend was that of the bad debt, which then marks nothing."""
    results = stored(tmp_path / "run", Shape(steps=60, paths=20, write_offs=0))
    drawn = distributions.draw(results)
    assert results.summary["bad_debt_usd"] == 0.0 < results.summary["liquidated_usd"]
    named = [text.get_text() for axes in drawn.axes if axes.get_legend() for text in axes.get_legend().get_texts()]
    assert named == ["value at risk (95 %)", "expected shortfall\n(worst 5 %)"]


def test_a_fund_survives_until_it_first_has_less(tmp_path: Path) -> None:
    results = stored(tmp_path / "run", Shape(steps=60, paths=4))
    story = Story.read(results)
    fell = survival._first_below(results, "treasury_usd", story.seconds)
    money = results.table("steps", path=2)["treasury_usd"].to_numpy()
    assert fell.shape == (4, 4)
    assert fell[1, 2] == story.seconds[np.argmax(money < 0.5 * money[0])]
    assert (fell[:-1] <= fell[1:]).all()


@pytest.mark.parametrize("draw", FIGURES_OF_MANY.values(), ids=FIGURES_OF_MANY.keys())
def test_one_path_has_no_spread_and_the_figure_says_so(tmp_path: Path, draw: Any) -> None:
    assert re.search("one path (has|is) no", title(draw(stored(tmp_path / "run", Shape(steps=60)))))


GRID = pd.DataFrame(
    [(shock, depth, 1e6 * shock / depth) for shock in (0.1, 0.2, 0.4) for depth in (1.0, 2.0, 4.0, 8.0)],
    columns=["shock", "depth", "loss"],
)

X, Y = phase.Quantity("depth", "depth, USD"), phase.Quantity("shock", "shock, %", style.percent)
LOSS = phase.Quantity("loss", "bad debt, USD")


def test_a_phase_diagram_separates_what_is_below_a_threshold(faults: Faults) -> None:
    drawn = phase.draw(GRID.iloc[1:], X, Y, LOSS, title="t", caption="c", threshold=1e5)
    axes = drawn.axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["10 %", "20 %", "40 %"]
    assert len(axes.texts) == 11
    assert faults(drawn) == []
    # By rows, where the loss passes 1e5: from 2 to 4 ETH between the third and the fourth column, and so on.
    assert len(axes.lines) == 4
    assert "no point has an answer" in said(phase.draw(GRID.iloc[:0], X, Y, LOSS, title="t", caption="c"))


def test_a_tornado_has_what_moves_the_answer_most_on_top(faults: Faults) -> None:
    rows = [("fee", 0.0, 0.01, 9.0, 12.0), ("depth", 1e6, 1e8, 40.0, 2.0), ("name", "a", "b", 10.0, 10.0)]
    table = pd.DataFrame(rows, columns=list(tornado.COLUMNS))
    drawn = tornado.draw(table, 10.0, "bad debt, USD", title="t", caption="c")
    assert [label.get_text() for label in drawn.axes[0].get_yticklabels()] == ["depth", "fee", "name"]
    assert faults(drawn) == []
    assert "no parameter moves" in said(tornado.draw(table.iloc[2:], 10.0, "USD", title="t", caption="c"))
    with pytest.raises(ValueError, match="needs the column at_high"):
        tornado.draw(table.drop(columns="at_high"), 10.0, "USD", title="t", caption="c")
