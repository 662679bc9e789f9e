"""One of the paths side by side on a page: where it is, its numbers and its picture."""

import math
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

from experiments.dashboard import exports
from experiments.dashboard.live import LivePath, Stage
from experiments.dashboard.snapshot import Snapshot
from experiments.figures import ladder, landscape, style, timeline, waterfall
from experiments.figures.saving import encoded
from experiments.stored.storage import Results

FIGURES = {
    "timeline": timeline.draw,
    "landscape": landscape.draw,
    "ladder": ladder.draw,
    "waterfall": waterfall.draw,
}
"""What can be seen of a path while it runs."""

SUMMARY = {
    "bad_debt_usd": "Bad debt",
    "liquidated_usd": "Debt repaid by liquidators",
    "depositor_loss_usd": "Depositors lost",
    "borrower_loss_usd": "Borrowers lost",
    "liquidator_net_usd": "Liquidators gained",
    "insurer_paid_usd": "Insurer paid",
    "uncovered_usd": "Nobody covered",
    "max_fall": "Largest fall of an oracle price",
    "amplification": "Amplification",
}
"""The figures of the summary that a page shows, and what it calls them."""

_ONE_AT_A_TIME = threading.Lock()  # matplotlib's settings are the whole process's


@dataclass
class Lane:
    """A live path, or a stored one with its results, and what was last drawn of it."""

    title: str
    live: LivePath | None = None
    stored: Snapshot | None = None
    results: Results | None = None
    picture: bytes = b""
    caption: str = ""
    numbers: dict[str, str] = field(default_factory=dict)
    _drawn: tuple[Snapshot, str, int | None] | None = None
    _seen: tuple[Stage, int] | None = None

    @property
    def snapshot(self) -> Snapshot | None:
        """The newest that there is to look at."""
        return self.stored if self.live is None else self.live.snapshot

    @property
    def stage(self) -> Stage:
        """Where the path is; a stored one is over."""
        return Stage.FINISHED if self.live is None else self.live.stage

    @property
    def over(self) -> bool:
        """Whether there is nothing left to run."""
        return self.live is None or self.live.over

    @property
    def error(self) -> str:
        """Why the path failed; empty where it did not."""
        return "" if self.live is None else self.live.error

    @property
    def blocks(self) -> int:
        """How many blocks there are to look at."""
        return 0 if self.snapshot is None else self.snapshot.blocks

    @property
    def report(self) -> Callable[[], bytes] | None:
        """What makes the report of the path, in some ten seconds; None before it is over."""
        run = self.live.run_left_behind if self.live is not None else None
        if run is not None:
            return partial(_alone, partial(exports.report_of, run))
        return None if self.results is None else partial(_alone, partial(exports.report_of_stored, self.results))

    @property
    def progress(self) -> str:
        """Where the path is, in words."""
        if self.live is None:
            return f"{self.blocks:,} blocks"
        return f"{self.live.stage}, block {self.live.blocks:,} of {self.live.of:,}"

    def moved(self) -> bool:
        """Whether the path is elsewhere than when this was asked the last time."""
        seen = (self.stage, 0 if self.live is None else self.live.blocks)
        before, self._seen = self._seen, seen
        return seen != before

    def draw(self, figure: str, at: int | None) -> bool:
        """Draw the figure as it was after `at` blocks, or is now; False where that is drawn or nothing is there."""
        snapshot = self.snapshot
        if snapshot is None or (self._drawn is not None and self._is_drawn(snapshot, figure, at)):
            return False
        shown = snapshot if at is None else snapshot.until(at)
        with _ONE_AT_A_TIME:
            drawn = FIGURES[figure](shown)
            self.picture, self.caption = encoded(drawn, "png"), style.title_of(drawn)
        self.numbers = self._numbers(shown, whole=shown is snapshot)
        self._drawn = (snapshot, figure, at)
        return True

    def _is_drawn(self, snapshot: Snapshot, figure: str, at: int | None) -> bool:
        assert self._drawn is not None
        return self._drawn[0] is snapshot and self._drawn[1:] == (figure, at)

    @property
    def _summary(self) -> Mapping[str, float | None]:
        """The summary of a path that is over; of several stored ones there is none of the one that is shown."""
        if self.live is not None and self.live.run_left_behind is not None:
            return self.live.run_left_behind.summary
        return self.results.summary if self.results is not None and self.results.finished == 1 else {}

    def _numbers(self, shown: Snapshot, whole: bool) -> dict[str, str]:
        """What is told beside the picture: the summary of a whole path, before its end what has come about."""
        summary = self._summary if whole else {}
        if summary:
            return {called: _number(name, summary[name]) for name, called in SUMMARY.items() if name in summary}
        row = shown.paths.iloc[0]
        return {SUMMARY[name]: _number(name, float(row[name])) for name in ("bad_debt_usd", "liquidated_usd")}


def _alone(make: Callable[[], bytes]) -> bytes:
    """Make something with figures in it while nobody else draws."""
    with _ONE_AT_A_TIME:
        return make()


def _number(name: str, value: float | None) -> str:
    if value is None or math.isnan(value):
        return "not defined"
    return f"{value:,.2f} USD" if name.endswith("_usd") else f"{value:,.4f}"
