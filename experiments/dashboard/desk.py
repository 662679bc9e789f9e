"""What one page of the dashboard is about: a scenario, its knobs, the paths side by side, and what is looked at.

Knows nothing of the page: the page calls these methods when something is pressed, calls `moved` and `draw` again and
again from threads of their own, and shows what it finds here.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from abm import Scenario, ScenarioError
from experiments.comparing.entrants import with_design
from experiments.dashboard import exports, knobs
from experiments.dashboard.lane import FIGURES, Lane
from experiments.dashboard.live import LivePath, Stage
from experiments.dashboard.snapshot import Snapshot
from experiments.designs import designs
from experiments.results import load_results
from experiments.running.counts import MOST_SEED
from experiments.shipped import load_scenario, shipped_scenarios
from experiments.stored.storage import Results, ResultsError

ALONE = "none"
SEED, RIVAL, SCENARIO, DIRECTORY = "seed", "rival", "scenario", "directory"
"""Keys of what else can be wrong, beside those of the knobs."""


@dataclass
class Desk:
    """The state of one page. `texts` holds what stands in each field, `wrong` a sentence beside each that is wrong."""

    name: str = ""
    scenario: Scenario | None = None
    texts: dict[str, str] = field(default_factory=dict)
    wrong: dict[str, str] = field(default_factory=dict)
    lanes: tuple[Lane, ...] = ()
    stale: bool = False
    figure: str = "timeline"
    at: int | None = None

    @classmethod
    def opened(cls, what: str | Path) -> "Desk":
        """A desk with a scenario, by name or file, or a directory that run wrote; what cannot be opened is wrong."""
        desk = cls()
        if Path(what).is_dir():
            desk.open(what)
        else:
            desk.choose(str(what))
        return desk

    @property
    def scenarios(self) -> list[str]:
        """The scenarios to choose from: the shipped ones, and the one that was opened."""
        shipped = list(shipped_scenarios())
        return shipped if self.name in shipped or not self.name else [self.name, *shipped]

    @property
    def rivals(self) -> list[str]:
        """The designs that can run beside the scenario's own."""
        return [ALONE, *designs()]

    @property
    def blocks(self) -> int:
        """How many blocks every lane can show."""
        return min((lane.blocks for lane in self.lanes), default=0)

    @property
    def running(self) -> bool:
        """Whether any lane builds or runs."""
        return any(lane.stage in (Stage.BUILDING, Stage.RUNNING) for lane in self.lanes)

    @property
    def blocked(self) -> bool:
        """Whether a field has to be mended before anything new can run; what could not be opened is not in the way."""
        return not self.wrong.keys() <= {SCENARIO, DIRECTORY}

    def choose(self, name: str) -> None:
        """Take another scenario and forget the paths of the last one."""
        try:
            scenario = load_scenario(name)
            scenario.check_inputs()
        except ScenarioError as error:
            self.wrong[SCENARIO] = str(error)
            return
        self._take(name, scenario)

    def open(self, directory: str | Path) -> None:
        """Look at a stored run; its scenario is taken too, to turn its knobs and run it again."""
        try:
            results = load_results(directory)
            if not isinstance(results, Results):
                raise ResultsError(f"{directory} holds many runs; name a directory that `underwater run` wrote")
            stored = Snapshot.of_results(results)
            scenario = load_scenario(results.directory / "scenario.toml")
        except (ResultsError, ScenarioError) as error:
            self.wrong[DIRECTORY] = str(error)
            return
        self._take(str(directory), scenario)
        self.texts[SEED] = str(stored.seed)
        self.lanes = (Lane(f"{results.name}, seed {stored.seed}, stored", stored=stored, results=results),)

    def _take(self, name: str, scenario: Scenario) -> None:
        self.close()
        self.name, self.scenario = name, scenario
        self.texts = {SEED: self.texts.get(SEED, "1"), RIVAL: ALONE, **knobs.settings(scenario)}
        self.wrong, self.lanes, self.stale, self.at = {}, (), False, None

    def change(self, key: str, text: str) -> None:
        """Put a text into a field; the paths that there are go on as they began."""
        if self.scenario is None or self.texts.get(key) == text:
            return
        self.texts[key] = text
        turned = self._turned()
        if key == "design" and "design" not in turned.wrong:
            self.texts.pop("bonus", None)  # a design brings a bonus of its own, or has none
            stands = knobs.settings(self._turned().scenario)
            self.texts |= {"bonus": stands["bonus"]} if "bonus" in stands else {}
            turned = self._turned()
        self.wrong = {**turned.wrong, **self._wrong_beside(turned.scenario)}
        self.stale = bool(self.lanes)

    def _turned(self) -> knobs.Turned:
        assert self.scenario is not None
        return knobs.turn(self.scenario, self.texts)

    def _wrong_beside(self, turned: Scenario) -> dict[str, str]:
        wrong = {}
        seed, rival = self.texts[SEED].strip(), self.texts[RIVAL]
        if not (seed.isascii() and seed.isdigit() and len(seed) < 30 and int(seed) <= MOST_SEED):
            wrong[SEED] = f"{seed!r} is no seed; give a whole number from 0 to {MOST_SEED}"
        if rival != ALONE:
            try:
                with_design(turned, rival)
            except ScenarioError as error:
                wrong[RIVAL] = str(error)
        return wrong

    def reset(self) -> None:
        """Give the paths up and build new ones, with the knobs as they stand now."""
        if self.scenario is None or self.blocked:
            return
        self.close()
        turned, seed, rival = self._turned().scenario, int(self.texts[SEED]), self.texts[RIVAL]
        wanted = [turned] if rival == ALONE else [turned, with_design(turned, rival)]
        self.lanes = tuple(Lane(_title(one), live=LivePath(one, seed)) for one in wanted)
        self.stale, self.at = False, None

    def run(self) -> None:
        """Run every path to its end; where they are over, run new ones."""
        self._each(LivePath.run)

    def step(self) -> None:
        """Run one block of every path."""
        self._each(LivePath.step)

    def _each(self, act: Callable[[LivePath], None]) -> None:
        if all(lane.over for lane in self.lanes):
            self.reset()
        self.at = None
        for lane in self.lanes:
            if lane.live is not None:
                act(lane.live)

    def pause(self) -> None:
        """Stop every path after its block."""
        for lane in self.lanes:
            if lane.live is not None:
                lane.live.pause()

    def look_at(self, blocks: int) -> None:
        """Look at the state after some blocks; at the last one, follow what runs."""
        self.at = None if blocks >= self.blocks else max(1, blocks)

    def show(self, figure: str) -> None:
        """Show another figure."""
        if figure in FIGURES:
            self.figure = figure

    def moved(self) -> bool:
        """Whether any path is elsewhere than the last time."""
        news = [lane.moved() for lane in self.lanes]  # every one is asked
        return any(news)

    def draw(self) -> bool:
        """Draw what is wanted and not drawn yet, which takes a second or two; whether there was any of that."""
        news = [lane.draw(self.figure, self.at) for lane in self.lanes]  # every one is drawn
        return any(news)

    def toml(self) -> bytes:
        """The scenario with its knobs turned, as a file."""
        assert self.scenario is not None
        return exports.scenario_toml(self._turned().scenario)

    def close(self) -> None:
        """Give up every path that runs."""
        for lane in self.lanes:
            if lane.live is not None:
                lane.live.close()


def _title(scenario: Scenario) -> str:
    """What a lane is called: the scenario, and its design where it has one."""
    return f"{scenario.name}, {scenario.pools[0].liquidation.design}" if scenario.pools else scenario.name
