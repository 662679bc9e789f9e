"""Two ways to profit from an oracle that follows a venue, and what each would pay.

Source: pump and borrow is what was done to Cream (2021), Inverse and Mango (2022); Qin, Zhou, Livshits and Gervais,
"Attacking the DeFi ecosystem with flash loans for fun and profit" (2021), for both.
Models: the venue after the pushes is given as a copy to trade on, and what the oracle would report is given too; what
is to be had is then asked of the pool's own terms and of its liquidation design.
Leaves out: collateral bought elsewhere, capital borrowed for a block, oracles of the debt's asset, what others do in
the same block. A position is liquidated once, though the rule may allow more.
"""

from dataclasses import dataclass
from math import fsum
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from abm.intents import BorrowAgainst, Intent, Liquidate, Swap
from abm.markets.trading import quote_until
from models.market import Venue
from models.types import Side

if TYPE_CHECKING:
    from abm.view import LoanTerms, View

MOST_CALLS: Final = 60
"""Liquidations in one bundle: calls of half a million units of gas in a block of thirty million, as on Ethereum."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where an attacker acts: numbers of the exchange, the pool, its ledger and pool accounts, the assets of the pair.

    `collateral` and `debt` are the pool's reserves of the base and the quote; `debt` is -1 where the pool has none.
    """

    exchange: int
    pool: int
    owner: int
    account: int
    base: int
    quote: int
    collateral: int
    debt: int


class Report(NamedTuple):
    """What the protocol would believe, in dollars, after the pushes and had there been none."""

    pushed_usd: float
    idle_usd: float

    def followed(self, side: Side) -> bool:
        """Return whether the oracle has gone the way that it was pushed."""
        return self.pushed_usd < self.idle_usd if side == "sell" else self.pushed_usd > self.idle_usd


class Outcome(NamedTuple):
    """What is left of the pushes once the oracle has followed, before gas, and who is liquidated on the way."""

    profit_usd: float
    accounts: frozenset[int] = frozenset()


class Strategy(Protocol):
    """A way to profit from an oracle that follows the venue."""

    side: Side
    """What it does with the base in order to push."""

    counts_base: bool
    """Whether it came with base, which it counts at the reference price, or with money, which is all it counts."""

    def means(self, view: "View") -> float:
        """Return how much it can give in pushes altogether, in units."""
        ...

    def outcome(
        self, view: "View", pushed: Venue, given: float, got: float, report: Report, gas_usd: float
    ) -> Outcome | None:
        """Return what comes of what was given and got in all pushes, with the venue where `pushed` now stands.

        `gas_usd` is kept back from what is done with the money. None where there is no attack.
        """
        ...

    def harvest(self, view: "View", accounts: frozenset[int], bundle: dict[str, Any], gas_usd: float) -> list[Intent]:
        """Return what is done once the oracle has followed; the last intent is a swap that pays for the gas.

        `accounts` are those that the plan reckons with.
        """
        ...


class PumpAndBorrow:
    """Buy base until the protocol believes a high price, borrow the quote against it, and walk away."""

    side: Side = "buy"
    counts_base = False

    def __init__(self, place: Place) -> None:
        self._place = place

    def means(self, view: "View") -> float:
        """The money that is left; none while the account of an earlier attack still owes."""
        place = self._place
        return 0.0 if view.owes(place.pool, place.account) else view.balance(place.owner, place.quote)

    def outcome(
        self, view: "View", pushed: Venue, given: float, got: float, report: Report, gas_usd: float
    ) -> Outcome | None:
        """Borrow against what was bought, and sell back what is not posted; the posted base is worth nothing more."""
        place = self._place
        terms = view.loan_terms(place.pool, place.collateral, place.debt)
        posted, lent = loan(pushed, terms, report.pushed_usd, got)
        if lent <= 0.0:
            # An attack that borrows nothing is none: what it would lose is told by one that posts what it can.
            per_unit = terms.lent_per_unit(report.pushed_usd)
            posted = min(got, terms.cash / per_unit)
            lent = posted * per_unit
        if lent <= 0.0:
            return None
        back = pushed.quote_in("sell", got - posted).amount_out
        return Outcome((lent + back - given) * view.quote_usd(place.exchange))

    def harvest(self, view: "View", accounts: frozenset[int], bundle: dict[str, Any], gas_usd: float) -> list[Intent]:
        """Post and borrow where the loan is more than a sale would bring, then sell what is left."""
        place = self._place
        terms = view.loan_terms(place.pool, place.collateral, place.debt)
        venue = view.fork(place.exchange)
        base = view.balance(place.owner, place.base)
        posted, lent = loan(venue, terms, terms.collateral_usd, base)
        intents: list[Intent] = []
        if lent > 0.0:
            intents.append(
                BorrowAgainst(
                    **bundle,
                    pool=place.pool,
                    account=place.account,
                    collateral=place.collateral,
                    debt=place.debt,
                    posted=posted,
                    borrowed=lent,
                    least=venue.quote_in("sell", base).amount_out - venue.quote_in("sell", base - posted).amount_out,
                )
            )
        return [*intents, Swap(**bundle, exchange=place.exchange, side="sell", price=0.0, gas_cost_usd=gas_usd)]


class TriggerLiquidations:
    """Sell own base until the protocol believes a low price, liquidate who falls below health 1, and buy base back."""

    side: Side = "sell"
    counts_base = True

    def __init__(self, place: Place) -> None:
        self._place = place

    def means(self, view: "View") -> float:
        """The base that is left."""
        return view.balance(self._place.owner, self._place.base)

    def outcome(
        self, view: "View", pushed: Venue, given: float, got: float, report: Report, gas_usd: float
    ) -> Outcome | None:
        """Repay with the proceeds, then buy base with the rest until the price is back; all at the reference price."""
        place = self._place
        base_usd, quote_usd = view.base_usd(place.exchange), view.quote_usd(place.exchange)
        money = max(got + view.balance(place.owner, place.quote) - gas_usd / quote_usd, 0.0)
        prospects = view.liquidations_if(place.pool, place.collateral, *report, money * quote_usd, MOST_CALLS)
        repaid_usd = fsum(prospect.repaid_usd for prospect in prospects)
        received_usd = fsum(prospect.received_usd for prospect in prospects)
        left = max(money - repaid_usd / quote_usd, 0.0)
        back = quote_until(pushed, "buy", base_usd / quote_usd, left)
        profit = received_usd - repaid_usd
        profit += (got - back.amount_in) * quote_usd - (given - back.amount_out) * base_usd
        if not prospects:
            profit = min(profit, 0.0)  # a venue that is adrift may pay for the round trip, but nobody is attacked
        return Outcome(profit, frozenset(prospect.account for prospect in prospects))

    def harvest(self, view: "View", accounts: frozenset[int], bundle: dict[str, Any], gas_usd: float) -> list[Intent]:
        """Call for those of the plan who can be liquidated, largest debts first, and keep what comes in.

        Of the money, what the gas costs is left.
        """
        place = self._place
        open_now = view.opportunities(place.pool)
        left_usd = view.balance(place.owner, place.quote) * view.quote_usd(place.exchange) - gas_usd
        intents: list[Intent] = []
        for account in open_now.ripe(view.now, "largest"):
            if account not in accounts or left_usd <= 0.0:
                continue
            price = open_now.price(account)
            if price.gain_at_reference > 0.0:
                open_now.take(account)
                intents.append(
                    Liquidate(
                        **bundle,
                        pool=place.pool,
                        number=account,
                        budget_usd=left_usd,
                        margin=0.0,
                        minimum_profit_usd=0.0,
                        gas_cost_usd=0.0,
                        sell=False,
                        flash=False,
                        flash_fee=0.0,
                    )
                )
                left_usd -= price.most_usd
        back = view.pair_reference(place.exchange)
        return [*intents, Swap(**bundle, exchange=place.exchange, side="buy", price=back, gas_cost_usd=gas_usd)]


STRATEGIES: Final[dict[str, type[PumpAndBorrow] | type[TriggerLiquidations]]] = {
    "pump_and_borrow": PumpAndBorrow,
    "trigger_liquidations": TriggerLiquidations,
}


def loan(venue: Venue, terms: "LoanTerms", believed_usd: float, base: float) -> tuple[float, float]:
    """Return the base to post and the quote to borrow, such that the rest is sold for more than it would be lent.

    The last unit sold then brings what the last unit posted does; where cash is short, less is posted and more sold.
    """
    per_unit = terms.lent_per_unit(believed_usd)
    better_sold = venue.quote_to("sell", per_unit).amount_in
    posted = min(max(base - better_sold, 0.0), terms.cash / per_unit)
    return posted, min(posted * per_unit, terms.cash)
