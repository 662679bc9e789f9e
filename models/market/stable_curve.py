"""The curve of a stable-swap pool of two coins: the formulas behind `StableSwap`.

**Source**: Egorov, *StableSwap*, 2019, for two coins: a (x + y) + D = a D + D³/(4xy).
**Models**: D from the reserves, amounts in and out, the marginal price, the trade to a price, arcs for the ladder.
**Leaves out**: fees, except where amounts are a taker's.
**Units**: x (given to) and y (got from) are reserves worth the same at balance; a is 2A; k is D³/(4xy).
**Invariants**: every sum is of one sign or done in more digits, so that small trades keep their digits.

D is the root of a cubic. With D known, an amount in or out is the root of a quadratic, in a form without cancellation.
Only the trade to a price needs more: with D²/(4xy) = κ = 1 + a e the reserves add up to (1 + e) D, and a marginal price
m, 1 at balance, makes e the root of a polynomial of the sixth degree in which only τ = (1 - m)/(1 + m) squared occurs.
Its coefficients change sign once, for any a >= 0 and 0 < τ² < 1: there is one root above zero, and the polynomial is
convex beyond it. So are the cubic and its root, and Newton's method comes down to either from any bound above without a
miss, until it no longer falls: to the last digits.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Any, TypeVar

import numpy as np

from models.compiled import compiled
from models.market.ladder import END, GET, GIVE, START, lay
from models.types import FloatArray

POINTS = 16
"""Half the number of points at which the curve is listed before anybody asks for more."""

LEAST = 1e-150
"""Marginal price below which the coefficients leave the range of floats."""

Real = TypeVar("Real", float, Decimal)
Formula = TypeVar("Formula", bound=Callable[..., Any])


def _cubic(d: Real, x: Real, y: Real, a: Real) -> tuple[Real, Real]:
    """D³/(4xy) + (a - 1) D - a (x + y), whose only positive root is the invariant, and its slope."""
    square = d / (2 * x) * (d / (2 * y))
    return d * square + (a - 1) * d - a * (x + y), 3 * square + (a - 1)


def _sextic(a: Real, marginal: Real) -> tuple[Real, Real, Real, Real, Real, Real, Real]:
    """Coefficients in e, highest first, of the condition for a marginal price."""
    tilt = (1 - marginal) / (1 + marginal)
    t, rest = tilt * tilt, 4 * marginal / (1 + marginal) / (1 + marginal)
    return (
        rest * a * a * a * a,
        rest * a * a * a * (2 * a + 4),
        rest * a * a * (a * a + 8 * a + 6),
        a * (rest * (4 * a * a + 12 * a + 4) - (1 + t) * a * a),
        rest * (6 * a * a + 8 * a + 1) - 3 * a * a - t * a * a * (a + 2),
        rest * (4 * a + 2) - 3 * a - t * a * (2 * a + 1),
        -t * (1 + a / 2) * (1 + a / 2),
    )


def _horner(coefficients: tuple[Real, Real, Real, Real, Real, Real, Real], e: Real) -> tuple[Real, Real]:
    """A polynomial and its slope."""
    value = slope = 0 * e
    for coefficient in coefficients:
        slope = slope * e + value
        value = value * e + coefficient
    return value, slope


def _spread(a: Real, e: Real) -> Real:
    """Square of the difference of the two reserves, as parts of D."""
    total = 1 + e
    return e * (2 + e + a * total * total) / (1 + a * e)


def _in_floats(function: Formula) -> Formula:
    """The same formula, compiled."""
    return compiled()(function)


_float_cubic = _in_floats(_cubic)
_float_sextic = _in_floats(_sextic)
_float_horner = _in_floats(_horner)
_float_spread = _in_floats(_spread)


def _polish(function: Callable[[Decimal], tuple[Decimal, Decimal]], near: Decimal) -> Decimal:
    """The last digits of a root: Newton's steps double them, until the next step would be beyond a float64's square."""
    root = near
    while True:
        value, slope = function(root)
        step = value / slope
        root -= step
        if abs(step) <= root * Decimal("1e-24"):
            return root


@compiled()
def invariant(x: float, y: float, a: float) -> float:
    """D of two reserves in one unit. x + y is above it, and so is where the cubic's first term alone fills it."""
    root: float = min(x + y, ((a + 1.0) * (x + y) * 4.0 * x * y) ** (1.0 / 3.0) * (1.0 + 1e-15))
    while True:
        value, slope = _float_cubic(root, x, y, a)
        lower = root - value / slope
        if not 0.0 < lower < root:
            return root
        root = lower


@compiled()
def _excess(a: float, marginal: float) -> float:
    """e at a marginal price of at most 1, and as if it were `LEAST` below that."""
    marginal = max(marginal, LEAST)
    coefficients = _float_sextic(a, marginal)
    if coefficients[-1] == 0.0:
        return 0.0
    pull, rest = a * ((1.0 - marginal) / (1.0 + marginal)) ** 2, 4.0 * marginal / (1.0 + marginal) ** 2
    # Three bounds above the root: as if there were no κ; by the powers of a e; the tangent at 0, which lies below.
    root: float = (pull + np.sqrt(4.0 * rest + pull * a)) / (2.0 * rest) - 1.0
    if a > 0.0:
        root = min(root, ((max(1.0, a) + pull * (a / 4.0 + 1.0)) / (a * a * rest)) ** (1.0 / 3.0))
    if coefficients[-2] > 0.0:
        root = min(root, -coefficients[-1] / coefficients[-2])
    while True:
        value, slope = _float_horner(coefficients, root)
        lower = root - value / slope if slope > 0.0 else root
        if not 0.0 < lower < root:
            return root
        root = lower


def reserves_at(x: Decimal, y: Decimal, a: Decimal, near: float, marginal: Decimal) -> tuple[Decimal, Decimal]:
    """(x, y) on the curve of two reserves where the next unit given to x gets `marginal` of y.

    In the digits of the present decimal context; `near` is D as near as floats know it.
    """
    d = _polish(lambda d: _cubic(d, x, y, a), Decimal(near))
    coefficients = _sextic(a, marginal)
    below = min(marginal, 1 / marginal)
    # Where floats end, e grows with less than the root of 1/m, so that this is a bound above.
    start = Decimal(_excess(float(a), float(below))) * max(Decimal(1), Decimal(LEAST) / below).sqrt()
    e = _polish(lambda e: _horner(coefficients, e), start) if marginal != 1 else Decimal(0)
    larger = (1 + e + _spread(a, e).sqrt()) / 2
    smaller = 1 / (4 * (1 + a * e) * larger)
    return (d * larger, d * smaller) if marginal < 1 else (d * smaller, d * larger)


@compiled()
def marginal_rate(x: float, y: float, a: float, k: float) -> float:
    """What the next unit given to x gets from y; k is D³/(4xy)."""
    return y / x * ((a * x + k) / (a * y + k))


@compiled()
def trade_in(x: float, y: float, a: float, k: float, given: float) -> tuple[float, float]:
    """(got, marginal afterwards), for an amount given to x; all sums are of one sign, so that no digits are lost."""
    grown = x + given
    b = a * (given - y) + k
    root = np.sqrt(b * b + 4.0 * a * k * y * (x / grown))
    left = 2.0 * k * y * (x / grown) / (b + root) if b >= 0.0 else (root - b) / (2.0 * a)
    if left == 0.0:
        return y, 0.0
    got = 2.0 * given * y * (a + k / grown) / (a * (given + y) + k + root)
    return min(got, y), marginal_rate(grown, left, a, k * (x / grown) * (y / left))


@compiled()
def trade_out(x: float, y: float, a: float, k: float, got: float, left: float) -> tuple[float, float]:
    """(given, marginal afterwards), for an amount got from y.

    What is then `left` of y says more than `got` where it is the smaller of the two.
    """
    b = a * (x - got) + k
    c = got * x * (a + k / left)
    root = np.sqrt(b * b + 4.0 * a * c)
    given = 2.0 * c / (b + root) if b >= 0.0 else (root - b) / (2.0 * a)
    grown = x + given
    return given, marginal_rate(grown, left, a, k * (x / grown) * (y / left))


@compiled()
def points_along(
    x: float, y: float, a: float, k: float, invariant: float, unit_in: float, unit_out: float, keep: float
) -> FloatArray:
    """Points between which an arc is a fair likeness of the curve, shape (2, points): given and got, in no order.

    Half of them are spread over the reserve that grows, up to a hundred times the whole pool, and half over the one
    that shrinks, each time to two fifths, since it may run out within a small part of the other's growth.
    """
    points = np.empty((2, 2 * POINTS))
    far = max(100.0 * invariant / x, 2.0)
    for number in range(POINTS):
        given = x * (far ** ((number + 1.0) / POINTS) - 1.0)
        points[0, number], points[1, number] = given, trade_in(x, y, a, k, given)[0]
        got = y * (1.0 - 0.4 ** (number + 1.0))
        points[0, POINTS + number], points[1, POINTS + number] = trade_out(x, y, a, k, got, y - got)[0], got
    points[0] /= unit_in
    points[1] *= keep / unit_out
    return points


@compiled()
def arcs_along(
    x: float, y: float, a: float, k: float, points: FloatArray, row: int, amounts: FloatArray,
    unit_in: float, unit_out: float, keep: float,
) -> FloatArray:  # fmt: skip
    """The segments of `StableSwap.arcs` through `points` and amounts, both ascending.

    The units are what one given and one got are in those of x and y.

    An arc gives and gets between its ends what the curve does.
    """
    scale = keep * unit_in / unit_out
    segments = np.zeros((4, points.shape[1] + amounts.size + 1))
    count = 0
    start = scale * marginal_rate(x, y, a, k)
    given = got = 0.0
    point = asked = 0
    while point < points.shape[1] or asked < amounts.size:
        if asked == amounts.size or (point < points.shape[1] and points[row - GIVE, point] <= amounts[asked]):
            amount = points[row - GIVE, point]
            point += 1
        else:
            amount = amounts[asked]
            asked += 1
        if row == GIVE:
            to_given = amount
            out, marginal = trade_in(x, y, a, k, amount * unit_in)
            to_got = keep * out / unit_out
        else:
            to_got = amount
            wanted = amount * unit_out / keep
            if wanted >= y:
                break
            into, marginal = trade_out(x, y, a, k, wanted, y - wanted)
            to_given = into / unit_in
        end = min(scale * marginal, start)
        if not (to_given > given and to_got > got and end > 0.0):
            continue
        lay(segments, count, start, end, to_given - given, to_got - got)
        count += 1
        start, given, got = end, to_given, to_got
    weight = max(keep * y / unit_out - got, 0.0) / np.sqrt(start)
    segments[START, count], segments[END, count] = start, 0.0
    segments[GIVE, count], segments[GET, count] = weight, weight
    return segments[:, : count + 1]


@compiled()
def amounts_to(
    x: float, y: float, a: float, k: float, invariant: float, row: int, rates: FloatArray,
    unit_in: float, unit_out: float, keep: float,
) -> FloatArray:  # fmt: skip
    """The amounts of `StableSwap.reach`."""
    amounts = np.zeros(rates.size)
    start = marginal_rate(x, y, a, k)
    for number, rate in enumerate(rates):
        marginal = rate * unit_out / (keep * unit_in)
        if marginal >= start:
            continue
        if marginal == 0.0:
            amounts[number] = np.inf if row == GIVE else keep * y / unit_out
            continue
        e = _excess(a, min(marginal, 1.0 / marginal))
        larger = (1.0 + e + np.sqrt(_float_spread(a, e))) / 2.0
        smaller = 1.0 / (4.0 * (1.0 + a * e) * larger)
        x_after, y_after = (larger, smaller) if marginal < 1.0 else (smaller, larger)
        given, got = invariant * x_after - x, y - invariant * y_after
        amounts[number] = max(given / unit_in if row == GIVE else keep * got / unit_out, 0.0)
    return amounts
