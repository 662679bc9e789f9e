"""The film of a cascade: around the crash, chosen by itself, the same each time, and true to what is stored."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from PIL import Image

from experiments import load_scenario, run_scenario
from experiments.cli import DONE, REFUSED, main
from experiments.figures import palette
from experiments.figures.film import STILL, encoder, write_gif, write_mp4
from experiments.figures.reading import Story
from experiments.figures.scene import Scene
from experiments.figures.stage import Stage, between, moments
from experiments.stored.storage import Results


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    """Seven and a half hours of `thin-market`: calm, then the fall."""
    where = tmp_path_factory.mktemp("film") / "crash"
    return run_scenario(load_scenario("thin-market", {"time.steps": "450"}), out=where)


def test_the_film_is_about_the_crash(results: Results) -> None:
    story = Story.read(results)
    blocks = moments(story)
    assert 60 <= len(blocks) <= 100
    assert (np.diff(blocks) > 0).all()
    shown = story.seconds[blocks[[0, -1]]]
    when = story.seconds_of(story.liquidations)
    repaid = story.liquidations["repaid_usd"].to_numpy()
    inside = repaid[(when >= shown[0]) & (when <= shown[1])].sum()
    assert inside > 0.95 * repaid.sum()
    assert np.ptp(shown) < 0.5 * np.ptp(story.seconds)


def test_a_picture_shows_what_is_stored_at_its_moment(results: Results) -> None:
    stage = Stage.of(results, frames=6)
    scene = Scene(stage)
    pictures = list(scene.frames())
    assert len(pictures) == 6
    assert all(picture.shape == pictures[0].shape for picture in pictures)
    assert len({picture.tobytes() for picture in pictures}) == 6
    last = int(stage.blocks[-1])
    drawn = {kind: line.get_ydata()[-1] for kind, line in scene._lines.items()}
    assert drawn == {kind: stage.story.column(f"{kind}_ALT")[last] for kind in drawn}
    repaid = stage.story.liquidations["repaid_usd"].sum()
    bars = np.array([patch.get_data().values for patch in scene._columns])
    shown = stage.story.seconds_of(stage.story.liquidations) >= stage.story.seconds[stage.blocks[0]]
    assert bars[-1].sum() == pytest.approx(stage.story.liquidations["repaid_usd"][shown].sum())
    assert f"liquidated so far: {repaid / 1e6:.3g}" in scene._text.get_text()


def test_debt_is_under_water_above_the_oracles_price_over_the_threshold(results: Results) -> None:
    stage = Stage.of(results, frames=3)
    scene = Scene(stage)
    scene._show_debt(0.0, oracle=8.0)
    middle = 0.5 * (scene._edges[1:] + scene._edges[:-1])
    waits, can_be, under = (patch.get_data().values for patch in scene._waiting)
    assert middle[waits > 0.0].max() < 8.0 <= middle[can_be > 0.0].min()
    assert (middle[under > 0.0] >= 8.0 / 0.72).all()
    np.testing.assert_allclose(waits + can_be + under, stage.ground.density(0))


def test_between_two_samples_is_what_lies_between() -> None:
    seconds, samples = np.array([0.0, 10.0, 20.0]), np.array([[0.0], [4.0], [0.0]])
    assert [float(between(seconds, samples, at)[0]) for at in (-1.0, 0.0, 5.0, 10.0, 17.5, 30.0)] == [0, 0, 2, 4, 1, 0]
    assert between(seconds[:1], samples[1:2], 3.0)[0] == 4.0


def test_a_film_is_a_gif_that_repeats_and_has_the_same_bytes_each_time(tmp_path: Path, results: Results) -> None:
    for name in ("one", "two"):
        write_gif(Scene(Stage.of(results, frames=4)).frames(), tmp_path / f"{name}.gif")
    assert (tmp_path / "one.gif").read_bytes() == (tmp_path / "two.gif").read_bytes()
    with Image.open(tmp_path / "one.gif") as film:
        assert film.n_frames == 4
        assert film.info["loop"] == 0
        first = np.asarray(film.convert("RGB"), dtype=np.float64)
        film.seek(3)
        assert film.info["duration"] == 100 * STILL
    # What stands in the legends of the first picture has the colours of all figures, not one that is merely near.
    book = palette.source_colours(["order_book"])["order_book"]
    for colour in (palette.PRICE["oracle"], *palette.GENERATION, palette.UNDERWATER, book):
        away = np.abs(first - 255.0 * np.array(to_rgb(colour))).max(axis=2)
        assert (away < 12.0).sum() > 8, colour


def test_animate_writes_the_film_beside_the_figures(results: Results, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["animate", str(results.directory), "--frames", "5"]) == DONE
    written = [Path(line) for line in capsys.readouterr().out.splitlines()]
    assert written[0] == results.directory / "figures" / "cascade.gif"
    assert [file.suffix for file in written] == ([".gif", ".mp4"] if encoder() else [".gif"])
    assert all(file.stat().st_size > 10_000 for file in written)


@pytest.mark.skipif(encoder() is None, reason="no encoder is installed")
def test_an_encoder_that_fails_is_told_by_what_it_said(tmp_path: Path, results: Results) -> None:
    with pytest.raises(OSError, match="could not write"):
        write_mp4(Scene(Stage.of(results, frames=2)).frames(), tmp_path / "no" / "such" / "film.mp4", str(encoder()))


def test_a_run_in_which_nobody_owes_cannot_be_filmed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    nobody = {"agents.borrowers": "[]", "time.steps": "3"}
    run_scenario(load_scenario("one-position", nobody), out=tmp_path / "empty")
    assert main(["animate", str(tmp_path / "empty")]) == REFUSED
    assert "nobody owed anything" in capsys.readouterr().err


def test_a_film_of_one_picture_is_refused(results: Results, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["animate", str(results.directory), "--frames", "1"])
    assert "--frames: must be a whole number from 2 to 1000, not '1'" in capsys.readouterr().err


def test_a_calm_run_is_shown_whole(tmp_path: Path) -> None:
    calm = {"assets.ETH.price.prices": "[2000.0]", "time.steps": "9"}
    results = run_scenario(load_scenario("one-position", calm), out=tmp_path / "calm")
    assert len(list(Scene(Stage.of(results)).frames())) == 9
