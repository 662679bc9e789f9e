"""The parts of the page that one presses: what to open, the knobs, run and pause, and what to take along."""

from collections.abc import Callable

import solara

from experiments.dashboard.desk import DIRECTORY, RIVAL, SCENARIO, SEED, Desk
from experiments.dashboard.knobs import KNOBS

Changed = Callable[[], None]


@solara.component
def Opening(desk: Desk, now: int, changed: Changed) -> None:
    """The scenario to choose, and a stored run to open."""

    def choose(name: str) -> None:
        desk.choose(name)
        changed()

    def open_stored(directory: str) -> None:
        if directory.strip():
            desk.open(directory.strip())
        changed()

    solara.Select("Scenario", values=desk.scenarios, value=desk.name or None, on_value=choose)
    _say(desk.wrong.get(SCENARIO, ""))
    solara.InputText("Open a stored run: its directory", value="", on_value=open_stored)
    _say(desk.wrong.get(DIRECTORY, "") or "that `underwater run` has written", bool(desk.wrong.get(DIRECTORY)))


@solara.component
def Knobs(desk: Desk, now: int, changed: Changed) -> None:
    """Every knob that the scenario has, the seed, and the design that runs beside it."""
    for knob in KNOBS:
        if knob.key in desk.texts:
            Field(desk, now, changed, knob.key, knob.label, knob.hint, list(knob.choices)).key(
                f"{desk.name}-{knob.key}"
            )
    if desk.texts:
        Field(desk, now, changed, SEED, "Seed", "of the random path; both designs meet the same", [])
        Field(
            desk,
            now,
            changed,
            RIVAL,
            "Beside it, the design",
            "on the same seed, everything else the same",
            desk.rivals,
        )


@solara.component
def Field(desk: Desk, now: int, changed: Changed, key: str, label: str, hint: str, choices: list[str]) -> None:
    """A field with its hint, or with what is wrong with what stands in it."""

    def change(text: str) -> None:
        desk.change(key, text)
        changed()

    wrong = desk.wrong.get(key, "")
    with solara.Column(gap="0px", classes=[f"field-{key}"]):
        if choices:
            solara.Select(label, values=choices, value=desk.texts[key], on_value=change, dense=True)
        else:
            solara.InputText(label, value=desk.texts[key], on_value=change, error=bool(wrong), dense=True)
        _say(wrong or hint, bool(wrong))


def _say(text: str, wrong: bool = True) -> None:
    """A small line beneath a field."""
    if text:
        colour = "#b00020" if wrong else "#666666"
        solara.Text(text, style={"color": colour, "font-size": "0.75rem", "margin-bottom": "6px"})


@solara.component
def Controls(desk: Desk, now: int, changed: Changed) -> None:
    """Run, step, pause and reset, and whether the knobs have moved since the paths began."""

    def pressed(act: Callable[[], None]) -> Callable[[], None]:
        def press() -> None:
            act()
            changed()

        return press

    idle = desk.scenario is None or (desk.blocked and all(lane.over for lane in desk.lanes))
    with solara.Row(style={"align-items": "center"}):
        solara.Button("Run", on_click=pressed(desk.run), color="primary", disabled=idle or desk.running)
        solara.Button("Step", on_click=pressed(desk.step), disabled=idle or desk.running)
        solara.Button("Pause", on_click=pressed(desk.pause), disabled=not desk.running)
        solara.Button("Reset", on_click=pressed(desk.reset), disabled=desk.scenario is None or desk.blocked)
        if desk.blocked:
            solara.Text("A field on the left has to be mended first.")
        elif desk.stale:
            solara.Text("Knobs have moved: Reset, or Run after the end, starts with them.")


@solara.component
def Exports(desk: Desk, now: int) -> None:
    """The scenario as TOML, and the report of every path that is over."""
    if desk.scenario is None:
        return
    with solara.Row():
        if not desk.blocked:
            solara.FileDownload(desk.toml, filename=f"{desk.scenario.name}.toml", label="Scenario as TOML")
        for lane in desk.lanes:
            if lane.report is not None:
                name = f"{lane.title.replace(', ', '-').replace(' ', '-')}.html"
                solara.FileDownload(lane.report, filename=name, label=f"Report: {lane.title}")
