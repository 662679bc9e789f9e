"""How many paths are asked for, from which seed on and on how many processes: one sentence for what is none.

The package imports this module, so it imports nothing slow at its top.
"""

from typing import Any

MOST_SEED = 2**62
"""The largest seed: paths count on from it, and tables hold 63 bits."""


def whole_number(name: str, given: Any, least: int, most: int | None = None) -> int:
    """A whole number of Python's or numpy's as Python's; raises `ScenarioError` for any other, and beyond its ends."""
    import numpy as np  # noqa: PLC0415

    from abm import ScenarioError  # noqa: PLC0415
    from abm.reading.sentences import shown  # noqa: PLC0415

    number = int(given) if isinstance(given, int | np.integer) and not isinstance(given, bool) else None
    if number is None or number < least or (most is not None and number > most):
        within = f", {least} or more" if most is None else f" from {least} to {most}"
        raise ScenarioError(f"{name} = {shown(given)} cannot be used; give a whole number{within}")
    return number
