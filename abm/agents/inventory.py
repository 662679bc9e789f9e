"""Inventory: what a liquidator holds, what that has gained or lost, and what it asks for the risk of it.

**Source**: Stoll (1978), "The supply of dealer services in securities markets", Journal of Finance 33; Grossman and
Miller (1988), "Liquidity and market structure", Journal of Finance 43: who takes over a position at the risk of its
price until others buy it asks for a charge that grows with risk aversion, variance over that time, and the position.

**Models**: with risk aversion a relative to the wealth W, the certainty equivalent of holding x dollars is below x by
``a * s^2 * h * x^2 / (2 W)``, with s the volatility per root of a year and h the holding time. So q dollars on top of
I that are held already cost ``a * s^2 * h / W * q * (I + q / 2)``, and are worth adding until the charge on one dollar
more eats what is gained on it.

**Leaves out**: that different collaterals hedge one another: all that is held counts as one. Drift, and financing while
holding.

**Units**: dollars; a is a pure number, h in years.

**Invariants**: the charge grows with all of its arguments; without aversion, or with endless wealth, there is none.
"""

from dataclasses import dataclass
from typing import Final

_SPECK: Final = 1e-12
"""The part of what is held by which it may miss its limit: who has come up to it adds no rounding more."""


@dataclass(slots=True)
class Holding:
    """Seized collateral that a member has not sold yet, what it was worth when seized, the generation of the newest."""

    units: float = 0.0
    seized_usd: float = 0.0
    generation: int = 0

    def add(self, units: float, usd: float, generation: int) -> None:
        """Take in what has been seized."""
        self.units += units
        self.seized_usd += usd
        self.generation = max(self.generation, generation)

    def give(self, units: float, usd: float) -> float:
        """Give units away for dollars; returns what has been gained on them since they were seized."""
        worth = self.seized_usd * min(units / self.units, 1.0) if self.units > 0.0 else 0.0
        self.units = max(self.units - units, 0.0)
        self.seized_usd -= worth
        return usd - worth

    def spend(self, units: float, balance: float, price_usd: float) -> float:
        """Pay units out of a balance, of which these are what has been seized: the last to go; returns the gain."""
        spent = min(max(units - max(balance - self.units, 0.0), 0.0), self.units)
        return self.give(spent, spent * price_usd)

    def gain_usd(self, price_usd: float) -> float:
        """Return what would be gained at a price on what is still held."""
        return self.units * price_usd - self.seized_usd


@dataclass(frozen=True, slots=True)
class HoldingTerms:
    """What one more dollar costs who holds so much already: `charge` a dollar and dollar held, up to `limit_usd`."""

    charge: float
    held_usd: float
    limit_usd: float

    def charge_usd(self, added_usd: float) -> float:
        """Return what is asked for holding so much more."""
        return self.charge * added_usd * (self.held_usd + 0.5 * added_usd)

    def most_usd(self, gained: float) -> float:
        """Return the most worth adding where `gained` of each dollar of collateral is profit before the charge."""
        bearable = gained / self.charge - self.held_usd if self.charge > 0.0 else float("inf")
        most = min(bearable, self.limit_usd - self.held_usd)
        return most if most > _SPECK * self.held_usd else 0.0


def charge_per_usd(aversion: float, volatility_per_year: float, years: float, wealth_usd: float) -> float:
    """Return what holding a dollar costs for each dollar held: a s^2 h / W."""
    if wealth_usd <= 0.0:
        return float("inf") if aversion > 0.0 else 0.0
    return aversion * volatility_per_year**2 * years / wealth_usd
