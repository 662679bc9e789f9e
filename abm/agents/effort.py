"""What a liquidator has to spend in one block, and what it means to spend on one call."""

from dataclasses import dataclass


@dataclass(slots=True)
class Effort:
    """What a member has for one block: the gas it bids, its money, and how many opportunities and calls are left."""

    member: int
    bid_gwei: float
    gas_cost_usd: float
    budget_usd: float
    patience: int
    calls: int
    held_usd: float

    @property
    def spent(self) -> bool:
        """Whether nothing more can be taken."""
        return self.patience == 0 or self.calls == 0 or self.budget_usd <= 0.0


@dataclass(frozen=True, slots=True)
class Plan:
    """A call that pays: what it repays and gains a dollar, what it may spend, the least that it must leave, its fee."""

    repay_usd: float
    gain: float
    budget_usd: float
    least_usd: float
    flash_fee: float
