"""Money set aside for losses, in the debt's asset or in another one.

**Source**: insurance funds as perpetual exchanges keep them; Safety Module and Vow for capital in an asset of its own.

**Models**: what it is worth is what selling it would bring now; paying sells no more than needed.

**Leaves out**: income on it, and what keeping it costs.

**Units**: `capital` in units of `asset`; None is the debt's own, at par.

**Invariants**: capital is never below nothing and only falls by what is spent.
"""

from math import inf

from models.losses.market import LossView, raise_by_sale
from models.losses.payer import Effect, Paid
from models.losses.refusals import InvalidStake


class Pot:
    """Capital in one asset."""

    __slots__ = ("asset", "capital")

    def __init__(self, capital: float, asset: str | None = None) -> None:
        self.capital = capital
        self.asset = asset

    def worth(self, market: LossView) -> float:
        """What selling all of it brings, units of debt."""
        return market.token(self.asset).proceeds(self.capital)

    def spend(self, units: float, market: LossView) -> Paid:
        """Pay up to `units` of debt; the rest is the shortfall."""
        raised, sold = raise_by_sale(market.token(self.asset), units, self.capital)
        self.capital = max(self.capital - sold, 0.0)
        return Paid(units=raised, shortfall=units - raised, effects=(Effect("spent", self.asset, sold),))

    def refill(self, units: float, market: LossView) -> float:
        """Put `units` of debt back, at the price of now; returns them. What is worth nothing cannot be bought back."""
        price = market.token(self.asset).price
        if not price > 0.0:
            return 0.0
        self.capital += units / price
        return units

    def receive(self, units: float) -> None:
        """Add income, in units of the asset. Raises `InvalidStake`."""
        if not 0.0 <= units < inf:
            raise InvalidStake(f"a fund cannot receive {units}; give a finite amount, 0 or more")
        self.capital += units
