"""The time of a run as figures show it: dates where the scenario states when it begins, else time since the start."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num
from matplotlib.ticker import MaxNLocator

from experiments.numbers import three_figures
from models.types import FloatArray

DAY = 86_400.0


@dataclass(frozen=True, slots=True)
class Clock:
    """Time in the unit that suits a run's length, and the date of the start where it is known."""

    unit: str
    seconds: float
    start: datetime | None = None

    @classmethod
    def of(cls, length_seconds: float, start: datetime | None = None) -> "Clock":
        """The clock for a run of that length."""
        if length_seconds > 4.0 * DAY:
            return cls("days", DAY, start)
        if length_seconds > 3.0 * 3_600.0:
            return cls("hours", 3_600.0, start)
        return cls("minutes", 60.0, start) if length_seconds > 180.0 else cls("seconds", 1.0, start)

    def read(self, seconds: FloatArray) -> FloatArray:
        """Seconds since the start as places on the time axis."""
        if self.start is None:
            return seconds / self.seconds
        return float(date2num(self.start)) + seconds / DAY  # type: ignore[no-untyped-call]

    def length(self, seconds: float) -> float:
        """A length of time in the clock's unit."""
        return seconds / self.seconds

    def at(self, seconds: float) -> str:
        """A moment in words: `hour 14.2`, or `12 March, 14:12`."""
        if self.start is None:
            return f"{self.unit[:-1]} {three_figures(seconds / self.seconds)}"
        when = self.start + timedelta(seconds=seconds)
        clock = f"{when:%H:%M:%S}" if self.unit == "seconds" else f"{when:%H:%M}"
        return f"{when.day} {when:%B}, {clock}"

    def label(self, axes: Axes, edges: FloatArray) -> None:
        """The x axis from the first edge to the last, with round times on it."""
        axes.set_xlim(*self.read(edges[[0, -1]]))
        if self.start is None:
            axes.set_xlabel(f"{self.unit} since the start")
            axes.xaxis.set_major_locator(MaxNLocator(nbins=12, steps=[1, 2, 3, 4, 5, 6, 10]))
            return
        locator = AutoDateLocator(minticks=4, maxticks=9)  # type: ignore[no-untyped-call]
        axes.xaxis.set_major_locator(locator)
        axes.xaxis.set_major_formatter(
            ConciseDateFormatter(  # type: ignore[no-untyped-call]
                locator,
                formats=["%Y", "%b", "%d %b", "%H:%M", "%H:%M", "%S.%f"],
                zero_formats=["", "%Y", "%b", "%d %b", "%H:%M", "%H:%M"],
                show_offset=False,
            )
        )
        axes.set_xlabel(f"time in {self.start.year} (UTC)")


def start_of(scenario: Mapping[str, Any]) -> datetime | None:
    """When a stored scenario begins, in UTC; None where it does not say."""
    stated = scenario["time"].get("start")
    if stated is None:
        return None
    when = datetime.fromisoformat(str(stated))
    return when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
