"""Floors: where somebody can sell. Everybody on all of it; who empties bands, not into these."""

import copy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

from models.market import Router, Venue

if TYPE_CHECKING:
    from abm.markets.exchange import Exchange
    from models.market import Source


@dataclass(frozen=True, slots=True)
class Floor:
    """The exchanges by their number, and the routes over their venues."""

    exchanges: "list[Exchange]"
    router: Router

    @classmethod
    def over(cls, exchanges: "list[Exchange]") -> Self:
        """Return the floor of these exchanges."""
        pairs = [(desk.base, desk.quote) for desk in exchanges]
        return cls(exchanges, Router([desk.venue for desk in exchanges], pairs))

    def copy(self) -> Self:
        """Return a floor of its own, for trying sales on: its venues are copies, and no ledger knows of them."""
        return self.over([replace(desk, venue=copy.deepcopy(desk.venue)) for desk in self.exchanges])

    def without(self, source: "Source") -> "Floor":
        """Return the floor without one of its sources, which must not be the only one of its exchange."""
        return Floor.over([_without(desk, source) for desk in self.exchanges])


def _without(desk: "Exchange", source: "Source") -> "Exchange":
    """Return an exchange less a source, to be traded on; the other sources are the same ones."""
    kept = [k for k, one in enumerate(desk.venue.sources) if one is not source]
    if len(kept) == len(desk.venue.sources):
        return desk
    return replace(
        desk,
        venue=Venue([desk.venue.sources[k] for k in kept]),
        source_names=[desk.source_names[k] for k in kept],
        source_accounts=[desk.source_accounts[k] for k in kept],
    )
