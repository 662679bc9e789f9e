"""The page: the knobs on the left, the paths side by side on the right, and the threads that keep both up to date.

Whatever is pressed changes the page's `Desk` and asks for a new drawing; nothing here waits for a path. A part is drawn
again when one of its arguments is another, so each is given `now`, the number of the drawing.
"""

import threading
from collections.abc import Callable

import solara

from experiments.dashboard.controls import Controls, Exports, Knobs, Opening
from experiments.dashboard.desk import Desk
from experiments.dashboard.live import program_ended
from experiments.dashboard.views import Lanes, Looking

POLL_SECONDS = 0.25
"""How often a page looks for something new to show."""

opened = "thin-market"
"""The scenario or directory that a new page opens with; `server` sets it."""


@solara.component
def Page() -> None:
    """A page with a desk of its own, which it gives up when it is closed."""
    desk = solara.use_memo(lambda: Desk.opened(opened), [])
    now, redraw = solara.use_state(0)

    def changed() -> None:
        redraw(lambda count: count + 1)

    solara.use_effect(lambda: _keep_up_to_date(desk, changed), [])
    solara.Title("Underwater")
    with solara.Column(style={"overflow-x": "hidden", "padding": "8px 16px"}), solara.Columns([3, 9]):
        with solara.Column(gap="4px"):
            Opening(desk, now, changed)
            Knobs(desk, now, changed)
        with solara.Column(gap="8px"):
            Controls(desk, now, changed)
            Looking(desk, now, changed)
            Lanes(desk, now)
            Exports(desk, now)


def _keep_up_to_date(desk: Desk, changed: Callable[[], None]) -> Callable[[], None]:
    """Start the page's threads, one for each thing that it waits for; what ends them."""
    over = threading.Event()

    def watch(news: Callable[[], bool]) -> None:
        while not (over.wait(POLL_SECONDS) or program_ended()):
            if news() and not over.is_set():
                changed()

    def leave() -> None:
        over.set()
        desk.close()

    for news in (desk.moved, desk.draw):
        threading.Thread(target=watch, args=(news,), name=f"dashboard-{news.__name__}").start()
    return leave
