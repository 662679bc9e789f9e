"""What the figures of experiments share: the question above them, the reading below, and the points in words."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from experiments.asking.answer_text import records
from experiments.asking.answers import Answer
from experiments.asking.estimands import Estimand
from experiments.figures import style
from models.types import FloatArray


def headline(drawn: Figure, answer: Answer, found: str) -> None:
    """The question as the title, and below the figure how to read it and what it shows of the paths."""
    reading = " ".join(answer.experiment.reading.split())
    style.headline(drawn, answer.experiment.question, f"{reading} {found}".strip())


def point_names(answer: Answer) -> list[str]:
    """Every point in few words, in the order of the points: its design and the values of its factors."""
    return [", ".join(_parts(answer, point)) for point in answer.points.to_dict("records")]


def breaks(answer: Answer) -> list[int]:
    """The points before which the first of several factors changes: there figures leave a gap."""
    factors = answer.experiment.factors
    if len(factors) < 2:
        return []
    values = answer.points[factors[0].name].tolist()
    return [k for k in range(1, len(values)) if values[k] != values[k - 1]]


def _parts(answer: Answer, point: dict[Any, Any]) -> list[str]:
    design = [str(point["design"])] if "design" in point else []
    return design + [factor.written(point[factor.name]) for factor in answer.experiment.factors]


def heights(answer: Answer) -> list[float]:
    """Where the bar of every point stands, from the top, with gaps at the breaks."""
    gaps = set(breaks(answer))
    at, found = 0.0, []
    for k in range(len(answer.points)):
        at += 0.5 * (k in gaps)
        found.append(at)
        at += 1.0
    return found


def estimates(answer: Answer, one: Estimand) -> tuple[FloatArray, FloatArray]:
    """The estimate at every point, and how far its interval reaches below and above it, (2, points); 0 without one."""
    rows = records(answer, one)
    values = np.array([row["value"] for row in rows], dtype=np.float64)
    ends = np.array([[row["low"], row["high"]] for row in rows], dtype=np.float64).T
    return values, np.nan_to_num(np.abs(ends - values))
