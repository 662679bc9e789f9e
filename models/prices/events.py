"""How many jumps, changes of regime or resampled returns a path may have before it takes too long to draw them."""

from models.refusals import Refusal

MOST_EVENTS = 1e7
"""More would take about a minute to draw."""


class TooManyEvents(Refusal):
    """The path would have more random events than can be drawn in a reasonable time."""


def check_events(expected: float, what: str) -> None:
    """Raise `TooManyEvents` where a path would have more than `MOST_EVENTS`."""
    if expected > MOST_EVENTS:
        raise TooManyEvents(
            f"a path would have about {expected:.3g} {what}, more than {MOST_EVENTS:.0e}: make them rarer, or run fewer"
            " or shorter steps"
        )
