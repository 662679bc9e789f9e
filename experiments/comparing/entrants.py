"""Who enters a comparison: the scenario once for every design, and which designs cannot run in it.

A design's scenario is the base scenario with the whole table `pools.*.liquidation` replaced by the design at its
default parameters; only a design that the scenario itself names keeps the parameters that it has there, and wrappers go
around every design. Thresholds, people, markets and prices stay as they are.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from abm import Scenario, ScenarioError
from abm.reading.sentences import suggestion
from experiments.designs import DISCRIMINATOR, designs
from experiments.running.paths import metrics_of
from models.liquidation import WRAPPERS

ALL = "all"


@dataclass(frozen=True, slots=True)
class Entrant:
    """One row of a comparison: its name in the tables, its design, and the scenario that is run for it."""

    name: str
    design: str
    scenario: Scenario

    @property
    def parameters(self) -> dict[str, Any]:
        """The design's parameters, in the first pool that has the design."""
        pool = next(pool for pool in self.scenario.pools if pool.liquidation.design == self.design)
        return pool.liquidation.model_dump(exclude={DISCRIMINATOR, *WRAPPERS})


@dataclass(frozen=True, slots=True)
class Field:
    """The entrants of a comparison in order, the designs left out with the reason, and the metrics they all have."""

    entrants: tuple[Entrant, ...]
    left_out: dict[str, str]
    metrics: tuple[str, ...]


def field_of(scenario: Scenario, wanted: str, seed: int) -> Field:
    """The field for `all` designs, or for those in a list with commas.

    Every entrant's world is built and run for a block. Raises `ScenarioError` for a design that is not known or cannot
    run here; of `all` such a design is left out.
    """
    if not scenario.pools:
        raise ScenarioError("the scenario has no pools, so no design has anything to do; add [[pools]]")
    known = designs()
    every = wanted.strip() == ALL
    names = list(known) if every else [name.strip() for name in wanted.split(",")]
    for number, name in enumerate(names):
        if name not in known:
            raise ScenarioError(f"--designs {name!r} is no liquidation design; {suggestion(name, [ALL, *known])}")
        if name in names[:number]:
            raise ScenarioError(f"--designs names {name} twice; name it once")
    entrants: list[Entrant] = []
    left_out: dict[str, str] = {}
    metrics: tuple[str, ...] = ()
    for name in names:
        try:
            entrant = Entrant(name, name, with_design(scenario, name))
            metrics = _try(entrant, seed)
        except ScenarioError as error:
            if not every:
                raise ScenarioError(f"--designs {name} cannot run in {scenario.name}: {error}") from None
            left_out[name] = str(error)
        else:
            entrants.append(entrant)
    if not entrants:
        raise ScenarioError(f"no design can run in {scenario.name}; {names[0]}: {left_out[names[0]]}")
    return Field(tuple(entrants), left_out, metrics)


def with_design(scenario: Scenario, design: str, parameters: Mapping[str, Any] | None = None) -> Scenario:
    """The scenario with a design in every pool, and with its parameters changed in each of them.

    Raises `ScenarioError` where the result is no scenario.
    """
    tree = scenario.to_dict()
    tree.pop("beside", None)
    for pool in tree["pools"]:
        own = pool["liquidation"]
        if own[DISCRIMINATOR] != design:
            own = {DISCRIMINATOR: design, **{name: own[name] for name in WRAPPERS if name in own}}
        pool["liquidation"] = {**own, **(parameters or {})}
    return Scenario.from_dict(tree)


def baseline_of(scenario: Scenario, names: Sequence[str], wanted: str | None) -> str:
    """The design that the others are compared to: the one asked for, the scenario's own, or the first.

    Raises `ScenarioError` when the one asked for is not among `names`.
    """
    if wanted is None:
        own = scenario.pools[0].liquidation.design
        return own if own in names else names[0]
    if wanted not in names:
        raise ScenarioError(f"--baseline {wanted!r} is not among the designs compared; {suggestion(wanted, names)}")
    return wanted


def _try(entrant: Entrant, seed: int) -> tuple[str, ...]:
    """Build the entrant's world and run a block of it; the names of the metrics."""
    entrant.scenario.check_inputs()
    return metrics_of(entrant.scenario, seed)
