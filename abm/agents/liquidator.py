"""Liquidators: look at what the design offers, and take what pays after gas, slippage and the cost of their capital.

Where the design takes time they buy from lots as others do from accounts, or bid for them, and also open liquidations
and start auctions afresh, where the reward, or what they can earn by buying, pays for the gas.

Models: capital that is spent, tied up while collateral is held, and back when it is sold; own funds or a flash swap; a
required margin; a delay between a position's becoming liquidatable and the first attempt, and sight of the past; so
many calls and so many opportunities priced a block; a gas price above which they do not get through; selling at once,
or over time at the risk of the price, for which they ask a charge. Who opens an auction that nobody would buy from yet
counts on its margin, once the price is there. Who sells at once sees what the pending calls of a pool sell, and calls
for nothing that their sales leave too little for. How they bid against one another, in gas or for the right to call, is
`abm.liquidations.contests`, where nobody knows what others will sell; when they come and go is `abm.agents.entry`.

Hardly anything on offer pays anybody, so only what is `worth` a look is priced: what `abm.liquidations.ceilings` cannot
rule out. The rest would have been looked at in vain, and costs its look (`patience`) all the same: decisions are as
without them.
"""

from functools import partial
from itertools import repeat
from math import fsum
from typing import TYPE_CHECKING

import mesa
import numpy as np

from abm.agents.bids import Bidder, BidTerms, bids_of
from abm.agents.effort import Effort, Plan
from abm.agents.entry import Turnover, mean_capital
from abm.agents.inventory import Holding, HoldingTerms, charge_per_usd
from abm.agents.liquidator_terms import Liquidators
from abm.intents import Intent, Liquidate, OpenLiquidation, PlaceBid, Receipt, Seizure, SellInventory, Sold
from abm.liquidations.call_ceilings import CallTerms
from abm.liquidations.tallies import Tally
from abm.liquidations.tops import TakingTerms
from abm.reading.distributions import draw
from abm.streams import Turns
from models.liquidation.ceiling import SLACK
from models.rates import SECONDS_PER_YEAR
from models.types import FloatArray

if TYPE_CHECKING:
    from abm.liquidations.on_offer import Bids, Call, Calls, Opportunities
    from abm.view import View


class LiquidatorCohort(mesa.Agent):
    """A cohort of liquidators; member k acts for ledger account `first_account + k`."""

    def __init__(
        self,
        model: mesa.Model,
        terms: Liquidators,
        name: str,
        pool: int,
        capital_asset: int,
        first_account: int,
        rng: np.random.Generator,
        order_rng: np.random.Generator,
    ) -> None:
        super().__init__(model)
        self.terms = terms
        self.name = name
        self.pool = pool
        self.capital_asset = capital_asset
        self.first_account = first_account
        self.capital_usd = draw(terms.capital_usd, terms.count, rng)
        self.unlimited: list[bool] = np.isinf(self.capital_usd).tolist()
        self.delay_seconds: list[float] = draw(terms.delay_seconds, terms.count, rng).tolist()
        self.active_from_seconds: list[float] = draw(terms.active_from_seconds, terms.count, rng).tolist()
        self.max_gas_gwei: list[float] = draw(terms.max_gas_gwei, terms.count, rng).tolist()
        self.reaction_seconds: list[float] = draw(terms.reaction_seconds, terms.count, rng).tolist()
        self.risk_aversion: list[float] = draw(terms.risk_aversion, terms.count, rng).tolist()
        self.holding_limit_usd: list[float] = draw(terms.holding_limit_usd, terms.count, rng).tolist()
        self.repaid_in_block_usd = 0.0
        self.holdings: dict[tuple[int, int], Holding] = {}  # by member and asset
        self.tallies = [Tally() for _ in range(terms.count)]
        self._turnover = Turnover(terms.entry, terms.count, mean_capital(self.capital_usd)) if terms.entry else None
        self._from = np.array(self.active_from_seconds)
        self._bears_risk = terms.selling == "over_time" and (
            any(self.risk_aversion) or min(self.holding_limit_usd) < np.inf
        )
        self._now = 0.0
        self._turns = Turns(terms.count, order_rng)

    @property
    def uses_own_money(self) -> bool:
        """Return whether repayments come out of limited funds of its own."""
        return self.terms.financing == "inventory" and not any(self.unlimited)

    @property
    def active(self) -> int:
        """Return how many members are not in reserve: the first ones."""
        return self.terms.count if self._turnover is None else self._turnover.active

    def acting(self, now: float) -> int:
        """Return how many members act at a time."""
        return int(np.count_nonzero(self._from[: self.active] <= now))

    def member_name(self, member: int) -> str:
        """Return the name under which a member appears in the results."""
        return self.name if self.terms.count == 1 else f"{self.name}[{member}]"

    def decide(self, view: "View") -> list[Intent]:
        """Return this block's calls: sales of what is held first, then liquidations in the order it prefers."""
        self.repaid_in_block_usd = 0.0
        self._now = now = view.now
        if self._turnover is not None:
            self._turnover.review(now)
        intents: list[Intent] = self._sales(view) if self.holdings else []
        if self.terms.understands is not None and view.design(self.pool) not in self.terms.understands:
            return intents
        if not view.offers_anything(self.pool, self.terms.looks_back_blocks):
            return intents
        bid = view.gas_gwei * (1.0 + self.terms.gas_premium)
        active, most_gwei, starts = self.active, self.max_gas_gwei, self.active_from_seconds
        able = [k for k in self._turns.next() if bid <= most_gwei[k] and k < active and now >= starts[k]]
        if not able:
            return intents
        open_now, bids = view.opportunities(self.pool, self.terms.looks_back_blocks), view.bids(self.pool)
        gas_usd = view.gas_cost_usd(self.terms.gas_units, bid) if view.gas_priced else self.terms.gas_usd
        budgets_usd = [self._budget_usd(view, member) for member in able]
        if bids and self.terms.financing == "flash" and view.financing(self.pool) == "lock":
            bids = None
        # Who may bid acts in any case, and asks for what there is to call when it comes to that.
        may_call = bool(bids) or self._may_call(view, gas_usd)
        if not may_call and not self._may_take(view, open_now, able, gas_usd, max(budgets_usd)):
            return intents
        efforts = [
            self._effort(view, member, bid, gas_usd, budget_usd)
            for member, budget_usd in zip(able, budgets_usd, strict=True)
            if budget_usd > 0.0 or may_call
        ]
        # What is bid on cannot be taken from: nobody hunts, and has less to bid for that.
        placed = self._bids(view, bids, efforts) if bids else repeat(())
        for effort, own_bids in zip(efforts, placed, strict=False):
            if open_now and effort.budget_usd > 0.0:
                self._hunt(view, open_now, effort, intents)
            intents.extend(own_bids)
            if may_call and effort.calls > 0 and effort.patience > 0:
                calls = view.calls(self.pool)
                if calls:
                    self._call(view, calls, effort, intents)
        return intents

    def receive(self, intent: Intent, receipt: Receipt) -> None:
        """Take note of what became of a call."""
        tally = self.tallies[intent.member]
        earned = tally.note(intent, receipt)
        if isinstance(receipt, Seizure):
            self.repaid_in_block_usd += receipt.repaid_usd
            if receipt.held > 0.0:
                holding = self.holdings.setdefault((intent.member, receipt.asset), Holding())
                holding.add(receipt.held, receipt.held_usd, receipt.generation)
        elif isinstance(receipt, Sold) and isinstance(intent, SellInventory):
            gained = self.holdings[intent.member, intent.asset].give(receipt.amount, receipt.proceeds_usd)
            tally.holding_usd += gained
            earned += gained
        if self._turnover is not None:
            self._turnover.earn(earned, self._now)

    def spends(self, member: int, asset: int, units: float, balance: float, price_usd: float) -> None:
        """Take note that a member pays with an asset that is not its money, some of which it may have seized."""
        holding = self.holdings.get((member, asset))
        if holding is not None:
            self.tallies[member].holding_usd += holding.spend(units, balance, price_usd)

    def holding_usd(self, member: int, prices: list[float]) -> float:
        """Return what a member has gained by holding what it seized, what it still holds at these prices."""
        held = fsum(one.gain_usd(prices[asset]) for (owner, asset), one in self.holdings.items() if owner == member)
        return self.tallies[member].holding_usd + held

    def _fee(self, view: "View") -> float:
        """Return the fee on a dollar of a flash swap, for who borrows by one where one is needed."""
        borrows = self.terms.financing == "flash" and view.financing(self.pool) != "take_over"
        return self.terms.flash_fee if borrows else 0.0

    def _may_call(self, view: "View", gas_usd: float) -> bool:
        """Return whether any call that opens a liquidation or starts an auction afresh may pay anybody."""
        calls = view.calls(self.pool)
        if not calls:
            return False
        tops = calls.tops(self.terms.selling == "at_once")
        return tops is None or tops.any_may_bring(self._wanted(calls, gas_usd))

    def _may_take(
        self, view: "View", open_now: "Opportunities", able: list[int], gas_usd: float, richest_usd: float
    ) -> bool:
        """Return whether anything on offer may pay anybody: the richest of those who are able, or the least patient."""
        if not open_now or richest_usd <= 0.0:
            return False
        terms = self.terms
        ripe_since = view.now - min([self.delay_seconds[member] for member in able])
        worth = open_now.worth(terms.selling == "at_once", self._asked(view, gas_usd, richest_usd))
        return open_now.any_worth(ripe_since, terms.prefers, terms.attention or open_now.count, worth)

    def _asked(self, view: "View", gas_usd: float, budget_usd: float) -> TakingTerms:
        """Return what somebody with so much money asks of a call that takes."""
        terms = self.terms
        return TakingTerms(terms.margin, self._fee(view), gas_usd + terms.minimum_profit_usd, budget_usd)

    def _wanted(
        self, calls: "Calls", gas_usd: float, budget_usd: float = np.inf, bondable_usd: float = np.inf
    ) -> CallTerms:
        """Return what somebody asks of a call who has so much to buy with and to lock."""
        terms = self.terms
        asked = max(terms.margin, 1.0 - terms.first_bid) if calls.bid_for else terms.margin
        return CallTerms(asked, gas_usd, terms.minimum_profit_usd, budget_usd, bondable_usd)

    def _effort(self, view: "View", member: int, bid: float, gas_usd: float, budget_usd: float) -> Effort:
        terms = self.terms
        return Effort(
            member,
            bid,
            gas_cost_usd=gas_usd,
            budget_usd=budget_usd,
            patience=terms.attention or view.count_offered(self.pool, terms.looks_back_blocks),
            calls=terms.calls_per_block or view.count_offered(self.pool, terms.looks_back_blocks),
            held_usd=self._held_usd(view, member) if self._bears_risk else 0.0,
        )

    def _hunt(self, view: "View", open_now: "Opportunities", effort: Effort, intents: list[Intent]) -> None:
        """Add the calls of one member that take, as far as its capital, its calls and its attention reach."""
        patience, ripe_since = effort.patience, view.now - self.delay_seconds[effort.member]
        asked = self._asked(view, effort.gas_cost_usd, effort.budget_usd)
        worth = open_now.worth(self.terms.selling == "at_once", asked)
        looks = open_now.looks(ripe_since, self.terms.prefers, patience, worth)
        for number, _ in looks:
            if effort.spent:
                return
            effort.patience = patience - looks.looked
            plan = self._plan(view, open_now, number, effort)
            if plan is None:
                continue
            open_now.take(number)
            effort.calls -= 1
            intents.append(self._liquidate(number, effort, plan))
            if self.terms.selling == "at_once":
                open_now.sells(number, plan.repay_usd, 1.0 + plan.flash_fee + self.terms.margin)
            effort.budget_usd -= plan.repay_usd
            effort.held_usd += plan.repay_usd * (1.0 + plan.gain)
        if not effort.spent:
            effort.patience = patience - looks.looked

    def _plan(self, view: "View", open_now: "Opportunities", number: int, effort: Effort) -> Plan | None:
        """Return what a member would repay of one thing on offer; None where that does not pay."""
        terms = self.terms
        fee, price = self._fee(view), open_now.price(number)
        if terms.selling == "at_once":
            gain = (1.0 + price.gain_at_bid) * open_now.bid_left(price.asset) - 1.0 - fee
        else:
            gain = price.gain_at_reference - fee
        if gain <= terms.margin:
            return None
        budget, least = effort.budget_usd, terms.minimum_profit_usd
        holding = self._holding(view, price.asset, effort) if self._bears_risk else None
        if holding is not None:
            budget = min(budget, holding.most_usd(gain / (1.0 + gain)) / (1.0 + gain))
        repay = price.most_usd
        if repay > budget:
            if budget * SLACK * gain - effort.gas_cost_usd < least:
                return None  # whatever part of it the rule lets one pay
            repay = open_now.fits_usd(number, budget)
            gain -= (1.0 + gain + fee) * (1.0 - open_now.part_brings(number, repay))
        if holding is not None and repay > 0.0:
            least += holding.charge_usd(repay * (1.0 + gain))
        profit = repay * gain - effort.gas_cost_usd
        if profit < least or profit < terms.margin * repay or profit <= 0.0:
            return None
        return Plan(repay, gain, budget, least, fee)

    def _signed(self, effort: Effort) -> tuple["LiquidatorCohort", int, float, float]:
        """Return what every call of a member begins with: whose it is, and the gas that it offers to pay."""
        return self, effort.member, effort.bid_gwei, self.terms.gas_units

    def _liquidate(self, number: int, effort: Effort, plan: Plan) -> Liquidate:
        terms = self.terms
        return Liquidate(
            *self._signed(effort),
            pool=self.pool,
            number=number,
            budget_usd=plan.budget_usd,
            margin=terms.margin,
            minimum_profit_usd=plan.least_usd,
            gas_cost_usd=effort.gas_cost_usd,
            sell=terms.selling == "at_once",
            flash=terms.financing == "flash",
            flash_fee=plan.flash_fee,
        )

    def _call(self, view: "View", calls: "Calls", effort: Effort, intents: list[Intent]) -> None:
        """Add the calls of one member that open liquidations and start auctions afresh."""
        terms, ripe_since = self.terms, view.now - self.delay_seconds[effort.member]
        tops = calls.tops(terms.selling == "at_once")
        wanted = self._wanted(calls, effort.gas_cost_usd, max(effort.budget_usd, 0.0), self._bondable(effort))
        worth = partial(tops.may_bring, wanted) if tops is not None else None
        for number, _ in calls.looks(ripe_since, terms.prefers, effort.patience, worth):
            if effort.calls == 0:
                return
            call = calls.price(number)
            if call is None or call.bond_usd > self._bondable(effort):
                continue
            profit = call.reward_usd - effort.gas_cost_usd + self._earned_by_buying(call, effort)
            if profit <= 0.0 or profit < terms.minimum_profit_usd:
                continue
            calls.take(number)
            effort.calls -= 1
            effort.budget_usd -= call.bond_usd
            target, afresh = calls.target(number)
            intents.append(
                OpenLiquidation(
                    *self._signed(effort),
                    pool=self.pool,
                    number=target,
                    afresh=afresh,
                    gas_cost_usd=effort.gas_cost_usd,
                    worth_usd=profit + effort.gas_cost_usd - terms.minimum_profit_usd,
                    bond_usd=call.bond_usd,
                )
            )

    def _bids(self, view: "View", bids: "Bids", efforts: list[Effort]) -> list[list[PlaceBid]]:
        """Return the bids of each member, for which looks, calls and money are spent."""
        terms, now, sells = self.terms, view.now, self.terms.selling == "at_once"
        asked = BidTerms(terms.margin, terms.first_bid, efforts[0].gas_cost_usd, terms.minimum_profit_usd)
        bidders = [self._bidder(effort, now) for effort in efforts]
        made, looked = bids_of(bidders, bids, asked, terms.prefers, self._charges(view, bids, efforts), sells=sells)
        placed: list[list[PlaceBid]] = [[] for _ in efforts]
        for whose, place, paid, units, paid_usd in made:
            effort, number = efforts[whose], bids.number(place)
            bids.gone[place] = True
            effort.calls -= 1
            effort.budget_usd -= paid_usd
            effort.held_usd += paid_usd
            signed = *self._signed(effort), self.pool
            placed[whose].append(PlaceBid(*signed, number, paid, units, effort.gas_cost_usd, sells))
        for effort, looks in zip(efforts, looked, strict=True):
            effort.patience -= looks
        return placed

    def _bidder(self, effort: Effort, now: float) -> Bidder:
        member = effort.member
        limit_usd = self.holding_limit_usd[member] if self._bears_risk else np.inf
        since, means = now - self.delay_seconds[member], (effort.budget_usd, effort.held_usd, limit_usd)
        return Bidder(self.first_account + member, since, effort.patience, effort.calls, *means)

    def _charges(self, view: "View", bids: "Bids", efforts: list[Effort]) -> FloatArray:
        """Return what holding a dollar of each reserve's asset costs for each dollar held, (members, reserves)."""
        if not self._bears_risk:
            return np.zeros((len(efforts), len(bids.assets)))
        return np.array([[self._charge(view, asset, effort.member) for asset in bids.assets] for effort in efforts])

    def _bondable(self, effort: Effort) -> float:
        """Return the dollars that a member could lock for hours: nothing that it borrows for one transaction."""
        return effort.budget_usd if self.terms.financing == "inventory" else 0.0

    def _earned_by_buying(self, call: "Call", effort: Effort) -> float:
        """Return what a member counts on for buying afterwards, in dollars: its margin, or more where there is more."""
        if call.raised_usd <= 0.0 or effort.budget_usd <= 0.0 or (call.bid_for and self.terms.financing == "flash"):
            return 0.0
        asked = max(self.terms.margin, 1.0 - self.terms.first_bid) if call.bid_for else self.terms.margin
        gain = call.gain_at_bid_usd if self.terms.selling == "at_once" else call.gain_at_reference_usd
        share = min(effort.budget_usd / call.raised_usd, 1.0)
        return max(share * max(gain, asked * call.raised_usd) - effort.gas_cost_usd, 0.0)

    def _held_usd(self, view: "View", member: int) -> float:
        """Return what the collateral that a member holds is worth, and what it has bid for more of it."""
        mine = ((asset, held.units) for (owner, asset), held in self.holdings.items() if owner == member)
        held_usd = fsum(units * view.price_usd(asset) for asset, units in mine)
        return held_usd + view.locked_usd(self.pool, self.first_account + member)

    def _holding(self, view: "View", asset: int, effort: Effort) -> HoldingTerms:
        """Return what holding more of an asset costs a member at the risk that it has now."""
        member = effort.member
        return HoldingTerms(self._charge(view, asset, member), effort.held_usd, self.holding_limit_usd[member])

    def _charge(self, view: "View", asset: int, member: int) -> float:
        """Return what holding a dollar of an asset costs a member for each dollar held."""
        years, wealth_usd = self.terms.sell_over_seconds / SECONDS_PER_YEAR, float(self.capital_usd[member])
        return charge_per_usd(self.risk_aversion[member], view.asset_volatility_per_year(asset), years, wealth_usd)

    def _budget_usd(self, view: "View", member: int) -> float:
        """Return what a member can pay with."""
        if self.terms.financing == "flash" or self.unlimited[member]:
            return np.inf
        return view.balance(self.first_account + member, self.capital_asset) * view.price_usd(self.capital_asset)

    def _sales(self, view: "View") -> list[Intent]:
        """Sell a slice of what each member holds when its turn comes; what is left below ten dollars is sold whole.

        Who would get less than the reference price less its `max_discount` waits for its next turn.
        """
        terms, step, now = self.terms, view.step_seconds, view.now
        every = max(terms.sell_every_seconds, step)
        # Turns are spread over the interval, so that the members do not all sell in one block.
        due = [key for key in self.holdings if (now + every * key[0] / terms.count) % every < step]
        share = min(1.0, every / terms.sell_over_seconds)
        bid = view.gas_gwei * (1.0 + terms.gas_premium)
        sales: list[Intent] = []
        for member, asset in due:
            if bid > self.max_gas_gwei[member]:
                continue
            holding, price = self.holdings[member, asset], view.price_usd(asset)
            held = min(holding.units, view.balance(self.first_account + member, asset))
            if held < holding.units:  # its money is in that asset too, and has gone for gas or another debt
                spent = holding.units - held
                self.tallies[member].holding_usd += holding.give(spent, spent * price)
            if held <= 0.0:
                del self.holdings[member, asset]
                continue
            if view.bid_usd(asset, self.capital_asset) < (1.0 - terms.max_discount) * price:
                continue
            units = held if held * price * share < 10.0 else held * share
            sale = SellInventory(
                self, member, bid, terms.sale_gas_units, asset, units, holding.generation, terms.max_discount
            )
            sales.append(sale)
        return sales
