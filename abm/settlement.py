"""Settlement: the only place where what agents ask for becomes a new state of the mechanisms.

Intents are ordered by the gas price they bid, within a block's capacity; each is settled against the state it finds.
A guard that no longer holds is a refusal, which still costs gas. Everybody gets a receipt.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from abm.bidding import Biddings
from abm.english_auctions import EnglishAuctions
from abm.forced_sales import ForcedSales, Sale
from abm.intents import (
    BorrowAgainst,
    Intent,
    Lent,
    Liquidate,
    MendPosition,
    OpenLiquidation,
    PlaceBid,
    Receipt,
    Seizure,
    SellInventory,
    Status,
    Swap,
    Swapped,
    Withdraw,
)
from abm.openings import Openings
from abm.purses import Purses
from abm.trading import quote_until, swap
from models import blockspace
from models.ledger import OUTSIDE
from models.liquidation import Taking

if TYPE_CHECKING:
    from abm.agents.attacker import Attacker
    from abm.agents.liquidator import LiquidatorCohort
    from abm.cascade import Cascade
    from abm.marks import Mark
    from abm.recorder import Recorder
    from abm.world import Found, Lender, World

_LEFT_OUT = Receipt(Status.LEFT_OUT, "the block was full or its price above the bid")


class Settlement:
    """Settles the intents of one path's blocks."""

    def __init__(self, world: "World", cascade: "Cascade", recorder: "Recorder") -> None:
        self._world = world
        self._cascade = cascade
        self._recorder = recorder
        self._sales = ForcedSales(world, cascade)
        self._purses = Purses(world, recorder)
        self._biddings = Biddings(world, recorder, self._purses, self._sales)
        self._settle: dict[type[Intent], Callable[[Any, float], Receipt]] = {
            Liquidate: self._liquidate,
            PlaceBid: self._biddings.settle,
            OpenLiquidation: Openings(world, cascade, recorder, self._purses).settle,
            SellInventory: self._sell_inventory,
            MendPosition: self._mend,
            Withdraw: self._withdraw,
            BorrowAgainst: self._borrow_against,
            Swap: self._swap,
        }

    def block(self, intents: list[Intent]) -> None:
        """Settle a block of intents in order and hand out the receipts."""
        world = self._world
        space = world.scenario.blockspace
        if space is None:
            for intent in intents:
                intent.sender.receive(intent, self._settle[type(intent)](intent, 0.0))
            return
        bids = np.array([intent.bid_gwei for intent in intents])
        order = blockspace.order(bids, np.arange(len(intents)))
        gas = np.array([intent.gas_units for intent in intents])[order]
        enters = blockspace.included(bids[order], gas, world.gas_gwei, space.capacity_gas)
        for k, inside in zip(order.tolist(), enters.tolist(), strict=True):
            intent = intents[k]
            if inside:
                cost = world.gas_cost_usd(intent.gas_units, intent.bid_gwei)
                intent.sender.receive(intent, self._settle[type(intent)](intent, cost))
            else:
                intent.sender.receive(intent, _LEFT_OUT)

    # Liquidation

    def _liquidate(self, intent: Liquidate, gas_usd: float) -> Receipt:
        lender = self._world.lenders[intent.pool]
        gas_usd = gas_usd or intent.gas_cost_usd
        mark = lender.mark(intent.number)
        if mark is None:
            return self._refuse(intent, gas_usd, "nothing is owed any more")
        chosen = self._size(intent, lender, mark, gas_usd)
        if isinstance(chosen, str):
            return self._refuse(intent, gas_usd, chosen)
        return self._seize(intent, lender, mark, *chosen, gas_usd=gas_usd)

    def _size(
        self, intent: Liquidate, lender: "Lender", mark: "Mark", gas_usd: float
    ) -> tuple[Taking, Sale | None, float] | str:
        """Choose the repayment that pays best on the ladder as it stands; or say why none does.

        Selling more only pays while the marginal proceeds of what a dollar of debt buys cover that dollar, so the best
        size is where the ladder's marginal price falls to the break-even price, or the smallest that the rule allows.
        """
        world = self._world
        offer = mark.offer()
        if offer is None:
            return "nothing is offered any more"
        debt_usd = world.reference[lender.assets[mark.debt]]
        most = min(offer.max_repay, self._purses.means_usd(intent) / debt_usd)
        repay = mark.fit(most)
        if repay <= 0.0:
            return "the rule takes no part so small, or leaves none so small"
        asset = lender.assets[mark.collateral]
        cost_per_repaid = debt_usd * (1.0 + intent.flash_fee)
        taking = mark.take(repay)
        sale = None
        if intent.sell:
            sale = self._sales.quote(asset, taking.received, lender.assets[mark.debt])
            break_even = cost_per_repaid * (1.0 + intent.margin) / (offer.seized_per_repaid * offer.taker_share)
            if sale.last_usd < break_even and sale.trip is not None:
                units = self._sales.units_to(asset, sale, break_even)
                best = mark.fit(min(repay, units / (offer.seized_per_repaid * offer.taker_share)))
                if best > 0.0:
                    taking = mark.take(best)
                    sale = self._sales.quote(asset, taking.received, lender.assets[mark.debt])
                elif sale.last_usd <= 0.0:
                    return "the market does not take it all"
                # Otherwise the rule allows no smaller part: all of it may still pay on average.
        worth = sale.units * sale.average_usd if sale is not None else taking.received * world.reference[asset]
        profit = worth - taking.repaid * cost_per_repaid - gas_usd
        if profit < max(intent.minimum_profit_usd, intent.margin * taking.repaid * debt_usd):
            return "it no longer pays"
        return taking, sale, profit

    def _seize(
        self,
        intent: Liquidate,
        lender: "Lender",
        mark: "Mark",
        taking: Taking,
        sale: Sale | None,
        profit: float,
        *,
        gas_usd: float,
    ) -> Receipt:
        world, purses = self._world, self._purses
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
        purses.pay_gas(intent, gas_usd)
        self._recorder.liquidation(
            lender.name,
            mark.account,
            cohort.member_name(intent.member),
            debt,
            done.repaid,
            asset,
            done.seized,
            done.protocol_fee,
            gas_usd,
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
            generation=generation,
            profit_usd=profit,
        )

    def _refuse(self, intent: Liquidate, gas_usd: float, reason: str) -> Receipt:
        self._purses.pay_gas(intent, gas_usd)
        self._recorder.refusal()
        return Receipt(Status.REFUSED, reason)

    # Sales of what was held

    def _sell_inventory(self, intent: SellInventory, gas_usd: float) -> Receipt:
        cohort: LiquidatorCohort = intent.sender  # type: ignore[assignment]
        account = cohort.first_account + intent.member
        units = min(intent.units, self._world.ledger.balance(account, intent.asset))
        sale = self._sales.quote(intent.asset, units, cohort.capital_asset)
        if sale.units <= 0.0:
            self._purses.pay_gas(intent, gas_usd)
            return Receipt(Status.REFUSED, "nobody buys")
        self._sales.settle(account, intent.asset, sale, intent.generation)
        self._purses.convert(account, sale.asset, cohort.capital_asset, sale.proceeds)
        self._purses.pay_gas(intent, gas_usd)
        return Receipt(Status.FILLED if sale.units == units else Status.PARTLY, amount=sale.units)

    # Borrowers

    def _mend(self, intent: MendPosition, gas_usd: float) -> Receipt:
        lender = self._world.lenders[intent.pool]
        found = lender.position(intent.account)
        if found is None or found.position.health >= intent.line:
            return Receipt(Status.REFUSED, "nothing needs mending")
        if lender.auctions is not None and lender.auctions.frozen[intent.account]:
            return Receipt(Status.REFUSED, "the account is for sale")
        amount = {"top_up": self._top_up, "repay": self._repay, "sell": self._sell_to_repay}[intent.how](
            intent, lender, found
        )
        if amount <= 0.0:
            return Receipt(Status.REFUSED, "nothing to mend it with")
        self._recorder.mended()
        return Receipt(Status.FILLED, amount=amount)

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

    def _sell_to_repay(self, intent: MendPosition, lender: "Lender", found: "Found") -> float:
        """Sell collateral and repay with the proceeds, within one transaction.

        With k the proceeds of a dollar of collateral, selling s dollars gives the health (H D - s LT) / (D - s k); it
        reaches the target T at s = (T - H) D / (T k - LT), and where T k <= LT no sale helps.
        """
        world, position = self._world, found.position
        threshold = position.liquidation_threshold
        asset, debt = lender.assets[found.collateral], lender.assets[found.debt]
        probe = self._sales.quote(asset, position.collateral_units * 1e-6, debt)
        k = probe.average_usd / position.collateral_price
        helped = intent.target_health * k - threshold
        if helped <= 0.0:
            return 0.0
        wanted_usd = (intent.target_health - position.health) * position.debt_usd / helped
        units = min(wanted_usd / position.collateral_price, position.collateral_units)
        # Never more than the debt needs: what is left of the collateral stays where it is.
        debt_usd = world.reference[debt]
        units = min(units, position.debt_units * debt_usd / probe.average_usd)
        sale = self._sales.quote(asset, units, debt)
        if sale.units <= 0.0:
            return 0.0
        generation = self._cascade.generation(lender, intent.account, intent.line)
        holder = lender.first_holder + intent.account
        lender.pool.seize(intent.account, found.collateral, sale.units)
        world.ledger.transfer(lender.account, holder, asset, sale.units)
        self._sales.settle(holder, asset, sale, generation)
        proceeds = min(self._purses.convert(holder, sale.asset, debt, sale.proceeds), position.debt_units)
        world.ledger.transfer(holder, lender.account, debt, proceeds)
        lender.pool.repay(intent.account, found.debt, proceeds)
        return proceeds

    # Depositors

    def _withdraw(self, intent: Withdraw, gas_usd: float) -> Receipt:
        lender = self._world.lenders[intent.pool]
        claims = lender.pool.claims(intent.account, intent.reserve)
        if claims <= 0.0:
            return Receipt(Status.REFUSED, "nothing is deposited any more")
        queue = lender.exits[intent.reserve]
        paid = 0.0 if queue else self.pay_out(lender, intent.account, intent.reserve)  # others were here first
        if paid < claims:
            queue.append(intent.account)
            return Receipt(Status.PARTLY, "the rest waits for cash", paid)
        return Receipt(Status.FILLED, amount=paid)

    def pay_out(self, lender: "Lender", account: int, reserve: int) -> float:
        """Settle an account's claims on a reserve as far as there is cash; return the units, a charge included."""
        units = min(lender.pool.claims(account, reserve), float(lender.pool.cash[reserve]))
        if units <= 0.0:
            return 0.0
        paid = units if lender.exit_charge is None else units - lender.exit_charge(account, reserve, units)
        lender.pool.withdraw(account, reserve, paid)
        self._world.ledger.transfer(lender.account, lender.first_holder + account, lender.assets[reserve], paid)
        return units

    def advance_auctions(self, pool: int, lender: "Lender") -> None:
        """Bring to an end what time alone ends."""
        if isinstance(lender.auctions, EnglishAuctions):
            self._biddings.finish(pool, lender, lender.auctions)

    def serve_exits(self, lender: "Lender") -> None:
        """Let those who queue leave, first come first served in each reserve."""
        for reserve, queue in enumerate(lender.exits):
            while queue:
                claims = lender.pool.claims(queue[0], reserve)
                if self.pay_out(lender, queue[0], reserve) < claims:
                    break
                queue.popleft()

    # Attackers

    def _borrow_against(self, intent: BorrowAgainst, gas_usd: float) -> Receipt:
        world, lender = self._world, self._world.lenders[intent.pool]
        attacker: Attacker = intent.sender  # type: ignore[assignment]
        if lender.pool.scaled_debt[intent.account].any():
            return Receipt(Status.REFUSED, "the account owes already")
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
        self._purses.pay_gas(intent, gas_usd or intent.gas_cost_usd)
        held = world.ledger.balance(attacker.first_account, desk.base if intent.side == "sell" else desk.quote)
        fill = quote_until(desk.venue, intent.side, intent.price, held)
        if fill.amount_in <= 0.0:
            return Receipt(Status.REFUSED, "nothing to give, or nobody takes it")
        swap(world, desk, attacker.first_account, fill)
        return Swapped(
            Status.FILLED,
            amount=fill.amount_in,
            sold=intent.side == "sell",
            base_usd=fill.base * world.reference[desk.base],
            quote_usd=fill.quote * world.reference[desk.quote],
        )
