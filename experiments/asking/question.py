"""An experiment as a TOML file: a question, what is varied to answer it, and the figure that shows the answer.

    name = "liquidator-capital"
    question = "How much capital must liquidators have before more of it stops mattering?"
    setup = "Their capital from a thousandth of the debt to all of it, everything else as it is, the same seeds."
    reading = "Where the line becomes flat, capital has stopped binding."
    scenario = "loan-book"                          # a shipped scenario's name, or a file relative to this one
    set = { "time.steps" = 288 }                    # dotted keys, as those of --set
    paths = 200
    metrics = ["total_bad_debt_usd", "total_bad_debt_usd_es95", "total_bad_debt_usd > 0"]
    baseline = { capital = 2e7 }
    [[factors]]
    name = "capital"
    key = "agents.liquidators.0.capital_usd"
    low = 2e4
    high = 2e7
    points = 7
    scale = "log"
    [figure]
    kind = "lines"
    x = "capital"

`labels` are what tables and figures call some of the metrics, such as { depositors_0_lost_usd = "the quick" }.

Without `factors` it is one point. With `designs` every point is run under each of these liquidation designs.
"""

import tomllib
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import tomli_w
from pydantic import Field, ValidationError, model_validator

from abm import Scenario, ScenarioError
from abm.reading.inputs import TOML_ERRORS, override, put_all
from abm.reading.sentences import sentence, suggestion
from experiments.asking.factors import Factor, Grid, Plan, Point
from experiments.comparing.entrants import ALL, with_design
from experiments.designs import designs
from experiments.running.counts import MOST_SEED
from experiments.shipped import found, load_scenario
from models.parameters import Parameters

MOST_PATHS = 1_000_000
POINTWISE = ("bars", "stack", "frontier", "spread")
"""Kinds of figures that show several metrics of every point, whatever its factors are."""


class Curve(Parameters):
    """A line that theory draws into the figure; `experiments/figures/curves.py` has what each one is.

    `slippage_eats_bonus` needs the debt that is sold at once, `size_usd`; `toxic_frontier` needs nothing.
    """

    kind: Literal["slippage_eats_bonus", "toxic_frontier"]
    size_usd: float | None = Field(None, gt=0)

    @model_validator(mode="after")
    def _has_a_size(self) -> Self:
        if self.kind == "slippage_eats_bonus" and self.size_usd is None:
            raise ValueError("slippage_eats_bonus needs size_usd, the debt whose collateral is sold at once")
        return self


class Picture(Parameters):
    """The figure that answers the question.

    `lines`: a metric along `x`, a line for each value of the other factor or design. `map`: a metric over `x` and `y`,
    with the line where it reaches `limit`. `scatter`: a metric against every factor, for sampled points. Without `x`
    the factors are taken in their order. `metrics` are panels of `lines`, of the experiment's first metric otherwise.

    `bars`: a panel for each of `metrics`, a bar for each point, beside what was `reported` of a metric: a figure, or
    the least and the most. `stack`: a bar for each point, of `metrics` that add up, and beside it the metrics of
    `dots`. `frontier`: two `metrics`, more of the first against less of the second, and the points that no other beats
    on both. `spread`: losses by node of the network at moments of one path, of the first seed at the baseline, and
    below it a stack.
    """

    kind: Literal["lines", "map", "scatter", "bars", "stack", "frontier", "spread"]
    x: str | None = None
    y: str | None = None
    metrics: list[str] = []
    dots: list[str] = []
    reported: dict[str, Annotated[list[float], Field(min_length=1, max_length=2)]] = {}
    limit: float | None = None
    curve: Curve | None = None


class Experiment(Parameters):
    """A question and how it is put to the simulator; the module's docstring shows the file."""

    name: str = Field(min_length=1, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    question: str = Field(min_length=1)
    setup: str = ""
    reading: str = ""
    scenario: str = Field(min_length=1)
    set: dict[str, Any] = {}
    seed: int = Field(1, ge=0, le=MOST_SEED)
    paths: int = Field(100, ge=1, le=MOST_PATHS)
    metrics: Annotated[list[str], Field(min_length=1)] = ["total_bad_debt_usd", "total_bad_debt_usd > 0"]
    labels: dict[str, str] = {}
    designs: list[str] = []
    baseline: dict[str, Any] = {}
    plan: Plan = Grid()
    factors: list[Factor] = []
    figure: Picture | None = None

    @classmethod
    def load(cls, name_or_path: str | Path) -> Self:
        """Load a shipped experiment by its name, or any by its file. Raises `ScenarioError` with one sentence."""
        file = found("experiment", str(name_or_path), shipped_experiments())
        try:
            data = tomllib.loads(file.read_text(encoding="utf-8-sig"))
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
            raise ScenarioError(f"experiment file {file} cannot be read ({reason}); give a TOML file") from None
        except TOML_ERRORS as error:
            raise ScenarioError(f"experiment file {file} is not valid TOML ({error}); mend it there") from None
        base = data.get("scenario")
        if isinstance(base, str) and base.endswith(".toml"):
            data["scenario"] = str(file.resolve().parent / base)
        return cls.from_dict(data)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Build an experiment from a dictionary of the file's shape. Raises `ScenarioError` with one sentence."""
        try:
            return cls.model_validate(dict(data))
        except ValidationError as error:
            raise ScenarioError(sentence(error, cls, dict(data))) from None

    def to_dict(self) -> dict[str, Any]:
        """The experiment as plain data that TOML can hold."""
        return self.model_dump(mode="python", exclude_none=True)

    def to_toml(self) -> str:
        """The experiment as the text of a file."""
        return tomli_w.dumps(self.to_dict())

    def base(self, overrides: Mapping[str, str] | None = None) -> Scenario:
        """The scenario with everything set that the experiment sets at all of its points, and what `overrides` say.

        Raises `ScenarioError`.
        """
        tree = load_scenario(self.scenario).to_dict()
        tree.pop("beside", None)
        put_all(tree, self.set)
        override(tree, overrides or {})
        return Scenario.from_dict(tree)

    @property
    def entered(self) -> list[str]:
        """The designs by name; `all` is every one there is."""
        return list(designs()) if self.designs == [ALL] else list(self.designs)

    def at(self, base: Mapping[str, Any], point: Point) -> Scenario:
        """The scenario of a point, from the base scenario as a dictionary. Raises `ScenarioError` naming the point."""
        try:
            tree = Scenario.from_dict(base).to_dict()
            changes = [factor.changes(point.values[factor.name]) for factor in self.factors]
            put_all(tree, {key: value for change in changes for key, value in change.items()})
            scenario = Scenario.from_dict(tree)
            return scenario if point.design is None else with_design(scenario, point.design)
        except ScenarioError as error:
            raise ScenarioError(f"{self.name} at {point.told(self.factors)}: {error}") from None

    @model_validator(mode="after")
    def _parts_fit(self) -> Self:
        names = [factor.name for factor in self.factors]
        for k, name in enumerate(names):
            if name in names[:k]:
                raise ValueError(f"two factors are called {name!r}; rename one of them")
        known = designs()
        for name in self.designs if self.designs != [ALL] else []:
            if name not in known:
                raise ValueError(f"designs: {name!r} is no liquidation design; {suggestion(name, [ALL, *known])}")
        if not self.factors and self.plan.kind != "grid":
            raise ValueError(f"plan.kind = {self.plan.kind!r} has no factors to choose from; add [[factors]]")
        self._baseline_is_there(names)
        for text in self.labels:
            if text not in self.metrics:
                raise ValueError(f"labels.{text} is none of the metrics; {suggestion(text, self.metrics)}")
        if self.figure is not None:
            self._figure_fits(names)
        return self

    def _baseline_is_there(self, names: list[str]) -> None:
        if not self.baseline:
            return
        wanted = [*names, "design"] if self.designs else names
        for name in self.baseline:
            if name not in wanted:
                raise ValueError(f"baseline.{name} is no factor; {suggestion(name, wanted)}")
        missing = [name for name in wanted if name not in self.baseline]
        if missing:
            raise ValueError(f"baseline must say which value of {missing[0]!r} it has; add it")

    def _figure_fits(self, names: list[str]) -> None:
        picture = self.figure
        assert picture is not None
        by_name = {factor.name: factor for factor in self.factors}
        for axis, name in (("x", picture.x), ("y", picture.y)):
            if name is not None and name not in names:
                raise ValueError(f"figure.{axis} = {name!r} is no factor; {suggestion(name, names)}")
            if name is not None and axis == "x" and picture.kind == "lines" and not by_name[name].numeric:
                raise ValueError(f"figure.x = {name!r} has no numbers for an axis; name another factor")
        if picture.kind == "map" and (len(names) != 2 or self.plan.kind != "grid"):
            raise ValueError("figure.kind = 'map' is of two factors in a grid; have two, or draw lines")
        if picture.kind == "lines" and not any(factor.numeric for factor in self.factors):
            raise ValueError("figure.kind = 'lines' needs a factor with numbers; have one, or draw a scatter")
        if picture.kind == "frontier" and len(picture.metrics) != 2:
            raise ValueError("figure.kind = 'frontier' is of two figure.metrics: more of the first, less of the second")
        if picture.kind in POINTWISE:
            self._figure_has_metrics(picture)

    def _figure_has_metrics(self, picture: Picture) -> None:
        if not picture.metrics:
            raise ValueError(f"figure.kind = {picture.kind!r} needs figure.metrics; name some of the metrics")
        for text in [*picture.metrics, *picture.dots, *picture.reported]:
            if text not in self.metrics:
                raise ValueError(f"figure: {text!r} is none of the metrics; {suggestion(text, self.metrics)}")


def shipped_experiments() -> dict[str, Path]:
    """Every shipped experiment's file by the name it is asked for, in alphabetical order."""
    folder = Path(str(resources.files("experiments") / "questions"))
    return {file.stem: file for file in sorted(folder.glob("*.toml"))}


def describe(file: Path) -> str:
    """The question of an experiment's file."""
    with file.open("rb") as source:
        return str(tomllib.load(source).get("question", ""))
