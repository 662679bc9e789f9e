"""The factors of an experiment: what is varied, over which values, and which combinations of them are points.

**Source**: Latin hypercubes: McKay, Beckman and Conover (1979). Scrambled Sobol sequences: Owen (1998); both by
`scipy.stats.qmc`.

**Models**: a factor sets one key of the scenario, or several in proportion, to each of its values; or its levels set
whatever keys they name. A plan turns factors into points: every combination, the values side by side, or a sample of
the unit cube that each factor reads its value from.

**Units**: values are in the units of the key that they set.

**Invariants**: the same plan and seed give the same points; more points of a `sobol` plan begin with the fewer.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from abm import ScenarioError
from experiments.asking.screening import Screening
from experiments.numbers import duration, short, three_figures
from models.parameters import Parameters
from models.types import FloatArray

MOST_POINTS = 100_000
RESERVED = frozenset(
    [
        "point",
        "design",
        "path",
        "seed",
        "weight",
        "status",
        "error",
        "cell",
        "metric",
        "value",
        "low",
        "high",
        "method",
        "paths",
        "failed",
        "effective_paths",
        "gain",
        "difference",
        "difference_low",
        "difference_high",
        "common_paths",
        "p_value",
        "p_value_holm",
    ]
)
"""Columns of the tables, which no factor may be called."""


class Factor(Parameters):
    """One thing that is varied. It has `values`, or `levels`, or a range from `low` to `high`.

    `key` is the dotted key of the scenario that a value is put to; `keys` are several, each with the multiple of the
    value that it gets. A range is on a `linear` or a `log` scale; in a grid it has `points` values; `whole` rounds.
    `label` and `unit` are for people: a number, a `percent` age, an amount in `usd`, or a time in `seconds`.
    """

    name: str = Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")
    label: str = ""
    unit: Literal["number", "percent", "usd", "seconds"] = "number"
    key: str | None = None
    keys: dict[str, float] | None = None
    values: Annotated[list[Any], Field(min_length=1)] | None = None
    levels: Annotated[dict[str, dict[str, Any]], Field(min_length=1)] | None = None
    low: float | None = None
    high: float | None = None
    points: int | None = Field(None, ge=2)
    scale: Literal["linear", "log"] = "linear"
    whole: bool = False

    @model_validator(mode="after")
    def _says_what_is_varied(self) -> Self:
        if self.name in RESERVED:
            raise ValueError(f"factor {self.name!r} is called like a column of the tables; give it another name")
        ways = [self.values is not None, self.levels is not None, self.low is not None or self.high is not None]
        if sum(ways) != 1:
            raise ValueError(f"factor {self.name!r} needs one of: values, levels, or low and high")
        if self.levels is None and (self.key is None) == (self.keys is None):
            raise ValueError(f"factor {self.name!r} needs key, or keys with the multiple of the value that each gets")
        if self.levels is not None and (self.key is not None or self.keys is not None):
            raise ValueError(f"factor {self.name!r} has levels, which name their own keys; remove key and keys")
        if self.keys is not None and not all(map(_is_number, self.values or [])):
            raise ValueError(f"factor {self.name!r} has keys in proportion, so its values must be numbers")
        if ways[2]:
            self._check_range()
        told = [repr(value) for value in self.values or []]
        twice = next((text for k, text in enumerate(told) if text in told[:k]), None)
        if twice is not None:
            raise ValueError(f"factor {self.name!r} has the value {twice} twice; name it once")
        return self

    def _check_range(self) -> None:
        if self.low is None or self.high is None or not self.low < self.high:
            raise ValueError(f"factor {self.name!r} needs low and high, low below high")
        if self.scale == "log" and self.low <= 0.0:
            raise ValueError(f"factor {self.name!r} is on a log scale, so low must be above 0")

    @property
    def is_range(self) -> bool:
        """Whether the factor runs from `low` to `high`."""
        return self.low is not None

    @property
    def title(self) -> str:
        """What people call it."""
        return self.label or self.name.replace("_", " ")

    @property
    def numeric(self) -> bool:
        """Whether every value is a number, so that it can be an axis."""
        return self.is_range or (self.values is not None and all(map(_is_number, self.values)))

    def listed(self) -> list[Any]:
        """The values one by one: those given, the names of the levels, or `points` from low to high.

        Raises `ScenarioError` for a range without `points`.
        """
        if self.levels is not None:
            return list(self.levels)
        if self.values is not None:
            return list(self.values)
        if self.points is None:
            raise ScenarioError(f"factor {self.name!r} runs from low to high; say in how many points, such as points=5")
        return [self.at(k / (self.points - 1)) for k in range(self.points)]

    def at(self, share: float) -> Any:
        """The value at a share from 0 to 1 of the way: of a range by its scale, of a list the one that is there."""
        if self.low is None or self.high is None:
            listed = self.listed()
            return listed[min(int(share * len(listed)), len(listed) - 1)]
        if share in (0.0, 1.0):  # the ends exactly, whatever exp and log round
            value = self.high if share else self.low
        elif self.scale == "log":
            value = math.exp((1.0 - share) * math.log(self.low) + share * math.log(self.high))
        else:
            value = (1.0 - share) * self.low + share * self.high
        return round(value) if self.whole else value

    def changes(self, value: Any) -> dict[str, Any]:
        """The keys that a value sets."""
        if self.levels is not None:
            return dict(self.levels[str(value)])
        if self.keys is not None:
            return {key: times * value for key, times in self.keys.items()}
        return {str(self.key): value}

    def written(self, value: Any) -> str:
        """A value as people read it."""
        if not _is_number(value):
            return str(value).lower() if isinstance(value, bool) else str(value)
        match self.unit:
            case "percent":
                return f"{three_figures(100.0 * value)} %"
            case "seconds":
                return duration(value) if value else "none"
            case _:
                return short(value)


class Grid(Parameters):
    """Every combination of the factors' values."""

    kind: Literal["grid"] = "grid"

    def choose(self, factors: Sequence[Factor]) -> Iterator[tuple[Any, ...]]:
        """The points, the last factor changing fastest."""
        return product(*(factor.listed() for factor in factors))


class Listed(Parameters):
    """The first values of all factors together, then the second ones, and so on."""

    kind: Literal["list"]

    def choose(self, factors: Sequence[Factor]) -> Iterator[tuple[Any, ...]]:
        """The points in order. Raises `ScenarioError` where the factors have not equally many values."""
        lists = [factor.listed() for factor in factors]
        lengths = {factor.name: len(values) for factor, values in zip(factors, lists, strict=True)}
        if len(set(lengths.values())) > 1:
            told = ", ".join(f"{name} {count}" for name, count in lengths.items())
            raise ScenarioError(f"plan.kind = 'list' takes the factors side by side, but they have {told} values")
        return zip(*lists, strict=True)


class Sampled(Parameters):
    """`points` of the unit cube, one side a factor: independent, one in every slice of every side, or evenly spread."""

    kind: Literal["random", "latin_hypercube", "sobol"]
    points: int = Field(ge=1, le=MOST_POINTS)
    seed: int = Field(1, ge=0)

    @model_validator(mode="after")
    def _balanced(self) -> Self:
        if self.kind == "sobol" and self.points & (self.points - 1):
            below = 1 << (self.points.bit_length() - 1)
            raise ValueError(
                f"plan.points = {self.points} cannot be used with sobol, whose points are even in powers of two; "
                f"give {below} or {2 * below}"
            )
        return self

    def choose(self, factors: Sequence[Factor]) -> Iterator[tuple[Any, ...]]:
        """The points in order."""
        for row in self._cube(len(factors)).tolist():
            yield tuple(factor.at(share) for factor, share in zip(factors, row, strict=True))

    def _cube(self, sides: int) -> FloatArray:
        rng = np.random.default_rng(self.seed)
        if self.kind == "random":
            return rng.random((self.points, sides))
        from scipy.stats import qmc  # noqa: PLC0415  takes seconds to import

        maker = qmc.Sobol if self.kind == "sobol" else qmc.LatinHypercube
        drawn: FloatArray = maker(sides, rng=rng).random(self.points)
        return drawn


Plan = Annotated[Grid | Listed | Sampled | Screening, Field(discriminator="kind")]


@dataclass(frozen=True, slots=True)
class Point:
    """One combination: its number, its design where the experiment names designs, and the value of every factor."""

    number: int
    design: str | None
    values: Mapping[str, Any]

    def told(self, factors: Sequence[Factor]) -> str:
        """The point in words, for messages."""
        parts = [f"{factor.name} = {factor.written(self.values[factor.name])}" for factor in factors]
        return ", ".join([self.design, *parts] if self.design else parts) or "the only point"


def points_of(plan: Plan, factors: Sequence[Factor], designs: Sequence[str]) -> list[Point]:
    """All points of an experiment: those of its plan under every design, design after design.

    Raises `ScenarioError` where the factors do not fit the plan or the points are too many.
    """
    if not factors:
        chosen: list[tuple[Any, ...]] = [()]
    else:
        chosen = []
        for values in plan.choose(factors):
            if len(chosen) >= MOST_POINTS:
                raise ScenarioError(f"the experiment has more than {MOST_POINTS:,} points; vary fewer values")
            chosen.append(values)
    names = [factor.name for factor in factors]
    fields: list[str | None] = [*designs] if designs else [None]
    return [
        Point(number, design, dict(zip(names, values, strict=True)))
        for number, (design, values) in enumerate(product(fields, chosen))
    ]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
