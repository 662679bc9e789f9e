"""What is on offer to liquidators in one block: accounts or lots to take from, and what to open or start afresh."""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from math import fsum
from typing import TYPE_CHECKING, Final, NamedTuple, Self

import numpy as np

from abm.auctions.english import COLLATERAL, DEBT, OPENED, UNITS, WORTH, EnglishAuctions
from abm.auctions.lots import ROUNDING
from abm.auctions.sales import Sales
from abm.liquidations.call_ceilings import CallTops, tops_of_calls
from abm.liquidations.ceilings import brings_usd, highest_prices, tops_of_accounts, tops_of_lots
from abm.liquidations.ranked import Ranked
from abm.liquidations.tops import TakingTerms, Tops
from abm.markets.forced_sales import quote_sale, units_to
from models.types import BoolArray, FloatArray, IntArray

if TYPE_CHECKING:
    from abm.auctions.lots import Auctions
    from abm.liquidations.marks import Mark
    from abm.pools.lender import Lender
    from abm.world import World
    from models.liquidation import Lot, Reward

_NO_NUMBERS: Final = np.empty(0, np.int64)
_NOTHING: Final = np.empty(0)


class Price(NamedTuple):
    """The gain on a dollar paid, by where what one gets is sold or counted; the most that may be paid, and the asset.

    At the venues' best bid for who sells at once, else at the reference price; dollars are at the reference price.
    """

    gain_at_bid: float
    gain_at_reference: float
    most_usd: float
    asset: int


@dataclass(slots=True)
class _PendingSales:
    """What pending calls sell of an asset, and the part of its best bid that this leaves."""

    units: float = 0.0
    bid_left: float = 1.0


class Opportunities(Ranked):
    """What one pool's design offers in this block: the accounts or lots that may be taken from, and on which terms."""

    def __init__(
        self,
        world: "World",
        lender: "Lender",
        numbers: IntArray,
        since: FloatArray,
        size: FloatArray,
        tops: Callable[[bool], Tops | None] | None = None,
    ) -> None:
        super().__init__(numbers, since, size)
        self._world = world
        self._lender = lender
        self._tops = tops
        self._known: dict[bool, Tops | None] = {}
        self._priced: dict[int, Price] = {}
        self._bids_usd: dict[tuple[int, int], float] = {}
        self._marks: dict[int, Mark | None] = {}
        self._sales: dict[int, _PendingSales] = {}  # by asset
        self._past = False

    def worth(self, sells: bool, terms: TakingTerms) -> Callable[[IntArray], BoolArray] | None:
        """Return what says which of some places may leave a taker what it asks for; None where that is not known.

        Whatever `price` says of the rest, it does not.
        """
        tops = self._tops_for(sells)
        return None if tops is None else partial(tops.may_bring, terms)

    def _tops_for(self, sells: bool) -> Tops | None:
        if self._tops is None or self._past:
            return None
        if sells not in self._known:
            tops = self._tops(sells)
            self._known[sells] = tops if tops is None or self._kept is None else tops.only(self._kept)
        return self._known[sells]

    def price(self, number: int) -> Price:
        """Return what one gets for a dollar paid, and how much may be paid; worked out once."""
        priced = self._priced.get(number)
        if priced is None:
            priced = self._priced[number] = self._offer(number)
        return priced

    def bid_left(self, asset: int) -> float:
        """Return the part of the best bid for an asset that the sales of pending calls leave."""
        pending = self._sales.get(asset)
        return pending.bid_left if pending is not None else 1.0

    def sells(self, number: int, repay_usd: float, asked: float) -> None:
        """Let who looks after it see what a pending call sells at once, as far as a dollar repaid brings what it asks.

        Where several may go for the same, nobody knows what others sell.
        """
        mark = self._mark(number) if not (self._past or self.contested) else None
        if mark is None or number in self.auctioned:
            return
        price, assets = self.price(number), self._lender.assets
        collateral, debt = assets[mark.collateral], assets[mark.debt]
        bid_usd, floor = self._best_bid_usd(collateral, debt), self._lender.floor
        pending = self._sales.setdefault(price.asset, _PendingSales())
        units = pending.units + repay_usd * (1.0 + price.gain_at_reference) / self._world.reference[collateral]
        sale = quote_sale(self._world, collateral, units, debt, floor)
        if sale.trip is None and not sale.redeemed:
            return
        left, least = sale.last_usd / bid_usd, min(asked / (1.0 + price.gain_at_bid), pending.bid_left)
        if left < least:
            units = max(units_to(self._world, collateral, sale, least * bid_usd), pending.units)
            left = least * (1.0 - ROUNDING)  # at that price nothing is left for who asks as much
        pending.units, pending.bid_left = units, left

    def seen_with(self, current: "Ranked") -> Self:
        """Let who looks at this see the pending calls of the current block, and what they sell."""
        if isinstance(current, Opportunities):
            self._sales = current._sales
        return super().seen_with(current)

    def afresh(self) -> Self:
        """Forget which calls were pending: what is there is the same in another block."""
        self._sales = {}
        return super().afresh()

    def remembered(self) -> Self:
        """Price all there is now, and return it as it can be looked at in later blocks."""
        for number in self.numbers:
            self.price(number)
        past = copy.copy(self)
        past._past = True
        return past

    def fits_usd(self, number: int, budget_usd: float) -> float:
        """Return the most that the rule lets somebody with so much money pay, in dollars at the reference price.

        Who looks at the past knows the most that one could pay, and nothing of the rule's grain.
        """
        if self._past:
            return min(budget_usd, self.price(number).most_usd)
        mark = self._mark(number)
        if mark is None:
            return 0.0
        debt_usd = self._world.reference[self._lender.assets[mark.debt]]
        return mark.fit(budget_usd / debt_usd) * debt_usd

    def part_brings(self, number: int, repay_usd: float) -> float:
        """Return what a dollar of a call for a part brings, as a fraction of what it brings in a call for all.

        It is less where a part of a loan in bands is repaid; who looks at the past does not know.
        """
        if self._lender.loans is None or self._past:
            return 1.0
        mark = self._mark(number)
        offer = mark.offer() if mark is not None else None
        repay = repay_usd / self._world.reference[self._lender.assets[self._lender.loans.debt]]
        if mark is None or offer is None or repay <= 0.0:
            return 1.0
        return mark.take(repay).received / (repay * offer.seized_per_repaid * offer.taker_share)

    def _mark(self, number: int) -> "Mark | None":
        """Return what a call goes for, on the terms of the moment; while liquidators look, nothing is taken."""
        if number not in self._marks:
            self._marks[number] = self._lender.mark(number)
        return self._marks[number]

    def _best_bid_usd(self, collateral: int, debt: int) -> float:
        """Return what the first unit of an asset brings; while liquidators look, nobody trades."""
        if (collateral, debt) not in self._bids_usd:
            self._bids_usd[collateral, debt] = self._world.bid_usd(collateral, debt, self._lender.floor)
        return self._bids_usd[collateral, debt]

    def _offer(self, number: int) -> Price:
        mark = self._mark(number)
        offer = mark.offer() if mark is not None else None
        if mark is None or offer is None:
            return Price(-1.0, -1.0, 0.0, 0)
        world, assets = self._world, self._lender.assets
        collateral, debt = assets[mark.collateral], assets[mark.debt]
        debt_usd = world.reference[debt]
        units_per_usd = offer.seized_per_repaid * offer.taker_share / debt_usd
        reference_usd = world.reference[collateral]
        bid_usd = self._best_bid_usd(collateral, debt)
        at_bid, at_reference = units_per_usd * bid_usd - 1.0, units_per_usd * reference_usd - 1.0
        return Price(at_bid, at_reference, offer.max_repay * debt_usd, collateral)


class Past:
    """What one pool's design has offered in the last blocks, for those who see it as it was."""

    def __init__(self) -> None:
        self._blocks: list[Opportunities] = []
        self._reach = 0

    def reach(self, blocks: int) -> None:
        """Remember so many blocks."""
        self._reach = max(self._reach, blocks)

    def __bool__(self) -> bool:
        """Return whether anybody looks back."""
        return self._reach > 0

    def note(self, current: Opportunities) -> None:
        """Remember what is on offer now, once in every block."""
        self._blocks.append(current.remembered())
        del self._blocks[: -self._reach - 1]

    def seen(self, blocks_ago: int, current: Opportunities) -> Opportunities:
        """Return what was on offer so many blocks ago, less what pending calls go for now; nothing before the first."""
        if blocks_ago >= len(self._blocks):
            return copy.copy(current).only(np.zeros(current.count, dtype=np.bool_))
        return self._blocks[-1 - blocks_ago].seen_with(current)


def on_offer(world: "World", lender: "Lender") -> Opportunities:
    """Return what a pool's design lets liquidators take from now: lots on sale, or accounts."""
    by_lots = lender.auctions is not None and lender.loans is None
    return lots_on_offer(world, lender) if by_lots else accounts_on_offer(world, lender)


def accounts_on_offer(world: "World", lender: "Lender") -> Opportunities:
    """Return the accounts below health 1, the larger their debt the larger; of loans in bands those that may pay."""
    below = lender.liquidatable()
    accounts, size = below.accounts, below.debt_value
    if lender.loans is not None and accounts.size:
        paying = lender.loans.may_pay(accounts)
        accounts, size = accounts[paying], size[paying]
    tops = partial(tops_of_accounts, world, lender, below) if lender.loans is None else None
    return Opportunities(world, lender, accounts, lender.waiting_since[accounts], size, tops)


def lots_on_offer(world: "World", lender: "Lender") -> Opportunities:
    """Return the lots on sale that somebody could gain from, at the best bid or at the reference price."""
    sales = lender.auctions
    if not isinstance(sales, Sales) or not sales.anything_runs:
        return Opportunities(world, lender, _NO_NUMBERS, _NOTHING, _NOTHING)
    lots = sales.on_sale(highest_prices(world, lender, sales.pairs))
    return Opportunities(
        world, lender, lots.numbers, lots.opened, lots.worth_usd, partial(tops_of_lots, world, lender, sales, lots)
    )


class Call(NamedTuple):
    """What a call that opens a liquidation, or starts an auction afresh, brings in dollars.

    `reward_usd` to the caller, who must lock `bond_usd`; what a bond earns is counted at the reference price. Who buys
    what it puts up for sale pays `raised_usd` at most, and would gain `gain_at_bid_usd` or `gain_at_reference_usd`
    right away; where it is `bid_for`, how much is up to the bidders.
    """

    reward_usd: float
    bid_for: bool
    raised_usd: float = 0.0
    gain_at_bid_usd: float = 0.0
    gain_at_reference_usd: float = 0.0
    bond_usd: float = 0.0


class Calls(Ranked):
    """What may be opened, or started afresh, in one block: accounts by their number, then lots by theirs."""

    def __init__(self, world: "World", lender: "Lender", auctions: "Auctions") -> None:
        self._openable, since = auctions.openable()
        self._world = world
        self._lender = lender
        self._auctions = auctions
        self._first_lot = lender.pool.accounts
        self._waiting = auctions.waiting()
        accounts, debts_usd, waiting = self._openable.accounts, self._openable.debt_value, self._waiting
        if waiting.numbers.size:
            accounts = np.concatenate((accounts, self._first_lot + waiting.numbers))
            since = np.concatenate((since, waiting.opened))
            debts_usd = np.concatenate((debts_usd, waiting.raising_usd))
        super().__init__(accounts, since, debts_usd)
        self._priced: dict[int, Call | None] = {}
        self._tops: dict[bool, CallTops | None] = {}
        self._bids_usd: dict[tuple[int, int], float] = {}
        self.bid_for = isinstance(auctions, EnglishAuctions)

    def tops(self, sells: bool) -> CallTops | None:
        """Return by place what no call can exceed; None where that is not known.

        Who is not left with what it wants by them, is not by what `price` says.
        """
        if sells not in self._tops:
            below, waiting = self._openable, self._waiting
            tops = tops_of_calls(self._world, self._lender, self._auctions, below, waiting, sells)
            self._tops[sells] = tops if tops is None or self._kept is None else tops.only(self._kept)
        return self._tops[sells]

    def target(self, number: int) -> tuple[int, bool]:
        """Return the account to open, or the lot to start afresh, and which of the two it is."""
        return (number - self._first_lot, True) if number >= self._first_lot else (number, False)

    def price(self, number: int) -> Call | None:
        """Return what a call brings; None where the rule does not allow it."""
        if number not in self._priced:
            target, afresh = self.target(number)
            self._priced[number] = self._afresh(target) if afresh else self._opening(target)
        return self._priced[number]

    def _opening(self, account: int) -> Call | None:
        opening = self._auctions.opening(account)
        found = self._lender.position(account)
        if opening is None or found is None:
            return None
        paid = [self._reward_usd(reward, found.collateral, found.debt) for reward in opening.rewards]
        call = self._call(fsum(paid), opening.lots)
        return call if opening.bond == 0.0 else self._with_bond(call, opening.lots[0])

    def _with_bond(self, call: Call, lot: "Lot") -> Call:
        """Count what the caller's bond would earn or lose if the lot were taken at the reference price."""
        reference, assets = self._world.reference, self._lender.assets
        debt_usd = reference[assets[lot.debt]]
        earned = self._auctions.expected_bond_reward(lot, reference[assets[lot.collateral]] / debt_usd)
        return call._replace(reward_usd=call.reward_usd + earned * debt_usd, bond_usd=lot.bond * debt_usd)

    def _afresh(self, number: int) -> Call | None:
        one = self._auctions.find(number)
        if one is None:
            return None
        lot = one.lot.copy()
        reward = self._auctions.restart(lot)
        return self._call(self._reward_usd(reward, lot.collateral, lot.debt) if reward else 0.0, [lot])

    def _reward_usd(self, reward: "Reward", collateral: int, debt: int) -> float:
        reference, assets = self._world.reference, self._lender.assets
        units = self._auctions.payable(reward, debt)
        return units * reference[assets[debt]] + reward.units * reference[assets[collateral]]

    def _call(self, reward_usd: float, lots: "list[Lot]") -> Call:
        auctions = self._auctions
        raised = at_bid = at_reference = 0.0
        for lot in lots:
            collateral, debt = self._lender.assets[lot.collateral], self._lender.assets[lot.debt]
            reference_usd, debt_usd = self._world.reference[collateral], self._world.reference[debt]
            raised += min(lot.tab * debt_usd, lot.units * reference_usd)
            offer = auctions.offer(lot) if isinstance(auctions, Sales) else None
            if offer is not None:
                cost_usd, units = offer.max_repay * debt_usd, offer.max_repay * offer.seized_per_repaid
                at_bid += units * self._first_bid_usd(lot.collateral, lot.debt) - cost_usd
                at_reference += units * reference_usd - cost_usd
        return Call(reward_usd, self.bid_for, raised, at_bid, at_reference)

    def _first_bid_usd(self, collateral: int, debt: int) -> float:
        """Return what the first unit of a reserve brings; while liquidators look, nobody trades."""
        pair = collateral, debt
        if pair not in self._bids_usd:
            self._bids_usd[pair] = brings_usd(self._world, self._lender, *pair, sells=True)
        return self._bids_usd[pair]


class Bids(Ranked):
    """The lots of English auctions that may be bid on in one block, and for which the least bid could pay somebody.

    By place `figures` are those of a `BidOn`, and `gone` says on which a pending call bids; `prices_usd` and `assets`
    are by reserve.
    """

    def __init__(self, world: "World", lender: "Lender", auctions: EnglishAuctions) -> None:
        self._world = world
        self._lender = lender
        on = auctions.bid_on(highest_prices(world, lender, auctions.pairs))
        self.figures = on.figures
        self.gone = np.zeros(on.numbers.size, np.bool_)
        self.assets = lender.assets
        self.prices_usd = np.array([world.reference[asset] for asset in lender.assets])
        super().__init__(on.numbers, on.figures[OPENED], on.figures[WORTH])

    @cached_property
    def bring_usd(self) -> FloatArray:
        """What the units of lots would bring now on the ladder, by place; -1 where nobody has asked for a `quote`."""
        return np.full(self.count, -1.0)

    def quote(self, place: int) -> None:
        """Ask what the units of a lot would bring."""
        collateral, debt, units = self.figures[[COLLATERAL, DEBT, UNITS], place].tolist()
        assets = self.assets
        sale = quote_sale(self._world, assets[int(collateral)], units, assets[int(debt)], self._lender.floor)
        self.bring_usd[place] = sale.units * sale.average_usd
