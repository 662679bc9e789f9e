"""Several venues as one market: an asset is traded for another on all venues of the pair and through a third asset.

**Source**: routing over a network of convex sources (Angeris, Chitra, Evans, Boyd, *Optimal Routing for Constant
Function Market Makers*, 2021); the composition of constant products, see `models.market.series`.
**Models**: routes of one leg, over all venues of the pair whichever way round they quote it, and of two legs through
one asset between; an amount is split so that all routes in use end at one marginal rate. Also round trips over three
pairs, as far as they pay. Routes that are used together never share a venue: those of two legs differ in the asset
between, so each uses pairs of its own.
**Leaves out**: routes of three legs and more to another asset, round trips between two venues of one pair, fixed costs
per leg such as gas.
**Units**: assets are whole numbers, whatever the caller numbers; a rate is what is got for the next unit given.
**Invariants**: no route is left with a better rate than the last unit traded; every leg is its venue's own quote, the
second one for exactly what the first one gives; one venue alone is that venue, to the last bit.

A leg is a `Ladder` over the sources of all its venues, so it is one curve of levels and arcs; a route is its legs'
curves in `series`, again levels and arcs; and the routes are the sources of one more walk of the ladder. That is exact
without iteration but where a curve is only followed (`models.market.ladder.Curved`): there the walk is repeated with
arcs laid around the shares it found, until they stay where they are.
"""

from collections.abc import Sequence
from math import fsum, inf, isnan, nan
from typing import TYPE_CHECKING, NamedTuple

from models.market.fill import DUST, Fill, InvalidAmount, InvalidPrice
from models.market.lanes import NOTHING, Crossing, Desk, Lane, Leg, Route, shares_of
from models.refusals import Refusal
from models.types import Side

if TYPE_CHECKING:
    from models.market.venue import Venue


class UnusableVenues(Refusal):
    """Venues that a router cannot use together."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"{reason}: give each venue once, with a pair of two different assets and sources of its own")


class NoRoute(Refusal):
    """Two assets that no route joins."""

    def __init__(self, give: int, get: int) -> None:
        super().__init__(f"no venue and no pair of venues trades asset {give} for asset {get}: add one")


class Trip(NamedTuple):
    """A trade over any number of venues; settle the fills of `legs` in their order, each right after the one before.

    Attributes:
        amount_in, amount_out: what the taker gives of the one asset and gets of the other.
        rate_before: marginal rate before the trade, fees included; nan when there is nobody to trade with.
        rate_after: marginal rate of the last unit traded, the worst of all routes in use; `rate_before` for nothing.
        complete: False when liquidity ran out before the amount or the rate asked for was reached.
        legs: the fills with an amount, route after route; none where a route has no end.
    """

    amount_in: float
    amount_out: float
    rate_before: float
    rate_after: float
    complete: bool
    legs: tuple[Leg, ...]


def _on_one_venue(desk: Desk, fill: Fill) -> Trip:
    """A venue's fill as a trip."""
    before, after = fill.price_before, fill.price_after
    if isnan(before):
        before = after = nan  # the one that is equal to itself, as everywhere else
    elif desk.side == "buy":
        before, after = 1.0 / before, 1.0 / after
    given = fill.amount_in
    legs = (Leg(desk.number, fill),) if 0.0 < given < inf else ()
    return Trip(given, fill.amount_out, before, after if given > 0.0 else before, fill.complete and given < inf, legs)


class Router:
    """Trades any asset for another over several venues.

    Args:
        venues: the venues; their order breaks ties only.
        pairs: for each venue its (base, quote), whole numbers.

    Raises:
        UnusableVenues: a venue or a source that occurs twice, a pair of an asset with itself, or not one pair a venue.
    """

    __slots__ = ("_assets", "_lanes", "_pairs", "_plans", "_rounds", "_venues")

    def __init__(self, venues: "Sequence[Venue]", pairs: Sequence[tuple[int, int]]) -> None:
        if len(venues) != len(pairs):
            raise UnusableVenues(f"{len(venues)} venues have {len(pairs)} pairs")
        sources = [id(source) for venue in venues for source in venue.sources]
        if len(set(sources)) < len(sources):
            raise UnusableVenues("a source is on two venues")
        if any(base == quote for base, quote in pairs):
            raise UnusableVenues("a venue trades an asset for itself")
        self._venues = tuple(venues)
        self._pairs = [tuple(pair) for pair in pairs]
        self._assets = sorted({asset for pair in self._pairs for asset in pair})
        self._lanes: dict[tuple[int, int], Lane | None] = {}
        self._plans: dict[tuple[int, int], tuple[Route, ...]] = {}
        self._rounds: dict[tuple[int, int, int], Route] = {}

    def connects(self, give: int, get: int) -> bool:
        """Whether some route leads from one asset to the other, however little it may trade at present."""
        return bool(self._routes(give, get))

    def best(self, give: int, get: int) -> float:
        """Marginal rate of the best route, fees included; 0 where nobody trades or no route leads there."""
        routes = self._routes(give, get)
        if len(routes) == 1:
            return routes[0].rate
        return max([route.rate for route in routes], default=0.0)

    def quote(self, give: int, get: int, amount: float) -> Trip:
        """Give exactly `amount`, split for the best rate; where liquidity runs out, as much as there is.

        What rounding leaves of the asset between two legs stays with the taker.

        Raises:
            NoRoute: nothing joins the two. InvalidAmount: an amount that is negative, endless or not a number.
        """
        routes = self._joining(give, get)
        desk = routes[0].desk
        if len(routes) == 1 and desk is not None:
            return _on_one_venue(desk, desk.venue.quote_in(desk.side, amount))
        if not 0.0 <= amount < inf:
            raise InvalidAmount("amount", amount)
        if len(routes) == 1 and len(routes[0].lanes) == 1:
            crossing = routes[0].quote(amount)
            return self._trip(routes, [crossing], complete=crossing.complete)
        enough, shares = shares_of(routes, amount) if amount > 0.0 else (True, [0.0] * len(routes))
        crossings = [
            route.quote(share) if share > 0.0 else NOTHING for route, share in zip(routes, shares, strict=True)
        ]
        return self._trip(routes, crossings, complete=enough, asked=amount)

    def quote_to(self, give: int, get: int, rate: float) -> Trip:
        """Trade on every route until its marginal rate is down to `rate`; complete while any has liquidity there.

        Raises:
            NoRoute: nothing joins the two. InvalidPrice: a rate that is negative or not a number.
        """
        routes = self._joining(give, get)
        if not rate >= 0.0:
            raise InvalidPrice(rate)
        crossings = [route.quote_to(rate) for route in routes]
        return self._trip(routes, crossings, complete=any(crossing.complete for crossing in crossings))

    def round_rate(self, assets: tuple[int, int, int]) -> float:
        """Marginal rate around a triangle, fees included; 0 where nobody trades on one of its sides.

        Raises:
            NoRoute: a pair of the triangle has no venue.
        """
        return self._round(assets).rate

    def cycle(self, assets: tuple[int, int, int], cost: float = 0.0, most: float = inf) -> Trip:
        """Trade the first asset around a triangle back into itself until one unit more brings `1 + cost` or less.

        Args:
            assets: the three assets in the order of the trades; the first one is given and got.
            cost: fraction that the last unit must bring beyond itself.
            most: the most that may be given.

        Returns:
            An empty trip where the round does not pay, or has no end.

        Raises:
            NoRoute: a pair of the triangle has no venue. InvalidAmount: a cost or an amount below zero.
        """
        if not cost >= 0.0:
            raise InvalidAmount("cost", cost)
        if not most >= 0.0:
            raise InvalidAmount("most", most)
        around = self._round(assets)
        # Rates that agree but for rounding leave nothing to earn, and sources without an end everything to trade.
        rate = (1.0 + cost) * (1.0 + DUST)
        amount = min(around.given_to(rate), most) if around.rate > rate else 0.0
        crossing = around.quote(amount) if 0.0 < amount < inf else NOTHING
        return self._trip((around,), [crossing], complete=amount < most)

    def _trip(self, routes: tuple[Route, ...], crossings: list[Crossing], complete: bool, asked: float = nan) -> Trip:
        """The routes as one trade, which gives what was asked for where that is the sum but for rounding."""
        before = max(route.rate for route in routes) or nan
        given = fsum(crossing.given for crossing in crossings)
        return Trip(
            float(asked) if abs(given - asked) <= DUST * asked else given,
            fsum(crossing.got for crossing in crossings),
            before,
            min(crossing.rate_after for crossing in crossings) if given > 0.0 else before,
            complete and given < inf,
            tuple([leg for crossing in crossings for leg in crossing.legs]) if given < inf else (),
        )

    def _joining(self, give: int, get: int) -> tuple[Route, ...]:
        routes = self._routes(give, get)
        if not routes:
            raise NoRoute(give, get)
        return routes

    def _routes(self, give: int, get: int) -> tuple[Route, ...]:
        """The direct route if there is one, then those through an asset between, in the order of their numbers."""
        plan = self._plans.get((give, get))
        if plan is None:
            direct = self._lane(give, get)
            routes = [Route((direct,))] if direct is not None else []
            for between in self._assets:
                first, second = self._lane(give, between), self._lane(between, get)
                if first is not None and second is not None and give != get:
                    routes.append(Route((first, second)))
            plan = self._plans[give, get] = tuple(routes)
        return plan

    def _round(self, assets: tuple[int, int, int]) -> Route:
        around = self._rounds.get(assets)
        if around is None:
            lanes = []
            for give, get in zip(assets, (*assets[1:], assets[0]), strict=True):
                lane = self._lane(give, get)
                if lane is None:
                    raise NoRoute(give, get)
                lanes.append(lane)
            around = self._rounds[assets] = Route(tuple(lanes))
        return around

    def _lane(self, give: int, get: int) -> Lane | None:
        if (give, get) not in self._lanes:
            sides: dict[tuple[int, ...], Side] = {(give, get): "sell", (get, give): "buy"}
            desks = [
                Desk(number, venue, sides[pair])
                for number, (venue, pair) in enumerate(zip(self._venues, self._pairs, strict=True))
                if pair in sides
            ]
            self._lanes[give, get] = Lane(tuple(desks)) if desks else None
        return self._lanes[give, get]
