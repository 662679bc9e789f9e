"""An attacker: moves the venue's price when the protocol that believes it would pay for it.

Models: one attacker with capital of its own and an account in the pool. Now and then it works out what a manipulation
would pay (see `attack_search`), and acts only if that is the margin it asks for or more. It pushes the price after the
arbitrageurs, before oracles report; in further blocks it buys (or sells) again what they have undone; in the block in
which the oracle has followed its bundle stands first. It sees a plan through, and sells what nobody lends enough on.
Its trades move the venue alone: the rest of the market is not deceived, and the reference price does not follow them.
Leaves out: gas of its own by the going price (`gas_usd` a block instead), competition among attackers, a second
account: it borrows again only once nothing is owed on the first, for it has been written off.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import mesa
from pydantic import Field

from abm.agents.attack_search import MOST_BLOCKS, Plan, Search, pays
from abm.agents.manipulation import STRATEGIES, Place, Strategy
from abm.intents import Intent, Lent, Receipt, Seizure, Swap, Swapped
from models.parameters import Parameters

if TYPE_CHECKING:
    from abm.view import View
    from models.market import Fill

TOP_OF_BLOCK_GWEI: Final = 1e18
"""A bid that nobody outbids: the bundle is paid for outside the auction for gas, with `gas_usd`."""


class Attackers(Parameters):
    """One attacker on one market and one pool.

    It begins with `capital_usd` in the quote of its market to pump and borrow, and in the base to trigger liquidations.
    It is prepared to hold the price for `hold_blocks` at most, and asks for a profit of `margin` times the capital that
    it would use. From `from_seconds` on, but not in the first block, it looks every `evaluate_every_seconds`. Each
    block in which it acts costs `gas_usd`. Without feedback no trade leaves a trace, and it stays away.
    """

    market: str | None = None
    pool: str | None = None
    capital_usd: float = Field(gt=0)
    strategy: Literal["pump_and_borrow", "trigger_liquidations"] = "pump_and_borrow"
    hold_blocks: int = Field(1, ge=1, le=MOST_BLOCKS)
    margin: float = Field(0.0, ge=0)
    from_seconds: float = Field(0.0, ge=0)
    evaluate_every_seconds: float = Field(600.0, gt=0)
    gas_usd: float = Field(0.0, ge=0)


@dataclass(slots=True)
class Attack:
    """One attack as it goes: dollars at the reference prices of the blocks in which they were spent and gained.

    `pushed_to_usd` is the marginal price of the last push; `asset` is the base, by number.
    """

    attacker: str
    strategy: str
    asset: int
    expected_profit_usd: float
    pushed_to_usd: float = 0.0
    blocks: int = 0
    spent_usd: float = 0.0
    gained_usd: float = 0.0

    @property
    def profit_usd(self) -> float:
        """Return what was gained so far less what was spent."""
        return self.gained_usd - self.spent_usd


class Attacker(mesa.Agent):
    """The attacker on one exchange and one pool; it acts for the ledger account `first_account`.

    `attack` is the one under way, `best_profit_usd` the best that it ever expected, acting or not.
    """

    unlimited = (False,)

    def __init__(self, model: mesa.Model, terms: Attackers, name: str, place: Place) -> None:
        super().__init__(model)
        self.terms = terms
        self.name = name
        self.exchange = place.exchange
        self.pool = place.pool
        self.first_account = place.owner
        self.capital_asset = place.quote
        self.attack: Attack | None = None
        self.best_profit_usd = float("-inf")
        self._place = place
        self._strategy: Strategy = STRATEGIES[terms.strategy](place)
        self._plan: Plan | None = None
        self._next_look = terms.from_seconds
        self._exhausted = False

    def member_name(self, member: int) -> str:
        """Return the name under which it appears in the results."""
        return self.name

    def spends(self, member: int, asset: int, units: float, balance: float, price_usd: float) -> None:
        """Take note of nothing: what it has seized is part of its attack, and counts as that."""

    def push(self, view: "View") -> "Fill | None":
        """Return the trade by which it moves the venue in this block, if it attacks."""
        if self._plan is None:
            self._plan = self._look(view)
            if self._plan is None:
                return None
            self.attack = Attack(self.name, self.terms.strategy, self._place.base, self._plan.profit_usd)
            self._exhausted = False
        assert self.attack is not None
        self.attack.blocks += 1
        means = self._strategy.means(view)
        fill = view.quote_until(self.exchange, self._strategy.side, self._plan.target, means)
        self._exhausted = fill.amount_in >= means
        return fill if fill.amount_in > 0.0 else None

    def pushed(self, view: "View", fill: "Fill") -> None:
        """Take note that a push was settled."""
        assert self.attack is not None
        base_usd, quote_usd = view.base_usd(self.exchange), view.quote_usd(self.exchange)
        self.attack.pushed_to_usd = fill.price_after * quote_usd
        self._book(fill.side == "sell", fill.base * base_usd, fill.quote * quote_usd)

    def harvest(self, view: "View") -> list[Intent]:
        """Return its bundle in the block in which the oracle has followed, or its capital is used up."""
        plan, attack = self._plan, self.attack
        if plan is None or attack is None or (attack.blocks < plan.blocks and not self._exhausted):
            return []
        gas_usd = attack.blocks * self.terms.gas_usd
        bundle = {"sender": self, "member": 0, "bid_gwei": TOP_OF_BLOCK_GWEI, "gas_units": 0.0}
        return self._strategy.harvest(view, plan.accounts, bundle, gas_usd)

    def receive(self, intent: Intent, receipt: Receipt) -> None:
        """Take note of what became of a part of the bundle; the swap is its last."""
        assert self.attack is not None
        self.attack.spent_usd += receipt.gas_usd
        if isinstance(receipt, Lent):
            self.attack.gained_usd += receipt.lent_usd
        elif isinstance(receipt, Seizure):
            self.attack.spent_usd += receipt.repaid_usd
            self.attack.gained_usd += receipt.repaid_usd + receipt.profit_usd
        elif isinstance(receipt, Swapped):
            self._book(receipt.sold, receipt.base_usd, receipt.quote_usd)
        if isinstance(intent, Swap):
            self.attack = self._plan = None

    def _look(self, view: "View") -> Plan | None:
        """Return the best plan if it pays, when the time for a look has come."""
        # An average that has seen nothing yet would take the first price it sees for all of its past.
        if view.now < max(self._next_look, view.step_seconds):
            return None
        terms = self.terms
        self._next_look = view.now + terms.evaluate_every_seconds
        plan = Search(view, self._strategy, self._place, terms.hold_blocks, terms.gas_usd, terms.margin).best()
        if plan is None:
            return None
        self.best_profit_usd = max(self.best_profit_usd, plan.profit_usd)
        return plan if pays(plan, terms.margin) else None

    def _book(self, sold: bool, base_usd: float, quote_usd: float) -> None:
        """Count a trade: the money, and the base too where the attacker came with base."""
        assert self.attack is not None
        if not self._strategy.counts_base:
            base_usd = 0.0
        given, got = (base_usd, quote_usd) if sold else (quote_usd, base_usd)
        self.attack.spent_usd += given
        self.attack.gained_usd += got
