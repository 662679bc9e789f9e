"""Names beside points; those of a crowd in a column beside it, from top to bottom as the points are, with thin lines.

Places are worked out in pixels, once the layout is known; names are then left out of the layout, so that it stays.
A box is (left, bottom, right, top), a row of an array.
"""

from collections.abc import Callable, Sequence
from itertools import combinations
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.figures import palette
from models.types import FloatArray

_ACROSS, _UP = 7.0, 6.0
"""From a point to its name, in points."""

_POINT = 4.0
"""Half the side of the square that a point keeps free, in points."""

_BEFORE = 2.0
"""From the end of a line to its name, in points."""

_LINE = 1.1
"""From one name of a column to the next, in heights of a name."""


class Named(NamedTuple):
    """A point of the data with its name, and how far to the left and to the right its interval reaches."""

    name: str
    x: float
    y: float
    ends: tuple[float, float]


def name_points(drawn: Figure, axes: Axes, points: Sequence[Named]) -> None:
    """Write the name of every point; the last thing that is done to a figure."""
    if not points:
        return
    drawn.draw_without_rendering()
    texts = [
        axes.annotate(
            one.name, (one.x, one.y), (_ACROSS, _UP), textcoords="offset points", va="center", in_layout=False
        )
        for one in points
    ]
    centres = axes.transData.transform([(one.x, one.y) for one in points])
    ends = np.array([axes.transData.transform([(end, one.y) for end in one.ends])[:, 0] for one in points])
    frame = np.array(axes.get_window_extent().extents)
    scale = drawn.dpi / 72.0
    spots = np.hstack([centres - _POINT * scale, centres + _POINT * scale])
    beside = np.array([text.get_window_extent().extents for text in texts])
    back = np.where(beside[:, 2] > frame[2], beside[:, 2] - beside[:, 0] + 2.0 * _ACROSS * scale, 0.0)
    beside[:, [0, 2]] -= back[:, None]

    def column(crowd: list[int]) -> FloatArray:
        return _column(beside[crowd], centres[crowd, 1], ends[crowd], frame, _ACROSS * scale)

    crowds, boxes = _apart(beside, spots, column)
    for crowd in crowds:
        for number in crowd:
            (left, bottom, right, top), (x, y) = boxes[number], centres[number]
            texts[number].set_position(((left - x) / scale, ((bottom + top) / 2.0 - y) / scale))
            if len(crowd) > 1:
                near = left - _BEFORE * scale if left > x else right + _BEFORE * scale
                line = axes.transData.inverted().transform([(x, y), (near, (bottom + top) / 2.0)])
                axes.plot(*line.T, color=palette.MUTED, lw=0.5, zorder=1.5, scalex=False, scaley=False)


def _apart(
    beside: FloatArray, spots: FloatArray, column: Callable[[list[int]], FloatArray]
) -> tuple[list[list[int]], FloatArray]:
    """The points in crowds, in none of which a name hides a name or a point of another, and where the names stand."""
    crowds = [[number] for number in range(len(beside))]
    while True:
        boxes = beside.copy()
        for crowd in crowds:
            if len(crowd) > 1:
                boxes[crowd] = column(crowd)
        close = next((pair for pair in combinations(crowds, 2) if _hide(boxes, spots, *pair)), None)
        if close is None:
            return crowds, boxes
        crowds = [crowd for crowd in crowds if crowd not in close] + [close[0] + close[1]]


def _column(beside: FloatArray, heights: FloatArray, ends: FloatArray, frame: FloatArray, gap: float) -> FloatArray:
    """The boxes of a crowd's names, one above the other to the right of it, or to the left where the frame ends."""
    width, height = beside[:, 2] - beside[:, 0], float((beside[:, 3] - beside[:, 1]).max())
    order = np.argsort(heights, kind="stable")
    rows = _LINE * height * np.arange(len(order))
    half = rows.mean() + height / 2.0
    centre = np.clip(heights.mean(), frame[1] + half, max(frame[3] - half, frame[1] + half))
    middle = np.empty(len(order))
    middle[order] = centre + rows - rows.mean()
    left = np.full(len(order), ends.max() + gap)
    if ends.max() + gap + width.max() > frame[2]:
        left = ends.min() - gap - width
    return np.column_stack([left, middle - height / 2.0, left + width, middle + height / 2.0])


def _hide(boxes: FloatArray, spots: FloatArray, some: list[int], others: list[int]) -> bool:
    """Whether a name of either crowd lies upon a name or a point of the other."""
    return _meet(boxes[some], boxes[others]) or _meet(boxes[some], spots[others]) or _meet(spots[some], boxes[others])


def _meet(some: FloatArray, others: FloatArray) -> bool:
    """Whether any of these boxes meets any of those."""
    one, other = some[:, None], others[None, :]
    return bool(((one[..., :2] < other[..., 2:]) & (one[..., 2:] > other[..., :2])).all(axis=-1).any())
