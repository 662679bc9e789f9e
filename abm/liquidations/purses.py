"""Purses: how liquidators pay for what they take, and in what they are paid.

Models: money is held in one asset and changed, outside and at the reference prices, into what a call asks for; a flash
swap brings what it repays; who has no limit brings what is missing.
Leaves out: the cost and the impact of changing money.
"""

from typing import TYPE_CHECKING, Final

from abm.intents import Intent, Liquidate, OpenLiquidation
from models.ledger import OUTSIDE

if TYPE_CHECKING:
    from abm.agents.liquidator import LiquidatorCohort
    from abm.record.recorder import Recorder
    from abm.world import World

_SPECK: Final = 1e-6
"""The part of a price that may be missing by rounding: who has kept back just enough for it may hold large sums too."""


class Purses:
    """The money of those who send intents, on one path."""

    def __init__(self, world: "World", recorder: "Recorder") -> None:
        self._world = world
        self._recorder = recorder
        self.gas_paid_usd = 0.0
        """What was paid for gas since somebody set this to 0."""

    def account(self, intent: Intent) -> int:
        """Return the ledger account that an intent's sender acts for."""
        cohort: LiquidatorCohort = intent.sender  # type: ignore[assignment]
        return cohort.first_account + intent.member

    def means_usd(self, intent: Liquidate, gas_usd: float = 0.0) -> float:
        """Return the most that a call may repay: its budget, and what its sender still has.

        Who holds what it gets pays for its gas, and for the right to call, out of the same money.
        """
        cohort: LiquidatorCohort = intent.sender  # type: ignore[assignment]
        if intent.flash or cohort.unlimited[intent.member]:
            return intent.budget_usd
        held = self._world.ledger.balance(cohort.first_account + intent.member, cohort.capital_asset)
        held_usd = held * self._world.reference[cohort.capital_asset]
        if not intent.sell:
            held_usd = max(held_usd - gas_usd - (intent.right_usd or 0.0), 0.0)
        return min(intent.budget_usd, held_usd)

    def affords(self, intent: Intent, asset: int, units: float) -> bool:
        """Return whether the sender could bring so many units of an asset now, from its money and what it has of it."""
        cohort: LiquidatorCohort = intent.sender  # type: ignore[assignment]
        if cohort.unlimited[intent.member]:
            return True
        account, money = cohort.first_account + intent.member, cohort.capital_asset
        balance, reference = self._world.ledger.balance, self._world.reference
        held = balance(account, asset)
        if money != asset:
            held += balance(account, money) * reference[money] / reference[asset]
        return held >= units

    def provide(self, intent: Intent, asset: int, units: float, *, flash: bool = False) -> None:
        """See to it that the sender holds the units that it is to pay."""
        cohort: LiquidatorCohort = intent.sender  # type: ignore[assignment]
        account, money = cohort.first_account + intent.member, cohort.capital_asset
        if flash:
            self._world.ledger.transfer(OUTSIDE, account, asset, units)
            return
        held = self._world.ledger.balance(account, asset)
        if held > 0.0 and asset != money:
            cohort.spends(intent.member, asset, units, held, self._world.reference[asset])
        short = units - held
        if short <= 0.0:
            return
        if cohort.unlimited[intent.member]:
            self._world.ledger.transfer(OUTSIDE, account, asset, short)
        elif money != asset:
            self.acquire(account, money, asset, short)

    def convert(self, account: int, source: int, target: int, given: float) -> float:
        """Change money outside at the reference prices; returns the units of the target received."""
        if source == target:
            return given
        reference, transfer = self._world.reference, self._world.ledger.transfer
        received = transfer(account, OUTSIDE, source, given) * reference[source] / reference[target]
        return transfer(OUTSIDE, account, target, received)

    def acquire(self, account: int, source: int, target: int, wanted: float) -> float:
        """Change as much money outside as makes up `wanted` units of the target; returns the units given for it."""
        if source == target:
            return wanted
        reference = self._world.reference
        held = self._world.ledger.balance(account, source)
        given = min(wanted * reference[target] / reference[source], held)
        self.convert(account, source, target, given)
        return given

    def money_usd(self, intent: Liquidate | OpenLiquidation) -> float:
        """Return what the sender of a call has for it beside a bond; who sells at once, or has no limit, has enough."""
        cohort: LiquidatorCohort = intent.sender  # type: ignore[assignment]
        if cohort.unlimited[intent.member] or (isinstance(intent, Liquidate) and (intent.sell or intent.flash)):
            return float("inf")
        held = self._world.ledger.balance(cohort.first_account + intent.member, cohort.capital_asset)
        held_usd = held * self._world.reference[cohort.capital_asset]
        return max(held_usd - intent.bond_usd, 0.0) if isinstance(intent, OpenLiquidation) else held_usd

    def pay_gas(self, intent: Intent, gas_usd: float) -> float:
        """Take the price of a call from the sender's money; who has less than it costs pays what it has.

        Returns what the call has cost by that: its price, also where rounding took a last digit of it.
        """
        if gas_usd <= 0.0:
            return 0.0
        paid_usd = self._pay(intent, OUTSIDE, gas_usd)
        self.gas_paid_usd += paid_usd
        self._recorder.gas(paid_usd)
        return gas_usd if paid_usd >= gas_usd * (1.0 - _SPECK) else paid_usd

    def pay_for_failure(self, intent: Intent, gas_usd: float) -> None:
        """Take the price of a call that has failed, where that is included in the block all the same."""
        space = self._world.scenario.blockspace
        if space is None or space.failed_calls == "pay":
            self.pay_gas(intent, gas_usd)

    def pay_right(
        self, intent: Intent, protocol_usd: float, auctioneer_usd: float, protocol: int
    ) -> tuple[float, float]:
        """Pay for the right to a call, to the protocol's account and to the auctioneer outside; what both have got."""
        return self._pay(intent, protocol, protocol_usd), self._pay(intent, OUTSIDE, auctioneer_usd)

    def _pay(self, intent: Intent, receiver: int, usd: float) -> float:
        """Pay dollars from the sender's money, as far as it has them; returns those that were paid."""
        cohort: LiquidatorCohort = intent.sender  # type: ignore[assignment]
        account, money = cohort.first_account + intent.member, cohort.capital_asset
        ledger, price = self._world.ledger, self._world.reference[money]
        if cohort.unlimited[intent.member]:
            ledger.transfer(OUTSIDE, account, money, max(usd / price - ledger.balance(account, money), 0.0))
        return ledger.transfer(account, receiver, money, min(usd / price, ledger.balance(account, money))) * price
