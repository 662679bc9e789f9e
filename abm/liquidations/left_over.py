"""What nobody has taken: accounts and lots that have been on offer for long enough to be the backstop's.

Where the right to call is auctioned, only what everybody may call for by now is left.
"""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from abm.auctions.english import EnglishAuctions
from abm.auctions.sales import Sales
from abm.liquidations.rights import Kind
from models.liquidation import NOBODY, Backstop

if TYPE_CHECKING:
    from abm.pools.lender import Lender
    from abm.world import World


@dataclass(frozen=True, slots=True)
class LeftTake:
    """An account or a lot, and the most that one call may pay for it in dollars at the reference price."""

    number: int
    most_usd: float


@dataclass(frozen=True, slots=True)
class LeftBid:
    """A lot without a bid: what the terms say to bid for its units, in units of a debt that are worth so much each."""

    number: int
    paid: float
    units: float
    debt_usd: float


@dataclass(slots=True)
class LeftOver:
    """What an account of last resort goes for in one block, by number; the largest debts first, the oldest lots first.

    `opens` are accounts to open and lots to start afresh, which the second part tells apart.
    """

    takes: list[LeftTake] = field(default_factory=list)
    opens: list[tuple[int, bool]] = field(default_factory=list)
    bids: list[LeftBid] = field(default_factory=list)


def left_over(world: "World", lender: "Lender", terms: Backstop) -> LeftOver:
    """Return what others have left to the account of last resort of a pool."""
    found = LeftOver()
    auctions, accounts = lender.auctions, _accounts(world, lender, terms)
    if auctions is None or lender.loans is not None:
        takes = (_take(world, lender, terms, account) for account in accounts if _free(world, lender, "take", account))
        found.takes = [take for take in takes if take is not None]
    if auctions is None:
        return found
    found.opens = [
        (account, False)
        for account in accounts
        if _free(world, lender, "open", account) and auctions.opening(account) is not None
    ]
    for one in auctions:
        if not terms.due(world.now - one.lot.opened_seconds):
            continue
        if auctions.waits(one):
            if _free(world, lender, "open", lender.pool.accounts + one.number):
                found.opens.append((one.number, True))
        elif isinstance(auctions, Sales):
            take = _take(world, lender, terms, one.number) if _free(world, lender, "take", one.number) else None
            found.takes += [take] if take is not None else []
        elif isinstance(auctions, EnglishAuctions) and one.lot.bidder == NOBODY and auctions.least_bid(one.lot):
            paid = terms.bid(one.lot.units, auctions.feed(one.lot), one.lot.tab)
            debt_usd = world.reference[lender.assets[one.lot.debt]]
            found.bids.append(LeftBid(one.number, paid, one.lot.units, debt_usd))
    return found


def _accounts(world: "World", lender: "Lender", terms: Backstop) -> list[int]:
    """Return the accounts that have been below health 1 for long enough."""
    below = lender.liquidatable()
    by_debt = below.accounts[np.argsort(-below.debt_value, kind="stable")]
    waited = world.now - lender.waiting_since[by_debt]
    return [k for k, seconds in zip(by_debt.tolist(), waited.tolist(), strict=True) if terms.due(seconds)]


def _free(world: "World", lender: "Lender", kind: Kind, number: int) -> bool:
    """Return whether no right to a call is for sale; what nobody else could gain from, nobody sells a right to."""
    return lender.rights is None or not lender.rights.withheld(kind, number, world.now)


def _take(world: "World", lender: "Lender", terms: Backstop, number: int) -> LeftTake | None:
    """Return what may be taken of an account or a lot, where it is on offer for no more than the backstop pays."""
    mark = lender.mark(number)
    offer = mark.offer() if mark is not None else None
    if mark is None or offer is None:
        return None
    if not terms.pays(offer.price, lender.price_list[mark.collateral] / lender.price_list[mark.debt]):
        return None
    return LeftTake(number, offer.max_repay * world.reference[lender.assets[mark.debt]])
