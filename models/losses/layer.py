"""What all loss layers have in common: terms, and how they become a state at the moment of a loss.

**Source**: the terms of an excess-of-loss cover: Y = min(share * max(X - deductible, 0), limit), for one loss and, with
an attachment and a limit of all losses, over time.

**Models**: `LayerTerms` bind every single loss. `TimedTerms` add what binds all losses together, and `Cover` keeps
count of it.

**Leaves out**: reinstatement of a limit that has been used.

**Units**: fractions, usd; the state is in units of the debt's asset, at the price handed in.

**Invariants**: the attachment is borne once. All that is ever taken stays within the limit of all losses.
"""

from math import inf
from typing import ClassVar, Final

from pydantic import Field

from models.losses.waterfall import LayerState
from models.parameters import Parameters

ROUNDING: Final = 1e-12
"""The part of an amount that is but rounding: nobody is refused for it, and where it is left nothing is."""


class LayerTerms(Parameters):
    """The terms on which a layer pays for one bad debt; one that `mints` makes new units of its `asset` to pay with."""

    mints: ClassVar[bool] = False

    covers: str | None = Field(
        None, description="the reserve whose losses it bears; by default all, or the pool's first for who has capital"
    )
    share: float = Field(1.0, gt=0, le=1, description="part of the loss beyond the deductible that the layer takes")
    deductible_usd: float = Field(0.0, ge=0, description="loss that the layer leaves to those after it")
    limit_usd: float | None = Field(
        None, ge=0, description="most that the layer pays for one bad debt; none by default"
    )

    def state(self, name: str, available_units: float, price_usd: float) -> LayerState:
        """The layer facing a loss in an asset of `price_usd`, with `available_units` of it to pay from."""
        limit = inf if self.limit_usd is None else self.limit_usd / price_usd
        return LayerState(name, min(available_units, limit), self.share, self.deductible_usd / price_usd)

    def cover(self) -> "Cover":
        """The terms as they start to count."""
        return Cover(self)

    def money(self, lost: str) -> tuple[str, float] | None:
        """The asset of an account of its own, and its units at first, where it bears losses of the asset `lost`.

        None for a layer without money outside the pool.
        """
        return None

    def claims(self) -> float | None:
        """Units of claims on the pool itself that it has at first; None for a layer without."""
        return None

    def has_means(self) -> bool:
        """Whether it pays with money or claims of its own."""
        return self.money("") is not None or self.claims() is not None


class TimedTerms(LayerTerms):
    """Terms that also bind all losses together."""

    attachment_usd: float = Field(0.0, ge=0, description="losses that others bear, all together, before it pays")
    aggregate_limit_usd: float | None = Field(
        None, ge=0, description="most that the layer takes of all losses together; none by default"
    )

    def cover(self) -> "Cover":
        """The terms as they start to count, with what binds all losses together."""
        limit = inf if self.aggregate_limit_usd is None else self.aggregate_limit_usd
        return Cover(self, self.attachment_usd, limit)


class Cover:
    """Terms in the course of time.

    Attributes:
        attachment_usd: losses that others have still to bear before the layer pays.
        limit_usd: what the layer may still take.
    """

    __slots__ = ("_terms", "attachment_usd", "limit_usd")

    def __init__(self, terms: LayerTerms, attachment_usd: float = 0.0, limit_usd: float = inf) -> None:
        self._terms = terms
        self.attachment_usd = attachment_usd
        self.limit_usd = limit_usd

    def due(self, rest: float, price_usd: float) -> float:
        """What the terms ask of the layer for a loss of which `rest` units are left, if it has enough."""
        state = self.facing("", inf, rest, price_usd)
        return min(max(rest - state.deductible, 0.0) * state.share, state.capacity)

    def facing(self, name: str, capacity: float, rest: float, price_usd: float) -> LayerState:
        """The layer facing a loss of which `rest` units are left, with `capacity` to pay from."""
        state = self._terms.state(name, min(capacity, self.limit_usd / price_usd), price_usd)
        attached = min(self.attachment_usd / price_usd, rest)
        return LayerState(name, state.capacity, state.share, state.deductible + attached)

    def count(self, rest: float, taken: float, price_usd: float) -> None:
        """Take note that of a loss with `rest` units left the layer took `taken`."""
        self.attachment_usd = max(self.attachment_usd - rest * price_usd, 0.0)
        self.limit_usd = max(self.limit_usd - taken * price_usd, 0.0)
