"""Quotes on bands: where a walk leads, as the fill that a taker is shown.

**Source**: Curve, crvUSD contracts of 2023, AMM.vy (`calc_swap_out`, `calc_swap_in`); see `models.market.band_curve`.
**Models**: fills for an amount given, an amount got, or a price, also for one so near that floats cannot tell how far.
**Leaves out**: what settling does to the bands.
**Units**: units of quote and base; taker prices quote per base, fee included.
**Invariants**: a quote changes nothing.
"""

from math import nan, sqrt
from typing import NamedTuple

from models.market import band_curve as curve
from models.market.band_gap import Band, gap
from models.market.fill import Fill
from models.market.near import NEAR
from models.market.ranges import SELL
from models.types import FloatArray, Side

Place = tuple[FloatArray, FloatArray, int, int, int, float, float]
"""Where a walk begins and what it walks over: the first arguments of `band_curve.walk`."""


class Reached(NamedTuple):
    """What a fill of bands remembers: the state that was quoted, and where in it the trade ends."""

    state: object
    last: int
    active: int
    used_up: bool


def fill_of(
    place: Place,
    state: object,
    keep: float,
    room: float,
    side: Side,
    measure: int,
    amount: float,
    given: float | None = None,
    got: float | None = None,
    price: float | None = None,
) -> Fill:
    """The fill of a walk.

    Args:
        place: of the side's number.
        state: of the pool.
        keep: the part of what is given that trades.
        room: what there is to get.
        side: what the taker does.
        measure, amount: as in `band_curve.walk`.
        given, got, price: stand in for where the walk ends when it gets there.
    """
    missing, net, out, first, rate, last, active, used_up = curve.walk(*place, measure, amount)
    complete = missing == 0.0
    if given is None or not complete:
        given = net / keep
    if got is None or not complete:
        got = min(out, room)
    if first == 0.0:
        before = after = nan
    else:
        before, after = keep * first, keep * rate
        if place[2] != SELL:
            before, after = 1.0 / before, 1.0 / after
        if price is not None and rate == amount:
            after = price
    end = Reached(state, last, active, used_up)
    return Fill(side, given, got, (1.0 - keep) * given, before, after, complete, (), end)


def net_near(place: Place, first_number: int, base_price: float, fee: float, rate: float, price: float) -> float | None:
    """What is given, the fee apart, until the rate is reached; None where it is not close to a band's beginning.

    Args:
        place: of the side's number.
        first_number: the band of row 0.
        base_price: the upper price of band 0.
        fee: fraction of what is given.
        rate: without the fee, as in `band_curve.walk`.
        price: the taker price that this is.
    """
    net, row, reserve, begin, whole = curve.ends_in(*place, rate)
    if not abs(begin - rate) < NEAR * rate:
        return None
    held, _, number, _, _, oracle, amplification = place
    in_quote, in_base = held[:, row].tolist()
    band = Band(base_price, amplification, first_number + row, in_quote, in_base)
    distance = gap(band, oracle, fee, price, sells=number == SELL)
    growth = distance / (1.0 + sqrt(1.0 + distance)) if distance > 0.0 else 0.0
    return float(net + reserve * growth) if growth < whole else None
