"""What designs that take time or have a pool behind them promise for any position."""

import copy

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from builders.loans import HOUR, INF, accounts, exactly, houses, one_lot, opened, stores
from models.liquidation import Ajna, AuctionOver, Bid, House, InvalidBid, MakerClip, MakerFlip, Position, SaleDesign

dutch = st.builds(
    MakerClip,
    buffer=st.floats(0.8, 2.0),
    cut=st.floats(0.9, 1.0),
    step_seconds=st.floats(1.0, 300.0),
    cusp=st.floats(0.0, 0.9),
    penalty=st.floats(0.0, 0.3),
    dust_usd=st.sampled_from([0.0, 100.0, 5000.0]),
)

kicks = st.builds(Ajna, collateralization_factor=st.floats(1.0, 1.2), max_bond_factor=st.floats(0.0, 0.3))


@given(
    design=st.one_of(dutch, stores, kicks),
    at=accounts(),
    house=houses,
    calls=st.lists(st.tuples(st.floats(1.0, 5e4), st.floats(1e-3, 1.1), st.floats(0.5, 1.5)), min_size=1, max_size=6),
)
@settings(max_examples=150)
def test_no_taking_creates_or_loses_anything(
    design: SaleDesign, at: Position, house: House, calls: list[tuple[float, float, float]]
) -> None:
    opening = design.open(at, 0.0, house)
    assume(opening is not None and opening.lots)
    assert opening is not None
    lot, now = opening.lots[0], 0.0
    assert 0.0 < lot.units <= at.collateral_units * (1.0 + 1e-12)
    assert lot.due <= at.debt_units * (1.0 + 1e-12)
    for wait, part, move in calls:
        now += wait
        feed = at.collateral_price / at.debt_price * move
        if design.needs_reset(lot, now, feed):
            design.reset(lot, now, feed)
        offer = design.offer(lot, now, feed, house)
        if offer is None:
            continue
        before, repay = copy.copy(lot), offer.max_repay * part
        fit = design.fit(lot, repay, now, feed, house)
        assert fit <= min(repay, offer.max_repay) * (1.0 + 1e-9)
        if fit == 0.0:
            continue
        taking = design.take(lot, repay, now, feed, house)
        assert taking.paid == exactly(fit)
        assert taking.paid == exactly(taking.to_debt + taking.penalty)
        assert taking.paid == exactly(taking.units * offer.price)
        assert min(taking.to_debt, taking.penalty, taking.units, taking.returned_units, lot.units, lot.bond) >= 0.0
        assert taking.to_caller <= taking.penalty
        assert before.units - lot.units == exactly(taking.units + taking.returned_units, before.units)
        assert before.due - lot.due == exactly(taking.to_debt, before.due)
        assert lot.bond - before.bond == exactly(taking.to_caller, before.bond)
        if taking.returned_units > 0.0:
            assert lot.due == 0.0
            assert lot.closed


@given(design=st.one_of(dutch, kicks), at=accounts(), waits=st.lists(st.floats(0.0, 4000.0), min_size=2, max_size=12))
@settings(max_examples=60)
def test_between_resets_the_price_of_an_auction_never_rises(
    design: SaleDesign, at: Position, waits: list[float]
) -> None:
    opening = design.open(at, 0.0, House())
    assume(opening is not None)
    assert opening is not None
    lot, now, last = opening.lots[0], 0.0, INF
    for wait in waits:
        now += wait
        offer = design.offer(lot, now, 1.0, House())
        if offer is not None:
            assert offer.price <= last * (1.0 + 1e-12)
            last = offer.price


@given(
    at=accounts(),
    parts=st.integers(1, 8),
    bids=st.lists(
        st.tuples(st.integers(0, 3), st.floats(0.5, 3.0), st.floats(0.3, 1.2), st.floats(0.0, 3000.0)), max_size=12
    ),
)
@settings(max_examples=100)
def test_bids_lock_what_they_say_and_only_improve(
    at: Position, parts: int, bids: list[tuple[int, float, float, float]]
) -> None:
    flip = MakerFlip(lot_units=at.collateral_units / parts, auction_seconds=14_400.0, bid_seconds=3600.0)
    lots = opened(flip, at).lots
    assert len(lots) == parts
    assert sum(lot.units for lot in lots) == exactly(at.collateral_units)
    assert sum(lot.due for lot in lots) == exactly(at.debt_units)
    lot, now, returned, whole = lots[0], 0.0, 0.0, lots[0].units
    locked = dict.fromkeys(range(-1, 4), 0.0)
    for bidder, more, less, wait in bids:
        now += wait
        before = copy.copy(lot)
        dented = before.bid == before.tab
        bid = Bid(lot.tab, lot.units * less) if dented else Bid(max(lot.bid, 0.1 * lot.tab) * more, lot.units)
        try:
            done = flip.bid(lot, bidder, bid, now)
        except (InvalidBid, AuctionOver):
            assert lot == before
            continue
        locked[bidder] += done.locked
        locked[done.outbid] -= done.refunded
        returned += done.returned_units
        assert lot.bid <= lot.tab
        if dented:
            assert lot.units <= before.units / 1.03 * (1.0 + 1e-9)
        else:
            assert done.returned_units == 0.0
            assert lot.bid == lot.tab or lot.bid >= before.bid * 1.03 * (1.0 - 1e-9)
        assert sum(locked.values()) == exactly(lot.bid)
        assert lot.units + returned == exactly(whole)
    if flip.finished(lot, now + 14_400.0):
        taking = flip.finish(lot, now + 14_400.0)
        assert taking.paid == exactly(locked[lot.bidder])
        assert taking.paid == exactly(taking.to_debt + taking.penalty)
        assert taking.units + returned == exactly(whole)


@given(at=accounts(), house=houses, part=st.floats(0.01, 1.0), hours=st.floats(1.0, 200.0))
@settings(max_examples=60)
def test_a_settlement_ends_all_that_is_owed(at: Position, house: House, part: float, hours: float) -> None:
    ajna = Ajna(settle_seconds=HOUR * 0.5)
    lot = one_lot(ajna, at, house)
    if (offer := ajna.offer(lot, 0.5 * HOUR, 0.0, house)) is not None and ajna.fit(
        lot, offer.max_repay * part, 0.5 * HOUR, 0.0, house
    ):
        ajna.take(lot, offer.max_repay * part, 0.5 * HOUR, 0.0, house)
    assume(not lot.closed)
    before = copy.copy(lot)
    ended = ajna.settle(lot, hours * HOUR, house)
    assert ended.units_to_lenders + ended.returned_units == exactly(before.units)
    assert ended.debt_to_lenders + ended.debt_from_reserves + ended.debt_forgiven == exactly(before.due)
    assert ended.debt_from_reserves <= max(house.reserves, 0.0)
    assert (ended.returned_units == 0.0) or (ended.debt_forgiven == 0.0)
    assert lot.closed
    assert not ajna.settleable(lot, INF)
