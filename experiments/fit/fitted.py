"""What a fit leaves: estimates with standard errors or intervals, the likelihood, the model ready for a scenario."""

import json
import math
from dataclasses import dataclass
from typing import Any

from models.parameters import Parameters


class NoFit(Exception):
    """A model that these returns do not determine, in half a sentence that says why."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """One parameter in the scenario's units; with a 95 % interval where two standard errors either way are none."""

    name: str
    value: float
    error: float
    interval: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Fitted:
    """A model as fitted to `count` returns; `price` is what a scenario would run."""

    model: str
    price: Parameters
    estimates: list[Estimate]
    log_likelihood: float
    count: int

    @property
    def aic(self) -> float:
        """Akaike's information criterion; less is better."""
        return 2.0 * len(self.estimates) - 2.0 * self.log_likelihood

    @property
    def bic(self) -> float:
        """Schwarz's Bayesian information criterion; less is better."""
        return math.log(self.count) * len(self.estimates) - 2.0 * self.log_likelihood

    @property
    def snippet(self) -> str:
        """The line to paste under `[assets.X]`."""
        return f"price = {inline(self.price.model_dump(exclude_none=True))}"


def inline(value: Any) -> str:
    """A value as TOML writes it on one line, numbers in six figures."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {inline(item)}" for key, item in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(inline, value)) + "]"
    if isinstance(value, float):
        return repr(float(f"{value:.6g}"))
    return json.dumps(value)
