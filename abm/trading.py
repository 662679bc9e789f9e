"""Settlement of trades: a quoted fill becomes entries in the ledger and a new state of the venue."""

from typing import TYPE_CHECKING, cast

from models.ledger import OUTSIDE
from models.market import Fill

if TYPE_CHECKING:
    from abm.agents.arbitrageur import RoundTrip
    from abm.agents.market_maker import Quotes
    from abm.world import Exchange, World


def swap(world: "World", exchange: "Exchange", account: int, fill: Fill) -> None:
    """Settle a fill that was just quoted: the venue moves, and everybody who is part of it is paid."""
    trades = exchange.venue.settle(fill)
    given, taken = _assets(exchange, fill)
    transfer = world.ledger.transfer
    booked = 0.0
    wanted = 0.0
    for source, part in zip(exchange.source_accounts, fill.parts or (fill,), strict=True):
        if part.amount_in <= 0.0:
            continue
        if source == exchange.escrow:
            booked += part.amount_out if fill.side == "sell" else part.amount_in
            wanted += part.amount_out
            continue
        transfer(account, source, given, part.amount_in)
        transfer(source, account, taken, part.amount_out)
    if not trades:
        return
    quote_traded = 0.0
    for owner, base, quote in trades:
        quote_traded += quote
        transfer(account, cast(int, owner), given, base if fill.side == "sell" else quote)
    # The taker's fee is what it pays above, or gets below, what the makers get or pay.
    if fill.side == "sell":
        transfer(exchange.escrow, exchange.fees, exchange.quote, max(quote_traded - booked, 0.0))
    else:
        transfer(account, exchange.fees, exchange.quote, max(booked - quote_traded, 0.0))
    transfer(exchange.escrow, account, taken, wanted)


def paper_swap(world: "World", exchange: "Exchange", account: int, fill: Fill) -> None:
    """Pay a fill at its quote from the outside world and leave the venue as it is: a sale without feedback."""
    given, taken = _assets(exchange, fill)
    world.ledger.transfer(account, OUTSIDE, given, fill.amount_in)
    world.ledger.transfer(OUTSIDE, account, taken, fill.amount_out)


def requote(world: "World", quotes: "Quotes") -> None:
    """Replace a maker's standing orders; what they commit moves into escrow, what they release comes back."""
    exchange = world.exchanges[quotes.exchange]
    if exchange.book is None:
        return
    released_base, released_quote, committed_base, committed_quote = exchange.book.requote(
        quotes.owner, quotes.bids, quotes.asks
    )
    _shift(world, exchange, quotes.owner, exchange.base, committed_base - released_base)
    _shift(world, exchange, quotes.owner, exchange.quote, committed_quote - released_quote)


def round_trip(world: "World", trip: "RoundTrip", unlimited: bool) -> float:
    """Settle an arbitrageur's round trip: both legs, the outside one at its hedge price. Returns what comes back."""
    exchange = world.exchanges[trip.exchange]
    transfer = world.ledger.transfer
    fill, owner = trip.fill, trip.owner
    outlay = fill.amount_in * trip.hedge_price if fill.side == "sell" else fill.amount_in
    short = outlay - world.ledger.balance(owner, exchange.quote)
    if unlimited and short > 0.0:
        transfer(OUTSIDE, owner, exchange.quote, short)
    if fill.side == "sell":
        transfer(owner, OUTSIDE, exchange.quote, outlay)
        transfer(OUTSIDE, owner, exchange.base, fill.amount_in)
        swap(world, exchange, owner, fill)
        return fill.amount_out
    swap(world, exchange, owner, fill)
    proceeds = fill.amount_out * trip.hedge_price
    transfer(owner, OUTSIDE, exchange.base, fill.amount_out)
    transfer(OUTSIDE, owner, exchange.quote, proceeds)
    return proceeds


def funded_swap(world: "World", exchange: "Exchange", account: int, fill: Fill) -> None:
    """Settle a fill for somebody who brings what it gives from outside and takes away what it gets."""
    if fill.amount_in <= 0.0:
        return
    given, taken = _assets(exchange, fill)
    world.ledger.transfer(OUTSIDE, account, given, fill.amount_in)
    swap(world, exchange, account, fill)
    world.ledger.transfer(account, OUTSIDE, taken, world.ledger.balance(account, taken))


def _assets(exchange: "Exchange", fill: Fill) -> tuple[int, int]:
    """Return the asset that the taker gives and the one that it gets."""
    return (exchange.base, exchange.quote) if fill.side == "sell" else (exchange.quote, exchange.base)


def _shift(world: "World", exchange: "Exchange", owner: int, asset: int, into_escrow: float) -> None:
    if into_escrow > 0.0:
        world.ledger.transfer(owner, exchange.escrow, asset, into_escrow)
    elif into_escrow < 0.0:
        world.ledger.transfer(exchange.escrow, owner, asset, -into_escrow)
