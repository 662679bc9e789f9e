"""Names beside points: each can be read, whatever stands beside it."""

from itertools import combinations

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.text import Annotation

from experiments.figures import style
from experiments.figures.names import Named, name_points


def drawn(points: list[tuple[float, float]], reach: float = 0.0) -> tuple[Figure, list[Annotation]]:
    figure = style.figure(6.0)
    axes = figure.subplots()
    for x, y in points:
        axes.errorbar(x, y, xerr=reach or None, fmt="o", markersize=5)
    named = [Named(f"design_{k}", x, y, (x - reach, x + reach)) for k, (x, y) in enumerate(points)]
    name_points(figure, axes, named)
    figure.draw_without_rendering()
    return figure, [text for text in axes.texts if isinstance(text, Annotation)]


@pytest.mark.parametrize("corner", [(0.0, 0.0), (9.0, 0.0), (0.0, 9.0), (9.0, 9.0)])
def test_no_name_of_a_crowd_in_a_corner_hides_another_or_a_point_or_leaves_the_panel(
    corner: tuple[float, float],
) -> None:
    """As the cheap designs of a comparison stand together, far from two that are dear."""
    within = np.random.default_rng(1).uniform(0.0, 1.0, (18, 2)) + corner
    points = [(0.0, 0.0), (10.0, 10.0), *map(tuple, within.tolist())]
    figure, texts = drawn(points, reach=0.1)
    boxes = [text.get_window_extent() for text in texts]
    assert len(boxes) == len(points)
    for one, other in combinations(boxes, 2):
        assert not one.overlaps(other)
    axes = figure.axes[0]
    spots = axes.transData.transform(points)
    assert not any(box.contains(*spot) for box in boxes for spot in spots)
    frame = axes.get_window_extent().padded(1.0)
    assert all(frame.contains(*corner) for box in boxes for corner in box.corners())


def test_the_names_of_a_crowd_stand_from_top_to_bottom_as_its_points_do() -> None:
    points = [(0.02 * k, (7 * k % 10) / 100.0) for k in range(10)] + [(10.0, 10.0)]
    _, texts = drawn(points)
    heights = {text.get_text(): text.get_window_extent().y0 for text in texts}
    by_point = sorted(range(10), key=lambda k: points[k][1])
    assert [f"design_{k}" for k in by_point] == sorted(heights, key=heights.__getitem__)[:10]


def test_a_name_that_hides_nothing_stands_right_beside_its_point() -> None:
    figure, texts = drawn([(0.0, 0.0), (5.0, 5.0), (10.0, 1.0)])
    for text, spot in zip(
        texts, figure.axes[0].transData.transform([(0.0, 0.0), (5.0, 5.0), (10.0, 1.0)]), strict=True
    ):
        assert text.get_window_extent().padded(20.0).contains(*spot), "within ten points of it"
    assert len(figure.axes[0].lines) == 3, "no line leads to a point, only the points are there"


def test_a_plane_without_points_has_no_names() -> None:
    _, texts = drawn([])
    assert texts == []
