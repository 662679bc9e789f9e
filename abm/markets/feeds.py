"""What protocols believe of every asset: one oracle each, some of which report in units of another asset.

Models: the oracle of an asset with an `oracle_quote` sees and reports prices in units of that asset, and the asset is
believed to be worth the report times what is believed of the other: two feeds multiplied, as lenders do for staked
ether. All other oracles report dollars.
"""

import copy
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from abm.markets.derived import in_order
from models.oracles import Oracle

if TYPE_CHECKING:
    from abm.scenario import Scenario


class Feeds:
    """The oracles of a world, by asset. All prices given and returned are in dollars, of venues nan without one."""

    def __init__(self, scenario: "Scenario", reference: Sequence[float]) -> None:
        """`reference` are the prices at the start."""
        index = {name: k for k, name in enumerate(scenario.assets)}
        self._quotes = {index[name]: index[quote] for name, quote in quotes_in_order(scenario)}
        starts = self._quoted(reference, reference)
        self.oracles: list[Oracle] = [
            asset.oracle.start(price) for asset, price in zip(scenario.assets.values(), starts, strict=True)
        ]

    def report(self, now: float, reference: Sequence[float], venue: Sequence[float]) -> list[float]:
        """Let every oracle report, once a block; returns what is believed of every asset."""
        seen, shown = self._quoted(reference, reference), self._quoted(venue, reference)
        believed = [
            oracle.report(now, price, mid) for oracle, price, mid in zip(self.oracles, seen, shown, strict=True)
        ]
        for asset, quote in self._quotes.items():
            believed[asset] *= believed[quote]
        return believed

    def at_start(self, reference: Sequence[float]) -> list[float]:
        """Return what is believed before the first block, of venues that have shown no price yet."""
        return copy.deepcopy(self).report(0.0, reference, [math.nan] * len(reference))

    def report_if(
        self,
        asset: int,
        times: Sequence[float],
        shown: Sequence[float],
        reference: Sequence[float],
        venue: Sequence[float],
    ) -> list[float]:
        """Return what would be believed of an asset at `times` if its venue showed these prices, all else as it is."""
        quote = self._quotes.get(asset)
        unit = 1.0 if quote is None else reference[quote]
        oracle, seen = copy.deepcopy(self.oracles[asset]), reference[asset] / unit
        reports = [oracle.report(now, seen, price / unit) for now, price in zip(times, shown, strict=True)]
        if quote is None:
            return reports
        others = self.report_if(quote, times, [venue[quote]] * len(times), reference, venue)
        return [report * other for report, other in zip(reports, others, strict=True)]

    def quote_of(self, asset: int) -> int | None:
        """Return the asset in whose units an oracle reports, None for dollars."""
        return self._quotes.get(asset)

    def _quoted(self, prices: Sequence[float], reference: Sequence[float]) -> Sequence[float]:
        """Return prices with those in units of another asset where their oracles report so."""
        if not self._quotes:
            return prices
        quoted = list(prices)
        for asset, quote in self._quotes.items():
            quoted[asset] /= reference[quote]
        return quoted


def quotes_in_order(scenario: "Scenario") -> list[tuple[str, str]]:
    """Return the assets whose oracles report in units of another one, with it, each after those that it rests on.

    Raises `PricesInACircle` where they rest on one another.
    """
    quotes = {name: asset.oracle_quote for name, asset in scenario.assets.items() if asset.oracle_quote is not None}
    return [(name, quotes[name]) for name in in_order(quotes)]
