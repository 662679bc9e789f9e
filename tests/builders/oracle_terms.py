"""Oracles of every kind, and how they are asked."""

from hypothesis import settings
from hypothesis import strategies as st

from models.oracles import Oracle

few = settings(max_examples=60)
prices = st.lists(st.floats(500.0, 4000.0), min_size=1, max_size=40)


def reports(oracle: Oracle, path: list[float], step_seconds: float = 60.0) -> list[float]:
    """Reports at every step of a path of reference prices, on a venue that is always one dollar dearer."""
    return [oracle.report(k * step_seconds, price, price + 1.0) for k, price in enumerate(path)]
