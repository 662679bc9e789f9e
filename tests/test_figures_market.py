"""Figures of the market: its ladder, its depth through time, who traded with whom."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from builders.runs import SHAPES, SOURCES, Shape, stored, title
from experiments.figures import depth_map, flows, ladder
from experiments.figures.clock import Clock
from experiments.figures.markets import BID, Depth
from experiments.figures.reading import Story


def test_depth_is_read_by_source_and_sums_over_them(tmp_path: Path) -> None:
    (depth,) = Depth.read(stored(tmp_path / "run", Shape(steps=200)), path=0)
    assert depth.sources == list(SOURCES)
    assert depth.units.shape == (2, 100, 2, 7)
    np.testing.assert_allclose(depth.total[:, 0, depth.near], 2 * 40_000.0 * 0.02)
    assert depth.moments == {"before": 0, "worst": depth.worst, "after": 99}
    worst = depth.units[BID, depth.worst, :, depth.near]
    assert worst[1] < 0.5 * worst[0]


def test_the_ladders_areas_are_the_depth(tmp_path: Path) -> None:
    """What stands between two distances is the height of the step times its width, for each source and side."""
    (depth,) = Depth.read(stored(tmp_path / "run", Shape(steps=200)), path=0)
    assert list(depth.edges) == [0.0, 0.005, 0.01, 0.02, 0.05, 0.1]
    areas = (depth.density * 100.0 * np.diff(depth.edges)).sum(axis=-1)
    np.testing.assert_allclose(areas, depth.units[..., -1], rtol=1e-12)


def test_the_ladder_says_whose_bids_vanished_and_shows_three_moments(tmp_path: Path) -> None:
    drawn = ladder.draw(stored(tmp_path / "run", Shape(steps=200)))
    assert "of the bids within 2 % of the mid vanished, 83.3 % of them the order book's" in title(drawn)
    shown = [axes.get_title(loc="left").splitlines()[-3] for axes in drawn.axes]
    assert [words.partition(":")[0] for words in shown] == ["start", "fewest bids", "end"]
    assert len({axes.get_ylim() for axes in drawn.axes}) == 1


def test_a_ladder_that_never_changed_is_drawn_once(tmp_path: Path) -> None:
    drawn = ladder.draw(
        stored(tmp_path / "run", Shape(steps=1, markets=("ETH",), fall=0.0, liquidations=0, write_offs=0))
    )
    remarks = [text.get_text() for axes in drawn.axes[1:] for text in axes.texts]
    assert remarks == ["Fewest bids: the same\nas at the start", "End: the same\nas at the start"]


def test_the_map_is_dark_where_the_ladder_is_deep_and_empty_beyond_what_was_sampled(tmp_path: Path) -> None:
    (depth,) = Depth.read(stored(tmp_path / "run", Shape(steps=200)), path=0)
    mid = depth.mids[0]
    worth = depth_map._worth(depth, mid * np.array([0.85, 0.93, 0.999, 1.001, 1.03, 1.2]))[:, 0]
    # 2 x 40,000 units up to a distance of 1: 800 units per 1 % at every distance, worth their price.
    np.testing.assert_allclose(worth / mid, [np.nan, 744.0, 799.2, 800.8, 824.0, np.nan], rtol=1e-9)


def test_the_map_says_for_how_long_bids_were_thin(tmp_path: Path) -> None:
    results = stored(tmp_path / "run", Shape(steps=600, fall=0.0, liquidations=0, write_offs=0))
    drawn = depth_map.draw(results)
    assert "bids within 2 % of the mid never thinned" in title(drawn)
    assert {line.get_label() for line in drawn.axes[0].lines} == {"our venue", "rest of the market"}
    (depth,) = Depth.read(results, path=0)
    edges = np.append(depth.seconds, 36_000.0)
    units = depth.units * np.where((edges[:-1] >= 7_200.0) & (edges[:-1] < 18_000.0), 0.1, 1.0)[:, None, None]
    said = depth_map._sentence(replace(depth, units=units), edges, Clock.of(36_000.0))
    assert said.startswith("bids within 2 % of the mid fell from 1,600 to 160 ETH, below half for")
    assert float(said.split()[-2]) == pytest.approx(3.0, abs=0.1)


def test_the_map_follows_the_sampled_mids_where_the_blocks_show_another_venue(tmp_path: Path) -> None:
    results = stored(tmp_path / "run", Shape(steps=200))
    story, (depth,) = Story.read(results), Depth.read(results, path=0)
    edges = np.append(depth.seconds, story.edges[-1])
    assert len(depth_map._venue(story, depth, edges)[1]) == 200
    other = replace(depth, mids=1.01 * depth.mids)
    assert depth_map._venue(story, other, edges)[1] is other.mids


def test_flows_show_every_dollar_once_and_who_sold_and_bought_most(tmp_path: Path) -> None:
    drawn = flows.draw(stored(tmp_path / "run", Shape(steps=60)))
    assert "liquidators sold 7M USD of ETH (87.5 % of all sold)" in title(drawn)
    assert "arbitrageurs bought 5M USD of ETH (100 % of all bought)" in title(drawn)
    sold, bought = ([text.get_text() for text in axes.texts] for axes in drawn.axes)
    assert sold == [
        *("6M\n75 %", "1M\n12.5 %", "7M\n87.5 %"),
        *("-", "-", "-"),
        *("-", "1M\n12.5 %", "1M\n12.5 %"),
        *("6M\n75 %", "2M\n25 %", "8M\n100 %"),
    ]
    assert bought[3:6] == ["5M\n100 %", "-", "5M\n100 %"]


def test_a_run_without_markets_or_trades_says_so(tmp_path: Path) -> None:
    results = stored(tmp_path / "run", SHAPES["one block"])
    for draw, said in ((ladder.draw, "no ladder"), (depth_map.draw, "no depth to map"), (flows.draw, "nobody traded")):
        assert title(draw(results)).endswith(said)
    endless = stored(tmp_path / "endless", SHAPES["a market without end"])
    for draw in (ladder.draw, depth_map.draw):
        assert title(draw(endless)).endswith("the market takes any size")
    empty = stored(tmp_path / "empty", SHAPES["a market where nobody quotes or trades"])
    for draw in (ladder.draw, depth_map.draw):
        assert title(draw(empty)).endswith("there were no bids for ETH within 2 % of the mid")
