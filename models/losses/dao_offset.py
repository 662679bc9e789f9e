"""A DAO bears the first losses itself, up to an amount it has set.

**Source**: aave-dao/aave-umbrella, ``Umbrella.sol``: ``deficitOffset`` and ``coverDeficitOffset``; AIP-467 (2026) for
the amounts: 1.3M USDC, 1.6M USDT, 77 WETH.

**Models**: losses up to `capital` pass the stakers by; the DAO burns claims of its own for them, `delay_seconds` later.

**Leaves out**: the vote that raises the offset again (`refill` of its capital is the world's).

**Units**: units of the debt's asset, seconds.

**Invariants**: all losses together, the layer takes at most its capital.
"""

from typing import ClassVar, Literal

from pydantic import Field

from models.losses.layer import TimedTerms
from models.losses.market import LossView
from models.losses.payer import Effect, Paid, Payer, Settles, What


class DaoOffsetLayer(TimedTerms):
    """The first losses, borne by the DAO."""

    kind: Literal["dao_offset"] = "dao_offset"
    capital: float = Field(ge=0, description="units of the debt's asset that the DAO bears before anybody is slashed")
    delay_seconds: float = Field(0.0, ge=0, description="from the loss to the DAO's payment")

    def claims(self) -> float:
        """What the DAO has for the offset."""
        return self.capital

    def start(self) -> "DaoOffset":
        """The layer before the first loss."""
        return DaoOffset(self)


class DaoOffset(Payer):
    """What is left of the offset, in `capital`, and the claims that the DAO has for it now, in `held`."""

    __slots__ = ("capital", "held")

    gives: ClassVar[frozenset[What]] = frozenset({"burned"})

    settles: ClassVar[Settles] = "claims"

    def __init__(self, terms: DaoOffsetLayer) -> None:
        super().__init__(terms, terms.delay_seconds)
        self.capital = self.held = terms.capital

    def capacity(self, now_seconds: float, market: LossView) -> float:
        """The offset, as far as there are claims for it, less what is promised."""
        return max(min(self.capital, self.held) - self.pending_units, 0.0)

    def see(self, held: float, now_seconds: float) -> None:
        """Count the claims that are there."""
        self.held = held

    def _deliver(self, units: float, now_seconds: float, market: LossView) -> Paid:
        paid = min(units, self.capital, self.held)
        self.capital -= paid
        self.held -= paid
        return Paid(units=paid, shortfall=units - paid, effects=(Effect("burned", None, paid),))

    def _restore(self, units: float, market: LossView) -> float:
        self.capital += units
        self.held += units
        return units
