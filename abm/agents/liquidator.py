"""Liquidators: look at what the design offers, and take what pays after gas, slippage and the cost of their capital.

Where the design takes time they buy from lots as others do from accounts, or bid for them, and also open liquidations
and start auctions afresh, where the reward, or what they can earn by buying, pays for the gas.

Models: capital that is spent, tied up while collateral is held, and back when it is sold; own funds or a flash swap; a
required margin; a delay between a position's becoming liquidatable and the first attempt; so many calls and so many
opportunities priced a block; a gas price above which they do not get through; selling at once or over time at the
risk of the price. Who opens an auction that nobody would buy from yet counts on its margin, once the price is there.
How they bid against one another, in gas or for the right to call, is `abm.contests`.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import mesa
import numpy as np
from pydantic import Field, model_validator

from abm.distributions import Members, NonNegativeInfOrDrawn, NonNegativeOrDrawn, PositiveInfOrDrawn, draw
from abm.intents import Intent, Liquidate, OpenLiquidation, PlaceBid, Preference, Receipt, Seizure, SellInventory
from abm.streams import Turns
from models.liquidation import Bid
from models.parameters import Parameters

if TYPE_CHECKING:
    from abm.on_offer import Bids, Call, Calls, Opportunities
    from abm.view import View


class Liquidators(Parameters):
    """One cohort of liquidators.

    `capital_usd` is held in `capital_asset` (the first market's quote unless named) and may be `inf`. With `financing =
    "flash"` the repayment is borrowed and paid back within the transaction for `flash_fee`, so collateral must be
    sold at once. `margin` is the profit asked for as a share of what is repaid, after everything. `gas_usd` is the
    cost of one call where gas is not priced by `[blockspace]`; with it a call costs `gas_units` at the going price
    times 1 + `gas_premium`, and members whose `max_gas_gwei` is below that do not get through. `attention` is how
    many opportunities a member prices in one block; it `prefers` the largest debts, or those open the longest. Where
    bids in gas are open, a member answers another's after `reaction_seconds`.

    Members act from `active_from_seconds` on: who comes later was attracted by what others could not take.

    In English auctions a member's value of a lot is what it would net by selling now, or at the reference price where
    it sells over time, less its `margin` and its gas. Its first bid is `first_bid` of that; who hopes to be alone tries
    next to nothing. From there on it outbids others by the least that the rule asks, up to its value.

    With `selling = "over_time"` a member keeps what it seizes and sells a slice every `sell_every_seconds`, for
    `sale_gas_units`, such that a holding shrinks to a third in `sell_over_seconds`.
    """

    count: Members = 1
    pool: str | None = None
    capital_usd: NonNegativeInfOrDrawn
    capital_asset: str | None = None
    financing: Literal["inventory", "flash"] = "inventory"
    flash_fee: float = Field(0.0, ge=0, lt=1)
    margin: float = Field(0.0, ge=0)
    minimum_profit_usd: float = Field(0.0, ge=0)
    delay_seconds: NonNegativeOrDrawn = 0.0
    active_from_seconds: NonNegativeOrDrawn = 0.0
    first_bid: float = Field(0.9, gt=0, le=1)
    calls_per_block: int | None = Field(None, ge=1)
    attention: int | None = Field(None, ge=1)
    prefers: Preference = "largest"
    gas_usd: float = Field(0.0, ge=0)
    gas_units: float = Field(500_000.0, ge=0)
    gas_premium: float = Field(0.1, ge=0)
    max_gas_gwei: PositiveInfOrDrawn = float("inf")
    reaction_seconds: NonNegativeOrDrawn = 0.0
    selling: Literal["at_once", "over_time"] = "at_once"
    sell_over_seconds: float = Field(3600.0, gt=0)
    sell_every_seconds: float = Field(600.0, gt=0)
    sale_gas_units: float = Field(150_000.0, ge=0)

    @model_validator(mode="after")
    def _flash_sells_at_once(self) -> "Liquidators":
        if self.financing == "flash" and self.selling == "over_time":
            raise ValueError(
                'selling = "over_time" needs financing = "inventory": a flash swap is repaid in its own transaction; '
                "change one of them"
            )
        return self


@dataclass(slots=True)
class Holding:
    """Seized collateral that a member has not sold yet, and the generation of the newest of it."""

    units: float = 0.0
    generation: int = 0


@dataclass(slots=True)
class _Effort:
    """What a member has for one block: the gas it bids, its money, and how many opportunities and calls are left."""

    member: int
    bid_gwei: float
    gas_cost_usd: float
    budget_usd: float
    patience: int
    calls: int

    @property
    def spent(self) -> bool:
        """Whether nothing more can be taken."""
        return self.patience == 0 or self.calls == 0 or self.budget_usd <= 0.0


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
        self.delay_seconds = draw(terms.delay_seconds, terms.count, rng)
        self.active_from_seconds: list[float] = draw(terms.active_from_seconds, terms.count, rng).tolist()
        self.max_gas_gwei: list[float] = draw(terms.max_gas_gwei, terms.count, rng).tolist()
        self.reaction_seconds: list[float] = draw(terms.reaction_seconds, terms.count, rng).tolist()
        self.repaid_in_block_usd = 0.0
        self.holdings: dict[tuple[int, int], Holding] = {}  # by member and asset
        self._turns = Turns(terms.count, order_rng)

    @property
    def uses_own_money(self) -> bool:
        """Return whether repayments come out of limited funds of its own."""
        return self.terms.financing == "inventory" and not any(self.unlimited)

    def member_name(self, member: int) -> str:
        """Return the name under which a member appears in the results."""
        return self.name if self.terms.count == 1 else f"{self.name}[{member}]"

    def decide(self, view: "View") -> list[Intent]:
        """Return this block's calls: sales of what is held first, then liquidations in the order it prefers."""
        self.repaid_in_block_usd = 0.0
        intents: list[Intent] = self._sales(view) if self.holdings else []
        open_now, calls, bids = view.opportunities(self.pool), view.calls(self.pool), view.bids(self.pool)
        if not open_now and not calls and not bids:
            return intents
        there_are = open_now.count + (calls.count if calls else 0) + (bids.count if bids else 0)
        bid = view.gas_gwei * (1.0 + self.terms.gas_premium)
        for member in self._turns.next():
            if bid <= self.max_gas_gwei[member] and view.now >= self.active_from_seconds[member]:
                effort = self._effort(view, member, bid, there_are)
                if effort.budget_usd > 0.0:
                    self._hunt(view, open_now, effort, intents)
                if bids and self.terms.financing == "inventory":
                    self._bid(view, bids, effort, intents)
                if calls:
                    self._call(view, calls, effort, intents)
        return intents

    def receive(self, intent: Intent, receipt: Receipt) -> None:
        """Take note of what became of a call."""
        if isinstance(receipt, Seizure):
            self.repaid_in_block_usd += receipt.repaid_usd
            if receipt.held > 0.0:
                holding = self.holdings.setdefault((intent.member, receipt.asset), Holding())
                holding.units += receipt.held
                holding.generation = max(holding.generation, receipt.generation)
        elif isinstance(intent, SellInventory):
            self.holdings[intent.member, intent.asset].units -= receipt.amount

    def _effort(self, view: "View", member: int, bid: float, there_are: int) -> _Effort:
        terms = self.terms
        endless = terms.financing == "flash" or self.unlimited[member]
        return _Effort(
            member,
            bid,
            gas_cost_usd=view.gas_cost_usd(terms.gas_units, bid) if view.gas_priced else terms.gas_usd,
            budget_usd=np.inf if endless else self._means_usd(view, member),
            patience=terms.attention or there_are,
            calls=terms.calls_per_block or there_are,
        )

    def _hunt(self, view: "View", open_now: "Opportunities", effort: _Effort, intents: list[Intent]) -> None:
        """Add the calls of one member that take, as far as its capital, its calls and its attention reach."""
        terms, gas_cost = self.terms, effort.gas_cost_usd
        flash = terms.financing == "flash"
        sells = terms.selling == "at_once"
        for number in open_now.ripe(view.now - self.delay_seconds[effort.member], terms.prefers):
            if effort.spent:
                return
            effort.patience -= 1
            gain = open_now.gain_per_usd(number, sells) - (terms.flash_fee if flash else 0.0)
            if gain <= terms.margin:
                continue
            repay = open_now.most_usd(number)
            if repay > effort.budget_usd:
                repay = open_now.fits_usd(number, effort.budget_usd)
            profit = repay * gain - gas_cost
            if profit < terms.minimum_profit_usd or profit < terms.margin * repay or profit <= 0.0:
                continue
            open_now.take(number)
            effort.calls -= 1
            intents.append(
                Liquidate(
                    sender=self,
                    member=effort.member,
                    bid_gwei=effort.bid_gwei,
                    gas_units=terms.gas_units,
                    pool=self.pool,
                    number=number,
                    budget_usd=effort.budget_usd,
                    margin=terms.margin,
                    minimum_profit_usd=terms.minimum_profit_usd,
                    gas_cost_usd=gas_cost,
                    sell=sells,
                    flash=flash,
                    flash_fee=terms.flash_fee,
                )
            )
            effort.budget_usd -= repay

    def _call(self, view: "View", calls: "Calls", effort: _Effort, intents: list[Intent]) -> None:
        """Add the calls of one member that open liquidations and start auctions afresh."""
        terms = self.terms
        for number in calls.ripe(view.now - self.delay_seconds[effort.member], terms.prefers):
            if effort.patience == 0 or effort.calls == 0:
                return
            effort.patience -= 1
            call = calls.price(number)
            if call is None:
                continue
            profit = call.reward_usd - effort.gas_cost_usd + self._earned_by_buying(call, effort)
            if profit <= 0.0 or profit < terms.minimum_profit_usd:
                continue
            calls.take(number)
            effort.calls -= 1
            target, afresh = calls.target(number)
            intents.append(
                OpenLiquidation(
                    sender=self,
                    member=effort.member,
                    bid_gwei=effort.bid_gwei,
                    gas_units=terms.gas_units,
                    pool=self.pool,
                    number=target,
                    afresh=afresh,
                    gas_cost_usd=effort.gas_cost_usd,
                    worth_usd=profit + effort.gas_cost_usd - terms.minimum_profit_usd,
                )
            )

    def _bid(self, view: "View", bids: "Bids", effort: _Effort, intents: list[Intent]) -> None:
        """Add the bids of one member on lots that it does not lead."""
        terms = self.terms
        for number in bids.ripe(view.now - self.delay_seconds[effort.member], terms.prefers):
            if effort.spent:
                return
            if bids.lot(number).bidder == self.first_account + effort.member:
                continue
            effort.patience -= 1
            bid = self._worth_bidding(bids, number, effort)
            if bid is None:
                continue
            bids.take(number)
            effort.calls -= 1
            effort.budget_usd -= bid.paid * bids.debt_usd(bids.lot(number))
            intents.append(
                PlaceBid(
                    sender=self,
                    member=effort.member,
                    bid_gwei=effort.bid_gwei,
                    gas_units=terms.gas_units,
                    pool=self.pool,
                    number=number,
                    paid=bid.paid,
                    units=bid.units,
                    gas_cost_usd=effort.gas_cost_usd,
                    sell=terms.selling == "at_once",
                )
            )

    def _worth_bidding(self, bids: "Bids", number: int, effort: _Effort) -> Bid | None:
        """Return the bid that a member is ready to make: more money or, once the tab is bid, fewer units for it."""
        terms, lot, least = self.terms, bids.lot(number), bids.least(number)
        if least is None:
            return None
        debt_usd = bids.debt_usd(lot)
        worth_usd = bids.worth_usd(number, least.units, terms.selling == "at_once")
        net_usd = worth_usd - effort.gas_cost_usd - terms.minimum_profit_usd
        value = min(net_usd / (1.0 + terms.margin), effort.budget_usd) / debt_usd
        if value < least.paid or value <= lot.bid:
            return None
        if lot.bid < lot.tab:
            return Bid(min(max(terms.first_bid * value, least.paid), lot.tab), least.units)
        # The fewest units that would pay for the tab at what these bring each, and some more to begin with.
        fewest = least.units * lot.tab / (net_usd / (1.0 + terms.margin) / debt_usd)
        return Bid(lot.tab, min(least.units, fewest / terms.first_bid))

    def _earned_by_buying(self, call: "Call", effort: _Effort) -> float:
        """Return what a member counts on for buying afterwards, in dollars: its margin, or more where there is more."""
        if call.raised_usd <= 0.0 or effort.budget_usd <= 0.0 or (call.bid_for and self.terms.financing == "flash"):
            return 0.0
        asked = max(self.terms.margin, 1.0 - self.terms.first_bid) if call.bid_for else self.terms.margin
        gain = call.gain_at_bid_usd if self.terms.selling == "at_once" else call.gain_at_reference_usd
        share = min(effort.budget_usd / call.raised_usd, 1.0)
        return max(share * max(gain, asked * call.raised_usd) - effort.gas_cost_usd, 0.0)

    def _means_usd(self, view: "View", member: int) -> float:
        return view.balance(self.first_account + member, self.capital_asset) * view.price_usd(self.capital_asset)

    def _sales(self, view: "View") -> list[Intent]:
        """Sell a slice of what each member holds when its turn comes; what is left below ten dollars is sold whole."""
        terms = self.terms
        every = max(terms.sell_every_seconds, view.step_seconds)
        share = min(1.0, every / terms.sell_over_seconds)
        bid = view.gas_gwei * (1.0 + terms.gas_premium)
        sales: list[Intent] = []
        for (member, asset), holding in list(self.holdings.items()):
            # Turns are spread over the interval, so that the members do not all sell in one block.
            turn = (view.now + every * member / terms.count) % every
            if turn >= view.step_seconds or bid > self.max_gas_gwei[member]:
                continue
            held = min(holding.units, view.balance(self.first_account + member, asset))
            if held <= 0.0:
                del self.holdings[member, asset]
                continue
            units = held if held * view.price_usd(asset) * share < 10.0 else held * share
            sales.append(SellInventory(self, member, bid, terms.sale_gas_units, asset, units, holding.generation))
        return sales
