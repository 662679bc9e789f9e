"""The parts of the page that one looks at: which figure, which moment, and every path's picture and numbers."""

import base64
from collections.abc import Callable

import solara

from experiments.dashboard.desk import Desk
from experiments.dashboard.lane import FIGURES, Lane


@solara.component
def Looking(desk: Desk, now: int, changed: Callable[[], None]) -> None:
    """The figure to see, and the moment to see it at."""

    def show(figure: str) -> None:
        desk.show(figure)
        changed()

    def look_at(blocks: int) -> None:
        desk.look_at(blocks)
        changed()

    solara.ToggleButtonsSingle(value=desk.figure, values=list(FIGURES), on_value=show)
    if desk.blocks > 1 and not desk.running:
        at = desk.blocks if desk.at is None else min(desk.at, desk.blocks)
        solara.SliderInt(f"After block {at:,}", value=at, min=1, max=desk.blocks, on_value=look_at)


@solara.component
def Lanes(desk: Desk, now: int) -> None:
    """Every path, side by side."""
    if not desk.lanes:
        solara.Text("Turn the knobs, then press Run, or Step for one block at a time.")
        return
    with solara.Columns([1] * len(desk.lanes)):
        for lane in desk.lanes:
            Shown(lane, now)


@solara.component
def Shown(lane: Lane, now: int) -> None:
    """One path: where it is, its picture, its numbers."""
    with solara.Column(gap="4px", classes=["lane"]):
        solara.Text(f"{lane.title}: {lane.progress}", classes=["progress"], style={"font-weight": "600"})
        if lane.error:
            solara.Error(lane.error, dense=True)
        if lane.picture:
            source = "data:image/png;base64," + base64.b64encode(lane.picture).decode()
            attributes = {"src": source, "alt": lane.caption}
            solara.v.Html(tag="img", attributes=attributes, style_="width: 100%; max-width: 900px")
        for called, number in lane.numbers.items():
            with solara.Row(justify="space-between", style={"max-width": "420px"}):
                solara.Text(called)
                solara.Text(number, classes=["number"], style={"font-variant-numeric": "tabular-nums"})
