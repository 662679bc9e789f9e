"""Prices that follow from those of other assets: claims on pools, and what is priced in units of another asset.

Models: whatever moves an asset's reference price, the lasting impact of sales included, moves those that are worked out
from it, in the same block and in their order. A claim is worth what its pool's books say besides.
"""

from collections.abc import Mapping
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING

from models.prices import DerivedPrice

if TYPE_CHECKING:
    from abm.markets.claims import Claims
    from abm.scenario import Scenario
    from abm.world import World


class PricesInACircle(ValueError):
    """Prices that rest on one another and on nothing else; the argument is the circle, by asset."""


class DerivedPrices:
    """The assets of a scenario whose prices follow from others, each after those that its own is worked out from."""

    def __init__(self, scenario: "Scenario", claims: "Claims") -> None:
        index = {name: k for k, name in enumerate(scenario.assets)}
        self._claims = claims
        self._underlying = {index[name]: index[terms.underlying] for name, terms in derived_in_order(scenario)}

    def follow(self, world: "World") -> None:
        """Price them at the start of a block; what else moves their own paths is there already."""
        reference, exogenous = world.reference, world.exogenous[world.step]
        for asset, underlying in self._underlying.items():
            moved = reference[underlying] / exogenous[underlying]
            claim = self._claims.of.get(asset)
            reference[asset] *= moved if claim is None else moved * self._claims.worth(world, claim)

    def root(self, asset: int) -> int:
        """Return the asset that a price rests on in the end: its own, where it follows from no other."""
        while asset in self._underlying:
            asset = self._underlying[asset]
        return asset


def derived_in_order(scenario: "Scenario") -> list[tuple[str, DerivedPrice]]:
    """Return the assets whose prices follow from others, each after those that its own is worked out from.

    Raises `PricesInACircle` where they rest on one another.
    """
    derived = {name: asset.price for name, asset in scenario.assets.items() if isinstance(asset.price, DerivedPrice)}
    return [(name, derived[name]) for name in in_order({name: terms.underlying for name, terms in derived.items()})]


def in_order(below: Mapping[str, str]) -> list[str]:
    """Return the names that rest on another one, each after that. Raises `PricesInACircle`."""
    try:
        order = TopologicalSorter({name: [other] for name, other in below.items()}).static_order()
        return [name for name in order if name in below]
    except CycleError as error:
        raise PricesInACircle(error.args[1]) from None
