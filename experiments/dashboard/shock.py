"""Makes the fall of prices larger or smaller: every move away from the first price, times a factor in logarithms.

Recorded prices and bars keep their shape, p becomes p0 (p / p0)^k; drifts, volatilities and jumps of a random price are
taken k times. Other kinds of price have no such knob.
"""

from typing import Any

from pydantic import TypeAdapter

from abm.reading.inputs import read_columns
from models.prices.bars import BarsPrice

_RATES = (
    "drift_per_year", "volatility_per_year", "start_volatility_per_year", "jump_mean", "jump_volatility",
)  # fmt: skip
_RANDOM = ("gbm", "heston", "garch", "jump_diffusion")
_BARS = TypeAdapter(BarsPrice)


def can_shock(tree: dict[str, Any]) -> bool:
    """Whether the price of any asset of a scenario has moves that can be made larger."""
    return any(asset["price"]["kind"] in (*_RANDOM, "path", "bars") for asset in tree["assets"].values())


def shock(tree: dict[str, Any], times: float) -> None:
    """Take the moves of every price `times` as large. Raises `ScenarioError` for bars that cannot be read."""
    for name, asset in tree["assets"].items():
        price = asset["price"]
        if price["kind"] == "path":
            price["prices"] = [_farther(value, price["prices"][0], times) for value in price["prices"]]
        elif price["kind"] == "bars":
            bars, seconds = _written_out(f"assets.{name}.price.file", price)
            first = bars[0][0]
            rows = [[_farther(value, first, times) for value in bar] for bar in bars]
            asset["price"] = {"kind": "bars", "bars": rows, "bar_seconds": seconds}
        elif price["kind"] in _RANDOM:
            price |= {rate: price[rate] * times for rate in _RATES if price.get(rate) is not None}


def _farther(price: float, first: float, times: float) -> float:
    return float(first * (price / first) ** times)


def _written_out(key: str, price: dict[str, Any]) -> tuple[list[list[float]], float]:
    """The bars of a price as rows, be they in a file or not, and how long each lasts."""
    terms = _BARS.validate_python(price)
    if terms.bars is not None and terms.bar_seconds is not None:
        return terms.bars, terms.bar_seconds
    assert terms.file is not None  # or the scenario had been refused
    bridged = terms.with_table(read_columns(key, terms.file, terms.columns, terms.time))
    columns = (bridged.open, bridged.high, bridged.low, bridged.close)
    return [list(map(float, bar)) for bar in zip(*columns, strict=True)], bridged.bar_seconds
