"""What no call that takes from an account or a lot can exceed, and what a taker asks of it.

A row of figures for each bound keeps all of them in one array, which compiled code is handed at one price.
"""

from typing import NamedTuple

import numpy as np

from models.compiled import compiled
from models.liquidation.ceiling import SLACK
from models.types import BoolArray, FloatArray, IntArray

# The rows of `Tops`.
_GAIN, _PAID_USD, _RECEIVED_USD, _LEAST_USD = range(4)


class TakingTerms(NamedTuple):
    """What a taker asks for and has: more than `margin` of each dollar and `least_usd` in all, after a `fee` a dollar.

    It pays `budget_usd` at most.
    """

    margin: float
    fee: float
    least_usd: float
    budget_usd: float


class Tops(NamedTuple):
    """No call gains more a dollar, pays more dollars, gets what is worth more, or pays less: a row each, (4, n)."""

    figures: FloatArray

    def only(self, those: BoolArray) -> "Tops":
        """Leave out all but those."""
        return Tops(self.figures.compress(those, axis=1))

    def may_bring(self, terms: TakingTerms, places: IntArray) -> BoolArray:
        """Return whether a taker may be left with what it wants by calls at these places."""
        return _may_bring(places, self.figures, *terms)


@compiled()
def accounts_bring(
    rate: FloatArray,
    repaid_usd: FloatArray,
    least_usd: FloatArray,
    owed_usd: FloatArray,
    held_usd: FloatArray,
    sold: float,
    fallen: float,
    up: float,
) -> FloatArray:  # pragma: no cover - compiled
    """Return the figures of the `Tops` of accounts: their ceilings at what prices are now."""
    figures = np.empty((4, rate.size))
    for k in range(rate.size):
        figures[_GAIN, k] = rate[k] * (sold / fallen * SLACK**2) - 1.0
        figures[_PAID_USD, k] = (repaid_usd[k] + (SLACK - 1.0) * owed_usd[k]) * (up * SLACK**2)
        figures[_RECEIVED_USD, k] = held_usd[k] * (sold * SLACK)
        figures[_LEAST_USD, k] = least_usd[k] * (fallen / SLACK**2)
    return figures


@compiled(error_model="numpy")
def lots_bring(
    price: FloatArray,
    paid: FloatArray,
    units: FloatArray,
    collateral: IntArray,
    debt: IntArray,
    brings_usd: FloatArray,
    now_usd: FloatArray,
) -> FloatArray:  # pragma: no cover - compiled
    """Return the figures of the `Tops` of lots, of which as little may be taken as one likes."""
    figures = np.zeros((4, price.size))
    for k in range(price.size):
        each_usd, debt_usd = brings_usd[collateral[k], debt[k]], now_usd[debt[k]]
        figures[_GAIN, k] = each_usd / (price[k] * debt_usd) * SLACK**2 - 1.0
        figures[_PAID_USD, k] = paid[k] * debt_usd * SLACK**2
        figures[_RECEIVED_USD, k] = units[k] * each_usd * SLACK
    return figures


@compiled(error_model="numpy")
def _may_bring(
    places: IntArray, figures: FloatArray, margin: float, fee: float, least_usd: float, budget_usd: float
) -> BoolArray:  # pragma: no cover - compiled
    """See `Tops.may_bring`. What is no number is let through."""
    may = np.empty(places.size, np.bool_)
    for n, k in enumerate(places):
        gain, paid_usd = figures[_GAIN, k], figures[_PAID_USD, k]
        paid_usd = budget_usd if budget_usd < paid_usd else paid_usd
        most_usd = min(paid_usd * (gain - fee), figures[_RECEIVED_USD, k] * (1.0 - 1.0 / (1.0 + gain)))
        may[n] = not (gain - fee <= margin or most_usd < least_usd or figures[_LEAST_USD, k] > budget_usd)
    return may
