"""Two curves one after the other: what the first gives is given to the second.

**Source**: composition of Möbius maps; a constant product gives y = s x / (1 + k x) for x given (Uniswap v2 Core).
**Models**: levels and arcs as `models.market.ladder` lists them; the result is again a list of both.
**Leaves out**: what a route costs beside its prices, such as gas.
**Units**: a rate is what the taker gets for the next unit given; that of the whole is the product of both.
**Invariants**: the end of a segment is where the next one starts, or above it; rates never rise.

An arc with the rate s at its start and the weight A gives y = s x / (1 + k x) with k = √s / A; a level has k = 0. After
one another, z = s₂ y / (1 + k₂ y) is z = s₁ s₂ x / (1 + (k₁ + k₂ s₁) x): an arc again, with

    s = s₁ s₂        1/A = 1/(A₁ √s₂) + √s₁/A₂

It holds until either of the two ends; there the other one is cut, and what both trade up to there says what the weights
are. An arc may have a weight for what is got that is q times the one for what is given: then y carries a factor q, and
the weights of a whole without an end are 1/A = 1/(A₁ √s₂) + q₁ √s₁/A₂ for what is given and q₁ q₂ A for what is got.
"""

import numpy as np

from models.compiled import compiled
from models.market.ladder import END, GET, GIVE, START, lay
from models.types import FloatArray


@compiled()
def _is_level(curve: FloatArray, segment: int) -> bool:
    return bool(curve[START, segment] == curve[END, segment])


@compiled()
def _skew(curve: FloatArray, segment: int) -> float:
    """The weight for what is got as a multiple of the one for what is given; 1 for a level."""
    return 1.0 if _is_level(curve, segment) else curve[GET, segment] / curve[GIVE, segment]


@compiled()
def _size(curve: FloatArray, segment: int, row: int) -> float:
    """All that a segment gets or gives, by `row`; infinite where it takes any amount."""
    start, end, weight = curve[START, segment], curve[END, segment], curve[row, segment]
    if start == end:
        return float(weight)
    if row == GET:
        return float(weight * (start - end) / (np.sqrt(start) + np.sqrt(end)))
    if end == 0.0:
        return np.inf
    return float(weight * (start - end) / (np.sqrt(start) + np.sqrt(end)) / np.sqrt(start * end))


@compiled()
def series(first: FloatArray, second: FloatArray) -> FloatArray:
    """What two curves in a row are together, each of shape (4, segments), best first and without overlap.

    Returns:
        Segments of the same kind, shape (4, n); GIVE in units of what the first is given, GET of what the second gives.
    """
    whole = np.empty((4, first.shape[1] + second.shape[1]))
    count = i = j = 0
    if first.shape[1] == 0 or second.shape[1] == 0:
        return whole[:, :0].copy()
    rate1, left1 = first[START, 0], _size(first, 0, GET)
    rate2, left2 = second[START, 0], _size(second, 0, GIVE)
    while True:
        between = min(left1, left2)  # how far both segments go on together, in units of the asset between
        skew1, skew2 = _skew(first, i), _skew(second, j)
        after1, after2 = rate1, rate2
        if not _is_level(first, i):
            root = np.sqrt(first[END, i]) + (left1 - between) / first[GET, i]
            after1 = first[END, i] if between == left1 else min(max(root * root, first[END, i]), rate1)
        if not _is_level(second, j):
            root = 1.0 / np.sqrt(rate2) + between / second[GIVE, j]
            after2 = second[END, j] if between == left2 else min(max(1.0 / (root * root), second[END, j]), rate2)
        start, end = rate1 * rate2, after1 * after2
        if between > 0.0:
            if end > 0.0:
                give = between / (skew1 * np.sqrt(rate1 * after1))
                get = between * (skew2 * np.sqrt(rate2 * after2))
                lay(whole, count, start, end, give, get)
            else:
                whole[START, count], whole[END, count] = start, end
                inverse = 0.0 if _is_level(first, i) else 1.0 / (first[GIVE, i] * np.sqrt(rate2))
                inverse += 0.0 if _is_level(second, j) else skew1 * np.sqrt(rate1) / second[GIVE, j]
                whole[GIVE, count] = 1.0 / inverse
                whole[GET, count] = skew1 * skew2 / inverse
            count += 1
        rate1, rate2 = after1, after2
        ends1, ends2 = between == left1, between == left2
        left1, left2 = left1 - between, left2 - between
        if ends1:
            i += 1
            if i == first.shape[1]:
                break
            rate1, left1 = first[START, i], _size(first, i, GET)
        if ends2:
            j += 1
            if j == second.shape[1]:
                break
            rate2, left2 = second[START, j], _size(second, j, GIVE)
    return whole[:, :count].copy()
