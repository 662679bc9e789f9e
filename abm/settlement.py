"""Settlement: the only place where what agents ask for becomes a new state of the mechanisms.

Intents are ordered by the gas price they bid, within a block's capacity; each is settled against the state it finds.
A guard that no longer holds is a refusal, which still costs gas, unless `failed_calls` of the blockspace are free: then
builders leave out what would fail. Everybody gets a receipt.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from abm.auctions.bidding import Biddings
from abm.auctions.bond_settlement import BondSettlement
from abm.auctions.bonds import BondedSales
from abm.auctions.english import EnglishAuctions
from abm.intents import (
    BorrowAgainst,
    Deposit,
    Intent,
    Lent,
    Liquidate,
    MendPosition,
    OpenLiquidation,
    PlaceBid,
    Receipt,
    Seizure,
    SellInventory,
    Sold,
    Status,
    Stay,
    Swap,
    Swapped,
    Withdraw,
)
from abm.liquidations.openings import Openings
from abm.liquidations.rights import Rights
from abm.markets.forced_sales import ForcedSales
from abm.markets.sizing import Sized, best_size, least_profit_usd
from abm.markets.trading import quote_until, swap
from abm.pools.withdrawals import Withdrawals
from models import blockspace
from models.ledger import OUTSIDE

if TYPE_CHECKING:
    from abm.agents.attacker import Attacker
    from abm.agents.liquidator import LiquidatorCohort
    from abm.cascade import Cascade
    from abm.liquidations.marks import Mark
    from abm.liquidations.purses import Purses
    from abm.pools.band_loans import BandLoans
    from abm.pools.lender import Found, Lender
    from abm.record.recorder import Recorder
    from abm.world import World

_CALLS = (Liquidate, OpenLiquidation)
_LEFT_OUT = Receipt(Status.LEFT_OUT, "the block was full or its price above the bid")


class Settlement:
    """Settles the intents of one path's blocks."""

    def __init__(self, world: "World", cascade: "Cascade", recorder: "Recorder", purses: "Purses") -> None:
        self._world = world
        self._cascade = cascade
        self._recorder = recorder
        self._sales = ForcedSales(world, cascade)
        self._purses = purses
        self._withdrawals = Withdrawals(world)
        self._biddings = Biddings(world, recorder, self._purses, self._sales)
        self._bonds = BondSettlement(world, recorder, self._purses)
        self._rights = Rights(world, recorder, self._purses)
        self._settle: dict[type[Intent], Callable[[Any, float], Receipt]] = {
            Liquidate: self._liquidate,
            PlaceBid: self._biddings.settle,
            OpenLiquidation: Openings(world, cascade, recorder, self._purses).settle,
            SellInventory: self._sell_inventory,
            MendPosition: self._mend,
            Withdraw: self._withdrawals.withdraw,
            Deposit: self._withdrawals.deposit,
            Stay: self._withdrawals.stay,
            BorrowAgainst: self._borrow_against,
            Swap: self._swap,
        }

    def block(self, intents: list[Intent]) -> None:
        """Settle a block of intents in order and hand out the receipts."""
        world = self._world
        space = world.scenario.blockspace
        if space is None:
            for intent in intents:
                self.carry_out(intent, 0.0)
            return
        if len(intents) > 1:
            order = blockspace.order([intent.bid_gwei for intent in intents], range(len(intents)))
            intents = [intents[k] for k in order]
        if space.failed_calls == "free":
            self._without_failures(intents, space.capacity_gas)
            return
        bids, gas = [intent.bid_gwei for intent in intents], [intent.gas_units for intent in intents]
        enters = blockspace.included(bids, gas, world.gas_gwei, space.capacity_gas)
        for intent, inside in zip(intents, enters, strict=True):
            if inside:
                self.carry_out(intent, world.gas_cost_usd(intent.gas_units, intent.bid_gwei))
            else:
                intent.sender.receive(intent, _LEFT_OUT)

    def _without_failures(self, intents: list[Intent], capacity_gas: float | None) -> None:
        """Settle intents in order where what fails takes no room and costs nothing."""
        room = capacity_gas if capacity_gas is not None else float("inf")
        for intent in intents:
            if intent.bid_gwei < self._world.gas_gwei or intent.gas_units > room:
                intent.sender.receive(intent, _LEFT_OUT)
                continue
            receipt = self.carry_out(intent, self._world.gas_cost_usd(intent.gas_units, intent.bid_gwei))
            if receipt.status is not Status.REFUSED:
                room -= intent.gas_units

    def carry_out(self, intent: Intent, gas_usd: float) -> Receipt:
        """Settle one intent against the state it finds, and hand out its receipt."""
        self._purses.gas_paid_usd = 0.0
        if isinstance(intent, _CALLS) and self._rights.lacks(intent, gas_usd or intent.gas_cost_usd):
            receipt = self._refuse(intent, gas_usd or intent.gas_cost_usd, "the right to call is not the sender's")
        else:
            receipt = self._settle[type(intent)](intent, gas_usd)
            if intent.right_usd is not None:
                self._rights.collect(intent, receipt)
        receipt.gas_usd = self._purses.gas_paid_usd
        if intent.raised_gwei > 0.0:
            raised_usd = self._world.gas_cost_usd(intent.gas_units, intent.raised_gwei)
            self._recorder.bid_away(min(raised_usd, receipt.gas_usd), won=receipt.status is Status.FILLED)
        intent.sender.receive(intent, receipt)
        return receipt

    def last_resort(self, intents: list[Intent]) -> None:
        """Settle what an account of last resort does when the block is built: no gas, and no right to be bought."""
        for intent in intents:
            intent.sender.receive(intent, self._settle[type(intent)](intent, 0.0))

    # Liquidation

    def _liquidate(self, intent: Liquidate, gas_usd: float) -> Receipt:
        lender = self._world.lenders[intent.pool]
        gas_usd = gas_usd or intent.gas_cost_usd
        mark = lender.mark(intent.number)
        if mark is None:
            return self._refuse(intent, gas_usd, "nothing is owed any more")
        sized = best_size(self._world, lender, mark, intent, self._purses.means_usd(intent, gas_usd))
        if isinstance(sized, str):
            return self._refuse(intent, gas_usd, sized)
        profit = sized.gain_usd - gas_usd - (intent.right_usd or 0.0)
        if profit < least_profit_usd(self._world, lender, mark, intent, sized.taking):
            return self._refuse(intent, gas_usd, "it no longer pays")
        return self._seize(intent, lender, mark, sized, gas_usd)

    def _seize(self, intent: Liquidate, lender: "Lender", mark: "Mark", sized: Sized, gas_usd: float) -> Receipt:
        world, purses = self._world, self._purses
        taking, sale = sized.taking, sized.sale
        cohort: LiquidatorCohort = intent.sender  # type: ignore[assignment]
        taker = purses.account(intent)
        debt, asset = lender.assets[mark.debt], lender.assets[mark.collateral]
        # Before anything changes: once the position is smaller, what made it liquidatable cannot be seen any more.
        generation = mark.generation(self._cascade)
        purses.provide(intent, debt, taking.repaid, flash=intent.flash)
        done = mark.settle(world, taker, taking)
        slippage = 0.0
        if sale is not None:
            slippage = sale.slippage
            self._sales.settle(taker, asset, sale, generation)
            proceeds = sale.proceeds
            if intent.flash:
                owed = taking.repaid * (1.0 + intent.flash_fee)
                proceeds -= purses.acquire(taker, sale.asset, debt, owed)
                world.ledger.transfer(taker, OUTSIDE, debt, owed)
            purses.convert(taker, sale.asset, cohort.capital_asset, max(proceeds, 0.0))
        paid_usd = purses.pay_gas(intent, gas_usd)
        profit = sized.gain_usd - paid_usd - (intent.right_usd or 0.0)
        self._recorder.liquidation(
            lender.name,
            mark.account,
            cohort.member_name(intent.member),
            debt,
            done.repaid,
            asset,
            done.seized,
            done.protocol_fee,
            paid_usd,
            profit,
            slippage,
            generation,
            done.repaid * world.reference[debt],
            done.seized * world.reference[asset],
        )
        return Seizure(
            Status.FILLED,
            amount=taking.repaid,
            asset=asset,
            repaid_usd=taking.repaid * world.reference[debt],
            held=taking.received if sale is None else 0.0,
            held_usd=taking.received * world.reference[asset] if sale is None else 0.0,
            generation=generation,
            profit_usd=profit,
        )

    def _refuse(self, intent: Intent, gas_usd: float, reason: str) -> Receipt:
        self._purses.pay_for_failure(intent, gas_usd)
        self._recorder.refusal()
        return Receipt(Status.REFUSED, reason)

    # Sales of what was held

    def _sell_inventory(self, intent: SellInventory, gas_usd: float) -> Receipt:
        cohort: LiquidatorCohort = intent.sender  # type: ignore[assignment]
        account = cohort.first_account + intent.member
        units = min(intent.units, self._world.ledger.balance(account, intent.asset))
        least_usd = (1.0 - intent.max_discount) * self._world.reference[intent.asset]
        sale = self._sales.quote_down_to(intent.asset, units, cohort.capital_asset, least_usd)
        if sale.units <= 0.0:
            self._purses.pay_for_failure(intent, gas_usd)
            return Receipt(Status.REFUSED, "nobody buys")
        self._sales.settle(account, intent.asset, sale, intent.generation)
        self._purses.convert(account, sale.asset, cohort.capital_asset, sale.proceeds)
        self._purses.pay_gas(intent, gas_usd)
        status = Status.FILLED if sale.units == units else Status.PARTLY
        return Sold(status, amount=sale.units, proceeds_usd=sale.proceeds * self._world.reference[sale.asset])

    # Borrowers

    def _mend(self, intent: MendPosition, gas_usd: float) -> Receipt:
        lender = self._world.lenders[intent.pool]
        found = lender.position(intent.account)
        if found is None or found.position.health >= intent.line:
            return Receipt(Status.REFUSED, "nothing needs mending")
        if lender.auctions is not None and lender.auctions.frozen[intent.account]:
            return Receipt(Status.REFUSED, "the account is for sale")
        if found.position.collateral_usd < found.position.debt_usd:
            return Receipt(Status.REFUSED, "it owes more than it has, and is let go")
        # Before anything changes: see `_seize`.
        generation = self._cascade.generation(lender, intent.account, intent.line) if intent.how == "sell" else 0
        if lender.loans is None:
            amount = self._mend_by(intent, lender, found, generation)
        elif intent.how != "repay" and lender.loans.softened(intent.account):
            return Receipt(Status.REFUSED, "its soft liquidation has begun: it can be repaid, but not moved")
        else:
            amount = self._mend_in_bands(intent, lender, lender.loans, found, generation)
        if amount <= 0.0:
            return Receipt(Status.REFUSED, "nothing to mend it with")
        self._recorder.mended()
        return Receipt(Status.FILLED, amount=amount)

    def _mend_by(self, intent: MendPosition, lender: "Lender", found: "Found", generation: int) -> float:
        if intent.how == "sell":
            return self._sell_to_repay(intent, lender, found, generation)
        return self._top_up(intent, lender, found) if intent.how == "top_up" else self._repay(intent, lender, found)

    def _mend_in_bands(
        self, intent: MendPosition, lender: "Lender", loans: "BandLoans", found: "Found", generation: int
    ) -> float:
        """Mend a loan outside its bands and put it into new ones; it stays where it is once there is quote in them."""
        account = intent.account
        if loans.softened(account):
            amount = self._mend_by(intent, lender, found, generation)
            if lender.pool.debt(account, loans.debt) == 0.0:
                loans.lift(account)
            return amount
        outside, target = loans.outside(found), intent.target_health + loans.rule.gap
        if outside.position.health >= target:
            return 0.0
        first = loans.lift(account)
        amount = self._mend_by(replace(intent, target_health=target), lender, outside, generation)
        loans.place(account, None if amount > 0.0 else first)
        return amount

    def _top_up(self, intent: MendPosition, lender: "Lender", found: "Found") -> float:
        position = found.position
        threshold = position.liquidation_threshold
        if threshold <= 0.0:
            return 0.0  # more of what backs nothing mends nothing
        wanted_usd = (intent.target_health - position.health) * position.debt_usd / threshold
        asset = lender.assets[found.collateral]
        wallet = lender.first_holder + intent.account
        units = min(wanted_usd / position.collateral_price, self._world.ledger.balance(wallet, asset))
        if units > 0.0:
            self._world.ledger.transfer(wallet, lender.account, asset, units)
            lender.pool.post(intent.account, found.collateral, units)
        return units

    def _repay(self, intent: MendPosition, lender: "Lender", found: "Found") -> float:
        position = found.position
        wanted_usd = position.debt_usd * (1.0 - position.health / intent.target_health)
        asset = lender.assets[found.debt]
        wallet = lender.first_holder + intent.account
        units = min(wanted_usd / position.debt_price, position.debt_units, self._world.ledger.balance(wallet, asset))
        if units > 0.0:
            self._world.ledger.transfer(wallet, lender.account, asset, units)
            lender.pool.repay(intent.account, found.debt, units)
        return units

    def _sell_to_repay(self, intent: MendPosition, lender: "Lender", found: "Found", generation: int) -> float:
        """Sell collateral and repay with the proceeds, within one transaction.

        With k the proceeds of a dollar of collateral, selling s dollars gives the health (H D - s LT) / (D - s k); it
        reaches the target T at s = (T - H) D / (T k - LT), and where T k <= LT no sale helps; an infinite target is
        reached when all is repaid, at D / k. The last dollar sold must raise the health still, which it does where it
        brings more than LT / H.
        """
        world, position = self._world, found.position
        threshold = position.liquidation_threshold
        asset, debt = lender.assets[found.collateral], lender.assets[found.debt]
        probe = self._sales.quote(asset, position.collateral_units * 1e-6, debt)
        k = probe.average_usd / position.collateral_price
        helped = intent.target_health * k - threshold
        if not helped > 0.0:
            return 0.0
        if intent.target_health == np.inf:
            wanted_usd = position.debt_usd / k
        else:
            wanted_usd = (intent.target_health - position.health) * position.debt_usd / helped
        units = min(wanted_usd / position.collateral_price, position.collateral_units)
        # Never more than the debt needs: what is left of the collateral stays where it is.
        debt_usd = world.reference[debt]
        units = min(units, position.debt_units * debt_usd / probe.average_usd)
        # Below this price a unit sold takes more from what backs the debt than it repays of it, and mends nothing.
        least_usd = position.collateral_price * threshold / position.health if threshold > 0.0 else 0.0
        least_usd = max(least_usd, (1.0 - intent.max_discount) * world.reference[asset])
        sale = self._sales.quote_down_to(asset, units, debt, least_usd)
        if sale.units <= 0.0 or (lender.loans is not None and not lender.loans.carries(position, sale)):
            return 0.0
        holder = lender.first_holder + intent.account
        lender.pool.seize(intent.account, found.collateral, sale.units)
        world.ledger.transfer(lender.account, holder, asset, sale.units)
        self._sales.settle(holder, asset, sale, generation)
        proceeds = min(self._purses.convert(holder, sale.asset, debt, sale.proceeds), position.debt_units)
        world.ledger.transfer(holder, lender.account, debt, proceeds)
        lender.pool.repay(intent.account, found.debt, proceeds)
        return proceeds

    # What time brings

    def advance_auctions(self, pool: int, lender: "Lender") -> None:
        """Bring to an end what time alone ends."""
        if isinstance(lender.auctions, EnglishAuctions):
            self._biddings.finish(pool, lender, lender.auctions)
        elif isinstance(lender.auctions, BondedSales):
            self._bonds.finish(lender, lender.auctions)

    def serve_exits(self, lender: "Lender") -> None:
        """Let those who queue leave, first come first served in each reserve."""
        self._withdrawals.serve(lender)

    # Attackers

    def _borrow_against(self, intent: BorrowAgainst, gas_usd: float) -> Receipt:
        world, lender = self._world, self._world.lenders[intent.pool]
        attacker: Attacker = intent.sender  # type: ignore[assignment]
        if lender.pool.scaled_debt[intent.account].any():
            return Receipt(Status.REFUSED, "the account owes already")
        if lender.loans is not None:
            return Receipt(Status.REFUSED, "loans in bands are opened at the start only")
        asset, debt = lender.assets[intent.collateral], lender.assets[intent.debt]
        posted = min(intent.posted, world.ledger.balance(attacker.first_account, asset))
        limit = posted * lender.prices[intent.collateral] * lender.pool.terms[intent.collateral].ltv
        lent = min(intent.borrowed, limit / lender.prices[intent.debt], lender.pool.cash[intent.debt])
        if lent <= 0.0 or lent < intent.least:
            return Receipt(Status.REFUSED, "too little would be lent")
        world.ledger.transfer(attacker.first_account, lender.account, asset, posted)
        lender.pool.post(intent.account, intent.collateral, posted)
        lender.pool.borrow(intent.account, intent.debt, lent, lender.prices)
        world.ledger.transfer(lender.account, attacker.first_account, debt, lent)
        status = Status.FILLED if lent == intent.borrowed else Status.PARTLY
        return Lent(status, amount=lent, lent_usd=lent * world.reference[debt])

    def _swap(self, intent: Swap, gas_usd: float) -> Receipt:
        world, desk = self._world, self._world.exchanges[intent.exchange]
        attacker: Attacker = intent.sender  # type: ignore[assignment]
        gas_usd = gas_usd or intent.gas_cost_usd
        held = world.ledger.balance(attacker.first_account, desk.base if intent.side == "sell" else desk.quote)
        if intent.side == "buy":
            held = max(held - gas_usd / world.reference[desk.quote], 0.0)
        fill = quote_until(desk.venue, intent.side, intent.price, held)
        if fill.amount_in > 0.0:
            swap(world, desk, attacker.first_account, fill)
        # Paid in the quote, which a sale has brought and a purchase has left.
        self._purses.pay_gas(intent, gas_usd)
        if fill.amount_in <= 0.0:
            return Receipt(Status.REFUSED, "nothing to give, or nobody takes it")
        return Swapped(
            Status.FILLED,
            amount=fill.amount_in,
            sold=intent.side == "sell",
            base_usd=fill.base * world.reference[desk.base],
            quote_usd=fill.quote * world.reference[desk.quote],
        )
