"""What a router is made of: lanes, the venues of one pair in one direction, and routes, lanes one after the other.

**Source**: as `models.market.routing`, which says how the two are used.
**Models**: a lane is one ladder over the sources of all its venues; a route is its lanes' curves in `series`.
**Leaves out**: fixed costs per leg such as gas.
**Units**: amounts of the asset given, of the asset got where it says so; a rate is what is got for the next unit given.
**Invariants**: fills are the venues' own quotes; each lane of a route gets exactly what the one before gives.
"""

from functools import reduce
from math import fsum, inf, isnan
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from models.market.fill import Fill
from models.market.ladder import END, GET, GIVE, MOST_WALKS, SETTLED, Ladder, reach, settled
from models.market.ladder import route as split_over
from models.market.series import series
from models.types import FloatArray, Side

if TYPE_CHECKING:
    from models.market import Source
    from models.market.venue import Venue


class Leg(NamedTuple):
    """One venue's part in a trip: its number among the router's venues, and its quote."""

    venue: int
    fill: Fill


class Desk(NamedTuple):
    """A venue as one direction of a leg sees it."""

    number: int
    venue: "Venue"
    side: Side

    @property
    def rate(self) -> float:
        """Marginal rate; 0 where nobody trades."""
        price = self.venue.bid if self.side == "sell" else 1.0 / self.venue.ask
        return 0.0 if isnan(price) else price


class Crossing(NamedTuple):
    """What one lane or one route trades."""

    given: float
    got: float
    rate_after: float
    complete: bool
    legs: tuple[Leg, ...]


NOTHING = Crossing(0.0, 0.0, inf, True, ())


def _crossing(desks: tuple[Desk, ...], fills: list[Fill]) -> Crossing:
    """The venues' fills as one; complete when each of them is."""
    used = [(desk, fill) for desk, fill in zip(desks, fills, strict=True) if fill.amount_in > 0.0]
    return Crossing(
        fsum(fill.amount_in for _, fill in used),
        fsum(fill.amount_out for _, fill in used),
        min([_rate(fill, fill.price_after) for _, fill in used], default=inf),
        all(fill.complete for fill in fills),
        tuple([Leg(desk.number, fill) for desk, fill in used]),
    )


def _rate(fill: Fill, price: float) -> float:
    return price if fill.side == "sell" else 1.0 / price


class Lane:
    """All venues of one pair in one direction."""

    __slots__ = ("_desks", "_ladder", "_owners")

    def __init__(self, desks: tuple[Desk, ...]) -> None:
        self._desks = desks
        sources: list[Source] = []
        sides: list[Side] = []
        self._owners: list[int] = []
        for place, desk in enumerate(desks):
            sources += desk.venue.sources
            sides += [desk.side] * len(desk.venue.sources)
            self._owners += [place] * len(desk.venue.sources)
        self._ladder = Ladder(tuple(sources), tuple(sides))

    @property
    def curved(self) -> bool:
        """Whether some source's curve is only followed."""
        return self._ladder.curved

    @property
    def desk(self) -> Desk | None:
        """The only venue; None where there are several."""
        return self._desks[0] if len(self._desks) == 1 else None

    @property
    def rate(self) -> float:
        """Marginal rate; 0 where nobody trades."""
        return max([desk.rate for desk in self._desks])

    def curve(self) -> FloatArray:
        """All venues as one curve; the same object as long as no source changes."""
        return self._ladder.curve()

    def curve_around(self, given: float) -> FloatArray:
        """The curve, laid closely around the point where so much has been given."""
        return self._ladder.curve_around(given)

    def quote(self, amount: float) -> Crossing:
        """Trade an amount, split for the best rate."""
        if len(self._desks) == 1:
            return _crossing(self._desks, [self._desks[0].venue.quote_in(self._desks[0].side, amount)])
        enough, by_source = self._ladder.split(GIVE, amount) if amount > 0.0 else (True, [0.0] * len(self._owners))
        shares = [0.0] * len(self._desks)
        for owner, share in zip(self._owners, by_source, strict=True):
            shares[owner] += share
        fills = [desk.venue.quote_in(desk.side, share) for desk, share in zip(self._desks, shares, strict=True)]
        return _crossing(self._desks, fills)._replace(complete=enough)

    def quote_to(self, rate: float) -> Crossing:
        """Trade on every venue until its marginal rate is down to `rate`."""
        fills = [
            desk.venue.quote_to(desk.side, rate if desk.side == "sell" else (1.0 / rate if rate else inf))
            for desk in self._desks
        ]
        return _crossing(self._desks, fills)._replace(complete=any(fill.complete for fill in fills))


class Route:
    """Lanes in a row.

    Attributes:
        lanes: the lanes.
        desk: the venue where it is all of the route; else None.
    """

    __slots__ = ("_curve", "_made_of", "desk", "lanes")

    def __init__(self, lanes: tuple[Lane, ...]) -> None:
        self.lanes = lanes
        self.desk = lanes[0].desk if len(lanes) == 1 else None
        self._made_of: list[FloatArray] = []
        self._curve = np.empty((4, 0))

    @property
    def curved(self) -> bool:
        """Whether some source's curve is only followed."""
        return any(lane.curved for lane in self.lanes)

    @property
    def rate(self) -> float:
        """Marginal rate; 0 where nobody trades."""
        if self.desk is not None:
            return self.desk.rate
        rate = 1.0
        for lane in self.lanes:
            rate *= lane.rate
        return rate

    def curve(self) -> FloatArray:
        """The route as segments; the same object as long as no source changes."""
        parts = [lane.curve() for lane in self.lanes]
        if len(parts) != len(self._made_of) or any(a is not b for a, b in zip(parts, self._made_of, strict=True)):
            self._made_of, self._curve = parts, reduce(series, parts)
        return self._curve

    def curve_around(self, given: float) -> FloatArray:
        """The route as segments, laid closely around the point where so much has been given."""
        parts: list[FloatArray] = []
        for lane in self.lanes:
            parts.append(lane.curve_around(given))
            given = lane.quote(given).got if given > 0.0 else 0.0
        return reduce(series, parts)

    def quote(self, amount: float) -> Crossing:
        """Trade an amount: the first lane for it, each other one for what the one before gives."""
        first, *others = self.lanes
        whole = last = first.quote(amount)
        for lane in others:
            last = lane.quote(last.got)
            whole = Crossing(
                whole.given,
                last.got,
                whole.rate_after * last.rate_after,
                whole.complete and last.complete,
                whole.legs + last.legs,
            )
        return whole

    def quote_to(self, rate: float) -> Crossing:
        """Trade until the marginal rate is down to `rate`."""
        if len(self.lanes) == 1:
            return self.lanes[0].quote_to(rate)
        curve = self.curve()
        more = curve.shape[1] > 0 and bool(curve[END, -1] <= rate)
        amount = self.given_to(rate)
        if amount == inf:
            return Crossing(inf, _reached(curve, GET, rate), rate, False, ())
        return self.quote(amount)._replace(complete=more) if amount > 0.0 else NOTHING._replace(complete=more)

    def given_to(self, rate: float) -> float:
        """How much can be given before the marginal rate is down to `rate`; levels at it are left alone."""
        amount = _reached(self.curve(), GIVE, rate)
        if self.curved:
            for _ in range(MOST_WALKS):
                if not 0.0 < amount < inf:
                    break
                before, amount = amount, _reached(self.curve_around(amount), GIVE, rate)
                if abs(amount - before) <= SETTLED * amount:
                    break
        return amount


def _reached(curve: FloatArray, row: int, rate: float) -> float:
    spans = np.array([[0], [curve.shape[1]]])
    return float(reach(curve, spans, row, np.array([rate]))[0, 0])


def shares_of(routes: tuple[Route, ...], amount: float) -> tuple[bool, list[float]]:
    """Whether there is enough, and what each route takes."""
    enough, shares = _walk([route.curve() for route in routes], amount)
    if any(route.curved for route in routes):
        for _ in range(MOST_WALKS):
            before = shares
            curves = [route.curve_around(share) for route, share in zip(routes, before, strict=True)]
            enough, shares = _walk(curves, amount)
            if settled(before, shares, amount):
                break
    return enough, shares.tolist()


def _walk(curves: list[FloatArray], amount: float) -> tuple[bool, FloatArray]:
    ends = np.cumsum([curve.shape[1] for curve in curves])
    spans = np.array([ends - [curve.shape[1] for curve in curves], ends])
    shares = np.zeros(len(curves))
    return bool(split_over(np.hstack(curves), spans, GIVE, amount, shares)), shares
