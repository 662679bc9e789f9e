"""The figures of a run, drawn from its stored results alone; a figure is a module with `draw(results)`.

Where it is listed in `FIGURES` it is drawn for every run, and shown in reports. `draw` is decorated with `style.ours`,
gives every axis a unit (`style.panel`), and ends with `style.headline`: a title that begins with the name of the run
and says what is seen, and a caption that says how to read it. `reading.Story` is the path that it shows. Results of
older versions lack what is newer, and runs may be calm or a block long: the tests draw every figure of all of these.
"""

from collections.abc import Iterator
from pathlib import Path

from matplotlib.figure import Figure

from experiments.figures import (
    capital,
    depth,
    depth_map,
    distributions,
    fans,
    flows,
    generations,
    ladder,
    landscape,
    lending,
    network,
    profit_and_loss,
    survival,
    timeline,
    waterfall,
)
from experiments.figures.saving import save
from experiments.stored.storage import Results

FIGURES = {
    "timeline": timeline.draw,
    "landscape": landscape.draw,
    "generations": generations.draw,
    "waterfall": waterfall.draw,
    "profit_and_loss": profit_and_loss.draw,
    "capital": capital.draw,
    "lending": lending.draw,
    "network": network.draw,
    "ladder": ladder.draw,
    "depth": depth.draw,
    "depth_map": depth_map.draw,
    "flows": flows.draw,
}
"""The figures of any run, in the order in which one reads them; of several paths they show one, or the mean."""

FIGURES_OF_MANY = {"fans": fans.draw, "distributions": distributions.draw, "survival": survival.draw}
"""The figures of a run of several paths."""


def each(results: Results) -> Iterator[tuple[str, Figure]]:
    """Every figure of a run with its name, one after the other. Raises `ResultsUnreadableError`."""
    wanted = FIGURES | (FIGURES_OF_MANY if results.finished > 1 else {})
    for name, draw in wanted.items():
        yield name, draw(results)


def draw_all(results: Results) -> dict[str, Figure]:
    """Every figure of a run by its name. Raises `ResultsUnreadableError` when no path finished."""
    return dict(each(results))


def save_all(results: Results, directory: Path, form: str = "png") -> list[Path]:
    """Draw every figure into `directory` as `<name>.<form>`; the files, in the order of the names."""
    return sorted(save(drawn, directory / f"{name}.{form}") for name, drawn in each(results))
