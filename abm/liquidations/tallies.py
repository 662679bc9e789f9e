"""What came of the calls of each member of a cohort of liquidators."""

from dataclasses import dataclass

from abm.intents import Earned, Intent, Opened, PlaceBid, Receipt, Seizure, SellInventory, Status


@dataclass(slots=True)
class Tally:
    """One member's calls so far, by what became of them, and its money in dollars.

    A call liquidates, opens, starts afresh or bids. Of all calls some `failed`, be it in the block or before builders,
    and some were `left_out` for want of room or of gas. `profit_usd` is after all gas, that of failed calls and of
    sales too, and after what rights have cost; collateral that was not sold at once counts as it was worth when seized,
    and `holding_usd` is what was gained or lost on it until it was sold.
    """

    calls: int = 0
    failed: int = 0
    left_out: int = 0
    liquidations: int = 0
    repaid_usd: float = 0.0
    profit_usd: float = 0.0
    gas_usd: float = 0.0
    holding_usd: float = 0.0

    def note(self, intent: Intent, receipt: Receipt) -> float:
        """Take in what became of an intent; returns what it has earned or cost."""
        if isinstance(receipt, Earned):
            self.profit_usd += receipt.earned_usd
            return receipt.earned_usd
        won = isinstance(intent, PlaceBid) and isinstance(receipt, Seizure)  # the bid itself has been noted before
        if not won and not isinstance(intent, SellInventory):
            self.calls += 1
            self.failed += receipt.status is Status.REFUSED
            self.left_out += receipt.status is Status.LEFT_OUT
        earned = -receipt.gas_usd
        if isinstance(receipt, Seizure):
            self.liquidations += 1
            self.repaid_usd += receipt.repaid_usd
            earned = receipt.profit_usd
        elif isinstance(receipt, Opened):
            earned += receipt.reward_usd - (intent.right_usd or 0.0)
        self.gas_usd += receipt.gas_usd
        self.profit_usd += earned
        return earned
