"""A vault of outside capital that takes losses first and pays all its holders alike.

**Source**: Blend's backstop module (exit queue of 17 days in v2); Hyperliquid's liquidator vault, of which only a small
component may lose before deleveraging begins, and which is filled up again from time to time (after March 2025).

**Models**: pays from the holders' capital, at most what is left of the component, which is set anew to
`component_share` of the capital every `rebalance_seconds`. Holders leave after a lock.

**Leaves out**: what the vault earns by taking positions over; auctions of its capital.

**Units**: `capital` in units of its asset, seconds.

**Invariants**: between two rebalancings never more is lost than the component.
"""

from math import inf
from typing import ClassVar, Final, Literal

from pydantic import Field

from models.losses.market import LossView, raise_by_sale
from models.losses.payer import Effect, Paid, What
from models.losses.stake import Stake, StakedPayer, StakeTerms

_DAY: Final = 86400.0


class BackstopVaultLayer(StakeTerms):
    """First-loss capital of a vault."""

    kind: Literal["backstop_vault"] = "backstop_vault"
    asset: str | None = Field(None, description="what the vault holds; the debt's own asset by default")
    capital: float = Field(ge=0, description="units in the vault at first")
    component_share: float = Field(1.0, ge=0, le=1, description="part of the vault that may be lost until rebalanced")
    rebalance_seconds: float = Field(_DAY, gt=0, description="time between two fillings of the component")
    cooldown_seconds: float = Field(17.0 * _DAY, ge=0, description="wait of a holder who leaves")

    def money(self, lost: str) -> tuple[str, float]:
        """What the vault holds."""
        return self.asset or lost, self.capital

    def start(self) -> "BackstopVault":
        """The layer before the first loss."""
        return BackstopVault(self)


class BackstopVault(StakedPayer):
    """The vault's holders, and what the component may still lose."""

    __slots__ = ("_component", "_rebalances_seconds")

    terms: BackstopVaultLayer

    gives: ClassVar[frozenset[What]] = frozenset({"slashed"})

    def __init__(self, terms: BackstopVaultLayer) -> None:
        super().__init__(terms, Stake(terms.capital, terms.cooldown_seconds, inf))
        self._component = 0.0
        self._rebalances_seconds = -inf

    def capacity(self, now_seconds: float, market: LossView) -> float:
        """What the component brings."""
        return 0.0 if self.stake.paused else market.token(self.terms.asset).proceeds(self._left(now_seconds))

    def _deliver(self, units: float, now_seconds: float, market: LossView) -> Paid:
        left = self._left(now_seconds)
        if now_seconds >= self._rebalances_seconds:
            self._rebalances_seconds = now_seconds + self.terms.rebalance_seconds
        raised, sold = raise_by_sale(market.token(self.terms.asset), units, left)
        lost = self.stake.slash(sold, now_seconds)
        self._component = max(left - sold, 0.0)
        effect = Effect("slashed", self.terms.asset, sold, lost)
        return Paid(units=raised, shortfall=units - raised, effects=(effect,))

    def _restore(self, units: float, market: LossView) -> float:
        price = market.token(self.terms.asset).price
        return units if price > 0.0 and self.stake.give_back(units / price) > 0.0 else 0.0

    def _left(self, now_seconds: float) -> float:
        if now_seconds >= self._rebalances_seconds:
            return self.terms.component_share * self.stake.assets
        return min(self._component, self.stake.assets)
