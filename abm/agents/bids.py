"""What a liquidator bids in English auctions: more money or, once the tab is bid, fewer units for it.

Models: its value of a lot is what its units bring, or are worth, less gas, the least profit and what it asks for
holding them, by its margin; no more than its money. It opens with a part of that, and from there on outbids others by
the least that the rule asks, up to its value. Each bid locks money that is not there for the next.
"""

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from abm.auctions.english import BID, COLLATERAL, DEBT, PAID, TAB, UNITS
from models.compiled import compiled
from models.types import FloatArray, IntArray

if TYPE_CHECKING:
    from abm.liquidations.on_offer import Bids

_AT_REFERENCE: Final = np.empty(0)


class BidTerms(NamedTuple):
    """What a member asks of a lot, and what it has: so many `calls`, and dollars to lock and hold, now and at most."""

    margin: float
    first_bid: float
    gas_cost_usd: float
    minimum_profit_usd: float
    budget_usd: float
    calls: int
    held_usd: float
    holding_limit_usd: float


class MadeBid(NamedTuple):
    """A bid: how many lots were looked at until it was made, on which, for what, and the dollars that it locks."""

    looked: int
    place: int
    paid: float
    units: float
    paid_usd: float


def bids_on(
    bids: "Bids", places: IntArray, terms: BidTerms, charges: FloatArray, brings_usd: FloatArray | None
) -> list[MadeBid]:
    """Return the bids that a member makes who looks at lots at these places one after the other.

    `charges` is what it asks for holding a dollar of each reserve for each dollar held, (reserves,); `brings_usd` what
    selling each lot would bring, (places,), None where its worth at the reference price counts.
    """
    at_once = brings_usd if brings_usd is not None else _AT_REFERENCE
    made = _bids_on(places, bids.figures, bids.prices_usd, charges, at_once, *terms).tolist()
    return [MadeBid(int(looked), int(place), *bid) for looked, place, *bid in made]


@compiled()
def _bids_on(
    places: IntArray,
    figures: FloatArray,
    prices_usd: FloatArray,
    charges: FloatArray,
    brings_usd: FloatArray,
    margin: float,
    first_bid: float,
    gas_cost_usd: float,
    minimum_profit_usd: float,
    budget_usd: float,
    calls: int,
    held_usd: float,
    holding_limit_usd: float,
) -> FloatArray:  # pragma: no cover - compiled
    """See `bids_on`; a row for each `MadeBid`."""
    made, count = np.empty((min(places.size, calls), 5)), 0
    for n, k in enumerate(places):
        if calls == 0 or budget_usd <= 0.0:
            break
        paid, units, bid, tab = figures[PAID, k], figures[UNITS, k], figures[BID, k], figures[TAB, k]
        collateral, debt_usd = int(figures[COLLATERAL, k]), prices_usd[int(figures[DEBT, k])]
        worth_usd = brings_usd[n] if brings_usd.size else units * prices_usd[collateral]
        if budget_usd / debt_usd < paid or worth_usd > holding_limit_usd - held_usd:
            continue
        charge_usd = charges[collateral] * worth_usd * (held_usd + 0.5 * worth_usd)
        net_usd = worth_usd - gas_cost_usd - minimum_profit_usd - charge_usd
        value = min(net_usd / (1.0 + margin), budget_usd) / debt_usd
        if value < paid or value <= bid:
            continue
        if bid < tab:
            paid = min(max(first_bid * value, paid), tab)
        else:
            # The fewest units that would pay for the tab at what these bring each, and some more to begin with. Gas and
            # the least profit do not shrink with them.
            bring_usd = worth_usd - charge_usd
            fewest = units * tab / (bring_usd / (1.0 + margin) / debt_usd)
            fewest += units * (gas_cost_usd + minimum_profit_usd) / bring_usd
            paid, units = tab, min(units, fewest / first_bid)
        paid_usd = paid * debt_usd
        made[count, 0], made[count, 1], made[count, 2], made[count, 3], made[count, 4] = n + 1, k, paid, units, paid_usd
        budget_usd -= paid_usd
        held_usd += paid_usd
        calls -= 1
        count += 1
    return made[:count]
