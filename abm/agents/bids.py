"""What liquidators bid in English auctions: more money or, once the tab is bid, fewer units for it.

Models: its value of a lot is what its units bring, or are worth, less gas, the least profit and what it asks for
holding them, by its margin; no more than its money. It opens with a part of that, and from there on outbids others by
the least that the rule asks, up to its value. Each bid locks money that is not there for the next. Those who bid in a
block do so one after the other; nobody bids on a lot that it leads, or that somebody before it has bid on.
"""

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from abm.auctions.english import BID, BIDDER, COLLATERAL, DEBT, PAID, TAB, UNITS
from models.compiled import compiled
from models.types import BoolArray, FloatArray, IntArray

if TYPE_CHECKING:
    from abm.intents import Preference
    from abm.liquidations.on_offer import Bids

_AT_REFERENCE: Final = np.empty(0)
# What bidding has come to an end for, where it is not the place of a lot of which it is not known what it brings.
_ALL_BID: Final = -1
_ORDER_ENDS: Final = -2


class BidTerms(NamedTuple):
    """What all members of a cohort ask of a lot."""

    margin: float
    first_bid: float
    gas_cost_usd: float
    minimum_profit_usd: float


class Bidder(NamedTuple):
    """Who bids for a ledger `account` on `calls` of the first `patience` lots that have been there since then.

    It has dollars to lock, and holds some, up to a limit.
    """

    account: int
    since: float
    patience: int
    calls: int
    budget_usd: float
    held_usd: float
    holding_limit_usd: float


class MadeBid(NamedTuple):
    """A bid: which bidder's, on the lot at which place, for what, and the dollars that it locks."""

    bidder: int
    place: int
    paid: float
    units: float
    paid_usd: float


def bids_of(
    bidders: list[Bidder], bids: "Bids", terms: BidTerms, prefers: "Preference", charges: FloatArray, *, sells: bool
) -> tuple[list[MadeBid], list[int]]:
    """Return the bids that bidders make, one bidder after the other, and how many lots each has looked at.

    `charges` is what each asks for holding a dollar of each reserve for each dollar held, (bidders, reserves). Who
    `sells` counts what selling a lot would bring, the others its worth at the reference price.
    """
    table, depth = np.array(bidders, np.float64), 4 * max(bidder.patience for bidder in bidders)
    while True:
        rank, appeared = bids.order(prefers, depth)
        order = rank, appeared, rank.size == bids.count, prefers == "oldest"
        lots = bids.gone, bids.figures, bids.prices_usd, bids.bring_usd if sells else _AT_REFERENCE
        made, looked, ended = _bids_of(table, charges, *order, *lots, *terms)
        if ended == _ALL_BID:
            rows = made.tolist()
            return [MadeBid(int(bidder), int(place), *bid) for bidder, place, *bid in rows], looked.tolist()
        if ended == _ORDER_ENDS:
            depth = 8 * rank.size
        else:
            bids.quote(ended)


@compiled()
def _bids_of(
    bidders: FloatArray,
    charges: FloatArray,
    rank: IntArray,
    appeared: FloatArray,
    whole: bool,
    by_age: bool,
    gone: BoolArray,
    figures: FloatArray,
    prices_usd: FloatArray,
    brings_usd: FloatArray,
    margin: float,
    first_bid: float,
    gas_cost_usd: float,
    minimum_profit_usd: float,
) -> tuple[FloatArray, IntArray, int]:  # pragma: no cover - compiled
    """See `bids_of`: a row for each `MadeBid`, the looks, and why it ends; everybody begins anew where it goes on.

    `rank` are places in the order in which one looks, all of them where it is `whole`.
    """
    gone = gone.copy()
    made, count = np.empty((int(min(gone.size, bidders[:, 3].sum())), 5)), 0
    looked = np.zeros(len(bidders), np.int64)
    for b in range(len(bidders)):
        account, since, patience, calls = bidders[b, 0], bidders[b, 1], bidders[b, 2], bidders[b, 3]
        budget_usd, held_usd, limit_usd = bidders[b, 4], bidders[b, 5], bidders[b, 6]
        ends = whole
        for n in range(rank.size):
            if looked[b] == patience or calls == 0.0 or budget_usd <= 0.0 or (by_age and appeared[n] > since):
                ends = True
                break
            k = rank[n]
            if appeared[n] > since or gone[k] or figures[BIDDER, k] == account:
                continue
            looked[b] += 1
            collateral, debt_usd = int(figures[COLLATERAL, k]), prices_usd[int(figures[DEBT, k])]
            if budget_usd / debt_usd < figures[PAID, k]:
                continue
            worth_usd = brings_usd[k] if brings_usd.size else figures[UNITS, k] * prices_usd[collateral]
            if worth_usd < 0.0:
                return made[:0], looked, k
            if worth_usd > limit_usd - held_usd:
                continue
            charge_usd = charges[b, collateral] * worth_usd * (held_usd + 0.5 * worth_usd)
            terms = margin, first_bid, gas_cost_usd, minimum_profit_usd
            paid, units = _bid_on(figures[:, k], worth_usd, charge_usd, debt_usd, budget_usd, terms)
            if paid > 0.0:
                paid_usd = paid * debt_usd
                made[count, 0], made[count, 1], made[count, 2] = b, k, paid
                made[count, 3], made[count, 4] = units, paid_usd
                count += 1
                gone[k] = True
                budget_usd -= paid_usd
                held_usd += paid_usd
                calls -= 1.0
        if not (ends or looked[b] == patience or calls == 0.0 or budget_usd <= 0.0):
            return made[:0], looked, _ORDER_ENDS
    return made[:count], looked, _ALL_BID


@compiled(inline="always")
def _bid_on(
    lot: FloatArray,
    worth_usd: float,
    charge_usd: float,
    debt_usd: float,
    budget_usd: float,
    terms: tuple[float, float, float, float],
) -> tuple[float, float]:  # pragma: no cover - compiled
    """Return what a member bids for how many units of a lot worth so much to it, which it can afford; 0 for nothing."""
    margin, first_bid, gas_cost_usd, minimum_profit_usd = terms
    paid, units, bid, tab = lot[PAID], lot[UNITS], lot[BID], lot[TAB]
    net_usd = worth_usd - gas_cost_usd - minimum_profit_usd - charge_usd
    value = min(net_usd / (1.0 + margin), budget_usd) / debt_usd
    if value < paid or value <= bid:
        return 0.0, 0.0
    if bid < tab:
        return min(max(first_bid * value, paid), tab), units
    # The fewest units that would pay for the tab at what these bring each, and some more to begin with. Gas and the
    # least profit do not shrink with them.
    bring_usd = worth_usd - charge_usd
    fewest = units * tab / (bring_usd / (1.0 + margin) / debt_usd)
    fewest += units * (gas_cost_usd + minimum_profit_usd) / bring_usd
    return tab, min(units, fewest / first_bid)
