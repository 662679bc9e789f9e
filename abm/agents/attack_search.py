"""The search for the best manipulation: which price to push to and for how many blocks, worked out before acting.

Source: Mackinga, Nadahalli and Wattenhofer, "TWAP oracle attacks: easier done than said?" (2022), for holding a price
over several blocks.
Models: a push is tried on a copy of the venue, and the reports that follow on a copy of the oracle, so that every kind
of source and oracle, nested ones too, answers by its own rule. Of a range of target prices and numbers of blocks the
best is taken. Where a price is held for several blocks, three things may happen in between: arbitrageurs undo every
push and makers quote anew, so that every block is like the first; arbitrageurs undo it and what was quoted is gone;
nobody does anything. A plan is worth the worst of the three.
Leaves out: what a late oracle offers to everybody without a push; pushes of different sizes in one attack; that every
round trip leaves its fees in a pool that keeps them, so that the next is dearer by as much; numbers of blocks between
powers of two.
"""

from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING, Final

import numpy as np

from abm.agents.manipulation import Outcome, Place, Report, Strategy
from abm.markets.trading import quote_until
from models.market import Fill, Venue
from models.market.fill import DUST
from models.types import Side

if TYPE_CHECKING:
    from abm.view import View

NEAREST: Final = 0.01
"""The smallest push tried, as a move of the venue's price; less where the capital does not reach so far."""

COARSE: Final = 12
FINE: Final = 8
"""Target prices tried: so many over the whole range, then so many around the best of them."""

MOST_BLOCKS: Final = 10_000
"""The longest for which an attacker may be prepared to hold a price."""


@dataclass(slots=True)
class Plan:
    """Push the marginal price to `target` in so many `blocks`; the profit after gas and the most capital in use.

    `accounts` are those to liquidate.
    """

    target: float
    blocks: int
    profit_usd: float
    capital_usd: float
    accounts: frozenset[int]


def pays(plan: Plan, margin: float) -> bool:
    """Return whether a plan brings the margin on the capital in use, and anything at all."""
    return plan.profit_usd > 0.0 and plan.profit_usd >= margin * plan.capital_usd


@dataclass(frozen=True, slots=True)
class _Course:
    """One way it may go: what the first push and each later one give and get, and the venue after the last."""

    venue: Venue
    first: Fill
    later: Fill | None

    def totals(self, blocks: int) -> tuple[float, float]:
        """Return what is given and got in so many blocks."""
        if self.later is None:
            return self.first.amount_in, self.first.amount_out
        more = blocks - 1
        return (
            self.first.amount_in + more * self.later.amount_in,
            self.first.amount_out + more * self.later.amount_out,
        )

    def affordable(self, means: float) -> int:
        """Return for how many blocks the means last, at least one."""
        if self.later is None or self.later.amount_in <= 0.0:
            return MOST_BLOCKS
        return 1 + int(max(means * (1.0 + DUST) - self.first.amount_in, 0.0) / self.later.amount_in)


@dataclass(frozen=True, slots=True)
class Search:
    """The search for the best plan of one strategy, in one block, holding a price for `most_blocks` at most."""

    view: "View"
    strategy: Strategy
    place: Place
    most_blocks: int
    gas_usd: float
    margin: float

    def best(self) -> Plan | None:
        """Return the plan with the largest profit, those that pay by the margin first; None where there is none."""
        targets = self._range()
        idle = self._reports(self.view.fork(self.place.exchange), self.most_blocks) if targets else []
        plans = [plan for target in targets for plan in self._plans(target, idle)]
        if len(targets) > 1 and plans:
            nearer = _around(targets, max(plans, key=self._rank).target)
            plans += [plan for target in nearer for plan in self._plans(target, idle)]
        return max(plans, key=self._rank, default=None)

    def _rank(self, plan: Plan) -> tuple[bool, float]:
        return pays(plan, self.margin), plan.profit_usd

    def _range(self) -> list[float]:
        """Return target prices from the nearest to the farthest that the means reach in one push."""
        means, side = self.strategy.means(self.view), self.strategy.side
        if means <= 0.0:
            return []
        farthest = self.view.quote_in(self.place.exchange, side, means)
        start, end = farthest.price_before, farthest.price_after
        if farthest.amount_in <= 0.0 or not 0.0 < end < inf:
            return []
        nearest = start * (1.0 - NEAREST if side == "sell" else 1.0 + NEAREST)
        if end >= nearest if side == "sell" else end <= nearest:
            return [end]
        targets: list[float] = np.geomspace(nearest, end, COARSE).tolist()
        return targets

    def _plans(self, target: float, idle: list[float]) -> Iterator[Plan]:
        """Yield what comes of one target price, by the number of blocks for which it is held.

        `idle` is what the oracle would report without a push, block after block.
        """
        view, side, exchange = self.view, self.strategy.side, self.place.exchange
        means = self.strategy.means(view)
        courses = self._courses(target, means)
        if not courses:
            return
        given_usd = view.quote_usd(exchange) if side == "buy" else view.base_usd(exchange)
        most = min(self.most_blocks, *(course.affordable(means) for course in courses))
        pushed = self._reports(courses[0].venue, most)
        for blocks in _doubling(most):
            possible = courses if blocks > 1 else courses[:1]
            outcome = self._worst(possible, blocks, Report(pushed[blocks - 1], idle[blocks - 1]))
            if outcome is not None:
                profit_usd = outcome.profit_usd - blocks * self.gas_usd
                capital_usd = max(course.totals(blocks)[0] for course in possible) * given_usd
                yield Plan(courses[0].first.price_after, blocks, profit_usd, capital_usd, outcome.accounts)

    def _reports(self, venue: Venue, blocks: int) -> list[float]:
        """Return what the oracle would report in block after block with the venue's price as it stands."""
        seen_usd = venue.mid * self.view.quote_usd(self.place.exchange)
        return self.view.oracle_if(self.place.base, [seen_usd] * blocks)

    def _worst(self, courses: list[_Course], blocks: int, report: Report) -> Outcome | None:
        """Return the least that comes of the pushes, with everybody liquidated in any course.

        What is to be had of an oracle that does not follow is not for the push, and does not count.
        """
        gas_usd, outcomes = blocks * self.gas_usd, list[Outcome]()
        for course in courses:
            outcome = self.strategy.outcome(self.view, course.venue, *course.totals(blocks), report, gas_usd)
            if outcome is not None:
                outcomes.append(outcome)
        if not outcomes:
            return None
        least = min(outcome.profit_usd for outcome in outcomes)
        accounts = frozenset[int]().union(*(outcome.accounts for outcome in outcomes))
        return Outcome(least if report.followed(self.strategy.side) else min(least, 0.0), accounts)

    def _courses(self, target: float, means: float) -> list[_Course]:
        """Return the ways it may go; a push that is not held goes one way only."""
        side = self.strategy.side
        pushed = self.view.fork(self.place.exchange)
        first = _trade(pushed, side, target, means)
        if first.amount_in <= 0.0:
            return []
        if self.most_blocks == 1:
            return [_Course(pushed, first, None)]
        again = deepcopy(pushed)
        _trade(again, "sell" if side == "buy" else "buy", self.view.pair_reference(self.place.exchange), _ENOUGH)
        later = _trade(again, side, target, means)
        return [_Course(pushed, first, first), _Course(again, first, later), _Course(pushed, first, None)]


_ENOUGH: Final = 1e100
"""More units than anybody has: a trade without a limit of its own."""


def _trade(venue: Venue, side: Side, price: float, most: float) -> Fill:
    """Trade on a copy of a venue until its marginal price is `price`, giving at most `most`."""
    fill = quote_until(venue, side, price, most)
    if fill.amount_in > 0.0:
        venue.settle(fill)
    return fill


def _doubling(most: int) -> Iterator[int]:
    """Yield 1, 2, 4, … and `most`."""
    blocks = 1
    while blocks < most:
        yield blocks
        blocks *= 2
    yield most


def _around(targets: list[float], best: float) -> list[float]:
    """Return target prices between the neighbours of the best one."""
    at = int(np.argmin(np.abs(np.log(np.array(targets) / best))))
    first, last = targets[max(at - 1, 0)], targets[min(at + 1, len(targets) - 1)]
    between: list[float] = np.geomspace(first, last, FINE + 2).tolist()
    return between[1:-1]
