"""The figures of a run, drawn from its stored results alone; a figure is a module with `draw(results)`."""

from pathlib import Path

from matplotlib.figure import Figure

from experiments.figures import capital, depth, depth_map, flows, ladder, timeline, waterfall
from experiments.storage import Results

FIGURES = {
    "timeline": timeline.draw,
    "waterfall": waterfall.draw,
    "capital": capital.draw,
    "depth": depth.draw,
    "ladder": ladder.draw,
    "depth_map": depth_map.draw,
    "flows": flows.draw,
}


def draw_all(results: Results) -> dict[str, Figure]:
    """Every figure of a run by its name. Raises `ResultsUnreadable` when no path finished."""
    return {name: draw(results) for name, draw in FIGURES.items()}


def save_all(results: Results, directory: Path) -> list[Path]:
    """Draw every figure into `directory` as `<name>.png`; the files, in the order of the names."""
    drawn = draw_all(results)
    directory.mkdir(parents=True, exist_ok=True)
    files = {name: directory / f"{name}.png" for name in sorted(drawn)}
    for name, file in files.items():
        drawn[name].savefig(file)
    return list(files.values())
