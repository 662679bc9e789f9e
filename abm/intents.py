"""What agents may ask for, and what they hear back.

An intent carries the guard under which its sender still wants it. It is settled against the state *it finds*, which
need not be the one its sender saw: a guard that no longer holds is a refusal, and a refusal still costs gas. Beliefs
change on receipts only.
"""

from dataclasses import dataclass, field
from enum import Enum
from typing import Literal, Protocol

from models.types import Side

Reaction = Literal["top_up", "repay", "sell"]
Preference = Literal["largest", "oldest"]


class Status(Enum):
    """What became of an intent."""

    FILLED = "filled"
    PARTLY = "partly filled"
    REFUSED = "refused"
    LEFT_OUT = "left out of the block"


@dataclass(slots=True)
class Receipt:
    """What became of one intent; `amount` is what was done, in the units that the intent asked in.

    `gas_usd` is what its sender has paid for gas.
    """

    status: Status
    reason: str = ""
    amount: float = 0.0
    gas_usd: float = field(default=0.0, kw_only=True)


@dataclass(slots=True)
class Seizure(Receipt):
    """A liquidation that went through: what was repaid, and how many units are `held` rather than sold at once.

    `held_usd` is what these are worth at the reference price.

    `profit_usd` is after gas; but a lot that was bid for is won later, and the gas of its bid was told then.
    """

    asset: int = 0
    repaid_usd: float = 0.0
    held: float = 0.0
    held_usd: float = 0.0
    generation: int = 0
    profit_usd: float = 0.0


@dataclass(slots=True)
class Sold(Receipt):
    """A sale out of one's own holdings; what it brought in dollars at the reference prices."""

    proceeds_usd: float = 0.0


@dataclass(slots=True)
class Opened(Receipt):
    """A call that opened a liquidation or started an auction afresh went through; what it paid its caller."""

    reward_usd: float = 0.0


@dataclass(slots=True)
class Earned(Receipt):
    """What a call that went through before has earned since, or lost: a bond, by takings."""

    earned_usd: float = 0.0


@dataclass(slots=True)
class Lent(Receipt):
    """A loan that was paid out; `amount` in units of the debt."""

    lent_usd: float = 0.0


@dataclass(slots=True)
class Swapped(Receipt):
    """A swap that went through, in dollars at the reference prices; `sold` says whether the base was given."""

    sold: bool = True
    base_usd: float = 0.0
    quote_usd: float = 0.0


class Sender(Protocol):
    """Somebody who submits intents and hears what became of them."""

    def receive(self, intent: "Intent", receipt: Receipt) -> None:
        """Take note of a receipt."""
        ...


@dataclass(slots=True)
class Intent:
    """What every intent carries: who asks, which member of the cohort, and the gas it offers to pay.

    Of its gas price `raised_gwei` was bid against rivals. `right_usd` is what it pays for the right to call, if it goes
    through; None for who has not bought one.
    """

    sender: Sender
    member: int
    bid_gwei: float
    gas_units: float
    raised_gwei: float = field(default=0.0, kw_only=True)
    right_usd: float | None = field(default=None, kw_only=True)


@dataclass(slots=True)
class Liquidate(Intent):
    """Pay up to `budget_usd` for collateral: of an account, or of a lot where the design takes time; by its `number`.

    Guard: the profit after gas is at least `margin` of what is repaid and at least `minimum_profit_usd`, at the
    prices that the settlement finds. `sell` says whether the collateral is sold in the same transaction; `flash`
    whether the repayment is borrowed within it.
    """

    pool: int
    number: int
    budget_usd: float
    margin: float
    minimum_profit_usd: float
    gas_cost_usd: float
    sell: bool
    flash: bool
    flash_fee: float


@dataclass(slots=True)
class OpenLiquidation(Intent):
    """Open an account's liquidation, or start an auction afresh: account or lot by its `number`.

    Guard: the design still allows it. `worth_usd` is what the sender would pay for it at most, gas included, beside the
    `bond_usd` that it locks.
    """

    pool: int
    number: int
    afresh: bool
    gas_cost_usd: float
    worth_usd: float
    bond_usd: float = 0.0


@dataclass(slots=True)
class PlaceBid(Intent):
    """Bid `paid` units of the debt for `units` of a lot, which stay locked while the bid leads.

    Guard: the bid still improves on the last one as the rule asks, and the money is there. `sell` says whether the
    collateral is sold as soon as the lot is won.
    """

    pool: int
    number: int
    paid: float
    units: float
    gas_cost_usd: float
    sell: bool


@dataclass(slots=True)
class SellInventory(Intent):
    """Sell `units` of an asset from one's own holdings on its market; `generation` is that of the liquidation.

    The last of them is to bring the reference price less `max_discount`: what would bring less stays.
    """

    asset: int
    units: float
    generation: int
    max_discount: float


@dataclass(slots=True)
class MendPosition(Intent):
    """Bring a borrower's account back to `target_health`.

    `how`: "top_up" posts collateral from the wallet, "repay" repays from the wallet, "sell" sells collateral on the
    venue and repays with the proceeds, the last unit at the reference price less `max_discount` at least. Guard: its
    health is still below `line`.
    """

    pool: int
    account: int
    how: Reaction
    line: float
    target_health: float
    max_discount: float


@dataclass(slots=True)
class Withdraw(Intent):
    """Take everything out of one reserve at par, as far as there is cash; the rest queues in order."""

    pool: int
    account: int
    reserve: int


@dataclass(slots=True)
class Stay(Intent):
    """Leave the queue of a reserve, with what is still claimed."""

    pool: int
    account: int
    reserve: int


@dataclass(slots=True)
class Deposit(Intent):
    """Lend up to `units` to one reserve, as far as the account's holder has them."""

    pool: int
    account: int
    reserve: int
    units: float


@dataclass(slots=True)
class BorrowAgainst(Intent):
    """Post `posted` units of collateral on an account that owes nothing, and borrow up to `borrowed` units against it.

    Guard: at least `least` units are lent, within the loan-to-value limit and the cash that is found.
    """

    pool: int
    account: int
    collateral: int
    debt: int
    posted: float
    borrowed: float
    least: float


@dataclass(slots=True)
class Swap(Intent):
    """Give all one holds of a side of an exchange's pair, or as much as moves the marginal price to `price`.

    Its gas, and that of what was done before it, is taken first.
    """

    exchange: int
    side: Side
    price: float
    gas_cost_usd: float
