"""Withdrawals and deposits: par, first come first served, as far as cash and the gate allow; the rest queues."""

from typing import TYPE_CHECKING

from abm.intents import Deposit, Receipt, Status, Stay, Withdraw
from abm.markets.claims import is_open

if TYPE_CHECKING:
    from abm.pools.lender import Lender
    from abm.world import World


class Withdrawals:
    """Settles what depositors ask for, on one path."""

    def __init__(self, world: "World") -> None:
        self._world = world

    def withdraw(self, intent: Withdraw, gas_usd: float) -> Receipt:
        """Pay an account's claims on a reserve, or as much as there is; let it queue for the rest."""
        lender = self._world.lenders[intent.pool]
        account, reserve = intent.account, intent.reserve
        if lender.pool.claims(account, reserve) <= 0.0:
            return Receipt(Status.REFUSED, "nothing is deposited any more")
        if account in lender.exits.queues[reserve]:
            return Receipt(Status.REFUSED, "it waits already")
        lender.exits.ask(account, reserve, self._world.now)
        paid = 0.0
        if not lender.exits.queues[reserve] and is_open(self._world, lender):  # else others were here first
            paid = self._pay_out(lender, account, reserve)
        if lender.pool.claims(account, reserve) > 0.0:
            lender.exits.queue(account, reserve)
            return Receipt(Status.PARTLY, "the rest waits for cash", paid)
        return Receipt(Status.FILLED, amount=paid)

    def deposit(self, intent: Deposit, gas_usd: float) -> Receipt:
        """Take in what an account brings, as far as its holder has it."""
        world, lender = self._world, self._world.lenders[intent.pool]
        asset, holder = lender.assets[intent.reserve], lender.first_holder + intent.account
        units = min(intent.units, world.ledger.balance(holder, asset))
        if units <= 0.0:
            return Receipt(Status.REFUSED, "there is nothing to deposit")
        world.ledger.transfer(holder, lender.account, asset, units)
        lender.pool.supply(intent.account, intent.reserve, units)
        lender.exits.come_back(intent.account, intent.reserve, units)
        return Receipt(Status.FILLED, amount=units)

    def stay(self, intent: Stay, gas_usd: float) -> Receipt:
        """Take an account out of the queue."""
        exits = self._world.lenders[intent.pool].exits
        if intent.account not in exits.queues[intent.reserve]:
            return Receipt(Status.REFUSED, "it does not wait any more")
        exits.leave_queue(intent.account, intent.reserve)
        return Receipt(Status.FILLED)

    def serve(self, lender: "Lender") -> None:
        """Let those who queue leave, first come first served in each reserve."""
        if not any(lender.exits.queues) or not is_open(self._world, lender):
            return
        for reserve, queue in enumerate(lender.exits.queues):
            while queue:
                account = next(iter(queue))
                self._pay_out(lender, account, reserve)
                if lender.pool.claims(account, reserve) > 0.0:
                    break
                lender.exits.leave_queue(account, reserve)

    def _pay_out(self, lender: "Lender", account: int, reserve: int) -> float:
        """Settle an account's claims on a reserve at par, as far as there is cash and room.

        Returns the units, what a layer charges for leaving included.
        """
        pool = lender.pool
        gate, now, claims = lender.exits.gate, self._world.now, float(pool.total_claims[reserve])
        most = min(float(pool.cash[reserve]), gate.room(reserve, now, claims))
        units = min(pool.claims(account, reserve), lender.claims_paid_by(most, reserve))
        if units <= 0.0:
            return 0.0
        paid = min(lender.charge_exit(account, reserve, units), most)
        gate.leave(reserve, now, claims, paid)
        pool.withdraw(account, reserve, paid)
        self._world.ledger.transfer(lender.account, lender.first_holder + account, lender.assets[reserve], paid)
        lender.exits.pay(account, reserve, paid)
        return units
