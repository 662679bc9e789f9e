"""Lines that theory draws into the figure of an experiment, from the stored scenario alone.

**toxic frontier** (Warmuz, Chaudhary and Pinna, arXiv 2212.07306): repaying a dollar for 1 + bonus dollars of
collateral raises the loan-to-value of whoever is above 1 / (1 + bonus); from there on every liquidation leaves more bad
debt behind.

**slippage eats the bonus**: whoever repays R gets collateral worth (1 + b) R at the market's price and sells it into a
constant product of which each side is worth V / 2, at a fee f. What comes out is V / 2 (1 - f) x / (V / 2 + (1 - f) x)
with x = (1 + b) R, which is R where x (1 - f) (V / 2 - R) = R V / 2: below that bonus a liquidator loses money on it.
"""

import math
from typing import Any

import numpy as np

from models.types import FloatArray


def toxic_frontier(scenario: dict[str, Any]) -> float:
    """The loan-to-value from which on liquidations make an account worse, by the bonus of the first pool."""
    return 1.0 / (1.0 + float(scenario["pools"][0]["liquidation"]["liquidation_bonus"]))


def break_even_bonus(pool_usd: FloatArray, size_usd: float, fee: float) -> FloatArray:
    """The bonus at which selling the collateral of a debt of `size_usd` pays for the debt, shape of `pool_usd`.

    `pool_usd` is what both sides of the pool are worth; nan where no bonus is enough.
    """
    side = 0.5 * np.asarray(pool_usd, dtype=np.float64)
    left = side - size_usd
    sold = np.divide(size_usd * side, (1.0 - fee) * left, out=np.full_like(side, math.nan), where=left > 0.0)
    return np.asarray(sold / size_usd - 1.0)


def fee_of(scenario: dict[str, Any]) -> float:
    """The fee of the first constant product there is; 0 without one."""
    sources = (source for market in scenario.get("markets", []) for source in market["sources"])
    return next((float(one["fee"]) for one in sources if one["kind"] == "constant_product"), 0.0)
