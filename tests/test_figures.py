"""The figures are drawn from stored results alone, of every shape that a run can leave behind."""

from pathlib import Path
from time import process_time

import matplotlib as mpl
import pandas as pd
import pytest
from matplotlib.patches import Rectangle

from experiments.figures import FIGURES, FIGURES_OF_MANY, draw_all, save_all, style, timeline, waterfall
from experiments.figures.reading import Story, fall, layers_of, moving_assets
from experiments.figures.saving import FORMATS, encoded, save
from experiments.stored.outcomes import PathOutcome
from experiments.stored.storage import Results, ResultsUnreadableError, ResultsWriter

mpl.use("Agg")
from builders.runs import CALM, LAYERS, SHAPES, Faults, Shape, outcome, stored, title

QUICK = {"crash", "many paths", "calm", "two blocks", "one block", "five assets"}
MARKED = [
    pytest.param(shape, id=name, marks=() if name in QUICK else pytest.mark.slow) for name, shape in SHAPES.items()
]


@pytest.mark.parametrize("shape", MARKED)
def test_every_figure_of_every_shape_of_run_says_what_it_shows_and_can_be_read(
    tmp_path: Path, shape: Shape, faults: Faults
) -> None:
    figures = draw_all(stored(tmp_path / "run", shape))
    assert list(figures) == list(FIGURES) + (list(FIGURES_OF_MANY) if shape.paths > 1 else [])
    for name, drawn in figures.items():
        assert title(drawn).startswith(shape.name), name
        assert faults(drawn) == [], name


def test_figures_are_saved_under_their_names_and_are_the_same_each_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(style, "DPI", 40)
    results = stored(tmp_path / "run", Shape(steps=60))
    files = save_all(results, tmp_path / "figures")
    assert [file.stem for file in files] == sorted(FIGURES)
    save(waterfall.draw(results), tmp_path / "again.png")
    assert (tmp_path / "again.png").read_bytes() == (tmp_path / "figures" / "waterfall.png").read_bytes()


def test_a_run_without_a_finished_path_cannot_be_drawn(tmp_path: Path) -> None:
    with ResultsWriter(tmp_path / "run", CALM, seed=1, paths=1) as writer:
        writer.add(PathOutcome(0, 1, error="KeyError: 'ETH'"))
        writer.finish("complete", wall_seconds=1.0)
    with pytest.raises(ResultsUnreadableError, match="none of its paths finished"):
        draw_all(Results.load(tmp_path / "run"))


def test_titles_say_the_main_number(tmp_path: Path) -> None:
    results = stored(tmp_path / "run", Shape(steps=60))
    drawn = draw_all(results)
    bad_debt = style.usd(results.write_offs["paid"].sum())
    assert bad_debt in title(drawn["timeline"])
    assert bad_debt in title(drawn["waterfall"])
    assert style.percent(fall(Story.read(results), "ETH")) in title(drawn["timeline"])


def test_a_calm_run_says_that_nothing_happened(tmp_path: Path) -> None:
    drawn = draw_all(stored(tmp_path / "run", CALM))
    assert "no position was liquidated" in title(drawn["timeline"])
    assert "no bad debt" in title(drawn["waterfall"])
    assert "no account ever waited" in title(drawn["capital"])
    for name in ("depth", "ladder", "depth_map"):
        assert "never thinned" in title(drawn[name])


def test_of_many_paths_the_median_by_bad_debt_is_shown_and_named(tmp_path: Path) -> None:
    results = stored(tmp_path / "run", Shape(paths=5, steps=60))
    story = Story.read(results)
    ranks = results.paths["bad_debt_usd"].rank().to_numpy()
    assert ranks[story.path] == 3.0
    assert f"path {story.path} (seed {story.seed}, the median of 5" in title(timeline.draw(results))
    assert (story.steps["path"] == story.path).all()


def test_failed_paths_are_never_the_median(tmp_path: Path) -> None:
    with ResultsWriter(tmp_path / "run", CALM, seed=1, paths=3) as writer:
        writer.add(PathOutcome(0, 1, error="KeyError"))
        writer.add(outcome(CALM, 1))
        writer.add(PathOutcome(2, 3, error="KeyError"))
        writer.finish("complete", wall_seconds=1.0)
    story = Story.read(Results.load(tmp_path / "run"))
    assert (story.path, story.of) == (1, 1)


def test_the_waterfall_adds_up_to_the_mean_bad_debt(tmp_path: Path) -> None:
    results = stored(tmp_path / "run", Shape(paths=3, steps=60))
    paid = waterfall.paid_by_layer(results)
    assert sum(paid.values()) == pytest.approx(results.summary["bad_debt_usd"], rel=1e-12)
    assert list(paid) == list(LAYERS)


def test_the_bars_of_the_timeline_hold_all_that_was_repaid(tmp_path: Path) -> None:
    results = stored(tmp_path / "run", Shape(steps=100, step_seconds=13.0))
    bars = timeline.draw(results).axes[-3].patches
    assert sum(bar.get_height() for bar in bars if isinstance(bar, Rectangle)) == pytest.approx(
        results.liquidations["repaid_usd"].sum()
    )


def test_layers_keep_the_scenarios_order_and_close_with_depositors_and_nobody(tmp_path: Path) -> None:
    results = stored(tmp_path / "run", CALM)
    seen = pd.Series(["insurance.1", "insurance.0", "uncovered", "treasury"])
    ordered = ["reserve", "insurance.0", "insurance.1", "treasury", "depositors", "uncovered"]
    assert layers_of(results, seen) == ordered
    assert style.layer_title("insurance.1") == "insurance 2"


def test_assets_are_shown_by_what_was_seized_of_them_and_four_at_most(tmp_path: Path) -> None:
    story = Story.read(stored(tmp_path / "run", SHAPES["five assets"]))
    seized = story.liquidations.groupby("collateral_asset")["seized_usd"].sum().sort_values(ascending=False)
    assert moving_assets(story) == list(seized.index[:4])


def test_the_last_block_has_a_width(tmp_path: Path) -> None:
    story = Story.read(stored(tmp_path / "run", SHAPES["two blocks"]))
    assert list(story.edges) == [0.0, 60.0, 120.0]


@pytest.mark.slow
@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_of_a_day_of_minutes_is_made_in_two_seconds(tmp_path: Path, name: str) -> None:
    results = stored(tmp_path / "run", Shape(depositors=True))
    begun = process_time()
    encoded(FIGURES[name](results), "png")
    assert process_time() - begun < 2.0


@pytest.mark.parametrize("form", FORMATS)
def test_files_hold_the_title_and_are_the_same_each_time(tmp_path: Path, form: str) -> None:
    results = stored(tmp_path / "run", Shape(steps=60))
    once, again = (encoded(waterfall.draw(results), form) for _ in range(2))
    assert once == again
    assert form == "pdf" or "of bad debt, of which" in once.decode("latin-1")
