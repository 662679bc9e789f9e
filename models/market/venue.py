"""The order-book AMM: one ladder over books, pools and any other source.

**Source**: resting orders and pool curves in one ladder as on Crescent and on the XRP ledger (XLS-30).
**Models**: best execution of a taker's order over all sources; at equal prices books fill before pools.
**Leaves out**: gas of touching one more source, latency between sources, a taker's self-trade across sources.
**Units**: those of the sources; prices quote per base, fees included.
**Invariants**: no source is left with a better price than the last unit traded; each part is its source's own quote.
"""

from collections.abc import Sequence
from math import inf, isnan, nan
from typing import TYPE_CHECKING

import numpy as np

from models.market.fill import Fill, InvalidAmount, MakerTrade, StaleFill, sale_of, selling
from models.market.ladder import GET, GIVE, Ladder
from models.refusals import Refusal
from models.types import FloatArray, Side

if TYPE_CHECKING:
    from models.market import Source


CLEARLY = 1e-9
"""Part of a price by which another one has to be worse, so that no rounding puts it first."""


class UnusableSources(Refusal):
    """Sources that do not make a venue."""

    def __init__(self, count: int) -> None:
        super().__init__(f"a venue was given {count} sources: give at least one, and each only once")


class Venue:
    """One market over several sources; quotes and settles like one, but is no source of another venue.

    Attributes:
        sources: the sources, in the order that breaks ties among equals.

    Raises:
        UnusableSources: no source, or one twice.
    """

    __slots__ = ("_buying", "_curved", "_selling", "sources")

    def __init__(self, sources: "Sequence[Source]") -> None:
        if not sources or len({id(source) for source in sources}) < len(sources):
            raise UnusableSources(len(sources))
        self.sources: tuple[Source, ...] = tuple(sources)
        sell: Side = "sell"
        buy: Side = "buy"
        self._selling = Ladder(self.sources, (sell,) * len(self.sources))
        self._buying = Ladder(self.sources, (buy,) * len(self.sources))
        self._curved = self._selling.curved

    @property
    def bid(self) -> float:
        """The best bid of all sources; nan when none has any."""
        best = -inf
        for source in self.sources:
            bid = source.bid
            if bid > best:  # noqa: PLR1730  false for a nan, and half the time of max()
                best = bid
        return best if best > -inf else nan

    @property
    def ask(self) -> float:
        """The best ask of all sources; nan when none has any."""
        best = inf
        for source in self.sources:
            ask = source.ask
            if ask < best:  # noqa: PLR1730
                best = ask
        return best if best < inf else nan

    @property
    def mid(self) -> float:
        """The mean of bid and ask; the other one where one side is empty, nan where both are."""
        bid, ask = self.bid, self.ask
        if isnan(bid):
            return ask
        return bid if isnan(ask) else 0.5 * (bid + ask)

    def quote_in(self, side: Side, amount: float) -> Fill:
        """The taker gives exactly `amount`, split for the best price.

        Raises:
            InvalidSide, InvalidAmount: the request makes no sense.
        """
        sources = self.sources
        if len(sources) == 1:
            fill = sources[0].quote_in(side, amount)
            return Fill(*fill[:7], (fill,))
        alone = self._alone(side, amount) if amount > 0.0 and not self._curved else None
        if alone is not None:
            return alone
        enough, shares = self._split(side, GIVE, amount)
        parts = tuple([source.quote_in(side, share) for source, share in zip(sources, shares, strict=True)])
        return _join(side, parts, given=float(amount), complete=True) if enough else _join(side, parts, complete=False)

    def quote_out(self, side: Side, amount: float) -> Fill:
        """The taker gets exactly `amount`, split for the best price.

        Raises:
            InvalidSide, InvalidAmount: the request makes no sense.
        """
        sources = self.sources
        if len(sources) == 1:
            fill = sources[0].quote_out(side, amount)
            return Fill(*fill[:7], (fill,))
        enough, shares = self._split(side, GET, amount)
        parts = tuple([source.quote_out(side, share) for source, share in zip(sources, shares, strict=True)])
        return _join(side, parts, got=float(amount), complete=True) if enough else _join(side, parts, complete=False)

    def quote_to(self, side: Side, price: float) -> Fill:
        """Trade on every source until its marginal price is `price`; complete while any source has liquidity there.

        Raises:
            InvalidSide, InvalidPrice: the request makes no sense.
        """
        return _join(side, tuple([source.quote_to(side, price) for source in self.sources]))

    def check(self, fill: Fill) -> None:
        """Refuse what `settle` would refuse.

        Raises:
            StaleFill: a source no longer gives its part, or the fill is another venue's.
            EndlessFill: a part has no end.
        """
        if len(fill.parts) != len(self.sources):
            raise StaleFill(fill)
        for source, part in zip(self.sources, fill.parts, strict=True):
            source.check(part)

    def settle(self, fill: Fill) -> list[MakerTrade]:
        """Apply every part, or none.

        Returns:
            The trades of the makers whose orders were hit, source after source.

        Raises:
            StaleFill: a source no longer gives its part, or the fill is another venue's.
            EndlessFill: a part has no end.
        """
        if len(fill.parts) != len(self.sources):
            raise StaleFill(fill)
        used = []
        for source, part in zip(self.sources, fill.parts, strict=True):
            if part.amount_in > 0.0:
                used.append((source, part))
        if len(used) == 1:  # one part alone is checked where it is settled
            source, part = used[0]
            return source.settle(part)
        for source, part in used:
            source.check(part)
        trades: list[MakerTrade] = []
        for source, part in used:
            trades += source.settle(part)
        return trades

    def depth(self, side: Side, fraction: float) -> float:
        """Base that can be traded until the marginal price is `fraction` beyond the mid; 0 for an empty venue.

        Raises:
            InvalidSide, InvalidAmount: the request makes no sense.
        """
        return float(self.depths(side, np.array([fraction]))[0])

    def depths(self, side: Side, fractions: FloatArray) -> FloatArray:
        """`depth` for many fractions at once, shape (fractions,); one pass over the ladder.

        Raises:
            InvalidSide, InvalidAmount: the request makes no sense.
        """
        total: FloatArray = self.depths_by_source(side, fractions).sum(axis=0)
        return total

    def depths_by_source(self, side: Side, fractions: FloatArray) -> FloatArray:
        """What each source has of `depths`, shape (sources, fractions): up to the same price, from the venue's mid.

        Raises:
            InvalidSide, InvalidAmount: the request makes no sense.
        """
        sells = selling(side)
        if not (np.isfinite(fractions).all() and (fractions >= 0.0).all()):
            raise InvalidAmount("fraction", float(fractions[~(np.isfinite(fractions) & (fractions >= 0.0))][0]))
        mid = self.mid
        if isnan(mid):
            return np.zeros((len(self.sources), len(fractions)))
        if sells:
            return self._selling.reach(GIVE, np.maximum(mid * (1.0 - fractions), 0.0))
        return self._buying.reach(GET, 1.0 / (mid * (1.0 + fractions)))

    def splits(self, side: Side, amounts: FloatArray) -> FloatArray:
        """What each source would be given of each of many amounts, on the state as it is; shape (sources, amounts).

        The parts of `quote_in`, one for each amount, in one pass; less than the amount where the liquidity runs out.

        Raises:
            InvalidSide, InvalidAmount: the request makes no sense.
        """
        ladder = self._selling if selling(side) else self._buying
        for amount in amounts[~(np.isfinite(amounts) & (amounts >= 0.0))][:1].tolist():
            raise InvalidAmount("amount", amount)
        return ladder.splits(GIVE, amounts)

    def slippage(self, side: Side, amount: float) -> float:
        """How much worse than the marginal price before it the average price is when `amount` is given, a fraction.

        Of the part that fills where the liquidity runs out; 0 for nothing, nan for an empty venue.

        Raises:
            InvalidSide, InvalidAmount: the request makes no sense.
        """
        fill = self.quote_in(side, amount)
        if fill.amount_in == 0.0:
            return 0.0 * fill.price_before
        average = fill.quote / fill.base
        return 1.0 - average / fill.price_before if side == "sell" else average / fill.price_before - 1.0

    def _alone(self, side: Side, amount: float) -> Fill | None:
        """The quote where the best source takes all of an amount; None where others may have a share.

        It does where its own price after it is still better than everybody else's, by more than a rounding: then the
        walk of the ladder never comes to another source, and what it has rounded off it gives back to this one. Most
        amounts are so small, and two looks cost less than a walk.
        """
        sells = side == "sell"
        best = second = -inf
        first = None
        for source in self.sources:
            rate = source.bid if sells else -source.ask
            if rate > best:
                best, second, first = rate, best, source
            elif rate > second:
                second = rate
        if first is None:
            return None
        whole = first.quote_in(side, amount)
        after = whole.price_after if sells else -whole.price_after
        if not whole.complete or second >= after - CLEARLY * abs(after):
            return None
        return Fill(
            *whole[:7], tuple([whole if source is first else source.quote_in(side, 0.0) for source in self.sources])
        )

    def _split(self, side: Side, row: int, amount: float) -> tuple[bool, list[float]]:
        """Whether there is enough, and what each source takes."""
        ladder = self._selling if sale_of(side, amount) else self._buying
        return ladder.split(row, float(amount)) if amount > 0.0 else (True, [0.0] * len(self.sources))


def _join(
    side: Side,
    parts: tuple[Fill, ...],
    *,
    complete: bool | None = None,
    given: float | None = None,
    got: float | None = None,
) -> Fill:
    """One fill of its parts, whose amounts add up to `given` or `got` where that was the amount asked for.

    The price before is the best one; the price after is that of the last unit, the worst that a used part reached.
    Where nothing is said, it is complete as any part is.
    """
    sells = side == "sell"
    sum_given = sum_got = fee = 0.0
    best, worst = (-inf, inf) if sells else (inf, -inf)
    any_complete = False
    for _, part_given, part_got, part_fee, before, after, part_complete, _, _ in parts:
        any_complete |= part_complete
        if before > best if sells else before < best:
            best = before
        if part_given > 0.0:
            sum_given += part_given
            sum_got += part_got
            fee += part_fee
            if after < worst if sells else after > worst:
                worst = after
    if complete is None:
        complete = any_complete
    if sum_given == 0.0:
        worst = best = best if -inf < best < inf else nan
    if sum_given == inf:
        complete = False
    elif complete:
        sum_given = sum_given if given is None else given
        sum_got = sum_got if got is None else got
    return Fill(side, sum_given, sum_got, fee, best, worst, complete, parts)
