"""How a bad debt goes down the waterfall: who pays how much of it.

**Source**: the order of layers is that of the protocol (Aave v3.3: offset, stake, deficit; Morpho: claims at once).
Bad debt itself: Aave v3.3 ``hasNoCollateralLeft``, Morpho Blue's realisation once no collateral is left.

**Models**: layers in order, each with what it can pay now, a deductible it leaves to those after it, and the share of
the rest it takes. Then the depositors, if losses are recognised at once; what is left is uncovered.

**Leaves out**: the time a layer needs to pay and what it owes until then, which is `models.losses.timed_waterfall`.

**Units**: units of the debt's asset.

**Invariants**: the parts sum to the loss, exactly and in any order. No layer pays above its capacity, nor before those
ahead of it have given their share. No loss, no payment.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor, inf, ulp
from typing import Final, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from models.refusals import Refusal
from models.types import FloatArray

Recognition = Literal["immediate", "deferred"]

DEPOSITORS: Final = "depositors"
UNCOVERED: Final = "uncovered"


class InvalidLoss(Refusal):
    """A loss is negative, infinite or not a number."""


@dataclass(frozen=True, slots=True)
class LayerState:
    """What a layer can do about a loss right now: read at payment time, since exits and prices change it.

    `capacity` and `deductible` in units of the debt's asset, `share` of the loss beyond the deductible.
    """

    name: str
    capacity: float
    share: float = 1.0
    deductible: float = 0.0


class Payment(NamedTuple):
    """What one layer pays, in units."""

    layer: str
    paid: float


def bad_debt(collateral: ArrayLike, debt: ArrayLike) -> FloatArray:
    """The realised bad debt of an account, by reserve: all its debt once nothing is left to seize, else nothing.

    `collateral` and `debt` are the account's rows, (R,), in units or in value. This is the one definition for every
    design, so that designs compare on the same footing.
    """
    owed = np.asarray(debt, np.float64)
    return np.zeros_like(owed) if np.any(np.asarray(collateral) > 0.0) else owed.copy()


class Loss:
    """A bad debt on its way down: `rest` is what nobody has taken yet, in units.

    What is taken is rounded down to the last binary place of the whole loss, so that every difference and every sum
    of the parts is exact. Raises `InvalidLoss`.
    """

    def __init__(self, units: float) -> None:
        if not 0.0 <= units < inf:
            raise InvalidLoss(f"a loss of {units} cannot be allocated; give a finite amount, 0 or more")
        self.units = units
        self.rest = units

    def take(self, layer: LayerState) -> float:
        """Let a layer take its part; returns the units it pays."""
        return self._take(taken_by(layer, self.rest))

    def socialise(self, claims: float, recognition: Recognition) -> float:
        """Let depositors bear the rest up to their claims, if losses are recognised at once; returns the units."""
        return self._take(min(self.rest, claims)) if recognition == "immediate" else 0.0

    def _take(self, units: float) -> float:
        taken = _on_grid(units, self.units)
        self.rest -= taken
        return taken


def taken_by(layer: LayerState, rest: float) -> float:
    """What a layer takes of the rest of a loss: ``min((rest - deductible) * share, capacity)``."""
    return min(max(rest - layer.deductible, 0.0) * layer.share, layer.capacity)


def allocate(loss: float, layers: Sequence[LayerState]) -> tuple[list[Payment], float]:
    """Send `loss` (units) down the layers in order; returns one payment for each of them, and what is left.

    Raises `InvalidLoss`.
    """
    going = Loss(loss)
    return [Payment(layer.name, going.take(layer)) for layer in layers], going.rest


def waterfall(
    loss: float, layers: Sequence[LayerState], claims: float, recognition: Recognition
) -> list[tuple[str, float]]:
    """Everybody who takes a part of `loss`, in order, as (name, units); the units sum to `loss` exactly.

    After the layers, ``depositors`` bear the rest up to their `claims` when `recognition` is immediate; what remains is
    ``uncovered`` (with deferred recognition all of it: the hole stays). Raises `InvalidLoss`.
    """
    going = Loss(loss)
    parts = [(layer.name, going.take(layer)) for layer in layers]
    parts.append((DEPOSITORS, going.socialise(claims, recognition)))
    parts.append((UNCOVERED, going.rest))
    return [(name, paid) for name, paid in parts if paid > 0.0]


def _on_grid(amount: float, loss: float) -> float:
    """`amount` rounded down to a multiple of the loss's last binary place."""
    place = ulp(loss)
    return floor(max(amount, 0.0) / place) * place
