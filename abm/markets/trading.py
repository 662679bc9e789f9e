"""Settlement of trades: a quoted fill becomes entries in the ledger and a new state of the venue."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, cast

import numpy as np

from models.ledger import OUTSIDE
from models.market import Fill, Venue
from models.types import FloatArray, Side

if TYPE_CHECKING:
    from abm.agents.arbitrageur import Hedge, RoundTrip
    from abm.agents.liquidity_provider import Moves
    from abm.agents.market_maker import Quotes
    from abm.agents.triangle_arbitrageur import Round
    from abm.markets.exchange import Exchange
    from abm.world import World

_NO_ORDERS = np.empty((0, 2))


def swap(world: "World", exchange: "Exchange", account: int, fill: Fill) -> None:
    """Settle a fill that was just quoted: the venue moves, and everybody who is part of it is paid."""
    trades = exchange.venue.settle(fill)
    side = fill.side
    sells = side == "sell"
    given, taken = _assets(exchange, fill)
    ledger, tape, step = world.ledger, world.tape, world.step
    taker, price_usd = tape.kind(account), world.reference[exchange.quote]
    booked = 0.0
    wanted = 0.0
    for source, name, part in zip(exchange.source_accounts, exchange.source_names, fill.parts, strict=True):
        units_in, units_out = part.amount_in, part.amount_out
        if units_in <= 0.0:
            continue
        if source == exchange.escrow:
            booked += units_out if sells else units_in
            wanted += units_out
            continue
        ledger.exchange(account, source, given, units_in, taken, units_out)
        base, quote = (units_in, units_out) if sells else (units_out, units_in)
        tape.note(step, exchange.name, taker, name, side, base, quote, price_usd)
    if not trades:
        return
    quote_traded = 0.0
    for owner, base, quote in trades:
        quote_traded += quote
        ledger.transfer(account, cast(int, owner), given, base if sells else quote)
        maker = tape.kind(cast(int, owner))
        tape.note(step, exchange.name, taker, maker, side, base, quote, price_usd)
    # The taker's fee is what it pays above, or gets below, what the makers get or pay.
    if sells:
        ledger.transfer(exchange.escrow, exchange.fees, exchange.quote, max(quote_traded - booked, 0.0))
    else:
        ledger.transfer(account, exchange.fees, exchange.quote, max(booked - quote_traded, 0.0))
    ledger.transfer(exchange.escrow, account, taken, wanted)


def quote_until(venue: Venue, side: Side, price: float, most: float) -> Fill:
    """Return a venue's quote for trading until its marginal price is `price`, giving at most `most`."""
    fill = venue.quote_to(side, price)
    return fill if fill.amount_in <= most else venue.quote_in(side, most)


def paper_swap(world: "World", exchange: "Exchange", account: int, fill: Fill) -> None:
    """Pay a fill at its quote from the outside world and leave the venue as it is: a sale without feedback."""
    given, taken = _assets(exchange, fill)
    world.ledger.transfer(account, OUTSIDE, given, fill.amount_in)
    world.ledger.transfer(OUTSIDE, account, taken, fill.amount_out)
    taker, outside = world.tape.kind(account), world.tape.kind(OUTSIDE)
    price_usd = world.reference[exchange.quote]
    world.tape.note(world.step, exchange.name, taker, outside, fill.side, fill.base, fill.quote, price_usd)


def requote(world: "World", quotes: "Quotes") -> tuple[float, float]:
    """Replace a maker's standing orders; what they commit moves into escrow, what they release comes back.

    Returns the base and the quote that they commit.
    """
    exchange = world.exchanges[quotes.exchange]
    if exchange.book is None:
        return 0.0, 0.0
    released_base, released_quote, committed_base, committed_quote = exchange.book.requote(
        quotes.owner, quotes.bids, quotes.asks
    )
    _shift(world, exchange, quotes.owner, exchange.base, committed_base - released_base)
    _shift(world, exchange, quotes.owner, exchange.quote, committed_quote - released_quote)
    return committed_base, committed_quote


def make_room(world: "World", wanted: "Sequence[Quotes]") -> None:
    """Take out the standing orders of makers who requote together, where the new quotes would cross the old ones.

    Otherwise what the first ones want to quote would be left out because of orders that are about to be replaced.
    """
    for number in {quotes.exchange for quotes in wanted} if len(wanted) > 1 else ():
        together = [quotes for quotes in wanted if quotes.exchange == number]
        book = world.exchanges[number].book
        if book is None or len(together) < 2:
            continue
        keep = 1.0 - book.taker_fee
        bid = max([quotes.bids.item(0, 0) for quotes in together if len(quotes.bids)], default=0.0)
        ask = min([quotes.asks.item(0, 0) for quotes in together if len(quotes.asks)], default=np.inf)
        if bid >= book.ask * keep or ask <= book.bid / keep:
            for quotes in together:
                requote(world, replace(quotes, bids=_NO_ORDERS, asks=_NO_ORDERS))


def come_or_go(world: "World", moves: "Moves") -> FloatArray:
    """Let providers into their pool with all they own, or out with all they have; returns what moved, (2, members)."""
    exchange, stakes = world.exchanges[moves.exchange], world.stakes[moves.stakes]
    pool, owners = exchange.source_accounts[moves.source], moves.owners
    if moves.comes:
        amounts = stakes.add(moves.members, _exchange_outside(world, exchange, moves, stakes.ratio()))
    else:
        amounts = stakes.remove(moves.members)
    for asset, units in zip((exchange.base, exchange.quote), amounts, strict=True):
        world.ledger.transfer_many(owners if moves.comes else pool, pool if moves.comes else owners, asset, units)
    return amounts


def _exchange_outside(world: "World", exchange: "Exchange", moves: "Moves", ratio: tuple[float, float]) -> FloatArray:
    """Exchange on the rest of the market what providers have too much of for the ratio; returns what they then have.

    With u base for v quote, who has b and q sells (bv - qu) / (v + up) base at p; where that is negative, it buys.
    """
    ledger, owners = world.ledger, moves.owners
    base, quote = ledger.balances[owners][:, (exchange.base, exchange.quote)].T
    excess = base * ratio[1] - quote * ratio[0]
    price = world.reference[exchange.base] / world.reference[exchange.quote]
    price_paid = price * (1.0 - moves.conversion_cost * np.sign(excess))
    sold = excess / (ratio[1] + ratio[0] * price_paid)
    for who, given, taken, units in (
        (sold > 0.0, exchange.base, exchange.quote, (sold, sold * price_paid)),
        (sold < 0.0, exchange.quote, exchange.base, (-sold * price_paid, -sold)),
    ):
        ledger.transfer_many(owners[who], OUTSIDE, given, units[0][who])
        ledger.transfer_many(OUTSIDE, owners[who], taken, units[1][who])
    return ledger.balances[owners][:, (exchange.base, exchange.quote)].T


def round_trip(world: "World", trip: "RoundTrip", unlimited: bool) -> float:
    """Settle an arbitrageur's round trip: both legs, the outside one at its hedge price. Returns what comes back."""
    exchange, ledger = world.exchanges[trip.exchange], world.ledger
    fill, owner, hedged_for = trip.fill, trip.owner, trip.hedged * trip.hedge_price
    if unlimited:
        _bring(world, owner, exchange.quote, hedged_for if fill.side == "sell" else fill.amount_in)
    if fill.side == "sell":
        bought_or_borrowed = fill.amount_in - trip.covered
        ledger.exchange(owner, OUTSIDE, exchange.quote, hedged_for, exchange.base, bought_or_borrowed)
        swap(world, exchange, owner, fill)
        return fill.amount_out
    swap(world, exchange, owner, fill)
    sold_or_given_back = trip.hedged + trip.covered
    ledger.exchange(owner, OUTSIDE, exchange.base, sold_or_given_back, exchange.quote, hedged_for)
    return hedged_for


def hedge(world: "World", order: "Hedge", unlimited: bool) -> None:
    """Settle an order outside that reduces inventory; base that is bought goes back to where it was borrowed."""
    exchange, transfer = world.exchanges[order.exchange], world.ledger.transfer
    if order.units > 0.0:
        if unlimited:
            _bring(world, order.owner, exchange.quote, order.units * order.price)
        transfer(order.owner, OUTSIDE, exchange.quote, order.units * order.price)
        return
    transfer(order.owner, OUTSIDE, exchange.base, -order.units)
    transfer(OUTSIDE, order.owner, exchange.quote, -order.units * order.price)


def go_round(world: "World", around: "Round", unlimited: bool) -> float:
    """Settle a round over several venues; returns the units gained of the asset that it begins and ends with."""
    before = world.ledger.balance(around.owner, around.asset)
    brought = _bring(world, around.owner, around.asset, around.trip.amount_in) if unlimited else 0.0
    for venue, fill in around.trip.legs:
        swap(world, world.exchanges[venue], around.owner, fill)
    return world.ledger.balance(around.owner, around.asset) - before - brought


def _bring(world: "World", owner: int, asset: int, units: float) -> float:
    """Bring what an owner without limits lacks of so many units; returns what was brought."""
    lacking = units - world.ledger.balance(owner, asset)
    return world.ledger.transfer(OUTSIDE, owner, asset, lacking) if lacking > 0.0 else 0.0


def funded_swap(world: "World", exchange: "Exchange", account: int, fill: Fill) -> None:
    """Settle a fill for somebody who brings what it gives from outside and takes away what it gets."""
    if fill.amount_in <= 0.0:
        return
    given, taken = _assets(exchange, fill)
    ledger = world.ledger
    ledger.transfer(OUTSIDE, account, given, fill.amount_in)
    swap(world, exchange, account, fill)
    ledger.transfer(account, OUTSIDE, taken, ledger.balance(account, taken))


def _assets(exchange: "Exchange", fill: Fill) -> tuple[int, int]:
    """Return the asset that the taker gives and the one that it gets."""
    return (exchange.base, exchange.quote) if fill.side == "sell" else (exchange.quote, exchange.base)


def _shift(world: "World", exchange: "Exchange", owner: int, asset: int, into_escrow: float) -> None:
    if into_escrow > 0.0:
        world.ledger.transfer(owner, exchange.escrow, asset, into_escrow)
    elif into_escrow < 0.0:
        world.ledger.transfer(exchange.escrow, owner, asset, -into_escrow)
